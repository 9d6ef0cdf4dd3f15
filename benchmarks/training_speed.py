"""Rows per second of training on the CPU beside a plain loop, and the share of the matrix rate.

    python benchmarks/training_speed.py PREPARED [--preset small medium] [--steps 3] [--rows 24576]

Two loops train the same model with the same loss, in turn, step by step, at the short window that
most of a run trains on and at the model's whole context:

- ours: `training.stepping`, as `musegen train` runs it, with what it draws and augments.
- plain: as nanoGPT trains on a CPU: float32, not compiled, windows of one length from anywhere in
  the training pieces one after another, torch's AdamW as it comes, clipping, batches drawn where
  they are needed. Nothing is augmented, nothing is padded.

Between the steps two large square matrices are multiplied in bfloat16 and in float32: what this
machine can reach at that moment. `--set train.compile=on` and the like change both.
Leaves benchmarks/results/training_speed.json and .md.
"""

import argparse
import gc
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import Machine, Spent, clocked, leave, markdown_table, median, noise, options
from _operations import step_flops

from musegen.corpus.batches import Batch, Batches, pad
from musegen.corpus.collection import Collection
from musegen.corpus.shards import load_prepared
from musegen.corpus.windows import Window, row_times, scored_rows
from musegen.model.devices import pick_bf16
from musegen.model.loss import row_loss
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import NOTE, TABLE
from musegen.training.feeding import fed
from musegen.training.optimizers import optimizers_of
from musegen.training.settings import PRESETS, RunSettings, run_settings
from musegen.training.state import Progress
from musegen.training.stepping import Stepping
from musegen.training.team import Team

PACKAGES = ("numpy", "torch")
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
SEED = 0
AT_ONCE = 4096
"""Rows of a backward pass of the plain loop: more would not fit the memory of most machines."""


class Ours:
    """Steps as a run of training makes them, on windows of so many rows."""

    def __init__(self, collection: Collection, settings: RunSettings, window: int) -> None:
        torch.manual_seed(SEED)
        train, bf16 = settings.train, pick_bf16(settings.train.precision, "cpu")
        self.model = MusicModel(TABLE, settings.model)
        self._stepping = Stepping(
            self.model,
            optimizers_of(self.model, train.learning_rate, train.weight_decay, train.beta2, bf16),
            collection, settings, SEED, "cpu", bf16, Team(),
        )  # fmt: skip
        self._share = 0.0 if window == train.short_rows else 1.0
        self._progress = Progress()
        chosen = replace(settings.batches, max_rows=window)
        self._streams = [
            Batches(collection, chosen, SEED, part) for part in range(train.accumulate)
        ]

    def drawn(self) -> Spent:
        """A group of steps is drawn at once, in the first of them: a step's part of that."""
        steps = self._streams[0].settings.steps_per_group
        spent = clocked(lambda: [fed(b) for s in self._streams for b in s.group(0)])[1]
        return Spent(spent.cpu_s / steps, spent.wall_s / steps)

    def step(self) -> Sequence[Batch]:
        """One more step; its batches are those that these streams draw."""
        number = self._progress.step
        assert number < self._streams[0].settings.steps_per_group, "the next group is not counted"
        self._stepping.step(self._progress, self._share)
        self._progress.step += 1
        return [stream.batch(number) for stream in self._streams]


