"""Fine-tuning: a checkpoint goes on learning, from a few files of one's own.

In: a checkpoint folder, and the genres of the new music. Out: what a run begins from (sizes,
weights, labels) and settings that suit a small collection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from musegen.corpus.batches import BatchSettings
from musegen.errors import LabelError
from musegen.model.checkpoint import load_checkpoint
from musegen.model.config import ModelConfig
from musegen.model.transformer import MusicModel
from musegen.tokens import fields
from musegen.training.settings import RunSettings, TrainSettings

TUNING = TrainSettings(
    steps=300, learning_rate=4e-4, warmup=20, decay=0.7, weight_decay=0.05, long_share=0.5,
    evaluate_every=20, evaluate_pieces=64, save_every=100, patience=4,
)  # fmt: skip
"""How to go on learning from some twenty files: slowly, and not for long."""

HELD_OUT_SHARE = 0.15
"""Of a small collection more is held out: the verdict rests on it."""


@dataclass(frozen=True, eq=False)
class Base:
    """A checkpoint to begin from."""

    name: str
    sha256: str
    config: ModelConfig
    genres: tuple[str, ...]
    model: MusicModel

    @property
    def origin(self) -> Mapping[str, Any]:
        """What a run says of it."""
        return {"name": self.name, "sha256": self.sha256}

    def weights(self, genres: Sequence[str]) -> dict[str, torch.Tensor]:
        """Its weights for a model that knows `genres`: a new one begins as the mean of the old."""
        tensors = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        table = tensors["embedding.weight"]
        column = fields.column(fields.STYLE, "genre")
        first = int(self.model.embedding.offsets[fields.STYLE, column]) + 1
        old, count = len(self.genres), len(genres)
        if old:
            table[first + old : first + count] = table[first : first + old].mean(0)
        return tensors


def read_base(folder: str | Path) -> Base:
    """The checkpoint in `folder`; CheckpointError where it cannot be used."""
    loaded = load_checkpoint(folder)
    name = Path(folder).resolve().name
    return Base(name, loaded.sha256, loaded.config, loaded.genres, loaded.model)


def with_new_genres(known: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """The known genres in their order, and behind them those that are new.

    LabelError where there is no room for so many.
    """
    new = [genre for genre in found if genre not in known]
    together = (*known, *new)
    if len(together) > fields.MAX_GENRES:
        raise LabelError(
            f"{len(known)} known genres and {len(new)} new ones are more than the "
            f"{fields.MAX_GENRES} that a checkpoint has room for; use fewer folders"
        )
    return together


def tuning_settings(config: ModelConfig) -> RunSettings:
    """Settings to fine-tune a model of these sizes: every piece counts alike, in every key."""
    rows = min(config.context, 1024)
    batches = BatchSettings(
        max_rows=rows, rows_per_step=max(2048, rows), steps_per_group=8, length_power=0.0,
        genre_power=0.0, masked=0.2,
    )  # fmt: skip
    return RunSettings(config, batches, replace(TUNING, short_rows=min(512, rows)))
