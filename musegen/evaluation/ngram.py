"""A 5-gram model of each field: a floor that a composer's likelihood has to beat.

For every field of every kind, the sequence of its values over the rows of that kind is modelled
by n-grams up to the given order with Witten-Bell interpolation (Witten and Bell 1991). Order 1 is
the unigram floor. Vectorised: contexts are hashed to 64 bits and counted by sorting.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sequences = list[NDArray[np.int64]]

_PRIME = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class _Order:
    """Counts of one context length: sorted pair keys, and totals and types by context key."""

    pairs: NDArray[np.uint64]
    pair_counts: NDArray[np.int64]
    contexts: NDArray[np.uint64]
    totals: NDArray[np.int64]
    types: NDArray[np.int64]


class NGram:
    """An interpolated n-gram model of integers in 0..size-1."""

    def __init__(self, train: Sequences, size: int, order: int) -> None:
        self.size = size
        self.orders: list[_Order] = []
        for length in range(order):
            contexts, values = _contexts(train, length)
            pairs, pair_counts = np.unique(_pair(contexts, values), return_counts=True)
            first = np.unique(_pair(contexts, values), return_index=True)[1]
            keys, inverse = np.unique(contexts[first], return_inverse=True)
            types = np.bincount(inverse, minlength=len(keys))
            totals = np.bincount(inverse, weights=pair_counts, minlength=len(keys))
            self.orders.append(_Order(pairs, pair_counts, keys, totals.astype(np.int64), types))

    def nats(self, sequences: Sequences) -> NDArray[np.float64]:
        """Nats of every value of all sequences, in order, given the values before it."""
        odds: NDArray[np.float64] = np.array([])
        for length, counts in enumerate(self.orders):
            contexts, values = _contexts(sequences, length)
            if length == 0:
                odds = np.full(len(values), 1.0 / self.size)
            seen = _look_up(counts.pairs, counts.pair_counts, _pair(contexts, values))
            total = _look_up(counts.contexts, counts.totals, contexts)
            types = _look_up(counts.contexts, counts.types, contexts)
            known = total > 0
            mixed = (seen + types * odds) / np.maximum(total + types, 1)
            odds = np.where(known, mixed, odds)
        nats: NDArray[np.float64] = -np.log(odds)
        return nats

    def odds(self, before: Sequence[int]) -> NDArray[np.float64]:
        """The odds of every value after those before it: (size,)."""
        values = np.arange(self.size)
        odds = np.full(self.size, 1.0 / self.size)
        for length, counts in enumerate(self.orders):
            context = _context(before, length)
            total = int(_look_up(counts.contexts, counts.totals, context)[0])
            if total:
                types = _look_up(counts.contexts, counts.types, context)
                seen = _look_up(counts.pairs, counts.pair_counts, _pair(context, values))
                odds = (seen + types * odds) / (total + types)
        return odds


def _contexts(sequences: Sequences, length: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """For every value of all sequences, a hash of the `length` values before it, and the value."""
    if not sequences:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    values = np.concatenate(sequences)
    keys = np.full(len(values), length + 1, dtype=np.uint64)
    starts = np.cumsum([0, *(len(s) for s in sequences)])[:-1]
    first = np.zeros(len(values), dtype=np.int64)
    first[starts[starts < len(values)]] = starts[starts < len(values)]
    place = np.arange(len(values)) - np.maximum.accumulate(first)
    for back in range(1, length + 1):
        shifted = np.roll(values, back) + 1
        shifted[place < back] = 0
        keys = (keys * _PRIME) ^ (shifted.astype(np.uint64) + (keys >> np.uint64(29)))
    return keys, values


def _context(before: Sequence[int], length: int) -> NDArray[np.uint64]:
    """The same hash of the `length` values that come last in `before`: (1,)."""
    key = np.full(1, length + 1, dtype=np.uint64)  # an array: it wraps round without a warning
    for back in range(1, length + 1):
        value = before[-back] + 1 if back <= len(before) else 0
        key = (key * _PRIME) ^ (np.uint64(value) + (key >> np.uint64(29)))
    return key


def _pair(contexts: NDArray[np.uint64], values: NDArray[np.int64]) -> NDArray[np.uint64]:
    mixed: NDArray[np.uint64] = (contexts * _PRIME) ^ (
        (values.astype(np.uint64) + np.uint64(1)) * np.uint64(0xC2B2AE3D27D4EB4F)
    )
    return mixed


def _look_up(
    keys: NDArray[np.uint64], counts: NDArray[np.int64], wanted: NDArray[np.uint64]
) -> NDArray[np.int64]:
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    return np.where(keys[place] == wanted, counts[place], 0)