class Plain:
    """The loop of nanoGPT on a CPU: short, in float32, and nothing but torch."""

    def __init__(self, collection: Collection, settings: RunSettings, window: int) -> None:
        torch.manual_seed(SEED)
        self._settings, self._window = settings, window
        self._rng = np.random.default_rng(SEED)
        pieces = [collection.rows(int(piece)) for piece in collection.training]
        self._rows = np.concatenate(pieces)
        self.model = MusicModel(TABLE, settings.model)
        train = settings.train
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=train.learning_rate,
            betas=(0.9, train.beta2),
            weight_decay=train.weight_decay,
        )
        a_step = settings.batches.rows_per_step * train.accumulate
        self._parts = max(round(a_step / max(AT_ONCE, window)), 1)
        self._examples = max(round(a_step / self._parts / window), 1)

    def drawn(self) -> Spent:
        """It is drawn inside the step."""
        return Spent(0.0, 0.0)

    def batch(self) -> Batch:
        """Windows from anywhere, whatever piece begins or ends in them."""
        examples = []
        for first in self._rng.integers(len(self._rows) - self._window, size=self._examples):
            rows = self._rows[first : first + self._window]
            examples.append((0, Window(rows, row_times(rows), scored_rows(rows))))
        return pad(examples)

    def step(self) -> Sequence[Batch]:
        """One more step, in as many parts as memory wants."""
        seen = []
        for _ in range(self._parts):
            batch = self.batch()
            tensors = (batch.rows, batch.times, batch.links, batch.scored)
            loss = row_loss(self.model, *(torch.from_numpy(part) for part in tensors))
            torch.autograd.backward(loss.total / (loss.counts["kind"] * self._parts))
            seen.append(batch)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._settings.train.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return seen


@dataclass
class Trial:
    """The steps of one loop on one preset at one width of window."""

    preset: str
    window: int
    loop: str
    drawn: Spent
    first: Spent
    spent: list[Spent] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)
    flops: list[float] = field(default_factory=list)
    padding: list[float] = field(default_factory=list)

    def add(self, spent: Spent, seen: Sequence[Batch], model: MusicModel) -> None:
        """One more step."""
        self.spent.append(spent + self.drawn)
        self.rows.append(sum(int(batch.lengths.sum()) for batch in seen))
        self.notes.append(sum(int((batch.rows[..., 0] == NOTE).sum()) for batch in seen))
        self.flops.append(sum(step_flops(model, batch) for batch in seen))
        self.padding.append(float(np.mean([batch.padding for batch in seen])))

    def figures(self, peak: Spent) -> dict[str, float]:
        """Medians over the steps; `peak`: what an operation took in a product of squares."""
        wall = [spent.wall_s for spent in self.spent]
        cpu = [spent.cpu_s for spent in self.spent]
        reached = median(f / s for f, s in zip(self.flops, wall, strict=True))
        reached_cpu = median(f / s for f, s in zip(self.flops, cpu, strict=True))
        return {
            "rows_per_second": round(median(r / s for r, s in zip(self.rows, wall, strict=True))),
            "notes_per_second": round(median(n / s for n, s in zip(self.notes, wall, strict=True))),
            "rows_per_cpu_second": round(
                median(r / s for r, s in zip(self.rows, cpu, strict=True))
            ),
            "seconds_per_step": round(median(wall), 3),
            "gflop_per_second": round(reached / 1e9, 1),
            "share_of_matmul": round(reached * peak.wall_s, 3),
            "share_of_matmul_by_cpu": round(reached_cpu * peak.cpu_s, 3),
            "padding": round(float(np.mean(self.padding)), 3),
            "noise": round(noise([s / f for s, f in zip(wall, self.flops, strict=True)]), 3),
        }


class Squares:
    """Products of large square matrices, in each precision: what the machine can reach."""

    def __init__(self, size: int) -> None:
        self.size = size
        made = torch.randn(size, size)
        self._matrices = {name: made.to(dtype) for name, dtype in PRECISIONS.items()}
        self.spent: dict[str, list[Spent]] = {name: [] for name in PRECISIONS}
        self.multiply()
        for times in self.spent.values():
            times.clear()

    def multiply(self) -> None:
        """One more product in each precision."""
        for name, matrix in self._matrices.items():
            self.spent[name].append(clocked(partial(torch.matmul, matrix, matrix))[1])

    def peak(self, precision: str) -> Spent:
        """What one operation of the median product took."""
        operations = 2 * self.size**3
        return Spent(
            median(spent.cpu_s for spent in self.spent[precision]) / operations,
            median(spent.wall_s for spent in self.spent[precision]) / operations,
        )

    def gflop_per_second(self, precision: str) -> float:
        """Billions of operations per second of the median product."""
        return round(1e-9 / self.peak(precision).wall_s, 1)


