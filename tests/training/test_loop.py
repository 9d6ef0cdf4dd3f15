"""The training loop: it learns, it can be stopped and taken up again, and it never loses a run."""

import errno
import itertools
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from musegen.corpus.batches import held_out_windows
from musegen.errors import OutputError, SettingError
from musegen.model.checkpoint import load_checkpoint
from musegen.training.judge import likelihood
from musegen.training.loop import Interrupted
from musegen.training.settings import RunSettings, TrainSettings
from musegen.training.stepping import learning_rate
from tests.training.runs import GENRES, Notes, pieces, state, trainer


def judgements(folder: Path) -> list[tuple[int, float]]:
    """The held-out figures of a run by step, as its metrics tell them."""
    entries = map(json.loads, (folder / "training" / "metrics.jsonl").read_text().splitlines())
    key = "held_out_nats_per_note"
    return [(entry["step"], entry[key]) for entry in entries if key in entry]


def stop_at(step: int, number: int = signal.SIGINT) -> Notes:
    """An observer that stops the run after this step as Ctrl-C does."""
    return Notes(at_step=lambda now: now == step and os.kill(os.getpid(), number))


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    """Some steps on a handful of pieces make them, and the one held out, less surprising."""
    notes = Notes()
    run = trainer(tmp_path / "c", notes, steps=24, evaluate_every=8, save_every=24)
    before = likelihood(run.model, held_out_windows(pieces(), 128, 512))
    result = run.run()
    assert notes.steps[-1].nats_per_note < 0.8 * notes.steps[0].nats_per_note
    assert result is not None
    assert result.per_note < 0.8 * before.per_note
    assert [step for step, _, _ in notes.judged] == [8, 16, 24]
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded.genres == GENRES
    best, likely, _ = min(notes.judged, key=lambda judged: judged[1].per_note)
    assert loaded.facts["step"] == best
    assert result.per_note == pytest.approx(likely.per_note)
    assert loaded.facts["held_out_nats_per_note"] == round(result.per_note, 4)


def test_a_run_leaves_everything(tmp_path: Path) -> None:
    """After a run the folder holds the checkpoint, its card, and what is needed to go on."""
    notes = Notes()
    trainer(tmp_path / "deep" / "c", notes).run()
    out = tmp_path / "deep" / "c"
    assert {path.name for path in out.iterdir()} == {
        "model.safetensors", "config.json", "vocabulary.json", "labels.json", "README.md",
        "training",
    }  # fmt: skip
    assert [path.name for path in out.parent.iterdir()] == ["c"]
    assert {path.name for path in (out / "training").iterdir()} == {
        "metrics.jsonl", "metrics.csv", "step-00000003", "step-00000004", "best",
    }  # fmt: skip
    assert notes.saves == [3, 4]
    assert [report.step for report in notes.steps] == [1, 2, 3, 4]
    assert notes.steps[-1].progress == 1
    weights = load_file(out / "model.safetensors")
    assert len(weights.pop("precedents"))
    for name, weight in weights.items():
        assert torch.equal(weight, state(out)[f"weight.{name}"].to(torch.bfloat16))


def test_the_same_seed_trains_the_same_weights(tmp_path: Path) -> None:
    """Two runs with one seed are one run."""
    for name in ("one", "two"):
        trainer(tmp_path / name).run()
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    assert set(one) == set(two)
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(("stopped_at", "precision"), [(1, "fp32"), (3, "fp32"), (3, "bf16")])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(
    tmp_path: Path, stopped_at: int, precision: str
) -> None:
    """Stopped by Ctrl-C and resumed, a run ends with the same weights, bit for bit."""
    trainer(tmp_path / "whole", precision=precision).run()
    with pytest.raises(Interrupted, match=f"stopped at step {stopped_at}; .* --resume") as caught:
        trainer(tmp_path / "parts", stop_at(stopped_at), precision=precision).run()
    assert caught.value.exit_code == 130
    load_checkpoint(tmp_path / "parts")
    notes = Notes()
    trainer(tmp_path / "parts", notes, resume=True, precision=precision).run()
    assert notes.steps[0].step == stopped_at + 1
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert set(whole) == set(parts)
    assert [name for name in whole if not torch.equal(whole[name], parts[name])] == []
    assert judgements(tmp_path / "whole") == judgements(tmp_path / "parts")


