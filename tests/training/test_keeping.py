"""The folder of a run: what is kept, what is gone on from, and that nothing loses it."""

import errno
import hashlib
import itertools
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from musegen.errors import CheckpointError, OutputError, SettingError
from musegen.model.checkpoint import load_checkpoint
from musegen.training import keeping
from musegen.training.keeping import has_state, states
from musegen.training.settings import RunSettings
from musegen.training.state import FACTS, SUMS, TENSORS, read_state
from tests.training.runs import QUICK, Notes, state, trainer

ROOT = Path(__file__).parents[2]


def sum_anew(folder: Path) -> None:
    """The sums of a state fit what lies in it: what a careless tool would leave."""
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in (TENSORS, FACTS)
    ]
    (folder / SUMS).write_text("".join(lines))


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    """Of the states only the newest stay; the best checkpoint stays however old it is."""
    run = trainer(tmp_path / "c", steps=6, save_every=1, evaluate_every=2, keep=3)
    worse = iter([3.0, 1.0, 2.0])
    judged = run.judged
    run.judged = lambda: replace(judged(), per_note=next(worse))  # type: ignore[method-assign]
    result = run.run()
    assert [path.name for path in states(tmp_path / "c")] == [
        "step-00000006", "step-00000005", "step-00000004",
    ]  # fmt: skip
    best = load_checkpoint(tmp_path / "c" / "training" / "best")
    assert best.facts["step"] == 4
    assert result is not None
    assert result.per_note == 1.0
    chosen = load_checkpoint(tmp_path / "c")
    assert chosen.sha256 == best.sha256, "what is composed with is the best of the run"
    assert "1.000 nats per note" in (tmp_path / "c" / "README.md").read_text()
    last = read_state(states(tmp_path / "c")[0])
    assert last.progress.step == 6, "what is gone on from is the last"
    assert last.progress.best_step == 4


def test_sums_can_be_checked_without_musegen(tmp_path: Path) -> None:
    """Each state has a SHA256SUMS that `sha256sum -c` understands."""
    trainer(tmp_path / "c", steps=1).run()
    (folder,) = states(tmp_path / "c")
    done = subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == 2


def cut(path: Path) -> None:
    """The last bytes were never written."""
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    """One bit is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "half the weights": lambda f: cut(f / TENSORS),
    "one bit of the weights": lambda f: flip(f / TENSORS),
    "one bit of the facts": lambda f: flip(f / FACTS),
    "one bit of the sums": lambda f: flip(f / SUMS),
    "no weights": lambda f: (f / TENSORS).unlink(),
    "no facts": lambda f: (f / FACTS).unlink(),
    "no sums": lambda f: (f / SUMS).unlink(),
    "an empty file": lambda f: (f / TENSORS).write_bytes(b""),
    "an empty folder": lambda f: [path.unlink() for path in f.iterdir()],
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_state_falls_back_to_the_one_before(tmp_path: Path, what: str) -> None:
    """It is said which is damaged, and the run ends as if nothing had happened."""
    trainer(tmp_path / "c").run()
    whole = state(tmp_path / "c")
    newest, before = states(tmp_path / "c")
    DAMAGE[what](newest)
    notes = Notes()
    trainer(tmp_path / "c", notes, resume=True).run()
    (said,) = notes.notes
    assert str(newest) in said
    assert "going on from step 3 instead" in said
    assert [report.step for report in notes.steps] == [4]
    assert {n for n in whole if not torch.equal(whole[n], state(tmp_path / "c")[n])} == set()
    DAMAGE[what](before)
    DAMAGE[what](newest)
    with pytest.raises(CheckpointError, match=r"no state in .* start anew with --force"):
        trainer(tmp_path / "c", resume=True)


HOSTILE_FACTS = ["{", "[]", '{"progress": {"hours": 3}, "about": {}}', "[" * 99_999]


@pytest.mark.parametrize("content", HOSTILE_FACTS, ids=lambda text: text[:20])
def test_facts_that_are_none_are_refused(tmp_path: Path, content: str) -> None:
    """Facts under sums that fit them are still read strictly."""
    trainer(tmp_path / "c", steps=1).run()
    (folder,) = states(tmp_path / "c")
    (folder / FACTS).write_text(content)
    sum_anew(folder)
    with pytest.raises(CheckpointError, match=FACTS):
        trainer(tmp_path / "c", resume=True)


def test_a_state_that_is_a_pickle_is_never_opened(tmp_path: Path) -> None:
    """Python's pickles run code when they are read: a state that is one is named and refused."""
    trainer(tmp_path / "c", steps=1).run()
    (folder,) = states(tmp_path / "c")
    (folder / TENSORS).write_bytes(b"\x80\x04cos\nsystem\n(S'touch owned'\ntR.")
    sum_anew(folder)
    with pytest.raises(CheckpointError, match="is a Python pickle, not safetensors"):
        trainer(tmp_path / "c", resume=True)


