"""The arithmetic of composing in numpy: a whole prompt at once, and what `kernels` compiles.

The same arguments as the functions of `kernels`, and in whole numbers the same results: both round
at the same places, and sums of floats, which depend on their order, are taken in float64.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.model.config import NORM_EPSILON, STEPS_PER_TIME_UNIT
from musegen.model.packing import fill_cache
from musegen.model.paths import Arithmetic
from musegen.model.sampling import Sampling, legal_share, probabilities

Array = NDArray[np.float32]
Ints = NDArray[np.integer]
Numbers = NDArray[Any]  # int8 or float32

EPSILON = np.float32(NORM_EPSILON)
LEVELS, FINE, FINEST = 127, 2047, 32767
"""How many steps up and down whole numbers have: those that are kept, those that vectors become
before they are multiplied, and the shares of attention.

So few that sums of products stay below 2**24 as a rule, where float32 still counts every whole
number: BLAS and integers then give the same.
"""

SHARES = 132_000
"""The shares of a head's attention add up to at most so much."""

LOG2E, LN2_HIGH, LN2_LOW = (
    np.float32(number) for number in (1.4426950408889634, 0.693359375, -2.12194440e-4)
)
E0, E1, E2, E3, E4, E5 = (
    np.float32(number)
    for number in (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
        5.0000001201e-1,
    )
)  # fmt: skip
LEAST = np.float32(-87)


def exponential(x: Array) -> Array:
    """e**x to the last bit or two, of -87 to 87: the steps of Cephes' expf."""
    x = np.clip(x, LEAST, -LEAST)
    whole = np.floor(x * LOG2E + np.float32(0.5))
    x = x - whole * LN2_HIGH
    x = x - whole * LN2_LOW
    y = E0 * x + E1
    for factor in (E2, E3, E4, E5):
        y = y * x + factor
    y = y * x * x + x + np.float32(1)
    powers = (whole.astype(np.int32) + np.int32(127)) << np.int32(23)
    powered: Array = y * powers.view(np.float32)
    return powered


def normed(x: Array, weight: Array) -> Array:
    """RMSNorm of vectors (..., width)."""
    wide = x.astype(np.float64)
    square = (wide * wide).sum(axis=-1, keepdims=True).astype(np.float32)
    factor = np.float32(1) / np.sqrt(square / np.float32(x.shape[-1]) + EPSILON)
    scaled: Array = x * factor * weight
    return scaled


def silu(x: Array) -> Array:
    """x times its logistic function."""
    gated: Array = x / (np.float32(1) + exponential(-x))
    return gated


def multiply(x: Array, numbers: Numbers, scale: Array, levels: int) -> Array:
    """x (B, in) times the matrix (out, in), whose rows have these scales.

    Each vector by itself: BLAS adds up in another order where there are several. Where matrices
    have `levels`, vectors become whole numbers, too, and all of them are multiplied at once.
    """
    product: Array
    if not levels:
        product = (x[:, None] @ numbers.T)[:, 0] * scale
        return product
    whole, fine = in_whole(x, FINE)
    product = whole @ numbers.T * scale * fine[:, None]
    return product


def in_whole(x: Array, most: int) -> tuple[Array, Array]:
    """Vectors (..., width) as whole numbers up to `most`, and a scale (...) each."""
    size = np.maximum(np.abs(x).max(axis=-1), np.float32(1e-20))
    return np.rint(x * (np.float32(most) / size)[..., None]), size / np.float32(most)


def embed(rows: Ints, offsets: Ints, full: Array) -> Array:
    """Input vectors (n, width) of rows (n, columns)."""
    starts = offsets[rows[:, 0]]
    ids = np.where(starts >= 0, starts + rows, 0)
    summed: Array = full[ids].sum(axis=1)
    return summed * np.float32(math.sqrt(full.shape[1]) * 0.5)


def move(vector: Array, between: Sequence[tuple[int, int, float]], full: Array) -> None:
    """An input vector (width,) says something between two values, as `Layout.between` has it."""
    scale = np.float32(math.sqrt(full.shape[1]) * 0.5)
    for here, there, share in between:
        vector += (full[there] - full[here]) * (np.float32(share) * scale)


