"""The batches of a run, step by step: drawn on the spot, or ahead of time by worker processes.

What comes is the same either way. Workers know no torch: they are forks of this process, and what
they would share with its threads can hang.
"""

import multiprocessing
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from musegen.corpus.batches import Batch, Batches
from musegen.corpus.guarded import start_worker
from musegen.model.foretold import Foretold, foretold
from musegen.tokens.fields import TABLE

AHEAD = 2
"""Groups of steps that a worker has drawn or is drawing while the one before is trained on."""

MOST_WORKERS = 8

FORK = "fork"


@dataclass(frozen=True, eq=False)
class Fed:
    """A batch, and which of its rows are to be foretold."""

    batch: Batch
    known: Foretold

    def tensors(self, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rows, times, links and scored on `device`."""

        def there(part: NDArray[Any]) -> Tensor:
            return torch.from_numpy(part).to(device)

        batch = self.batch
        return there(batch.rows), there(batch.times), there(batch.links), there(batch.scored)


def fed(batch: Batch) -> Fed:
    """The batch with what the loss must know of it."""
    return Fed(batch, foretold(TABLE, batch.rows, batch.scored))


def parts(whole: Fed, rows: int) -> list[Fed]:
    """The batch in parts of at most so many rows with their padding, or of one example."""
    batch = whole.batch
    examples, width = batch.times.shape
    each = max(rows // width, 1)
    if examples <= each:
        return [whole]
    cuts = [slice(first, first + each) for first in range(0, examples, each)]
    return [
        fed(Batch(*(getattr(batch, column.name)[cut] for column in fields(Batch)))) for cut in cuts
    ]


def workers_for(asked: int, device: str, cores: int) -> int:
    """How many workers draw batches; asked: -1 for as many as pay on this device.

    A CPU draws a batch in far less time than it takes to learn from it; a GPU would wait. None
    where processes cannot be forked.
    """
    if FORK not in multiprocessing.get_all_start_methods():
        return 0
    if asked >= 0:
        return asked
    return min(MOST_WORKERS, max(cores - 1, 0)) if device.startswith("cuda") else 0


class Feed:
    """The batches of several streams. With `workers`, so many processes draw them ahead."""

    def __init__(self, streams: Sequence[Batches], workers: int = 0) -> None:
        self._streams, self._workers = list(streams), workers
        self._each = streams[0].settings.steps_per_group
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: deque[tuple[int, Future[list[list[Fed]]]]] = deque()
        self._group: tuple[int, list[list[Fed]]] = (-1, [])

    def step(self, step: int) -> list[Fed]:
        """A batch of each stream for this step."""
        if not self._workers:
            return [fed(stream.batch(step)) for stream in self._streams]
        group, place = divmod(step, self._each)
        if self._group[0] != group:
            self._group = (group, self._drawn(group))
        return [batches[place] for batches in self._group[1]]

    def close(self) -> None:
        """The workers are gone."""
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _drawn(self, group: int) -> list[list[Fed]]:
        if self._pool is None:
            context = multiprocessing.get_context(FORK)
            self._pool = ProcessPoolExecutor(
                self._workers, mp_context=context, initializer=_begin, initargs=(self._streams,)
            )
        while self._waiting and self._waiting[0][0] != group:
            self._waiting.popleft()[1].cancel()
        following = self._waiting[-1][0] + 1 if self._waiting else group
        while len(self._waiting) <= AHEAD * self._workers:
            self._waiting.append((following, self._pool.submit(_draw, following)))
            following += 1
        return self._waiting.popleft()[1].result()


_streams: list[Batches] = []
"""What this process draws from, where it is a worker."""


def _begin(streams: list[Batches]) -> None:
    start_worker()
    _streams[:] = streams


def _draw(group: int) -> list[list[Fed]]:
    """The batches of the steps of a group, of each stream."""
    return [[fed(batch) for batch in stream.group(group)] for stream in _streams]
