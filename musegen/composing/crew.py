"""Pieces composed by several processes, one for each core: the same pieces, in the same order.

An order says how a piece is begun and finished; whoever has room for one more piece is given the
next number. What a piece becomes does not depend on those beside it, so it does not matter who
composes it.
"""

import multiprocessing
import sys
import threading
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, TypeVar, cast

from musegen.composing.draft import Draft
from musegen.composing.writing import Watcher, written
from musegen.corpus.guarded import cores, one_thread_each, start_worker
from musegen.errors import MusegenError, SettingError
from musegen.model.light import LightModel
from musegen.model.paths import ComposingModel
from musegen.model.sampling import Sampling

Piece = TypeVar("Piece", covariant=True)

FORK = "fork"
FORKS = FORK in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
"""Whether a process may go on as two: then the model is shared, and nothing is loaded anew. On a
Mac the system's own libraries may crash of it."""


SIDE_BY_SIDE = 4
"""So many pieces at least a process writes side by side, where there are as many."""


class Order(Protocol[Piece]):
    """What is to be composed, and with what."""

    @property
    def checkpoint(self) -> ComposingModel:
        """The model."""
        ...

    @property
    def sampling(self) -> Sampling:
        """How freely it chooses."""
        ...

    def begun(self, number: int) -> Draft:
        """Piece `number`, as it begins."""
        ...

    def finished(self, draft: Draft) -> Piece:
        """The piece that a draft became."""
        ...


def workers_for(asked: int | None, checkpoint: ComposingModel, pieces: int) -> int:
    """How many processes compose so many pieces; 1: this one alone.

    asked: None for one for each core, where that costs next to nothing: elsewhere each would begin
    by loading everything anew. A model that computes with torch has threads or a GPU of its own.
    """
    if asked is not None and asked < 0:
        raise SettingError(f"workers {asked} is negative; 0 or 1 composes in this process alone")
    if not isinstance(checkpoint, LightModel):
        return 1
    if asked is None:
        asked = cores() if FORKS else 1
    return max(min(asked, pieces), 1)


def composed(
    order: Order[Piece], count: int, workers: int, together: int, watch: Watcher | None = None
) -> list[Piece]:
    """The pieces of the order from number 0 on, composed by so many processes.

    Each writes at most `together` pieces side by side, and only half of its share where that is
    more than SIDE_BY_SIDE: who is ready first takes of the rest. What goes wrong in one of them is
    raised here, and the others are ended, as where `watch` raises or the user stops this process.
    """
    context: Any = multiprocessing.get_context(FORK if FORKS else "spawn")
    if FORKS and isinstance(order.checkpoint, LightModel):
        order.checkpoint.make()
    slots = min(together, max(SIDE_BY_SIDE, -(-count // (2 * workers))))
    crew = []
    try:
        for _ in range(workers):
            here, there = context.Pipe()
            process = context.Process(
                target=_work, args=(there, order, slots, watch is not None), daemon=True
            )
            with one_thread_each():
                process.start()
            there.close()
            crew.append((here, process))
        return _gathered([here for here, _ in crew], count, slots, watch)
    finally:
        for here, process in crew:
            process.kill()
            process.join()
            process.close()
            here.close()


def _gathered(crew: list[Connection], count: int, slots: int, watch: Watcher | None) -> list[Piece]:
    """The pieces that the processes at the other ends send, in order."""
    numbers = iter(range(count))
    found: dict[int, Piece] = {}
    try:
        for _ in range(slots):
            for one in crew:
                one.send(next(numbers, None))
        while len(found) < count:
            for one in cast(list[Connection], wait(crew)):
                said = one.recv()
                if isinstance(said, Exception):
                    raise said
                if len(said) == 3:
                    assert watch is not None
                    watch(*said)
                    continue
                number, piece = said
                found[number] = piece
                one.send(next(numbers, None))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise MusegenError(
            "a process that composed was ended from outside, perhaps for want of memory; compose "
            "fewer pieces at once, or ask for fewer processes (--workers 1)"
        ) from None
    return [found[number] for number in range(count)]


def _work(connection: Connection, order: Order[object], slots: int, watched: bool) -> None:
    """Compose the pieces whose numbers come, until the process that gives them ends this one."""
    start_worker()

    def coming() -> Iterator[Draft]:
        while (number := connection.recv()) is not None:
            yield order.begun(number)

    def watch(*said: int | None) -> None:
        connection.send(said)

    try:
        for draft in written(
            coming(), slots, order.checkpoint, order.sampling, watch if watched else None
        ):
            connection.send((draft.number, order.finished(draft)))
    except Exception as error:  # noqa: BLE001 - it is raised where the pieces are waited for
        error.add_note(traceback.format_exc())
        connection.send(error)
    threading.Event().wait()  # until it is ended: what else a fork would do at its end is not its
