"""Machine code in place of numpy, for as long as a test wants it."""

from collections.abc import Iterator
from contextlib import contextmanager

from musegen.music import machine as reading
from musegen.tokens import machine as rows


@contextmanager
def by_machine() -> Iterator[None]:
    """Files are read and rows are made by machine code, which the fixture `compiled` has made."""
    try:
        for library in (reading.KERNELS, rows.KERNELS):
            assert library.load() is not None
        yield
    finally:
        reading.KERNELS.loaded = rows.KERNELS.loaded = None
