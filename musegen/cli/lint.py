"""`musegen lint`: whether MIDI files open well in a DAW, and repaired copies of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from musegen.errors import MusegenError, OutputError

if TYPE_CHECKING:
    from musegen.music.lint.points import Report

SHOWN = 3
"""So many findings of a point are shown where not all are asked for."""


@click.command("lint")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--fix", is_flag=True, help="Write a repaired copy: NAME-fixed.mid, or --out.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The repaired copy of one FILE.")
@click.option("--force", is_flag=True, help="Overwrite the copy if it exists.")
@click.option("--all", "everything", is_flag=True, help="Show every finding, not three a point.")
@click.option("--quiet", is_flag=True, help="One line a file.")
def command(
    files: tuple[Path, ...], fix: bool, out: Path | None, force: bool, everything: bool, quiet: bool
) -> None:
    """Check the 15 points that a MIDI file must keep to open well in a DAW.

    Says which point each FILE misses, where, and what a DAW makes of it. The exit code is 0 where
    all are kept, by the repaired copies with --fix, else 1.

    \b
      musegen lint tune.mid
      musegen lint old.mid --fix -o clean.mid
    """
    if out is not None and (not fix or len(files) > 1):
        raise click.UsageError("--out goes with --fix and one FILE.")
    good = True
    for file in files:
        try:
            good &= _checked(file, out, fix, force, everything, quiet)
        except MusegenError as error:
            if len(files) == 1:
                raise
            click.echo(f"error: {error}", err=True)
            good = False
    if not good:
        raise SystemExit(1)


def _checked(
    file: Path, out: Path | None, fix: bool, force: bool, everything: bool, quiet: bool
) -> bool:
    """Reports on one file; whether it, or its repaired copy, keeps all points."""
    from musegen.files import write_whole
    from musegen.music.lint.points import lint
    from musegen.music.lint.repair import repaired

    report = lint(file)
    _say(file, report, everything, quiet)
    if not fix or not report.failed:
        return not report.failed
    place = out or file.with_name(f"{file.stem}-fixed.mid")
    if place.exists() and place.samefile(file):
        raise OutputError(f"{place}: is the file itself; name another one for the copy")
    content = repaired(file)
    write_whole(place, content, force=force)
    again = lint(content)
    _say(place, again, everything, quiet)
    return not again.failed


def _say(file: Path, report: "Report", everything: bool, quiet: bool) -> None:
    from musegen.music.lint.points import POINTS

    total = len(POINTS)
    missed = ", ".join(str(point.number) for point in report.failed)
    click.echo(
        f"{file}: {report.passed} of {total} points" + (f", missed: {missed}" * bool(missed))
    )
    if quiet:
        return
    for point in report.failed:
        found = [finding for finding in report.findings if finding.point == point.number]
        click.echo(f"{point.number:4}  {point.title} ({point.reason})")
        shown = found if everything else found[:SHOWN]
        for finding in shown:
            click.echo(f"      - {finding}")
        if len(found) > len(shown):
            click.echo(f"      - and {len(found) - len(shown):,} more")
