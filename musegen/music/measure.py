"""What can be counted in a piece: density, polyphony, loudness, register, groove and the like.

A Score on the grid goes in, plain numbers come out, all vectorised. Knows no token and no wish; a
number that cannot be said (the articulation of a drum solo) is 0, its key None.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musegen.music.keys import MAJOR_SCALE, KeyFound, find_key
from musegen.music.remembering import remembered
from musegen.music.score import Score
from musegen.music.timing import bar_lines, bar_meters

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CONSONANCE = (0.0, -1.428, -0.582, 0.594, 0.386, 1.240, -0.453)
"""Consonance of interval classes 0 (unison) to 6 (tritone): Huron (1994), Music Perception 11."""

LARGEST_INTERVAL = 12
"""Melodic leaps beyond an octave are counted as an octave in the interval histogram."""

LONGEST_GAP_QUARTERS = 4
"""Articulation looks at notes that are followed within this time; a longer gap is a rest."""


def _consonance_table() -> Floats:
    """Consonance of any two pitch classes, 0 of a pitch class with itself: (12, 12)."""
    apart = np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    table: Floats = np.array(CONSONANCE)[np.minimum(apart, 12 - apart)]
    return table


_CONSONANCE = _consonance_table()
_SCALES = np.array([np.isin((np.arange(12) - t) % 12, MAJOR_SCALE) for t in range(12)], float)


@dataclass(frozen=True, eq=False)
class Pool:
    """All notes of a piece in one: columns ordered by track, onset, pitch. Each array is (N,)."""

    onset: Ints
    duration: Ints
    pitch: Ints
    velocity: Ints
    track: Ints
    is_drum: Bools

    def __len__(self) -> int:
        return len(self.onset)

    def where(self, keep: Bools) -> "Pool":
        """Only these notes."""
        return Pool(
            self.onset[keep],
            self.duration[keep],
            self.pitch[keep],
            self.velocity[keep],
            self.track[keep],
            self.is_drum[keep],
        )

    @cached_property
    def pitched(self) -> "Pool":
        """Only the notes that have a pitch: no drums."""
        return self.where(~self.is_drum) if self.is_drum.any() else self

    @cached_property
    def top_lines(self) -> "Pool":
        """Only the highest note of each track at each onset."""
        last = np.ones(len(self), dtype=bool)
        last[:-1] = (np.diff(self.track) != 0) | (np.diff(self.onset) != 0)
        return self.where(last)

    @cached_property
    def gaps(self) -> Ints:
        """Time from each note's onset to the next one's in its track, 0 after the last: (N,)."""
        gaps = np.zeros(len(self), dtype=np.int64)
        gaps[:-1] = np.where(self.track[1:] == self.track[:-1], np.diff(self.onset), 0)
        return gaps


@remembered
def pool(score: Score) -> Pool:
    """All notes of all tracks as columns, ordered by track, onset, pitch."""
    sizes = [len(track) for track in score.tracks]
    columns = np.zeros((4, sum(sizes)), dtype=np.int64)
    if score.tracks:
        np.concatenate([track.notes.T for track in score.tracks], axis=1, out=columns)
    return Pool(
        onset=columns[0],
        duration=columns[1],
        pitch=columns[2],
        velocity=columns[3],
        track=np.repeat(np.arange(len(sizes)), sizes),
        is_drum=np.repeat(np.array([t.is_drum for t in score.tracks], dtype=bool), sizes),
    )


@dataclass(frozen=True)
class TrackMeasured:
    """One track: notes per quarter of the whole piece, notes at once while it sounds, range."""

    density: float
    polyphony: float
    low: int
    high: int
    loudness: float


def measure_tracks(score: Score, notes: Pool | None = None) -> tuple[TrackMeasured, ...]:
    """Density, polyphony, range and mean velocity of every track, in score order."""
    notes = pool(score) if notes is None else notes
    tracks = len(score.tracks)
    if not tracks:
        return ()
    count = np.bincount(notes.track, minlength=tracks)
    assert count.all(), "a score on the grid has no empty track"
    held = np.bincount(notes.track, weights=notes.duration, minlength=tracks)
    loud = np.bincount(notes.track, weights=notes.velocity, minlength=tracks)
    starts = np.cumsum(count) - count
    columns = (
        count * score.ticks_per_quarter / score.end,
        held / _sounding_steps(notes, tracks, score.end),
        np.minimum.reduceat(notes.pitch, starts),
        np.maximum.reduceat(notes.pitch, starts),
        loud / count,
    )
    return tuple(TrackMeasured(*row) for row in zip(*(c.tolist() for c in columns), strict=True))


def _sounding_steps(notes: Pool, tracks: int, end: int) -> Floats:
    """For how many steps each track sounds: (tracks,)."""
    start = notes.onset + notes.track * (end + 1)  # one track after the other
    stop = start + notes.duration
    covered = np.maximum.accumulate(stop)
    before = np.concatenate([[0], covered[:-1]])
    fresh = np.maximum(stop - np.maximum(start, before), 0)
    return np.bincount(notes.track, weights=fresh, minlength=tracks).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Measured:
    """What was counted in a piece. Drums count in density, loudness, groove and empty bars only.

    density: notes per quarter note over the whole piece. polyphony: mean number of pitched notes
    that sound together while any sounds. loudness: mean velocity; velocity_spread its deviation.
    pitch_classes: how long each pitch class sounds, sums to 1 (all 0 without pitched notes).
    bar_density: notes per quarter of each bar. mean_length_quarters: of pitched notes.
    intervals: share of each melodic step of every track's top line, -12 to 12 semitones: (25,).
    articulation: mean of length / time to the next onset in the track, at most 1 (legato).
    syncopation: share of onsets that lie off the beat and have none on the next beat after them.
    dissonance: minus Huron's consonance of the pitch classes that sound together, mean over pairs.
    """

    note_count: int
    pitched_count: int
    quarters: float
    density: float
    polyphony: float
    loudness: float
    velocity_spread: float
    key: KeyFound | None
    pitch_class_entropy: float
    scale_consistency: float
    groove_consistency: float
    empty_bar_rate: float
    mean_length_quarters: float
    mean_pitch: float
    pitch_range: int
    articulation: float
    syncopation: float
    dissonance: float
    drum_share: float
    tracks: tuple[TrackMeasured, ...]
    pitch_classes: Floats = field(repr=False, compare=False)
    bar_density: Floats = field(repr=False, compare=False)
    intervals: Floats = field(repr=False, compare=False)


def measure(score: Score) -> Measured:
    """Everything that `Measured` lists, counted in a Score on the grid."""
    notes = pool(score)
    pitched = notes.pitched
    lines = bar_lines(score)
    bar = np.searchsorted(lines, notes.onset, side="right") - 1
    in_bar = np.bincount(bar, minlength=len(lines) - 1)
    held = np.bincount(pitched.pitch % 12, weights=pitched.duration, minlength=12)
    pitch_classes = held / max(held.sum(), 1)
    ratios = articulations(pitched.top_lines, score.ticks_per_quarter)
    return Measured(
        note_count=len(notes),
        pitched_count=len(pitched),
        quarters=score.end / score.ticks_per_quarter,
        density=len(notes) * score.ticks_per_quarter / max(score.end, 1),
        polyphony=_polyphony(pitched, score.end),
        loudness=_mean(notes.velocity),
        velocity_spread=float(notes.velocity.std()) if len(notes) else 0.0,
        key=find_key(pitch_classes),
        pitch_class_entropy=_pitch_class_entropy(pitched),
        scale_consistency=_scale_consistency(pitched),
        groove_consistency=_groove_consistency(notes, bar, lines),
        empty_bar_rate=_mean(in_bar == 0),
        mean_length_quarters=_mean(pitched.duration) / score.ticks_per_quarter,
        mean_pitch=_mean(pitched.pitch),
        pitch_range=int(np.ptp(pitched.pitch)) if len(pitched) else 0,
        articulation=_mean(ratios[ratios > 0]),
        syncopation=_mean(syncopated(score, pitched.top_lines, lines)),
        dissonance=_dissonance(score),
        drum_share=_mean(notes.is_drum),
        tracks=measure_tracks(score, notes),
        pitch_classes=pitch_classes,
        bar_density=in_bar / np.diff(lines) * score.ticks_per_quarter,
        intervals=_intervals(pitched.top_lines),
    )


def _mean(numbers: NDArray[np.generic]) -> float:
    """The mean as a plain number, 0 of nothing."""
    return float(numbers.mean()) if len(numbers) else 0.0


def _polyphony(pitched: Pool, end: int) -> float:
    """Notes at once, mean over the steps in which something pitched sounds."""
    change = np.bincount(pitched.onset, minlength=end + 1)
    change -= np.bincount(pitched.onset + pitched.duration, minlength=end + 1)
    return float(pitched.duration.sum()) / max(int(np.count_nonzero(np.cumsum(change))), 1)


def _pitch_class_entropy(pitched: Pool) -> float:
    """Shannon entropy in bits of how often each pitch class begins, 0 to log2(12) = 3.58.

    Wu and Yang (ISMIR 2020, The Jazz Transformer on the Front Line); muspy.pitch_class_entropy.
    """
    counts = np.bincount(pitched.pitch % 12, minlength=12)
    shares = counts[counts > 0] / max(len(pitched), 1)
    return abs(float((shares * np.log2(shares)).sum()))


def _scale_consistency(pitched: Pool) -> float:
    """The largest share of notes that lie in one major or natural minor scale.

    Mogren (2016, C-RNN-GAN); muspy.scale_consistency. A natural minor scale holds the same pitch
    classes as its relative major, so twelve scales are all there are.
    """
    counts = np.bincount(pitched.pitch % 12, minlength=12)
    return float((_SCALES @ counts).max()) / max(len(pitched), 1)


def _groove_consistency(notes: Pool, bar: Ints, lines: Ints) -> float:
    """1 less the mean share of steps in which neighbouring bars differ in having an onset.

    Wu and Yang (ISMIR 2020); muspy.groove_consistency. Only neighbours of the same length are
    compared; a piece without such neighbours has 1.
    """
    lengths = np.diff(lines)
    alike = lengths[1:] == lengths[:-1]
    if not alike.any():
        return 1.0
    groove = np.zeros((len(lengths), int(lengths.max())), dtype=bool)
    groove[bar, notes.onset - lines[bar]] = True
    differing = (groove[1:] != groove[:-1]).sum(axis=1)
    return 1 - _mean((differing / lengths[1:])[alike])


@remembered
def consonances(score: Score) -> tuple[Floats, Floats]:
    """Every eighth note: Huron's consonance summed over the pairs of sounding pitch classes.

    Returns the sums and the numbers of pairs, both (eighths,).
    """
    pitched = pool(score).pitched
    every = score.ticks_per_quarter // 2
    eighths = -(-score.end // every) + 1
    tone = pitched.pitch % 12
    first = -(-pitched.onset // every) * 12 + tone
    after = -(-(pitched.onset + pitched.duration) // every) * 12 + tone
    change = np.bincount(first, minlength=eighths * 12) - np.bincount(after, minlength=eighths * 12)
    sounds = (np.cumsum(change.reshape(eighths, 12), axis=0) > 0).astype(np.float64)
    tones = sounds.sum(axis=1)
    return ((sounds @ _CONSONANCE) * sounds).sum(axis=1) / 2, tones * (tones - 1) / 2


def _dissonance(score: Score) -> float:
    """Minus the mean consonance of all pairs that sound together, 0 where there are none."""
    sums, pairs = consonances(score)
    return 0.0 - float(sums.sum()) / max(float(pairs.sum()), 1.0)


def _intervals(tops: Pool) -> Floats:
    """Share of each melodic interval, from an octave down to an octave up: (25,)."""
    steps = np.diff(tops.pitch)[tops.track[1:] == tops.track[:-1]]
    steps = np.clip(steps, -LARGEST_INTERVAL, LARGEST_INTERVAL) + LARGEST_INTERVAL
    return np.bincount(steps, minlength=2 * LARGEST_INTERVAL + 1) / max(len(steps), 1)


def articulations(tops: Pool, ticks_per_quarter: int) -> Floats:
    """Length / time to the next onset of each note, at most 1; 0 before a long rest: (N,)."""
    near = (tops.gaps > 0) & (tops.gaps <= LONGEST_GAP_QUARTERS * ticks_per_quarter)
    return np.where(near, np.minimum(tops.duration / np.maximum(tops.gaps, 1), 1.0), 0.0)


def syncopated(score: Score, tops: Pool, lines: Ints) -> Bools:
    """Which notes lie off the beat while their track has no onset on the next beat: (N,).

    A plain form of Longuet-Higgins and Lee (1984, The Rhythmic Interpretation of Monophonic
    Music). 4/4 has quarters for beats, 6/8 dotted quarters.
    """
    numerator, denominator = bar_meters(score)
    unit = 4 * score.ticks_per_quarter // denominator
    compound = (numerator > 3) & (numerator % 3 == 0) & (denominator >= 8)
    beats = np.where(compound, 3 * unit, unit)
    bar = np.searchsorted(lines, tops.onset, side="right") - 1
    to_beat = (lines[bar] - tops.onset) % beats[bar]
    empty_beat: Bools = (to_beat > 0) & ((tops.gaps > to_beat) | (tops.gaps == 0))
    return empty_beat
