"""The longest passage that one piece shares with others, in whatever key.

In: rows. Out: how many notes in a row are the same, and where. A passage is notes of one track that
follow each other: the steps in pitch and the time between them are equal. Drums are left out, for
their bars are everybody's. Knows no model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.corpus.windows import row_times
from musegen.tokens import fields
from musegen.tokens.fields import DRUM_BASE, NOTE, Rows

_PITCH, _INSTRUMENT, _NUMBER = (
    fields.column(NOTE, name) for name in ("pitch", "instrument", "number")
)
_BREAK = 2**40
"""Steps that end a passage; each is another, so that no two of them are alike."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
LONGEST = 512
"""Longer passages are not told apart."""

Steps = NDArray[np.int64]


@dataclass(frozen=True)
class Passage:
    """Notes that two pieces share; `notes` of 0 is none. of, at: which of the others, which note.

    fraction: of the piece's own notes.
    """

    notes: int = 0
    of: int = -1
    fraction: float = 0.0


def steps_of(rows: Rows) -> tuple[Steps, int]:
    """Steps from note to note within each pitched track (pitch and time in one number), and how
    many notes there are. Notes of one onset are in order of pitch.
    """
    times = row_times(rows).astype(np.int64)
    where = (rows[:, 0] == NOTE) & (rows[:, _PITCH] < DRUM_BASE)
    notes, onset = rows[where].astype(np.int64), times[where]
    track = notes[:, _INSTRUMENT] * 1000 + notes[:, _NUMBER]
    order = np.lexsort((notes[:, _PITCH], onset, track))
    track, onset, pitch = track[order], onset[order], notes[order, _PITCH]
    if len(order) < 2:
        return np.zeros(0, dtype=np.int64), len(order)
    steps = (np.diff(pitch) + 256) * 2**20 + np.clip(np.diff(onset), 0, 2**20 - 1)
    steps[np.diff(track) != 0] = -1
    return steps, len(order)


class Passages:
    """Pieces in which passages of other pieces are looked for."""

    def __init__(self, pieces: Iterable[Rows]) -> None:
        parts = [steps_of(rows)[0] for rows in pieces]
        sizes = [len(part) + 1 for part in parts]  # a break behind each
        self._starts = np.cumsum([0, *sizes])
        self._steps = _joined(parts)
        self._hashes: dict[int, NDArray[np.uint64]] = {}

    def longest(self, rows: Rows) -> Passage:
        """The longest passage that this piece shares with one of the others."""
        mine, notes = steps_of(rows)
        steps = _joined([mine], own=True)
        low, high = 0, min(len(steps), len(self._steps), LONGEST)
        while low < high:  # what shares n steps shares n - 1
            middle = (low + high + 1) // 2
            if self._shared(steps, middle) is None:
                high = middle - 1
            else:
                low = middle
        if not low:
            return Passage()
        place = self._shared(steps, low)
        assert place is not None
        of = int(np.searchsorted(self._starts, place, side="right")) - 1
        return Passage(low + 1, of, (low + 1) / notes)

    def _shared(self, steps: Steps, length: int) -> int | None:
        """Where in the others a run of `length` steps stands that is in `steps`, too."""
        if length not in self._hashes:
            self._hashes = {length: _runs(self._steps, length)}
        theirs = self._hashes[length]
        found = np.flatnonzero(np.isin(theirs, _runs(steps, length)))
        return int(found[0]) if len(found) else None


def longest_shared(pieces: Sequence[Rows], others: Iterable[Rows]) -> list[Passage]:
    """For each piece the longest passage that it shares with one of the others."""
    passages = Passages(others)
    return [passages.longest(rows) for rows in pieces]


def _joined(parts: Sequence[Steps], own: bool = False) -> Steps:
    """The steps of all parts, with a break behind each that is like no other.

    own: breaks of this piece differ from those of the others, too.
    """
    joined = np.concatenate([np.append(part, -1) for part in parts] or [np.zeros(0, np.int64)])
    breaks = np.flatnonzero(joined == -1)
    joined[breaks] = _BREAK * (2 if own else 1) + breaks
    return np.asarray(joined, dtype=np.int64)


def _runs(steps: Steps, length: int) -> NDArray[np.uint64]:
    """A hash of each run of `length` steps: (N - length + 1,)."""
    with np.errstate(over="ignore"):
        mixed = steps.astype(np.uint64) * _BASE
        mixed ^= mixed >> np.uint64(29)
        total = np.zeros(max(len(steps) - length + 1, 0), dtype=np.uint64)
        for place in range(length):
            total = total * np.uint64(0x100000001B3) + mixed[place : place + len(total)]
    return total
