"""The next row of a piece, drawn field by field without torch: `light` says from what."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musegen.model.paths import Logits
from musegen.tokens.fields import TABLE

if TYPE_CHECKING:
    from musegen.model.light import FieldWeights, LightStepper

Array = NDArray[np.float32]


class LightDraw:
    """The next row of one piece, field by field: logits, then the value that was chosen."""

    def __init__(self, stepper: "LightStepper", slot: int, after: int) -> None:
        self._stepper = stepper
        self._model = stepper.model
        self._slot = slot
        self._rows = stepper.told.linked(slot, after)
        self._state: Array = stepper.states[slot, after]
        self._said = np.empty(1 + TABLE.columns, dtype=np.int64)  # ids to be added to the state
        self._count = 0  # of them
        self._fields: list[FieldWeights] = []
        self._field = 0
        self._prior: Sequence[int] | None = None
        self._own: tuple[int, int] | None = None  # seen when the first logits are asked for

    def kind_logits(self) -> Logits:
        """Logits of the row's kind: (kinds,)."""
        return self._model.arithmetic.kind(self._state, *self._model.kind_weights)

    def take_kind(self, kind: int, prior: Sequence[int] | None) -> None:
        """Fix the row's kind; `prior` is the last row of that kind, None where there is none."""
        self._fields = self._model.fields[kind]
        self._prior = self._rows["prior"] = prior
        self._say(self._model.layout.kind_start + kind)

    def take_track(self, track: int, before: int, note: Sequence[int] | None) -> None:
        """Fix what is known of the row's track: its row in HEAD and its last note, -1 for none.

        track, before: numbers of rows of the slot; note: the row at `before`.
        """
        self._own = track, before
        self._prior = self._rows["before"] = note

    def field_logits(self, name: str) -> Logits:
        """Logits of the next field: (size,)."""
        model, slot = self._model, self._slot
        if self._own is not None:
            self._state = model.arithmetic.own(
                self._state, model.full, self._said[: self._count], model.levels, *self._own,
                self._stepper.embedded[slot], self._stepper.states[slot], *model.own,
            )  # fmt: skip
            self._count, self._own = 0, None
        weights = self._fields[self._field]
        before = -1 if self._prior is None else weights.start + self._prior[1 + self._field]
        rows = self._rows
        which = [first + one.against(rows.get(one.link)) for one, first in weights.related]
        return model.arithmetic.field(
            self._state, model.full, self._said[: self._count], model.levels, before,
            np.array(which, dtype=np.int64), *weights.arrays,
        )  # fmt: skip

    def take_field(self, name: str, value: int) -> None:
        """Fix the next field's value."""
        self._say(self._model.layout.starts[name] + value)
        self._field += 1

    def _say(self, number: int) -> None:
        self._said[self._count] = number
        self._count += 1
