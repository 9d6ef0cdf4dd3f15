"""Composing without torch: the model of a checkpoint as arrays, and its cache, row by row.

Keeps the promises of `paths`, as `decode` does with torch: the same rows in float32, and nearly the
same in int8, where the weights and the cache are whole numbers and a scale for each of their rows.
The arithmetic stands in `kernels` (compiled) and in `plain` (numpy). Knows no music.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.errors import SettingError
from musegen.model import pages, plain
from musegen.model.compiling import arithmetic
from musegen.model.config import ModelConfig
from musegen.model.layout import Layout, Related
from musegen.model.light_draw import LightDraw
from musegen.model.packing import cache_shapes, move_cache, packed, packed_scale
from musegen.model.paths import Arithmetic, Beside, Ints, Logits
from musegen.model.sampling import Odds, Sampling
from musegen.model.stored import Stored
from musegen.model.told import Told
from musegen.tokens.fields import TABLE, Rows

Array = NDArray[np.float32]
Matrix = tuple[NDArray[Any], Array]  # numbers (..., out, in), and a scale (..., out)

PRECISIONS = ("int8", "float32")


@dataclass(frozen=True, eq=False)
class FieldWeights:
    """The arrays of one field of one kind, in the order in which `kernels.field` takes them."""

    start: int  # the global id of its value 0
    arrays: tuple[NDArray[Any], ...]
    related: tuple[tuple[Related, int], ...]  # what it is heard against, and where its steps begin


@dataclass(frozen=True, eq=False)
class LightModel:
    """A checkpoint ready to compose on a CPU. `precision` is one of PRECISIONS."""

    stored: Stored
    precision: str = "int8"
    arithmetic: Arithmetic = field(default_factory=lambda: plain)

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise SettingError(
                f"precision {self.precision!r} is unknown; there are {', '.join(PRECISIONS)}"
            )

    @property
    def config(self) -> ModelConfig:
        """The sizes of the model."""
        return self.stored.config

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres that it knows, in the order of their ids."""
        return self.stored.genres

    @property
    def sha256(self) -> str:
        """The hash of its weights."""
        return self.stored.sha256

    @property
    def facts(self) -> Mapping[str, Any]:
        """How it was made."""
        return self.stored.facts

    @property
    def precedents(self) -> Rows | None:
        """HEAD rows of pieces that it learned from."""
        return self.stored.precedents

    @property
    def device(self) -> str:
        """Always a CPU."""
        return "cpu"

    @property
    def computed(self) -> str:
        """In which numbers it computes."""
        return self.precision

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.stored, self.precision, self.arithmetic is plain)

    def make(self) -> None:
        """All that composing takes is there, so that processes forked from now on share it."""
        for part in (self.backbone, self.kind_weights, self.own, self.fields):
            assert part

    def stepper(self, slots: int) -> "LightStepper":
        """Room for so many pieces that are written side by side."""
        return LightStepper(self, slots)

    @cached_property
    def levels(self) -> int:
        """How many steps up and down a whole number has; 0 where numbers are float32."""
        return plain.LEVELS if self.precision == "int8" else 0

    @property
    def compact(self) -> bool:
        """Whether whole numbers are kept as int8, in the blocks of `packing`."""
        return self.precision == "int8" and self.arithmetic is not plain

    @cached_property
    def layout(self) -> Layout:
        """Where each value lies among the embeddings."""
        return Layout(TABLE)

    @cached_property
    def full(self) -> Array:
        """Every global id's vector with its parts added: (ids, width); id 0 is zero."""
        parts = self._weight("embedding.part_weight")[self.layout.part_ids].sum(axis=1)
        table: Array = self._weight("embedding.weight") + parts
        table[0] = 0
        (kept,) = pages.together([table])
        return kept

    @cached_property
    def backbone(self) -> tuple[Any, ...]:
        """What `step` and `prefill` take between the rows and the caches."""
        config = self.config
        rates, periods = (np.array(turns, dtype=np.float32) for turns in config.turns)
        matrices = (
            *self._matrix(self._weight("seen.weight")),
            self._layers("attention_norm"),
            *self._matrices("qkv"), *self._matrices("out"),
            self._layers("mlp_norm"),
            *self._matrices("gate_up"), *self._matrices("down"),
            self._weight("norm.weight"),
        )  # fmt: skip
        rest = config.hidden, self.layout.offsets, self.full, periods, rates
        return *rest, *pages.together(matrices)

    @cached_property
    def kind_weights(self) -> tuple[Array, Array, Array]:
        """What `kind` takes after the state."""
        start = self.layout.kind_start
        return (
            self._weight("decoder.kind_norm.weight"),
            self.full[start : start + len(TABLE.kinds)],
            self._weight("decoder.kind_bias"),
        )

    @cached_property
    def own(self) -> Matrix:
        """The matrix through which a note sees its own track."""
        return self._matrix(self._weight("decoder.own.weight"))

    @cached_property
    def fields(self) -> list[list[FieldWeights]]:
        """What `field` takes after the state, of every kind by the number of the field."""
        entries = plain.in_levels(self.full, self.levels)
        found: list[list[FieldWeights]] = [[] for _ in TABLE.kinds]
        for kind, of_kind in zip(TABLE.kinds, found, strict=True):
            if not kind.fields or not kind.drawn:
                continue
            gates, norms = (self._weight(f"decoder.{n}.{kind.name}") for n in ("gates", "norms"))
            up, down = (
                self._matrix(self._weight(f"decoder.{n}.{kind.name}").swapaxes(1, 2))
                for n in ("up", "down")
            )
            for number, name in enumerate(kind.fields):
                start = self.layout.starts[name]
                end = start + TABLE.fields[name].size
                bias = self._weight(f"decoder.bias.{kind.name}_{name}")
                related = self.layout.related.get((kind.name, name), ())
                leans, lean_bias, steps = self._leans(related, end - start)
                firsts = np.cumsum([0, *(len(one.steps) for one in related)]).tolist()
                of_kind.append(
                    FieldWeights(
                        start,
                        (
                            gates[number, 0], norms[number, 0],
                            up[0][number], up[1][number], down[0][number], down[1][number],
                            *self._kept(entries[0][start:end], entries[1][start:end]), bias,
                            *self._matrix(leans), lean_bias, steps,
                        ),
                        tuple(zip(related, firsts, strict=False)),
                    )
                )  # fmt: skip
        whole = iter(pages.together(a for kind in found for one in kind for a in one.arrays))
        return [
            [replace(one, arrays=tuple(islice(whole, len(one.arrays)))) for one in kind]
            for kind in found
        ]

    def _leans(
        self, related: Sequence[Related], size: int
    ) -> tuple[Array, Array, NDArray[np.int64]]:
        """All leans of a field as one matrix (leans, width) with bias, and the steps into it."""
        total = sum(one.count for one in related)
        leans, bias = np.zeros((total, self.config.width), np.float32), np.zeros(total, np.float32)
        steps, first = [np.empty((0, size), dtype=np.int64)], 0
        for one in related:
            last = first + one.count
            leans[first:last] = self._weight(f"decoder.leans.{one.name}.weight")
            bias[first:last] = self._weight(f"decoder.leans.{one.name}.bias")
            steps.append(np.where(one.steps < one.count, first + one.steps, total))
            first = last
        return leans, bias, np.concatenate(steps)

    def _weight(self, name: str) -> Array:
        return self.stored.weights[name]

    def _layers(self, name: str) -> Array:
        layers = range(self.config.layers)
        return np.stack([self._weight(f"blocks.{layer}.{name}.weight") for layer in layers])

    def _matrices(self, name: str) -> Matrix:
        """A matrix of every layer; one after another, they take less room in the making."""
        layers = range(self.config.layers)
        made = [self._matrix(self._weight(f"blocks.{layer}.{name}.weight")) for layer in layers]
        numbers, scales = zip(*made, strict=True)
        return np.stack(numbers), np.stack(scales)

    def _matrix(self, weights: Array) -> Matrix:
        """A matrix, or a stack of them, in this precision."""
        return self._kept(*plain.in_levels(weights, self.levels))

    def _kept(self, numbers: Array, scale: Array) -> Matrix:
        """The numbers of a matrix and their scales as the arithmetic takes them."""
        if self.compact:
            return packed(numbers), packed_scale(scale)
        return np.ascontiguousarray(numbers), scale


