"""What a piece is in numbers: the statistics by which sets of pieces are compared.

A Score on the grid goes in, one vector of named features comes out. The first of them are the
statistics that are reported one by one, the rest are histograms that sum to 1. Knows no model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musegen.music.form import EXACT, NEW, recurrence
from musegen.music.likeness import Bars, compare_bars
from musegen.music.measure import LARGEST_INTERVAL, Measured, measure, pool
from musegen.music.score import Score
from musegen.music.timing import bar_lines, tempos_in_order

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NOTES, SOUND = "notes", "sound"
"""What a feature tells of: pitch, rhythm and form; or instruments, loudness and tempo."""

LAGS = (1, 4, 8)
"""Distances in bars at which repetition is measured."""

LEAST_BARS = 1 + max(LAGS)

LENGTH_EDGES = (3, 6, 8, 12, 16, 18, 24, 36, 48, 72, 96)
"""Note lengths in steps of 1/24 quarter: the last that each bin but the open one holds."""

FAMILIES = 17
"""The sixteen families of General MIDI, and drums."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A piece with what its statistics are counted from, each found once."""

    score: Score

    @cached_property
    def measured(self) -> Measured:
        """What can be counted."""
        return measure(self.score)

    @cached_property
    def bars(self) -> Bars:
        """Its bars, to compare."""
        return compare_bars(self.score)

    @cached_property
    def returns(self) -> Ints:
        """For each bar whether it is new, varied or exact: (bars,)."""
        return recurrence(self.score, self.bars)[1]

    def likeness(self, lag: int) -> float:
        """Mean likeness, 0 to 1, of bars `lag` apart; NaN where the piece has none."""
        later = np.arange(lag, len(self.bars))
        if not len(later):
            return float("nan")
        return float(self.bars.likeness_with_silence(later, later - lag).mean())

    @cached_property
    def self_similarity(self) -> float:
        """Mean likeness of any two bars."""
        one, other = np.triu_indices(len(self.bars), 1)
        return float(self.bars.likeness_with_silence(one, other).mean()) if len(one) else 0.0


@dataclass(frozen=True)
class Statistic:
    """One number of a piece: its title, its unit, what it tells of, and how it is counted."""

    title: str
    unit: str
    of: Callable[[Heard], float]
    tells: str = NOTES


def _lag(lag: int) -> Callable[[Heard], float]:
    return lambda heard: heard.likeness(lag)


def _share(kind: int) -> Callable[[Heard], float]:
    return lambda heard: float((heard.returns == kind).mean())


STATISTICS = {
    "pitch_class_entropy": Statistic(
        "pitch-class entropy", "bits", lambda h: h.measured.pitch_class_entropy
    ),
    "scale_consistency": Statistic(
        "scale consistency", "share of notes", lambda h: h.measured.scale_consistency
    ),
    "groove_consistency": Statistic(
        "groove consistency", "share of steps", lambda h: h.measured.groove_consistency
    ),
    "polyphony": Statistic("polyphony", "notes at once", lambda h: h.measured.polyphony),
    "density": Statistic("density", "notes a quarter", lambda h: h.measured.density),
    "empty_bars": Statistic("empty bars", "share of bars", lambda h: h.measured.empty_bar_rate),
    "note_length": Statistic("note length", "quarters", lambda h: h.measured.mean_length_quarters),
    "articulation": Statistic(
        "articulation", "length / time to the next", lambda h: h.measured.articulation
    ),
    "syncopation": Statistic("syncopation", "share of onsets", lambda h: h.measured.syncopation),
    "dissonance": Statistic("dissonance", "-Huron's consonance", lambda h: h.measured.dissonance),
    "mean_pitch": Statistic("mean pitch", "MIDI pitch", lambda h: h.measured.mean_pitch),
    "pitch_range": Statistic("pitch range", "semitones", lambda h: float(h.measured.pitch_range)),
    "repeat_1": Statistic("likeness of bars 1 apart", "0 to 1", _lag(1)),
    "repeat_4": Statistic("likeness of bars 4 apart", "0 to 1", _lag(4)),
    "repeat_8": Statistic("likeness of bars 8 apart", "0 to 1", _lag(8)),
    "self_similarity": Statistic(
        "likeness of any two bars", "0 to 1", lambda h: h.self_similarity
    ),
    "exact_bars": Statistic("bars repeated exactly", "share of bars", _share(EXACT)),
    "new_bars": Statistic("bars that are new", "share of bars", _share(NEW)),
    "loudness": Statistic("loudness", "velocity", lambda h: h.measured.loudness, SOUND),
    "velocity_spread": Statistic(
        "spread of velocity", "velocity", lambda h: h.measured.velocity_spread, SOUND
    ),
    "tracks": Statistic("tracks", "number", lambda h: float(len(h.score.tracks)), SOUND),
    "drum_share": Statistic("drums", "share of notes", lambda h: h.measured.drum_share, SOUND),
    "tempo": Statistic(
        "tempo", "quarters a minute", lambda h: tempos_in_order(h.score)[0].bpm, SOUND
    ),
}  # fmt: skip
"""Pitch-class entropy, scale and groove consistency are muspy's (Dong et al., ISMIR 2020)."""

