"""The figures of a run as files: all of them, in both, however often it was stopped."""

import csv
import errno
import json
from pathlib import Path
from typing import Any

import pytest

from musegen.errors import OutputError
from musegen.training.metrics import LINES, TABLE, Metrics, read_metrics
from musegen.training.observers import StepReport
from tests.training.runs import Notes, trainer
from tests.training.test_loop import stop_at


def report(step: int, nats: float = 5.0) -> StepReport:
    """A step's report."""
    return StepReport(step, 100, step / 100, nats, 1e-3, 2000.0, float(step), 50 * step, 0.5)


def timeless(folder: Path) -> list[dict[str, Any]]:
    """The entries of a run without what depends on the clock."""
    entries = read_metrics(folder / "training")
    return [
        {k: v for k, v in e.items() if k not in ("seconds", "rows_per_second")} for e in entries
    ]


def test_both_files_tell_the_same(tmp_path: Path) -> None:
    """Every line of the JSON is a line of the CSV, with the same figures."""
    trainer(tmp_path / "c", steps=5, log_every=2).run()
    folder = tmp_path / "c" / "training"
    entries = read_metrics(folder)
    assert [(e["step"], "held_out_nats_per_note" in e) for e in entries] == [
        (2, False), (3, False), (3, True), (4, False), (5, False), (5, True),
    ]  # fmt: skip
    rows = list(csv.DictReader((folder / TABLE).open()))
    assert len(rows) == len(entries)
    for entry, row in zip(entries, rows, strict=True):
        for name, cell in row.items():
            assert cell == ("" if name not in entry else str(entry[name]))
    assert "NOTE.pitch" in entries[2]["by_field"]


def test_figures_are_there_while_the_run_goes_on(tmp_path: Path) -> None:
    """From the first save on, each line is in the file as soon as it is known."""
    seen: list[int] = []

    def look(step: int) -> None:
        if (tmp_path / "c").exists():
            seen.append(max(e["step"] for e in read_metrics(tmp_path / "c" / "training")))

    trainer(tmp_path / "c", Notes(at_step=look), steps=6, log_every=1, save_every=3).run()
    assert seen == [4, 5, 6]


def test_a_resumed_run_has_the_figures_of_a_whole_one(tmp_path: Path) -> None:
    """Stopped and resumed, the files are those of a run that was not, but for the clock."""
    trainer(tmp_path / "whole", log_every=1).run()
    with pytest.raises(Exception, match="stopped"):
        trainer(tmp_path / "parts", stop_at(1), log_every=1).run()
    extra = (tmp_path / "parts" / "training" / LINES).open("a")
    with extra:  # written after the state was saved, by a process that was then killed
        extra.write('{"step": 2, "train_nats_per_note": 0.1}\n{"step": 3, "tra')
    trainer(tmp_path / "parts", resume=True, log_every=1).run()
    assert timeless(tmp_path / "parts") == timeless(tmp_path / "whole")


def test_what_is_no_number_is_left_empty(tmp_path: Path) -> None:
    """JSON knows no NaN: a step that was left out does not count in the mean."""
    metrics = Metrics(every=2)
    for step, nats in enumerate([4.0, float("nan"), float("nan"), float("inf")], 1):
        metrics.stepped(report(step, nats))
    metrics.write_into(tmp_path)
    lines = (tmp_path / LINES).read_text()
    assert "NaN" not in lines
    assert "Infinity" not in lines
    assert [json.loads(line)["train_nats_per_note"] for line in lines.splitlines()] == [4.0, None]


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no figure can be written any more, the run ends in one line."""
    metrics = Metrics(every=1)
    metrics.write_into(tmp_path)
    metrics.begin(tmp_path)

    def full(*args: object, **how: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(OutputError, match=r"No space left.*--resume"):
        metrics.stepped(report(1))