def _again(stored: Stored, precision: str, in_numpy: bool) -> LightModel:
    """The same model in another process."""
    return LightModel(stored, precision, plain if in_numpy else arithmetic(precision))


class LightStepper:
    """The model with a cache for `slots` pieces, each of its own length up to `config.context`.

    Slots 0..active-1 advance together; `release` takes a finished piece's slot out.
    """

    def __init__(self, model: LightModel, slots: int) -> None:
        self.model = model
        self._arithmetic = model.arithmetic
        config = model.config
        self._lengths = np.zeros(slots, dtype=np.int64)
        self.told = Told(slots)
        keys, values, scales = cache_shapes(
            config.key_heads, config.head_width, config.context, model.compact
        )
        shape = config.layers, slots
        sort = np.int8 if model.compact else np.float32
        rows = (slots, config.context, config.width)
        self.embedded = np.zeros(rows, dtype=np.float32)
        self.states = np.zeros(rows, dtype=np.float32)
        self._keys = pages.zeros((*shape, *keys), sort)
        self._values = pages.zeros((*shape, *values), sort)
        self._key_scale = np.zeros((*shape, *scales), dtype=np.float32)
        self._value_scale = np.zeros((*shape, *scales), dtype=np.float32)

    @property
    def active(self) -> int:
        """How many slots are in use."""
        return len(self._lengths)

    @property
    def lengths(self) -> list[int]:
        """How many rows each slot holds."""
        found: list[int] = self._lengths.tolist()
        return found

    def room(self, slot: int) -> int:
        """How many more rows fit into the context of a slot."""
        return self.model.config.context - int(self._lengths[slot])

    def weigh(self, logits: Logits, mask: NDArray[np.bool_], sampling: Sampling) -> Odds:
        """The odds of a choice, as `sampling.weighed` gives them."""
        summed = np.empty(len(logits))
        share, legal = self._arithmetic.weigh(logits, mask, *sampling.filters, summed)
        if legal == 1:
            return Odds(share, None, int(mask.argmax()))
        return Odds(share, summed)

    def release(self, slot: int) -> None:
        """The last active slot takes the place of `slot`."""
        last = self.active - 1
        if slot != last:
            length = int(self._lengths[last])
            move_cache(self._keys, self._values, last, slot, length)
            for scale in (self._key_scale, self._value_scale):
                scale[:, slot, :, :length] = scale[:, last, :, :length]
            for vectors in (self.embedded, self.states):
                vectors[slot, :length] = vectors[last, :length]
            self.told.move(last, slot)
            self._lengths[slot] = length
        self._lengths = self._lengths[:-1]

    def clear(self, slot: int) -> None:
        """The slot holds no row; the next one starts it anew."""
        self._lengths[slot] = 0

    def prefill(
        self, slot: int, rows: Ints, times: Ints, links: Ints, beside: Beside = None
    ) -> Array:
        """Start a slot anew with rows (n, columns); the state (width,) after them.

        times: (n,); links: (n, SEEN_LINKS), numbers of rows of the slot, -1 where there is none.
        beside: how far the first row means something beside what it says.
        """
        count = len(rows)
        if count > self.model.config.context:
            raise SettingError(
                f"{count} rows do not fit into the context of {self.model.config.context}"
            )
        self.told.begin(slot, rows, links)
        layout = self.model.layout
        between = [] if beside is None else layout.between(rows[0].tolist(), beside)
        plain.prefill(
            self.model.arithmetic, rows.astype(np.int64), times, links, between, self.model.levels,
            self.embedded[slot], self.states[slot], self._keys[:, slot], self._key_scale[:, slot],
            self._values[:, slot], self._value_scale[:, slot],
            *self.model.backbone,
        )  # fmt: skip
        self._lengths[slot] = count
        state: Array = self.states[slot, count - 1]
        return state

    def step(self, rows: Ints, times: Ints, links: Ints) -> None:
        """One more row (active, columns) for every active slot.

        times: (active,); links: (active, SEEN_LINKS), numbers of rows of the slot or -1.
        """
        lengths = self.lengths
        if max(lengths) >= self.model.config.context:
            raise SettingError("the context of a slot is full")
        rows, times, links = (np.ascontiguousarray(p, dtype=np.int64) for p in (rows, times, links))
        self.told.take(lengths, rows, links)
        self._arithmetic.step(
            rows, times, links, self._lengths, self.model.levels,
            self.embedded, self.states,
            self._keys, self._key_scale, self._values, self._value_scale, *self.model.backbone,
        )  # fmt: skip
        self._lengths += 1

    def draw(self, slot: int, after: int = -1) -> LightDraw:
        """The row that comes after row `after` of a slot, -1: after the last one."""
        return LightDraw(self, slot, after if after >= 0 else int(self._lengths[slot]) - 1)
