"""A scan as the terminal shows it: a live table while files are read, then the report in words."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from musegen.cli.preparing import workers_asked
from musegen.cli.progress import PLAIN_EVERY_S, console
from musegen.corpus.overview import Overview, survey
from musegen.corpus.reading import PrepareSettings
from musegen.errors import shown
from musegen.files import write_whole

EXAMPLES = 10
"""Files of one kind that are named where not all are asked for."""

MOST_BARS = 12
BAR_WIDTH = 40
HISTOGRAMS = ("genres", "keys", "tempos", "meters", "lengths", "instruments", "licences")
IN_ORDER = ("tempos", "lengths")


def scanned(folder: Path, settings: PrepareSettings, workers: int | None, quiet: bool) -> Overview:
    """The folder was read; a live table was shown meanwhile unless `quiet`."""
    many = workers_asked(workers)
    with _shown_live(quiet) as show:
        return survey(folder, settings, many, show)


def show_report(found: Overview, everything: bool) -> None:
    """The report is on the terminal."""
    out = Console(highlight=False, soft_wrap=True)
    for line in report(found, everything):
        out.print(line, markup=False)


def leave_files(found: Overview, html: Path | None, table: Path | None, force: bool) -> None:
    """The report lies in the files that were asked for."""
    if table is not None:
        told = json.dumps(found.as_told(), indent=1) + "\n"
        write_whole(table, told.encode("ascii"), force=force)
    if html is not None:
        from musegen.render.collection import collection_page

        write_whole(html, collection_page(found).encode("utf-8"), force=force)


@contextmanager
def _shown_live(quiet: bool) -> Iterator[Callable[[Overview], None] | None]:
    """A function to call with what was found so far."""
    if quiet:
        yield None
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            yield lambda found: live.update(_table(found))
    else:
        last = [time.monotonic()]

        def line(found: Overview) -> None:
            if time.monotonic() - last[0] >= PLAIN_EVERY_S or found.done == found.files:
                last[0] = time.monotonic()
                console.print(
                    f"read {found.done:,} of {found.files:,}: {found.used:,} can be used, "
                    f"{len(found.left_out):,} cannot"
                )

        yield line


def _table(found: Overview) -> Group:
    table = Table("", "files", title="what is in the folder", title_justify="left")
    table.columns[1].justify = "right"
    table.add_row("can be used", f"{found.used:,}")
    for kind, count in found.reasons.most_common():
        table.add_row(kind, f"{count:,}")
    table.add_section()
    table.add_row("repaired", f"{len(found.repaired):,}")
    table.add_row("notes", f"{found.notes:,}")
    table.add_row("hours", f"{found.seconds / 3600:,.1f}")
    bar = ProgressBar(total=max(found.files, 1), completed=found.done, width=BAR_WIDTH)
    return Group(table, bar, f"{found.done:,} of {found.files:,}")


def report(found: Overview, everything: bool) -> Iterator[str]:
    """All that was found, in words, a line each."""
    yield (
        f"{found.used:,} of {found.files:,} files can be used: {found.notes:,} notes, "
        f"{found.bars:,} bars, {found.seconds / 60:,.0f} minutes"
    )
    for kind, count in found.reasons.most_common():
        yield f"\nleft out: {count:,} {kind}"
        these = (f"{shown(x.path)}: {shown(x.reason)}" for x in found.left_out if x.kind == kind)
        yield from _some(list(these), everything)
    if found.repaired:
        yield f"\nrepaired: {len(found.repaired):,} files that are used"
        yield from (f"  {count:,} files: {what}" for what, count in found.repairs.most_common())
        if everything:
            for path, repairs in found.repaired.items():
                words = "; ".join(f"{what} ({times:,})" for what, times in repairs)
                yield f"    {shown(path)}: {words}"
    if found.suspicious_drums:
        yield f"\nsuspicious drums: {len(found.suspicious_drums):,} files that are used"
        these = (f"{shown(path)}: {why}" for path, why in found.suspicious_drums.items())
        yield from _some(list(these), everything)
    for name in HISTOGRAMS if found.used else ():
        yield f"\n{name}"
        yield from _histogram(getattr(found, name), name in IN_ORDER)
    if found.warnings:
        yield ""
    yield from (f"note: {shown(warning)}" for warning in found.warnings)


def _some(lines: list[str], everything: bool) -> Iterator[str]:
    kept = lines if everything else lines[:EXAMPLES]
    yield from (f"  {line}" for line in kept)
    if len(kept) < len(lines):
        yield f"  and {len(lines) - len(kept):,} more (--all names them, and so does --json)"


def _histogram(counts: Counter[str], in_order: bool) -> Iterator[str]:
    bars = sorted(counts.items()) if in_order else counts.most_common(MOST_BARS)
    most, wide = max(counts.values()), max(len(shown(name)) for name, _ in bars)
    for name, count in bars:
        yield f"  {shown(name):{wide}} {'█' * max(1, count * BAR_WIDTH // most)} {count:,}"
    rest = counts.total() - sum(count for _, count in bars)
    if rest:
        yield f"  {len(counts) - len(bars)} others: {rest:,}"
