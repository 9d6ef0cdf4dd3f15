"""From logits to a choice: the law first, taste after it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from musegen.errors import SettingError
from musegen.model.sampling import Sampling, choose, probabilities

SIZE = 12
LOGITS = arrays(np.float32, SIZE, elements=st.floats(-30, 30, width=32))
MASKS = arrays(np.bool_, SIZE).filter(lambda mask: bool(mask.any()))
TASTES = st.builds(
    Sampling,
    temperature=st.sampled_from((0.0, 0.01, 0.7, 1.0, 1.5, 10.0)),
    top_k=st.integers(0, 5),
    top_p=st.sampled_from((0.01, 0.5, 0.98, 1.0)),
    min_p=st.sampled_from((0.0, 0.1, 1.0)),
)
PLAIN = Sampling(top_p=1.0)


@given(LOGITS, MASKS, TASTES, st.integers(0, 99))
def test_the_law_is_kept(logits: np.ndarray, mask: np.ndarray, taste: Sampling, seed: int) -> None:
    """Whatever the taste, only what is legal is likely, and only what is likely is chosen."""
    odds = probabilities(logits, mask, taste)
    assert odds.shape == (SIZE,)
    assert odds.sum() == pytest.approx(1)
    assert (odds >= 0).all()
    assert not odds[~mask].any()
    choice = choose(logits, mask, taste, np.random.default_rng(seed))
    assert mask[choice]
    assert odds[choice] > 0


@given(LOGITS, MASKS, st.integers(0, 99))
def test_without_freedom_the_likeliest(logits: np.ndarray, mask: np.ndarray, seed: int) -> None:
    """At temperature 0 the likeliest legal choice is made, whatever chance says."""
    taste = Sampling(temperature=0.0)
    choice = choose(logits, mask, taste, np.random.default_rng(seed))
    assert logits[choice] == logits[mask].max()


@given(LOGITS, MASKS, TASTES)
def test_the_same_chance_makes_the_same_choice(
    logits: np.ndarray, mask: np.ndarray, taste: Sampling
) -> None:
    """Two generators in one state choose alike."""
    one, two = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(4):
        assert choose(logits, mask, taste, one) == choose(logits, mask, taste, two)


@given(LOGITS, MASKS, st.integers(1, SIZE))
def test_top_k_keeps_the_k_likeliest(logits: np.ndarray, mask: np.ndarray, k: int) -> None:
    """No more than k choices are left, and none that was left out is likelier than one of them."""
    before = probabilities(logits, mask, PLAIN)
    after = probabilities(logits, mask, Sampling(top_k=k, top_p=1.0))
    kept = after > 0
    assert kept.sum() <= k
    assert before[kept].min() >= before[~kept].max(initial=0)
    assert after[kept] == pytest.approx(before[kept] / before[kept].sum())


@given(LOGITS, MASKS, st.floats(0.01, 0.999))
def test_top_p_keeps_the_fewest_that_hold_the_share(
    logits: np.ndarray, mask: np.ndarray, share: float
) -> None:
    """The likeliest are kept until they hold the share, and not one more."""
    before = probabilities(logits, mask, PLAIN)
    kept = probabilities(logits, mask, Sampling(top_p=share)) > 0
    assert before[kept].sum() >= share - 1e-9
    assert before[kept].sum() - before[kept].min() < share + 1e-9
    assert before[kept].min() >= before[~kept].max(initial=0)


@given(LOGITS, MASKS, st.floats(0.001, 1))
def test_min_p_keeps_what_is_likely_enough(
    logits: np.ndarray, mask: np.ndarray, share: float
) -> None:
    """What is less likely than a share of the likeliest is left out, nothing else."""
    before = probabilities(logits, mask, PLAIN)
    kept = probabilities(logits, mask, Sampling(top_p=1.0, min_p=share)) > 0
    assert np.array_equal(kept, (before >= share * before.max()) & (before > 0))


def test_temperature_flattens_and_sharpens() -> None:
    """Twice the temperature halves the distance between logits."""
    logits, mask = np.array([0.0, 2.0]), np.array([True, True])
    cool, warm = (probabilities(logits, mask, Sampling(t, top_p=1.0)) for t in (1.0, 2.0))
    assert math.log(cool[1] / cool[0]) == pytest.approx(2)
    assert math.log(warm[1] / warm[0]) == pytest.approx(1)


def test_choices_are_made_by_their_odds() -> None:
    """Many choices come as often as they are likely."""
    logits, mask = np.log([0.5, 0.2, 0.3, 1.0]), np.array([True, True, True, False])
    chance = np.random.default_rng(0)
    chosen = [choose(logits, mask, PLAIN, chance) for _ in range(4000)]
    shares = np.bincount(chosen, minlength=4) / 4000
    assert shares == pytest.approx([0.5, 0.2, 0.3, 0], abs=0.03)


def test_one_legal_choice_costs_no_chance() -> None:
    """Where there is nothing to choose, chance is not asked: the stream stays where it was."""
    chance = np.random.default_rng(1)
    state = chance.bit_generator.state
    assert choose(np.zeros(3), np.array([False, True, False]), PLAIN, chance) == 1
    assert chance.bit_generator.state == state


@pytest.mark.parametrize("drawn", [0.0, 0.5, np.nextafter(1, 0)])
def test_the_ends_of_chance_are_legal(drawn: float) -> None:
    """The smallest and the largest number that chance can give choose something legal, too."""

    class Loaded(np.random.Generator):
        def random(self, *_: object) -> float:  # type: ignore[override]
            return drawn

    chance = Loaded(np.random.PCG64(0))
    logits, mask = np.array([9.0, 0.1, 0.2, 0.3, 9.0]), np.array([False, True, True, True, False])
    assert choose(logits, mask, PLAIN, chance) in (1, 2, 3)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_the_worst(broken: float) -> None:
    """A logit that is not finite is never chosen where another one is."""
    logits = np.array([broken, 0.0, -5.0])
    odds = probabilities(logits, np.ones(3, dtype=bool), PLAIN)
    assert odds[0] == 0
    assert odds.sum() == pytest.approx(1)
    only = probabilities(logits, np.array([True, False, False]), PLAIN)
    assert only.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -0.1}, "temperature -0.1 is out of range: allowed is 0 to 10"),
        ({"temperature": 11}, "temperature 11"),
        ({"temperature": math.nan}, "temperature nan"),
        ({"top_k": -1}, "top-k -1"),
        ({"top_p": 0}, "top-p 0 is out of range: allowed is 0.01 to 1"),
        ({"top_p": 1.01}, "top-p 1.01"),
        ({"min_p": 2}, "min-p 2"),
    ],
)
def test_tastes_that_cannot_be(wrong: dict[str, float], message: str) -> None:
    """A setting out of its range is refused, and the range is named."""
    with pytest.raises(SettingError, match=message):
        Sampling(**wrong)  # type: ignore[arg-type]
