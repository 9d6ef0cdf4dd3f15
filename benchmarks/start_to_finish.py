"""What a composer waits for: whole processes, the first bar, memory, and where a row's time goes.

    python benchmarks/start_to_finish.py CHECKPOINT [--rounds 3]

Runs the command in new processes: its help, 32 bars for four instruments, the same with an empty
cache (a first run, in numpy), and a long piece. Then, in this process: when the first bar is handed
out; the time of one step of the model by the number of rows before it and of pieces beside it; the
time to read all its weights once. Leaves benchmarks/results/start_to_finish.json and .md.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from _machine import Machine, leave, markdown_table, median, options

from musegen.composing.composer import Composer
from musegen.model.compiling import arithmetic, compile_kernels
from musegen.model.light import LightModel
from musegen.model.stored import read_checkpoint
from musegen.music.read import read_midi
from musegen.tokens.controls import Controls
from musegen.tokens.fields import COLUMNS, NOTE, SEEN_LINKS
from musegen.tokens.wishes import parse_tracks

PACKAGES = ("numpy", "numba")
BAND = "piano, acoustic bass, flute, drums"
LONG = ["--bars", "90", "--meter", "4/4", "--tempo", "120", "--density", "4.2"]
"""Three minutes, about 1,500 notes."""

STEPS = 40


def process(words: list[str], cache: str | None = None) -> dict[str, float]:
    """Seconds on the wall and of CPU, and the peak memory, of a new process."""
    variables = dict(os.environ) if cache is None else {**os.environ, "MUSEGEN_CACHE": cache}
    began = time.perf_counter()
    started = subprocess.Popen(
        [sys.executable, "-m", "musegen", *words], stdout=subprocess.DEVNULL, env=variables
    )
    _, status, used = os.wait4(started.pid, 0)
    assert status == 0, words
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


def step_ms(model: LightModel, rows_before: int, pieces: int) -> float:
    """The median time of one more row for so many pieces, after so many rows of each."""
    stepper = model.stepper(pieces)
    rows = np.zeros((rows_before, COLUMNS), dtype=np.int64)
    rows[:, 0] = NOTE
    times, links = np.arange(rows_before), np.zeros((rows_before, len(SEEN_LINKS)), dtype=np.int64)
    for slot in range(pieces):
        stepper.prefill(slot, rows, times, links)
    newest = [part[:1].repeat(pieces, 0) for part in (rows, times, links)]
    spent = []
    for _ in range(STEPS):
        began = time.perf_counter()
        stepper.step(*newest)
        spent.append(time.perf_counter() - began)
    return 1000 * median(spent)


def reading_ms(model: LightModel) -> float:
    """The time to read every weight of a step once: the matrices before the field decoder."""
    arrays = (part for part in model.backbone if isinstance(part, np.ndarray))
    matrices = [part for part in arrays if part.dtype == np.int8]
    whole = np.concatenate([part.reshape(-1) for part in matrices])
    words = whole[: len(whole) // 8 * 8].view(np.int64)
    spent = []
    for _ in range(STEPS):
        began = time.perf_counter()
        words.max()
        spent.append(time.perf_counter() - began)
    return 1000 * median(spent)


def main() -> None:
    """Measure and leave the results."""
    parser = options(__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    machine = Machine(PACKAGES)
    assert compile_kernels()
    checkpoint = str(chosen.checkpoint)
    band = ["--instruments", BAND, "--checkpoint", checkpoint, "--seed", "1", "--force", "--quiet"]
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        out = ["-o", str(Path(folder) / "tune.mid")]
        runs = {
            "musegen --help": (["--help"], None),
            "32 bars, 4 tracks": (["generate", "--bars", "32", *band, *out], None),
            "the same, nothing compiled": (["generate", "--bars", "32", *band, *out], os.devnull),
            "3 minutes, 4 tracks": (["generate", *LONG, *band, *out], None),
        }
        for name, (words, cache) in runs.items():
            rounds = [process(words, cache) for _ in range(chosen.rounds)]
            found[name] = {key: median(r[key] for r in rounds) for key in rounds[0]}
        notes = read_midi(Path(folder) / "tune.mid").note_count
    composer = Composer.load(chosen.checkpoint)
    bars_at: list[float] = []
    began = time.perf_counter()
    wishes = Controls(bars=32, tracks=parse_tracks((BAND,)))
    (piece,) = composer.compose(
        wishes, seed=1, watch=lambda *_: bars_at.append(time.perf_counter() - began)
    )
    composing_s = time.perf_counter() - began
    stored = read_checkpoint(chosen.checkpoint)
    long = replace(stored, config=replace(stored.config, context=2100))
    model = LightModel(long, "int8", arithmetic("int8"))
    steps = {
        f"{pieces} x {rows}": step_ms(model, rows, pieces)
        for pieces, rows in ((1, 100), (1, 500), (1, 1000), (1, 2000), (4, 100), (8, 100))
    }
    reading = reading_ms(model)
    row_ms = 1000 * composing_s / len(piece.rows)
    figures = {
        "checkpoint_sha256": stored.sha256,
        "processes": found,
        "composing": {
            "rows": len(piece.rows), "notes": piece.score.note_count, "seconds": composing_s,
            "first_bar_s": bars_at[1], "ms_per_row": row_ms,
        },
        "step_ms": steps,
        "reading_ms": reading,
        "long_notes": notes,
    }  # fmt: skip
    page = [
        "# From start to finish",
        f"New processes, median of {chosen.rounds}; `--seed 1`, the band is {BAND}. The "
        f"3 minutes are `{' '.join(LONG)}`: {notes:,} notes.",
        markdown_table(
            ("", "seconds", "CPU seconds", "peak MB"),
            [
                (name, f"{r['wall_s']:.2f}", f"{r['cpu_s']:.2f}", f"{r['peak_mb']:.0f}")
                for name, r in found.items()
            ],
        ),
        f"In a process that has loaded everything, the 32 bars ({len(piece.rows)} rows, "
        f"{piece.score.note_count} notes) take {composing_s:.2f} s, {row_ms:.2f} ms a row; the "
        f"first bar is handed out after {bars_at[1]:.2f} s.",
        "One step of the model in int8, milliseconds, pieces x rows before it, in a context of "
        "2,100 rows:",
        markdown_table(("", *steps), [("ms", *(f"{ms:.2f}" for ms in steps.values()))]),
        f"Reading its weights once takes {reading:.3f} ms: {reading / steps['1 x 100']:.0%} of a "
        f"step after 100 rows, {reading / row_ms:.0%} of a row. The rest of a row is the field "
        "decoder, sampling, the grammar and rows that are begun anew.",
    ]
    leave(chosen.results, "start_to_finish", machine.describe(), figures, page)


if __name__ == "__main__":
    main()
