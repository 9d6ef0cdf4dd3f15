"""Steps that cannot be made: left out, slower, and in the end a run that says what to do."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from musegen.errors import MusegenError
from musegen.model.checkpoint import load_checkpoint
from musegen.training import stepping
from musegen.training.feeding import Fed
from musegen.training.loop import Trainer
from tests.training.runs import Notes, trainer


def spoil(run: Trainer, steps: set[int], value: float = float("nan")) -> None:
    """The gradients of these steps hold a number that is none."""
    gradients = run._stepping._gradients

    def spoilt(batches: Sequence[Fed]) -> tuple[float, int, int]:
        nats, notes, rows = gradients(batches)
        if run.progress.step in steps:
            assert run.model.norm.weight.grad is not None
            run.model.norm.weight.grad[0] = value
            nats = value
        return nats, notes, rows

    run._stepping._gradients = spoilt  # type: ignore[method-assign]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_step_without_a_finite_loss_changes_nothing(tmp_path: Path, value: float) -> None:
    """It is left out and counted; those after it are as they would have been without it."""
    notes = Notes()
    run = trainer(tmp_path / "c", notes, steps=3)
    spoil(run, {1}, value)
    before: dict[int, torch.Tensor] = {}
    notes.at_step = lambda step: before.update({step: run.model.embedding.weight.clone()})
    run.run()
    assert torch.equal(before[1], before[2])
    assert not torch.equal(before[2], before[3])
    assert run.progress.skipped == 1
    assert run.progress.rate_factor == 1.0
    assert not math.isfinite(notes.steps[1].nats_per_note)
    assert load_checkpoint(tmp_path / "c").facts["step"] == 3


def test_several_in_a_row_lower_the_learning_rate(tmp_path: Path) -> None:
    """After three bad steps the rate is halved, for good, and that is said; and kept on disk."""
    notes = Notes()
    run = trainer(tmp_path / "c", notes, steps=6, warmup=0, save_every=6)
    spoil(run, {1, 2, 3})
    run.run()
    rates = [report.learning_rate for report in notes.steps]
    plain = Notes()
    trainer(tmp_path / "d", plain, steps=6, warmup=0).run()
    usual = [report.learning_rate for report in plain.steps]
    assert rates == usual[:4] + [rate / 2 for rate in usual[4:]]
    assert notes.notes == ["the learning rate is halved: 3 steps in a row had no finite loss"]
    assert trainer(tmp_path / "c", resume=True, steps=7).progress.rate_factor == 0.5


def test_too_many_in_a_row_end_the_run_with_advice(tmp_path: Path) -> None:
    """The run stops, says what to try, and leaves what was saved before as it was."""
    run = trainer(tmp_path / "c", steps=50, evaluate_every=2, save_every=2)
    spoil(run, set(range(4, 50)))
    with pytest.raises(MusegenError) as caught:
        run.run()
    assert "not a finite number in 10 steps in a row" in str(caught.value)
    assert "--set train.learning_rate=0.0025" in str(caught.value)
    assert "--resume goes on from there" in str(caught.value)
    assert "fp32" not in str(caught.value), "it computes in that already"
    load_checkpoint(tmp_path / "c")
    assert trainer(tmp_path / "c", resume=True).progress.step >= 4


def test_now_and_then_is_no_reason_to_stop(tmp_path: Path) -> None:
    """Bad steps that do not follow each other never end a run."""
    run = trainer(tmp_path / "c", steps=30, evaluate_every=30, save_every=30)
    spoil(run, set(range(0, 30, 2)))
    run.run()
    assert run.progress.skipped == 15
    assert run.progress.rate_factor == 1.0


def test_a_batch_in_parts_teaches_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a processor does to its batches changes nothing but the rounding."""
    at_once, in_parts = (trainer(tmp_path / name, warmup=0) for name in ("at_once", "in_parts"))
    at_once.run()
    monkeypatch.setattr(stepping, "AT_ONCE", 64)
    in_parts.run()
    for one, other in zip(at_once.model.parameters(), in_parts.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate"),
        MemoryError(),
    ],
)
def test_memory_that_does_not_suffice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The advice is settings that train the same in half the memory, ready to be copied."""

    def greedy(*args: object) -> None:
        raise error

    run = trainer(tmp_path / "c")
    monkeypatch.setattr(stepping, "row_loss", greedy)
    with pytest.raises(MusegenError) as caught:
        run.run()
    said = "--set batches.rows_per_step=128 --set train.accumulate=2"
    assert said in str(caught.value)
    run = trainer(tmp_path / "c", steps=1, long_share=1.0, accumulate=2)
    run._stepping.settings = run.settings.__class__(
        run.settings.model, run.settings.batches.__class__(128, 128), run.settings.train
    )
    with pytest.raises(MusegenError, match=r"model.context=64 .*accumulate=4.* smaller preset"):
        run.run()


def test_other_errors_are_bugs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no lack of memory is not called one."""

    def broken(*args: object) -> None:
        raise RuntimeError("shapes do not match")

    run = trainer(tmp_path / "c")
    monkeypatch.setattr(stepping, "row_loss", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        run.run()


@pytest.mark.parametrize(
    ("asked", "device", "expected"),
    [("auto", "cpu", False), ("auto", "cuda:1", True), ("on", "cpu", True), ("off", "cuda", False)],
)
def test_where_layers_are_compiled(
    monkeypatch: pytest.MonkeyPatch, asked: str, device: str, expected: bool
) -> None:
    """On a GPU unless it is said otherwise, and unless nothing is there that makes kernels."""
    monkeypatch.setattr(stepping, "find_spec", lambda name: name)
    assert stepping.compiles(asked, device) == expected
    monkeypatch.setattr(stepping, "find_spec", lambda name: None)
    assert stepping.compiles(asked, device) == (asked == "on")


@pytest.mark.slow
def test_compiled_layers_learn_the_same(tmp_path: Path) -> None:
    """To rounding, and what is judged is computed as it is written."""
    plain, compiled = (
        trainer(tmp_path / how, steps=2, warmup=0, evaluate_every=1, compile=how)
        for how in ("off", "on")
    )
    plain.run()
    compiled.run()
    for one, other in zip(plain.model.parameters(), compiled.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    load_checkpoint(tmp_path / "on")
