"""Drawing rows one at a time with a key-value cache: the plain torch path, the reference.

A `Stepper` holds the caches of pieces that advance together, row by row, and gives the hidden
state after the last row; `RowDraw` then asks for the next row's fields one by one.
Knows no music and makes no choices.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from musegen.errors import SettingError
from musegen.model.transformer import MusicModel, rotary_angles


class Stepper:
    """The model with a cache for `slots` pieces, each of its own length up to `config.context`.

    Slots 0..active-1 advance together; `release` takes a finished piece's slot out.
    """

    def __init__(self, model: MusicModel, slots: int) -> None:
        self.model = model.eval()
        config = model.config
        self.lengths = [0] * slots
        shape = (config.layers, slots, config.heads, config.context, config.width // config.heads)
        self.device = model.norm.weight.device
        with torch.inference_mode():
            self.full = model.embedding.full()
            self.keys = torch.zeros(shape, dtype=self.full.dtype, device=self.device)
            self.values = torch.zeros(shape, dtype=self.full.dtype, device=self.device)

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
            self.lengths[slot] = length
        self.lengths.pop()

    def clear(self, slot: int) -> None:
        """The slot holds no row; the next one starts it anew."""
        self.lengths[slot] = 0

    @torch.inference_mode()
    def prefill(self, slot: int, rows: Tensor, times: Tensor) -> Tensor:
        """Start a slot anew with rows (n, columns) at times (n,); the state (width,) after them."""
        count = len(rows)
        if count > self.model.config.context:
            raise SettingError(
                f"{count} rows do not fit into the context of {self.model.config.context}"
            )
        model = self.model
        rows, times = rows[None].to(self.device), times[None].to(self.device)
        x = model.embed(self.full, rows)
        cos, sin = rotary_angles(model.config, torch.arange(count, device=self.device)[None], times)
        cos, sin = cos[:, None], sin[:, None]
        for i, block in enumerate(model.stack()):
            q, k, v = block.project(x, cos, sin)
            self.keys[i, slot, :, :count] = k[0]
            self.values[i, slot, :, :count] = v[0]
            x = block.finish(x, F.scaled_dot_product_attention(q, k, v, is_causal=True))
        self.lengths[slot] = count
        state: Tensor = model.norm(x[0, -1])
        return state

    @torch.inference_mode()
    def step(self, rows: Tensor, times: Tensor) -> Tensor:
        """One more row (active, columns) at times (active,) for every active slot.

        Gives the states (active, width) that foretell the row after.
        """
        model, active = self.model, self.active
        if not all(self.room(slot) for slot in range(active)):
            raise SettingError("the context of a slot is full")
        rows = rows.to(self.device)
        x = model.embed(self.full, rows[:, None])
        places = torch.tensor(self.lengths, device=self.device)
        cos, sin = rotary_angles(model.config, places[:, None], times[:, None].to(self.device))
        cos, sin = cos[:, None], sin[:, None]
        end = max(self.lengths) + 1
        slots = torch.arange(active, device=self.device)
        mask = None
        if min(self.lengths) + 1 < end:
            mask = (torch.arange(end, device=self.device) <= places[:, None])[:, None, None]
        for i, block in enumerate(model.stack()):
            q, k, v = block.project(x, cos, sin)
            self.keys[i, slots, :, places] = k[:, :, 0]
            self.values[i, slots, :, places] = v[:, :, 0]
            attended = F.scaled_dot_product_attention(
                q,
                self.keys[i, :active, :, :end],
                self.values[i, :active, :, :end],
                attn_mask=mask,
            )
            x = block.finish(x, attended)
        self.lengths = [length + 1 for length in self.lengths]
        states: Tensor = model.norm(x[:, 0])
        return states


class RowDraw:
    """The next row of one piece, field by field: logits, then the value that was chosen."""

    def __init__(self, stepper: Stepper, state: Tensor) -> None:
        self._model = stepper.model
        self._full = stepper.full
        self._state = state  # (width,)
        self._kind = ""
        self._field = 0

    @torch.inference_mode()
    def kind_logits(self) -> Tensor:
        """Logits of the row's kind: (kinds,)."""
        return self._model.decoder.kind_logits(self._full, self._state)

    @torch.inference_mode()
    def take_kind(self, kind: int) -> None:
        """Fix the row's kind."""
        self._kind = self._model.table.kinds[kind].name
        self._state = self._state + self._full[self._model.embedding.kind_start + kind]

    @torch.inference_mode()
    def field_logits(self, name: str) -> Tensor:
        """Logits of the next field: (size,)."""
        decoder = self._model.decoder
        hidden = decoder.hidden(self._kind, self._state[None, None], self._field)
        return decoder.field_logits(self._full, self._kind, name, hidden[0])[0]

    @torch.inference_mode()
    def take_field(self, name: str, value: int) -> None:
        """Fix the next field's value."""
        self._state = self._state + self._full[self._model.embedding.starts[name] + value]
        self._field += 1