def test_a_kill_that_asks_is_heard(tmp_path: Path) -> None:
    """SIGTERM leaves a checkpoint, too, and has its own exit code; the handlers are put back."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as caught:
        trainer(tmp_path / "c", stop_at(2, signal.SIGTERM)).run()
    assert caught.value.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert load_checkpoint(tmp_path / "c").facts["step"] == 2


def test_a_finished_run_taken_up_again(tmp_path: Path) -> None:
    """Nothing is trained any more, and the card keeps its figure."""
    trainer(tmp_path / "c").run()
    before = {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir() if path.is_file()}
    notes = Notes()
    result = trainer(tmp_path / "c", notes, resume=True).run()
    assert notes.steps == []
    assert result is not None
    after = {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir() if path.is_file()}
    assert after["model.safetensors"] == before["model.safetensors"]
    assert "nats per note" in after["README.md"].decode()


def test_a_run_can_be_made_longer(tmp_path: Path) -> None:
    """Resumed with more steps, a finished run goes on."""
    trainer(tmp_path / "c", steps=2).run()
    notes = Notes()
    trainer(tmp_path / "c", notes, resume=True, steps=4).run()
    assert [report.step for report in notes.steps] == [3, 4]


def test_other_sizes_cannot_go_on(tmp_path: Path) -> None:
    """A run is not taken up with a model of other sizes."""
    run = trainer(tmp_path / "c", steps=1)
    run.run()
    other = RunSettings(run.settings.model.__class__(context=64), run.settings.batches)
    with pytest.raises(SettingError, match="trained with other model sizes"):
        trainer(tmp_path / "c", settings=other, resume=True)


def test_a_full_disk_costs_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is no room to save, the run ends in one line and the last checkpoint stays."""
    trainer(tmp_path / "c", steps=2).run()
    write = Path.write_bytes

    def full(path: Path, content: Any) -> int:
        if path.name == "state.safetensors":
            write(path, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="the disk is full"):
        trainer(tmp_path / "c", resume=True, steps=3).run()
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert load_checkpoint(tmp_path / "c").facts["step"] == 2


def test_nothing_held_out(tmp_path: Path) -> None:
    """Without held-out pieces there is no figure, and the card says so."""
    notes = Notes()
    assert trainer(tmp_path / "c", notes, held_out=False).run() is None
    assert notes.judged == []
    assert load_checkpoint(tmp_path / "c").facts["held_out_nats_per_note"] is None


def test_patience_ends(tmp_path: Path) -> None:
    """A run that gets no better stops by itself."""
    notes = Notes()
    run = trainer(tmp_path / "c", notes, steps=50, evaluate_every=1, patience=2)
    run.progress.best = 0.0  # nothing will be better
    run.run()
    assert len(notes.steps) == 2
    assert [best for _, _, best in notes.judged] == [False, False]
    again = Notes()
    trainer(tmp_path / "c", again, resume=True, steps=50, evaluate_every=1, patience=2).run()
    assert again.steps == [], "what has ended by itself does not go on by itself"
    trainer(tmp_path / "c", again, resume=True, steps=50, evaluate_every=1, patience=3).run()
    assert [report.step for report in again.steps] == [3]


def test_it_can_train_beside_the_main_thread(tmp_path: Path) -> None:
    """In another thread signals are somebody else's business, and training works."""
    done = []
    thread = threading.Thread(target=lambda: done.append(trainer(tmp_path / "c", steps=1).run()))
    thread.start()
    thread.join()
    assert done
    load_checkpoint(tmp_path / "c")


def test_steps_of_several_batches(tmp_path: Path) -> None:
    """With `accumulate` a step sees that many batches, one after the other."""
    one, three = Notes(), Notes()
    trainer(tmp_path / "one", one, steps=1).run()
    run = trainer(tmp_path / "three", three, steps=1, accumulate=3)
    run.run()
    assert run.progress.rows > 2 * trainer(tmp_path / "one", resume=True).progress.rows


def test_warmup_stable_decay() -> None:
    """The rate rises over the warmup, holds, and falls to a twentieth at the end."""
    settings = RunSettings(
        train=TrainSettings(steps=1000, learning_rate=0.01, warmup=10, decay=0.2)
    )
    rates = [learning_rate(settings, step, step / 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(0.001)
    assert rates[4] == pytest.approx(0.005)
    assert set(rates[10:800]) == {0.01}
    assert rates[900] == pytest.approx(0.005)
    assert rates[999] == learning_rate(settings, 5000, 1.0) == pytest.approx(0.0005)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    flat = RunSettings(train=TrainSettings(warmup=0, decay=0.0))
    assert learning_rate(flat, 0, 0.0) == learning_rate(flat, 9, 1.0) == flat.train.learning_rate


def test_time_ends_a_run(tmp_path: Path) -> None:
    """A run is as far as its time or its steps, whichever is further."""
    run = trainer(tmp_path / "c", steps=100, minutes=1.0)
    run.progress.step, run.progress.seconds = 10, 30.0
    assert run.share() == 0.5
    run.progress.step = 80
    assert run.share() == 0.8
    run.progress.seconds = 61.0
    assert run.share() == 1.0