def measure(
    collection: Collection, settings: RunSettings, preset: str, window: int, chosen: Any,
    squares: Squares,
) -> list[Trial]:  # fmt: skip
    """Both loops on windows of so many rows, step by step in turn."""
    steps = max(chosen.steps, math.ceil(chosen.rows / settings.batches.rows_per_step))
    loops: dict[str, Ours | Plain] = {
        "ours": Ours(collection, settings, window),
        "plain": Plain(collection, settings, window),
    }
    trials = {}
    for name, loop in loops.items():
        trials[name] = Trial(preset, window, name, loop.drawn(), clocked(loop.step)[1])
    for step in range(steps):
        for name in list(loops)[:: 1 if step % 2 else -1]:
            gc.collect()
            seen, spent = clocked(loops[name].step)
            trials[name].add(spent, seen, loops[name].model)
            for _ in range(chosen.products):
                squares.multiply()
    for trial in trials.values():
        print(trial.preset, trial.window, trial.loop, trial.figures(squares.peak("bf16")))
    return list(trials.values())


def over_a_run(settings: RunSettings, rates: dict[int, float]) -> float:
    """Rows per second of a run whose last steps see long windows; rates: by window."""
    train = settings.train
    share = train.long_share
    return 1 / ((1 - share) / rates[train.short_rows] + share / rates[settings.batches.max_rows])


def compared(settings: RunSettings, trials: Sequence[Trial], squares: Squares) -> dict[str, float]:
    """The figures that are wanted: how many times the plain loop's rows, and the matrix rate."""
    found: dict[str, float] = {}
    peak = squares.peak("bf16")
    for name, of in (("", "rows_per_second"), ("_by_cpu", "rows_per_cpu_second")):
        ours, plain = (
            over_a_run(settings, {t.window: t.figures(peak)[of] for t in trials if t.loop == loop})
            for loop in ("ours", "plain")
        )
        found |= {f"ours{name}": round(ours), f"times_plain{name}": round(ours / plain, 2)}
        found[f"plain{name}"] = round(plain)
    for of in ("share_of_matmul", "share_of_matmul_by_cpu"):
        shares = {t.window: t.figures(peak)[of] for t in trials if t.loop == "ours"}
        found[of] = round(over_a_run(settings, shares), 3)
    return found


