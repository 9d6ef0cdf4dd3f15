"""The arithmetic of one more row, as loops over arrays that numba makes machine code of.

A matrix is int8 (or float32) numbers (out, in) with a float32 scale for each row; everything else
is float32. `plain` says the same in numpy, for as long as nothing is compiled. Import it through
`compiling` only, which says where the machine code is kept.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import math
from typing import Any

import numpy as np
from numba import njit

F = np.float32
EPSILON = F(1e-5)
_WORST = -1e9
_LOG2E, _LN2_HIGH, _LN2_LOW = F(1.4426950408889634), F(0.693359375), F(-2.12194440e-4)
_LEAST = F(-87.0)

FAST: dict[str, Any] = {
    "fastmath": {"contract", "reassoc", "nsz"},
    "error_model": "numpy",
    "nogil": True,
}
"""Sums may be taken in any order, several at a time; numbers that are not finite stay so."""


@njit(**FAST)
def exponential(x):
    """e**x of a float32 up to 87, to the last bit or two: Cephes' expf, which vectorises."""
    x = max(x, _LEAST)
    whole = np.floor(x * _LOG2E + F(0.5))
    x = x - whole * _LN2_HIGH
    x = x - whole * _LN2_LOW
    y = F(1.9875691500e-4)
    y = y * x + F(1.3981999507e-3)
    y = y * x + F(8.3334519073e-3)
    y = y * x + F(4.1665795894e-2)
    y = y * x + F(1.6666665459e-1)
    y = y * x + F(5.0000001201e-1)
    y = y * x * x + x + F(1.0)
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23))
    return y * power.view(np.float32)


@njit(**FAST)
def multiply(x, numbers, scale, y):
    """y (B, out) = x (B, in) times the matrix (out, in). Four rows of x share what is loaded."""
    batch, inner = x.shape
    for o in range(numbers.shape[0]):
        row = numbers[o]
        b = 0
        while b + 4 <= batch:
            s0, s1, s2, s3 = F(0), F(0), F(0), F(0)
            for i in range(inner):
                w = F(row[i])
                s0 += w * x[b, i]
                s1 += w * x[b + 1, i]
                s2 += w * x[b + 2, i]
                s3 += w * x[b + 3, i]
            y[b, o] = s0 * scale[o]
            y[b + 1, o] = s1 * scale[o]
            y[b + 2, o] = s2 * scale[o]
            y[b + 3, o] = s3 * scale[o]
            b += 4
        while b < batch:
            s = F(0)
            for i in range(inner):
                s += F(row[i]) * x[b, i]
            y[b, o] = s * scale[o]
            b += 1


@njit(**FAST)
def normed(x, weight, y):
    """y (width,) = RMSNorm of x."""
    total = F(0)
    for i in range(len(x)):
        total += x[i] * x[i]
    factor = F(1) / np.sqrt(total / F(len(x)) + EPSILON)
    for i in range(len(x)):
        y[i] = x[i] * factor * weight[i]


@njit(**FAST)
def attend(q, keys, key_scale, values, value_scale, length, scores, y):
    """y (head width,) = one head's attention of q over `length` rows.

    keys, values: (head width, context); scales: (context,); scores: room for (context,).
    """
    width = len(q)
    shrink = F(1.0 / math.sqrt(width))
    for t in range(length):
        scores[t] = F(0)
    for d in range(0, width, 2):  # the width of a head is even
        q0, q1 = q[d] * shrink, q[d + 1] * shrink
        k0, k1 = keys[d], keys[d + 1]
        for t in range(length):
            scores[t] += q0 * F(k0[t]) + q1 * F(k1[t])
    most = F(-3e38)
    for t in range(length):
        scores[t] *= key_scale[t]
        most = max(most, scores[t])
    total = F(0)
    for t in range(length):
        share = exponential(scores[t] - most)
        total += share
        scores[t] = share * value_scale[t]
    for d in range(width):
        seen, v = F(0), values[d]
        for t in range(length):
            seen += scores[t] * F(v[t])
        y[d] = seen / total


@njit(**FAST)
def store(x, levels, place, numbers, scale):
    """The vector x goes into column `place` of numbers (width, context), in so many levels.

    0 levels: as it is.
    """
    if levels == 0:
        scale[place] = F(1)
        for d in range(len(x)):
            numbers[d, place] = x[d]
        return
    most = F(1e-20)
    for d in range(len(x)):
        most = max(most, abs(x[d]))
    scale[place] = most / F(levels)
    for d in range(len(x)):
        numbers[d, place] = np.rint(x[d] / scale[place])


