"""Held-out likelihood: nats per note of a model on whole windows, in all and by field."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from musegen.corpus.batches import Batch
from musegen.model.loss import row_loss
from musegen.model.transformer import MusicModel
from musegen.training.feeding import fed


@dataclass(frozen=True)
class Likelihood:
    """How well rows were foretold. All figures are in nats.

    per_note: everything that was to be foretold (kinds, tracks, bars, chords, notes) over the
    number of notes. note_fields: only the fields of the notes themselves. by_field: the mean of
    each field over the rows that have it. per_bar: everything, over the number of bars.
    """

    per_note: float
    note_fields: float
    by_field: dict[str, float]
    notes: int
    rows: int
    bars: int = 0

    @property
    def per_bar(self) -> float:
        """Everything that was to be foretold over the number of bars."""
        return self.per_note * max(self.notes, 1) / max(self.bars, 1)


@torch.no_grad()
def likelihood(
    model: MusicModel, batches: Iterable[Batch], device: str = "cpu", bf16: bool = False
) -> Likelihood:
    """The model's likelihood of all scored rows of `batches`."""
    was_training = model.training
    model.eval()
    nats: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for batch in batches:
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=bf16):
            one = fed(batch)
            loss = row_loss(model, *one.tensors(device), one.known)
        for name, value in loss.nats.items():
            nats[name] += float(value)
            counts[name] += loss.counts[name]
    model.train(was_training)
    return summarise(nats, counts)


def summarise(nats: Mapping[str, float], counts: Mapping[str, int]) -> Likelihood:
    """Sums of nats and counts by field as a Likelihood."""
    found = counts.get("NOTE.onset", 0)
    notes = max(found, 1)
    in_notes = sum(value for name, value in nats.items() if name.startswith("NOTE."))
    return Likelihood(
        per_note=sum(nats.values()) / notes,
        note_fields=in_notes / notes,
        by_field={name: nats[name] / max(counts[name], 1) for name in sorted(nats)},
        notes=found,
        rows=counts.get("kind", 0),
        bars=counts.get("BAR.bars_left", 0),
    )