def page(said: dict[str, Any], squares: Squares, trials: Sequence[Trial]) -> list[str]:
    """The page of results in Markdown."""
    found = [(trial, trial.figures(squares.peak("bf16"))) for trial in trials]
    table = markdown_table(
        (
            "preset, window, loop", "rows/s", "rows/CPU-s", "notes/s", "s/step", "first step",
            "GFLOP/s", "of bf16 products", "by CPU-s", "padding", "noise",
        ),
        [
            (
                f"{trial.preset}, {trial.window} rows, {trial.loop}",
                f"{f['rows_per_second']:,}",
                f"{f['rows_per_cpu_second']:,}",
                f"{f['notes_per_second']:,}",
                f"{f['seconds_per_step']:.2f}",
                f"{trial.first.wall_s:.0f} s",
                f"{f['gflop_per_second']:.0f}",
                f"{f['share_of_matmul']:.0%}",
                f"{f['share_of_matmul_by_cpu']:.0%}",
                f"{f['padding']:.1%}",
                f"{f['noise']:.0%}",
            )
            for trial, f in found
        ],
    )  # fmt: skip
    whole = markdown_table(
        ("over a run", "ours, rows/s", "plain, rows/s", "times plain", "by CPU-s",
         "of bf16 products", "by CPU-s"),
        [
            (
                f"{name}, {run['parameters']:,} parameters, {run['rows_per_step']:,} rows a step",
                f"{run['ours']:,}", f"{run['plain']:,}",
                f"{run['times_plain']:.2f}", f"{run['times_plain_by_cpu']:.2f}",
                f"{run['share_of_matmul']:.0%}", f"{run['share_of_matmul_by_cpu']:.0%}",
            )
            for name, run in said["runs"].items()
        ],
    )  # fmt: skip
    products = ", ".join(
        f"{squares.gflop_per_second(name):.0f} GFLOP/s in {name} "
        f"(noise {noise([s.wall_s for s in squares.spent[name]]):.0%})"
        for name in PRECISIONS
    )
    return [
        "# Training on the CPU: ours, and a plain loop",
        f"{said['music']}; {said['threads']} threads{said['waiting']}. Over a run, whose last "
        "steps see long windows:",
        whole,
        "Each window alone: medians of the steps after the first, the loops in turn. Rows are "
        "without padding; drawing the batches is in the time of both.",
        table,
        "Plain: float32, not compiled, windows of one length from anywhere in the training pieces "
        f"one after another, torch's AdamW as it comes, clipping; {AT_ONCE:,} rows a backward "
        "pass. It augments nothing. Both compute the same model and loss.",
        f"A product of two square matrices of {squares.size}, between the steps: {products}. "
        "GFLOP/s of a step count the matrix products alone: 6 a weight for every row (padding "
        "too), attention's causal half, and the nested decoder's fields for the scored rows; "
        "everything else that a step does takes time and counts for nothing.",
        *([f"Settings changed: {' '.join(said['changes'])}."] if said["changes"] else []),
    ]


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = options(__doc__)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--preset", nargs="+", choices=list(PRESETS), default=["small", "medium"])
    parser.add_argument("--steps", type=int, default=3, help="at least so many of each loop")
    parser.add_argument("--rows", type=int, default=24_576, help="at least so many in those steps")
    parser.add_argument(
        "--most-rows", type=int, default=1 << 30,
        help="of a step; fewer than the preset's are less work for each turn of the optimiser",
    )  # fmt: skip
    parser.add_argument("--square", type=int, default=2048)
    parser.add_argument("--products", type=int, default=3, help="of squares, after each step")
    parser.add_argument("--threads", type=int, help="default: as many as torch takes")
    parser.add_argument("--set", dest="changes", action="append", default=[])
    return parser.parse_args()


def main() -> None:
    """Measure and leave the results."""
    chosen = arguments()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    machine = Machine(PACKAGES)
    prepared = load_prepared(chosen.prepared)
    squares = Squares(chosen.square)
    trials: list[Trial] = []
    runs: dict[str, dict[str, float]] = {}
    for preset in chosen.preset:
        changes = dict(change.split("=", 1) for change in chosen.changes)
        settings = run_settings(preset, changes=changes)
        most = min(settings.batches.rows_per_step, chosen.most_rows)
        settings = replace(settings, batches=replace(settings.batches, rows_per_step=most))
        mine = [
            trial
            for window in (settings.train.short_rows, settings.batches.max_rows)
            for trial in measure(
                prepared.collection, settings, preset, window, chosen, squares
            )
        ]  # fmt: skip
        runs[preset] = {
            "parameters": MusicModel(TABLE, settings.model).parameter_count(),
            "rows_per_step": settings.batches.rows_per_step,
            **compared(settings, mine, squares),
        }
        trials += mine
    waiting = os.environ.get("OMP_WAIT_POLICY", "")
    said: dict[str, Any] = {
        "music": f"{chosen.title or chosen.prepared.resolve().name}, {prepared.facts.files:,} "
        "files",
        "runs": runs,
        "threads": torch.get_num_threads(),
        "waiting": f" that wait {waiting.lower()}ly (OMP_WAIT_POLICY)" if waiting else "",
        "square": chosen.square,
        "changes": chosen.changes,
    }
    figures = {
        **said,
        "matmul_gflop_per_second": {n: squares.gflop_per_second(n) for n in PRECISIONS},
        "matmul_noise": {
            n: round(noise([s.wall_s for s in squares.spent[n]]), 3) for n in PRECISIONS
        },
        "trials": [{**asdict(t), **t.figures(squares.peak("bf16"))} for t in trials],
    }
    leave(
        chosen.results, "training_speed", machine.describe(), figures, page(said, squares, trials)
    )


if __name__ == "__main__":
    main()
