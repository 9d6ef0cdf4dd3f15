"""Compositions beside real pieces, in numbers: how well they can be told apart, and by what.

In: a composer and a prepared collection. Out: for compositions, for other real pieces (the ceiling)
and for floors, the same comparison with the held-out pieces. `comparing` has the measures.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.composing.composer import Composer
from musegen.corpus.collection import Collection
from musegen.corpus.windows import scored_rows
from musegen.evaluation.comparing import (
    LEAST_IN_GENRE,
    Estimate,
    apart,
    frechet,
    mean_interval,
    need_sklearn,
    overlap,
    tells_apart,
    two_sample,
)
from musegen.evaluation.floors import Piece
from musegen.evaluation.players import Player, five_grams
from musegen.evaluation.sets import (
    Excerpt,
    Progress,
    Set,
    as_set,
    changed,
    composed,
    held_out,
    others,
)
from musegen.evaluation.shuffled import with_bars_shuffled, with_pitches_shuffled
from musegen.evaluation.statistics import FEATURES, NOTES, SOUND, STATISTICS, TELLS, columns
from musegen.model.sampling import UNLED, Sampling

Floats = NDArray[np.float64]

COMPOSED, OTHERS, BARS, PITCHES, NGRAM, UNIFORM = (
    "compositions",
    "other real pieces (ceiling)",
    "real, bars shuffled",
    "real, pitches shuffled",
    "5-gram per field",
    "uniform over legal choices",
)

EVERYTHING = "everything"
"""What the classifier may look at: all features."""

FITTED = 2000
"""Training pieces, evenly spread, that the 5-gram is fitted on."""

AS_IT_IS = Sampling(temperature=1.0, top_p=1.0, **UNLED)


@dataclass(frozen=True)
class Against:
    """One set of pieces against the held-out real ones.

    told: accuracy of the two-sample classifier, by what it may look at. intervals: share of melodic
    steps that are others. inside: of each statistic, in how many genres its mean lies within the
    real pieces' 95 % interval, and in how many that can be said. overlaps: by statistic.
    """

    pieces: int
    told: Mapping[str, Estimate]
    intervals: Estimate
    distance: Estimate
    means: Mapping[str, Estimate]
    overlaps: Mapping[str, float]
    inside: Mapping[str, tuple[int, int]]
    genre_means: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class MusicReport:
    """Every comparison. `real` and `made` are the sets that were compared first."""

    bars: int
    real: Set
    made: Set
    sets: Mapping[str, Against]
    real_means: Mapping[str, Estimate]
    genre_intervals: Mapping[str, Mapping[str, Estimate]]
    telling: tuple[tuple[str, float], ...]

    def steps(self, pieces: Set) -> Floats:
        """The mean interval histogram of a set: (25,)."""
        shares: Floats = pieces.rows[:, columns("interval")].mean(axis=0)
        return shares


def music_report(
    composer: Composer,
    collection: Collection,
    count: int = 240,
    floor_count: int = 60,
    bars: int = 16,
    seed: int = 0,
    sampling: Sampling | None = None,
    progress: Progress | None = None,
) -> MusicReport:
    """`count` compositions of `bars` bars in the genres of the held-out pieces, compared with them.

    `floor_count` pieces each of the floors that are composed.
    """
    need_sklearn()
    genres = composer.genres
    like = held_out(collection, genres, bars)
    total = count + 2 * floor_count

    def shown(done: int) -> None:
        if progress is not None:
            progress(done, total)

    made = composed(composer, like, count, seed, sampling, lambda done, _: shown(done))
    played: dict[str, list[Excerpt]] = {}
    models = five_grams(_windows(collection, composer))
    for name, player in {NGRAM: Player(genres, models), UNIFORM: Player(genres)}.items():
        before = count + floor_count * len(played)
        played[name] = composed(
            Composer(player), like, floor_count, seed, AS_IT_IS, _after(before, shown)
        )
    more = others(collection, genres, like, bars, seed)
    sets = {
        COMPOSED: made,
        OTHERS: more,
        BARS: changed(more, with_bars_shuffled, seed),
        PITCHES: changed(more, with_pitches_shuffled, seed),
        **played,
    }
    return compared(like, sets, bars, seed)


def _after(before: int, shown: Callable[[int], None]) -> Progress:
    return lambda done, _: shown(before + done)


def _windows(collection: Collection, composer: Composer) -> list[Piece]:
    training = collection.training
    spread = np.linspace(0, len(training) - 1, min(FITTED, len(training))).astype(int)
    cut = [collection.rows(p)[: composer.checkpoint.config.context] for p in training[spread]]
    return [(rows, scored_rows(rows)) for rows in cut]


def compared(
    like: list[Excerpt], sets: Mapping[str, list[Excerpt]], bars: int, seed: int = 0
) -> MusicReport:
    """Each of `sets`, compositions first, against the real pieces `like`."""
    chance = np.random.default_rng([seed, 2])
    real = as_set(like)
    rows = {name: as_set(pieces) for name, pieces in sets.items() if len(pieces) > 1}
    real_means = {
        name: mean_interval(real.rows[:, place], chance) for place, name in enumerate(STATISTICS)
    }
    names, counts = np.unique(real.genres, return_counts=True)
    intervals = {
        genre: {
            name: mean_interval(real.rows[real.genres == genre, place], chance)
            for place, name in enumerate(STATISTICS)
        }
        for genre, pieces in zip(names.tolist(), counts.tolist(), strict=True)
        if genre and pieces >= LEAST_IN_GENRE
    }
    made = rows[next(iter(sets))]
    judged = {
        name: _against(real, other, intervals, chance, name in (COMPOSED, OTHERS))
        for name, other in rows.items()
    }
    shares = tells_apart(real.rows, made.rows)
    order = np.argsort(-np.abs(shares - 0.5), kind="stable")
    telling = tuple((FEATURES[place], float(shares[place])) for place in order.tolist())
    return MusicReport(bars, real, made, judged, real_means, intervals, telling)


def _against(
    real: Set,
    made: Set,
    intervals: Mapping[str, Mapping[str, Estimate]],
    chance: np.random.Generator,
    by_kind: bool,
) -> Against:
    single = slice(0, len(STATISTICS))
    steps = columns("interval")
    groups = real.origins, made.origins
    looks = {EVERYTHING: np.ones(len(FEATURES), dtype=bool)}
    if by_kind:
        looks |= {kind: np.equal(TELLS, kind) for kind in (NOTES, SOUND)}
    genre_means = {
        genre: {
            name: float(made.rows[made.genres == genre, place].mean())
            for place, name in enumerate(STATISTICS)
        }
        for genre in intervals
        if (made.genres == genre).any()
    }
    inside = {}
    for name in STATISTICS:
        within = [
            intervals[genre][name].low <= means[name] <= intervals[genre][name].high
            for genre, means in genre_means.items()
        ]
        inside[name] = sum(within), len(within)
    return Against(
        pieces=len(made),
        told={
            look: two_sample(real.rows[:, seen], made.rows[:, seen], groups, chance)
            for look, seen in looks.items()
        },
        intervals=apart(real.rows[:, steps], made.rows[:, steps], chance),
        distance=frechet(real.rows[:, single], made.rows[:, single], chance),
        means={
            name: mean_interval(made.rows[:, place], chance)
            for place, name in enumerate(STATISTICS)
        },
        overlaps={
            name: overlap(real.rows[:, place], made.rows[:, place])
            for place, name in enumerate(STATISTICS)
        },
        inside=inside,
        genre_means=genre_means,
    )
