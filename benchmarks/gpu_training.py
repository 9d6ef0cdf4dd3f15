"""Rows per second of training on a GPU, its share of the matrix rate, and what limits it.

    python benchmarks/gpu_training.py PREPARED [--steps 20] [--set model.layers=8 ...]

Trains the preset from random weights on real batches, once as the model is written and once with
torch.compile: the first steps are left out, the rest timed on the wall, batches drawn by workers.
MFU: the operations of the matrix products (`_operations`) over what large bf16 products
reach on this GPU in the same run. The profile sums the time of kernels over three steps.
Leaves benchmarks/results/gpu_training.json and .md.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from _machine import Machine, leave, markdown_table, options
from _operations import step_flops

from musegen.corpus.batches import Batches
from musegen.corpus.collection import Collection
from musegen.corpus.shards import load_prepared
from musegen.model.devices import pick_bf16
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import TABLE
from musegen.training.optimizers import optimizers_of
from musegen.training.settings import RunSettings, run_settings
from musegen.training.state import Progress
from musegen.training.stepping import Stepping
from musegen.training.team import Team

SEED = 0
SIDE = 8192
PROFILED = 3


def matrix_rate(device: str) -> float:
    """Operations a second of products of large square matrices in bfloat16."""
    a, b = (torch.randn(SIDE, SIDE, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(10):
        a @ b
    torch.cuda.synchronize()
    return 10 * 2 * SIDE**3 / (time.perf_counter() - began)


class Run:
    """Steps of one way to compute, as a run of training makes them."""

    def __init__(self, collection: Collection, settings: RunSettings, device: str) -> None:
        torch.manual_seed(SEED)
        self.settings = settings
        self.model = MusicModel(TABLE, settings.model).to(device)
        train = settings.train
        bf16 = pick_bf16(train.precision, device)
        optimizers = optimizers_of(
            self.model, train.learning_rate, train.weight_decay, train.beta2, bf16
        )
        self.stepping = Stepping(
            self.model, optimizers, collection, settings, SEED, device, bf16, Team()
        )
        self.progress = Progress()
        self.nats = 0.0

    def steps(self, count: int, share: float) -> int:
        """So many steps were made; the rows that they saw."""
        rows = 0
        for _ in range(count):
            step = self.stepping.step(self.progress, share)
            self.progress.step += 1
            rows += step.rows
            self.nats = step.nats / max(step.notes, 1)
        torch.cuda.synchronize()
        return rows


def timed(run: Run, steps: int, share: float) -> dict[str, float]:
    """How fast `steps` steps were, and how long the first took."""
    began = time.perf_counter()
    run.steps(1, share)
    first_s = time.perf_counter() - began
    run.steps(4, share)
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    rows = run.steps(steps, share)
    took = time.perf_counter() - began
    return {
        "first_step_s": round(first_s, 2),
        "ms_a_step": round(1000 * took / steps, 1),
        "rows_per_second": round(rows / took),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 1),
        "nats_per_note": round(run.nats, 3),
    }


def kernels(run: Run, share: float) -> list[dict[str, Any]]:
    """Where the time of the GPU goes, longest first: over PROFILED steps."""
    activities = [torch.profiler.ProfilerActivity.CUDA, torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profile:
        run.steps(PROFILED, share)
    events = profile.key_averages()
    found = [
        {"name": event.key[:90], "ms": event.self_device_time_total / 1000 / PROFILED,
         "calls": event.count / PROFILED}
        for event in events
        if event.self_device_time_total > 0 and not event.key.startswith("ProfilerStep")
    ]  # fmt: skip
    return sorted(found, key=lambda entry: -float(entry["ms"]))[:40]


def flops_per_row(collection: Collection, settings: RunSettings, rows: int) -> float:
    """Operations of matrix products for a row that is no padding, over a group of batches."""
    model = MusicModel(TABLE, settings.model)
    batches = Batches(collection, replace(settings.batches, max_rows=rows), SEED).group(0)
    flops = sum(step_flops(model, batch) for batch in batches)
    return flops / sum(int(batch.lengths.sum()) for batch in batches)


def main() -> None:
    """Time, profile, write."""
    parser = options(__doc__)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--set", dest="changes", action="append", default=[])
    asked = parser.parse_args()
    machine = Machine(("numpy", "torch"))
    changes = dict(change.split("=", 1) for change in asked.changes)
    settings = run_settings(asked.preset, changes=changes)
    collection = load_prepared(asked.prepared).collection
    device = "cuda"
    peak = matrix_rate(device)
    print(f"{torch.cuda.get_device_name()}: {peak / 1e12:.0f} Tflop/s in bf16", flush=True)
    figures: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(), "matrix_tflops": round(peak / 1e12),
        "settings": asdict(settings), "ways": [],
    }  # fmt: skip
    windows = {settings.train.short_rows: 0.0, settings.model.context: 1.0}
    for compiled in ("off", "on"):
        run = Run(
            collection, replace(settings, train=replace(settings.train, compile=compiled)), device
        )
        for rows, share in windows.items():
            found: dict[str, Any] = {"compile": compiled, "window": rows}
            found |= timed(run, asked.steps, share)
            found["mfu"] = round(
                found["rows_per_second"] * flops_per_row(collection, settings, rows) / peak, 3
            )
            print(found, flush=True)
            figures["ways"].append(found)
        figures[f"kernels_{compiled}"] = kernels(run, 0.0)
        for entry in figures[f"kernels_{compiled}"][:28]:
            print(f"{entry['ms']:8.2f} ms {entry['calls']:6.0f} x  {entry['name']}", flush=True)
        run.stepping.close()
        del run
        torch.cuda.empty_cache()
    leave(asked.results, "gpu_training", machine.describe(), figures, page(figures))


def page(figures: dict[str, Any]) -> list[str]:
    """The tables."""
    names = ("compile", "window", "rows_per_second", "ms_a_step", "mfu", "first_step_s", "peak_gib")
    rows = [[str(way[name]) for name in names] for way in figures["ways"]]
    best = [
        [f"{entry['ms']:.2f}", f"{entry['calls']:.0f}", f"`{entry['name']}`"]
        for entry in figures["kernels_on"][:16]
    ]
    return [
        f"{figures['gpu']}, {figures['matrix_tflops']} Tflop/s in products of large matrices in "
        "bfloat16; MFU is a share of that.",
        markdown_table(_words(names), rows),
        "What a compiled step spends its time on:",
        markdown_table(["ms a step", "calls", "kernel"], best),
    ]


def _words(names: Sequence[str]) -> list[str]:
    return [name.replace("_", " ") for name in names]


if __name__ == "__main__":
    main()
