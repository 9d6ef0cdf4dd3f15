"""Several processes that train one model: the same steps as one process makes alone."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from musegen.errors import SettingError
from musegen.training.loop import Trainer
from musegen.training.metrics import read_metrics
from musegen.training.team import Team
from tests.training.runs import FACTS, GENRES, Notes, pieces, shared, state

ROOT = Path(__file__).parents[2]

TOLERANCE = 2e-4
"""Relative: gradients are added up in another order, in float32."""


def together(out: Path, processes: int, *numbers: int) -> str:
    """What `processes` processes said that trained into `out`."""
    words = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", str(processes), "-m", "tests.training.teamwork", str(out),
        *map(str, numbers),
    ]  # fmt: skip
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def alone(out: Path, steps: int, resume: bool = False) -> None:
    """One process trains into `out`."""
    Trainer(pieces(), GENRES, shared(steps), out, Notes(), FACTS, 3, "cpu", resume).run()


def curve(out: Path, name: str) -> list[float]:
    """A figure of a run, step by step."""
    return [e[name] for e in read_metrics(out / "training") if name in e]


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """Two gloo processes have the loss curve and the weights of one; stopped by a signal to one of
    them and gone on with by a single process, they still do.
    """
    alone(tmp_path / "one", 6)
    said = together(tmp_path / "two", 2, 6, 3)
    assert sorted(said.split("\n")[:2]) == ["rank 0 143", "rank 1 143"]
    assert len(curve(tmp_path / "two", "train_nats_per_note")) == 3
    together(tmp_path / "two", 2, 6, 4)
    alone(tmp_path / "two", 6, resume=True)
    for name in ("train_nats_per_note", "held_out_nats_per_note", "gradient_norm"):
        one, two = curve(tmp_path / "one", name), curve(tmp_path / "two", name)
        assert len(one) == len(two)
        assert two == pytest.approx(one, rel=TOLERANCE), name
    assert curve(tmp_path / "one", "rows") == curve(tmp_path / "two", "rows")
    one_state, two_state = state(tmp_path / "one"), state(tmp_path / "two")
    assert set(one_state) == set(two_state)
    for name, tensor in one_state.items():
        torch.testing.assert_close(two_state[name], tensor, rtol=2e-2, atol=2e-3, msg=name)


def test_batches_are_shared_evenly() -> None:
    """Each batch of a step is one process's; a number that cannot be shared is refused."""
    parts = [list(Team(rank, 3).parts(6)) for rank in range(3)]
    assert sorted(part for mine in parts for part in mine) == list(range(6))
    assert {len(part) for part in parts} == {2}
    with pytest.raises(SettingError, match=r"train.accumulate to a multiple of 4"):
        Team(0, 4).parts(6)


def test_alone_is_a_team_of_one() -> None:
    """Nothing is connected, and what it is told is what it says."""
    one = Team()
    assert one.first
    assert one.told([1.5, 2]) == [[1.5, 2]]
    assert list(one.parts(3)) == [0, 1, 2]
    module = torch.nn.Linear(1, 1)
    assert one.wrapped(module, "cpu") is module
    assert one.device("cuda") == "cuda"
