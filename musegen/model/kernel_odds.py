"""From logits to the odds of a choice, as machine code: what `sampling` says in numpy."""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import math

import numpy as np
from numba import njit

_WORST = -1e9


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
    """The share of all odds that is legal, and how many choices are; `summed` (size,) is the
    running sum of the odds to draw by.

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
        return (1.0 if best == best_legal or legal == size else 0.0), legal
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
    return share, legal
