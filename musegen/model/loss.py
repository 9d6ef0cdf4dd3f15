"""Nats of the next row, field by field: what training lowers and evaluation reports."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from musegen.model.foretold import Foretold, foretold
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
    model: MusicModel,
    rows: Tensor,
    times: Tensor,
    links: Tensor,
    scored: Tensor,
    known: Foretold | None = None,
) -> RowLoss:
    """Nats of every scored row given the rows before it.

    rows: (B, T, columns); times: (B, T); links: (B, T, links); scored: (B, T) bool, True where row
    t is to be foretold. known: what `foretold` says of them, where that was found before.
    """
    known = known or foretold(model.table, rows.cpu().numpy(), scored.cpu().numpy())
    every = torch.from_numpy(known.at).to(rows.device)
    full = model.embedding.full()
    values = model.embedding.by_field(full)
    hidden, embedded = model(full, rows, times, links)
    h = hidden.flatten(0, 1).index_select(0, every - 1)  # (N, width)
    targets = rows.flatten(0, 1).index_select(0, every).long()  # (N, columns)
    decoder = model.decoder
    total = F.cross_entropy(decoder.kind_logits(values, h).float(), targets[:, 0], reduction="sum")
    nats: dict[str, Tensor] = {"kind": total.detach()}
    ids = model.embedding.global_ids(targets)
    states_of = _with_nothing(hidden), _with_nothing(embedded)
    by_kind = h.split([span.stop - span.start for span in known.spans])
    for kind, span, seen in zip(model.table.kinds, known.spans, by_kind, strict=True):
        if not kind.fields or not kind.drawn or span.start == span.stop:
            continue
        fields = len(kind.fields)
        heard = _Heard(model, rows, links, every[span])
        prior, own, first = heard.ids("prior"), None, 0
        if kind.own_from:
            first = kind.fields.index(kind.own_from)
            prior = torch.cat([prior[:, : 1 + first], heard.ids("before")[:, 1 + first :]], dim=1)
            own = _own_track(model, *states_of, heard)
        inner = decoder.foreseen(
            full, kind.name, seen, ids[span][:, : 1 + fields], prior[:, 1 : 1 + fields], own, first
        ).unbind(0)
        for i, name in enumerate(kind.fields):
            against = [
                heard.against(related) for related in decoder.related.get((kind.name, name), ())
            ]
            logits = decoder.field_logits(values, kind.name, name, inner[i], against).float()
            field_nats = F.cross_entropy(
                logits,
                targets[span, i + 1],
                reduction="sum",
                ignore_index=0 if model.table.fields[name].optional else -100,
            )
            nats[f"{kind.name}.{name}"] = field_nats.detach()
            total = total + field_nats
    return RowLoss(total, nats, known.counts)


def _with_nothing(vectors: Tensor) -> Tensor:
    """Vectors (B, T, width) of rows, one for each and a zero one before them: (1 + B T, width)."""
    return F.pad(vectors.flatten(0, 1), (0, 0, 1, 0))


class _Heard:
    """What some rows of a batch point back to. at: (N,) their numbers, as in `Foretold`."""

    def __init__(self, model: MusicModel, rows: Tensor, links: Tensor, at: Tensor) -> None:
        self._model = model
        self._rows, self._links = rows.flatten(0, 1), links.flatten(0, 1)
        self._at, self._start = at, at - at % rows.shape[1]
        self._places: dict[str, Tensor] = {}
        self._there: dict[str, Tensor] = {}

    def place(self, link: str) -> Tensor:
        """1 + the number of the row that each leads to, 0 where there is none: (N,).

        What all rows see is linked from the row before, a track's own from the row itself.
        """
        if link not in self._places:
            at = self._at - 1 if link in SEEN_LINKS else self._at
            to = self._links[at, LINK_PLACE[link]].long()
            self._places[link] = torch.where(to >= 0, 1 + self._start + to, 0)
        return self._places[link]

    def ids(self, link: str) -> Tensor:
        """Global ids (N, columns) of those rows, 0 where there is none."""
        ids = self._model.embedding.global_ids(self._row(link))
        return ids * (self.place(link) > 0)[:, None]

    def against(self, related: Related) -> Tensor:
        """Which row of a relation's steps holds: (N,)."""
        there = self._row(related.link)
        columns = self._model.decoder.columns_of(related)[there[:, 0]]
        said = there.gather(1, columns[:, None])[:, 0]
        return torch.where((self.place(related.link) > 0) & (columns > 0), 1 + said, 0)

    def _row(self, link: str) -> Tensor:
        """The rows (N, columns) themselves; any row where there is none."""
        if link not in self._there:
            self._there[link] = self._rows[(self.place(link) - 1).clamp(min=0)].long()
        return self._there[link]


def _own_track(model: MusicModel, states: Tensor, embedded: Tensor, heard: _Heard) -> Tensor:
    """What notes see of their own tracks: (N, width)."""
    return model.decoder.own_track(
        F.embedding(heard.place("track"), embedded),
        F.embedding(heard.place("before"), embedded),
        F.embedding(heard.place("before"), states),
    )
