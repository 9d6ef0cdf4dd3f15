"""How a row's cost grows with what the model sees: whole rows of real compositions, by context.

    python benchmarks/row_growth.py CHECKPOINT [--bars 110] [--rounds 5]

Composes a long piece for four instruments, several seeds in turn, one thread, by compiled kernels.
Each row is timed from its drawing to the model's next state, grammar, sampling and all, in CPU
seconds, and the step of the model within it by itself. A row belongs to the context that the model
saw before it; where its window is full it is cut and read anew, which is counted apart. Leaves
benchmarks/results/row_growth.json and .md.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from _machine import Machine, leave, markdown_table, median, options

from musegen.composing import writing
from musegen.composing.composer import Composer
from musegen.model.compiling import compile_kernels
from musegen.model.light import LightStepper
from musegen.tokens.controls import Controls
from musegen.tokens.wishes import parse_tracks

PACKAGES = ("numpy", "numba")
BAND = "piano, acoustic bass, flute, drums"
EDGES = (50, 150, 400, 600, 900, 1100, 1400, 1600, 1900, 2048)
"""Rows with 50 to 150 rows before them count as 100, and so on; every second range is left out."""


@dataclass
class Clock:
    """What rows took, whole and in the step of the model, by the number of rows before them."""

    whole: dict[int, list[float]] = field(default_factory=dict)
    steps: dict[int, list[float]] = field(default_factory=dict)
    anew: list[float] = field(default_factory=list)
    last: float = 0.0

    def timed(self, step: Callable[..., None]) -> Callable[..., None]:
        """The same step, whose time is noted."""

        def noted(stepper: LightStepper, *rows: Any) -> None:
            before = stepper.lengths[0]
            began = time.process_time()
            step(stepper, *rows)
            self.steps.setdefault(before, []).append(time.process_time() - began)

        return noted

    def rows(self, advance: Callable[..., None]) -> Callable[..., None]:
        """The same end of a row, at which the time since the one before is noted."""

        def noted(stepper: LightStepper, *rest: Any) -> None:
            full = stepper.room(0) == 0
            before = stepper.lengths[0]
            advance(stepper, *rest)
            now = time.process_time()
            spent = now - self.last
            (self.anew if full else self.whole.setdefault(before, [])).append(spent)
            self.last = now

        return noted


def by_range(found: dict[int, list[float]]) -> dict[int, list[float]]:
    """What was noted, by the middle of each range of EDGES, the least first."""
    return {
        round((low + high) / 2, -2): sorted(
            t for before, times in found.items() if low <= before < high for t in times
        )
        for low, high in list(pairwise(EDGES))[::2]
    }


def usual_ms(times: list[float]) -> float:
    """The mean of all but the slowest twentieth, in which other processes were in the way."""
    kept = times[: len(times) * 19 // 20]
    return 1000 * sum(kept) / len(kept)


def main() -> None:
    """Measure and leave the results."""
    parser = options(__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--bars", type=int, default=110)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    machine = Machine(PACKAGES)
    assert compile_kernels()
    composer = Composer.load(chosen.checkpoint)
    wishes = Controls(bars=chosen.bars, tracks=parse_tracks((BAND,)))
    composer.compose(Controls(bars=2), seed=0)
    rounds = []
    for seed in range(chosen.rounds):
        clock = Clock()
        kept = writing._advance, LightStepper.step
        writing._advance = clock.rows(kept[0])
        LightStepper.step = clock.timed(kept[1])  # type: ignore[method-assign]
        clock.last = time.process_time()
        composer.compose(wishes, seed=seed)
        writing._advance, LightStepper.step = kept  # type: ignore[method-assign]
        rounds.append(clock)
    middles = list(by_range({}))
    table: dict[str, dict[int, float]] = {}
    for name, part in (("a whole row", "whole"), ("the step in it", "steps")):
        each = [by_range(getattr(clock, part)) for clock in rounds]
        table[name] = {
            middle: min(usual_ms(one[middle]) for one in each if one[middle]) for middle in middles
        }
    counts = {m: sum(len(by_range(c.whole)[m]) for c in rounds) for m in middles}
    anew = [1000 * t for clock in rounds for t in clock.anew]
    growth = {name: row[middles[-1]] / row[middles[0]] for name, row in table.items()}
    figures = {
        "checkpoint_sha256": composer.checkpoint.sha256,
        "bars": chosen.bars,
        "rounds": chosen.rounds,
        "rows": counts,
        "ms": table,
        "growth": growth,
        "read_anew_ms": anew,
    }
    often = f"; {len(anew)} times a full window was cut and read anew, {median(anew):.0f} ms each"
    page = [
        "# How a row's cost grows",
        f"{chosen.bars} bars for {BAND}, {chosen.rounds} seeds, one thread, compiled kernels, "
        "int8. CPU milliseconds of a row by the rows that the model saw before it: of each seed "
        "the mean without the slowest twentieth, of the seeds the least.",
        markdown_table(
            ("", *middles, "growth"),
            [
                *(
                    (name, *(f"{ms:.2f}" for ms in row.values()), f"{growth[name]:.2f}")
                    for name, row in table.items()
                ),
                ("rows", *counts.values(), ""),
            ],
        ),
        f"A whole row is drawn field by field with grammar and sampling, and then taken by the "
        f"model{often if anew else ''}.",
    ]
    leave(chosen.results, "row_growth", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
