"""Rows and notes per second of a training step on the CPU, in float32 and bfloat16.

    python benchmarks/training_speed.py PREPARED [--preset small] [--steps 6] [--title TEXT]

Real batches of a prepared folder, at the short window that most of a run trains on and at the
model's whole context. Each batch is trained on in both precisions, one after the other, from
weights and optimisers of their own; between them two large square matrices are multiplied in both,
which says what this machine could reach at that moment.
Leaves benchmarks/results/training_speed.json and .md.
"""

import gc
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from _machine import Machine, Spent, clocked, leave, markdown_table, median, noise, options

from musegen.corpus.batches import Batch, Batches
from musegen.corpus.shards import load_prepared
from musegen.model.loss import row_loss
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import NOTE, TABLE
from musegen.training.feeding import fed
from musegen.training.settings import PRESETS, RunSettings

PACKAGES = ("numpy", "torch")
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
WARM_UP = 2
SEED = 0


class Learner:
    """A model with its optimiser that steps as `training.loop` does, in one precision."""

    def __init__(self, settings: RunSettings, precision: str) -> None:
        torch.manual_seed(SEED)
        self.settings = settings
        self.bf16 = precision == "bf16"
        self.model = MusicModel(TABLE, settings.model)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=settings.train.learning_rate / 100,
            betas=(0.9, settings.train.beta2),
            weight_decay=settings.train.weight_decay,
            fused=True,
        )

    def step(self, batch: Batch) -> float:
        """The model has learned from a batch; the loss in nats."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = row_loss(self.model, *fed(batch).tensors("cpu"))
        torch.autograd.backward(loss.total / max(loss.counts["kind"], 1))
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.train.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.total.detach())


def step_flops(model: MusicModel, batch: Batch) -> float:
    """Operations of the matrix products of one step: 2 a weight forward, and twice that backward.

    The transformer sees every row with its padding; attention counts the causal half; the nested
    decoder sees the scored rows, each with the weights of its kind.
    """
    config, decoder = model.config, model.decoder
    examples, width = batch.rows.shape[0], batch.rows.shape[1] - 1
    rows = examples * width
    weights = sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)
    forward: float = 2 * rows * weights
    forward += 2 * 2 * examples * config.layers * config.width * width * (width + 1) / 2
    targets = batch.rows[:, 1:, 0][batch.scored[:, 1:]]
    forward += 2 * len(targets) * config.width * len(TABLE.kinds)
    for number, kind in enumerate(TABLE.kinds):
        if kind.name not in decoder.up:
            continue
        inner = decoder.up[kind.name].numel() + decoder.down[kind.name].numel()
        outputs = sum(TABLE.fields[name].size for name in kind.fields) * config.width
        forward += 2 * int((targets == number).sum()) * (inner + outputs)
    return 3 * forward


@dataclass
class Trial:
    """The steps of one precision at one width of window."""

    precision: str
    window: int
    spent: list[Spent] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)
    flops: list[float] = field(default_factory=list)
    padding: list[float] = field(default_factory=list)

    def add(self, spent: Spent, batch: Batch, flops: float) -> None:
        """One more step."""
        self.spent.append(spent)
        self.rows.append(int(batch.lengths.sum()))
        self.notes.append(int((batch.rows[..., 0] == NOTE).sum()))
        self.flops.append(flops)
        self.padding.append(batch.padding)

    def figures(self, peak: Spent) -> dict[str, float]:
        """Medians over the steps; `peak`: what an operation took in a product of squares."""
        wall = [spent.wall_s for spent in self.spent]
        reached = median(f / s for f, s in zip(self.flops, wall, strict=True))
        reached_cpu = median(f / s.cpu_s for f, s in zip(self.flops, self.spent, strict=True))
        return {
            "rows_per_second": round(median(r / s for r, s in zip(self.rows, wall, strict=True))),
            "notes_per_second": round(median(n / s for n, s in zip(self.notes, wall, strict=True))),
            "rows_per_cpu_second": round(
                median(r / s.cpu_s for r, s in zip(self.rows, self.spent, strict=True))
            ),
            "seconds_per_step": round(median(wall), 3),
            "gflop_per_second": round(reached / 1e9, 1),
            "gflop_per_cpu_second": round(reached_cpu / 1e9, 1),
            "share_of_matmul": round(reached * peak.wall_s, 3),
            "share_of_matmul_by_cpu": round(reached_cpu * peak.cpu_s, 3),
            "padding": round(median(self.padding), 3),
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
    batches: Batches, window: int, learners: dict[str, Learner], squares: Squares, steps: int
) -> list[Trial]:
    """The trials of all precisions on windows of so many rows, step by step in turn."""
    trials = {name: Trial(name, window) for name in learners}
    for step in range(WARM_UP + steps):
        batch = batches.batch(step)
        names = list(learners)[:: 1 if step % 2 else -1]
        for name in names:
            gc.collect()
            spent = clocked(partial(learners[name].step, batch))[1]
            if step >= WARM_UP:
                trials[name].add(spent, batch, step_flops(learners[name].model, batch))
        squares.multiply()
    return list(trials.values())


def page(
    said: dict[str, object], squares: Squares, trials: Sequence[Trial], threads: int
) -> list[str]:
    """The page of results in Markdown."""
    found = [(trial, trial.figures(squares.peak(trial.precision))) for trial in trials]
    slow = {trial.window: f["rows_per_second"] for trial, f in found if trial.precision == "fp32"}
    table = markdown_table(
        (
            "window, precision", "rows/s", "notes/s", "rows/CPU-s", "s/step", "x fp32",
            "GFLOP/s", "of a square product", "the same by CPU-s", "padding", "noise",
        ),
        [
            (
                f"{trial.window} rows, {trial.precision}",
                f"{f['rows_per_second']:,}",
                f"{f['notes_per_second']:,}",
                f"{f['rows_per_cpu_second']:,}",
                f"{f['seconds_per_step']:.2f}",
                f"{f['rows_per_second'] / slow[trial.window]:.2f}",
                f"{f['gflop_per_second']:.0f}",
                f"{f['share_of_matmul']:.0%}",
                f"{f['share_of_matmul_by_cpu']:.0%}",
                f"{f['padding']:.1%}",
                f"{f['noise']:.0%}",
            )
            for trial, f in found
        ],
    )  # fmt: skip
    products = ", ".join(
        f"{squares.gflop_per_second(name):.0f} GFLOP/s in {name} "
        f"(noise {noise([s.wall_s for s in squares.spent[name]]):.0%})"
        for name in PRECISIONS
    )
    return [
        "# Training: steps of a preset on the CPU",
        f"{said['music']}; preset {said['preset']}, {said['parameters']:,} parameters, about "
        f"{said['rows_per_step']:,} rows a step; {threads} threads. Median of {said['steps']} "
        f"steps after {WARM_UP} that do not count, the precisions in turn on the same batches. "
        "Seconds are on the wall but for rows/CPU-s. Rows and notes are without padding.",
        table,
        f"A product of two square matrices of {squares.size}, between the steps: {products}. "
        "GFLOP/s of a step count the matrix products alone: 6 a weight for every row (padding "
        "too), attention's causal half, and the nested decoder's fields for the scored rows; "
        "everything else that a step does takes time and counts for nothing. Drawing and "
        "augmenting the batch is not in the step's time.",
    ]


def main() -> None:
    """Measure and leave the results."""
    parser = options(__doc__)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--preset", choices=list(PRESETS), default="small")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--square", type=int, default=2048)
    parser.add_argument("--threads", type=int, help="default: as many as torch takes")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    machine = Machine(PACKAGES)
    prepared = load_prepared(chosen.prepared)
    settings = PRESETS[chosen.preset]
    learners = {name: Learner(settings, name) for name in PRECISIONS}
    squares = Squares(chosen.square)
    trials: list[Trial] = []
    for window in sorted({settings.train.short_rows, settings.batches.max_rows}):
        batches = Batches(prepared.collection, replace(settings.batches, max_rows=window), SEED)
        trials += measure(batches, window, learners, squares, chosen.steps)
    music = chosen.title or chosen.prepared.resolve().name
    said: dict[str, object] = {
        "music": f"{music}, {prepared.facts.files:,} files",
        "preset": chosen.preset,
        "parameters": learners["fp32"].model.parameter_count(),
        "rows_per_step": settings.batches.rows_per_step,
        "steps": chosen.steps,
        "threads": torch.get_num_threads(),
        "square": chosen.square,
    }
    figures = {
        **said,
        "matmul_gflop_per_second": {n: squares.gflop_per_second(n) for n in PRECISIONS},
        "matmul_noise": {
            n: round(noise([s.wall_s for s in squares.spent[n]]), 3) for n in PRECISIONS
        },
        "trials": [
            {**asdict(trial), **trial.figures(squares.peak(trial.precision))} for trial in trials
        ],
    }
    text = page(said, squares, trials, torch.get_num_threads())
    leave(chosen.results, "training_speed", machine.describe(), figures, text)


if __name__ == "__main__":
    main()
