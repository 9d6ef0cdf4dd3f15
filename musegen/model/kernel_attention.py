"""One head's cache and its attention, as machine code.

In float32 keys and values are (head width, context). Where weights are whole numbers, keys and
values are spread, have four bits a number, and lie in words and blocks as `packing` says: keys as a
matrix whose outputs are rows, values as one whose inputs are.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from musegen.compiled import EXACT
from musegen.model.kernel_products import FAST, F, dot, in_whole, largest, total
from musegen.model.kernel_words import multiplied_words, put
from musegen.model.packing import BLOCK, COARSE, EIGHT, LANE
from musegen.model.plain_numbers import (
    E0,
    E1,
    E2,
    E3,
    E4,
    E5,
    FINE,
    FINEST,
    LEAST,
    LN2_HIGH,
    LN2_LOW,
    LOG2E,
    SHARES,
    TIGHT,
)  # fmt: skip


@njit(**EXACT)
def exponential(x):
    """`plain_numbers.exponential` of one number."""
    x = min(max(x, LEAST), -LEAST)
    whole = np.floor(x * LOG2E + F(0.5))
    x = x - whole * LN2_HIGH
    x = x - whole * LN2_LOW
    y = E0
    y = y * x + E1
    y = y * x + E2
    y = y * x + E3
    y = y * x + E4
    y = y * x + E5
    y = y * x * x + x + F(1.0)
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23))
    return y * power.view(np.float32)


@njit(**EXACT)
def spread(x):
    """x (head width,) becomes `plain_numbers.spread` of itself; over how many numbers each is."""
    size = len(x) & -len(x)
    half, mixed = size // 2, np.empty(size, dtype=F)
    for first in range(0, len(x), size):
        part, stages = x[first : first + size], size
        while stages > 1:
            for i in range(half):
                mixed[i] = part[2 * i] + part[2 * i + 1]
                mixed[half + i] = part[2 * i] - part[2 * i + 1]
            for i in range(size):
                part[i] = mixed[i]
            stages //= 2
    return size


@njit(**EXACT)
def coarse(x, numbers):
    """The scale of a key or value x; `numbers` (int16) hold it as a cache does. x is spread."""
    spread(x)
    scale = largest(x) * TIGHT / F(COARSE)
    for i in range(len(x)):
        steps = np.floor(x[i] / (scale * F(2)))
        numbers[i] = np.int16(min(max(steps * F(2) + F(1), F(-COARSE)), F(COARSE)))
    return scale


@njit(**EXACT)
def highest(x):
    """The highest of the numbers of a vector, compared as integers that have their order."""
    bits, most = x.view(np.int32), np.int32(-0x7FFFFFFF)
    for i in range(len(x)):
        ordered = np.int32(bits[i] ^ ((bits[i] >> 31) & 0x7FFFFFFF))
        most = ordered if ordered > most else most
    return np.int32(most ^ ((most >> 31) & 0x7FFFFFFF)).view(np.float32)


@njit(**FAST)
def weighed(odds, scale):
    """Odds become their products with the scales of their values; the sums of both, and the largest
    of the products, at least 1e-20.
    """
    before, after = 0.0, 0.0
    for t in range(len(odds)):
        before += np.float64(odds[t])
        odds[t] *= scale[t]
        after += np.float64(odds[t])
    return F(before), F(after), largest(odds)


def store_key(k, place, keys, scale):
    """The key k of row `place` goes into its head's cache."""
    raise NotImplementedError("only what is compiled calls it")


def store_value(v, place, values, scale):
    """The value v of row `place` goes into its head's cache."""
    raise NotImplementedError("only what is compiled calls it")


def attend(q, keys, key_scale, values, value_scale, length, scores, shares, y, ahead):
    """y (head width,) = the attention of q over the first `length` rows of its head's cache.

    Room for (1, rows) each: scores, float32; shares, int16. ahead: the keys that are read next.
    """
    raise NotImplementedError("only what is compiled calls it")


