"""`musegen train` over its life: the report, going on as begun, fine-tuning, curves elsewhere."""

import re
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from musegen.cli.watching import TerminalObserver
from musegen.model.checkpoint import load_checkpoint
from musegen.training.judge import Likelihood
from musegen.training.observers import StepReport
from tests.cli.conftest import Run, complaint
from tests.cli.test_train import TINY


@pytest.mark.slow
def test_a_run_from_report_to_verdict(run: Run, here: Path, midi_folder: Path) -> None:
    """A run leaves a page, goes on with its own settings, is tuned to other music, and curves lie
    where TensorBoard finds them.
    """
    curves = ("--tensorboard", "boards") if find_spec("tensorboard") else ()  # it is an extra
    result = run("train", midi_folder, "--out", "mine", *TINY, *curves)
    assert result.exit_code == 0, result.output
    assert bool(list((here / "boards").glob("events.out.tfevents.*"))) == bool(curves)
    page = (here / "mine" / "report.html").read_text()
    for part in (
        "Nats per note", "Sample 1, seed 5", "Held-out likelihood by genre", "What to try next",
        "Licences", "<td>seed</td><td>5</td>", "<td>model.width</td><td>32</td>",
        "data:image/png;base64,", "--from checkpoints/small",
    ):  # fmt: skip
        assert part in page
    assert not re.search(r'(src|href)\s*=\s*["\'](?!data:)(?!#)', page), "nothing from elsewhere"
    assert "<script" not in page

    result = run("train", midi_folder, "--out", "mine", "--resume", "--steps", 3, "--no-report")
    assert result.exit_code == 0, result.output
    assert "going on from step 2" in result.stderr
    loaded = load_checkpoint(here / "mine")
    assert (loaded.facts["step"], loaded.facts["seed"]) == (3, 5)
    assert loaded.config.width == 32
    said = complaint(run("train", midi_folder, "--out", "mine", "--resume", "--seed", 6, "--quiet"))
    assert "was begun with seed 5" in said

    words = ("train", "mine.prepared", "--out", "tuned", "--from", "mine", "--steps", 2)
    result = run(*words, "--set", "train.evaluate_every=1")
    assert result.exit_code == 0, result.output
    assert re.search(r"^verdict: (learned|memorised|not enough)$", result.stdout, re.MULTILINE)
    assert "nats per note before and" in result.stdout
    assert "compositions share" in result.stdout
    assert "Verdict" in (here / "tuned" / "report.html").read_text()
    assert load_checkpoint(here / "tuned").facts["base"]["name"] == "mine"

    (here / "other" / "waltz").mkdir(parents=True)
    for number, tune in enumerate(sorted((midi_folder / "folk").glob("*.mid"))):
        (here / "other" / "waltz" / f"{number}.mid").write_bytes(tune.read_bytes())
    result = run("train", "other", "--out", "both", "--from", "mine", "--steps", 1, "--workers", 0)
    assert result.exit_code == 0, result.output
    assert load_checkpoint(here / "both").genres == ("folk", "jazz", "waltz")
    result = run("train", "other", "--out", "both", "--resume", "--steps", 2, "--workers", 0)
    assert result.exit_code == 0, result.output
    assert load_checkpoint(here / "both").genres == ("folk", "jazz", "waltz")


IMPOSSIBLE = [
    (["--from", "nowhere"], "nowhere is not a checkpoint folder"),
    (["--from", "tiny", "--preset", "tiny"], "leave --preset out"),
    (["--from", "tiny", "--set", "model.layers=9"], "change no model. setting"),
    (["--patience", "-1"], "train.patience must be a number that is not negative"),
    (["--set", "train.keep=0"], "train.keep must be at least 1"),
    (["--set", "train.log_every=0"], "train.log_every must be at least 1"),
]


@pytest.mark.parametrize(("words", "message"), IMPOSSIBLE, ids=lambda part: str(part)[:40])
def test_impossible_runs(
    run: Run, here: Path, checkpoint: Path, words: list[str], message: str
) -> None:
    """What contradicts itself is refused before any file is read or written."""
    (here / "midi").mkdir()
    (here / "tiny").symlink_to(checkpoint)
    assert message in complaint(run("train", "midi", "--out", "mine", *words))
    assert not (here / "mine").exists()


def report(step: int, nats: float = 4.5, norm: float = 1.0) -> StepReport:
    """A step's report, half way."""
    return StepReport(step, 100, 0.5, nats, 1e-3, 2000.0, 75.0, 1000, norm)


def told(observer: TerminalObserver) -> TerminalObserver:
    """An observer that was told some of everything."""
    observer.stepped(report(1))
    observer.evaluated(1, Likelihood(5.25, 4.0, {}, 100, 120), True)
    observer.stepped(report(2, nats=float("nan"), norm=float("inf")))
    observer.evaluated(2, Likelihood(5.75, 4.0, {}, 100, 120), False)
    observer.saved(Path("mine"), 2)
    observer.noted("the learning rate is halved\x1b[31m")
    return observer


def test_the_live_view_says_what_is_going_on() -> None:
    """On a terminal: both losses, the best so far, speed, time left, steps left out, the save."""
    screen = Console(record=True, force_terminal=True, width=100, file=StringIO())
    with TerminalObserver(to=screen) as observer:
        told(observer)
    screen.print(observer.view())
    text = screen.export_text()
    for part in (
        "step 2", "4.500 nats/note", "5.750 nats/note at step 2", "5.250 nats/note at step 1",
        "2,000 rows/s", "1m 15s, 1m 15s left", "step 2", "1 steps without a finite loss", "0.001",
    ):  # fmt: skip
        assert part in text
    assert "\\x1b[31m" in text, "no message is obeyed by the terminal"


def test_plain_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    """Without a terminal each judgement is a line, with no control character in it; --quiet says
    only what must be said.
    """
    with (
        (tmp_path / "log").open("w") as file,
        TerminalObserver(to=Console(file=file, width=40)) as observer,
    ):
        told(observer)
    text = (tmp_path / "log").read_text()
    assert "step 1  4.500 nats/note  2,000 rows/s  1m 15s left" in text
    assert "step 1: held-out 5.250 nats per note (4.000 in the notes' fields), the best" in text
    assert "\x1b" not in text
    with (tmp_path / "quiet").open("w") as file:
        told(TerminalObserver(quiet=True, to=Console(file=file, width=40)))
    assert (tmp_path / "quiet").read_text().count("\n") == 1


def test_without_tensorboard(
    run: Run, here: Path, midi_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where TensorBoard is not installed, the line says how to install it."""
    monkeypatch.setattr("musegen.training.boards.find_spec", lambda name: None)
    words = ("train", midi_folder, "--out", "mine", *TINY, "--tensorboard", "b", "--quiet")
    assert "pip install 'musegen[tensorboard]'" in complaint(run(*words))