def angles(places: Ints, times: Ints, periods: Array, rates: Array) -> tuple[Array, Array]:
    """Cosines and sines (n, 1, head_width / 2) of the rotary angles of rows."""
    by_row = places.astype(np.float32)[:, None] * rates
    turns = times.astype(np.float32)[:, None] / np.float32(STEPS_PER_TIME_UNIT) / periods
    by_time = np.float32(2 * math.pi) * (turns - np.floor(turns))
    both = np.concatenate([by_row, by_time], axis=1)[:, None]
    wide = both.astype(np.float64)
    return np.cos(wide).astype(np.float32), np.sin(wide).astype(np.float32)


def rotate(x: Array, cos: Array, sin: Array) -> Array:
    """x (n, heads, head width) turned by angles (n, 1, head width / 2)."""
    left, right = np.split(x, 2, axis=-1)
    return np.concatenate([left * cos - right * sin, left * sin + right * cos], axis=-1)


def in_levels(x: Array, levels: int) -> tuple[Array, Array]:
    """Vectors (..., width) as whole numbers of a scale (...) each; 0 levels: as they are."""
    if levels == 0:
        return x, np.ones(x.shape[:-1], dtype=np.float32)
    scale = np.maximum(np.abs(x).max(axis=-1), np.float32(1e-20)) / np.float32(levels)
    return np.rint(x / scale[..., None]), scale


AT_ONCE = 256
"""Rows of a prompt of which what is wide is worked out at a time: it takes that much less room."""


def prefill(
    way: Arithmetic, rows: Ints, times: Ints, links: Ints,
    between: Sequence[tuple[int, int, float]], levels: int,
    embedded: Array, states: Array, keys: Numbers, key_scale: Array,
    values: Numbers, value_scale: Array,
    hidden: int, offsets: Ints, full: Array,
    periods: Array, rates: Array,
    seen: Numbers, seen_scale: Array, attention_norm: Array, qkv: Numbers, qkv_scale: Array,
    out: Numbers, out_scale: Array, mlp_norm: Array, gate_up: Numbers, gate_up_scale: Array,
    down: Numbers, down_scale: Array, norm: Array,
) -> None:  # fmt: skip
    """Rows (n, columns) fill the empty caches of one slot.

    way: this module, or another whose matrices and caches lie otherwise. links: (n, links).
    between: what the first row says between two values.
    Caches: embedded, states (context, width); keys, values and scales as `packing` has them.
    """
    count, width, key_heads = len(rows), full.shape[1], keys.shape[1]
    head_width = 2 * (len(periods) + len(rates))
    heads = width // head_width
    all_heads = heads + 2 * key_heads

    def multiplied(x: Array, numbers: Numbers, scale: Array, outputs: int) -> Array:
        return way.multiply(np.ascontiguousarray(x), numbers, scale, levels)[:, :outputs]

    embedded[:count] = embed(rows, offsets, full)
    move(embedded[0], between, full)
    parts = [slice(first, min(first + AT_ONCE, count)) for first in range(0, count, AT_ONCE)]
    x = embedded[:count].copy()
    for part in parts:
        pointed = np.where(links[part, :, None] >= 0, embedded[links[part]], np.float32(0))
        x[part] += multiplied(pointed.reshape(len(pointed), -1), seen, seen_scale, width)
    cos, sin = angles(np.arange(count), times, periods, rates)
    for layer in range(len(qkv)):
        y = normed(x, attention_norm[layer])
        wide = multiplied(y, qkv[layer], qkv_scale[layer], all_heads * head_width)
        wide = wide.reshape(count, all_heads, head_width)
        q = rotate(wide[:, :heads], cos, sin)
        k, k_scale = in_levels(rotate(wide[:, heads:-key_heads], cos, sin), levels)
        v, v_scale = in_levels(wide[:, -key_heads:], levels)
        fill_cache(keys[layer], values[layer], k, v)
        key_scale[layer, :, :count] = k_scale.T
        value_scale[layer, :, :count] = v_scale.T
        attended = way.attend(
            q, keys[layer], key_scale[layer], values[layer], value_scale[layer], levels
        )
        x = x + multiplied(attended.reshape(count, -1), out[layer], out_scale[layer], width)
        for part in parts:
            y = normed(x[part], mlp_norm[layer])
            gates = multiplied(y, gate_up[layer], gate_up_scale[layer], 2 * hidden)
            gate, up = np.split(gates, 2, axis=1)
            x[part] += multiplied(silu(gate) * up, down[layer], down_scale[layer], width)
    states[:count] = normed(x, norm)


