"""From logits to one choice: mask first, then temperature, top-k, top-p and min-p.

Works on one numpy vector at a time with a generator that belongs to the piece, so that the same
seed gives the same choices whatever else is being composed beside it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from musegen.errors import SettingError

_WORST = -1e9

UNLED: Mapping[str, Any] = {
    "balance": 0.0, "harmony": 1.0, "colour": 0.0, "recall": 0.0, "heed": 0.0, "close": 0.0,
}  # fmt: skip
"""Settings with which nothing leans: the model's own odds, and recipes older than a setting."""


@dataclass(frozen=True)
class Sampling:
    """How freely a choice is made among what is legal.

    temperature: 0 takes the likeliest, 1 the model's own odds. top_k: only the k likeliest, 0: all.
    top_p: only the likeliest that together hold this share (Holtzman et al. 2020). min_p: only
    what is at least this share as likely as the likeliest (Nguyen et al. 2024). guidance: how many
    times what the wishes change counts; 1: as the model has it, at half the time. balance: how much
    a choice leans towards what a plan says is due and has not come; 0: not at all. harmony: by how
    much the temperature is multiplied where a pitch is chosen, and half as much for a chord.
    colour: how much pitches lean to the key that is wished, and to major or minor for the mood, and
    the last chord to the tonic; 0: not at all. recall: how much the notes of a bar that is planned
    to vary an earlier one lean to that bar's; 0: not at all. heed: how much notes lean to the
    density, polyphony and loudness that are wished and have not come; close: how much the last bar
    leans to coming to rest; 0: not at all.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.99
    min_p: float = 0.0
    guidance: float = 1.0
    balance: float = 3.0
    harmony: float = 0.75
    colour: float = 1.5
    recall: float = 1.0
    heed: float = 1.0
    close: float = 1.0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("temperature", self.temperature, 0, 10),
            ("top-k", self.top_k, 0, 100_000),
            ("top-p", self.top_p, 0.01, 1),
            ("min-p", self.min_p, 0, 1),
            ("guidance", self.guidance, 0, 10),
            ("balance", self.balance, 0, 10),
            ("harmony", self.harmony, 0, 10),
            ("colour", self.colour, 0, 10),
            ("recall", self.recall, 0, 10),
            ("heed", self.heed, 0, 10),
            ("close", self.close, 0, 10),
        ):
            if not low <= value <= high:
                raise SettingError(f"{name} {value:g} is out of range: allowed is {low} to {high}")

    @cached_property
    def in_harmony(self) -> "Sampling":
        """How pitches are chosen: at a temperature of their own."""
        return replace(self, temperature=min(self.temperature * self.harmony, 10.0))

    @cached_property
    def in_chords(self) -> "Sampling":
        """How chords are chosen: halfway between all else and pitches."""
        return replace(self, temperature=min(self.temperature * (1 + self.harmony) / 2, 10.0))

    @cached_property
    def filters(self) -> tuple[float, int, float, float]:
        """Temperature, top-k, top-p and min-p, as the arithmetic of a model takes them."""
        return float(self.temperature), self.top_k, float(self.top_p), float(self.min_p)


def probabilities(
    logits: NDArray[np.floating], mask: NDArray[np.bool_], sampling: Sampling
) -> NDArray[np.float64]:
    """The odds of every choice after mask and filters; they sum to 1. Shapes (size,).

    Numbers that are not finite count as the worst legal choice.
    """
    finite = np.nan_to_num(logits.astype(np.float64), nan=_WORST, posinf=_WORST, neginf=_WORST)
    scores = np.where(mask, finite, -np.inf)
    if sampling.temperature == 0:
        odds = np.zeros(len(scores))
        odds[int(np.argmax(scores))] = 1.0
        return odds
    scores = (scores - scores.max()) / sampling.temperature
    odds = np.exp(scores)
    odds /= odds.sum()
    if sampling.top_k:
        odds = _keep(odds, np.argsort(-odds, kind="stable")[: sampling.top_k])
    if sampling.top_p < 1:
        order = np.argsort(-odds, kind="stable")
        before = np.cumsum(odds[order]) - odds[order]
        odds = _keep(odds, order[before < sampling.top_p])
    if sampling.min_p:
        odds = _keep(odds, np.flatnonzero(odds >= sampling.min_p * odds.max()))
    return odds


def legal_share(logits: NDArray[np.floating], mask: NDArray[np.bool_], temperature: float) -> float:
    """What share of the odds falls on what `mask` allows, 0 to 1. Shapes (size,).

    At temperature 0 all of it, where the likeliest choice is legal, else nothing.
    """
    if mask.all():
        return 1.0
    odds = probabilities(logits, np.ones_like(mask), Sampling(temperature, top_p=1.0))
    return float(odds[mask].sum())


class Odds(NamedTuple):
    """One choice, ready to be made: the share of the odds that is legal, and the odds to draw by.

    summed: (size,), their running sum; None where only `only` is legal.
    """

    legal_share: float
    summed: NDArray[np.float64] | None
    only: int = -1

    def pick(self, chance: np.random.Generator) -> int:
        """A choice; chance is asked only where there is one to make."""
        if self.summed is None:
            return self.only
        summed = self.summed.data  # of few numbers Python's own search is the quicker one
        place = bisect_right(summed, chance.random())
        if place < len(summed):
            return place
        return bisect_left(summed, summed[-1])  # the sum fell short of 1: the last


def weighed(logits: NDArray[np.floating], mask: NDArray[np.bool_], sampling: Sampling) -> Odds:
    """The odds of a choice among what `mask` allows. Shapes (size,)."""
    share = legal_share(logits, mask, sampling.temperature)
    if np.count_nonzero(mask) == 1:
        return Odds(share, None, int(mask.argmax()))
    return Odds(share, np.cumsum(probabilities(logits, mask, sampling)))


def choose(
    logits: NDArray[np.floating],
    mask: NDArray[np.bool_],
    sampling: Sampling,
    chance: np.random.Generator,
) -> int:
    """One choice among those that `mask` allows."""
    return weighed(logits, mask, sampling).pick(chance)


def _keep(odds: NDArray[np.float64], kept: NDArray[np.intp]) -> NDArray[np.float64]:
    filtered = np.zeros(len(odds))
    filtered[kept] = odds[kept]
    filtered /= filtered.sum()
    return filtered
