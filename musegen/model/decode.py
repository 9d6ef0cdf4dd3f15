"""Drawing rows one at a time with a key-value cache: the plain torch path, the reference.

A `Stepper` holds the caches of pieces that advance together, row by row, and gives the hidden
state after the last row; `RowDraw` then asks for the next row's fields one by one.
Knows no music and makes no choices.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musegen.errors import SettingError
from musegen.model.layout import Layout
from musegen.model.paths import Beside, Logits
from musegen.model.sampling import weighed
from musegen.model.told import Told
from musegen.model.transformer import MusicModel, attention, linked, rotary_angles

Ints = NDArray[np.integer] | Tensor


class Stepper:
    """The model with a cache for `slots` pieces, each of its own length up to `config.context`.

    Slots 0..active-1 advance together; `release` takes a finished piece's slot out.
    """

    weigh = staticmethod(weighed)

    def __init__(self, model: MusicModel, slots: int) -> None:
        self.model = model.eval()
        config = model.config
        self.lengths = [0] * slots
        self.told = Told(slots)
        shape = (config.layers, slots, config.key_heads, config.context, config.head_width)
        self.device = model.norm.weight.device
        self._layout = Layout(model.table)
        with torch.inference_mode():
            self.full = model.embedding.full()
            self.by_field = model.embedding.by_field(self.full)
            self.keys = torch.zeros(shape, dtype=self.full.dtype, device=self.device)
            self.values = torch.zeros(shape, dtype=self.full.dtype, device=self.device)
            rows = (slots, config.context, config.width)
            self.embedded = torch.zeros(rows, dtype=self.full.dtype, device=self.device)
            self.states = torch.zeros(rows, dtype=self.full.dtype, device=self.device)

    @property
    def active(self) -> int:
        """How many slots are in use."""
        return len(self.lengths)

    def room(self, slot: int) -> int:
        """How many more rows fit into the context of a slot."""
        return self.model.config.context - self.lengths[slot]

    @torch.inference_mode()
    def release(self, slot: int) -> None:
        """The last active slot takes the place of `slot`."""
        last = self.active - 1
        if slot != last:
            length = self.lengths[last]
            self.keys[:, slot, :, :length] = self.keys[:, last, :, :length]
            self.values[:, slot, :, :length] = self.values[:, last, :, :length]
            self.embedded[slot, :length] = self.embedded[last, :length]
            self.states[slot, :length] = self.states[last, :length]
            self.told.move(last, slot)
            self.lengths[slot] = length
        self.lengths.pop()

    def draw(self, slot: int) -> "RowDraw":
        """The row that comes after those of a slot."""
        return RowDraw(self, slot, self.states[slot, self.lengths[slot] - 1])

    def clear(self, slot: int) -> None:
        """The slot holds no row; the next one starts it anew."""
        self.lengths[slot] = 0

    @torch.inference_mode()
    def prefill(
        self, slot: int, rows: Ints, times: Ints, links: Ints, beside: Beside = None
    ) -> Tensor:
        """Start a slot anew with rows (n, columns); the state (width,) after them.

        times: (n,); links: (n, SEEN_LINKS), numbers of rows of the slot, -1 where there is none.
        beside: how far the first row means something beside what it says.
        """
        count = len(rows)
        if count > self.model.config.context:
            raise SettingError(
                f"{count} rows do not fit into the context of {self.model.config.context}"
            )
        model = self.model
        self.told.begin(slot, np.asarray(rows), np.asarray(links))
        embedded = model.embed(self.full, self._there(rows)[None])
        if beside is not None:
            scale = model.embed_scale
            for here, there, share in self._layout.between(rows[0].tolist(), beside):
                embedded[0, 0] += (self.full[there] - self.full[here]) * (share * scale)
        self.embedded[slot, :count] = embedded[0]
        x = model.enter(embedded, linked(embedded, self._there(links)[None]))
        places = torch.arange(count, device=self.device)[None]
        cos, sin = rotary_angles(model.config, places, self._there(times)[None])
        cos, sin = cos[:, None], sin[:, None]
        for i, block in enumerate(model.stack()):
            q, k, v = block.project(x, cos, sin)
            self.keys[i, slot, :, :count] = k[0]
            self.values[i, slot, :, :count] = v[0]
            x = block.finish(x, attention(q, k, v, causal=True))
        self.lengths[slot] = count
        self.states[slot, :count] = model.norm(x[0])
        return self.states[slot, count - 1].clone()

    @torch.inference_mode()
    def step(self, rows: Ints, times: Ints, links: Ints) -> Tensor:
        """One more row (active, columns) for every active slot.

        times: (active,); links: (active, SEEN_LINKS), numbers of rows of the slot or -1.

        Gives the states (active, width) that foretell the row after.
        """
        model, active = self.model, self.active
        if not all(self.room(slot) for slot in range(active)):
            raise SettingError("the context of a slot is full")
        seen = self._there(links)
        self.told.take(self.lengths, np.asarray(rows), np.asarray(links))
        places = torch.tensor(self.lengths, device=self.device)
        slots = torch.arange(active, device=self.device)
        embedded = model.embed(self.full, self._there(rows)[:, None])
        self.embedded[slots, places] = embedded[:, 0]
        vectors = self.embedded[slots[:, None], seen.clamp(min=0)] * (seen >= 0)[..., None]
        x = model.enter(embedded, vectors[:, None])
        cos, sin = rotary_angles(model.config, places[:, None], self._there(times)[:, None])
        cos, sin = cos[:, None], sin[:, None]
        end = max(self.lengths) + 1
        mask = None
        if min(self.lengths) + 1 < end:
            mask = (torch.arange(end, device=self.device) <= places[:, None])[:, None, None]
        for i, block in enumerate(model.stack()):
            q, k, v = block.project(x, cos, sin)
            self.keys[i, slots, :, places] = k[:, :, 0]
            self.values[i, slots, :, places] = v[:, :, 0]
            keys, values = (cache[i, :active, :, :end] for cache in (self.keys, self.values))
            x = block.finish(x, attention(q, keys, values, mask))
        self.lengths = [length + 1 for length in self.lengths]
        states: Tensor = model.norm(x[:, 0])
        self.states[slots, places] = states
        return states

    def _there(self, numbers: Ints) -> Tensor:
        return torch.as_tensor(numbers).to(self.device)


class RowDraw:
    """The next row of one piece, field by field: logits, then the value that was chosen."""

    def __init__(self, stepper: Stepper, slot: int, state: Tensor) -> None:
        self._stepper = stepper
        self._model = stepper.model
        self._full, self._by_field = stepper.full, stepper.by_field
        self._slot = slot
        self._state = state  # (width,)
        self._kind = ""
        self._field = 0
        self._prior: Sequence[int] | None = None
        self._rows = stepper.told.linked(slot, stepper.lengths[slot] - 1)

    @torch.inference_mode()
    def kind_logits(self) -> Logits:
        """Logits of the row's kind: (kinds,)."""
        return _numbers(self._model.decoder.kind_logits(self._by_field, self._state))

    @torch.inference_mode()
    def take_kind(self, kind: int, prior: Sequence[int] | None) -> None:
        """Fix the row's kind; `prior` is the last row of that kind, None where there is none."""
        self._kind = self._model.table.kinds[kind].name
        self._prior = self._rows["prior"] = prior
        self._say(self._model.embedding.kind_start + kind)

    @torch.inference_mode()
    def take_track(self, track: int, before: int, note: Sequence[int] | None) -> None:
        """Fix what is known of the row's track: its row in HEAD and its last note, -1 for none.

        track, before: numbers of rows of the slot; note: the row at `before`.
        """
        none = torch.zeros_like(self._state)
        embedded, states = self._stepper.embedded[self._slot], self._stepper.states[self._slot]
        seen = self._model.decoder.own_track(
            embedded[track] if track >= 0 else none,
            embedded[before] if before >= 0 else none,
            states[before] if before >= 0 else none,
        )
        self._state = self._state + seen
        self._prior = self._rows["before"] = note

    @torch.inference_mode()
    def field_logits(self, name: str) -> Logits:
        """Logits of the next field: (size,)."""
        decoder = self._model.decoder
        state = self._state
        if self._prior is not None:
            said = self._model.embedding.starts[name] + self._prior[1 + self._field]
            again = decoder.again(self._full[said][None, None], self._kind, self._field)
            state = state + again[0, 0]
        hidden = decoder.hidden(self._kind, state[None, None], self._field)
        against = [
            torch.tensor([related.against(self._rows.get(related.link))], device=state.device)
            for related in decoder.related.get((self._kind, name), ())
        ]
        logits = decoder.field_logits(self._by_field, self._kind, name, hidden[0], against)
        return _numbers(logits[0])

    @torch.inference_mode()
    def take_field(self, name: str, value: int) -> None:
        """Fix the next field's value."""
        self._say(self._model.embedding.starts[name] + value)
        self._field += 1

    def _say(self, number: int) -> None:
        self._state = self._state + self._full[number]


def _numbers(logits: Tensor) -> Logits:
    numbers: Logits = logits.float().cpu().numpy()
    return numbers
