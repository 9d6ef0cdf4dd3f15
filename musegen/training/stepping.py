"""One step of training: batches in, gradients, weights moved, and what was seen out.

A step sees `train.accumulate` batches, each drawn from a stream of its own; the processes of a team
share them, so that a step is the same however many they are. Steps that cannot be made are left
out, and too many of them end the run with advice.
"""

import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from musegen.corpus.batches import Batches
from musegen.corpus.collection import Collection
from musegen.corpus.guarded import cores
from musegen.errors import MusegenError
from musegen.model.foretold import Foretold
from musegen.model.loss import row_loss
from musegen.model.transformer import MusicModel
from musegen.training.feeding import Fed, Feed, parts, workers_for
from musegen.training.settings import RunSettings
from musegen.training.state import Progress
from musegen.training.team import Team

AT_ONCE = 4096
"""Rows that a processor learns from at once: with more it is no faster, and needs more memory."""

MOST_BAD_IN_A_ROW = 10
LOWER_AFTER = 3
"""After so many steps in a row that could not be made, the learning rate is halved."""

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "alloc_cpu", "bad_alloc")
"""What torch says of it, on whatever device."""


@dataclass(frozen=True)
class Step:
    """What was seen in a step, over the whole team, and how long the first process took."""

    nats: float
    notes: int
    rows: int
    rate: float
    norm: float
    seconds: float


class Learner(nn.Module):
    """The model behind one call, as distributed training wants it: a batch in, its loss out."""

    def __init__(self, model: MusicModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, rows: Tensor, times: Tensor, links: Tensor, scored: Tensor, known: Foretold
    ) -> tuple[Tensor, int, int]:
        """The sum of nats, the number of rows foretold, the number of notes among them."""
        loss = row_loss(self.model, rows, times, links, scored, known)
        return loss.total, loss.counts["kind"], loss.counts.get("NOTE.onset", 0)


def learning_rate(settings: RunSettings, step: int, progress: float) -> float:
    """The learning rate at `step`, `progress` (0 to 1) of the way: warmup, stable, decay."""
    train = settings.train
    rate = train.learning_rate
    if step < train.warmup:
        rate *= (step + 1) / train.warmup
    if progress > 1 - train.decay:
        rate *= max((1 - progress) / train.decay, 0.05)
    return rate


def compiles(asked: str, device: str) -> bool:
    """Whether torch.compile makes kernels of the layers: "auto" does so on a GPU, where it can."""
    return asked == "on" or (
        asked == "auto" and device.startswith("cuda") and find_spec("triton") is not None
    )


