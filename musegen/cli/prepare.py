"""`musegen prepare`: a folder of MIDI files in, a prepared folder out that training starts from."""

from pathlib import Path

import click

from musegen.cli.limits import limit_options


@click.command("prepare")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--workers", type=int, help="Processes that read files [one per core].")
@click.option("--held-out", type=float, help="Share of pieces kept back to judge with [0.03].")
@click.option("--keep-performed", is_flag=True, help="Use music that keeps to no beat, too.")
@click.option("--quiet", is_flag=True, help="Only errors.")
@limit_options
def command(
    folder: Path,
    out: Path,
    workers: int | None,
    held_out: float | None,
    keep_performed: bool,
    quiet: bool,
    **limits: float | None,
) -> None:
    """Read FOLDER, any folder of MIDI files, into OUT. `musegen scan` says what is in it first.

    Run again after files were added, changed or removed, and only those are read; run again after
    it was stopped, and it goes on. Versions of one melody or piece are held out together.

    \b
      musegen prepare ~/midi midi.prepared
      musegen train ~/midi --out checkpoints/mine --prepared midi.prepared
    """
    from musegen.cli.limits import settings_of
    from musegen.cli.preparing import prepared_with_progress

    settings = settings_of(limits, keep_performed, held_out)
    prepared_with_progress(folder, out, workers, quiet, settings)
    if not quiet:
        click.echo(f"prepared: {out}")
