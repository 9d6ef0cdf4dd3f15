"""musegen composes symbolic music, and is trained from the ground up on a folder of MIDI files.

The public names stand below and nowhere else. Each is fetched when it is first asked for, so that
`import musegen` loads neither torch nor any other heavy library.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musegen.composing.composer import Composer
    from musegen.errors import MusegenError
    from musegen.model.sampling import Sampling
    from musegen.music.read import read_midi
    from musegen.music.score import Score
    from musegen.music.write import write_midi
    from musegen.tokens.codec import Tokenizer
    from musegen.tokens.controls import Controls

__version__ = "0.1.0"

__all__ = [
    "Composer",
    "Controls",
    "Sampling",
    "Score",
    "Tokenizer",
    "read_midi",
    "write_midi",
    "MusegenError",
]

_HOME = {
    "Composer": "musegen.composing.composer",
    "Controls": "musegen.tokens.controls",
    "Sampling": "musegen.model.sampling",
    "Score": "musegen.music.score",
    "Tokenizer": "musegen.tokens.codec",
    "read_midi": "musegen.music.read",
    "write_midi": "musegen.music.write",
    "MusegenError": "musegen.errors",
}


def __getattr__(name: str) -> object:
    """The public name, imported from the module that defines it."""
    if name not in _HOME:
        raise AttributeError(f"module 'musegen' has no attribute {name!r}")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
