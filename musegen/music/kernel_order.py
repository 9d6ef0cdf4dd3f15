"""Whole numbers in order, as loops that numba compiles: quick for what is nearly in order.

numpy's own sorting takes five times as long for the notes of a track, which come by time already.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# mypy: disable-error-code="assignment, arg-type"

import numpy as np
from numba import njit

from musegen.compiled import EXACT, PLACE

MOVES = 8
"""Places that a note may move on average before merging is quicker."""


@njit(**EXACT)
def ascending(keys, count):
    """The first `count` keys in ascending order: in `keys`, or in another array as long.

    Runs that ascend already are merged two by two: quick for what is nearly in order.
    """
    other = keys
    while True:
        runs, begin, fill = 0, 0, 0
        while begin < count:
            middle = begin + 1
            while middle < count and keys[middle - 1] <= keys[middle]:
                middle += 1
            if begin == 0 and middle == count:
                return keys
            if runs == 0:
                other = np.empty_like(keys)
            end = min(middle + 1, count)
            while end < count and keys[end - 1] <= keys[end]:
                end += 1
            left, right = begin, middle
            while left < middle and right < end:
                if keys[left] <= keys[right]:
                    other[fill] = keys[left]
                    left += 1
                else:
                    other[fill] = keys[right]
                    right += 1
                fill += 1
            while left < middle:
                other[fill] = keys[left]
                left += 1
                fill += 1
            while right < end:
                other[fill] = keys[right]
                right += 1
                fill += 1
            begin = end
            runs += 1
        keys, other = other, keys


@njit(**EXACT)
def put_in_order(keys, count):
    """The same as `ascending`, quicker where no key is far from its place."""
    moves = MOVES * count
    for place in range(1, count):
        key, at = keys[PLACE(place)], place
        while at > 0 and keys[PLACE(at - 1)] > key:
            keys[PLACE(at)] = keys[PLACE(at - 1)]
            at -= 1
        keys[PLACE(at)] = key
        moves -= place - at
        if moves < 0:
            return ascending(keys, count)
    return keys
