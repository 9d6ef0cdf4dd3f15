"""Every conversion of musical time, once: ticks, grid steps, bars, seconds, tempo.

Scores go in; arrays with one number a tick, a note or a bar come out. Also holds `GRID`, the list
of what a score on the grid may contain. Knows no file, no token, and changes no score.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musegen.music.remembering import remembered
from musegen.music.score import MICROSECONDS_PER_MINUTE, Meter, Score, Tempo

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_MICROSECONDS = 2**24 - 1
"""The slowest tempo that MIDI can hold: 3.58 quarter notes per minute."""

DEFAULT_TEMPO_MICROSECONDS = 500_000
"""What holds until a file says otherwise: 120 quarter notes per minute, and 4/4."""


@dataclass(frozen=True)
class Grid:
    """What a score on the grid may contain: step, note lengths, velocities, meters, kits, tempi."""

    steps_per_quarter: int
    max_bar_quarters: int
    max_tracks: int
    durations: tuple[int, ...]
    velocity_bin: int
    meters: tuple[tuple[int, int], ...]
    kits: tuple[int, ...]
    tempo_bpm: tuple[int, int]

    @property
    def max_bar_steps(self) -> int:
        """Length of the longest bar in steps."""
        return self.max_bar_quarters * self.steps_per_quarter

    @property
    def velocities(self) -> tuple[int, ...]:
        """The centres of the velocity bins: 2, 6, 10 ... 126."""
        return tuple(range(self.velocity_bin // 2, 128, self.velocity_bin))

    @cached_property
    def meter_set(self) -> frozenset[tuple[int, int]]:
        """`meters`, for looking one up."""
        return frozenset(self.meters)


def _meters(max_quarters: int, denominators: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Every meter of at most `max_quarters` quarters and at most 32 beats a bar."""
    return tuple((n, d) for d in denominators for n in range(1, min(32, max_quarters * d // 4) + 1))


GRID = Grid(
    steps_per_quarter=24,
    max_bar_quarters=16,
    max_tracks=16,
    durations=(*range(1, 97), *range(108, 193, 12), *range(216, 385, 24), *range(480, 1537, 96)),
    velocity_bin=4,
    meters=_meters(16, (1, 2, 4, 8, 16, 32)),
    kits=(0, 8, 16, 24, 25, 32, 40, 48, 56),
    tempo_bpm=(16, 300),
)
"""24 steps to a quarter, so that 32nds (3) and triplet eighths (8) are whole; bars of at most
sixteen quarters; lengths exact up to four quarters, then by eighths, quarters and whole notes;
velocities in 32 bins; General MIDI 2 drum kits; whole tempi."""

STEPS_PER_QUARTER = GRID.steps_per_quarter


def bar_steps(numerator: int, denominator: int) -> int:
    """Length of a bar in grid steps. (3, 4) is 72, (6, 8) is 72, (4, 4) is 96."""
    return numerator * 4 * STEPS_PER_QUARTER // denominator


def bar_ticks(numerator: int, denominator: int, ticks_per_quarter: int) -> int:
    """Length of a bar in ticks, at least 1."""
    return max(1, numerator * 4 * ticks_per_quarter // denominator)


def meters_in_order(score: Score) -> tuple[Meter, ...]:
    """The score's meters by tick, the first at 0; what repeats the meter that holds is left out.

    Of several at one tick the last counts. Without one at tick 0 the piece begins in 4/4.
    """
    return ordered_meters(score.meters)


@lru_cache(maxsize=64)
def ordered_meters(meters: tuple[Meter, ...]) -> tuple[Meter, ...]:
    """Meters as `meters_in_order` has them."""
    if len(meters) == 1 and meters[0].tick == 0:
        return meters
    latest = {0: Meter(0, 4, 4)}
    for meter in sorted(meters, key=lambda change: change.tick):
        latest[max(0, meter.tick)] = Meter(max(0, meter.tick), *meter[1:])
    changes: list[Meter] = []
    for meter in latest.values():
        if not changes or meter[1:] != changes[-1][1:]:
            changes.append(meter)
    return tuple(changes)


def tempos_in_order(score: Score) -> tuple[Tempo, ...]:
    """The score's tempi by tick, the first at 0; what repeats the tempo that holds is left out."""
    return ordered_tempos(score.tempos)


@lru_cache(maxsize=64)
def ordered_tempos(tempos: tuple[Tempo, ...]) -> tuple[Tempo, ...]:
    """Tempi as `tempos_in_order` has them."""
    before, held = -1, -1
    for tick, microseconds in tempos:
        if tick <= before or microseconds == held:
            break
        before, held = tick, microseconds
    else:
        if tempos and tempos[0].tick == 0:
            return tempos
    latest = {0: Tempo(0, DEFAULT_TEMPO_MICROSECONDS)}
    for tempo in sorted(tempos, key=lambda change: change.tick):
        latest[max(0, tempo.tick)] = Tempo(max(0, tempo.tick), tempo.microseconds)
    changes: list[Tempo] = []
    for tempo in latest.values():
        if not changes or tempo.microseconds != changes[-1].microseconds:
            changes.append(tempo)
    return tuple(changes)


@remembered
def _bars(score: Score) -> tuple[Ints, Ints, Ints]:
    """Bar lines with the final one, and every bar's numerator and denominator."""
    meters = meters_in_order(score)
    lines, numerators, denominators = [], [], []
    for place, (tick, numerator, denominator) in enumerate(meters):
        if place and tick >= score.end:
            break
        quarters = 4 * score.ticks_per_quarter * numerator
        is_last = place + 1 == len(meters) or meters[place + 1].tick >= score.end
        stop = max(score.end, tick + 1) if is_last else meters[place + 1].tick
        count = max(1, -((tick - stop) * denominator // quarters))
        starts = tick + np.arange(count + 1, dtype=np.int64) * quarters // denominator
        # Where a bar is not a whole number of ticks, rounding may need one bar more or one less.
        keep = max(1, int(np.searchsorted(starts, stop)))
        lines.append(starts[:keep])
        numerators.append(np.full(keep, numerator, dtype=np.int64))
        denominators.append(np.full(keep, denominator, dtype=np.int64))
        final = tick + keep * quarters // denominator
    lines.append(np.array([final], dtype=np.int64))
    columns = np.concatenate(lines), np.concatenate(numerators), np.concatenate(denominators)
    for column in columns:
        column.setflags(write=False)
    return columns


@remembered
def bar_lines(score: Score) -> Ints:
    """The tick at which every bar begins, and the final line: (bars + 1,).

    The final line is the first at or after `score.end`; there is at least one bar. A meter change
    always starts a new bar: one that comes inside a bar cuts that bar short.

    >>> bar_lines(Score(24, meters=(Meter(0, 4, 4), Meter(120, 3, 4)), end=200)).tolist()
    [0, 96, 120, 192, 264]
    """
    return lines_of(meters_in_order(score), score.ticks_per_quarter, score.end)


def lines_of(meters: tuple[Meter, ...], ticks_per_quarter: int, end: int) -> Ints:
    """Bar lines as `bar_lines` has them, of meters in order."""
    _, numerator, denominator = meters[0]
    bar, rest = divmod(4 * ticks_per_quarter * numerator, denominator)
    if rest or (len(meters) > 1 and meters[1].tick < end):
        return _bars(Score(ticks_per_quarter, meters=meters, end=end))[0]
    lines = np.arange(0, -(-max(1, end) // bar) * bar + 1, bar, dtype=np.int64)
    lines.setflags(write=False)
    return lines


def bar_meters(score: Score) -> tuple[Ints, Ints]:
    """The numerator and the denominator of every bar: two arrays of (bars,).

    A bar that a meter change cuts short has the meter that it set out with.
    """
    _, numerators, denominators = _bars(score)
    return numerators, denominators


def bar_of(score: Score, tick: ArrayLike) -> Ints:
    """The bar, counted from 0, that every tick lies in."""
    return np.searchsorted(bar_lines(score), np.asarray(tick), side="right").astype(np.int64) - 1


def _tempo_map(score: Score) -> tuple[Ints, Floats, Floats]:
    """Ticks of the tempo changes, seconds at each, and seconds per tick from each on."""
    ticks, pace = paces(score.tempos, score.ticks_per_quarter)
    seconds = np.zeros(len(ticks))
    np.cumsum(np.diff(ticks) * pace[:-1], out=seconds[1:])
    return ticks, seconds, pace


@lru_cache(maxsize=64)
def paces(tempos: tuple[Tempo, ...], ticks_per_quarter: int) -> tuple[Ints, Floats]:
    """Ticks of the tempo changes, and seconds per tick from each on: to be left as they are."""
    tempos = ordered_tempos(tempos)
    pace = np.array([max(1, tempo.microseconds) for tempo in tempos], dtype=np.float64)
    pace /= 1e6 * ticks_per_quarter
    return np.array([tempo.tick for tempo in tempos], dtype=np.int64), pace


def seconds_at(score: Score, tick: ArrayLike) -> Floats:
    """The time of every tick in seconds from the start."""
    ticks, seconds, pace = _tempo_map(score)
    when = np.asarray(tick, dtype=np.float64)
    if len(ticks) == 1:
        return np.asarray(when * pace[0])
    place = np.maximum(np.searchsorted(ticks, when, side="right") - 1, 0)
    result: Floats = seconds[place] + (when - ticks[place]) * pace[place]
    return result


def tick_at(score: Score, second: ArrayLike) -> Ints:
    """The tick nearest to every time in seconds from the start."""
    ticks, seconds, pace = _tempo_map(score)
    when = np.asarray(second, dtype=np.float64)
    place = np.maximum(np.searchsorted(seconds, when, side="right") - 1, 0)
    return np.rint(ticks[place] + (when - seconds[place]) / pace[place]).astype(np.int64)


def seconds_per_tick_at(score: Score, tick: ArrayLike) -> Floats:
    """How long a tick lasts at every tick, in seconds."""
    ticks, _, pace = _tempo_map(score)
    if len(ticks) == 1:
        return np.broadcast_to(pace[0], np.shape(tick))
    place = np.maximum(np.searchsorted(ticks, np.asarray(tick), side="right") - 1, 0)
    result: Floats = pace[place]
    return result


def length_s(score: Score) -> float:
    """How long the piece lasts, in seconds."""
    return float(seconds_at(score, score.end))


def bar_tempos_bpm(score: Score, lines: Ints | None = None) -> Floats:
    """The mean tempo of every bar in quarter notes per minute, weighted by time: (bars,).

    The mean keeps a bar's length in seconds, and so the ritardando of a performance, bar by bar.
    `lines` takes other places than the score's own bar lines.
    """
    tempos = tempos_in_order(score)
    if lines is None:
        lines = bar_lines(score)
    if len(tempos) == 1:
        bpm = MICROSECONDS_PER_MINUTE / max(1, tempos[0].microseconds)
        return np.full(len(lines) - 1, bpm)
    quarters = np.diff(lines) / score.ticks_per_quarter
    result: Floats = quarters * 60 / np.diff(seconds_at(score, lines))
    return result


def ticks_to_steps(tick: Ints, ticks_per_quarter: int) -> Ints:
    """Ticks as grid steps, rounded to the nearest; halves up."""
    if ticks_per_quarter == STEPS_PER_QUARTER:
        return tick
    return (2 * STEPS_PER_QUARTER * tick + ticks_per_quarter) // (2 * ticks_per_quarter)
