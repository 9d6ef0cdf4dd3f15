"""How matrices of whole numbers lie in memory for the kernels: in blocks of outputs.

Sixty-four outputs side by side, and of each of them four inputs, then the next four inputs of the
same outputs: kernels read from front to back, and what a processor multiplies and adds at once lies
together. The cache of a head lies so, too, but its numbers have four bits and lie in words of four:
keys are a matrix whose outputs are rows of the piece, values one whose inputs are. Knows no numba.
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

EIGHT = 8
"""Of a cache so many inputs of an output lie side by side, in two words: the even ones, then the
odd ones, the first in the lowest bits.
"""


COARSE = 15
"""A cache's numbers are odd, up to this size: of four bits, and none is 0."""


def rounded_up(count: int, to: int) -> int:
    """The next multiple of `to`."""
    return -(-count // to) * to


def packed(numbers: Numbers) -> NDArray[np.int8]:
    """A matrix (..., out, in), or a stack of them, in blocks: (..., lanes, inputs * LANE).

    Missing outputs and inputs are 0. The shape only says how large it is: in the block of `b`
    outputs from output `first` on, output o and input i lie at
    first * inputs + i // GROUP * b * GROUP + (o - first) * GROUP + i % GROUP.
    """
    return _in_blocks(numbers.astype(np.int8), GROUP)


def in_words(numbers: Numbers) -> NDArray[np.uint16]:
    """A matrix (..., out, in) of a cache's numbers in blocks: (..., lanes, inputs * LANE / 4).

    Where `packed` has four numbers of an output, there are two words of EIGHT; missing numbers are
    anything.
    """
    bits = (numbers.astype(np.int16) + COARSE).astype(np.uint16) >> 1
    blocks = _in_blocks(bits, EIGHT)
    four = blocks.reshape(*blocks.shape[:-1], -1, 4, 2)
    words: NDArray[np.uint16] = four[..., 0, :].copy()
    for place in range(1, 4):
        words |= four[..., place, :] << (4 * place)
    return words.reshape(*blocks.shape[:-1], -1)


def _in_blocks(numbers: Numbers, group: int) -> Numbers:
    """A matrix (..., out, in) in blocks: (..., lanes, inputs * LANE), so many inputs together."""
    *stack, out, inner = numbers.shape
    outputs, inputs = rounded_up(out, LANE), rounded_up(inner, group)
    filled = np.zeros((*stack, outputs, inputs), dtype=numbers.dtype)
    filled[..., :out, :inner] = numbers
    blocks = []
    for first in range(0, max(outputs, 1), BLOCK):
        block = filled[..., first : first + BLOCK, :]
        groups = block.reshape(*block.shape[:-1], inputs // group, group).swapaxes(-3, -2)
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

    In words it has room for an odd number of blocks: were caches a power of two apart, what is used
    of them, their beginnings, would share a few sets of the processor's caches.
    """
    if not compact:
        shape = heads, head_width, context
        return shape, shape, (heads, context)
    rows = (rounded_up(context, BLOCK) // BLOCK | 1) * BLOCK
    lanes = rounded_up(head_width, LANE) // LANE
    keys = heads, rows // LANE, rounded_up(head_width, EIGHT) * LANE // 4
    return keys, (heads, lanes, rows * LANE // 4), (heads, rows)


def fill_cache(keys: Numbers, values: Numbers, k: Array, v: Array) -> None:
    """The first rows of one layer's cache are k and v, (rows, heads, head width)."""
    count, heads, width = k.shape
    if keys.dtype != np.uint16:
        keys[:, :, :count] = k.transpose(1, 2, 0)
        values[:, :, :count] = v.transpose(1, 2, 0)
        return
    of_rows = np.ones((heads, rounded_up(count, BLOCK), width), dtype=np.int8)
    of_rows[:, :count] = k.transpose(1, 0, 2)
    words = in_words(of_rows).reshape(heads, -1)
    keys.reshape(heads, -1)[:, : words.shape[1]] = words
    rows = values.shape[2] // LANE
    for first in range(0, width, BLOCK):
        block = in_words(v[:, :, first : first + BLOCK].transpose(1, 2, 0)).reshape(heads, -1)
        start = first * rows
        values.reshape(heads, -1)[:, start : start + block.shape[1]] = block


def move_cache(keys: Numbers, values: Numbers, source: int, to: int, length: int) -> None:
    """Slot `to` of caches (layers, slots, heads, ...) holds the first rows of slot `source`."""
    if keys.dtype != np.uint16:
        for cache in (keys, values):
            cache[:, to, ..., :length] = cache[:, source, ..., :length]
        return
    lanes = rounded_up(length, BLOCK) // LANE
    keys[:, to, :, :lanes] = keys[:, source, :, :lanes]
    *cached, lanes, words = values.shape
    flat = values.reshape(*cached, lanes * words)
    for first in range(0, lanes, BLOCK // LANE):
        start = first * words
        wide = min(lanes - first, BLOCK // LANE)
        end = start + wide * LANE * rounded_up(length, EIGHT) // 4
        flat[:, to, :, start:end] = flat[:, source, :, start:end]
