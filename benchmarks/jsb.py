"""The public table of Bach chorales: nats a note on the 16th grid, four voices and nothing else.

    python benchmarks/jsb.py Jsb16thSeparated.npz [--minutes 9]

The file has the split of Boulanger-Lewandowski et al. 2012 and the voices of Huang et al. 2019
(Music Transformer, arXiv 1809.04281): arrays train, valid and test of pieces (steps, 4), soprano to
bass, silence as NaN. Trains musegen's own MusicModel on the train split, under a table of its own
whose rows hold a pitch and nothing else; the validation split chooses when to stop.
Counted as that paper counts: nats summed over all 4 x steps pitches of a split, over their number;
no begin, end or padding. Every piece is judged whole. Runs on one CPU thread. Writes
benchmarks/results/jsb.json and .md.
"""

import argparse
import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _chorales import (
    FARTHEST,
    HIGHEST,
    LOWEST,
    SHIFTS,
    SILENT,
    VOICES,
    Pieces,
    chorale_table,
    homeward,
    moved,
    read_splits,
    rows_of,
)
from _machine import Machine, leave, markdown_table
from _machine import options as machine_options
from torch import Tensor, nn

from musegen.model.config import ModelConfig
from musegen.model.devices import pick_bf16
from musegen.model.loss import row_loss
from musegen.model.transformer import MusicModel
from musegen.training.optimizers import optimizers_of


def batches(
    pieces: Pieces, each: int, stray: float, chance: np.random.Generator
) -> Iterator[Pieces]:
    """All pieces once, in random order, those of like length together; in C major or A minor, or
    with probability `stray` moved on from there by any of SHIFTS.
    """
    order = chance.permutation(len(pieces))
    groups = [
        sorted(order[first : first + 4 * each].tolist(), key=lambda p: len(pieces[p]))
        for first in range(0, len(order), 4 * each)
    ]
    runs = [group[first : first + each] for group in groups for first in range(0, len(group), each)]
    for place in chance.permutation(len(runs)).tolist():
        shifts = [int(chance.choice(SHIFTS)) * (chance.random() < stray) for _ in runs[place]]
        yield [moved(pieces[p], shift) for p, shift in zip(runs[place], shifts, strict=True)]


@torch.no_grad()
def judged(model: MusicModel, pieces: Pieces, each: int = 8) -> dict[str, float]:
    """Nats a note in all and of each voice: sums over all pitches, over their number."""
    model.eval()
    sums = dict.fromkeys(VOICES, 0.0)
    ordered = sorted(pieces, key=len)
    for first in range(0, len(ordered), each):
        loss = row_loss(model, *rows_of(ordered[first : first + each]))
        for name, nats in loss.nats.items():
            if "." in name:
                sums[name.split(".")[0].rstrip("1234").lower()] += float(nats)
    steps = sum(len(piece) for piece in pieces)
    found = {voice: nats / steps for voice, nats in sums.items()}
    return {"all": sum(sums.values()) / (steps * len(VOICES)), **found}


@torch.no_grad()
def mixed(model: MusicModel, pieces: Pieces) -> float:
    """Nats a note where no key is told: the mean of a piece's odds over all of SHIFTS.

    -log p(piece) = log 13 - log of the sum over shifts of p(piece moved by the shift).
    """
    model.eval()
    total = 0.0
    for piece in pieces:
        nats = torch.zeros(len(SHIFTS), dtype=torch.float64)
        for place, shift in enumerate(SHIFTS):
            loss = row_loss(model, *rows_of([moved(piece, shift)]))
            nats[place] = sum(float(n) for name, n in loss.nats.items() if "." in name)
        total += math.log(len(SHIFTS)) - float(torch.logsumexp(-nats, 0))
    return total / (sum(len(piece) for piece in pieces) * len(VOICES))


