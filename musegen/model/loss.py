"""Nats of the next row, field by field: what training lowers and evaluation reports."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from musegen.model.layout import Related
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import LINK_PLACE, SEEN_LINKS


@dataclass(frozen=True)
class RowLoss:
    """Nats of a batch. `total` is the sum to differentiate; `nats` and `counts` are by field.

    Keys are "kind" and "KIND.field". Fields whose target is "unset" are not counted: the model is
    never asked to draw "unset".
    """

    total: Tensor
    nats: dict[str, Tensor]
    counts: dict[str, int]


def row_loss(
    model: MusicModel, rows: Tensor, times: Tensor, links: Tensor, scored: Tensor
) -> RowLoss:
    """Nats of every scored row given the rows before it.

    rows: (B, T, columns); times: (B, T); links: (B, T, links); scored: (B, T) bool, True where row
    t is to be foretold.
    """
    full = model.embedding.full()
    hidden, embedded = model(full, rows[:, :-1], times[:, :-1], links[:, :-1])
    keep = scored[:, 1:]
    h = hidden[keep]  # (N, width)
    targets = rows[:, 1:][keep].long()  # (N, columns)
    decoder = model.decoder
    kind_nats = F.cross_entropy(
        decoder.kind_logits(full, h).float(), targets[:, 0], reduction="sum"
    )
    nats: dict[str, Tensor] = {"kind": kind_nats.detach()}
    counts: dict[str, int] = {"kind": len(targets)}
    total = kind_nats
    ids = model.embedding.global_ids(targets)
    for k, kind in enumerate(model.table.kinds):
        if not kind.fields or not kind.drawn:
            continue
        where = (targets[:, 0] == k).nonzero().squeeze(1)
        if not len(where):
            continue
        fields = len(kind.fields)
        places = keep.nonzero()[where]
        prior = _earlier(model, rows, links, places, "prior")
        if kind.own_from:
            first = kind.fields.index(kind.own_from)
            before = _earlier(model, rows, links, places, "before")
            prior = torch.cat([prior[:, : 1 + first], before[:, 1 + first :]], dim=1)
        states = decoder.states(
            full, kind.name, h[where], ids[where][:, : 1 + fields], prior[:, 1 : 1 + fields]
        )
        if kind.own_from:
            own = _own_track(model, hidden, embedded, links, places)
            states = torch.cat([states[:first], states[first:] + own])
        inner = decoder.hidden(kind.name, states)
        for i, name in enumerate(kind.fields):
            against = [
                _against(related, rows, links, places)
                for related in decoder.related.get((kind.name, name), ())
            ]
            logits = decoder.field_logits(full, kind.name, name, inner[i], against).float()
            goal = targets[where, i + 1]
            optional = model.table.fields[name].optional
            field_nats = F.cross_entropy(
                logits, goal, reduction="sum", ignore_index=0 if optional else -100
            )
            key = f"{kind.name}.{name}"
            nats[key] = field_nats.detach()
            counts[key] = int((goal != 0).sum()) if optional else len(goal)
            total = total + field_nats
    return RowLoss(total, nats, counts)


def _own_track(
    model: MusicModel, hidden: Tensor, embedded: Tensor, links: Tensor, places: Tensor
) -> Tensor:
    """What notes see of their own tracks: (N, width). places: (N, 2), example and row - 1."""
    example, row = places.unbind(1)
    track, before = (links[example, row + 1, LINK_PLACE[name]] for name in ("track", "before"))
    width = hidden.shape[-1]
    offset = example * (hidden.shape[1] + 1) + 1
    padded = F.pad(embedded, (0, 0, 1, 0)).view(-1, width)
    states = F.pad(hidden, (0, 0, 1, 0)).view(-1, width)
    return model.decoder.own_track(
        F.embedding(offset + track, padded),
        F.embedding(offset + before, padded),
        F.embedding(offset + before, states),
    )


def _earlier(model: MusicModel, rows: Tensor, links: Tensor, places: Tensor, link: str) -> Tensor:
    """Global ids (N, columns) of the rows that those at `places` link to, 0 where there is none."""
    example, row = places.unbind(1)
    to = links[example, row + 1, LINK_PLACE[link]]
    ids = model.embedding.global_ids(rows[example, to.clamp(min=0)])
    return ids * (to >= 0)[:, None]


def _against(related: Related, rows: Tensor, links: Tensor, places: Tensor) -> Tensor:
    """Which row of a relation's steps holds at `places`: (N,).

    What all rows see is linked from the row before, a track's own from the row itself.
    """
    example, row = places.unbind(1)
    at = row if related.link in SEEN_LINKS else row + 1
    to = links[example, at, LINK_PLACE[related.link]]
    there = rows[example, to.clamp(min=0)].long()
    columns = torch.from_numpy(related.columns).to(rows.device)[there[:, 0]]
    said = there.gather(1, columns[:, None])[:, 0]
    return torch.where((to >= 0) & (columns > 0), 1 + said, torch.zeros_like(said))
