"""The plain torch model: rows of integers in, a distribution over the next row out.

A row is embedded as the sum of its kind's and fields' embeddings; a decoder-only transformer reads
the rows; the fields of the next row are then drawn one after another by a small nested decoder
that sees the row's hidden state and the fields already chosen. Knows no music: what a row is comes
from the event table, and where it lies in time comes with the batch.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.model import halves
from musegen.model.config import NORM_EPSILON, STEPS_PER_TIME_UNIT, ModelConfig
from musegen.model.layout import Layout, Related
from musegen.tokens.fields import SEEN_LINKS, Table

KINDS = "kinds"
"""Names the kinds among the fields."""

LEANS = "decoder.leans."
"""How the parameters of relations are named."""


class RowEmbedding(nn.Module):
    """One table of vectors for every value of every field, parts added, shared by input and output.

    Global id 0 stands for "nothing here" and is the zero vector.
    """

    offsets: Tensor  # (kinds, columns): global id of value 0 of that column, or -1 where unused
    part_ids: Tensor  # (ids, parts)

    def __init__(self, table: Table, width: int) -> None:
        super().__init__()
        layout = Layout(table)
        self.starts = layout.starts
        self.kind_start = layout.kind_start
        self.weight = nn.Parameter(torch.randn(len(layout.part_ids), width) * 0.02)
        self.part_weight = nn.Parameter(torch.randn(layout.part_count, width) * 0.02)
        self.register_buffer("offsets", torch.from_numpy(layout.offsets), persistent=False)
        self.register_buffer("part_ids", torch.from_numpy(layout.part_ids), persistent=False)

    def full(self) -> Tensor:
        """Every global id's vector with its parts added: (ids, width); id 0 is zero."""
        table = self.weight + F.embedding(self.part_ids, self.part_weight).sum(1)
        mask = torch.ones(len(table), 1, dtype=table.dtype, device=table.device)
        mask[0] = 0
        return table * mask

    def by_field(self, full: Tensor) -> dict[str, Tensor]:
        """Of every id's vectors those of each field's values, and of the kinds: (size, width)."""
        names = [*self.starts, KINDS]
        starts = [*self.starts.values(), self.kind_start, len(full)]
        sizes = [after - start for start, after in pairwise(starts)]
        _nothing, *parts = torch.split_with_sizes(full, [starts[0], *sizes])
        return dict(zip(names, parts, strict=True))

    def global_ids(self, rows: Tensor) -> Tensor:
        """Global ids (..., columns) of rows (..., columns); 0 where a column is not used."""
        rows = rows.long()
        offsets = self.offsets[rows[..., 0]]
        return torch.where(offsets >= 0, offsets + rows, torch.zeros_like(rows))


@lru_cache(maxsize=8)
def _turns(config: ModelConfig, device: torch.device) -> tuple[Tensor, Tensor]:
    """`config.turns` where they are needed; for training, too, whoever asked first."""
    with torch.inference_mode(False):
        rates, periods = (torch.tensor(t, dtype=torch.float32, device=device) for t in config.turns)
    return rates, periods


def rotary_angles(config: ModelConfig, positions: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (..., head_width / 2) of the rotary angles of rows.

    positions: row numbers; times: steps since the window's first bar line; any equal shapes.
    Rotary embedding: Su et al. 2021 (RoFormer); here part of the dimensions turn with time.
    """
    rates, periods = _turns(config, positions.device)
    row_angles = positions.float()[..., None] * rates
    quarters = times.float()[..., None] / STEPS_PER_TIME_UNIT
    time_angles = 2 * math.pi * torch.remainder(quarters / periods, 1.0)
    angles = torch.cat([row_angles, time_angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (B, H, T, head_width) turned by angles (B, 1, T, head_width / 2)."""
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)


