"""Where everything lies on the picture of a piece: a Score goes in, a Page in inches comes out.

A page is read as sheet music is: systems of bars below each other, the pitched tracks of a system
above its drums. Knows lengths and places only; no colour, no matplotlib.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.music.score import DURATION, PITCH, Score
from musegen.music.timing import bar_lines

Places = NDArray[np.float64]

LEFT, RIGHT, BOTTOM = 1.0, 0.3, 0.3
WIDEST_MUSIC = 13.7
NARROWEST_MUSIC = 6.5
QUARTER_WIDTH = 0.43
"""Inches of a quarter note in a piece that fits into one system; longer pieces fill the width."""

LANE, LOWEST_ROLL, HIGHEST_ROLL = 0.039, 0.9, 2.4
"""Inches of a semitone, and of the pitched panel at least and at most."""

DRUM_ROW, HIGHEST_DRUMS = 0.1, 1.3
SECTION_ROW, CHORD_ROW, SIGN_ROW, NUMBER_ROW = 0.2, 0.19, 0.15, 0.15
PANEL_GAP, SYSTEM_GAP = 0.07, 0.24
EMPTY_RANGE = (54, 66)

BARS_A_SYSTEM = ((8, 1.5), (16, 1.6), (32, 2.2))
"""Bars in a system, each with the tallest picture (height / width) for which it is taken."""

DENSEST = 64
STRETCH = 1.5
"""A piece this much longer than a system still gets one, rather than a second one with a widow."""

WIDOW, JUSTIFIED = 0.25, 0.7
"""A last system shorter than the first share of the others joins the one before; a system as long
as the second share of the longest is drawn as wide as that."""

LEAST_QUARTERS = 20
"""Short bars (2/4, 3/8) are put into longer systems until a system has so many quarters."""

_DRUMS_UPWARDS = (
    (35, 36),
    (37, 38, 39, 40),
    (41, 43, 45, 47, 48, 50),
    (42, 44, 46),
    (49, 51, 52, 53, 55, 57, 59),
)
_DRUM_ORDER = {pitch: place for place, pitch in enumerate(p for row in _DRUMS_UPWARDS for p in row)}


@dataclass(frozen=True)
class System:
    """Bars side by side: the number of the first (from 0), all bar lines, scale, lower edge."""

    first_bar: int
    lines: tuple[int, ...]
    inches_per_tick: float
    bottom: float

    @property
    def start(self) -> int:
        """The tick at which it begins."""
        return self.lines[0]

    @property
    def end(self) -> int:
        """The tick at which it is over."""
        return self.lines[-1]

    @property
    def right(self) -> float:
        """Its right edge."""
        return float(self.x(self.end))

    def x(self, ticks: Places | NDArray[np.integer[Any]] | float) -> Places:
        """Places of `ticks`, from left to right."""
        return np.asarray(LEFT + (np.asarray(ticks) - self.start) * self.inches_per_tick)


@dataclass(frozen=True)
class Page:
    """A whole picture, in inches from its lower left corner."""

    width: float
    height: float
    systems: tuple[System, ...]
    low: int
    high: int
    roll_height: float
    drums: tuple[int, ...]
    drum_row: float

    @property
    def lane(self) -> float:
        """Height of one semitone."""
        return self.roll_height / max(1, self.high - self.low + 1)

    @property
    def drum_height(self) -> float:
        """Height of the drum panel."""
        return self.drum_row * len(self.drums)

    def roll_bottom(self, system: System) -> float:
        """Lower edge of the pitched panel."""
        gap = PANEL_GAP if self.drums and self.roll_height else 0.0
        return system.bottom + self.drum_height + gap

    def roll_top(self, system: System) -> float:
        """Upper edge of the pitched panel, or of the drums where there is no other track."""
        return self.roll_bottom(system) + self.roll_height

    def panels(self, system: System) -> list[tuple[float, float]]:
        """Lower and upper edge of the panels that `system` has, pitched tracks first."""
        roll = [(self.roll_bottom(system), self.roll_top(system))] if self.roll_height else []
        return roll + ([(system.bottom, system.bottom + self.drum_height)] if self.drums else [])

    def pitch_y(self, system: System, pitches: "Places | NDArray[np.integer[Any]] | int") -> Places:
        """Lower edge of the lanes of `pitches`."""
        return np.asarray(self.roll_bottom(system) + (np.asarray(pitches) - self.low) * self.lane)

    def drum_y(self, system: System, rows: "NDArray[np.integer[Any]] | int") -> Places:
        """Lower edge of drum rows, counted from below."""
        return np.asarray(system.bottom + np.asarray(rows) * self.drum_row)


def lay_out(score: Score, header: float, above: float) -> Page:
    """A page that holds all bars of `score` at a size that can be read, however many they are.

    `header` is the height kept free at the top of the page, `above` that over each system.
    """
    lines = bar_lines(score)
    low, high = _range(score)
    drums = _drums(score)
    roll = min(max((high - low + 1) * LANE, LOWEST_ROLL), HIGHEST_ROLL) if _pitched(score) else 0.0
    drum_row = min(DRUM_ROW, HIGHEST_DRUMS / max(1, len(drums)))
    panels = roll + len(drums) * drum_row + (PANEL_GAP if roll and drums else 0.0)
    pitch_to_pitch = above + panels + SYSTEM_GAP

    bars = len(lines) - 1
    per_system = _bars_a_system(lines, score.ticks_per_quarter, header, pitch_to_pitch)
    starts = list(range(0, bars, per_system))
    if len(starts) > 1 and bars - starts[-1] <= WIDOW * per_system:
        del starts[-1]
    spans = [lines[a : b + 1] for a, b in zip(starts, [*starts[1:], bars], strict=True)]
    longest = max(int(span[-1] - span[0]) for span in spans)
    wanted = longest / score.ticks_per_quarter * QUARTER_WIDTH
    music_width = min(max(wanted, NARROWEST_MUSIC), WIDEST_MUSIC)
    height = header + len(starts) * pitch_to_pitch - SYSTEM_GAP + BOTTOM
    systems = []
    for number, (start, span) in enumerate(zip(starts, spans, strict=True)):
        ticks = int(span[-1] - span[0])
        systems.append(
            System(
                first_bar=start,
                lines=tuple(int(line) for line in span),
                inches_per_tick=music_width / (ticks if ticks >= JUSTIFIED * longest else longest),
                bottom=height - header - above - panels - number * pitch_to_pitch,
            )
        )
    return Page(
        width=LEFT + music_width + RIGHT,
        height=height,
        systems=tuple(systems),
        low=low,
        high=high,
        roll_height=roll,
        drums=drums,
        drum_row=drum_row,
    )


def _pitched(score: Score) -> bool:
    return any(not track.is_drum for track in score.tracks) or not score.tracks


def _range(score: Score) -> tuple[int, int]:
    """Lowest and highest pitch to show: two semitones beyond the notes, at least an octave."""
    pitches = [t.notes[:, PITCH] for t in score.tracks if len(t) and not t.is_drum]
    if not pitches:
        return EMPTY_RANGE
    low = min(int(p.min()) for p in pitches) - 2
    high = max(int(p.max()) for p in pitches) + 2
    lack = max(0, EMPTY_RANGE[1] - EMPTY_RANGE[0] - (high - low))
    return max(0, low - lack // 2), min(127, high + lack - lack // 2)


def _drums(score: Score) -> tuple[int, ...]:
    """The drums that sound, from the lowest row up: kick, snare, toms, cymbals, the rest."""
    used = {int(p) for t in score.tracks if t.is_drum for p in np.unique(t.notes[:, PITCH])}
    return tuple(sorted(used, key=lambda pitch: (_DRUM_ORDER.get(pitch, 100), pitch)))


def _bars_a_system(
    lines: NDArray[np.integer[Any]], ticks_per_quarter: int, header: float, pitch_to_pitch: float
) -> int:
    """How many bars stand side by side: as few as the height of the picture allows."""
    bars = len(lines) - 1
    quarters_a_bar = float(lines[-1] - lines[0]) / ticks_per_quarter / bars
    full_width = LEFT + WIDEST_MUSIC + RIGHT
    for count, tallest in BARS_A_SYSTEM:
        if bars <= count * STRETCH and bars * quarters_a_bar <= LEAST_QUARTERS * 2 * STRETCH:
            return bars
        height = header + ceil(bars / count) * pitch_to_pitch
        if count * quarters_a_bar >= LEAST_QUARTERS and height <= tallest * full_width:
            return count
    return DENSEST if bars > DENSEST * STRETCH else max(bars, 1)


def longest_notes_first(score: Score) -> list[int]:
    """Indices of the pitched tracks, those with the longest notes first: others lie on top."""
    lengths = {
        index: float(track.notes[:, DURATION].mean())
        for index, track in enumerate(score.tracks)
        if len(track) and not track.is_drum
    }
    return sorted(lengths, key=lambda index: -lengths[index])