class Stepping:
    """Makes the steps of a run. Its only state is in the model, the optimisers and `progress`."""

    def __init__(
        self,
        model: MusicModel,
        optimizers: Sequence[torch.optim.Optimizer],
        collection: Collection,
        settings: RunSettings,
        seed: int,
        device: str,
        bf16: bool,
        team: Team,
    ) -> None:
        self.model, self.optimizers, self.settings = model, optimizers, settings
        self.seed, self.device, self.bf16, self.team = seed, device, bf16, team
        self._kind = torch.device(device).type
        self.compiled = compiles(settings.train.compile, device)
        if self.compiled:
            for block in model.stack():
                block.compile(dynamic=True)
        self._learner = team.wrapped(Learner(model), device)
        short = min(settings.train.short_rows, settings.model.context)
        self._parts = team.parts(settings.train.accumulate)
        workers = workers_for(settings.train.workers, device, cores() // team.size)
        self._feeds = {
            rows: Feed(
                [
                    Batches(collection, replace(settings.batches, max_rows=rows), seed, part)
                    for part in self._parts
                ],
                workers,
            )
            for rows in {short, min(settings.batches.max_rows, settings.model.context)}
        }

    def step(self, progress: Progress, share: float) -> Step:
        """The step after `progress.step`, `share` of the way, is made or left out.

        Raises MusegenError with advice where memory does not suffice, and where too many steps in
        a row cannot be made.
        """
        began = time.monotonic()
        torch.manual_seed(self.seed * 1_000_003 + progress.step)
        long = share >= 1 - self.settings.train.long_share
        try:
            nats, notes, rows = self._gradients(self._batches(long, progress.step))
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, MemoryError) or any(w in str(error) for w in OUT_OF_MEMORY):
                raise MusegenError(self._memory_advice(long)) from error
            raise
        rate = learning_rate(self.settings, progress.step, share) * progress.rate_factor
        norm = self._update(rate, progress)
        seconds = time.monotonic() - began
        told = self.team.told([nats, notes, rows])
        sums = [sum(column) for column in zip(*told, strict=True)]
        return Step(sums[0], int(sums[1]), int(sums[2]), rate, norm, seconds)

    def uncompiled(self) -> AbstractContextManager[Any]:
        """Inside, the model is computed as it is written: for shapes that come seldom."""
        return torch.compiler.set_stance("force_eager") if self.compiled else nullcontext()

    def close(self) -> None:
        """Whoever drew batches has stopped."""
        for feed in self._feeds.values():
            feed.close()

    def _batches(self, long: bool, step: int) -> list[Fed]:
        """This process's batches of a step."""
        rows = self._rows(long)
        for other, feed in self._feeds.items():
            if other != rows:
                feed.close()
        return self._feeds[rows].step(step)

    def _gradients(self, batches: Sequence[Fed]) -> tuple[float, int, int]:
        """Nats, notes and rows that this process saw; the team's mean gradients are there."""
        nats, notes, rows = 0.0, 0, 0
        pieces = [(part, one) for one in batches for part in self._at_once(one)]
        for place, (part, whole) in enumerate(pieces):
            with self.team.without_sync(self._learner, more=place + 1 < len(pieces)):
                with torch.autocast(self._kind, torch.bfloat16, enabled=self.bf16):
                    total, _, sounding = self._learner(*part.tensors(self.device), part.known)
                foretold = max(whole.known.counts["kind"], 1)
                torch.autograd.backward(total / (foretold * len(batches)))
            nats += float(total.detach())
            notes += sounding
            rows += int(part.batch.lengths.sum())
        return nats, notes, rows

    def _at_once(self, batch: Fed) -> list[Fed]:
        """What is computed at once: all of a batch, but for a processor's sake less."""
        return parts(batch, AT_ONCE) if self._kind == "cpu" else [batch]

    def _update(self, rate: float, progress: Progress) -> float:
        """The weights have moved, or the step was left out: the norm of the gradient says which."""
        found = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.train.clip)
        norm = float(found)
        if math.isfinite(norm):
            progress.bad_in_a_row = 0
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.step()
        else:
            progress.skipped += 1
            progress.bad_in_a_row += 1
            if progress.bad_in_a_row >= MOST_BAD_IN_A_ROW:
                raise MusegenError(self._loss_advice(progress))
            if progress.bad_in_a_row % LOWER_AFTER == 0:
                progress.rate_factor /= 2
        self.model.zero_grad(set_to_none=True)
        return norm

    def _loss_advice(self, progress: Progress) -> str:
        rate = self.settings.train.learning_rate
        made = progress.step + 1 - MOST_BAD_IN_A_ROW
        advice = f"the loss was not a finite number in {MOST_BAD_IN_A_ROW} steps in a row"
        advice += ", although the learning rate was lowered meanwhile; "
        if self.bf16:
            advice += "compute in float32 (--set train.precision=fp32), or "
        advice += f"learn more slowly (--set train.learning_rate={rate / 4:.2g})"
        if made > 0:
            advice += "; what was saved before is whole: --resume goes on from there"
        return advice

    def _memory_advice(self, long: bool) -> str:
        batches, train = self.settings.batches, self.settings.train
        rows = self._rows(long)
        held = min(batches.rows_per_step, AT_ONCE if self._kind == "cpu" else math.inf)
        said = f"memory does not suffice for {held:,} rows at once"
        if held >= 2 * rows:
            times = math.ceil(2 * batches.rows_per_step / held)
            return (
                f"{said}; smaller batches, and as many times more of them a step, train the same: "
                f"--set batches.rows_per_step={batches.rows_per_step // times} "
                f"--set train.accumulate={times * train.accumulate}"
            )
        return (
            f"{said}, which one window may fill; take shorter windows "
            f"(--set model.context={max(rows // 2, 64)} --set batches.max_rows={max(rows // 2, 64)}"
            f" --set batches.rows_per_step={max(batches.rows_per_step // 2, 64)} "
            f"--set train.accumulate={2 * train.accumulate}) or a smaller preset"
        )

    def _rows(self, long: bool) -> int:
        """The longest window of such a step."""
        return (max if long else min)(self._feeds)
