"""How time, meters and note lengths are brought to the grid: the arithmetic behind `quantise`.

Any Score's meters go in and whole bars of the grid come out, with the way from ticks to steps; note
arrays go in and settled ones come out. Knows no track, no tempo, and says nothing to a user.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from musegen.music import timing
from musegen.music.score import (
    DURATION,
    ONSET,
    PITCH,
    VELOCITY,
    Meter,
    NoteArray,
    Score,
    note_array,
)
from musegen.music.timing import GRID, Floats, Ints, bar_steps

LONGEST = GRID.durations[-1]

_LENGTHS = np.array(GRID.durations)
_WANTED = np.arange(LONGEST + 1)
FLOOR_LENGTH: Ints = _LENGTHS[np.maximum(np.searchsorted(_LENGTHS, _WANTED, side="right") - 1, 0)]
"""For 0 to the longest length: the longest note length that is not longer (1 for 0)."""

_CEILING: Ints = _LENGTHS[np.searchsorted(_LENGTHS, _WANTED)]
NEAREST_LENGTH: Ints = np.where(_CEILING - _WANTED < _WANTED - FLOOR_LENGTH, _CEILING, FLOOR_LENGTH)
"""For 0 to the longest length: the nearest note length, of two equally near the shorter."""


@dataclass(frozen=True)
class GridTime:
    """The way from a score's ticks to grid steps, one stretch for every meter of the score.

    Stretch i begins at tick `ticks[i]`, which becomes step `steps[i]`. `meters` are the grid's own.
    """

    ticks_per_quarter: int
    ticks: Ints
    steps: Ints
    meters: tuple[Meter, ...]
    replaced: int = 0
    moved: int = 0
    cut_short: int = 0

    def to_steps(self, tick: Ints) -> tuple[Ints, Floats]:
        """The step nearest to every tick, and how far away it lies, in steps."""
        if len(self.ticks) == 1:
            step = timing.ticks_to_steps(tick, self.ticks_per_quarter)
            return step, step - tick * (timing.STEPS_PER_QUARTER / self.ticks_per_quarter)
        place = np.maximum(np.searchsorted(self.ticks, tick, side="right") - 1, 0)
        within = tick - self.ticks[place]
        step = self.steps[place] + timing.ticks_to_steps(within, self.ticks_per_quarter)
        # What would fall past a bar that was cut short sounds at the next bar line.
        step = np.minimum(step, np.append(self.steps[1:], np.iinfo(np.int64).max)[place])
        exact = self.steps[place] + within * (timing.STEPS_PER_QUARTER / self.ticks_per_quarter)
        return step, step - exact

    def to_ticks(self, step: Ints) -> Floats:
        """The place in ticks, not rounded, that every step came from."""
        place = np.searchsorted(self.steps, step, side="right") - 1
        ticks_per_step = self.ticks_per_quarter / timing.STEPS_PER_QUARTER
        result: Floats = self.ticks[place] + (step - self.steps[place]) * ticks_per_step
        return result


def grid_time(score: Score) -> GridTime:
    """The grid's bars for a score's meters.

    A meter that a row cannot hold becomes one with the same bar length, or whose bars add up to it,
    or else 4/4. A change inside a bar cuts that bar short, at the nearest 32nd (16th, 8th in a long
    bar), and the short bar has a meter of its own: 4/4 cut after two quarters is a bar of 2/4.
    """
    meters = timing.meters_in_order(score)
    source = tuple(meter for meter in meters if meter.tick == 0 or meter.tick < score.end)
    return _grid_time(score.ticks_per_quarter, source)


@lru_cache(maxsize=64)
def _grid_time(per_quarter: int, source: tuple[Meter, ...]) -> GridTime:
    """What `grid_time` gives; most pieces of a folder have one of a few meters."""
    ticks, steps = [0], [0]
    fitting = [_fitting(meter.numerator, meter.denominator) for meter in source]
    meters = {0: fitting[0]}
    moved = cut_short = 0
    for place, meter in enumerate(source[1:], 1):
        away = (meter.tick - ticks[-1]) * GRID.steps_per_quarter / per_quarter
        bar = bar_steps(*fitting[place - 1])
        bars, rest = divmod(away, bar)
        unit = 3 if rest <= 96 else 6 if rest <= 192 else 12
        cut = round(rest / unit) * unit
        moved += abs(cut - rest) > 1e-6
        line = steps[-1] + int(bars) * bar
        if 0 < cut < bar:
            meters[line] = _meter_of(cut)
            cut_short += 1
        meters[line + cut] = fitting[place]
        ticks.append(meter.tick)
        steps.append(line + cut)
    changes: list[Meter] = []
    for step, (numerator, denominator) in meters.items():
        if not changes or changes[-1][1:] != (numerator, denominator):
            changes.append(Meter(step, numerator, denominator))
    return GridTime(
        ticks_per_quarter=per_quarter,
        ticks=np.array(ticks, dtype=np.int64),
        steps=np.array(steps, dtype=np.int64),
        meters=tuple(changes),
        replaced=sum(meter[1:] != fit for meter, fit in zip(source, fitting, strict=True)),
        moved=moved,
        cut_short=cut_short,
    )


def _meter_of(steps: int) -> tuple[int, int]:
    """The plainest meter of a bar of so many steps: 24 is 1/4, 36 is 3/8."""
    return next(
        (steps * d // 96, d)
        for d in (4, 8, 16, 32)
        if steps * d % 96 == 0 and (steps * d // 96, d) in GRID.meter_set
    )


def _fitting(numerator: int, denominator: int) -> tuple[int, int]:
    """The meter of the grid that stands for a meter: itself, where the grid has it."""
    if (numerator, denominator) in GRID.meter_set:
        return numerator, denominator
    if numerator < 1 or denominator < 1:
        return 4, 4
    for parts in range(1, max(1, numerator // 2) + 1):  # bars of one beat would be no bars
        beats, left = divmod(numerator, parts)
        if left:
            continue
        if (beats, denominator) in GRID.meter_set:
            return beats, denominator
        steps, fraction = divmod(96 * beats, denominator)
        if not fraction and steps % 3 == 0 and 0 < steps <= 96:
            return _meter_of(steps)
    return 4, 4


@dataclass(frozen=True)
class Settled:
    """Notes as the grid allows them, ordered by group, pitch and onset, and what that took."""

    group: Ints
    onset: Ints
    duration: Ints
    pitch: Ints
    velocity: Ints
    merged: int
    overlaps_cut: int
    lengths_cut: int
    lengths_snapped: int


def settle(group: Ints, onset: Ints, duration: Ints, pitch: Ints, velocity: Ints) -> Settled:
    """Notes of which no two of one pitch in one group overlap, all of lengths that the grid has.

    Of notes that begin together on one pitch one stays, as long and as loud as any of them. A note
    still sounding when its pitch is struck again ends there. No length is snapped past that.
    """
    # One int64 sorts faster than five columns: 6 bits group, 7 pitch, 31 onset, 11, 7 bits.
    most = 2**11 - 1
    key = group << 7
    key |= pitch
    key <<= 31
    key |= onset
    key <<= 11
    key |= most - np.minimum(duration, most)
    key <<= 7
    key |= velocity
    key.sort()
    velocity = key & 127
    key >>= 7
    duration = most - (key & most)
    key >>= 11
    merged = 0
    again = key[1:] == key[:-1]
    if again.any():
        first = np.flatnonzero(np.append(True, ~again))
        merged = len(key) - len(first)
        velocity = np.maximum.reduceat(velocity, first)  # the longest comes first already
        key, duration = key[first], duration[first]
    place, onset = key >> 31, key & 2**31 - 1
    room = np.full(len(onset), np.iinfo(np.int64).max)
    np.copyto(room[:-1], onset[1:] - onset[:-1], where=place[1:] == place[:-1])
    overlaps = duration > room
    wanted = np.minimum(duration, room)
    length = NEAREST_LENGTH[np.minimum(wanted, LONGEST)]
    past = length > room
    if past.any():
        length[past] = FLOOR_LENGTH[wanted[past]]
    too_long = wanted > LONGEST
    return Settled(
        group=place >> 7,
        onset=onset,
        duration=length,
        pitch=place & 127,
        velocity=velocity,
        merged=merged,
        overlaps_cut=int(np.count_nonzero(overlaps)),
        lengths_cut=int(np.count_nonzero(too_long)),
        lengths_snapped=int(np.count_nonzero((length != wanted) & ~too_long)),
    )


def without_overlaps(notes: NoteArray) -> NoteArray:
    """One track's notes, in ticks, of which no two of one pitch overlap: the earlier is cut.

    Of notes that begin together on one pitch the longest stays, as loud as any of them.
    """
    order = np.lexsort((-notes[:, DURATION], notes[:, ONSET], notes[:, PITCH]))
    rows = notes[order]
    same_pitch = rows[1:, PITCH] == rows[:-1, PITCH]
    first = np.flatnonzero(np.append(True, ~(same_pitch & (np.diff(rows[:, ONSET]) == 0))))
    if not len(rows):
        return notes
    loudest = np.maximum.reduceat(rows[:, VELOCITY], first)
    rows = rows[first]
    rows[:, VELOCITY] = loudest
    same_pitch = rows[1:, PITCH] == rows[:-1, PITCH]
    room = np.where(same_pitch, np.diff(rows[:, ONSET]), rows[:-1, DURATION])
    rows[:-1, DURATION] = np.minimum(rows[:-1, DURATION], room)
    return note_array(rows)
