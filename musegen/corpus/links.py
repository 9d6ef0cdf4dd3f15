"""What each row points back to: the plan in force, the bar that is repeated, its own track.

In: the rows of a window, and which bar each belongs to. Out: for each row the numbers of other rows
of the window, -1 where there is none. The model adds what it knows of those rows, so that a note
sees its bar's chord, the matching place of the bar that returns, and the track's last note without
having to search for them. Knows no model and no chance.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from musegen.corpus.windows import row_bars
from musegen.tokens import fields, scales
from musegen.tokens.fields import (
    ANSWER,
    BAR,
    CHORD,
    END,
    FORM,
    HOLE,
    NOTE,
    OWN_LINKS,
    SECTION,
    SEEN_LINKS,
    STYLE,
    TRACK,
    Rows,
    column,
)

Links = NDArray[np.int32]  # (T, LINKS)
Ints = NDArray[np.int64]
N = TypeVar("N", int, NDArray[np.int64])

LINKS = len(SEEN_LINKS) + len(OWN_LINKS)

_BACK = column(BAR, "back")
_FIRST_BACK = 1
"""`back` holds one more than the number of bars; up to this it says nothing, or new."""

_NUMBERS = scales.MAX_TRACKS
_MOST_AT_ONCE = 256
"""Notes of one track at one onset that are told apart by their place."""

_PLACE = (fields.ALL_INSTRUMENTS + 1) * _NUMBERS * _MOST_AT_ONCE
_BAR = (scales.MAX_BAR_STEPS + 1) * _PLACE


def row_links(rows: Rows) -> Links:
    """What each row of a window points back to, as numbers of rows of the window: (T, LINKS)."""
    kinds = rows[:, 0]
    count = len(rows)
    links = np.full((count, LINKS), -1, dtype=np.int32)
    for column_of, kind in enumerate((STYLE, FORM, SECTION)):
        links[:, column_of] = _newest(kinds == kind)
    bar = row_bars(rows)
    bar_rows = np.append(np.flatnonzero(kinds == BAR), -1)  # one more: bar -1 has no row
    links[:, 3] = bar_rows[bar]
    answered = np.maximum.accumulate(kinds == ANSWER)
    links[:, 4] = np.where(answered, bar_rows[bar], _newest((kinds == BAR) | (kinds == CHORD)))
    place = _places(rows, bar)
    links[:, 5] = _echoes(rows, bar, bar_rows, place, answered)
    for kind in range(len(fields.KINDS)):
        same = np.flatnonzero(kinds == kind)
        links[same[1:], 6] = same[:-1]
    links[:, 7], links[:, 8] = _own_track(rows, bar, place, answered)
    return links


def _newest(mask: NDArray[np.bool_]) -> Ints:
    """For each row the newest row up to it for which `mask` holds, -1 where there is none."""
    newest: Ints = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))
    return newest


def _places(rows: Rows, bar: Ints) -> Ints:
    """Where in its bar a row stands, as one number that grows in the order of a bar's rows.

    A note stands at its onset, its track, and how many of the track's notes begin there before it;
    its pitch does not matter. A BAR row, and every row that is no note and no chord, stands before
    all notes.
    """
    cells = rows.astype(np.int64)
    place = np.where(cells[:, 0] == CHORD, cells[:, 1] * _PLACE - 1, -1)
    notes = np.flatnonzero(cells[:, 0] == NOTE)
    onset, instrument, number = cells[notes, 1:4].T
    first = _first_place(onset, instrument, number)
    fresh = np.ones(len(notes), dtype=bool)
    fresh[1:] = (np.diff(first) != 0) | (np.diff(bar[notes]) != 0)
    begun = np.maximum.accumulate(np.where(fresh, np.arange(len(notes)), 0))
    place[notes] = first + np.minimum(np.arange(len(notes)) - begun, _MOST_AT_ONCE - 1)
    return place


def _first_place(onset: N, instrument: N, number: N) -> N:
    """The place of the first note of a track at an onset."""
    instruments = fields.ALL_INSTRUMENTS + 1
    return ((onset * instruments + instrument) * _NUMBERS + number) * _MOST_AT_ONCE


def _echoes(
    rows: Rows, bar: Ints, bar_rows: Ints, place: Ints, answered: NDArray[np.bool_]
) -> Ints:
    """The row that each row's place in its bar corresponds to in an earlier bar."""
    kinds = rows[:, 0]
    told = rows[bar_rows[:-1], _BACK].astype(np.int64) - 1
    distance = np.append(np.where(told >= _FIRST_BACK, told, 1), 0)
    source = np.where(bar >= 0, np.maximum(bar - distance[bar], -1), -1)
    notes = np.flatnonzero((kinds == NOTE) & ~answered)
    key = bar[notes] * _BAR + place[notes]
    order = np.argsort(key, kind="stable")
    notes, key = notes[order], key[order]
    found = np.searchsorted(key, np.maximum(source, 0) * _BAR + place, side="right")
    note = np.append(notes, -1)[found]
    is_there = (note >= 0) & (bar[note] == source)
    echo = np.where(is_there, note, bar_rows[np.minimum(source + 1, len(bar_rows) - 1)])
    return np.where(source >= 0, echo, -1)