@njit(cache=True, **FAST)
def step(
    rows, times, links, lengths, levels,
    embedded, states, keys, key_scale, values, value_scale,
    offsets, full, periods, rates, seen, seen_scale,
    attention_norm, qkv, qkv_scale, out, out_scale,
    mlp_norm, gate_up, gate_up_scale, down, down_scale, norm,
):  # fmt: skip
    """One more row for each of the first B slots; its state goes into `states`.

    rows: (B, columns); times, lengths: (B,); links: (B, links). Shapes of the caches: `light`.
    """
    batch, width = len(rows), full.shape[1]
    heads, head_width = keys.shape[2], keys.shape[3]
    hidden = down.shape[2]
    timed, pairs = len(periods), head_width // 2
    plain = pairs - timed
    enlarge = F(math.sqrt(width) * 0.5)
    linked = np.zeros((batch, links.shape[1] * width), dtype=F)
    x = np.empty((batch, width), dtype=F)
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
            cos[b, i], sin[b, i] = np.cos(angle), np.sin(angle)
        for i in range(timed):
            turns = F(times[b]) / F(24) / periods[i]
            angle = F(2 * math.pi) * (turns - np.floor(turns))
            cos[b, plain + i], sin[b, plain + i] = np.cos(angle), np.sin(angle)
    multiply(linked, seen, seen_scale, x)
    for b in range(batch):
        for i in range(width):
            x[b, i] += embedded[b, lengths[b], i]
    y = np.empty((batch, width), dtype=F)
    z = np.empty((batch, width), dtype=F)
    wide = np.empty((batch, 3 * width), dtype=F)
    gates = np.empty((batch, 2 * hidden), dtype=F)
    inner = np.empty((batch, hidden), dtype=F)
    scores = np.empty(keys.shape[4], dtype=F)
    for layer in range(len(qkv)):
        for b in range(batch):
            normed(x[b], attention_norm[layer], y[b])
        multiply(y, qkv[layer], qkv_scale[layer], wide)
        for b in range(batch):
            for head in range(heads):
                q = wide[b, head * head_width : (head + 1) * head_width]
                k = wide[b, width + head * head_width : width + (head + 1) * head_width]
                v = wide[b, 2 * width + head * head_width : 2 * width + (head + 1) * head_width]
                for i in range(pairs):
                    left, right = q[i], q[pairs + i]
                    q[i] = left * cos[b, i] - right * sin[b, i]
                    q[pairs + i] = left * sin[b, i] + right * cos[b, i]
                    left, right = k[i], k[pairs + i]
                    k[i] = left * cos[b, i] - right * sin[b, i]
                    k[pairs + i] = left * sin[b, i] + right * cos[b, i]
                store(k, levels, lengths[b], keys[layer, b, head], key_scale[layer, b, head])
                store(v, levels, lengths[b], values[layer, b, head], value_scale[layer, b, head])
                attend(
                    q, keys[layer, b, head], key_scale[layer, b, head],
                    values[layer, b, head], value_scale[layer, b, head],
                    lengths[b] + 1, scores, y[b, head * head_width : (head + 1) * head_width],
                )  # fmt: skip
        multiply(y, out[layer], out_scale[layer], z)
        for b in range(batch):
            for i in range(width):
                x[b, i] += z[b, i]
            normed(x[b], mlp_norm[layer], y[b])
        multiply(y, gate_up[layer], gate_up_scale[layer], gates)
        for b in range(batch):
            for i in range(hidden):
                gate = gates[b, i]
                inner[b, i] = gate / (F(1) + exponential(-gate)) * gates[b, hidden + i]
        multiply(inner, down[layer], down_scale[layer], z)
        for b in range(batch):
            for i in range(width):
                x[b, i] += z[b, i]
    for b in range(batch):
        normed(x[b], norm, states[b, lengths[b]])


@njit(cache=True, **FAST)
def field(
    state, said, gate, weight, up, up_scale, down, down_scale, entries, entries_scale, bias,
    leans, leans_scale, leans_bias, steps,
):  # fmt: skip
    """Logits (size,) of one field from the state (width,) and the embedding of what it said before.

    said: (1 or 0, width). up: (inner, width); down: (width, inner); entries: (size, width);
    leans: (leans, width); steps: (relations, size), numbers of leans, their number for none.
    """
    width = len(state)
    x, hidden = np.empty((1, width), dtype=F), np.empty((1, width), dtype=F)
    inner, logits = np.empty((1, len(up)), dtype=F), np.empty((1, len(entries)), dtype=F)
    enlarge = F(math.sqrt(width))
    for i in range(width):
        x[0, i] = state[i]
        if len(said):
            x[0, i] += said[0, i] * gate[i] * enlarge
    normed(x[0], weight, x[0])
    multiply(x, up, up_scale, inner)
    for i in range(len(up)):
        inner[0, i] = inner[0, i] / (F(1) + exponential(-inner[0, i]))
    multiply(inner, down, down_scale, hidden)
    for i in range(width):
        hidden[0, i] += x[0, i]
    multiply(hidden, entries, entries_scale, logits)
    for i in range(len(bias)):
        logits[0, i] += bias[i]
    lean = np.zeros((1, len(leans) + 1), dtype=F)
    multiply(hidden, leans, leans_scale, lean)
    lean[0, :-1] += leans_bias
    for r in range(len(steps)):
        for i in range(len(bias)):
            logits[0, i] += lean[0, steps[r, i]]
    return logits[0]


