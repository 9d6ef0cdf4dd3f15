"""`musegen scan`: a folder of MIDI files in, a report of what it is worth out."""

from pathlib import Path

import click

from musegen.cli.limits import limit_options


@click.command("scan")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write the report as a page.")
@click.option("--json", "table", type=click.Path(path_type=Path), help="Write it as JSON.")
@click.option("--all", "everything", is_flag=True, help="Name every file, however many.")
@click.option("--workers", type=int, help="Processes that read files [one per core].")
@click.option("--keep-performed", is_flag=True, help="Use music that keeps to no beat, too.")
@click.option("--force", is_flag=True, help="Replace files that are already there.")
@click.option("--quiet", is_flag=True, help="No table and no report, only files and exit code.")
@limit_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    folder: Path,
    html: Path | None,
    table: Path | None,
    everything: bool,
    workers: int | None,
    keep_performed: bool,
    force: bool,
    quiet: bool,
    **limits: float | None,
) -> None:
    """Say which files in FOLDER can be trained on, why others cannot, and what is in them.

    Files are looked for in all sub-folders and in zip archives, and read as training reads them.
    Exit code 0: all are used; 1: some are left out; 2: none can be used.

    \b
      musegen scan ~/midi
      musegen scan ~/midi --html report.html --json report.json
    """
    from musegen.cli.limits import settings_of
    from musegen.cli.scanning import leave_files, scanned, show_report
    from musegen.errors import CorpusError
    from musegen.files import check_free

    for path in (html, table):
        if path is not None:
            check_free(path, force)
    settings = settings_of(limits, keep_performed)
    try:
        found = scanned(folder, settings, workers, quiet)
    except CorpusError as error:
        click.echo(f"error: {error}", err=True)
        ctx.exit(2)
    leave_files(found, html, table, force)
    if not quiet:
        show_report(found, everything)
    ctx.exit(found.exit_code)
