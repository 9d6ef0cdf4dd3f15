"""Progress on the terminal: rich bars where there is a terminal, else plain lines."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

PLAIN_EVERY_S = 20.0

console = Console(stderr=True, highlight=False)


def bars() -> Progress:
    """A progress display for counted work."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


@contextmanager
def counted(description: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A function to call with (done, total) while work goes on."""
    if quiet:
        yield lambda done, total: None
        return
    if not console.is_terminal:
        last = [time.monotonic()]

        def line(done: int, total: int) -> None:
            if time.monotonic() - last[0] >= PLAIN_EVERY_S or done == total:
                last[0] = time.monotonic()
                console.print(f"{description}: {done:,} of {total:,}")

        yield line
        return
    with bars() as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def downloading(
    description: str, quiet: bool = False
) -> Iterator[Callable[[int, int | None], None]]:
    """A function to call with (bytes done, bytes in all) while a file comes in."""
    if quiet:
        yield lambda done, total: None
        return
    if not console.is_terminal:
        last = [time.monotonic()]

        def line(done: int, total: int | None) -> None:
            if time.monotonic() - last[0] >= PLAIN_EVERY_S or done == total:
                last[0] = time.monotonic()
                of = f" of {total / 1e6:,.1f}" if total else ""
                console.print(f"{description}: {done / 1e6:,.1f}{of} MB")

        yield line
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def bars_progress(
    count: int, quiet: bool
) -> Iterator[Callable[[int, int, int | None], None] | None]:
    """A watcher for the Composer: bars finished over all pieces."""
    if quiet:
        yield None
        return
    finished = [0] * count
    totals: list[int | None] = [None] * count
    with counted("composing, bars", quiet) as show:

        def watch(number: int, done: int, total: int | None) -> None:
            finished[number], totals[number] = done, total
            known = [t for t in totals if t is not None]
            if known:
                show(sum(finished), sum(known) * count // len(known))

        yield watch
