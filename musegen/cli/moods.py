"""`musegen moods`: what can be asked for with --mood."""

from pathlib import Path

import click

from musegen.music.mood import NAMED_MOODS


@click.command("moods")
@click.option("--png", type=click.Path(path_type=Path), help="Also draw them, as PNG or SVG.")
@click.option("--force", is_flag=True, help="Overwrite the picture.")
def command(png: Path | None, force: bool) -> None:
    """List the moods that have a name, as points of valence and arousal."""
    click.echo(f"{'mood':<14}{'valence':>8}{'arousal':>9}")
    for name, (valence, arousal) in sorted(NAMED_MOODS.items()):
        click.echo(f"{name:<14}{valence:>8.2f}{arousal:>9.2f}")
    if png is not None:
        from musegen.render.charts import draw_moods, save_chart

        click.echo(str(save_chart(draw_moods(NAMED_MOODS), png, force)))
