"""A function applied to many items in worker processes, of which none can end the run.

In: a function that can be pickled, and items. Out: one result an item, in order, or the words that
say how the worker died. Knows nothing of what is done.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, TypeVar

from musegen.errors import MusegenError

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 16
"""Items handed to a worker at once: large enough that handing over costs nothing."""

AHEAD = 4
"""Chunks a worker that wait or are done but not yet taken: what bounds memory."""


@dataclass(frozen=True)
class Died:
    """The worker that had this item died of it, or took too long and was ended."""

    reason: str


@dataclass(frozen=True)
class _Job(Generic[Item, Result]):
    """What a worker does with a chunk: each item in turn, each within `limit_s` seconds."""

    function: Callable[[Item], Result]
    limit_s: float

    def __call__(self, items: Sequence[Item]) -> list[Result]:
        results = []
        for item in items:
            _alarm(self.limit_s)
            results.append(self.function(item))
        _alarm(0)
        return results


def _alarm(seconds: float) -> None:
    """In so many seconds this process is ended by the system, even inside a library's loop."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _start_worker() -> None:
    """Ctrl-C is for the process that started this one; an alarm ends it without ceremony."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Fresh processes: a fork of one that has loaded torch and its threads can hang.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)


def _do_nothing() -> None:
    """What a worker is asked in order to see whether it starts."""


def _check_workers() -> None:
    """A worker can be started; without this every item would be blamed for its death, slowly."""
    with _pool(1) as pool:
        try:
            pool.submit(_do_nothing).result()
        except BrokenProcessPool:
            raise MusegenError(
                "worker processes cannot be started here: begin the script's work under "
                "if __name__ == '__main__', or ask for 0 workers (--workers 0)"
            ) from None


def guarded_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    limit_s: float = 60.0,
    chunk: int = CHUNK,
) -> Iterator[Result | Died]:
    """The function's result for every item, in order, whatever the number of workers.

    An item whose worker dies, or that takes longer than `limit_s`, gives `Died`. What the function
    raises is raised here. With 0 workers everything is done in this process, unguarded. Raises
    MusegenError where no worker can be started at all.
    """
    if workers == 0:
        yield from map(function, items)
        return
    job = _Job(function, limit_s)
    chunks = deque(items[i : i + chunk] for i in range(0, len(items), chunk))
    waiting: deque[tuple[Sequence[Item], Future[list[Result]]]] = deque()
    pool = _pool(workers)
    try:
        while chunks or waiting:
            while chunks and len(waiting) < workers * AHEAD:
                batch = chunks.popleft()
                try:
                    waiting.append((batch, pool.submit(job, batch)))
                except BrokenProcessPool:  # it broke since the last result was taken
                    chunks.appendleft(batch)
                    break
            batch, future = waiting.popleft() if waiting else (chunks.popleft(), None)
            try:
                if future is None:
                    raise BrokenProcessPool
                yield from future.result()
            except BrokenProcessPool:
                pool.shutdown(wait=False, cancel_futures=True)
                chunks.extendleft(other for other, _ in reversed(waiting))
                waiting.clear()
                _check_workers()
                yield from _one_by_one(job, batch)
                pool = _pool(workers)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_by_one(job: _Job[Item, Result], items: Sequence[Item]) -> Iterator[Result | Died]:
    """The results of a chunk in which a worker died, each item on its own."""
    pool = _pool(1)
    try:
        for item in items:
            try:
                result: Result | Died = pool.submit(job, [item]).result()[0]
            except BrokenProcessPool:
                result = Died(f"the reader crashed on it, or took longer than {job.limit_s:g} s")
                pool.shutdown(wait=False)
                pool = _pool(1)
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
