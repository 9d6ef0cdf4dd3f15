"""Fields that are heard against something said earlier: a pitch in a key, over a chord, after a
pitch; a chord in a key, after a chord.

A relation gives every value of a field, for every value of what it is heard against, the number of
a step ("the fifth of a minor chord", "a semitone up"), or none. A model that says how likely each
step is says the same thing in every key. In: sizes from the event table. Out: tables of numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int16]

FARTHEST_STEP = 24
"""Semitones up or down up to which two pitches are a step apart."""

FARTHEST_ONSET, FARTHEST_DURATION, FARTHEST_VELOCITY = 96, 8, 16
"""Likewise: grid steps, and places in the scales of durations and velocities."""


@dataclass(frozen=True, eq=False)
class Relation:
    """`field` of rows of `kind` against `source` of the row that `link` leads to.

    link: a name of SEEN_LINKS, as seen from the row before; or "before", the track's last note.
    steps: (size of source, size of field), the number of the step from one value to the other, -1
    where there is none. count: how many steps there are.
    """

    kind: str
    field: str
    link: str
    source: str
    steps: Steps
    count: int

    @property
    def name(self) -> str:
        """Which it is."""
        return f"{self.kind}_{self.field}_{self.link}"


@dataclass(frozen=True)
class Sizes:
    """What relations need to know of the event table.

    keys: values of `key`, 0 unset, then majors, then minors; pitches: values of `pitch`, from
    `first_drum` on drums; chords: values of `chord`, from `first_chord` on by root, then quality.
    """

    keys: int
    pitches: int
    first_drum: int
    chords: int
    first_chord: int
    qualities: int
    onsets: int
    instruments: int
    durations: int
    velocities: int


def relations(sizes: Sizes) -> tuple[Relation, ...]:
    """Every relation of musegen's own rows."""
    key, chord, pitch = (np.arange(n) for n in (sizes.keys, sizes.chords, sizes.pitches))
    mode, tonic = np.divmod(key - 1, 12)
    root, quality = np.divmod(chord - sizes.first_chord, sizes.qualities)
    in_key, is_chord, pitched = key > 0, chord >= sizes.first_chord, pitch < sizes.first_drum

    above_tonic = 12 * mode[:, None] + (pitch - tonic[:, None]) % 12
    degree = _where(in_key, pitched, above_tonic)
    above_root = 12 * quality[:, None] + (pitch - root[:, None]) % 12
    tone = _where(is_chord, pitched, above_root)
    function = 12 * mode[:, None] + (root - tonic[:, None]) % 12
    in_function = _where(in_key, is_chord, function * sizes.qualities + quality)
    change = (root - root[:, None]) % 12 * sizes.qualities + quality
    changed = _where(is_chord, is_chord, change)

    away = pitch - pitch[:, None]
    moved = _where(pitched, pitched, away + FARTHEST_STEP)
    moved[np.abs(away) > FARTHEST_STEP] = -1
    again = 2 * FARTHEST_STEP + 1
    moved[(away == 0) & ~pitched] = again  # the same drum

    chords = 12 * sizes.qualities
    onset = _apart(sizes.onsets, FARTHEST_ONSET)
    instrument = _apart(sizes.instruments, 0)
    duration = _apart(sizes.durations, FARTHEST_DURATION)
    velocity = _apart(sizes.velocities, FARTHEST_VELOCITY)
    return (
        *_ordered("onset", onset, FARTHEST_ONSET, "prior", "echo"),
        *_ordered("instrument", instrument, 0, "echo"),
        *_ordered("duration", duration, FARTHEST_DURATION, "before", "echo"),
        *_ordered("velocity", velocity, FARTHEST_VELOCITY, "before", "echo"),
        Relation("NOTE", "pitch", "style", "key", degree, 24),
        Relation("NOTE", "pitch", "chord", "chord", tone, chords),
        Relation("NOTE", "pitch", "before", "pitch", moved, again + 1),
        Relation("NOTE", "pitch", "echo", "pitch", moved, again + 1),
        Relation("BAR", "chord", "style", "key", in_function, 2 * chords),
        Relation("BAR", "chord", "chord", "chord", changed, chords),
        Relation("CHORD", "chord", "style", "key", in_function, 2 * chords),
        Relation("CHORD", "chord", "chord", "chord", changed, chords),
    )


def _apart(size: int, farthest: int) -> Steps:
    """How far values are from one another, up to `farthest` up or down."""
    values = np.arange(size)
    apart = values - values[:, None] + farthest
    return np.where((apart >= 0) & (apart <= 2 * farthest), apart, -1).astype(np.int16)


def _ordered(field: str, steps: Steps, farthest: int, *links: str) -> list[Relation]:
    """A note's field against the same field of other notes."""
    return [Relation("NOTE", field, link, field, steps, 2 * farthest + 1) for link in links]


def _where(sources: NDArray[np.bool_], values: NDArray[np.bool_], step: NDArray[np.int64]) -> Steps:
    """The steps where both source and value have one, -1 elsewhere."""
    return np.where(sources[:, None] & values, step, -1).astype(np.int16)