def bigram(train: Pieces, judge: Pieces) -> float:
    """Nats a note of a bigram of each voice, add-one over the pitches that the voice has."""
    nats, count = 0.0, 0
    for voice in range(len(VOICES)):
        size = 2 + HIGHEST - LOWEST
        seen = np.zeros((size + 1, size))  # the last row: nothing came before
        for piece in train:
            np.add.at(seen, (np.append(size, piece[:-1, voice]), piece[:, voice]), 1)
        used = seen.sum(axis=0) > 0
        odds = (seen + 0.1 * used) / (seen + 0.1 * used).sum(axis=1, keepdims=True)
        for piece in judge:
            chosen = odds[np.append(size, piece[:-1, voice]), piece[:, voice]]
            nats -= float(np.log(np.maximum(chosen, 1e-6)).sum())
            count += len(piece)
    return nats / count


class Chorales(MusicModel):
    """A model whose rows know their intervals to the rows before, a step long, and that, while it
    learns, does not see what some of the rows say.
    """

    def __init__(self, config: ModelConfig, unseen: float) -> None:
        super().__init__(chorale_table(), config)
        self.unseen = unseen
        self.near = nn.ParameterList(
            nn.Parameter(torch.zeros(2 * FARTHEST + 2, config.width)) for _ in VOICES
        )

    def embed(self, full: Tensor, rows: Tensor) -> Tensor:
        """Vectors of the rows, of `unseen` of them zero."""
        embedded = super().embed(full, rows)
        pitch = rows[..., 1]
        for back, table in enumerate(self.near, start=1):
            before = F.pad(pitch, (back, 0))[:, :-back]
            away = (pitch - before).clamp(-FARTHEST, FARTHEST) + FARTHEST
            known = (pitch != SILENT) & (before != SILENT)
            embedded = embedded + table[away.where(known, 2 * FARTHEST + 1)] * self.embed_scale
        if not self.training:
            return embedded
        return embedded * (torch.rand(*rows.shape[:2], 1) >= self.unseen)


@dataclass(frozen=True)
class Plan:
    """How long and how to train. `average` is the decay of the mean of the weights that is judged.

    The rate warms up over `warmup` of the way and falls to nothing over `decay` of it.
    """

    minutes: float
    rate: float
    weight_decay: float
    each: int
    stray: float
    average: float = 0.997
    warmup: float = 0.02
    decay: float = 0.7
    judge_every: int = 100
    bf16: bool = False


def train(
    model: MusicModel, splits: dict[str, Pieces], plan: Plan, seed: int
) -> tuple[MusicModel, list[dict[str, float]]]:
    """The averaged weights that were best on the validation split, and how it went."""
    chance = np.random.default_rng(seed)
    optimizers = optimizers_of(model, plan.rate, plan.weight_decay, 0.98)
    home = {name: [moved(p, homeward(p)) for p in splits[name]] for name in ("train", "valid")}
    mean = copy.deepcopy(model)
    best, kept = math.inf, copy.deepcopy(model)
    history: list[dict[str, float]] = []
    step, total, seen, training_s = 0, 60 * plan.minutes, 0.0, 0.0
    while training_s < total:
        for pieces in batches(home["train"], plan.each, plan.stray, chance):
            began = time.process_time()
            share = training_s / total
            rate = plan.rate * min(share / plan.warmup, (1 - share) / plan.decay, 1.0)
            model.train()
            with torch.autocast("cpu", torch.bfloat16, enabled=plan.bf16):
                loss = row_loss(model, *rows_of(pieces))
            torch.autograd.backward(loss.total / loss.counts["kind"])
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = max(rate, 1e-6)
                optimizer.step()
            model.zero_grad(set_to_none=True)
            step += 1
            keep = min(plan.average, step / (step + 10))
            with torch.no_grad():
                for slow, fast in zip(mean.parameters(), model.parameters(), strict=True):
                    slow.lerp_(fast, 1 - keep)
            seen += float(loss.total.detach()) / loss.counts["kind"]
            training_s += time.process_time() - began
            last = training_s >= total
            if step % plan.judge_every == 0 or last:
                valid = judged(mean, home["valid"])["all"]
                history.append(
                    {"step": step, "cpu_s": round(training_s, 1), "train": seen / plan.judge_every,
                     "valid": valid}
                )  # fmt: skip
                print(f"step {step}, {training_s:.0f} s: train {seen / plan.judge_every:.4f}, "
                      f"valid {valid:.4f}", flush=True)  # fmt: skip
                seen = 0.0
                if valid < best:
                    best, kept = valid, copy.deepcopy(mean)
            if last:
                break
    return kept, history


