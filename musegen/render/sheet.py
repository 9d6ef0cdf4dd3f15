"""Written music: the bytes of a MIDI file go in, a MusicXML file comes out for notation programs.

Two routes, the better that is installed: MuseScore, music21. Reading notation out of ticks (which
voice, which tie, which clef) is what they are good at. Knows no model.
"""

import os
import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from musegen.errors import OutputError
from musegen.files import write_whole
from musegen.render.routes import RouteFailed, made_by

ENDINGS = (".musicxml", ".xml")

MUSESCORE = (
    "mscore4", "musescore4", "mscore", "musescore", "mscore3", "musescore3",
    "MuseScore4", "MuseScore3", "mscore4portable",
)  # fmt: skip
"""What the program is called, by its version and by who packaged it."""

MUSESCORE_LIMIT_S = 300
DIVISIONS = (8, 6)
"""music21 places notes on whole parts of a quarter: 32nds, and triplets of sixteenths."""

NOBODY = "-"
"""Where no composer is named, music21 names itself."""

WHAT_TO_DO = (
    "install MuseScore (musescore.org, or the package musescore3), or music21 "
    "(pip install 'musegen[starter]')"
)


@dataclass(frozen=True)
class Sheet:
    """A MusicXML file: where it lies, which route made it, how many notes it shows, and why others
    did not make it.
    """

    path: Path
    route: str
    notes: int
    passed_over: tuple[str, ...] = ()


def save_sheet(midi: bytes, path: str | Path, *, title: str = "", force: bool = False) -> Sheet:
    """The piece lies as MusicXML at `path`; OutputError, with what to do, where nothing can.

    MuseScore gives what it opens from MIDI no title; music21 writes `title`.
    """
    path = Path(path)
    passed_over: list[str] = []
    for name, write in ROUTES.items():
        try:
            content = write(midi, title)
            notes = notes_in(content)
        except RouteFailed as reason:
            passed_over.append(f"{name}: {reason}")
            continue
        write_whole(path, content, force=force)
        return Sheet(path, name, notes, tuple(passed_over))
    raise OutputError(f"{path}: no score could be written ({'; '.join(passed_over)}); {WHAT_TO_DO}")


def notes_in(content: bytes) -> int:
    """How many notes a MusicXML file shows; RouteFailed where it shows none, or is none.

    Of notes that are tied one counts: the first.
    """
    try:
        root = ET.fromstring(content)
    except ET.ParseError as error:
        raise RouteFailed(f"wrote no MusicXML ({error})") from error
    notes = sum(
        note.find("rest") is None and all(tie.get("type") != "stop" for tie in note.iter("tie"))
        for note in root.iter("note")
    )
    if not notes:
        raise RouteFailed("wrote a score without a note")
    return notes


def _by_musescore(midi: bytes, title: str) -> bytes:
    program = next((path for name in MUSESCORE if (path := shutil.which(name))), None)
    if program is None:
        raise RouteFailed("not installed")
    with TemporaryDirectory(prefix="musegen-") as folder:
        source, target = Path(folder, "piece.mid"), Path(folder, "piece.musicxml")
        source.write_bytes(midi)
        command = [program, "-o", target.name, source.name]
        return made_by(command, target, MUSESCORE_LIMIT_S, _without_a_screen(folder))


def _without_a_screen(folder: str) -> dict[str, str]:
    """Surroundings in which the program needs no display and touches no settings of the user's."""
    if sys.platform in ("darwin", "win32"):
        return dict(os.environ)
    own = {"QT_QPA_PLATFORM": "offscreen", "HOME": folder, "XDG_RUNTIME_DIR": folder}
    return {**os.environ, **own}


def _by_music21(midi: bytes, title: str) -> bytes:
    try:
        from music21.exceptions21 import Music21Exception
        from music21.metadata import Metadata
        from music21.midi.translate import midiStringToStream
        from music21.musicxml.m21ToXml import GeneralObjectExporter
    except ImportError:
        raise RouteFailed("not installed") from None
    try:
        score = midiStringToStream(midi, quarterLengthDivisors=DIVISIONS)
        score.metadata = Metadata(movementName=title, composer=NOBODY)
        content: bytes = GeneralObjectExporter().parse(score)
    except (Music21Exception, ValueError, LookupError, TypeError, AttributeError) as error:
        raise RouteFailed(f"{type(error).__name__}: {error}") from error
    return content


ROUTES: dict[str, Callable[[bytes, str], bytes]] = {
    "MuseScore": _by_musescore,
    "music21": _by_music21,
}
"""Every way to written music, the better first."""