def step(
    rows: Ints, times: Ints, links: Ints, lengths: Ints, levels: int,
    embedded: Array, states: Array, keys: Numbers, key_scale: Array,
    values: Numbers, value_scale: Array,
    hidden: int, offsets: Ints, full: Array,
    periods: Array, rates: Array,
    seen: Numbers, seen_scale: Array, attention_norm: Array, qkv: Numbers, qkv_scale: Array,
    out: Numbers, out_scale: Array, mlp_norm: Array, gate_up: Numbers, gate_up_scale: Array,
    down: Numbers, down_scale: Array, norm: Array,
) -> None:  # fmt: skip
    """One more row for each of the first B slots; its state goes into `states`."""
    batch, (key_heads, head_width) = len(rows), keys.shape[2:4]
    heads = full.shape[1] // head_width
    look = _seen_whole if levels else _seen_real
    slots = np.arange(batch)
    vectors = embed(rows, offsets, full)
    embedded[slots, lengths] = vectors
    pointed = np.where(links[..., None] >= 0, embedded[slots[:, None], links], np.float32(0))
    x = vectors + multiply(pointed.reshape(batch, -1), seen, seen_scale, levels)
    cos, sin = angles(lengths, times, periods, rates)
    for layer in range(len(qkv)):
        y = normed(x, attention_norm[layer])
        wide = multiply(y, qkv[layer], qkv_scale[layer], levels)
        wide = wide.reshape(batch, heads + 2 * key_heads, head_width)
        q = rotate(wide[:, :heads], cos, sin).reshape(batch, key_heads, -1, head_width)
        k, k_scale = in_levels(rotate(wide[:, heads:-key_heads], cos, sin), levels)
        v, v_scale = in_levels(wide[:, -key_heads:], levels)
        keys[layer, slots, :, :, lengths] = k
        values[layer, slots, :, :, lengths] = v
        key_scale[layer, slots, :, lengths] = k_scale
        value_scale[layer, slots, :, lengths] = v_scale
        attended = np.empty(q.shape, dtype=np.float32)
        for b in range(batch):
            end = int(lengths[b]) + 1
            attended[b] = look(
                q[b], keys[layer, b, ..., :end], key_scale[layer, b, :, :end],
                values[layer, b, ..., :end], value_scale[layer, b, :, :end],
            )  # fmt: skip
        x = x + multiply(attended.reshape(batch, -1), out[layer], out_scale[layer], levels)
        y = normed(x, mlp_norm[layer])
        gate, up = np.split(multiply(y, gate_up[layer], gate_up_scale[layer], levels), 2, axis=1)
        x = x + multiply(silu(gate) * up, down[layer], down_scale[layer], levels)
    states[slots, lengths] = normed(x, norm)


def attend(
    q: Array, keys: Array, key_scale: Array, values: Array, value_scale: Array, levels: int
) -> Array:
    """What each of the first rows sees, q (rows, heads, head width), of those up to itself."""
    count, heads = q.shape[:2]
    later = np.triu(np.ones((count, count), dtype=bool), 1)
    seen = _seen_whole if levels else _seen_real
    attended = np.empty(q.shape, dtype=np.float32)
    share = heads // len(keys)
    for head in range(heads):  # one at a time: of a long prompt they take much room
        group = head // share
        one = slice(group, group + 1)
        attended[:, head] = seen(
            q[None, :, head], keys[one, :, :count], key_scale[one, :count],
            values[one, :, :count], value_scale[one, :count], later,
        )[0]  # fmt: skip
    return attended


def _seen_real(
    q: Array, keys: Array, key_scale: Array, values: Array, value_scale: Array,
    later: NDArray[np.bool_] | None = None,
) -> Array:  # fmt: skip
    """What q (heads, n, head width) sees of keys and values (heads, head width, rows).

    later: (n, rows), what it does not see.
    """
    shrunk: Array = q / np.float32(math.sqrt(q.shape[2]))
    scores: Array = shrunk @ keys
    odds = _odds(scores, later)
    attended: Array = odds @ values.swapaxes(1, 2) / _total(odds)
    return attended


