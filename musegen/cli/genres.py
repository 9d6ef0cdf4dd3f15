"""`musegen genres`: what can be asked for with --genre."""

import json
from pathlib import Path

import click

from musegen.cli.shipped import checkpoint_option
from musegen.errors import CheckpointError


@click.command("genres")
@checkpoint_option
def command(checkpoint: str) -> None:
    """List the genres that a checkpoint knows."""
    path = Path(checkpoint) / "labels.json"
    try:
        genres = list(map(str, json.loads(path.read_text(encoding="utf-8"))["genres"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise CheckpointError(
            f"{checkpoint} is not a checkpoint folder; name one with --checkpoint, or train one: "
            "musegen train FOLDER --out checkpoints/mine"
        ) from None
    for genre in genres:
        click.echo(genre)