def _own_track(
    rows: Rows, bar: Ints, place: Ints, answered: NDArray[np.bool_]
) -> tuple[Ints, Ints]:
    """For each note the TRACK row of its track, and the note of its track before it in time."""
    track_row = np.full((fields.ALL_INSTRUMENTS + 1, _NUMBERS), -1, dtype=np.int64)
    tracks = np.flatnonzero(rows[:, 0] == TRACK)
    track_row[rows[tracks, 1], rows[tracks, 2]] = tracks
    is_note = rows[:, 0] == NOTE
    notes = np.flatnonzero(is_note)
    instrument, number = rows[:, 2].astype(np.int64), rows[:, 3].astype(np.int64)
    own = np.full(len(rows), -1, dtype=np.int64)
    own[notes] = track_row[instrument[notes], number[notes]]
    track = instrument * _NUMBERS + number
    key = bar * _BAR + place
    before = np.full(len(rows), -1, dtype=np.int64)
    for among in (notes, notes[~answered[notes]]):  # what is visible sees nothing of the answer
        order = among[np.lexsort((key[among], track[among]))]
        same = track[order[1:]] == track[order[:-1]]
        before[order] = np.append(-1, np.where(same, order[:-1], -1)) if len(order) else -1
        if not answered.any():
            break
    return own, before


class Linker:
    """The links of rows that come one at a time, the same that `row_links` gives of them all."""

    def __init__(self) -> None:
        self._count = 0
        self._newest = [-1] * len(fields.KINDS)
        self._chord = -1
        self._bar = -1
        self._last_first, self._at_once = (-1, -1), 0
        self._answers = False
        self._bar_rows: list[int] = []
        self._back: list[int] = []
        self._bar_of_hole: dict[int, int] = {}
        self._notes: list[list[tuple[int, int]]] = []  # of each bar: (place, row), ascending
        self._track_rows: dict[tuple[int, int], int] = {}
        self._track_notes: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def prior(self, kind: int) -> int:
        """The last row of a kind, -1 where there is none."""
        return self._newest[kind]

    def own(self, instrument: int, number: int) -> tuple[int, int]:
        """The TRACK row and the newest note of a track, for a note that is about to come."""
        track = instrument, number
        notes = self._track_notes.get(track)
        last = -1
        if notes:
            last = bisect_left(notes, ((self._bar + 1) * _BAR, -1)) - 1
        return self._track_rows.get(track, -1), notes[last][1] if notes and last >= 0 else -1

    def take(self, row: Sequence[int]) -> list[int]:
        """The links (SEEN_LINKS) of one more row."""
        number, kind = self._count, row[0]
        self._count += 1
        place = -1
        self._newest[kind] = number
        if kind == BAR:
            self._bar = len(self._bar_rows)
            self._bar_rows.append(number)
            self._chord = number
            told = row[_BACK] - 1
            self._back.append(told if told >= _FIRST_BACK else 1)
            self._notes.append([])
        elif kind == TRACK:
            self._track_rows[row[1], row[2]] = number
        elif kind == HOLE:
            self._bar_of_hole[row[1]] = self._bar
        elif kind == ANSWER:
            self._answers = True
            self._bar = self._bar_of_hole.get(row[1], 0)
        elif kind == END:
            self._bar = len(self._bar_rows) - 1
        elif kind == CHORD:
            place = row[1] * _PLACE - 1
            self._chord = number
        elif kind == NOTE:
            place = self._place(row)
            insort(
                self._track_notes.setdefault((row[2], row[3]), []),
                (self._bar * _BAR + place, number),
            )
            if not self._answers:
                insort(self._notes[self._bar], (place, number))
        own_bar = self._bar_rows[self._bar] if self._bar >= 0 else -1
        chord = own_bar if self._answers else self._chord
        return [
            self._newest[STYLE], self._newest[FORM], self._newest[SECTION], own_bar, chord,
            self._echo(place),
        ]  # fmt: skip

    def _place(self, row: Sequence[int]) -> int:
        first = self._bar, _first_place(row[1], row[2], row[3])
        again = first == self._last_first
        self._at_once = min(self._at_once + 1, _MOST_AT_ONCE - 1) if again else 0
        self._last_first = first
        return first[1] + self._at_once

    def _echo(self, place: int) -> int:
        source = self._bar - self._back[self._bar] if self._bar >= 0 else -1
        if source < 0:
            return -1
        notes = self._notes[source]
        found = bisect_left(notes, (place + 1, -1))
        return notes[found][1] if found < len(notes) else self._bar_rows[source + 1]
