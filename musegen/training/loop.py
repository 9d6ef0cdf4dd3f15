"""The training loop: a prepared collection in, a checkpoint folder out.

Steps are made by `stepping`, folders are kept by `keeping`; everything that a watcher may want is
handed to an `Observer`. Batches are a pure function of seed and step, so a resumed run goes on as
if it had not stopped.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musegen.corpus.batches import held_out_windows, piece_weights
from musegen.corpus.collection import Collection
from musegen.corpus.precedents import precedents_of
from musegen.errors import CheckpointError, MusegenError, SettingError
from musegen.model.checkpoint import write_model
from musegen.model.devices import pick_bf16, pick_device
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import TABLE
from musegen.training.card import RunFacts, model_card
from musegen.training.judge import Likelihood, likelihood
from musegen.training.keeping import (
    CARD,
    RUN,
    best_step,
    has_state,
    keep_as_best,
    newest_state,
    replaced,
    state_name,
    take_best,
)
from musegen.training.metrics import Metrics, read_metrics
from musegen.training.observers import Observer, Observers, StepReport
from musegen.training.optimizers import optimizers_of
from musegen.training.settings import RunSettings
from musegen.training.state import Progress, load_tensors, write_state
from musegen.training.stepping import Step, Stepping
from musegen.training.stopping import Interrupted, Stop, listening
from musegen.training.team import Team

SPOKEN_LOWERINGS = "the learning rate is halved: {count} steps in a row had no finite loss"
"""What is said of it."""


@dataclass(frozen=True)
class RunOrigin:
    """Where a run comes from, beside its settings: kept with it, and compared when it goes on.

    inputs: the hash of what the collection was prepared from. base: the checkpoint that was
    fine-tuned, and the SHA-256 of its weights. `first_weights` are those of that checkpoint.
    """

    inputs: str = ""
    base: Mapping[str, Any] = field(default_factory=dict)
    first_weights: Mapping[str, torch.Tensor] = field(default_factory=dict)


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
        team: Team | None = None,
        origin: RunOrigin | None = None,
    ) -> None:
        self.team = team or Team()
        self.collection, self.genres, self.settings = collection, genres, settings
        self.out, self.facts, self.seed = out, facts, seed
        self.origin = origin or RunOrigin()
        self.device = self.team.device(pick_device(device))
        self.bf16 = pick_bf16(settings.train.precision, self.device)
        torch.manual_seed(seed)
        self.model = MusicModel(TABLE, settings.model).to(self.device)
        train = settings.train
        self.optimizers = optimizers_of(
            self.model, train.learning_rate, train.weight_decay, train.beta2, self.bf16
        )
        self.progress = Progress()
        weights = piece_weights(collection, settings.batches)
        self._precedents = precedents_of(collection, weights, seed)
        self._resumed = resume and has_state(out)
        self._observer = observer
        if self._resumed:
            self._go_on()
        elif self.origin.first_weights:
            self._begin_from(self.origin.first_weights)
        self._metrics = Metrics(train.log_every, self._earlier())
        self.observer = Observers([self._metrics, observer])
        if self._resumed and self.team.first:
            self._metrics.write_into(out / RUN)
            self._metrics.begin(out / RUN)
        self._stepping = Stepping(
            self.model, self.optimizers, collection, settings, seed, self.device, self.bf16,
            self.team,
        )  # fmt: skip
        self._saved_step = self.progress.step if self._resumed else -1
        self._saved_at = time.monotonic()
        self._judged_step = -1

    def _go_on(self) -> None:
        state = newest_state(self.out, self._observer.noted)
        self.progress = state.progress
        about = state.about
        if about["settings"]["model"] != asdict(self.settings.model):
            raise SettingError(f"{self.out} was trained with other model sizes; resume with those")
        if tuple(about["genres"]) != self.genres:
            raise SettingError(
                f"{self.out} was trained on other genres ({', '.join(about['genres']) or 'none'}); "
                "begin another run from it: --from, with another --out"
            )
        if about["seed"] != self.seed:
            raise SettingError(f"{self.out} was begun with seed {about['seed']}; resume with that")
        if about["inputs"] != self.origin.inputs:
            self._observer.noted(
                "the music is not what it was when the run was begun: it goes on with what is "
                "there now, and will not be the run that it would have been"
            )
        load_tensors(state, self.model, self.optimizers)

    def _begin_from(self, weights: Mapping[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name not in weights or weights[name].shape != parameter.shape:
                    raise CheckpointError(f"the checkpoint to begin from has no fitting {name}")
                parameter.copy_(weights[name])

    def _earlier(self) -> list[dict[str, Any]]:
        if not self._resumed:
            return []
        return [e for e in read_metrics(self.out / RUN) if e["step"] <= self.progress.step]

    def run(self) -> Likelihood | None:
        """Train to the end; the held-out likelihood of what is in `out`, None where there is none.

        Where an earlier judgement was better than the last, its weights are what `out` holds.
        Raises Interrupted after SIGINT or SIGTERM, with the checkpoint saved.
        """
        train = self.settings.train
        started = time.monotonic() - self.progress.seconds
        result: Likelihood | None = None
        with listening() as stop, closing(self._stepping):
            if self.origin.base and not self.progress.step and not self.progress.history:
                self.save(*self._evaluate())  # what the verdict compares with
            while self.share() < 1 and not self._out_of_patience():
                factor = self.progress.rate_factor
                step = self._stepping.step(self.progress, self.share())
                asked = self._stepped(step, time.monotonic() - started, stop)
                if self.progress.rate_factor != factor:
                    count = self.progress.bad_in_a_row
                    self.observer.noted(SPOKEN_LOWERINGS.format(count=count))
                best = False
                if self.progress.step % train.evaluate_every == 0:
                    result, best = self._evaluate()
                if best or self._is_time_to_save():
                    self.save(result, best)
                if asked:
                    if self._saved_step != self.progress.step:
                        self.save(result, False)
                    self.team.wait()
                    raise Interrupted(
                        f"stopped at step {self.progress.step}; the checkpoint is in {self.out}; "
                        "go on with the same command and --resume",
                        asked,
                    )
        best = False
        if self._judged_step != self.progress.step:
            result, best = self._evaluate()
        return self._finish(result, best)

    def share(self) -> float:
        """How far the run is, 0 to 1: by steps, or by time where that is further."""
        train = self.settings.train
        share = self.progress.step / train.steps
        if train.minutes:
            share = max(share, self.progress.seconds / (60 * train.minutes))
        return min(share, 1.0)

    def _stepped(self, step: Step, seconds: float, stop: Stop) -> int:
        """The step is counted; the signal that has asked any process to stop, 0 for none."""
        self.progress.step += 1
        self.progress.rows += step.rows
        self.progress.seconds = seconds
        self.observer.stepped(
            StepReport(
                self.progress.step,
                self.settings.train.steps,
                self.share(),
                step.nats / max(step.notes, 1),
                step.rate,
                step.rows / step.seconds,
                self.progress.seconds,
                self.progress.rows,
                step.norm,
            )
        )
        told = self.team.told([seconds, stop.number])
        self.progress.seconds = told[0][0]  # all must agree on how far the run is
        return int(max(said[1] for said in told))

    def _out_of_patience(self) -> bool:
        patience = self.settings.train.patience
        return bool(patience) and self.progress.since_best >= patience

    def _is_time_to_save(self) -> bool:
        train = self.settings.train
        late = train.save_minutes and time.monotonic() - self._saved_at >= 60 * train.save_minutes
        return bool(late) or self.progress.step % train.save_every == 0

    def _evaluate(self) -> tuple[Likelihood | None, bool]:
        """How well held-out pieces are foretold, and whether that is the best so far."""
        pieces = self.collection.judging
        if not len(pieces):
            return None, False
        progress = self.progress
        result = self.judged() if self.team.first else None
        told = self.team.told([0.0 if result is None else result.per_note])[0][0]
        self._judged_step = progress.step
        if progress.history and progress.history[-1]["step"] == progress.step:
            return result, False  # a finished run was taken up again: this step has been judged
        best = progress.best is None or told < progress.best
        if best:
            progress.best, progress.best_step = told, progress.step
        progress.since_best = 0 if best else progress.since_best + 1
        entry: dict[str, Any] = {"step": progress.step, "held_out_nats_per_note": told}
        if result is not None:
            entry |= {
                "seconds": round(progress.seconds, 1),
                "rows": progress.rows,
                "held_out_note_fields": result.note_fields,
                "by_field": {k: round(v, 4) for k, v in result.by_field.items()},
                "notes_judged": result.notes,
                "rows_judged": result.rows,
            }
        progress.history.append(entry)
        if result is not None:
            self.observer.evaluated(progress.step, result, best)
        return result, best

    def judged(self) -> Likelihood:
        """How well the model as it is foretells held-out pieces."""
        pieces = self.collection.judging
        count = self.settings.train.evaluate_pieces
        chosen = pieces[np.linspace(0, len(pieces) - 1, min(count, len(pieces))).astype(int)]
        windows = held_out_windows(
            self.collection,
            self.settings.model.context,
            self.settings.batches.rows_per_step,
            pieces=chosen.tolist(),
        )
        with self._stepping.uncompiled():
            return likelihood(self.model, windows, self.device, self.bf16)

    def _finish(self, result: Likelihood | None, best: bool) -> Likelihood | None:
        """The run is over: `out` holds its best weights, and this is how good they are."""
        progress = self.progress
        entries = [e for e in progress.history if e["step"] == progress.best_step]
        if best or not entries or best_step(self.out) not in {e["step"] for e in entries}:
            self.save(result, best)
            self.team.wait()
            return result
        if not self.team.first:
            self.team.wait()
            return None
        entry = entries[0]
        kept = Likelihood(
            entry["held_out_nats_per_note"],
            entry["held_out_note_fields"],
            dict(entry["by_field"]),
            entry["notes_judged"],
            entry["rows_judged"],
        )
        if progress.best_step != progress.step:
            self.observer.noted(
                f"step {progress.best_step:,} foretold held-out pieces best; its weights are kept"
            )
        self.save(kept, False, of_best=True)
        self.team.wait()
        return kept

    def computed_on(self) -> str:
        """The device and its numbers, in words."""
        gpu = self.device.startswith("cuda")
        device = torch.cuda.get_device_name(self.device) if gpu else self.device
        return f"{device}, {'bfloat16' if self.bf16 else 'float32'}"

    def save(self, result: Likelihood | None, best: bool = False, of_best: bool = False) -> None:
        """The checkpoint in `out` is complete and can be gone on from.

        best: it is the best so far. of_best: what is composed with is the best of the run.
        """
        progress = self.progress
        if self.team.first:
            if not all(bool(torch.isfinite(p).all()) for p in self.model.parameters()):
                raise MusegenError(
                    f"at step {progress.step} the weights hold numbers that are not finite, and "
                    f"are not saved; what was saved before in {self.out} is whole"
                )
            facts: Mapping[str, Any] = {
                "step": progress.step,
                "rows_seen": progress.rows,
                "seconds": round(progress.seconds),
                "seed": self.seed,
                "held_out_nats_per_note": None if result is None else round(result.per_note, 4),
                "data": asdict(self.facts),
                **({"base": dict(self.origin.base)} if self.origin.base else {}),
            }
            card = model_card(
                self.out.name, self.model, self.settings, self.facts, progress, result,
                self.genres, self.seed, self.origin.base, self.computed_on(),
            )  # fmt: skip
            about = {
                "settings": self.settings.as_dict(),
                "seed": self.seed,
                "genres": list(self.genres),
                "inputs": self.origin.inputs,
                "base": dict(self.origin.base),
            }
            fresh, keep = self._saved_step < 0, self.settings.train.keep
            with replaced(self.out, fresh, keep, progress.step, best) as staging:
                write_model(staging, self.model, self.genres, facts, precedents=self._precedents)
                (staging / CARD).write_text(card, encoding="utf-8")
                if best:
                    keep_as_best(staging)
                if of_best:
                    take_best(staging)
                write_state(
                    staging / RUN / state_name(progress.step),
                    self.model, self.optimizers, progress, about,
                )  # fmt: skip
                self._metrics.write_into(staging / RUN)
            self._metrics.begin(self.out / RUN)
        self._saved_step, self._saved_at = progress.step, time.monotonic()
        self.observer.saved(self.out, progress.step)


__all__ = ["Interrupted", "RunOrigin", "Trainer"]
