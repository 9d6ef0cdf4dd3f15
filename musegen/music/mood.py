"""Mood: how pleasant and how excited a piece, or a stretch of it, is likely to sound.

A Score on the grid goes in, valence and arousal in [-1, 1] come out. The model is linear in a few
measured cues with signs and sizes from the literature; nothing in it was fitted to mood labels.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from musegen.errors import WishError, unknown
from musegen.music.keys import majorness
from musegen.music.measure import articulations, consonances, pool, syncopated
from musegen.music.score import Score
from musegen.music.timing import bar_lines, seconds_at

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Cue(NamedTuple):
    """One measured cue: its mean and deviation in the reference music, and what it adds."""

    mean: float
    deviation: float
    valence: float
    arousal: float


CUES = {
    "pace": Cue(1.65, 0.85, 0.15, 0.45),
    "tempo": Cue(6.67, 0.43, 0.15, 0.25),
    "loudness": Cue(81.0, 12.0, 0.0, 0.4),
    "staccato": Cue(0.09, 0.13, 0.15, 0.2),
    "height": Cue(60.6, 4.6, 0.15, 0.1),
    "drums": Cue(0.09, 0.16, 0.0, 0.2),
    "syncopation": Cue(0.11, 0.18, 0.0, 0.1),
    "majorness": Cue(0.115, 0.235, 0.6, 0.0),
    "dissonance": Cue(-0.5, 0.155, -0.25, 0.1),
    "variety": Cue(2.87, 0.25, -0.1, 0.0),
}
"""The cues. Signs and order of size follow Gabrielsson and Lindström (2010, The role of structure
in the musical expression of emotions), Gomez and Danuser (2007, Emotion 7), Livingstone et al.
(2010, Computer Music Journal 34) and Eerola, Friberg and Bresin (2013, Frontiers in Psychology 4):

- arousal: pace and tempo first, then loudness, then staccato and a driving beat; a little from
  height, syncopation and dissonance.
- valence: mode first, then consonance, then tempo, pace, height and staccato; many different
  pitch classes make music less plainly happy.

pace: log2 of onsets per second. tempo: log2 of quarters per minute. loudness: mean velocity.
staccato: 1 less the mean of length / time to the next onset. height: mean pitch. drums: share of
the notes. variety: entropy of pitch classes in bits. The others are as in `measure` and `keys`.