@njit(cache=True, **FAST)
def kind(state, weight, entries, bias):
    """Logits (kinds,) of the row's kind; entries: (kinds, width)."""
    x = np.empty((1, len(state)), dtype=F)
    logits = np.empty((1, len(bias)), dtype=F)
    normed(state, weight, x[0])
    multiply(x, entries, np.ones(len(bias), dtype=F), logits)
    for i in range(len(bias)):
        logits[0, i] += bias[i]
    return logits[0]


@njit(cache=True, **FAST)
def own(vectors, numbers, scale):
    """What a note sees of its own track, (width,): vectors (3 * width,) through the matrix."""
    seen = np.empty((1, len(numbers)), dtype=F)
    multiply(vectors.reshape(1, len(vectors)), numbers, scale, seen)
    return seen[0]


@njit(error_model="numpy", nogil=True)
def sink(heap, count, at, odds):
    """The entry at place `at` of a heap sinks below what is likelier, or as likely and earlier."""
    entry = heap[at]
    while 2 * at + 1 < count:
        child = 2 * at + 1
        a, b = heap[child], heap[min(child + 1, count - 1)]
        if odds[b] > odds[a] or (odds[b] == odds[a] and b < a):
            child, a = child + 1, b
        if odds[entry] > odds[a] or (odds[entry] == odds[a] and entry < a):
            break
        heap[at] = a
        at = child
    heap[at] = entry


@njit(error_model="numpy", nogil=True)
def likeliest(odds, top_k, top_p):
    """Keeps of the odds the `top_k` likeliest, of these those that hold `top_p`; the rest are 0."""
    size = len(odds)
    heap = np.empty(size, dtype=np.int64)
    count = 0
    for i in range(size):
        if odds[i] > 0:
            heap[count] = i
            count += 1
    for at in range(count // 2 - 1, -1, -1):
        sink(heap, count, at, odds)
    few = 0 < top_k < count
    most = top_k if few else count
    ranked = np.empty(most, dtype=np.int64)
    total, before, summed = 0.0, 0.0, 0.0
    taken = 0
    while taken < most and (few or before < top_p or top_p >= 1):
        ranked[taken] = heap[0]
        before += odds[heap[0]]
        total += odds[heap[0]]
        taken += 1
        count -= 1
        heap[0] = heap[count]
        if count:
            sink(heap, count, 0, odds)
    kept = np.empty(taken)
    before, held = 0.0, 0
    while held < taken and (before < top_p or top_p >= 1):
        share = odds[ranked[held]]
        kept[held] = share
        before += share / total if few else share
        summed += share
        held += 1
    for i in range(size):
        odds[i] = 0.0
    for i in range(held):
        odds[ranked[i]] = kept[i] / summed


@njit(cache=True, error_model="numpy", nogil=True)
def weigh(logits, mask, temperature, top_k, top_p, min_p, summed):
    """The share of all odds that is legal; `summed` (size,) is the running sum of those to draw by.

    The same as `sampling.weighed`, which says what the arguments mean.
    """
    size = len(logits)
    best, best_legal, legal = -1, -1, 0
    scores = np.empty(size)
    for i in range(size):
        score = np.float64(logits[i])
        scores[i] = score if math.isfinite(score) else _WORST
        if best < 0 or scores[i] > scores[best]:
            best = i
        if mask[i]:
            legal += 1
            if best_legal < 0 or scores[i] > scores[best_legal]:
                best_legal = i
    if temperature == 0:
        for i in range(size):
            summed[i] = 1.0 if i >= best_legal else 0.0
        return 1.0 if best == best_legal or legal == size else 0.0
    odds = np.zeros(size)
    total, barred = 0.0, 0.0
    for i in range(size):
        if mask[i]:
            odds[i] = math.exp((scores[i] - scores[best_legal]) / temperature)
            total += odds[i]
        else:
            barred += math.exp((scores[i] - scores[best]) / temperature)
    allowed = total * math.exp((scores[best_legal] - scores[best]) / temperature)
    share = 1.0 if legal == size else allowed / (allowed + barred)
    most = 0.0
    for i in range(size):
        odds[i] /= total
        most = max(most, odds[i])
    if top_k or top_p < 1:
        likeliest(odds, top_k, top_p)
        most = 0.0
        for i in range(size):
            most = max(most, odds[i])
    if min_p:
        total = 0.0
        for i in range(size):
            if odds[i] < min_p * most:
                odds[i] = 0.0
            total += odds[i]
        for i in range(size):
            odds[i] /= total
    running = 0.0
    for i in range(size):
        running += odds[i]
        summed[i] = running
    return share
