"""A piece's sketch: a few hashes of its melodies and of all its notes, by which kin is known.

In: a Score. Out: a `Sketch`, the same in whatever key, tempo, meter and grid, however the melody is
accompanied and whichever track holds it. Knows no other piece: `kinship` compares.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.music.score import ONSET, PITCH, Score

Hashes = NDArray[np.uint64]
"""Hashes in increasing order, each once."""

Ints = NDArray[np.int64]

SPAN = 8
"""Intervals that are hashed together: about two bars of a tune."""

MELODY_HASHES, NOTE_HASHES = 32, 64
"""The smallest hashes are kept, so that of two sketches like hashes are kept (Broder, 1997)."""

LEAST_HASHES = 12
"""A line with fewer different turns says too little to be known by."""

MELODY_TURNS, NOTE_TURNS = 4, 5
"""Different intervals in a span: scales, trills and broken chords have fewer and are everywhere."""

LEAST_PITCH = 48
"""Mean pitch of a melody, at the least: bass lines are alike in pieces that have nothing else."""

LEAST_MOVES, LEAST_STEPS, WIDEST_MEAN = 0.35, 0.15, 5.5
"""What tells a line that sings from an accompaniment: how many of its onsets bring a new pitch, how
many of its intervals are at most a whole tone, and their mean size in semitones."""

_STEP = 2  # semitones
_NOTE_SALT = 1
_POWERS = np.array([pow(0x9E3779B97F4A7C15, k + 1, 2**64) for k in range(SPAN)], dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class Sketch:
    """What a piece is known by.

    `melodies`: hashes of each line that may be the melody; `notes`: of all its pitched notes, none
    where there are too few.
    """

    melodies: tuple[Hashes, ...]
    notes: Hashes

    def __len__(self) -> int:
        return len(self.notes) + sum(map(len, self.melodies))


NO_SKETCH = Sketch((), np.zeros(0, dtype=np.uint64))


def sketch_of(score: Score) -> Sketch:
    """The sketch of a piece; an empty one for drums alone.

    The lines are each track's highest notes and those of all tracks together. Of a line only the
    intervals from one pitch to another count: neither rhythm, which swing and another meter change,
    nor repeated notes, which other words need.
    """
    tracks = [track.notes for track in score.tracks if not track.is_drum and len(track)]
    if not tracks:
        return NO_SKETCH
    lines = [(notes[:, ONSET].astype(np.int64) << 7) + notes[:, PITCH] for notes in tracks]
    every = np.sort(np.concatenate(lines))
    if len(lines) > 1:
        lines.append(every)
    melodies: dict[bytes, Hashes] = {}
    for line in lines:
        intervals = _melody(line)
        if intervals is not None:
            hashes = _smallest(intervals, MELODY_TURNS, MELODY_HASHES)
            if len(hashes) >= LEAST_HASHES:
                melodies.setdefault(hashes.tobytes(), hashes)
    apart = (every[1:] >> 7) != (every[:-1] >> 7)
    pitch = every & 127
    moves = (pitch[1:] - pitch[:-1]) * 2 + apart
    return Sketch(tuple(melodies.values()), _smallest(moves, NOTE_TURNS, NOTE_HASHES, _NOTE_SALT))


def _melody(line: Ints) -> Ints | None:
    """The intervals of the highest notes of a line, if they may be a melody's."""
    onset, pitch = line >> 7, line & 127
    count = len(line)
    if pitch.sum() < LEAST_PITCH * count or count < LEAST_HASHES + SPAN:
        return None
    highest = np.ones(count, dtype=bool)
    np.not_equal(onset[1:], onset[:-1], out=highest[:-1])
    pitch = pitch[highest]
    intervals = pitch[1:] - pitch[:-1]
    moves = intervals[intervals != 0]
    if len(moves) < max(LEAST_HASHES + SPAN - 1, LEAST_MOVES * len(pitch)):
        return None
    size = np.abs(moves)
    steps = np.count_nonzero(size <= _STEP)
    sings = steps >= LEAST_STEPS * len(size) and size.sum() <= WIDEST_MEAN * len(size)
    return moves if sings else None


def _smallest(moves: Ints, turns: int, most: int, salt: int = 0) -> Hashes:
    """The smallest hashes of the spans that have so many different moves at the least."""
    count = len(moves) - SPAN + 1
    if count < 1:
        return np.zeros(0, dtype=np.uint64)
    bits = moves.astype(np.uint64)
    mixed = np.full(count, salt, dtype=np.uint64)
    for place, power in enumerate(_POWERS):
        mixed += bits[place : place + count] * power
    hashes, first = np.unique(_mix(mixed), return_index=True)
    for enough in (3 * most, len(hashes)):  # a few are mostly enough, and cost less
        spans = np.sort(moves[first[:enough, None] + np.arange(SPAN)], axis=1)
        different = np.count_nonzero(spans[:, 1:] != spans[:, :-1], axis=1) + 1
        kept: Hashes = hashes[:enough][different >= turns][:most]
        if len(kept) == most:
            break
    return kept


def _mix(bits: Hashes) -> Hashes:
    """Every number as 64 well-mixed bits (the finaliser of SplitMix64)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = bits ^ (bits >> np.uint64(31))
    return mixed
