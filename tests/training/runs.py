"""Runs small enough for tests: a handful of made pieces, a tiny model, a few steps."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load

from musegen.corpus.batches import BatchSettings
from musegen.corpus.collection import Collection, collect
from musegen.training.card import RunFacts
from musegen.training.judge import Likelihood
from musegen.training.keeping import states
from musegen.training.loop import Trainer
from musegen.training.observers import StepReport
from musegen.training.settings import RunSettings, TrainSettings
from musegen.training.state import TENSORS
from tests.corpus.pieces import made_piece
from tests.model.tiny import TINY

GENRES = ("folk", "jazz")
FACTS = RunFacts("six made pieces", 6, 1, 1000, {"CC0": 6}, {"made": 6}, {"folk": 6})

QUICK = RunSettings(
    model=TINY,
    batches=BatchSettings(max_rows=128, rows_per_step=256, steps_per_group=3),
    train=TrainSettings(
        steps=4, learning_rate=1e-2, warmup=2, short_rows=64, evaluate_every=3, save_every=3,
        evaluate_pieces=1, precision="fp32",
    ),
)  # fmt: skip


def pieces(held_out: bool = True) -> Collection:
    """Six pieces, of which one is held out."""
    made = [made_piece(seed, bars=6, notes_per_bar=6, genre=1 + seed % 2) for seed in range(6)]
    return collect(made, held_out=[held_out and seed == 5 for seed in range(6)])


@dataclass
class Notes:
    """An observer that writes down what it is told, and can do something at a step."""

    steps: list[StepReport] = field(default_factory=list)
    judged: list[tuple[int, Likelihood, bool]] = field(default_factory=list)
    saves: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    at_step: Any = None

    def stepped(self, report: StepReport) -> None:
        """A step was made."""
        self.steps.append(report)
        if self.at_step is not None:
            self.at_step(report.step)

    def evaluated(self, step: int, result: Likelihood, best: bool) -> None:
        """The model was judged."""
        self.judged.append((step, result, best))

    def noted(self, message: str) -> None:
        """Something was said."""
        self.notes.append(message)

    def saved(self, folder: Path, step: int) -> None:
        """The checkpoint was written."""
        self.saves.append(step)


def trainer(
    out: Path,
    notes: Notes | None = None,
    settings: RunSettings = QUICK,
    resume: bool = False,
    held_out: bool = True,
    **train: Any,
) -> Trainer:
    """A run into `out`, on the CPU; `train` changes settings of that section."""
    settings = replace(settings, train=replace(settings.train, **train))
    return Trainer(
        pieces(held_out), GENRES, settings, out, notes or Notes(), FACTS, 3, "cpu", resume
    )


def state(folder: Path) -> dict[str, torch.Tensor]:
    """Weights and moments as they were saved last."""
    return load((states(folder)[0] / TENSORS).read_bytes())


def shared(steps: int) -> RunSettings:
    """Settings of a run that several processes can share: four batches a step."""
    train = replace(
        QUICK.train, steps=steps, accumulate=4, log_every=1, evaluate_every=2, save_every=2
    )
    return replace(QUICK, train=train)
