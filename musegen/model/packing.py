"""How matrices of whole numbers lie in memory for the kernels: in blocks of outputs.

Sixteen outputs side by side, and of each of them four inputs: what a processor multiplies and adds
at once lies together. The cache of a head lies so, too: keys are a matrix whose outputs are rows of
the piece, values one whose inputs are. Knows no numba.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Numbers = NDArray[Any]  # int8 or float32

BLOCK, GROUP = 16, 4
"""Outputs in a block, and inputs of each of them that lie side by side."""

ROWS = 4 * BLOCK
"""The cache has room for a multiple of so many rows: the keys of so many are taken at once."""


def rounded_up(count: int, to: int) -> int:
    """The next multiple of `to`."""
    return -(-count // to) * to


def packed(numbers: Numbers) -> NDArray[np.int8]:
    """A matrix (..., out, in), or a stack of them, as (..., blocks, inputs * BLOCK), 0 where none.

    The number of output o and input i lies in block o // BLOCK, at
    i // GROUP * BLOCK * GROUP + o % BLOCK * GROUP + i % GROUP.
    """
    *stack, out, inner = numbers.shape
    blocks, groups = rounded_up(out, BLOCK) // BLOCK, rounded_up(inner, GROUP) // GROUP
    filled = np.zeros((*stack, blocks * BLOCK, groups * GROUP), dtype=np.int8)
    filled[..., :out, :inner] = numbers
    parts = filled.reshape(*stack, blocks, BLOCK, groups, GROUP).swapaxes(-3, -2)
    return np.ascontiguousarray(parts).reshape(*stack, blocks, groups * GROUP * BLOCK)


def packed_scale(scale: Array) -> Array:
    """The scales (..., out) of a packed matrix, 0 where it has no output."""
    *stack, out = scale.shape
    filled = np.zeros((*stack, rounded_up(out, BLOCK)), dtype=np.float32)
    filled[..., :out] = scale
    return filled


def cache_shapes(
    heads: int, head_width: int, context: int, compact: bool
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The shapes of the keys, the values and the scales of one layer's cache."""
    if not compact:
        shape = heads, head_width, context
        return shape, shape, (heads, context)
    rows = rounded_up(context, ROWS)
    blocks = rounded_up(head_width, BLOCK) // BLOCK
    keys = heads, rows // BLOCK, head_width * BLOCK
    return keys, (heads, blocks, rows * BLOCK), (heads, rows)


def fill_cache(keys: Numbers, values: Numbers, k: Array, v: Array) -> None:
    """The first rows of one layer's cache are k and v, (rows, heads, head width)."""
    count = len(k)
    if keys.dtype != np.int8:
        keys[:, :, :count] = k.transpose(1, 2, 0)
        values[:, :, :count] = v.transpose(1, 2, 0)
        return
    in_blocks = packed(k.transpose(1, 0, 2))
    keys[:, : in_blocks.shape[1]] = in_blocks
    in_groups = packed(v.transpose(1, 2, 0))
    values[:, :, : in_groups.shape[2]] = in_groups


def move_cache(keys: Numbers, values: Numbers, source: int, to: int, length: int) -> None:
    """Slot `to` of caches (layers, slots, heads, ...) holds the first rows of slot `source`."""
    if keys.dtype != np.int8:
        for cache in (keys, values):
            cache[:, to, ..., :length] = cache[:, source, ..., :length]
        return
    blocks, numbers = rounded_up(length, BLOCK) // BLOCK, rounded_up(length, GROUP) * BLOCK
    keys[:, to, :, :blocks] = keys[:, source, :, :blocks]
    values[:, to, ..., :numbers] = values[:, source, ..., :numbers]