def change_about(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """What a state says of its run is changed, its sums with it."""
    told = json.loads((folder / FACTS).read_text())
    change(told["about"])
    (folder / FACTS).write_text(json.dumps(told))
    sum_anew(folder)


def test_state_of_another_model_is_refused(tmp_path: Path) -> None:
    """Weights of another shape are not taken, nor a state without one of them."""
    trainer(tmp_path / "c", steps=1).run()
    (folder,) = states(tmp_path / "c")
    change_about(folder, lambda about: about["settings"]["model"].update(hidden=96))
    wider = replace(QUICK, model=replace(QUICK.model, hidden=96))
    with pytest.raises(CheckpointError, match="does not fit the model's settings"):
        trainer(tmp_path / "c", settings=wider, resume=True)
    tensors = state(tmp_path / "c")
    del tensors["weight.norm.weight"]
    save_file(tensors, folder / TENSORS)
    change_about(folder, lambda about: about["settings"]["model"].update(hidden=64))
    with pytest.raises(CheckpointError, match=r"\(norm.weight\)"):
        trainer(tmp_path / "c", resume=True)


def test_a_run_is_gone_on_with_as_it_was(tmp_path: Path) -> None:
    """Other sizes, another seed, other genres are refused; other music is said."""
    trainer(tmp_path / "c", steps=1).run()
    (folder,) = states(tmp_path / "c")
    other = RunSettings(QUICK.model.__class__(context=64), QUICK.batches)
    with pytest.raises(SettingError, match="trained with other model sizes"):
        trainer(tmp_path / "c", settings=other, resume=True)
    change_about(folder, lambda about: about.update(seed=4))
    with pytest.raises(SettingError, match="was begun with seed 4"):
        trainer(tmp_path / "c", resume=True)
    change_about(folder, lambda about: about.update(seed=3, genres=["jazz"]))
    with pytest.raises(SettingError, match=r"trained on other genres \(jazz\)"):
        trainer(tmp_path / "c", resume=True)
    change_about(folder, lambda about: about.update(genres=["folk", "jazz"], inputs="other"))
    notes = Notes()
    trainer(tmp_path / "c", notes, resume=True)
    assert "the music is not what it was" in notes.notes[0]


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    """A tune that somebody left in the folder outlives every save."""
    out = tmp_path / "c"
    trainer(out, steps=1).run()
    (out / "tunes").mkdir()
    (out / "tunes" / "first.mid").write_bytes(b"MThd")
    (out / "training" / "notes.txt").write_text("slower than yesterday")
    trainer(out, resume=True, steps=5, save_every=1).run()
    assert (out / "tunes" / "first.mid").read_bytes() == b"MThd"
    assert (out / "training" / "notes.txt").read_text() == "slower than yesterday"
    trainer(out, steps=1).run()
    assert (out / "tunes" / "first.mid").read_bytes() == b"MThd"
    assert not (out / "training" / "notes.txt").exists(), "a new run has a folder of its own"
    assert [path.name for path in states(out)] == ["step-00000001"]


def test_where_the_disk_cannot_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays is copied, and nothing else differs."""

    def refuse(*names: object, **how: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    trainer(tmp_path / "linked", steps=4, save_every=1).run()
    monkeypatch.setattr(os, "link", refuse)
    trainer(tmp_path / "copied", steps=4, save_every=1).run()
    for place in states(tmp_path / "linked"):
        twin = tmp_path / "copied" / "training" / place.name
        assert (twin / TENSORS).read_bytes() == (place / TENSORS).read_bytes()


def test_time_is_a_reason_to_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However seldom saving is asked for by steps, no more than `save_minutes` are ever lost."""
    notes = Notes()
    run = trainer(tmp_path / "c", notes, save_every=1000, evaluate_every=1000, save_minutes=5)
    clock = itertools.count(time.monotonic(), 100)  # every look at it is 100 seconds later
    monkeypatch.setattr("musegen.training.loop.time.monotonic", lambda: next(clock))
    run.run()
    assert len(notes.saves) > 2


def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path) -> None:
    """A broken model never takes the place of a sound one."""
    trainer(tmp_path / "c", steps=1).run()
    before = load_checkpoint(tmp_path / "c").sha256
    run = trainer(tmp_path / "c", steps=3, resume=True)
    with torch.no_grad():
        run.model.norm.weight[0] = float("inf")
    with pytest.raises(Exception, match="not finite, and are not saved"):
        run.save(None)
    assert load_checkpoint(tmp_path / "c").sha256 == before


@pytest.mark.parametrize("allowed", [1_000, 60_000, 400_000])
def test_a_disk_that_fills_up_at_any_file(tmp_path: Path, allowed: int) -> None:
    """Where the system lets no file grow further, the last checkpoint stays, whole and alone."""
    out = tmp_path / "c"
    trainer(out, steps=2).run()
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and "metrics" not in p.name}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails instead
    run = trainer(out, resume=True, steps=3)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, limits[1]))
        with pytest.raises(OutputError, match="cannot write"):
            run.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    after = {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and "metrics" not in p.name}
    assert after == before
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    trainer(out, resume=True, steps=3).run()
    assert load_checkpoint(out).facts["step"] == 3


def test_a_best_of_another_time_is_not_taken(tmp_path: Path) -> None:
    """The kept best is what is composed with only where it is the one that the state tells of."""
    out = tmp_path / "c"
    trainer(out).run()
    assert keeping.best_step(out) in (3, 4)
    told = json.loads((out / "training" / "best" / "config.json").read_text())
    told["facts"]["step"] = 99
    (out / "training" / "best" / "config.json").write_text(json.dumps(told))
    trainer(out, resume=True).run()
    assert load_checkpoint(out).facts["step"] == 4
    assert keeping.best_step(tmp_path) is None


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost(tmp_path: Path) -> None:
    """SIGKILL at random points, resumed each time: the same weights as if never interrupted."""
    trainer(tmp_path / "whole", steps=40, save_every=2, evaluate_every=5).run()
    out = tmp_path / "parts"
    words = [sys.executable, "-m", "tests.training.killable", str(out), "40", "2", "5"]
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    for _ in range(3):
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(rng.uniform(0, 0.6))
        process.kill()
        process.communicate()
        if has_state(out):
            load_checkpoint(out)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "note" not in done.stdout, f"nothing was damaged (chance: {seed})"
    whole, parts = state(tmp_path / "whole"), state(out)
    assert set(whole) == set(parts)
    assert [n for n in whole if not torch.equal(whole[n], parts[n])] == [], f"chance: {seed}"
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "parts"}
