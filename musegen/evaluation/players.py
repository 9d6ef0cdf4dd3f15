"""Composers without a model: floors that keep the law and know nothing, or next to nothing.

They stand where a checkpoint stands, so that the very same grammar, sampling and decoding make
pieces of what they say. One finds all that is legal equally likely, the other has a 5-gram of each
field.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.errors import SettingError
from musegen.evaluation.floors import Piece, field_sequences, fitted
from musegen.evaluation.ngram import NGram
from musegen.model.config import ModelConfig
from musegen.model.paths import Beside, Draw, Ints, Logits
from musegen.model.sampling import Odds, Sampling, weighed
from musegen.tokens.fields import FIELDS, KINDS, Rows

ORDER = 5

Models = Mapping[str, NGram]
History = dict[str, list[int]]
"""By "kind" and "KIND.field", the last values of a piece, the newest last."""


def five_grams(pieces: Sequence[Piece], order: int = ORDER) -> Models:
    """An n-gram of each field, fitted on these pieces."""
    return fitted(field_sequences(pieces), order)


class Player:
    """What `Composer` asks of a checkpoint. Without models it finds all choices equally likely."""

    def __init__(self, genres: tuple[str, ...], models: Models | None = None) -> None:
        self.models: Models = models or {}
        self.config = ModelConfig()
        self.genres = genres
        self.sha256 = ""
        self.facts: Mapping[str, Any] = {}
        self.precedents: Rows | None = None
        self.device = "cpu"
        self.computed = "floor"

    def stepper(self, slots: int) -> "PlayerSteps":
        """Room for so many pieces that are written side by side."""
        return PlayerSteps(self.models, self.config.context, slots)


class PlayerSteps:
    """The last values of every field, for each slot."""

    def __init__(self, models: Models, context: int, slots: int) -> None:
        self._models, self._context = models, context
        self._said: list[History] = [{} for _ in range(slots)]
        self._rows = [0] * slots
        self.active = 0

    def weigh(self, logits: Logits, mask: NDArray[np.bool_], sampling: Sampling) -> Odds:
        """What `sampling.weighed` gives."""
        return weighed(logits, mask, sampling)

    def room(self, slot: int) -> int:
        """How many more rows fit into the context of a slot."""
        return self._context - self._rows[slot]

    def release(self, slot: int) -> None:
        """The last active slot takes the place of `slot`."""
        self.active -= 1
        self._said[slot], self._rows[slot] = self._said[self.active], self._rows[self.active]
        self._said[self.active], self._rows[self.active] = {}, 0

    def clear(self, slot: int) -> None:
        """The slot holds no row; the next one starts it anew."""
        self._said[slot], self._rows[slot] = {}, 0

    def prefill(
        self, slot: int, rows: Ints, times: Ints, links: Ints, beside: Beside = None
    ) -> None:
        """Start a slot anew with rows (n, columns)."""
        self.active = max(self.active, slot + 1)
        self.clear(slot)
        for row in rows.tolist():
            self._take(slot, row)

    def step(self, rows: Ints, times: Ints, links: Ints) -> None:
        """One more row (active, columns) for every active slot."""
        for slot, row in enumerate(rows.tolist()):
            self._take(slot, row)

    def draw(self, slot: int) -> Draw:
        """The row that comes after those of a slot."""
        return PlayerDraw(self._models, self._said[slot])

    def _take(self, slot: int, row: list[int]) -> None:
        if not self.room(slot):
            raise SettingError(f"the context of {self._context} rows is full")
        self._rows[slot] += 1
        said, kind = self._said[slot], KINDS[row[0]]
        if not kind.drawn:
            return
        told = {"kind": row[0]}
        for name, value in zip(kind.fields, row[1:], strict=False):
            if value or not FIELDS[name].optional:
                told[f"{kind.name}.{name}"] = value
        for key, value in told.items():
            said.setdefault(key, []).append(value)
            del said[key][: 1 - ORDER]


class PlayerDraw:
    """The odds of a row, field by field; a field sees what it said before, and nothing else."""

    def __init__(self, models: Models, said: History) -> None:
        self._models, self._said = models, said
        self._kind = ""

    def kind_logits(self) -> Logits:
        """Logits of the row's kind: (kinds,)."""
        return self._logits("kind", len(KINDS))

    def take_kind(self, kind: int, prior: Sequence[int] | None) -> None:
        """Fix the row's kind."""
        self._kind = KINDS[kind].name

    def take_track(self, track: int, before: int, note: Sequence[int] | None) -> None:
        """The row's track is known: that changes nothing."""

    def field_logits(self, name: str) -> Logits:
        """Logits of the next field: (size,)."""
        return self._logits(f"{self._kind}.{name}", FIELDS[name].size)

    def take_field(self, name: str, value: int) -> None:
        """The next field's value is known: that changes nothing."""

    def _logits(self, key: str, size: int) -> Logits:
        model = self._models.get(key)
        if model is None:
            return np.zeros(size, dtype=np.float32)
        return np.log(model.odds(self._said.get(key, []))).astype(np.float32)
