"""The folder of a run: what lies in it, how it is replaced, and what is gone on from.

    OUT/                      the checkpoint to compose with, as `model.checkpoint` says
        report.html           at the end of the run
        training/
            metrics.jsonl, metrics.csv
            step-00000400/    a state to go on from; the newest few are kept
            best/             the checkpoint with the best held-out likelihood so far

It is replaced as a whole: what stays is linked into the new folder, not copied where the disk can
link. A process that is killed at any moment leaves the old folder or the new one.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from musegen.errors import CheckpointError
from musegen.folders import recover, whole_folder
from musegen.training.metrics import LINES, TABLE
from musegen.training.state import State, read_state

RUN, BEST, REPORT, CARD = "training", "best", "report.html", "README.md"
MODEL_FILES = ("model.safetensors", "config.json", "vocabulary.json", "labels.json")
_OURS = {*MODEL_FILES, CARD, REPORT, RUN}
_STEP = "step-"


def state_name(step: int) -> str:
    """The name of a state's folder.

    >>> state_name(400)
    'step-00000400'
    """
    return f"{_STEP}{step:08d}"


def states(out: Path) -> list[Path]:
    """The states that a run can be gone on from, the newest first."""
    found = (out / RUN).glob(f"{_STEP}*")
    return sorted((f for f in found if f.name[len(_STEP) :].isdecimal()), reverse=True)


def has_state(out: Path) -> bool:
    """Whether there is a run in `out` to go on with."""
    recover(out)
    return bool(states(out))


def newest_state(out: Path, note: Callable[[str], None]) -> State:
    """The newest state in `out` that is whole; what is damaged is said to `note` and passed over.

    Raises CheckpointError where none is whole.
    """
    complaints: list[str] = []
    for folder in states(out):
        try:
            state = read_state(folder)
        except CheckpointError as error:
            complaints.append(str(error))
            continue
        for complaint in complaints:
            note(f"{complaint}; going on from step {state.progress.step:,} instead")
        return state
    raise CheckpointError(
        f"no state in {out / RUN} can be gone on from: {complaints[0] if complaints else 'none'}; "
        "start anew with --force, or restore the folder"
    )


@contextmanager
def replaced(out: Path, fresh: bool, keep: int, step: int, best: bool) -> Iterator[Path]:
    """A staging folder for the run at `step`, with what is kept of the run in `out`.

    fresh: nothing of what lies in `out` belongs to this run. keep: states, with the one to come.
    best: a better one than the kept one is coming, so the kept one goes. Files that musegen did
    not make stay.
    """
    recover(out)
    with whole_folder(out, force=True) as staging:
        (staging / RUN).mkdir()
        if out.is_dir():
            for path in sorted(out.iterdir()):
                if path.name not in _OURS:
                    _link(path, staging / path.name)
        if not fresh:
            kept = [path for path in states(out) if path.name < state_name(step)][: keep - 1]
            if (out / RUN / BEST).is_dir() and not best:
                kept.append(out / RUN / BEST)
            for path in kept:
                _link(path, staging / RUN / path.name)
            ours = {LINES, TABLE, BEST}
            for path in sorted((out / RUN).iterdir()) if (out / RUN).is_dir() else ():
                if path.name not in ours and not path.name.startswith(_STEP):
                    _link(path, staging / RUN / path.name)
        yield staging


def keep_as_best(staging: Path) -> None:
    """The checkpoint that was written into `staging` is the best so far, too."""
    best = staging / RUN / BEST
    best.mkdir()
    for name in (*MODEL_FILES, CARD):
        _link(staging / name, best / name)


def take_best(staging: Path) -> None:
    """The checkpoint in `staging` is the best of the run instead of the last."""
    for name in MODEL_FILES:
        (staging / name).unlink(missing_ok=True)
        _link(staging / RUN / BEST / name, staging / name)


def best_step(out: Path) -> int | None:
    """The step of the best checkpoint that is kept in `out`; None where there is none."""
    try:
        told = json.loads((out / RUN / BEST / "config.json").read_text(encoding="utf-8"))
        return int(told["facts"]["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _link(source: Path, target: Path) -> None:
    """`target` is `source`: linked where the disk can, else copied."""
    if source.is_dir() and not source.is_symlink():
        target.mkdir()
        for path in sorted(source.iterdir()):
            _link(path, target / path.name)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
