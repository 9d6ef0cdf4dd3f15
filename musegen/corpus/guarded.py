"""A function applied to many items in worker processes, of which none can end the run.

In: a function that can be pickled, and items. Out: one result an item, in order, or the words that
say how the worker died. Knows nothing of what is done.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from musegen.errors import MusegenError

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 16
"""Items handed to a worker at once: large enough that handing over costs nothing."""

AHEAD = 4
"""Chunks a worker that wait or are done but not yet taken: what bounds memory."""


ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""How many threads numpy's libraries take is read from these when they are loaded."""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


def start_worker() -> None:
    """Ctrl-C is for the process that started this one, whose end is this one's end, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Fresh processes: a fork of one that has loaded torch and its threads can hang.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """A process that starts meanwhile does its arithmetic in one thread: workers are enough."""
    absent = [name for name in ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(absent, "1"))
    try:
        yield
    finally:
        for name in absent:
            os.environ.pop(name, None)


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


class _Chunks(Generic[Item]):
    """Items a few at a time, of which some can be put back; false when there are no more."""

    def __init__(self, items: Iterable[Item], size: int) -> None:
        self._items = iter(items)
        self._size = size
        self._ready: deque[Sequence[Item]] = deque()

    def __bool__(self) -> bool:
        if not self._ready and (chunk := list(islice(self._items, self._size))):
            self._ready.append(chunk)
        return bool(self._ready)

    def take(self) -> Sequence[Item]:
        """The next chunk, which must be there."""
        assert self
        return self._ready.popleft()

    def put_back(self, chunks: Sequence[Sequence[Item]]) -> None:
        """These come next, in this order."""
        self._ready.extendleft(reversed(chunks))


def guarded_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    limit_s: float = 60.0,
    chunk: int = CHUNK,
) -> Iterator[Result | Died]:
    """The function's result for every item, in order, whatever the number of workers.

    Items are asked for as workers come to need them.
    An item whose worker dies, or that takes longer than `limit_s`, gives `Died`. What the function
    raises is raised here. With 0 workers everything is done in this process, unguarded. Raises
    MusegenError where no worker can be started at all.
    """
    if workers == 0:
        yield from map(function, items)
        return
    job = _Job(function, limit_s)
    chunks = _Chunks(items, chunk)
    waiting: deque[tuple[Sequence[Item], Future[list[Result]]]] = deque()
    pool = _pool(workers)
    try:
        while chunks or waiting:
            while chunks and len(waiting) < workers * AHEAD:
                batch = chunks.take()
                try:
                    with one_thread_each():
                        waiting.append((batch, pool.submit(job, batch)))
                except BrokenProcessPool:  # it broke since the last result was taken
                    chunks.put_back([batch])
                    break
            batch, future = waiting.popleft() if waiting else (chunks.take(), None)
            try:
                if future is None:
                    raise BrokenProcessPool
                yield from future.result()
            except BrokenProcessPool:
                pool.shutdown(wait=False, cancel_futures=True)
                chunks.put_back([other for other, _ in waiting])
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
                with one_thread_each():
                    result: Result | Died = pool.submit(job, [item]).result()[0]
            except BrokenProcessPool:
                result = Died(f"the reader crashed on it, or took longer than {job.limit_s:g} s")
                pool.shutdown(wait=False)
                pool = _pool(1)
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
