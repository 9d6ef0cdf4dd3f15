"""One head's cache and its attention, as machine code.

In float32 keys and values are (head width, context). In whole numbers they lie in blocks as
`packing` says: keys as a matrix whose outputs are rows, values as one whose inputs are.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from musegen.compiled import EXACT
from musegen.model.kernel_products import F, dot, in_whole, largest, multiplied, total
from musegen.model.packing import BLOCK, GROUP, LANE
from musegen.model.plain import (
    E0,
    E1,
    E2,
    E3,
    E4,
    E5,
    FINE,
    FINEST,
    LEAST,
    LEVELS,
    LN2_HIGH,
    LN2_LOW,
    LOG2E,
    SHARES,
)  # fmt: skip


@njit(**EXACT)
def exponential(x):
    """e**x of a float32 within (LEAST, -LEAST), or at its ends: `plain.exponential`, one by one."""
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
def highest(x):
    """The highest of the numbers of a vector, compared as integers that have their order."""
    bits, most = x.view(np.int32), np.int32(-0x7FFFFFFF)
    for i in range(len(x)):
        ordered = np.int32(bits[i] ^ ((bits[i] >> 31) & 0x7FFFFFFF))
        most = ordered if ordered > most else most
    return np.int32(most ^ ((most >> 31) & 0x7FFFFFFF)).view(np.float32)


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
    scale[place] = largest(k) / F(LEVELS)
    inputs, numbers = keys.shape[1] // LANE, keys.reshape(keys.size)
    start = place // BLOCK * (BLOCK * inputs) + place % BLOCK * GROUP
    for d in range(len(k)):
        numbers[start + d // GROUP * (BLOCK * GROUP) + d % GROUP] = np.rint(k[d] / scale[place])


def _store_value_whole(v, place, values, scale):
    scale[place] = largest(v) / F(LEVELS)
    outputs, rows, numbers = (
        len(values) * LANE,
        values.shape[1] // LANE,
        values.reshape(values.size),
    )
    for first in range(0, len(v), BLOCK):
        wide = min(BLOCK, outputs - first)
        start = first * rows + place // GROUP * wide * GROUP + place % GROUP
        for d in range(min(wide, len(v) - first)):
            numbers[start + d * GROUP] = np.rint(v[first + d] / scale[place])


def _store_key_real(k, place, keys, scale):
    scale[place] = F(1)
    for d in range(len(k)):
        keys[d, place] = k[d]


def _store_value_real(v, place, values, scale):
    scale[place] = F(1)
    for d in range(len(v)):
        values[d, place] = v[d]


def _attend_whole(q, keys, key_scale, values, value_scale, length, scores, shares, y, ahead):
    width = len(q)
    sought, q_scale = np.empty((1, width), dtype=np.int16), np.empty(1, dtype=F)
    q_scale[0] = in_whole(q, FINE, sought[0]) * F(1.0 / math.sqrt(width))
    seen_keys = keys[: (length + BLOCK - 1) // BLOCK * (BLOCK // LANE)]
    multiplied(sought, q_scale, seen_keys, width, width // GROUP, key_scale, scores, values)
    score, share = scores[0, :length], shares[0]
    most = highest(score)
    for t in range(length):
        score[t] = exponential(score[t] - most)
    odds = total(score)
    for t in range(length):
        score[t] *= value_scale[t]
    enlarge = min(F(FINEST) / largest(score), F(SHARES) / max(total(score), F(1e-20)))
    for t in range(length):
        share[t] = np.int16(np.rint(score[t] * enlarge))
    groups = (length + GROUP - 1) // GROUP
    for t in range(length, groups * GROUP):
        share[t] = 0
    one, ones = np.empty(1, dtype=F), np.ones(len(values) * LANE, dtype=F)
    seen = np.empty((1, len(values) * LANE), dtype=F)
    one[0] = F(1) / (enlarge * odds)
    multiplied(shares, one, values, values.shape[1] // LANE, groups, ones, seen, ahead)
    for d in range(width):
        y[d] = seen[0, d]


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
    return _store_key_whole if keys.dtype is types.int8 else _store_key_real


@overload(store_value, jit_options=EXACT)
def _store_value(v, place, values, scale):
    return _store_value_whole if values.dtype is types.int8 else _store_value_real


@overload(attend, jit_options=EXACT)
def _attend(q, keys, key_scale, values, value_scale, length, scores, shares, y, ahead):
    return _attend_whole if keys.dtype is types.int8 else _attend_real
