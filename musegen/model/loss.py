"""Nats of the next row, field by field: what training lowers and evaluation reports."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from musegen.model.transformer import MusicModel


@dataclass(frozen=True)
class RowLoss:
    """Nats of a batch. `total` is the sum to differentiate; `nats` and `counts` are by field.

    Keys are "kind" and "KIND.field". Fields whose target is "unset" are not counted: the model is
    never asked to draw "unset".
    """

    total: Tensor
    nats: dict[str, Tensor]
    counts: dict[str, int]


def row_loss(model: MusicModel, rows: Tensor, times: Tensor, scored: Tensor) -> RowLoss:
    """Nats of every scored row given the rows before it.

    rows: (B, T, columns); times: (B, T); scored: (B, T) bool, True where row t is to be foretold.
    """
    full = model.embedding.full()
    hidden = model(full, rows[:, :-1], times[:, :-1])
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
        states = decoder.states(full, h[where], ids[where][:, : 1 + len(kind.fields)])
        inner = decoder.hidden(kind.name, states)
        for i, name in enumerate(kind.fields):
            logits = decoder.field_logits(full, kind.name, name, inner[i]).float()
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
