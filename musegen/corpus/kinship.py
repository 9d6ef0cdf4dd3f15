"""Which pieces are kin: arrangements of one melody, or editions of one piece.

In: the sketch of each piece, one after another. Out: pairs of pieces that must lie on one side of a
split. Depends on no order but the pieces' own. Hashes wait on the disk. Knows no MIDI and no note.
"""

import tempfile
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

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

AT_ONCE = 1_000_000
"""Pairs that are counted together: bounds memory."""

WAITING = 200_000
"""Hashes that wait in memory before they are written."""

_DRAWERS = 64
_ENTRY = np.dtype([("hash", "<u8"), ("sketch", "<u4")])


class Kinship:
    """Takes the sketches of pieces 0, 1, 2 ... and finds who is kin.

    `scratch`: a folder on the disk in which nameless files may lie meanwhile.
    """

    def __init__(self, scratch: Path | None = None) -> None:
        self._scratch = scratch
        self._open = ExitStack()
        self._drawers = [self._open.enter_context(_nameless(scratch)) for _ in range(_DRAWERS)]
        self._waiting: list[Hashes] = []
        self._first_waiting = self._waiting_hashes = 0
        self._pieces = 0
        self._piece = array("I")  # of each sketch
        self._size = array("B")
        self._least = array("B")  # hashes that it must share with another

    def add(self, sketch: Sketch) -> None:
        """The next piece has this sketch."""
        for hashes in sketch.melodies:
            self._take(hashes, LEAST_MELODY)
        self._take(sketch.notes, LEAST_NOTES)
        self._pieces += 1

    def close(self) -> None:
        """The nameless files are gone."""
        self._open.close()

    def _take(self, hashes: Hashes, least: int) -> None:
        if len(hashes) < least:
            return
        self._piece.append(self._pieces)
        self._size.append(len(hashes))
        self._least.append(least)
        self._waiting.append(hashes)
        self._waiting_hashes += len(hashes)
        if self._waiting_hashes >= WAITING:
            self._put_away()

    def _put_away(self) -> None:
        """What waits lies in the drawers, each for a part of all hashes, to be sorted."""
        entries = np.empty(self._waiting_hashes, dtype=_ENTRY)
        if self._waiting:
            entries["hash"] = np.concatenate(self._waiting)
        sizes = self._size[self._first_waiting :]
        entries["sketch"] = np.repeat(np.arange(len(sizes)) + self._first_waiting, sizes)
        drawer = (entries["hash"] >> np.uint64(58)).astype(np.int64)
        entries = entries[np.argsort(drawer, kind="stable")]
        bounds = np.append(0, np.cumsum(np.bincount(drawer, minlength=_DRAWERS))).tolist()
        for file, begin, end in zip(self._drawers, bounds, bounds[1:], strict=False):
            file.write(entries[begin:end].tobytes())
        self._first_waiting = len(self._size)
        self._waiting, self._waiting_hashes = [], 0

    def ties(self) -> list[tuple[int, int]]:
        """Pairs of kin, each once, the smaller number first; said once all are added."""
        self._put_away()
        piece = np.array(self._piece, dtype=np.int64)
        size, least = np.array(self._size), np.array(self._least)
        found = [np.zeros(0, dtype=np.int64)]
        for one, other, shared in self._meetings(piece):
            smaller = np.minimum(size[one], size[other])
            kin = (shared >= least[one]) & (shared >= LEAST_SHARE * smaller)
            found.append(np.unique(piece[one[kin]] * self._pieces + piece[other[kin]]))
        pairs = np.unique(np.concatenate(found))
        first, second = np.divmod(pairs, max(self._pieces, 1))
        return list(zip(first.tolist(), second.tolist(), strict=True))

    def _meetings(self, piece: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Pairs of sketches of two pieces and how many telling hashes they share, in portions."""
        pairs = np.zeros(len(piece))  # that each sketch has with those after it
        with _nameless(self._scratch) as sketches, _nameless(self._scratch) as afters:
            for drawer in self._drawers:
                sketch, after = _telling(drawer)
                pairs += np.bincount(sketch, after, minlength=len(piece))
                sketches.write(sketch.tobytes())
                afters.write(after.tobytes())
            sketch, after = _whole(sketches, np.uint32), _whole(afters, np.uint8)
        pairs = np.cumsum(pairs)
        begin = 0
        while begin < len(piece):
            done = pairs[begin - 1] if begin else 0.0
            end = max(int(np.searchsorted(pairs, done + AT_ONCE, "right")), begin + 1)
            place = np.flatnonzero((sketch >= begin) & (sketch < end))
            begin = end
            many = after[place].astype(np.int64)
            one = np.repeat(sketch[place], many).astype(np.int64)
            step = np.arange(len(one)) - np.repeat(np.cumsum(many) - many, many)
            other = sketch[np.repeat(place, many) + 1 + step].astype(np.int64)
            strangers = piece[one] != piece[other]
            pair = one[strangers] * len(piece) + other[strangers]
            met, shared = np.unique(pair, return_counts=True)
            first, second = np.divmod(met, len(piece))
            yield first, second, shared


def _telling(drawer: IO[bytes]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """The sketches that have each telling hash, hash by hash; and how many come after in its own.

    Telling is what more than one sketch has, and not too many.
    """
    entries = _whole(drawer, _ENTRY)
    order = np.argsort(entries["hash"], kind="stable")  # they were put in by sketch
    hashes = entries["hash"][order]
    starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)])
    counts = np.diff(np.append(starts, len(hashes)))
    telling = np.repeat((counts > 1) & (counts <= COMMON), counts)
    ends = np.repeat(starts + counts, counts)[telling]
    after = (ends - np.flatnonzero(telling) - 1).astype(np.uint8)
    return entries["sketch"][order[telling]], after


def _nameless(folder: Path | None) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder)


def _whole(file: IO[bytes], kind: DTypeLike) -> NDArray[Any]:
    """All that was written to a file."""
    file.seek(0)
    return np.fromfile(file, dtype=kind)
