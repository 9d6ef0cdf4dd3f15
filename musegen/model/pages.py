"""Arrays on large pages of memory, where the system has them.

A step of the model reads all weights and caches, some 20 MB, more than the processor has addresses
of small pages at hand: it looked up 5,000 of them at every row. Elsewhere these are usual arrays.
"""

import mmap
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 2 << 20
"""Bytes of a large page; none is asked for what is smaller."""

MOST = 64 << 20
"""What is larger stays on small pages: of caches for many pieces most is never touched."""

LINE = 64
"""Arrays that share pages begin at multiples of so many bytes."""


def zeros(shape: tuple[int, ...], kind: type[np.generic]) -> NDArray[Any]:
    """An array of zeros, on large pages if it has their size."""
    size = prod(shape) * np.dtype(kind).itemsize
    if not hasattr(mmap, "MADV_HUGEPAGE") or not LARGE <= size <= MOST:
        return np.zeros(shape, dtype=kind)
    room = mmap.mmap(-1, -(-size // LARGE) * LARGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        room.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # this kernel has none
        return np.zeros(shape, dtype=kind)
    return np.frombuffer(room, dtype=kind, count=prod(shape)).reshape(shape)


def together(arrays: Iterable[NDArray[Any]]) -> list[NDArray[Any]]:
    """The same arrays, one after another on large pages."""
    kept = list(arrays)
    room = zeros((sum(-(-array.nbytes // LINE) * LINE for array in kept),), np.uint8)
    moved, start = [], 0
    for array in kept:
        there = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        there[...] = array
        start += -(-array.nbytes // LINE) * LINE
        moved.append(there)
    return moved
