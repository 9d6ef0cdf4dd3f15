"""One of the processes that tests let train together: a run into OUT, resumed where it is there.

torchrun --nproc-per-node 2 -m tests.training.teamwork OUT STEPS [STOP_AT]
"""

import os
import signal
import sys
from pathlib import Path

from musegen.training.keeping import has_state
from musegen.training.loop import Interrupted, Trainer
from musegen.training.team import team
from tests.training.runs import FACTS, GENRES, Notes, pieces, shared

GLOO = "pt_gloo_runloop"
"""What gloo's threads are called."""

A_GROUP = 2
"""How many a group has."""


def talking() -> int:
    """How many threads of gloo this process has; 0 where the system doesn't tell."""
    names = Path("/proc/self/task").glob("*/comm")
    return sum(name.read_text().strip() == GLOO for name in names)


def main(out: Path, steps: int, stop_at: int = 0) -> None:
    """Train; the process of rank 1 gets SIGTERM after step `stop_at`."""
    with team() as together:
        notes = Notes()
        if together.rank == 1:
            notes.at_step = lambda step: step == stop_at and os.kill(os.getpid(), signal.SIGTERM)
        settings = shared(steps)
        run = Trainer(
            pieces(), GENRES, settings, out, notes, FACTS, 3, "cpu", has_state(out), together
        )
        try:
            run.run()
        except Interrupted as stopped:
            sys.stdout.write(f"rank {together.rank} {stopped.exit_code}\n")
    assert talking() <= A_GROUP, "threads that hold what Python made outlive the team"


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
