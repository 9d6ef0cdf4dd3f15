"""Classifier-free guidance: what is wished counts for more than the model alone would let it.

The model is asked twice of every row, with the STYLE row as wished and with nothing wished in it;
where the two differ, the difference is taken `guidance` times (Ho and Salimans 2022,
"Classifier-free diffusion guidance"; for sequences of tokens Sanchez et al. 2023, "Stay on topic
with classifier-free guidance"). 1 is the model as it is, more is closer to the wishes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.model.paths import Beside, ComposingModel, Draw, Ints, Logits, Steps
from musegen.model.sampling import Odds, Sampling
from musegen.tokens.fields import STYLE, UNSET


class GuidedSteps:
    """Two caches that take the same rows but for the wishes; `Steps` for whoever draws."""

    def __init__(self, model: ComposingModel, slots: int, guidance: float) -> None:
        self._told: Steps = model.stepper(slots)
        self._untold: Steps = model.stepper(slots)
        self._guidance = guidance

    def weigh(self, logits: Logits, mask: NDArray[np.bool_], sampling: Sampling) -> Odds:
        """What `sampling.weighed` gives."""
        return self._told.weigh(logits, mask, sampling)

    @property
    def active(self) -> int:
        """How many slots are in use."""
        return self._told.active

    def room(self, slot: int) -> int:
        """How many more rows fit into the context of a slot."""
        return self._told.room(slot)

    def release(self, slot: int) -> None:
        """The last active slot takes the place of `slot`."""
        self._told.release(slot)
        self._untold.release(slot)

    def clear(self, slot: int) -> None:
        """The slot holds no row; the next one starts it anew."""
        self._told.clear(slot)
        self._untold.clear(slot)

    def prefill(
        self, slot: int, rows: Ints, times: Ints, links: Ints, beside: Beside = None
    ) -> object:
        """Start a slot anew with rows (n, columns); the wishes among them are told to one cache."""
        bare = rows.copy()
        bare[bare[:, 0] == STYLE, 1:] = UNSET
        self._untold.prefill(slot, bare, times, links)
        return self._told.prefill(slot, rows, times, links, beside)

    def step(self, rows: Ints, times: Ints, links: Ints) -> object:
        """One more row (active, columns) for every active slot."""
        self._untold.step(rows, times, links)
        return self._told.step(rows, times, links)

    def draw(self, slot: int) -> Draw:
        """The row that comes after those of a slot."""
        return _GuidedDraw(self._told.draw(slot), self._untold.draw(slot), self._guidance)


class _GuidedDraw:
    """The same row asked of both."""

    def __init__(self, told: Draw, untold: Draw, guidance: float) -> None:
        self._told, self._untold, self._guidance = told, untold, guidance

    def kind_logits(self) -> Logits:
        return self._mixed(self._told.kind_logits(), self._untold.kind_logits())

    def take_kind(self, kind: int, prior: Sequence[int] | None) -> None:
        self._told.take_kind(kind, prior)
        self._untold.take_kind(kind, prior)

    def take_track(self, track: int, before: int, note: Sequence[int] | None) -> None:
        self._told.take_track(track, before, note)
        self._untold.take_track(track, before, note)

    def field_logits(self, name: str) -> Logits:
        return self._mixed(self._told.field_logits(name), self._untold.field_logits(name))

    def take_field(self, name: str, value: int) -> None:
        self._told.take_field(name, value)
        self._untold.take_field(name, value)

    def _mixed(self, told: Logits, untold: Logits) -> Logits:
        """Log odds with the wishes, and what the wishes changed once more: (size,)."""
        with_wishes, without = _log_odds(told), _log_odds(untold)
        mixed: Logits = without + np.float32(self._guidance) * (with_wishes - without)
        return mixed


def _log_odds(logits: Logits) -> Logits:
    away = logits - logits.max()
    log_odds: Logits = away - np.log(np.exp(away).sum())
    return log_odds
