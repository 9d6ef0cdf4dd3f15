"""A model for tests that is told what to say, and says the same of every row."""

from collections.abc import Sequence

import numpy as np

from musegen.composing.draft import Draft
from musegen.composing.drawing import draw_row
from musegen.model.paths import Logits
from musegen.model.sampling import Sampling
from musegen.tokens.fields import FIELDS, KINDS


class Told:
    """A model that says the same of every row: the odds of each field, all others being even."""

    def __init__(self, odds: dict[str, dict[int, float]]) -> None:
        self.odds = odds

    def kind_logits(self) -> Logits:
        """Odds of the kind."""
        return self._logits("kind", len(KINDS))

    def field_logits(self, name: str) -> Logits:
        """Odds of a field."""
        return self._logits(name, FIELDS[name].size)

    def take_kind(self, kind: int, prior: Sequence[int] | None) -> None:
        """Nothing depends on it."""

    def take_track(self, track: int, before: int, note: Sequence[int] | None) -> None:
        """Nothing depends on it."""

    def take_field(self, name: str, value: int) -> None:
        """Nothing depends on it."""

    def _logits(self, name: str, size: int) -> Logits:
        if name not in self.odds:
            return np.zeros(size, dtype=np.float32)
        odds = np.full(size, 1e-12, dtype=np.float32)
        for value, share in self.odds[name].items():
            odds[value] = share
        return np.log(odds)

    def write(self, draft: Draft, sampling: Sampling) -> None:
        """The draft is written to its end."""
        while not draft.grammar.finished:
            draft.take(draw_row(lambda: self, draft, sampling))