def main() -> None:
    """Train, judge, and write the table."""
    parser = machine_options(__doc__)
    add_options(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    machine = Machine(["torch"])
    splits = read_splits(options.file)
    config = ModelConfig(
        layers=options.layers, width=options.width, heads=options.heads, hidden=options.hidden,
        context=4096, field_width=options.field_width, dropout=options.dropout,
    )  # fmt: skip
    plan = Plan(
        options.minutes, options.rate, options.weight_decay, options.each, options.stray,
        bf16=pick_bf16("auto", "cpu"),
    )  # fmt: skip
    torch.manual_seed(options.seed)
    model = Chorales(config, options.unseen)
    print(f"{model.parameter_count():,} parameters", flush=True)
    kept, history = train(model, splits, plan, options.seed)
    figures: dict[str, Any] = {
        "parameters": model.parameter_count(),
        "settings": {k: v for k, v in vars(options).items() if k not in ("file", "results")},
        "history": history,
    }
    for name in ("valid", "test"):
        home = [moved(piece, homeward(piece)) for piece in splits[name]]
        figures[name] = {
            "nats_per_note": mixed(kept, splits[name]),
            "key_told": judged(kept, home),
            "bigram": bigram(splits["train"], splits[name]),
            "notes": len(VOICES) * sum(len(piece) for piece in home),
        }
    leave(options.results, "jsb", machine.describe(), figures, page(figures))


def page(figures: dict[str, Any]) -> list[str]:
    """The table beside what others published, and how it is to be read."""
    valid, test, history = figures["valid"], figures["test"], figures["history"]
    best = min(history, key=lambda entry: float(entry["valid"]))
    voices = ", ".join(
        f"{voice} {valid['key_told'][voice]:.3f} / {test['key_told'][voice]:.3f}"
        for voice in VOICES
    )
    table = markdown_table(
        ["16th grid, four voices: nats a note", "validation", "test"],
        [
            ["bigram of each voice", f"{valid['bigram']:.3f}", f"{test['bigram']:.3f}"],
            ["Transformer (Huang et al. 2019, as others quote it)", "0.417", ""],
            ["with relative attention (the same)", "0.335", ""],
            [
                f"**musegen's model, {figures['parameters']:,} parameters**",
                f"**{valid['nats_per_note']:.3f}**",
                f"**{test['nats_per_note']:.3f}**",
            ],
        ],
    )
    return [
        table,
        f"Nats summed over all {valid['notes']:,} and {test['notes']:,} pitches, silences among "
        "them, over their number; no begin, end or padding. Trained on the train split; validation "
        f"chose the step ({best['step']:,} of {history[-1]['step']:,}, {best['cpu_s']:.0f} of "
        f"{history[-1]['cpu_s']:.0f} CPU-seconds) and nothing else.",
        f"The model learns pieces in C major or A minor. No key is told in judging: a piece's odds "
        f"are the mean over {len(SHIFTS)} transpositions, which is a distribution over the pieces "
        f"as they are and costs at most log {len(SHIFTS)} nats a piece. With the key told: "
        f"{valid['key_told']['all']:.3f} and {test['key_told']['all']:.3f} ({voices}).",
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("file", type=Path, help="Jsb16thSeparated.npz")
    parser.add_argument("--minutes", type=float, default=9, help="CPU minutes of training")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=352)
    parser.add_argument("--field-width", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.25)
    parser.add_argument("--unseen", type=float, default=0.15, help="share of rows, while learning")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--each", type=int, default=4, help="pieces in a batch")
    parser.add_argument("--stray", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)


if __name__ == "__main__":
    main()
