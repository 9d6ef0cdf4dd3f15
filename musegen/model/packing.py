"""How matrices of whole numbers lie in memory for the kernels: in blocks of outputs.

Sixty-four outputs side by side, and of each of them four inputs, then the next four inputs of the
same outputs: kernels read from front to back, and what a processor multiplies and adds at once lies
together. The cache of a head lies so, too: keys are a matrix whose outputs are rows of the piece,
values one whose inputs are. Knows no numba.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Numbers = NDArray[Any]  # int8 or float32

LANE, GROUP = 16, 4
"""Outputs are counted in lanes, and of each so many inputs lie side by side."""

BLOCK = 64
"""Outputs of a block; the last one of a matrix may have fewer, in whole lanes."""


def rounded_up(count: int, to: int) -> int:
    """The next multiple of `to`."""
    return -(-count // to) * to


def packed(numbers: Numbers) -> NDArray[np.int8]:
    """A matrix (..., out, in), or a stack of them, in blocks: (..., lanes, inputs * LANE).

    Missing outputs and inputs are 0. The shape only says how large it is: in the block of `b`
    outputs from output `first` on, output o and input i lie at
    first * inputs + i // GROUP * b * GROUP + (o - first) * GROUP + i % GROUP.
    """
    *stack, out, inner = numbers.shape
    outputs, inputs = rounded_up(out, LANE), rounded_up(inner, GROUP)
    filled = np.zeros((*stack, outputs, inputs), dtype=np.int8)
    filled[..., :out, :inner] = numbers
    blocks = []
    for first in range(0, max(outputs, 1), BLOCK):
        block = filled[..., first : first + BLOCK, :]
        groups = block.reshape(*block.shape[:-1], inputs // GROUP, GROUP).swapaxes(-3, -2)
        blocks.append(groups.reshape(*stack, -1))
    return np.concatenate(blocks, axis=-1).reshape(*stack, outputs // LANE, inputs * LANE)


def packed_scale(scale: Array) -> Array:
    """The scales (..., out) of a packed matrix, 0 where it has no output."""
    *stack, out = scale.shape
    filled = np.zeros((*stack, rounded_up(out, LANE)), dtype=np.float32)
    filled[..., :out] = scale
    return filled


def cache_shapes(
    heads: int, head_width: int, context: int, compact: bool
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The shapes of the keys, the values and the scales of one layer's cache.

    In blocks it has room for an odd number of them: were caches a power of two apart, what is used
    of them, their beginnings, would share a few sets of the processor's caches.
    """
    if not compact:
        shape = heads, head_width, context
        return shape, shape, (heads, context)
    rows = (rounded_up(context, BLOCK) // BLOCK | 1) * BLOCK
    lanes = rounded_up(head_width, LANE) // LANE
    keys = heads, rows // LANE, rounded_up(head_width, GROUP) * LANE
    return keys, (heads, lanes, rows * LANE), (heads, rows)


def fill_cache(keys: Numbers, values: Numbers, k: Array, v: Array) -> None:
    """The first rows of one layer's cache are k and v, (rows, heads, head width)."""
    count, heads, width = k.shape
    if keys.dtype != np.int8:
        keys[:, :, :count] = k.transpose(1, 2, 0)
        values[:, :, :count] = v.transpose(1, 2, 0)
        return
    of_rows = np.zeros((heads, rounded_up(count, BLOCK), width), dtype=np.int8)
    of_rows[:, :count] = k.transpose(1, 0, 2)
    in_blocks = packed(of_rows).reshape(heads, -1)
    keys.reshape(heads, -1)[:, : in_blocks.shape[1]] = in_blocks
    rows = values.shape[2] // LANE
    for first in range(0, width, BLOCK):
        block = packed(v[:, :, first : first + BLOCK].transpose(1, 2, 0)).reshape(heads, -1)
        start = first * rows
        values.reshape(heads, -1)[:, start : start + block.shape[1]] = block


def move_cache(keys: Numbers, values: Numbers, source: int, to: int, length: int) -> None:
    """Slot `to` of caches (layers, slots, heads, ...) holds the first rows of slot `source`."""
    if keys.dtype != np.int8:
        for cache in (keys, values):
            cache[:, to, ..., :length] = cache[:, source, ..., :length]
        return
    lanes = rounded_up(length, BLOCK) // LANE
    keys[:, to, :, :lanes] = keys[:, source, :, :lanes]
    *cached, lanes, numbers = values.shape
    flat = values.reshape(*cached, lanes * numbers)
    for first in range(0, lanes, BLOCK // LANE):
        start = first * numbers
        end = start + min(lanes - first, BLOCK // LANE) * LANE * rounded_up(length, GROUP)
        flat[:, to, :, start:end] = flat[:, source, :, start:end]
