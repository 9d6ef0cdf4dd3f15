"""How a run is stopped from outside: signals are noted, and acted on between two steps."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from musegen.errors import MusegenError


class Interrupted(MusegenError):
    """Training was stopped by a signal after its checkpoint was saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


class Stop:
    """`number` is that of the last signal that asked to stop, 0 where none did."""

    number = 0


@contextmanager
def listening() -> Iterator[Stop]:
    """Inside, SIGINT and SIGTERM end nothing: they are noted in the Stop that is handed out."""
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        stop.number = number

    try:
        before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals are somebody else's business
        before = {}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