def _store_key_whole(k, place, keys, scale):
    numbers = np.empty(len(k), dtype=np.int16)
    scale[place] = coarse(k, numbers)
    words, inputs = keys.reshape(keys.size), keys.shape[1] * 4 // LANE
    start = place // BLOCK * (BLOCK * inputs // 4) + place % BLOCK * 2
    for d in range(len(k)):
        put(numbers[d], words, start + d // EIGHT * (BLOCK * 2) + d % 2, d % EIGHT // 2 * 2)


def _store_value_whole(v, place, values, scale):
    numbers = np.empty(len(v), dtype=np.int16)
    scale[place] = coarse(v, numbers)
    words, rows = values.reshape(values.size), values.shape[1] * 4 // LANE
    part = place % EIGHT // 2 * 2
    for first in range(0, len(v), BLOCK):
        wide = min(BLOCK, len(values) * LANE - first)
        start = first * rows // 4 + place // EIGHT * wide * 2 + place % 2
        for d in range(min(wide, len(v) - first)):
            put(numbers[first + d], words, start + d * 2, part)


def _store_key_real(k, place, keys, scale):
    scale[place] = F(1)
    for d in range(len(k)):
        keys[d, place] = k[d]


def _store_value_real(v, place, values, scale):
    scale[place] = F(1)
    for d in range(len(v)):
        values[d, place] = v[d]


def _attend_whole(q, keys, key_scale, values, value_scale, length, scores, shares, y, ahead):
    width, sought = len(q), np.empty((len(q) + EIGHT - 1) // EIGHT * EIGHT, dtype=np.int16)
    size = spread(q)
    q_scale = in_whole(q, FINE, sought) * F(1.0 / (math.sqrt(width) * size))
    seen_keys = keys[: (length + BLOCK - 1) // BLOCK * (BLOCK // LANE)]
    score, share = scores[0], shares[0]
    multiplied_words(sought, q_scale, seen_keys, len(sought) // EIGHT, key_scale, score, values)
    score = score[:length]
    most = highest(score)
    for t in range(length):
        score[t] = exponential(score[t] - most)
    odds, weight, heaviest = weighed(score, value_scale)
    enlarge = min(F(FINEST) / heaviest, F(SHARES) / max(weight, F(1e-20)))
    for t in range(length):
        share[t] = np.int16(np.rint(score[t] * enlarge))
    groups = (length + EIGHT - 1) // EIGHT
    for t in range(length, groups * EIGHT):
        share[t] = 0
    ones, seen = np.ones(len(values) * LANE, dtype=F), np.empty(len(values) * LANE, dtype=F)
    multiplied_words(share, F(1) / (enlarge * odds), values, groups, ones, seen, ahead)
    for d in range(width):
        y[d] = seen[d]
    spread(y)
    for d in range(width):
        y[d] *= F(1) / F(size)


def _attend_real(q, keys, key_scale, values, value_scale, length, scores, shares, y, ahead):
    width = len(q)
    shrink = F(1.0 / math.sqrt(width))
    score = scores[0, :length]
    score[:] = F(0)
    for d in range(width):
        sought, k = q[d] * shrink, keys[d]
        for t in range(length):
            score[t] += sought * k[t]
    most = highest(score)
    for t in range(length):
        score[t] = exponential(score[t] - most)
    odds = total(score)
    for d in range(width):
        y[d] = dot(score, values[d, :length]) / odds


@overload(store_key, jit_options=EXACT)
def _store_key(k, place, keys, scale):
    return _store_key_whole if keys.dtype is types.uint16 else _store_key_real


@overload(store_value, jit_options=EXACT)
def _store_value(v, place, values, scale):
    return _store_value_whole if values.dtype is types.uint16 else _store_value_real


@overload(attend, jit_options=EXACT)
def _attend(q, keys, key_scale, values, value_scale, length, scores, shares, y, ahead):
    return _attend_whole if keys.dtype is types.uint16 else _attend_real
