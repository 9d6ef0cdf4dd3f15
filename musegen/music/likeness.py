"""How alike the bars of a piece are: the ground that form is found on.

A Score on the grid goes in; every bar comes out as an identity and a vector whose products are
likenesses. Always the same for the same notes. Knows no form, no token and no wish.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musegen.music.measure import pool
from musegen.music.score import Score
from musegen.music.timing import bar_lines

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Bits = NDArray[np.uint64]
Bools = NDArray[np.bool_]

NOTE_WEIGHT, RHYTHM_WEIGHT, HARMONY_WEIGHT = 0.5, 0.2, 0.3
"""Shares of (track, onset, pitch), (track, onset) and (half bar, pitch class) in likeness."""

DRUM_WEIGHT = 0.3
"""How much a drum track counts beside one pitched track: a groove repeats under new music."""

SHORT_BAR_GROUP = 4
"""Bars no longer than a quarter note are what a transcription without bars has: four make one."""

MOST_DISTINCT = 4096
"""Different bars of a piece that are compared, to bound memory; any beyond are like nothing."""

NOTE_DIMENSIONS, RHYTHM_DIMENSIONS, HARMONY_DIMENSIONS = 1024, 256, 24
DIMENSIONS = NOTE_DIMENSIONS + RHYTHM_DIMENSIONS + HARMONY_DIMENSIONS


@dataclass(frozen=True, eq=False)
class Bars:
    """Every bar of a piece as something to compare.

    identity: equal for bars with the same notes and length, (bars,). empty: where nothing begins.
    vectors: one of length 1 for each distinct bar; `which` has each bar's place in it, (bars,).
    upbeat: the music begins in the second half of the first bar. group: how many of the bars make
    one of a usual length; 4 where they are as short as 1/4.
    """

    identity: Bits
    empty: Bools
    vectors: Floats32
    which: Ints
    upbeat: bool
    group: int

    def __len__(self) -> int:
        return len(self.which)

    @cached_property
    def _gram(self) -> Floats32:
        """Likeness of the distinct bars; the last row and column stand for those left out."""
        kept = self.vectors[:MOST_DISTINCT]
        gram = np.zeros((len(kept) + 1, len(kept) + 1), dtype=np.float32)
        np.clip(kept @ kept.T, 0.0, 1.0, out=gram[:-1, :-1])
        return gram

    def likeness(self, one: Ints, other: Ints) -> Floats32:
        """How alike the bars numbered `one` and `other` are, 0 to 1, element by element.

        An empty bar is like nothing.
        """
        place = np.minimum(self.which, MOST_DISTINCT)
        alike: Floats32 = self._gram[place[one], place[other]]
        return alike

    def likeness_with_silence(self, one: Ints, other: Ints) -> Floats32:
        """The same, but two empty bars are alike."""
        alike = self.likeness(one, other)
        if self.empty.any():
            alike[self.empty[one] & self.empty[other]] = 1.0
        return alike


def compare_bars(score: Score) -> Bars:
    """The bars of a piece, ready to be compared."""
    lines = bar_lines(score)
    lengths = np.diff(lines)
    notes = pool(score)
    bar = np.searchsorted(lines, notes.onset, side="right") - 1
    onset = notes.onset - lines[bar]
    note_key = (onset * 16 + notes.track) * 128 + notes.pitch
    in_bar = np.bincount(bar, minlength=len(lengths))
    identity = _sum_by_bar(_mix(note_key * 2048 + notes.duration), bar, in_bar) + _mix(lengths)
    _, first, which = np.unique(identity, return_index=True, return_inverse=True)
    is_first = np.zeros(len(lengths), dtype=bool)
    is_first[first] = True
    keep = is_first[bar]  # notes of the first of each set of equal bars
    vectors = _vectors(
        row=which[bar[keep]],
        track=notes.track[keep],
        note_key=note_key[keep],
        chroma=np.minimum(onset * 2 // lengths[bar], 1)[keep] * 12 + notes.pitch[keep] % 12,
        duration=notes.duration[keep],
        is_drum=np.array([track.is_drum for track in score.tracks], dtype=bool),
        count=len(first),
    )
    upbeat = len(bar) > 0 and bool(notes.onset.min() * 2 >= lengths[0])
    group = SHORT_BAR_GROUP if np.median(lengths) <= score.ticks_per_quarter else 1
    return Bars(identity, in_bar == 0, vectors, which, upbeat, group)


def _vectors(
    row: Ints,
    track: Ints,
    note_key: Ints,
    chroma: Ints,
    duration: Ints,
    is_drum: Bools,
    count: int,
) -> Floats32:
    """A vector of length 1 for each of `count` bars, from notes in track and onset order.

    Each track counts alike, however many notes it has. Notes and rhythm are hashed with a sign
    into a fixed number of dimensions (Weinberger et al., ICML 2009), which leaves the cosine of
    two bars as it is up to a few hundredths.
    """
    share = np.where(is_drum, DRUM_WEIGHT, 1.0)[track]
    voice = row * 16 + track
    in_voice = np.bincount(voice, minlength=count * 16)
    rhythm_key = note_key >> 7
    fresh = np.ones(len(row), dtype=bool)
    fresh[1:] = (rhythm_key[1:] != rhythm_key[:-1]) | (row[1:] != row[:-1])
    onsets = np.bincount(voice[fresh], minlength=count * 16)
    note_weight = np.sqrt(NOTE_WEIGHT * share / in_voice[voice])
    rhythm_weight = np.sqrt(RHYTHM_WEIGHT * share[fresh] / onsets[voice[fresh]])
    note_bits, rhythm_bits = _mix(note_key), _mix(rhythm_key[fresh])
    note_place = row * DIMENSIONS + _bucket(note_bits, NOTE_DIMENSIONS)
    rhythm_place = row[fresh] * DIMENSIONS + NOTE_DIMENSIONS
    rhythm_place += _bucket(rhythm_bits, RHYTHM_DIMENSIONS)
    vectors: Floats = np.bincount(
        np.concatenate([note_place, rhythm_place]),
        np.concatenate([note_weight * _sign(note_bits), rhythm_weight * _sign(rhythm_bits)]),
        minlength=count * DIMENSIONS,
    ).astype(np.float64, copy=False)
    vectors = vectors.reshape(count, DIMENSIONS)

    pitched = ~is_drum[track]
    harmony: Floats = np.bincount(
        (row * HARMONY_DIMENSIONS + chroma)[pitched],
        np.sqrt(duration[pitched]),
        minlength=count * HARMONY_DIMENSIONS,
    ).astype(np.float64, copy=False)
    harmony = harmony.reshape(count, HARMONY_DIMENSIONS)
    pitched_voices = ((in_voice.reshape(count, 16)[:, : len(is_drum)] > 0) & ~is_drum).sum(axis=1)
    scale = np.sqrt(HARMONY_WEIGHT * pitched_voices) / _lengths(harmony)
    vectors[:, -HARMONY_DIMENSIONS:] = harmony * scale[:, None]
    unit: Floats32 = (vectors / _lengths(vectors)[:, None]).astype(np.float32)
    return unit


def _lengths(vectors: Floats) -> Floats:
    """The length of each row, 1 where it is 0, so that it can be divided by."""
    squared = np.einsum("rd,rd->r", vectors, vectors)
    return np.sqrt(np.where(squared > 0, squared, 1.0))


def _mix(key: Ints) -> Bits:
    """Every key as 64 well-mixed bits (the finaliser of SplitMix64)."""
    bits = key.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Bits = bits ^ (bits >> np.uint64(31))
    return mixed


def _bucket(bits: Bits, size: int) -> Ints:
    return (bits & np.uint64(size - 1)).astype(np.int64)


def _sign(bits: Bits) -> Floats:
    return 1.0 - 2.0 * (bits >> np.uint64(63)).astype(np.float64)


def _sum_by_bar(hashes: Bits, bar: Ints, in_bar: Ints) -> Bits:
    """Sums of the hashes of the notes of each bar, modulo 2**64: (bars,)."""
    running = np.zeros(len(hashes) + 1, dtype=np.uint64)
    np.cumsum(hashes[np.argsort(bar, kind="stable")], out=running[1:])
    ends = np.cumsum(in_bar)
    sums: Bits = running[ends] - running[ends - in_bar]
    return sums
