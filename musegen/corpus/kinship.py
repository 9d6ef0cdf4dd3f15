"""Which pieces are kin: arrangements of one melody, or editions of one piece.

In: the sketch of each piece, one after another. Out: pairs of pieces that must lie on one side of a
split. Depends on no order but the pieces' own. Knows no file and no note.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from musegen.corpus.sketches import Hashes, Sketch

Ints = NDArray[np.int64]

KINSHIP = 1
"""Raised when pieces are tied by another rule: what was prepared with the old one is made anew."""

COMMON = 64
"""A hash that more sketches than this have is a turn that everybody uses, and says nothing."""

LEAST_MELODY, LEAST_NOTES = 10, 20
"""Hashes that two melodies, or the notes of two pieces, must share."""

LEAST_SHARE = 0.4
"""The part of the smaller of two sketches that they must share."""

AT_ONCE = 4_000_000
"""Pairs that are counted together: bounds memory."""


class Kinship:
    """Takes the sketches of pieces 0, 1, 2 ... and finds who is kin."""

    def __init__(self) -> None:
        self._hashes: list[Hashes] = []
        self._piece: list[int] = []  # of each sketch
        self._need: list[int] = []  # hashes that another sketch must share with this one
        self._size: list[int] = []
        self._pieces = 0

    def add(self, sketch: Sketch) -> None:
        """The next piece has this sketch."""
        for hashes in sketch.melodies:
            self._take(hashes, LEAST_MELODY)
        self._take(sketch.notes, LEAST_NOTES)
        self._pieces += 1

    def _take(self, hashes: Hashes, least: int) -> None:
        if len(hashes) >= least:
            self._hashes.append(hashes)
            self._piece.append(self._pieces)
            self._size.append(len(hashes))
            self._need.append(least)

    def ties(self) -> list[tuple[int, int]]:
        """Pairs of kin, each once, the smaller number first."""
        if not self._hashes:
            return []
        piece = np.array(self._piece, dtype=np.int64)
        size = np.array(self._size, dtype=np.int64)
        least = np.array(self._need, dtype=np.int64)
        found = []
        for one, other, shared in self._meetings(piece, size):
            smaller = np.minimum(size[one], size[other])
            kin = (shared >= least[one]) & (shared >= LEAST_SHARE * smaller)
            found.append(piece[one[kin]] * self._pieces + piece[other[kin]])
        pairs = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
        first, second = np.divmod(pairs, self._pieces)
        return list(zip(first.tolist(), second.tolist(), strict=True))

    def _meetings(self, piece: Ints, size: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Pairs of sketches of two pieces and how many telling hashes they share, in portions."""
        hashes = np.concatenate(self._hashes)
        sketch = np.repeat(np.arange(len(size)), size)
        order = np.argsort(hashes, kind="stable")
        hashes, sketch = hashes[order], sketch[order]
        starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
        counts = np.diff(np.append(starts, len(hashes)))
        telling = np.repeat((counts > 1) & (counts <= COMMON), counts)
        ends = np.repeat(starts + counts, counts)[telling]
        place, sketch_here = np.flatnonzero(telling), sketch[telling]
        by_sketch = np.argsort(sketch_here, kind="stable")
        place, ends, sketch_here = place[by_sketch], ends[by_sketch], sketch_here[by_sketch]
        after = ends - place - 1  # sketches further on that share this hash
        begin = 0
        bounds = np.append(np.flatnonzero(np.diff(sketch_here)) + 1, len(sketch_here))
        total = np.append(0, np.cumsum(after))
        while begin < len(place):
            fits = np.searchsorted(total[bounds], total[begin] + AT_ONCE, "right") - 1
            fits = max(int(fits), int(np.searchsorted(bounds, begin, "right")))
            end = int(bounds[min(fits, len(bounds) - 1)])
            many = after[begin:end]
            one = np.repeat(sketch_here[begin:end], many)
            steps = np.arange(len(one)) - np.repeat(np.cumsum(many) - many, many)
            other = sketch[np.repeat(place[begin:end], many) + 1 + steps]
            strangers = piece[one] != piece[other]
            pairs, shared = np.unique(
                one[strangers] * len(size) + other[strangers], return_counts=True
            )
            first, second = np.divmod(pairs, len(size))
            yield first, second, shared
            begin = end
