"""`musegen data`: what music there is to train on, and how to get it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from musegen.errors import SettingError

if TYPE_CHECKING:
    from musegen.corpus.catalogue import Entry
    from musegen.corpus.starter import Starter

DATA = Path("data")
STARTER = DATA / "starter"


@click.group("data")
def command() -> None:
    """Get music to train on.

    \b
      musegen data starter           a few hundred public-domain pieces, made on this machine
      musegen data list              openly licensed collections that can be fetched
      musegen data get pop909        fetches one into data/pop909
      musegen train data/pop909 --out checkpoints/mine
    """


@command.command("list")
@click.option("--verbose", is_flag=True, help="With cautions, genres and addresses.")
def list_collections(verbose: bool) -> None:
    """List the collections of the catalogue, their licences, and what is there already."""
    from musegen.corpus.catalogue import read_catalogue

    entries = list(read_catalogue().values())
    if verbose:
        click.echo("\n\n".join(_described(entry) for entry in entries))
        return
    rows = [_row(entry) for entry in entries]
    if sys.stdout.isatty():
        _show_table(rows)
    else:
        for row in [HEAD, *rows]:
            click.echo("\t".join(row))


HEAD = ("name", "what", "pieces", "size", "licence", "there")


def _row(entry: "Entry") -> tuple[str, ...]:
    there = "yes" if _is_there(DATA / entry.name) else "" if entry.address else "by hand"
    pieces = f"{entry.pieces:,}" if entry.pieces else "?"
    licence = entry.licence if entry.commercial else f"{entry.licence} (not commercial)"
    return entry.name, entry.what, pieces, _megabytes(entry.size), licence, there


def _is_there(folder: Path) -> bool:
    from musegen.corpus.obtain import is_there

    return is_there(folder)


def _megabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:,.1f} MB"


def _show_table(rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*HEAD[:2], box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in HEAD[2:]:
        table.add_column(name, justify="right" if name in ("pieces", "size") else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    screen = Console()
    screen.print(table)
    screen.print("\nget one: musegen data get NAME; without any download: musegen data starter")


def _described(entry: "Entry") -> str:
    """All that a person should know before using it, in lines."""
    lines = [
        f"{entry.name}: {entry.title}",
        entry.what,
        f"licence: {entry.licence}" + ("" if entry.commercial else " (not for commercial use)"),
        entry.caution,
        f"from: {entry.address or entry.page}",
        f"size: {_megabytes(entry.size)}" if entry.size else "",
        f"genres: {', '.join(entry.genres)}" if entry.genres else "",
        f"by hand: {entry.by_hand}" if entry.by_hand else "",
    ]
    return "\n  ".join(line for line in lines if line)


@command.command("get")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), help="The folder [data/NAME].")
@click.option("--archive", type=click.Path(path_type=Path), help="Fetched already: this file.")
@click.option("--yes", is_flag=True, help="The licence has been read; do not ask.")
@click.option("--force", is_flag=True, help="Replace a collection that is there.")
@click.option("--quiet", is_flag=True, help="No progress.")
def get(
    name: str, into: Path | None, archive: Path | None, yes: bool, force: bool, quiet: bool
) -> None:
    """Fetch the collection NAME into a folder that can be trained on.

    Its licence is shown first. A download that breaks or is stopped goes on where it was when the
    same command is given again. Only MIDI files and papers such as licences are unpacked.
    """
    from musegen.cli.progress import downloading
    from musegen.corpus.catalogue import find_entry, read_catalogue
    from musegen.corpus.obtain import check_place, obtain

    entry = find_entry(name, read_catalogue())
    into = into or DATA / entry.name
    check_place(into, force)
    click.echo(_described(entry), err=True)
    if (entry.address or archive) and not yes:
        _ask(f"get it into {into}?")
    with downloading(entry.name, quiet) as show:
        done = obtain(entry, into, force, archive, show)
    genres = ", ".join(f"{genre} {count:,}" for genre, count in list(done.genres.items())[:12])
    click.echo(f"{done.pieces:,} pieces in {done.folder} ({genres})")
    for what, count in sorted(done.skipped.items()):
        if what not in ("folder", "not music", "not wanted"):
            click.echo(f"passed over: {count:,} {what}", err=True)
    _next(into)


def _ask(question: str) -> None:
    """Goes on if a person agrees; where nobody can be asked, says how to go on."""
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise  # Ctrl-C
        raise SettingError("nobody answered; read the licence, and say --yes") from None
    if not agreed:
        raise SettingError("nothing was fetched")


@command.command("starter")
@click.option("--into", default=STARTER, type=click.Path(path_type=Path), show_default=True)
@click.option("--workers", type=int, help="Processes that convert [one per core].")
@click.option("--force", is_flag=True, help="Make it anew although it is there.")
@click.option("--verbose", is_flag=True, help="Name every piece that was left out.")
@click.option("--quiet", is_flag=True, help="No progress.")
def starter(into: Path, workers: int | None, force: bool, verbose: bool, quiet: bool) -> None:
    """Make a first collection of a few hundred public-domain pieces.

    Chorales, madrigals, string quartets and dances, converted from what the package music21
    carries (pip install 'musegen[starter]'); nothing is fetched.
    """
    from musegen.cli.preparing import workers_asked
    from musegen.cli.progress import counted
    from musegen.corpus.starter import make_starter

    if not force and _is_there(into):
        click.echo(f"{into} is there already; make it anew with --force")
        _next(into)
        return
    many = workers_asked(workers)
    with counted("converting", quiet) as show:
        done = make_starter(into, force, many, show)
    _report(done, verbose)
    _next(into)


def _report(done: "Starter", verbose: bool) -> None:
    genres = ", ".join(f"{genre} {count:,}" for genre, count in done.genres.items())
    click.echo(f"{done.pieces:,} pieces in {done.folder} ({genres})")
    reasons: dict[str, list[str]] = {}
    for left in done.left_out:
        reasons.setdefault(left.kind, []).append(f"{left.path}: {left.reason}")
    for kind, pieces in reasons.items():
        click.echo(f"left out: {len(pieces):,} with {kind}", err=True)
        for piece in pieces if verbose else ():
            click.echo(f"  {piece}", err=True)
    if reasons and not verbose:
        click.echo("which ones: --verbose", err=True)


def _next(into: Path) -> None:
    click.echo(f"train on it: musegen train {into} --out checkpoints/mine --preset tiny", err=True)
