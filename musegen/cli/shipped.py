"""Where the checkpoint that ships lies, for commands of which no other is asked for."""

from pathlib import Path

import click

SMALL = "checkpoints/small"


def shipped_checkpoint() -> str:
    """The folder here, or else that beside the package, as in a clone; the first where neither is.

    So a clone's musegen composes in whatever folder it is called.
    """
    beside = Path(__file__).resolve().parents[2] / SMALL
    return str(beside) if beside.is_dir() and not Path(SMALL).is_dir() else SMALL


checkpoint_option = click.option(
    "--checkpoint", default=shipped_checkpoint, show_default=SMALL, help="The model."
)