def _seen_whole(
    q: Array, keys: Array, key_scale: Array, values: Array, value_scale: Array,
    later: NDArray[np.bool_] | None = None,
) -> Array:  # fmt: skip
    """The same in whole numbers, which have scales (heads, rows)."""
    sought, fine = in_whole(q, FINE)
    fine = fine * np.float32(1 / math.sqrt(q.shape[2]))
    scores: Array = sought @ keys * key_scale[:, None] * fine[..., None]
    odds = _odds(scores, later)
    weights = odds * value_scale[:, None]
    most = np.maximum(weights.max(axis=2, keepdims=True), np.float32(1e-20))
    enlarge = np.minimum(
        np.float32(FINEST) / most,
        np.float32(SHARES) / np.maximum(_total(weights), np.float32(1e-20)),
    )
    shares = np.rint(weights * enlarge)
    one = np.float32(1) / (enlarge * _total(odds))
    attended: Array = shares @ values.swapaxes(1, 2) * one
    return attended


def _odds(scores: Array, later: NDArray[np.bool_] | None) -> Array:
    """Scores (heads, n, rows) as odds of which the largest is 1, 0 for what lies later."""
    if later is not None:
        scores[:, later] = -np.inf
    odds = exponential(scores - scores.max(axis=2, keepdims=True))
    if later is not None:
        odds[:, later] = 0
    return odds


def _total(x: Array) -> Array:
    """Sums (..., 1) of vectors, added up in float64: rounded, they are the same in any order."""
    summed: Array = x.sum(axis=-1, keepdims=True, dtype=np.float64).astype(np.float32)
    return summed


def field(
    state: Array, full: Array, ids: Ints, levels: int, before: int, which: Ints,
    gate: Array, weight: Array, up: Numbers, up_scale: Array, down: Numbers, down_scale: Array,
    entries: Numbers, entries_scale: Array, bias: Array,
    leans: Numbers, leans_scale: Array, leans_bias: Array, steps: Ints,
) -> Array:  # fmt: skip
    """Logits (size,) of one field from the state (width,) and what of the row was said already.

    full: (all ids, width); ids: those that were said. before: the id that the field had before,
    -1 for none. up: (inner, width); down: (width, inner); entries: (size, width); leans: (leans,
    width). which: the rows of `steps` that hold; each has for every value the number of a lean
    that is added to its logit, the number of leans for none.
    """
    state = _said(state, full, ids)
    if before >= 0:
        state = state + full[before] * gate * np.float32(math.sqrt(len(state)))
    x = normed(state, weight)[None]
    inner = silu(multiply(x, up, up_scale, levels))
    hidden = x + multiply(inner, down, down_scale, levels)
    logits: Array = multiply(hidden, entries, entries_scale, levels)[0] + bias
    if len(which):
        leaning = multiply(hidden, leans, leans_scale, levels)[0] + leans_bias
        leaning = np.append(leaning, np.float32(0))
        for number in which.tolist():
            logits += leaning[steps[number]]
    return logits


def own(
    state: Array, full: Array, ids: Ints, levels: int, track: int, before: int,
    embedded: Array, states: Array, numbers: Numbers, scale: Array,
) -> Array:  # fmt: skip
    """The state (width,) with what was said and what a note sees of its own track.

    track, before: the rows of the track in HEAD and of its last note, -1 for none.
    """
    vectors = np.zeros((3, len(state)), dtype=np.float32)
    if track >= 0:
        vectors[0] = embedded[track]
    if before >= 0:
        vectors[1], vectors[2] = embedded[before], states[before]
    seen: Array = multiply(vectors.reshape(1, -1), numbers, scale, levels)[0]
    return _said(state, full, ids) + seen


def _said(state: Array, full: Array, ids: Ints) -> Array:
    for number in ids.tolist():
        state = state + full[number]
    return state


def kind(state: Array, weight: Array, entries: Array, bias: Array) -> Array:
    """Logits (kinds,) of the row's kind; entries: (kinds, width)."""
    wide = entries.astype(np.float64) @ normed(state, weight).astype(np.float64)
    logits: Array = wide.astype(np.float32) + bias
    return logits


def weigh(
    logits: Array, mask: NDArray[np.bool_], temperature: float, top_k: int, top_p: float,
    min_p: float, summed: NDArray[np.float64],
) -> tuple[float, int]:  # fmt: skip
    """The share of all odds that is legal, and how many choices are; `summed` (size,) is filled
    with the running sum of the odds to draw by.
    """
    sampling = Sampling(temperature, top_k, top_p, min_p)
    summed[:] = np.cumsum(probabilities(logits, mask, sampling))
    return legal_share(logits, mask, temperature), int(np.count_nonzero(mask))
