"""Training is killed with SIGKILL at random moments and resumed each time: is anything lost?

    python benchmarks/killed_runs.py [--kills 50] [--steps 400]

A tiny model trains on made pieces, saving after every second step, so that many of the kills fall
into a save. After each kill the checkpoint must be whole; at the end the weights and the optimiser
must equal, bit for bit, those of a run that was never interrupted.
Leaves benchmarks/results/killed_runs.json and .md.
"""

import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _machine import Machine, leave, markdown_table, options

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from musegen.model.stored import read_checkpoint  # noqa: E402
from musegen.training.keeping import newest_state, states  # noqa: E402

SAVE_EVERY, EVALUATE_EVERY = 2, 10
LONGEST_S = 1.5
"""A run is killed between its first step and so many seconds later."""


def words(out: Path, steps: int) -> list[str]:
    """The command of a run that begins or goes on."""
    numbers = (steps, SAVE_EVERY, EVALUATE_EVERY)
    return [sys.executable, "-m", "tests.training.killable", str(out), *map(str, numbers)]


def fingerprint(out: Path) -> str:
    """Of all weights and moments, as they were saved last."""
    return hashlib.sha256((states(out)[0] / "state.safetensors").read_bytes()).hexdigest()


def main() -> None:
    """Kill, resume, compare."""
    parser = options(__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    machine = Machine(("torch", "safetensors"))
    rng = random.Random(asked.seed)
    killed_at, damaged, left_over = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = Path(folder, "whole"), Path(folder, "parts")
        subprocess.run(words(whole, asked.steps), cwd=ROOT, check=True, capture_output=True)
        while len(killed_at) < asked.kills:
            run = subprocess.Popen(
                words(parts, asked.steps), cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            assert run.stdout is not None
            said = []
            while (line := run.stdout.readline()) and line != "begun\n":
                said.append(line)
            time.sleep(rng.uniform(0, LONGEST_S))
            run.kill()
            run.communicate()
            damaged += said
            left_over += len([p for p in Path(folder).iterdir() if p.name.startswith(".")])
            if states(parts):
                read_checkpoint(parts)
                killed_at.append(newest_state(parts, damaged.append).progress.step)
            else:
                killed_at.append(0)
            if killed_at[-1] >= asked.steps - SAVE_EVERY:
                break
        subprocess.run(words(parts, asked.steps), cwd=ROOT, check=True, capture_output=True)
        same = fingerprint(whole) == fingerprint(parts)
    page = [
        "# Training, killed at random moments",
        f"A run of {asked.steps} steps on made pieces, a state saved every {SAVE_EVERY} steps, was "
        f"killed with SIGKILL {len(killed_at)} times, each up to {LONGEST_S:g} s after it had "
        "begun to step, and resumed.",
        markdown_table(
            ("", "count"),
            [
                ("kills", len(killed_at)),
                ("kills in the middle of a save (half a folder was left)", left_over),
                ("checkpoints that were not whole", len(damaged)),
                ("steps at which it was resumed", len(set(killed_at))),
            ],
        ),
        "Weights and optimiser at the end: "
        + ("equal to" if same else "NOT equal to")
        + " those of a run that was never interrupted, bit for bit.",
    ]
    figures = {"killed_at": killed_at, "left_over": left_over, "damaged": damaged, "same": same}
    leave(asked.results, "killed_runs", machine.describe(), figures, page)
    sys.exit(0 if same and not damaged else 1)


if __name__ == "__main__":
    main()
