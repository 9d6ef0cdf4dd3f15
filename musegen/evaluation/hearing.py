"""What genre a piece is heard as: a judge that knows genres from real pieces alone.

In: real pieces with their genres. Out: the genre that each of other pieces is likeliest to have.
The judge is a random forest (Breiman 2001) on measured features; what labels it knows, it knows
from pieces that no model learned from.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.evaluation.comparing import LEAST_IN_GENRE
from musegen.music.measure import measure
from musegen.music.score import Score

Floats = NDArray[np.float64]

TREES = 400
FOLDS = 5

_FAMILIES = 17  # sixteen of General MIDI, and drums


def sound_of(score: Score) -> list[float]:
    """The features that the judge hears: what `measure` finds, tempo, meter, tracks, families."""
    found = measure(score)
    families = np.zeros(_FAMILIES)
    for track in score.tracks:
        families[-1 if track.is_drum else track.program // 8] += len(track)
    return [
        found.density,
        found.polyphony,
        found.loudness,
        found.velocity_spread,
        found.pitch_class_entropy,
        found.scale_consistency,
        found.groove_consistency,
        found.mean_length_quarters,
        found.mean_pitch,
        found.pitch_range,
        found.articulation,
        found.syncopation,
        found.dissonance,
        found.drum_share,
        found.key.majorness if found.key else 0.0,
        score.tempos[0].bpm,
        score.meters[0].numerator / score.meters[0].denominator,
        len(score.tracks),
        *(families / max(families.sum(), 1)),
    ]


def told_right(heard: Sequence[str], true: Sequence[str]) -> float:
    """The share of pieces heard as what they are, mean over genres (balanced accuracy)."""
    right: dict[str, list[bool]] = {}
    for found, is_so in zip(heard, true, strict=True):
        right.setdefault(is_so, []).append(found == is_so)
    return float(np.mean([np.mean(shares) for shares in right.values()]))


def heard_as(heard: Sequence[str], asked: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """For each genre asked for, how many pieces were heard as which, the most first."""
    found: dict[str, Counter[str]] = {genre: Counter() for genre in dict.fromkeys(asked)}
    for said, genre in zip(heard, asked, strict=True):
        found[genre][said] += 1
    return {genre: dict(counts.most_common()) for genre, counts in found.items()}


@dataclass(frozen=True, eq=False)
class GenreJudge:
    """Hears genres, as it learned them from the features (pieces, features) of real pieces."""

    rows: Floats
    labels: tuple[str, ...]

    @classmethod
    def of(
        cls, pieces: Sequence[tuple[str | None, Score]], least: int = LEAST_IN_GENRE
    ) -> "GenreJudge | None":
        """A judge of the genres of which there are `least` real pieces; None where not of two."""
        counts = Counter(genre for genre, _ in pieces)
        known = [(g, score) for g, score in pieces if g is not None and counts[g] >= least]
        labels = tuple(genre for genre, _ in known)
        if len(set(labels)) < 2:
            return None
        return cls(np.array([sound_of(score) for _, score in known]), labels)

    @cached_property
    def genres(self) -> tuple[str, ...]:
        """The genres that it knows."""
        return tuple(sorted(set(self.labels)))

    @cached_property
    def ceiling(self) -> float:
        """`told_right` of its own pieces, each judged by trees that did not learn from it."""
        from sklearn.model_selection import cross_val_predict

        fewest = min(Counter(self.labels).values())
        folds = max(min(FOLDS, fewest), 2)
        apart = cross_val_predict(_trees(), self.rows, self.labels, cv=folds).tolist()
        return told_right(apart, self.labels)

    def hear(self, scores: Sequence[Score]) -> list[str]:
        """The likeliest genre of each piece."""
        rows: Floats = np.array([sound_of(score) for score in scores])
        found: list[str] = self._forest.predict(rows).tolist()
        return found

    @cached_property
    def _forest(self) -> Any:
        return _trees().fit(self.rows, self.labels)


def _trees() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(TREES, class_weight="balanced", random_state=0)
