"""`musegen moods`: what can be asked for with --mood."""

import click

from musegen.music.mood import NAMED_MOODS


@click.command("moods")
def command() -> None:
    """List the moods that have a name, as points of valence and arousal."""
    click.echo(f"{'mood':<14}{'valence':>8}{'arousal':>9}")
    for name, (valence, arousal) in sorted(NAMED_MOODS.items()):
        click.echo(f"{name:<14}{valence:>8.2f}{arousal:>9.2f}")
