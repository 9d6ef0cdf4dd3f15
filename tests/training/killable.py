"""A run that tests kill: begins or goes on with OUT, says so, and trains to the end.

python -m tests.training.killable OUT STEPS SAVE_EVERY EVALUATE_EVERY
"""

import sys
from pathlib import Path

from musegen.training.keeping import has_state
from tests.training.runs import Notes, trainer


def main(out: Path, steps: int, save_every: int, evaluate_every: int) -> None:
    """Train to the end, from where `out` stands."""
    notes = Notes()
    run = trainer(
        out, notes, resume=has_state(out),
        steps=steps, save_every=save_every, evaluate_every=evaluate_every,
    )  # fmt: skip
    for note in notes.notes:
        sys.stdout.write(f"note: {note}\n")
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    run.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
