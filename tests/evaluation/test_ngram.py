"""N-grams: what counting alone can foretell."""

import numpy as np
import pytest

from musegen.evaluation.ngram import NGram, Sequences

SIZE = 6
CHANCE = np.random.default_rng(0)
MOVES = CHANCE.dirichlet(np.full(SIZE, 0.4), size=SIZE)
"""A Markov chain of six states: the odds of each state after each."""


def walk(count: int, seed: int) -> Sequences:
    """Walks along the chain, fifty long each."""
    chance = np.random.default_rng(seed)
    sums = np.cumsum(MOVES, axis=1)
    state = chance.integers(0, SIZE, count)
    steps = [state]
    for _ in range(49):
        state = (sums[state] < chance.random(count)[:, None]).sum(axis=1)
        steps.append(state)
    return list(np.array(steps).T.astype(np.int64))


def stationary() -> np.ndarray:
    """How often each state comes in the long run."""
    share = np.full(SIZE, 1 / SIZE)
    for _ in range(500):
        share = share @ MOVES
    return share


def entropy(odds: np.ndarray) -> float:
    """Nats of a distribution."""
    return float(-(odds * np.log(np.maximum(odds, 1e-12))).sum())


TRAIN, JUDGE = walk(600, 1), walk(200, 2)


@pytest.mark.parametrize(("order", "slack"), [(2, 0.01), (3, 0.03), (5, 0.15)])
def test_a_chain_costs_its_entropy(order: int, slack: float) -> None:
    """What depends on one value before is foretold, from order 2 on, down to its entropy."""
    rate = sum(share * entropy(odds) for share, odds in zip(stationary(), MOVES, strict=True))
    found = NGram(TRAIN, SIZE, order).nats(JUDGE).mean()
    assert rate * 0.97 < found < rate * (1.03 + slack)


def test_a_unigram_knows_only_how_often() -> None:
    """Order 1 costs the entropy of how often each value comes, whatever comes before."""
    found = NGram(TRAIN, SIZE, 1).nats(JUDGE).mean()
    assert found == pytest.approx(entropy(stationary()), rel=0.03)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_odds_sum_to_one(order: int) -> None:
    """After any values, seen or never seen, the odds of all that may follow make one."""
    model = NGram(TRAIN, SIZE + 2, order)  # two values that never came
    for before in ([], [0], [3, 3, 3, 3, 3], [7, 6, 7], [1, 2, 3, 4]):
        follow = [np.array([*before, value]) for value in range(SIZE + 2)]
        last = np.cumsum([len(sequence) for sequence in follow]) - 1
        assert np.exp(-model.nats(follow)[last]).sum() == pytest.approx(1)


def test_a_pattern_is_learned() -> None:
    """A figure of five values that repeats costs nearly nothing, except where it begins."""
    figure = np.tile(np.array([4, 1, 3, 1, 2]), 60)
    nats = NGram([figure], SIZE, 5).nats([figure])
    assert nats[5:].max() < 0.1
    assert NGram([figure], SIZE, 1).nats([figure]).mean() > 1


def test_pieces_do_not_run_into_each_other() -> None:
    """What stood at the end of one piece says nothing of the start of the next."""
    one, two = np.array([1, 2, 3]), np.array([4, 5])
    model = NGram(TRAIN, SIZE, 3)
    together = model.nats([one, two])
    apart = np.concatenate([model.nats([one]), model.nats([two])])
    assert together == pytest.approx(apart)


def test_nothing_seen_and_nothing_asked() -> None:
    """Without any example all values are equally likely; without any value there are no nats."""
    assert NGram([], SIZE, 5).nats([np.array([0, 5])]) == pytest.approx(np.log([SIZE, SIZE]))
    assert NGram(TRAIN, SIZE, 5).nats([]).shape == (0,)
    assert NGram([], SIZE, 1).nats([]).shape == (0,)
