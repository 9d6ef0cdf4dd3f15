"""How far two sets of pieces lie apart: a classifier, distances, overlaps, with intervals.

Matrices of features go in, (pieces, features) each; numbers with the ends of their 95 % bootstrap
intervals come out. scikit-learn is loaded where the classifier is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.errors import SettingError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 1000
"""Bootstrap samples of an interval (Efron 1979)."""

FOLDS, TREES, ROUNDS = 5, 150, 2

LEAST_IN_GENRE = 5
"""Of a genre with fewer held-out pieces nothing is said."""

FURTHEST = 4.0
"""A feature counts as at most so many deviations of the real pieces away from their mean: one odd
piece must not decide a distance between sets."""

BINS = 512
"""Into how many bins distances are sorted before they are smoothed."""


@dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def need_sklearn() -> None:
    """scikit-learn can be loaded; SettingError that says how to get it where it cannot."""
    try:
        import sklearn  # noqa: F401 # whether it is there
    except ImportError:
        raise SettingError(
            "comparing compositions with real pieces needs scikit-learn: "
            "pip install -c constraints.txt -e '.[evaluate]'"
        ) from None


def estimate(
    statistic: Callable[[Ints, Ints], float], sizes: tuple[int, int], chance: np.random.Generator
) -> Estimate:
    """A statistic, at least 0, of two sets, given as the numbers of the pieces taken from each.

    Pieces drawn twice make sets look further apart than they are: the interval is the draws'
    deviation from their own median, around the statistic.
    """
    one, other = sizes
    drawn = [
        statistic(chance.integers(one, size=one), chance.integers(other, size=other))
        for _ in range(DRAWS)
    ]
    value = statistic(np.arange(one), np.arange(other))
    low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975]).tolist()
    return Estimate(value, max(value + low - middle, 0.0), value + high - middle)


def mean_interval(values: Floats, chance: np.random.Generator) -> Estimate:
    """The mean of (N,) values."""
    means = values[chance.integers(len(values), size=(DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    return Estimate(float(values.mean()), low, high)


def two_sample(
    real: Floats, made: Floats, groups: tuple[Ints, Ints], chance: np.random.Generator
) -> Estimate:
    """How often a classifier tells which set a piece is of that it has not seen; 0.5 is perfect.

    A random forest on all features, cross-validated ROUNDS times; pieces with one number in
    `groups` never lie on both sides. Both sets count alike, however many pieces they have.
    Lopez-Paz and Oquab (ICLR 2017), Revisiting classifier two-sample tests.
    """
    need_sklearn()
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    rows = np.concatenate([real, made])
    side = np.repeat([0, 1], [len(real), len(made)])
    group = np.concatenate(groups)
    right = np.zeros(len(rows))
    for turn in range(ROUNDS):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=turn)
        for train, judge in folds.split(rows, side, group):
            assert not set(group[train]) & set(group[judge])
            forest = RandomForestClassifier(TREES, class_weight="balanced", random_state=turn)
            forest.fit(rows[train], side[train])
            right[judge] += (forest.predict(rows[judge]) == side[judge]) / ROUNDS

    def accuracy(one: Ints, other: Ints) -> float:
        return float(right[: len(real)][one].mean() + right[len(real) :][other].mean()) / 2

    return estimate(accuracy, (len(real), len(made)), chance)


def frechet(real: Floats, made: Floats, chance: np.random.Generator) -> Estimate:
    """Fréchet distance of two normal distributions of features, in deviations of the real ones.

    Dowson and Landau (1982); of features that do not vary among the real pieces none is used.
    """
    spread = real.std(axis=0)
    scale = np.where(spread > 1e-9, spread, np.inf)
    first, second = (
        np.clip((rows - real.mean(axis=0)) / scale, -FURTHEST, FURTHEST) for rows in (real, made)
    )

    def distance(one: Ints, other: Ints) -> float:
        return _frechet(first[one], second[other])

    return estimate(distance, (len(real), len(made)), chance)


def _frechet(one: Floats, other: Floats) -> float:
    """|difference of means|^2 + trace(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2)."""
    apart = one.mean(axis=0) - other.mean(axis=0)
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    return max(float(apart @ apart + np.trace(first) + np.trace(second) - 2 * cross), 0.0)


def apart(real: Floats, made: Floats, chance: np.random.Generator) -> Estimate:
    """Share, 0 to 1, of the mean histogram that lies elsewhere (total variation distance).

    real, made: histograms (pieces, bins) that sum to 1.
    """

    def distance(one: Ints, other: Ints) -> float:
        return float(np.abs(real[one].mean(axis=0) - made[other].mean(axis=0)).sum()) / 2

    return estimate(distance, (len(real), len(made)), chance)


def overlap(real: Floats, made: Floats) -> float:
    """Overlapping area, 0 to 1, of the distances among real pieces and from them to made ones.

    Yang and Lerch (2020), On the evaluation of generative models in music; (N,) values of one
    statistic each.
    """
    one, other = np.triu_indices(len(real), 1)
    within = np.abs(real[one] - real[other])
    across = np.abs(real[:, None] - made).ravel()
    top = max(float(within.max(initial=0)), float(across.max(initial=0)))
    if not top:
        return 1.0
    return float(np.minimum(_density(within, top), _density(across, top)).sum())


def _density(distances: Floats, top: float) -> Floats:
    """A Gaussian kernel estimate over BINS bins from 0 to `top` and as far again beyond each end.

    The bandwidth is Scott's (1992): deviation * N^-1/5.
    """
    counts, _ = np.histogram(distances, BINS, (0, top))
    width = max(float(distances.std()) * len(distances) ** -0.2 / top * BINS, 0.5)
    reach = np.arange(-BINS, BINS + 1)
    kernel = np.exp(-0.5 * (reach / width) ** 2)
    smooth = np.convolve(counts, kernel / kernel.sum())
    density: Floats = smooth / smooth.sum()
    return density


def tells_apart(real: Floats, made: Floats) -> Floats:
    """For each feature, how often a made piece has more of it than a real one: (features,).

    0.5 where it tells nothing, ties count half (the area under the ROC curve; Mann and Whitney
    1947).
    """
    more = (made[:, None] > real).mean(axis=(0, 1))
    same = (made[:, None] == real).mean(axis=(0, 1))
    share: Floats = more + same / 2
    return share
