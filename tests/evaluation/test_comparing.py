"""Distances between sets: nothing between equals, the known value where one is known."""

import sys

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from musegen.errors import SettingError
from musegen.evaluation import comparing
from musegen.evaluation.comparing import (
    apart,
    frechet,
    mean_interval,
    need_sklearn,
    overlap,
    tells_apart,
    two_sample,
)

CHANCE = np.random.default_rng(3)
ONE, TWIN = CHANCE.normal(size=(2, 120, 6))
MOVED = TWIN + 2


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here is plain with few trees."""
    monkeypatch.setattr(comparing, "TREES", 30)
    monkeypatch.setattr(comparing, "ROUNDS", 1)


def chance() -> np.random.Generator:
    """Always the same."""
    return np.random.default_rng(0)


def numbers(first: int, count: int) -> np.ndarray:
    """Pieces that have nothing to do with each other."""
    return np.arange(first, first + count)


@pytest.mark.slow
def test_what_is_alike_cannot_be_told_apart() -> None:
    """Two samples of one distribution: about half; two far apart: all; the interval holds both."""
    groups = numbers(0, 120), numbers(1000, 120)
    same = two_sample(ONE, TWIN, groups, chance())
    assert same.low < 0.5 < same.high
    assert same.high - same.low < 0.2
    far = two_sample(ONE, MOVED, groups, chance())
    assert far.value > 0.95
    assert far.low <= far.value <= far.high <= 1


@pytest.mark.slow
def test_a_piece_is_never_on_both_sides() -> None:
    """Copies of pieces whose set was dealt by chance: who had seen the twin would know."""
    labels = CHANCE.random(60) < 0.5
    pieces = CHANCE.normal(size=(60, 6))
    origin = np.repeat(np.arange(60), 3)
    side = np.repeat(labels, 3)
    rows = np.repeat(pieces, 3, axis=0)
    grouped = two_sample(rows[side], rows[~side], (origin[side], origin[~side]), chance())
    alone = np.arange(180)
    blind = two_sample(rows[side], rows[~side], (alone[side], alone[~side]), chance())
    assert blind.value > 0.9 > 0.75 > grouped.value


def test_frechet_of_two_normal_distributions() -> None:
    """Of equal sets nothing; moved by 1 deviation in 3 features: 3; nearly so from samples."""
    one, other = np.random.default_rng(1).normal(size=(2, 2000, 3))
    assert frechet(one[:200], one[:200], chance()).value == pytest.approx(0, abs=1e-9)
    other = other + one.std(axis=0)
    assert frechet(one, other, chance()).value == pytest.approx(3, rel=0.1)
    wider = frechet(one, 1.5 * (other - other.mean(axis=0)), chance()).value
    assert wider == pytest.approx(3 * (1.5 - 1) ** 2, rel=0.15), "trace of (S1^1/2 - S2^1/2)^2"


def test_one_odd_piece_decides_nothing() -> None:
    """A value a thousand deviations away counts as four."""
    same = frechet(ONE, TWIN, chance())
    assert same.low < same.value < same.high, "drawing pieces twice does not move the interval"
    odd = TWIN.copy()
    odd[0, 0] = 1000
    assert frechet(ONE, odd, chance()).value < frechet(ONE, TWIN, chance()).value + 0.2
    flat = np.column_stack([ONE, np.zeros(120)])
    assert np.isfinite(frechet(flat, flat + 1, chance()).value), "what does not vary is not used"


def test_apart_counts_what_lies_elsewhere() -> None:
    """Half of the mass in another bin is one half apart."""
    here = np.tile([1.0, 0.0, 0.0], (5, 1))
    there = np.tile([0.5, 0.5, 0.0], (5, 1))
    found = apart(here, there, chance())
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert str(found) == "0.50 (0.50 to 0.50)"


def test_overlap() -> None:
    """Of one distribution nearly all overlaps, of one far away little, of constants all."""
    assert overlap(ONE[:, 0], TWIN[:, 0]) > 0.9
    assert overlap(ONE[:, 0], TWIN[:, 0] + 8) < 0.1
    assert overlap(np.ones(4), np.ones(7)) == 1


def test_one_feature_tells() -> None:
    """The share is Mann and Whitney's U over the number of pairs, ties and all."""
    one, other = CHANCE.integers(0, 5, (2, 30, 4)).astype(float)
    expected = mannwhitneyu(other, one).statistic / 900
    assert tells_apart(one, other) == pytest.approx(expected)


def test_an_interval_holds_the_mean_that_often() -> None:
    """Of 200 samples of 50, the 95 % interval misses the true mean in few."""
    stream = np.random.default_rng(5)
    missed = 0
    for _ in range(200):
        found = mean_interval(stream.exponential(size=50), stream)
        missed += not found.low <= 1 <= found.high
    assert 3 <= missed <= 30


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says what to install."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(SettingError, match=r"\[evaluate\]"):
        need_sklearn()