def linked(vectors: Tensor, links: Tensor) -> Tensor:
    """The vectors (B, T, L, width) of the rows that links (B, T, L) name; zero where they are -1.

    vectors: (B, T, width), one for each row.
    """
    batch, time, width = vectors.shape
    padded = F.pad(vectors, (0, 0, 1, 0)).view(-1, width)  # row -1 of each window is zero
    first = torch.arange(batch, device=links.device)[:, None, None] * (time + 1) + 1
    ids = (links + first).flatten()
    found = halves.looked_up(ids, padded) if halves.in_halves(padded) else F.embedding(ids, padded)
    return found.view(*links.shape, width)


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    """What queries (B, H, T, head_width) see of keys and values (B, key heads, rows, head_width).

    Heads share keys and values in equal groups, the first ones the first.
    """
    grouped = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, enable_gqa=grouped)


class Block(nn.Module):
    """Attention, then SwiGLU, each behind an RMSNorm and added to the stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_width = config.head_width
        self.key_heads = config.key_heads
        self.dropout = config.dropout
        self.attention_norm = nn.RMSNorm(config.width, eps=NORM_EPSILON)
        self.qkv = nn.Linear(config.width, config.qkv_width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.mlp_norm = nn.RMSNorm(config.width, eps=NORM_EPSILON)
        self.gate_up = nn.Linear(config.width, 2 * config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries (B, H, T, head_width); rotated keys, and values (B, key heads, ...)."""
        qkv = self.qkv(self.attention_norm(x)).unflatten(-1, (-1, self.head_width)).transpose(1, 2)
        q = qkv[:, : -2 * self.key_heads]
        k, v = qkv[:, -2 * self.key_heads :].chunk(2, dim=1)
        return rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype), v

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """The stream after attention's output (B, H, T, head_width) and the feed-forward part."""
        batch, _, time, _ = attended.shape
        x = x + self._drop(self.out(attended.transpose(1, 2).reshape(batch, time, -1)))
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, dim=-1)
        return x + self._drop(self.down(F.silu(gate) * up))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        if halves.in_halves(x):
            return self._in_halves(x, cos, sin)
        q, k, v = self.project(x, cos, sin)
        return self.finish(x, attention(q, k, v, causal=True))

    def _in_halves(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        qkv = self.qkv(halves.norm(self.attention_norm, x))
        x = x + self._drop(
            self.out(halves.attended(qkv, cos, sin, self.head_width, self.key_heads))
        )
        gated = halves.gated(self.gate_up(halves.norm(self.mlp_norm, x)))
        return x + self._drop(self.down(gated))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class RowDecoder(nn.Module):
    """Draws the fields of a row one after another: hidden state plus the fields chosen so far.

    For each field of each kind: norm, a small MLP, and the tied table as output. The state that
    field i sees is h + E(kind) + the embeddings of fields 0..i-1 (the cumulative form), and what
    field i said in the last row of this kind, or of this track once the track is known, through a
    gate that starts at zero. From a kind's `own_from` on, what the rows of the track say is added
    too, through a projection that starts at zero.
    """

    def __init__(self, table: Table, embedding: RowEmbedding, config: ModelConfig) -> None:
        super().__init__()
        self.table = table
        self.dropout = config.dropout
        width, inner = config.width, config.field_width
        self.kind_norm = nn.RMSNorm(width, eps=NORM_EPSILON)
        self.kind_bias = nn.Parameter(torch.zeros(len(table.kinds)))
        self.scale = math.sqrt(width)
        """How much what a field said before counts beside the state: embeddings start out small."""
        self.own = nn.Linear(3 * width, width, bias=False)
        self.gates = nn.ParameterDict()
        self.norms = nn.ParameterDict()
        self.up = nn.ParameterDict()
        self.down = nn.ParameterDict()
        self.bias = nn.ParameterDict()
        for kind in table.kinds:
            fields = len(kind.fields)
            if not fields or not kind.drawn:
                continue
            self.gates[kind.name] = nn.Parameter(torch.zeros(fields, 1, width))
            self.norms[kind.name] = nn.Parameter(torch.ones(fields, 1, width))
            self.up[kind.name] = nn.Parameter(torch.randn(fields, width, inner) * width**-0.5)
            self.down[kind.name] = nn.Parameter(
                torch.randn(fields, inner, width) * inner**-0.5 * 0.5
            )
            for name in kind.fields:
                self.bias[f"{kind.name}_{name}"] = nn.Parameter(
                    torch.zeros(table.fields[name].size)
                )
        self.related = Layout(table).related
        self.leans = nn.ModuleDict()
        for related in chain(*self.related.values()):
            self.leans[related.name] = nn.Linear(width, related.count)
            steps = torch.from_numpy(related.steps)
            self.register_buffer(f"steps_{related.name}", steps, persistent=False)
            columns = torch.from_numpy(related.columns)
            self.register_buffer(f"columns_{related.name}", columns, persistent=False)

    def columns_of(self, related: Related) -> Tensor:
        """The column (kinds,) in which a relation's source is said, 0 for none."""
        columns: Tensor = getattr(self, f"columns_{related.name}")
        return columns

    def kind_logits(self, values: Mapping[str, Tensor], h: Tensor) -> Tensor:
        """Logits of the next row's kind: (..., kinds). values: as `RowEmbedding.by_field` gives."""
        return F.linear(halves.norm(self.kind_norm, h), values[KINDS]) + self.kind_bias

    def foreseen(
        self,
        full: Tensor,
        kind: str,
        h: Tensor,
        ids: Tensor,
        prior: Tensor,
        own: Tensor | None = None,
        first: int = 0,
    ) -> Tensor:
        """What the fields' logits are made from in teacher forcing: (fields, N, width).

        All is as in `states`; own: (N, width), what fields `first`.. see of their track.
        """
        if halves.in_halves(h):
            return halves.foreseen(
                h, own, full, self.norms[kind], self.gates[kind] * self.scale, self.up[kind],
                self.down[kind], ids[:, :-1].T, prior.T, first,
                self.dropout if self.training else 0.0,
            )  # fmt: skip
        states = self.states(full, kind, h, ids, prior)
        if own is not None:
            states = torch.cat([states[:first], states[first:] + own])
        return self.hidden(kind, states)

    def states(self, full: Tensor, kind: str, h: Tensor, ids: Tensor, prior: Tensor) -> Tensor:
        """What each field sees in teacher forcing, but for its track: (fields, N, width).

        h: (N, width); ids: (N, 1 + fields) global ids of the kind and the fields drawn; prior:
        (N, fields) global ids of the fields in an earlier row, 0 where there is none.
        """
        chosen = F.embedding(ids[:, :-1].T, full).cumsum(0)  # the kind, then all but the last
        return h + chosen + self.again(F.embedding(prior.T, full), kind)

    def again(self, said: Tensor, kind: str, first: int = 0) -> Tensor:
        """What fields `first`.. of a kind see of what they said before: (fields, N, width).

        said: the embeddings (fields, N, width) of what was said.
        """
        seen: Tensor = said * self.gates[kind][first : first + len(said)] * self.scale
        return seen

    def own_track(self, track: Tensor, before: Tensor, state: Tensor) -> Tensor:
        """What a note sees of its own track: (N, width).

        track, before: embeddings (N, width) of the track's row in HEAD and of its last note;
        state: the hidden state (N, width) after that note; all zero where there is none.
        """
        seen: Tensor = self.own(torch.cat([track, before, state], dim=-1))
        return seen

    def hidden(self, kind: str, states: Tensor, first: int = 0) -> Tensor:
        """The MLPs of fields `first`.. of a kind, on their states (fields, N, width)."""
        last = first + len(states)
        x = F.rms_norm(states, states.shape[-1:], eps=NORM_EPSILON) * self.norms[kind][first:last]
        inner = F.silu(torch.bmm(x, self.up[kind][first:last]))
        said = torch.bmm(inner, self.down[kind][first:last])
        hidden: Tensor = x + (
            F.dropout(said, self.dropout, self.training) if self.dropout else said
        )
        return hidden

    def field_logits(
        self,
        values: Mapping[str, Tensor],
        kind: str,
        name: str,
        hidden: Tensor,
        against: Sequence[Tensor] = (),
    ) -> Tensor:
        """Logits (N, size) of one field from its hidden vectors (N, width).

        values: as `RowEmbedding.by_field` gives them. against: for each of the field's relations
        (N,), which row of its steps holds.
        """
        logits: Tensor = F.linear(hidden, values[name]) + self.bias[f"{kind}_{name}"]
        for related, which in zip(self.related.get((kind, name), ()), against, strict=True):
            lean = F.pad(self.leans[related.name](hidden), (0, 1))  # the last: no step, 0
            steps: Tensor = getattr(self, f"steps_{related.name}")
            logits = logits + lean.gather(1, steps.index_select(0, which))
        return logits


class MusicModel(nn.Module):
    """The transformer over rows with its nested decoder."""

    def __init__(self, table: Table, config: ModelConfig) -> None:
        super().__init__()
        self.table = table
        self.config = config
        self.embedding = RowEmbedding(table, config.width)
        self.seen = nn.Linear(len(SEEN_LINKS) * config.width, config.width, bias=False)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width, eps=NORM_EPSILON)
        self.decoder = RowDecoder(table, self.embedding, config)
        for name, parameter in self.named_parameters():
            if name.endswith(("qkv.weight", "gate_up.weight")):
                nn.init.normal_(parameter, std=config.width**-0.5)
            elif name.endswith(("out.weight", "blocks.down.weight")) or ".down.weight" in name:
                fan_in = parameter.shape[-1]
                nn.init.normal_(parameter, std=(2 * config.layers * fan_in) ** -0.5)
            elif name in ("seen.weight", "decoder.own.weight") or name.startswith(LEANS):
                nn.init.zeros_(parameter)

    def matrices(self) -> list[nn.Parameter]:
        """Parameters that map vectors to vectors, one matrix each: no tables, stacks or logits."""
        return [
            parameter
            for name, parameter in self.named_parameters()
            if parameter.ndim == 2 and not name.startswith(("embedding.", LEANS))
        ]

    def parameter_count(self) -> int:
        """How many numbers training sets."""
        return sum(p.numel() for p in self.parameters())

    @property
    def embed_scale(self) -> float:
        """By what the sum of a row's embeddings is multiplied."""
        return math.sqrt(self.config.width) * 0.5

    def embed(self, full: Tensor, rows: Tensor) -> Tensor:
        """Input vectors (B, T, width) of rows (B, T, columns)."""
        ids = self.embedding.global_ids(rows)
        flat = F.embedding_bag(ids.flatten(0, -2), full, mode="sum", padding_idx=0)
        return flat.view(*rows.shape[:-1], -1) * self.embed_scale

    def enter(self, embedded: Tensor, linked: Tensor) -> Tensor:
        """What goes into the first layer: rows with what they point back to, (B, T, width).

        embedded: (B, T, width); linked: (B, T, SEEN_LINKS, width), zero where nothing is there.
        """
        entered: Tensor = embedded + self.seen(linked.flatten(-2))
        return entered

    def forward(
        self, full: Tensor, rows: Tensor, times: Tensor, links: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Hidden states (B, T, width): the state at t foretells row t + 1. And the embedded rows.

        rows: (B, T, columns) integers; times: (B, T) steps since the window's first bar line;
        links: (B, T, at least SEEN_LINKS) numbers of rows, -1 where there is none.
        """
        embedded = self.embed(full, rows)
        x = self.enter(embedded, linked(embedded, links[..., : len(SEEN_LINKS)]))
        x = F.dropout(x, self.config.dropout, self.training) if self.config.dropout else x
        positions = torch.arange(rows.shape[1], device=rows.device).expand(rows.shape[:2])
        cos, sin = rotary_angles(self.config, positions, times)
        cos, sin = cos[:, None], sin[:, None]
        for block in self.blocks:
            x = block(x, cos, sin)
        return halves.norm(self.norm, x), embedded

    def stack(self) -> list[Block]:
        """The transformer's layers, the first one first."""
        return [cast(Block, block) for block in self.blocks]
