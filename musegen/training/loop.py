"""The training loop: a prepared collection in, a checkpoint folder out.

One step is one call of `_step`; everything that a watcher may want is handed to an `Observer`.
Batches are a pure function of seed and step, so a resumed run goes on as if it had not stopped.
"""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np
import torch

from musegen.corpus.batches import Batches, held_out_windows, piece_weights
from musegen.corpus.collection import Collection
from musegen.corpus.precedents import precedents_of
from musegen.errors import MusegenError, SettingError
from musegen.folders import whole_folder
from musegen.model.checkpoint import write_model
from musegen.model.devices import pick_bf16, pick_device
from musegen.model.loss import row_loss
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import TABLE
from musegen.training.card import RunFacts, model_card
from musegen.training.judge import Likelihood, likelihood, tensors
from musegen.training.optimizers import optimizers_of
from musegen.training.settings import RunSettings
from musegen.training.state import (
    Progress,
    has_state,
    load_tensors,
    read_progress,
    save_state,
)

MOST_BAD_STEPS = 10


class Interrupted(MusegenError):
    """Training was stopped by a signal after its checkpoint was saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


@dataclass(frozen=True)
class StepReport:
    """One step: its loss in nats per note, and how far the run is (0 to 1)."""

    step: int
    steps: int
    progress: float
    nats_per_note: float
    learning_rate: float
    rows_per_second: float
    seconds: float


class Observer(Protocol):
    """Whoever watches a run."""

    def stepped(self, report: StepReport) -> None:
        """A step was made."""

    def evaluated(self, step: int, result: Likelihood, best: bool) -> None:
        """The model was judged on held-out pieces."""

    def saved(self, folder: Path, step: int) -> None:
        """The checkpoint was written."""


def learning_rate(settings: RunSettings, step: int, progress: float) -> float:
    """The learning rate at `step`, `progress` (0 to 1) of the way: warmup, stable, decay."""
    train = settings.train
    rate = train.learning_rate
    if step < train.warmup:
        rate *= (step + 1) / train.warmup
    if progress > 1 - train.decay:
        rate *= max((1 - progress) / train.decay, 0.05)
    return rate


class Trainer:
    """One run. `run()` trains to the end, or until a signal; the checkpoint is in `out`."""

    def __init__(
        self,
        collection: Collection,
        genres: tuple[str, ...],
        settings: RunSettings,
        out: Path,
        observer: Observer,
        facts: RunFacts,
        seed: int = 0,
        device: str = "auto",
        resume: bool = False,
    ) -> None:
        self.collection, self.genres, self.settings = collection, genres, settings
        self.out, self.observer, self.facts, self.seed = out, observer, facts, seed
        self.device = pick_device(device)
        self.bf16 = pick_bf16(settings.train.precision, self.device)
        torch.manual_seed(seed)
        self.model = MusicModel(TABLE, settings.model).to(self.device)
        train = settings.train
        self.optimizers = optimizers_of(
            self.model, train.learning_rate, train.weight_decay, train.beta2
        )
        self.progress = Progress()
        if resume and has_state(out):
            self.progress, earlier = read_progress(out)
            if earlier["model"] != asdict(settings.model):
                raise SettingError(f"{out} was trained with other model sizes; resume with those")
            load_tensors(out, self.model, self.optimizers)
        short = min(settings.train.short_rows, settings.model.context)
        self._batches = {
            rows: Batches(collection, replace(settings.batches, max_rows=rows), seed)
            for rows in {short, min(settings.batches.max_rows, settings.model.context)}
        }
        weights = piece_weights(collection, settings.batches)
        self._precedents = precedents_of(collection, weights, seed)
        self._signal = 0

    def run(self) -> Likelihood | None:
        """Train to the end; the last held-out likelihood, None where nothing is held out.

        Raises Interrupted after SIGINT or SIGTERM, with the checkpoint saved.
        """
        train = self.settings.train
        started = time.monotonic() - self.progress.seconds
        saved_at = -1
        result: Likelihood | None = None
        with self._listening():
            while self.share() < 1:
                self._step()
                self.progress.seconds = time.monotonic() - started
                if self.progress.step % train.evaluate_every == 0:
                    result = self._evaluate()
                    if train.patience and self.progress.since_best >= train.patience:
                        break
                if self.progress.step % train.save_every == 0:
                    self.save(result)
                    saved_at = self.progress.step
                if self._signal:
                    if saved_at != self.progress.step:
                        self.save(result)
                    raise Interrupted(
                        f"stopped at step {self.progress.step}; the checkpoint is in {self.out}; "
                        "go on with the same command and --resume",
                        self._signal,
                    )
        if result is None or self.progress.history[-1]["step"] != self.progress.step:
            result = self._evaluate()
        self.save(result)
        return result

    def share(self) -> float:
        """How far the run is, 0 to 1: by steps, or by time where that is further."""
        train = self.settings.train
        share = self.progress.step / train.steps
        if train.minutes:
            share = max(share, self.progress.seconds / (60 * train.minutes))
        return min(share, 1.0)

    def _step(self) -> None:
        began = time.monotonic()
        train = self.settings.train
        share = self.share()
        rate = learning_rate(self.settings, self.progress.step, share)
        rows_wide = max if share >= 1 - train.long_share else min
        batches = self._batches[rows_wide(self._batches)]
        nats, notes, rows = 0.0, 0, 0
        torch.manual_seed(self.seed * 1_000_003 + self.progress.step)
        for part in range(train.accumulate):
            batch = batches.batch(self.progress.step * train.accumulate + part)
            with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
                loss = row_loss(self.model, *tensors(batch, self.device))
            scale = max(loss.counts["kind"], 1) * train.accumulate
            torch.autograd.backward(loss.total / scale)
            nats += float(loss.total.detach())
            notes += loss.counts.get("NOTE.onset", 0)
            rows += int(batch.lengths.sum())
        self._update(rate)
        self.progress.step += 1
        self.progress.rows += rows
        seconds = time.monotonic() - began
        self.observer.stepped(
            StepReport(
                self.progress.step,
                train.steps,
                self.share(),
                nats / max(notes, 1),
                rate,
                rows / seconds,
                self.progress.seconds + seconds,
            )
        )

    def _update(self, rate: float) -> None:
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.train.clip)
        if bool(torch.isfinite(norm)):
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.step()
        else:
            self.progress.skipped += 1
            if self.progress.skipped > MOST_BAD_STEPS:
                raise MusegenError(
                    f"the loss was not a finite number in {self.progress.skipped} steps; lower "
                    "train.learning_rate (--set train.learning_rate=5e-4) or use precision fp32"
                )
        self.model.zero_grad(set_to_none=True)

    def _evaluate(self) -> Likelihood | None:
        pieces = self.collection.judging
        if not len(pieces):
            return None
        count = self.settings.train.evaluate_pieces
        chosen = pieces[np.linspace(0, len(pieces) - 1, min(count, len(pieces))).astype(int)]
        windows = held_out_windows(
            self.collection,
            self.settings.model.context,
            self.settings.batches.rows_per_step,
            pieces=chosen.tolist(),
        )
        result = likelihood(self.model, windows, self.device, self.bf16)
        if self.progress.history and self.progress.history[-1]["step"] == self.progress.step:
            return result  # a finished run was taken up again: this step has been judged
        best = self.progress.best is None or result.per_note < self.progress.best
        self.progress.best = result.per_note if best else self.progress.best
        self.progress.since_best = 0 if best else self.progress.since_best + 1
        self.progress.history.append(
            {
                "step": self.progress.step,
                "seconds": round(self.progress.seconds, 1),
                "rows": self.progress.rows,
                "held_out_nats_per_note": result.per_note,
                "held_out_note_fields": result.note_fields,
                "by_field": {k: round(v, 4) for k, v in result.by_field.items()},
            }
        )
        self.observer.evaluated(self.progress.step, result, best)
        return result

    def save(self, result: Likelihood | None) -> None:
        """The checkpoint in `out` is complete and can be resumed from."""
        facts: Mapping[str, Any] = {
            "step": self.progress.step,
            "rows_seen": self.progress.rows,
            "seconds": round(self.progress.seconds),
            "seed": self.seed,
            "held_out_nats_per_note": None if result is None else round(result.per_note, 4),
            "data": asdict(self.facts),
        }
        with whole_folder(self.out, force=True) as staging:
            write_model(staging, self.model, self.genres, facts, precedents=self._precedents)
            card = model_card(
                self.out.name, self.model, self.settings, self.facts, self.progress, result,
                self.genres, self.seed,
            )  # fmt: skip
            (staging / "README.md").write_text(card, encoding="utf-8")
            save_state(staging, self.model, self.optimizers, self.progress, self.settings.as_dict())
        self.observer.saved(self.out, self.progress.step)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """SIGINT and SIGTERM are noted, and acted on after the step."""

        def note(number: int, frame: FrameType | None) -> None:
            self._signal = number

        try:
            before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread: signals are somebody else's business
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