STANDARD = ("pitch_class_entropy", "scale_consistency", "groove_consistency")


def interval_shares(heard: Heard) -> Floats:
    """Share of each melodic step of the top lines, -12 to 12 semitones: (25,)."""
    return heard.measured.intervals


def length_shares(heard: Heard) -> Floats:
    """Share of pitched notes in each bin of LENGTH_EDGES and beyond: (12,)."""
    lengths = pool(heard.score).pitched.duration * 24 // heard.score.ticks_per_quarter
    bins = np.searchsorted(LENGTH_EDGES, lengths)
    return np.bincount(bins, minlength=len(LENGTH_EDGES) + 1) / max(len(lengths), 1)


def place_shares(heard: Heard) -> Floats:
    """Share of notes that begin in each twelfth of a quarter after the bar line: (12,)."""
    lines = bar_lines(heard.score)
    onset = pool(heard.score).onset
    bar = np.searchsorted(lines, onset, side="right") - 1
    places = (onset - lines[bar]) * 12 // heard.score.ticks_per_quarter % 12
    return np.bincount(places, minlength=12) / max(len(places), 1)


def tone_shares(heard: Heard) -> Floats:
    """How long each tone of the likeliest key sounds, from its tonic up by semitones: (12,)."""
    key = heard.measured.key
    return np.roll(heard.measured.pitch_classes, -(key.tonic if key else 0))


def family_shares(heard: Heard) -> Floats:
    """Share of notes that each family of instruments plays, drums last: (17,)."""
    counts = np.zeros(FAMILIES)
    for track in heard.score.tracks:
        counts[FAMILIES - 1 if track.is_drum else track.program // 8] += len(track)
    shares: Floats = counts / max(counts.sum(), 1)
    return shares


@dataclass(frozen=True)
class Histogram:
    """Shares that sum to 1: how many bins, what it tells of, and how it is counted."""

    bins: int
    of: Callable[[Heard], Floats]
    tells: str = NOTES


HISTOGRAMS = {
    "interval": Histogram(2 * LARGEST_INTERVAL + 1, interval_shares),
    "length": Histogram(len(LENGTH_EDGES) + 1, length_shares),
    "place": Histogram(12, place_shares),
    "tone": Histogram(12, tone_shares),
    "family": Histogram(FAMILIES, family_shares, SOUND),
}


def _features() -> tuple[tuple[str, str], ...]:
    named = [(name, statistic.tells) for name, statistic in STATISTICS.items()]
    for name, histogram in HISTOGRAMS.items():
        first = -LARGEST_INTERVAL if name == "interval" else 0
        named += [(f"{name} {first + n}", histogram.tells) for n in range(histogram.bins)]
    return tuple(named)


FEATURES = tuple(name for name, _ in _features())
TELLS = np.array([tells for _, tells in _features()])
"""What each feature tells of: (features,)."""


def columns(histogram: str) -> slice:
    """Where the bins of a histogram lie among FEATURES."""
    first = len(STATISTICS)
    for name, kind in HISTOGRAMS.items():
        if name == histogram:
            return slice(first, first + kind.bins)
        first += kind.bins
    raise KeyError(histogram)


def features(score: Score) -> Floats:
    """Every feature of a piece, in the order of FEATURES."""
    heard = Heard(score)
    single = [statistic.of(heard) for statistic in STATISTICS.values()]
    return np.concatenate([single, *(h.of(heard) for h in HISTOGRAMS.values())])
