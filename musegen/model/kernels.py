"""The arithmetic of one more row, as loops over arrays that numba makes machine code of.

A matrix is whole numbers in blocks (`packing`), or float32 numbers (out, in), with a float32 scale
for each output; everything else is float32. `plain` says the same in numpy, for as long as nothing
is compiled. Import it through `compiling` only, which says where the machine code is kept.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import math

import numpy as np
from numba import njit

from musegen.compiled import EXACT
from musegen.model.kernel_attention import attend as attended
from musegen.model.kernel_attention import exponential, store_key, store_value
from musegen.model.kernel_odds import weigh as weigh
from musegen.model.kernel_products import F, product, wide_dot
from musegen.model.packing import LANE
from musegen.model.plain import EPSILON


@njit(**EXACT)
def room(batch, width):
    """Room (batch, width or more) for what a matrix of so many outputs gives."""
    return np.empty((batch, (width + LANE - 1) // LANE * LANE), dtype=F)


@njit(**EXACT)
def normed(x, weight, y):
    """y (width,) = RMSNorm of x."""
    factor = F(1) / np.sqrt(wide_dot(x, x) / F(len(x)) + EPSILON)
    for i in range(len(x)):
        y[i] = x[i] * factor * weight[i]


@njit(**EXACT)
def turned(x, cos, sin):
    """x (head width,) turns by angles, in place."""
    pairs = len(cos)
    for i in range(pairs):
        left, right = x[i], x[pairs + i]
        x[i] = left * cos[i] - right * sin[i]
        x[pairs + i] = left * sin[i] + right * cos[i]


@njit(cache=True, **EXACT)
def step(
    rows, times, links, lengths, levels,
    embedded, states, keys, key_scale, values, value_scale,
    hidden, offsets, full, periods, rates, seen, seen_scale,
    attention_norm, qkv, qkv_scale, out, out_scale,
    mlp_norm, gate_up, gate_up_scale, down, down_scale, norm,
):  # fmt: skip
    """One more row for each of the first B slots; its state goes into `states`.

    rows: (B, columns); times, lengths: (B,); links: (B, links). Shapes of the caches: `light`.
    """
    batch, width = len(rows), full.shape[1]
    timed, plain = len(periods), len(rates)
    pairs = timed + plain
    head_width, key_heads = 2 * pairs, keys.shape[2]
    share = width // head_width // key_heads  # heads of queries for each of keys and values
    enlarge = F(math.sqrt(width) * 0.5)
    linked = np.zeros((batch, links.shape[1] * width), dtype=F)
    x, y, z = (
        np.empty((batch, width), dtype=F),
        np.empty((batch, width), dtype=F),
        room(batch, width),
    )
    cos = np.empty((batch, pairs), dtype=F)
    sin = np.empty((batch, pairs), dtype=F)
    for b in range(batch):
        place = lengths[b]
        vector = embedded[b, place]
        for i in range(width):
            vector[i] = F(0)
        for c in range(rows.shape[1]):
            start = offsets[rows[b, 0], c]
            if start >= 0:
                entry = full[start + rows[b, c]]
                for i in range(width):
                    vector[i] += entry[i]
        for i in range(width):
            vector[i] *= enlarge
        for link in range(links.shape[1]):
            if links[b, link] >= 0:
                pointed = embedded[b, links[b, link]]
                for i in range(width):
                    linked[b, link * width + i] = pointed[i]
        for i in range(plain):
            angle = F(place) * rates[i]
            cos[b, i], sin[b, i] = F(np.cos(np.float64(angle))), F(np.sin(np.float64(angle)))
        for i in range(timed):
            turns = F(times[b]) / F(24) / periods[i]
            angle = F(2 * math.pi) * (turns - np.floor(turns))
            cos[b, plain + i] = F(np.cos(np.float64(angle)))
            sin[b, plain + i] = F(np.sin(np.float64(angle)))
    product(linked, seen, seen_scale, z)
    for b in range(batch):
        for i in range(width):
            x[b, i] = embedded[b, lengths[b], i] + z[b, i]
    wide = room(batch, width + 2 * key_heads * head_width)
    gates = room(batch, 2 * hidden)
    inner = np.empty((batch, hidden), dtype=F)
    scores = np.empty((1, key_scale.shape[3]), dtype=F)
    shares = np.empty(scores.shape, dtype=np.int16)
    for layer in range(len(qkv)):
        for b in range(batch):
            normed(x[b], attention_norm[layer], y[b])
        product(y, qkv[layer], qkv_scale[layer], wide)
        for b in range(batch):
            for group in range(key_heads):
                first = width + group * head_width
                k = wide[b, first : first + head_width]
                first += key_heads * head_width
                v = wide[b, first : first + head_width]
                turned(k, cos[b], sin[b])
                store_key(k, lengths[b], keys[layer, b, group], key_scale[layer, b, group])
                store_value(v, lengths[b], values[layer, b, group], value_scale[layer, b, group])
                following = min(b * key_heads + group + 1, batch * key_heads - 1)
                ahead = keys[layer, following // key_heads, following % key_heads]
                for head in range(group * share, (group + 1) * share):
                    q = wide[b, head * head_width : (head + 1) * head_width]
                    turned(q, cos[b], sin[b])
                    attended(
                        q, keys[layer, b, group], key_scale[layer, b, group],
                        values[layer, b, group], value_scale[layer, b, group], lengths[b] + 1,
                        scores, shares, y[b, head * head_width : (head + 1) * head_width], ahead,
                    )  # fmt: skip
        product(y, out[layer], out_scale[layer], z)
        for b in range(batch):
            for i in range(width):
                x[b, i] += z[b, i]
            normed(x[b], mlp_norm[layer], y[b])
        product(y, gate_up[layer], gate_up_scale[layer], gates)
        for b in range(batch):
            for i in range(hidden):
                gate = gates[b, i]
                inner[b, i] = gate / (F(1) + exponential(-gate)) * gates[b, hidden + i]
        product(inner, down[layer], down_scale[layer], z)
        for b in range(batch):
            for i in range(width):
                x[b, i] += z[b, i]
    for b in range(batch):
        normed(x[b], norm, states[b, lengths[b]])


@njit(**EXACT)
def said(state, full, ids, x):
    """x (width,) = the state and the vectors of these ids, one after another."""
    for i in range(len(x)):
        x[i] = state[i]
    for number in ids:
        vector = full[number]
        for i in range(len(x)):
            x[i] += vector[i]


@njit(cache=True, **EXACT)
def field(
    state, full, ids, levels, before, which, gate, weight, up, up_scale, down, down_scale,
    entries, entries_scale, bias, leans, leans_scale, leans_bias, steps,
):  # fmt: skip
    """Logits (size,) of one field: `plain.field` says of what."""
    width, size = len(state), len(bias)
    x, hidden = np.empty((1, width), dtype=F), np.empty((1, width), dtype=F)
    said(state, full, ids, x[0])
    if before >= 0:
        enlarge = F(math.sqrt(width))
        for i in range(width):
            x[0, i] += full[before, i] * gate[i] * enlarge
    normed(x[0], weight, x[0])
    wide = room(1, len(up_scale))
    product(x, up, up_scale, wide)
    for i in range(len(up_scale)):
        wide[0, i] = wide[0, i] / (F(1) + exponential(-wide[0, i]))
    more = room(1, width)
    product(wide, down, down_scale, more)
    for i in range(width):
        hidden[0, i] = x[0, i] + more[0, i]
    logits = room(1, size)
    product(hidden, entries, entries_scale, logits)
    for i in range(size):
        logits[0, i] += bias[i]
    lean = room(1, len(leans_bias) + 1)
    product(hidden, leans, leans_scale, lean)
    for i in range(len(leans_bias)):
        lean[0, i] += leans_bias[i]
    lean[0, len(leans_bias)] = F(0)
    for number in which:
        step = steps[number]
        for i in range(size):
            logits[0, i] += lean[0, step[i]]
    return logits[0, :size]


@njit(cache=True, **EXACT)
def kind(state, weight, entries, bias):
    """Logits (kinds,) of the row's kind; entries: (kinds, width)."""
    x, logits = np.empty(len(state), dtype=F), np.empty(len(bias), dtype=F)
    normed(state, weight, x)
    for i in range(len(bias)):
        logits[i] = wide_dot(entries[i], x) + bias[i]
    return logits


