"""The notes of all tracks on the grid at once, and what bringing them there took.

In: parts, which of them become one, and the way from ticks to steps. Out: `Snapped`. Done by
machine code where that is loaded, else in numpy: both give the same. Knows no bar.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from musegen.errors import MidiError
from musegen.music import timing
from musegen.music.machine import KERNELS
from musegen.music.score import (
    DURATION,
    ONSET,
    PITCH,
    VELOCITY,
    NoteArray,
    Parts,
    Score,
    Tempo,
)
from musegen.music.snapping import FLOOR_LENGTH, NEAREST_LENGTH, GridTime, Settled, settle
from musegen.music.timing import GRID, Floats, Ints

MAX_STEP = 2**31 - 1


class Snapped(NamedTuple):
    """Notes on the grid, (M, 4), by group, onset and pitch, and what that took.

    `lengths` says how many notes each group has, `about` its last release and the sum of its
    pitches.
    `mean`, `mean_s`, `farthest`, `farthest_s`: how far the notes that went in have moved, in
    steps and in seconds.
    """

    rows: NoteArray
    lengths: Ints
    about: Sequence[Sequence[int]]
    mean: float
    mean_s: float
    farthest: float
    farthest_s: float
    first: int
    last: int
    merged: int
    overlaps_cut: int
    lengths_raised: int
    lengths_snapped: int
    lengths_cut: int
    velocities_rounded: int


def snap(score: Score, parts: Parts, homes: Sequence[int], time: GridTime) -> Snapped:
    """The notes of these parts of a score on the grid; `homes` is the group of each, from 0.

    Raises MidiError where they last longer than the grid can say, or are no notes of MIDI.
    """
    kernels = KERNELS.loaded
    if kernels is not None:
        done, rows, lengths, about, counts, moved = kernels.snap(
            parts.notes, parts.lengths, np.array(homes, dtype=np.int64), 1 + max(homes),
            time.ticks_per_quarter, time.ticks, time.steps,
            *_paces(score.tempos, score.ticks_per_quarter), NEAREST_LENGTH, FLOOR_LENGTH,
        )  # fmt: skip
        if done:
            merged, overlaps, raised, snapped, cut, rounded, first, last = counts
            return Snapped(
                rows, lengths, about.tolist(), moved[0], moved[1], moved[2], moved[3], first, last,
                merged, overlaps, raised, snapped, cut, rounded,
            )  # fmt: skip
    groups = np.repeat(np.array(homes, dtype=np.int64), parts.lengths)
    return _snapped(score, parts.notes, groups, time)


@lru_cache(maxsize=512)
def _paces(tempos: tuple[Tempo, ...], ticks_per_quarter: int) -> tuple[Ints, Floats]:
    """Ticks of the tempo changes, and seconds per step from each on."""
    ticks, pace = timing.paces(tempos, ticks_per_quarter)
    return ticks, pace * (ticks_per_quarter / GRID.steps_per_quarter)


def _snapped(score: Score, notes: NoteArray, group: Ints, time: GridTime) -> Snapped:
    """What `snap` gives, in numpy; `group` has a number for each note."""
    columns = notes.T.astype(np.int64, order="C")
    if columns[ONSET].min() < 0 or ((columns[PITCH] | columns[VELOCITY]) & ~127).any():
        raise MidiError("the score", "holds a note before 0, or a pitch or velocity not in 0..127")
    onset, shift = time.to_steps(columns[ONSET])
    release, _ = time.to_steps(columns[ONSET] + columns[DURATION])
    if release.max() > MAX_STEP:
        raise MidiError("the score", f"is longer than {MAX_STEP:,} steps of the grid")
    length = release - onset
    velocity = columns[VELOCITY] // GRID.velocity_bin * GRID.velocity_bin + GRID.velocity_bin // 2
    settled = settle(group, onset, np.maximum(length, 1), columns[PITCH], velocity)
    rows, owner = _by_group(settled)
    firsts = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    release = settled.onset + settled.duration  # by group, then pitch
    shift = np.abs(shift)
    ticks_per_step = score.ticks_per_quarter / GRID.steps_per_quarter
    shift_s = shift * (timing.seconds_per_tick_at(score, columns[ONSET]) * ticks_per_step)
    about = np.maximum.reduceat(release, firsts), np.add.reduceat(settled.pitch, firsts)
    return Snapped(
        rows,
        np.diff(np.append(firsts, len(rows))),
        np.stack(about, axis=1).tolist(),
        float(shift.mean()),
        float(shift_s.mean()),
        float(shift.max()),
        float(shift_s.max()),
        int(settled.onset.min()),
        int(release.max()),
        merged=settled.merged,
        overlaps_cut=settled.overlaps_cut,
        lengths_raised=int(np.count_nonzero(length < 1)),
        lengths_snapped=settled.lengths_snapped,
        lengths_cut=settled.lengths_cut,
        velocities_rounded=int(np.count_nonzero(velocity != columns[VELOCITY])),
    )


def _by_group(settled: Settled) -> tuple[NoteArray, Ints]:
    """The notes (M, 4) ordered by group, onset and pitch, and the group of each."""
    key = settled.group << 31
    key |= settled.onset
    for column, bits in ((settled.pitch, 7), (settled.duration, 11), (settled.velocity, 7)):
        key <<= bits
        key |= column
    key.sort()
    rows = np.empty((len(key), 4), dtype=np.int32)
    for place, bits in ((VELOCITY, 7), (DURATION, 11), (PITCH, 7), (ONSET, 31)):
        rows[:, place] = key & 2**bits - 1
        key >>= bits
    return rows, key
