"""The number scales of the event table: how tempo, duration, density and the like become integers.

A scale is a list of values; `index` finds the nearest and `value` gives it back, so that
`index(value(i)) == i` always. A scale says nothing about rows: `fields` puts scales into fields.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musegen.music import chords, timing
from musegen.music.timing import GRID

STEPS_PER_QUARTER = GRID.steps_per_quarter
"""The grid: 24 steps to a quarter note, so that 32nds (3) and triplet eighths (8) are whole."""

MAX_BAR_STEPS = GRID.max_bar_steps
"""The longest bar that a row can hold: sixteen quarter notes."""

MAX_TRACKS = GRID.max_tracks
MAX_BARS_WISH = 512
"""The largest number of bars that a composer can ask for. A piece to train on may be longer."""


@dataclass(frozen=True)
class Scale:
    """An ascending list of values that a number is snapped to."""

    values: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.values)

    def index(self, number: float) -> int:
        """The index of the nearest value; of two equally near the smaller."""
        right = bisect_left(self.values, number)
        if right == 0:
            return 0
        if right == len(self.values):
            return right - 1
        left = right - 1
        return left if number - self.values[left] <= self.values[right] - number else right

    def beside(self, number: float) -> float:
        """How far a number lies from the nearest value towards its neighbour: -0.5 to 0.5.

        As a share of the way to the value after it, or, below 0, to the one before it.
        """
        at = self.index(number)
        off = number - self.values[at]
        other = at + (1 if off > 0 else -1)
        if off == 0 or not 0 <= other < len(self.values):
            return 0.0
        return off / abs(self.values[other] - self.values[at])

    def value(self, index: int) -> float:
        """The value at `index`."""
        return self.values[index]

    def snap(self, number: float) -> float:
        """The nearest value of the scale."""
        return self.values[self.index(number)]


def _geometric(first: float, ratio: float, count: int) -> tuple[float, ...]:
    return tuple(round(first * ratio**i, 4) for i in range(count))


VALENCE = AROUSAL = Scale(tuple(round(-1 + 0.2 * i, 1) for i in range(11)))
"""Both axes of mood, from -1 to 1 in eleven steps."""

DENSITY = Scale(_geometric(0.25, 2**0.5, 16))
"""Notes per quarter note, all tracks together (or one track, or one bar): 0.25 to 45."""

POLYPHONY = Scale((1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 9.0, 12.0))
"""Mean number of pitched notes that sound together while anything sounds."""

LOUDNESS = Scale(tuple(float(v) for v in range(4, 128, 8)))
"""Mean velocity of a piece, a section or a track, in 16 levels."""

LEVELS = {
    "valence": VALENCE,
    "arousal": AROUSAL,
    "density": DENSITY,
    "polyphony": POLYPHONY,
    "loudness": LOUDNESS,
}
"""The scale of every number that can be wished of a piece, a section or a track."""

TEMPO_BPM = Scale(tuple(float(b) for b in range(GRID.tempo_bpm[0], GRID.tempo_bpm[1] + 1)))
"""Quarter notes per minute: every whole number from 16 to 300."""

VELOCITY = GRID.velocities
"""Note velocities: the centres of 32 bins of four."""

REGISTER = tuple(range(0, 128, 4))
"""The lowest pitch of each of 32 bins of four semitones, for the range of a track."""

DURATION = GRID.durations
"""Note lengths in steps: exact up to four quarters, then by eighths, quarters and whole notes."""

MAX_DURATION = DURATION[-1]

METERS: Sequence[tuple[int, int]] = GRID.meters
"""Every meter that a row can hold: whole steps, at most sixteen quarters long."""

bar_steps = timing.bar_steps
"""Length of a bar in steps. (3, 4) is 72, (6, 8) is 72, (4, 4) is 96."""

BAR_STEPS = np.array([0, *(bar_steps(*meter) for meter in METERS)], dtype=np.int64)
BAR_QUARTERS = BAR_STEPS / STEPS_PER_QUARTER
"""Length of a bar in steps, by the value of its `meter` field."""

EXACT_BARS_LEFT = 64
BARS_LEFT_BINS = (65, 81, 97, 129, 193, 257, 385, 513)
"""First value of each bin of "bars left" beyond the exact ones; the last has no end."""


def bars_left_index(bars_left: int) -> int:
    """Bars that follow this one, exact up to 64, then binned."""
    if bars_left <= EXACT_BARS_LEFT:
        return bars_left
    return EXACT_BARS_LEFT + sum(bars_left >= first for first in BARS_LEFT_BINS)


@lru_cache(maxsize=512)
def bars_left_indices(bars: int) -> NDArray[np.int16]:
    """`bars_left_index` of 0 and every number up to, not including, `bars`; not to be changed."""
    left = np.arange(bars)
    first = np.array(BARS_LEFT_BINS)
    binned = EXACT_BARS_LEFT + np.searchsorted(first, left, side="right")
    indices = np.where(left <= EXACT_BARS_LEFT, left, binned).astype(np.int16)
    indices.setflags(write=False)
    return indices


def bars_left_range(index: int) -> tuple[int, int]:
    """The smallest and largest number of bars left that `index` can stand for.

    The last bin has no end; the largest number given for it is that of a 1,024-bar piece.
    """
    if index <= EXACT_BARS_LEFT:
        return index, index
    place = index - EXACT_BARS_LEFT - 1
    last = BARS_LEFT_BINS[place + 1] - 1 if place + 1 < len(BARS_LEFT_BINS) else 1023
    return BARS_LEFT_BINS[place], last


CHORD_QUALITIES = chords.CHORD_QUALITIES
"""Chord qualities by pychord's names, major first."""

LETTERS = "ABCDEFGHIJKLMNOP"
"""Names of sections."""

DRUM_KITS = GRID.kits
"""General MIDI 2 drum kits, by the program that selects them on a drum channel."""