Means and deviations were measured, without labels, on 487 pieces of openly licensed music: folk
tunes, lead sheets, chorales, songs, piano and chamber music, pop and band arrangements."""

FARTHEST = 2.5
"""Deviations beyond which a cue says no more."""

AXES = ("valence", "arousal")
SPREAD = (0.62, 0.55)
"""What the sum of the cues is multiplied by before it is squashed, so that openly licensed music
fills the plane: both axes then have a deviation of about 0.4."""

FULL = 0.95
"""A level beyond this is taken to be this one where the sum of its cues is asked for."""


NAMED_MOODS = {
    "happy": (0.8, 0.5),
    "joyful": (0.9, 0.6),
    "playful": (0.7, 0.6),
    "triumphant": (0.7, 0.8),
    "energetic": (0.4, 0.9),
    "exciting": (0.6, 0.9),
    "epic": (0.2, 0.8),
    "tense": (-0.6, 0.7),
    "angry": (-0.8, 0.8),
    "aggressive": (-0.6, 0.9),
    "scary": (-0.8, 0.6),
    "dark": (-0.7, 0.1),
    "mysterious": (-0.3, -0.1),
    "sad": (-0.8, -0.5),
    "melancholic": (-0.6, -0.5),
    "gloomy": (-0.7, -0.6),
    "nostalgic": (0.1, -0.4),
    "romantic": (0.6, -0.1),
    "tender": (0.6, -0.5),
    "dreamy": (0.4, -0.6),
    "calm": (0.6, -0.7),
    "peaceful": (0.7, -0.8),
    "neutral": (0.0, 0.0),
}
"""Points of the plane by name. Where Russell has the word (1980, A circumplex model of affect) or
a near one, the point has its angle there: happy, exciting, tense, angry, scary (afraid), sad,
gloomy, calm, peaceful (serene). The others were put between their neighbours by how Eerola and
Vuoskoski (2011, Psychology of Music 39) and the GEMS words of Zentner et al. (2008, Emotion 8:
nostalgia, tenderness, peacefulness, power, joy, tension, sadness) lie to those."""


def mood_point(name: str) -> tuple[float, float]:
    """Valence and arousal of a named mood.

    >>> mood_point("calm")
    (0.6, -0.7)
    """
    point = NAMED_MOODS.get(name.strip().lower())
    if point is None:
        raise WishError(unknown("mood", name, NAMED_MOODS))
    return point


def mood(score: Score) -> tuple[float, float]:
    """Valence and arousal of a piece, each from -1 to 1."""
    valence, arousal = moods(score, bar_lines(score)[[0, -1]])[0].tolist()
    return valence, arousal


def section_moods(score: Score, first_bars: Sequence[int]) -> list[tuple[float, float]]:
    """Valence and arousal of each section, given the bars in which the sections begin."""
    lines = bar_lines(score)
    edges = np.append(lines[np.asarray(first_bars, dtype=np.int64)], lines[-1])
    return [(valence, arousal) for valence, arousal in moods(score, edges).tolist()]


def moods(score: Score, edges: Ints) -> Floats:
    """Valence and arousal of each stretch between two neighbouring ticks of `edges`: (S, 2).

    A stretch in which nothing begins is neither pleasant nor unpleasant, and not excited: 0, -1.
    """
    cues = measure_cues(score, edges)
    table = np.array([CUES[name] for name in cues])
    mean, deviation, weights = table[:, 0], table[:, 1], table[:, 2:]
    values = np.stack(list(cues.values()), axis=1)  # (S, cues)
    away = (np.where(np.isnan(values), mean, values) - mean) / deviation
    points = np.tanh(np.clip(away, -FARTHEST, FARTHEST) @ weights * SPREAD)
    points[np.isnan(cues["pace"])] = 0.0, -1.0
    result: Floats = points
    return result


def cue_sum(axis: str, level: float) -> float:
    """The sum of the cues, in deviations times weights, that makes a level of AXES."""
    return float(np.arctanh(np.clip(level, -FULL, FULL))) / SPREAD[AXES.index(axis)]


def level_of(axis: str, total: float) -> float:
    """The level of AXES that a sum of cues makes, -1 to 1."""
    return float(np.tanh(total * SPREAD[AXES.index(axis)]))


def majorness_for(valence: float) -> float:
    """How major music is that is so pleasant by its majorness alone, other cues being as usual."""
    cue = CUES["majorness"]
    away = np.clip(cue_sum("valence", valence) / cue.valence, -FARTHEST, FARTHEST)
    return cue.mean + cue.deviation * float(away)


def measure_cues(score: Score, edges: Ints) -> dict[str, Floats]:
    """Every cue of every stretch, (S,) each; NaN where a stretch has nothing to tell it by."""
    notes = pool(score)
    pitched, tops = notes.pitched, notes.pitched.top_lines
    stretches = len(edges) - 1

    def place(ticks: Ints) -> Ints:
        return np.clip(np.searchsorted(edges, ticks, side="right") - 1, 0, stretches - 1)

    def mean(where: Ints, numbers: NDArray[Any]) -> Floats:
        total = np.bincount(where, weights=numbers, minlength=stretches)
        return _ratio(total, np.bincount(where, minlength=stretches))

    of_note, of_pitched, of_top = place(notes.onset), place(pitched.onset), place(tops.onset)
    seconds = np.diff(seconds_at(score, edges))
    minutes_per_quarter = seconds / 60 / (np.diff(edges) / score.ticks_per_quarter)
    ratios = articulations(tops, score.ticks_per_quarter)
    followed = ratios > 0
    tone = of_pitched * 12 + pitched.pitch % 12
    begun = np.bincount(tone, minlength=12 * stretches).reshape(stretches, 12)
    held = np.bincount(tone, weights=pitched.duration, minlength=12 * stretches)
    histograms = held.reshape(stretches, 12).astype(np.float64, copy=False)
    sums, pairs = consonances(score)
    of_eighth = place(np.arange(len(sums)) * (score.ticks_per_quarter // 2))
    onsets = np.bincount(place(np.unique(notes.onset)), minlength=stretches)
    return {
        "pace": np.log2(_ratio(onsets, np.where(onsets > 0, seconds, 0))),
        "tempo": -np.log2(minutes_per_quarter),
        "loudness": mean(of_note, notes.velocity),
        "staccato": 1 - mean(of_top[followed], ratios[followed]),
        "height": mean(of_pitched, pitched.pitch),
        "drums": mean(of_note, notes.is_drum),
        "syncopation": mean(of_top, syncopated(score, tops, bar_lines(score))),
        "majorness": np.where(begun.any(axis=1), majorness(histograms), np.nan),
        "dissonance": -_ratio(
            np.bincount(of_eighth, weights=sums, minlength=stretches),
            np.bincount(of_eighth, weights=pairs, minlength=stretches),
        ),
        "variety": _entropy(begun),
    }


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> Floats:
    """`above / below`, NaN where `below` is 0."""
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio


def _entropy(counts: Ints) -> Floats:
    """Entropy in bits of each row of counts, NaN of an empty one: (S, 12) to (S,)."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    bits: Floats = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1)
    return np.where(counts.any(axis=1), bits, np.nan)
