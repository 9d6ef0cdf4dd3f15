"""What composing asks of a model, whichever way it is computed.

Two ways keep these promises: `decode` with torch, the reference and the way for GPUs, and `light`
without torch, for CPUs. Knows neither.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from musegen.model.config import ModelConfig
from musegen.model.sampling import Odds, Sampling
from musegen.tokens.fields import Rows

Logits = NDArray[np.float32]
Ints = NDArray[np.integer]
Beside = NDArray[np.float32] | None


class Draw(Protocol):
    """The next row of one piece, field by field: logits, then the value that was chosen.

    What was handed out stays as it is: logits may be kept.
    """

    def kind_logits(self) -> Logits:
        """Logits of the row's kind: (kinds,)."""
        ...

    def take_kind(self, kind: int, prior: Sequence[int] | None) -> None:
        """Fix the row's kind; `prior` is the last row of that kind, None where there is none."""
        ...

    def take_track(self, track: int, before: int, note: Sequence[int] | None) -> None:
        """Fix what is known of the row's track: its row in HEAD and its last note, -1 for none.

        track, before: numbers of rows of the slot; note: the row at `before`.
        """
        ...

    def field_logits(self, name: str) -> Logits:
        """Logits of the next field: (size,)."""
        ...

    def take_field(self, name: str, value: int) -> None:
        """Fix the next field's value."""
        ...


class Steps(Protocol):
    """A cache for pieces that advance together, row by row, each of its own length.

    Slots 0..active-1 are in use; each holds up to `config.context` rows.
    """

    def weigh(self, logits: Logits, mask: NDArray[np.bool_], sampling: Sampling) -> Odds:
        """What `sampling.weighed` gives."""
        ...

    @property
    def active(self) -> int:
        """How many slots are in use."""
        ...

    def room(self, slot: int) -> int:
        """How many more rows fit into the context of a slot."""
        ...

    def release(self, slot: int) -> None:
        """The last active slot takes the place of `slot`."""
        ...

    def clear(self, slot: int) -> None:
        """The slot holds no row; the next one starts it anew."""
        ...

    def prefill(
        self, slot: int, rows: Ints, times: Ints, links: Ints, beside: Beside = None
    ) -> object:
        """Start a slot anew with rows (n, columns).

        times: (n,) steps since the first bar line; links: (n, SEEN_LINKS), numbers of rows of the
        slot, -1 where there is none. beside: (columns,) how far what the first row means lies
        beside what it says, as `Layout.between` has it: seen as so much of both.
        SettingError where there are more rows than the context.
        """
        ...

    def step(self, rows: Ints, times: Ints, links: Ints) -> object:
        """One more row (active, columns) for every active slot; times: (active,), links likewise.

        SettingError where the context of a slot is full.
        """
        ...

    def draw(self, slot: int) -> Draw:
        """The row that comes after those of a slot."""
        ...


class ComposingModel(Protocol):
    """A checkpoint that can compose: its sizes and labels, and how to begin."""

    @property
    def config(self) -> ModelConfig:
        """The sizes of the model."""
        ...

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres that it knows, in the order of their ids."""
        ...

    @property
    def sha256(self) -> str:
        """The hash of its weights."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """How it was made."""
        ...

    @property
    def precedents(self) -> Rows | None:
        """HEAD rows (N, COLUMNS) of some pieces that it learned from, or None."""
        ...

    @property
    def device(self) -> str:
        """Where it computes: cpu, cuda or mps."""
        ...

    @property
    def computed(self) -> str:
        """In which numbers it computes, and with what."""
        ...

    def stepper(self, slots: int) -> Steps:
        """Room for so many pieces that are written side by side."""
        ...


class Arithmetic(Protocol):
    """The functions that `plain` and `kernels` both define; `plain` says their arguments."""

    step: Callable[..., None]
    weigh: Callable[..., tuple[float, int]]
    field: Callable[..., Logits]
    kind: Callable[..., Logits]
    own: Callable[..., Logits]
    multiply: Callable[..., NDArray[np.float32]]
    attend: Callable[..., NDArray[np.float32]]