@njit(cache=True, **EXACT)
def own(state, full, ids, levels, track, before, embedded, states, numbers, scale):
    """The state (width,) with what was said and what a note sees of its own track."""
    width = len(state)
    x, seen = np.empty(width, dtype=F), room(1, width)
    vectors = np.zeros((1, 3 * width), dtype=F)
    for i in range(width):
        if track >= 0:
            vectors[0, i] = embedded[track, i]
        if before >= 0:
            vectors[0, width + i] = embedded[before, i]
            vectors[0, 2 * width + i] = states[before, i]
    product(vectors, numbers, scale, seen)
    said(state, full, ids, x)
    for i in range(width):
        x[i] += seen[0, i]
    return x


@njit(cache=True, **EXACT)
def attend(q, keys, key_scale, values, value_scale, levels):
    """What each of the first rows sees, q (rows, heads, head width), of those up to itself."""
    y = np.empty(q.shape, dtype=F)
    scores = np.empty((1, key_scale.shape[1]), dtype=F)
    shares = np.empty(scores.shape, dtype=np.int16)
    share = q.shape[1] // len(keys)
    for row in range(len(q)):
        for head in range(q.shape[1]):
            group = head // share
            attended(
                q[row, head], keys[group], key_scale[group], values[group], value_scale[group],
                row + 1, scores, shares, y[row, head], keys[group],
            )  # fmt: skip
    return y


@njit(cache=True, **EXACT)
def multiply(x, numbers, scale, levels):
    """x (B, in) times a matrix, (B, its outputs or more); `levels` says how `plain` does it."""
    y = room(len(x), len(scale))
    product(x, numbers, scale, y)
    return y
