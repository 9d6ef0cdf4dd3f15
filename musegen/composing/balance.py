"""The balance of a piece's tracks: one that plays less than was planned is favoured.

A model that skips a track once foretells that the track goes on resting, and so on to the end: of
the tracks that it was told of, four in ten were never heard. Here the plan is fed back: TRACK says
how many notes a quarter a track plays, and the logits of a note's instrument lean towards the
tracks that are behind it. Knows no model.
"""

from collections.abc import Callable
from math import log

import numpy as np
from numpy.typing import NDArray

from musegen.tokens import scales
from musegen.tokens.fields import BAR, NOTE, TRACK, column
from musegen.tokens.ids import from_level

BEHIND, AHEAD = 1.5, -0.7
"""Where the logarithm of notes due over notes played stops to count: 4.5 times behind, 2 ahead."""

SLACK_QUARTERS, SLACK_NOTES = 4.0, 1.0
"""Added to both sides, so that the first bar decides little: the notes of so long, and these."""

_ONSET, _INSTRUMENT, _NUMBER = (column(NOTE, name) for name in ("onset", "instrument", "number"))
_ITS_INSTRUMENT, _ITS_NUMBER = column(TRACK, "instrument"), column(TRACK, "number")
_DENSITY, _METER = column(TRACK, "density"), column(BAR, "meter")


class Balance:
    """Counts the notes of every track against what TRACK rows promise.

    may_sound: whether an instrument may strike in a bar; where not, nothing is due.
    """

    def __init__(self, may_sound: Callable[[int, int], bool]) -> None:
        self._may_sound = may_sound
        self._density: dict[tuple[int, int], float] = {}  # by track, notes a quarter
        self._played: dict[tuple[int, int], int] = {}
        self._quarters: dict[tuple[int, int], float] = {}  # in which it could play, in closed bars
        self._sounding: frozenset[tuple[int, int]] = frozenset()  # that may strike in the open bar
        self._bar = -1
        self._length = 0.0

    def take(self, row: list[int]) -> None:
        """Take one more row of the piece into account."""
        if row[0] == TRACK:
            track = row[_ITS_INSTRUMENT], row[_ITS_NUMBER]
            density = from_level(scales.DENSITY, row[_DENSITY])
            if density:
                self._density[track] = density
                self._played[track], self._quarters[track] = 0, 0.0
        elif row[0] == BAR:
            for track in self._sounding:
                self._quarters[track] += self._length
            self._bar += 1
            self._length = float(scales.BAR_QUARTERS[row[_METER]])
            self._sounding = frozenset(
                track for track in self._density if self._may_sound(self._bar, track[0])
            )
        elif row[0] == NOTE:
            track = row[_INSTRUMENT], row[_NUMBER]
            if track in self._played:
                self._played[track] += 1

    def leaning(self, row: list[int]) -> dict[int, float]:
        """What to add to the logits of the next field of a NOTE row that is begun, by value.

        row: its kind and onset (then the field is "instrument"), or its instrument, too ("number").
        Of tracks with one instrument the one that is furthest behind speaks for the instrument.
        """
        onset = row[_ONSET]
        if len(row) > _INSTRUMENT:
            wanted = row[_INSTRUMENT]
            return {
                number: self.behind((instrument, number), onset)
                for instrument, number in self._sounding
                if instrument == wanted
            }
        found: dict[int, float] = {}
        for track in self._sounding:
            behind = self.behind(track, onset)
            if behind > found.get(track[0], behind - 1):
                found[track[0]] = behind
        return found

    def behind(self, track: tuple[int, int], onset: int) -> float:
        """How far a track is behind its plan, `onset` steps into the open bar; below 0: ahead.

        The natural logarithm of notes due over notes played, within AHEAD to BEHIND.
        """
        density = self._density[track]
        quarters = self._quarters[track] + onset / scales.STEPS_PER_QUARTER + 1
        slack = density * SLACK_QUARTERS + SLACK_NOTES
        ratio = (density * quarters + slack) / (self._played[track] + slack)
        return min(max(log(ratio), AHEAD), BEHIND)


def leaned(
    logits: NDArray[np.floating], leaning: dict[int, float], strength: float
) -> NDArray[np.floating]:
    """Logits (size,) with `strength` times what leans added."""
    if not leaning:
        return logits
    moved = logits.copy()
    for value, behind in leaning.items():
        moved[value] += strength * behind
    return moved
