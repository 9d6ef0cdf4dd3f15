"""`musegen train`: from a folder of MIDI to a composition, and one clear line where it cannot."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from musegen.errors import CheckpointError
from musegen.model.checkpoint import load_checkpoint
from tests.cli.conftest import Run, complaint

TINY = (
    "--preset", "tiny", "--steps", 2, "--workers", 0, "--device", "cpu", "--seed", 5,
    "--set", "model.layers=1", "--set", "model.width=32", "--set", "model.hidden=64",
    "--set", "model.context=128", "--set", "model.field_width=32", "--set", "batches.max_rows=128",
    "--set", "batches.rows_per_step=256", "--set", "train.short_rows=64",
)  # fmt: skip


@pytest.mark.slow
def test_from_a_folder_to_a_composition(run: Run, here: Path, midi_folder: Path) -> None:
    """Trained on a folder, a checkpoint composes in its genres; bad files end nothing."""
    result = run("train", midi_folder, "--out", "mine", *TINY)
    assert result.exit_code == 0, result.output
    assert "checkpoint: mine" in result.stdout
    assert "cannot be read" in result.stderr
    assert {path.name for path in here.iterdir()} == {"mine", "mine.prepared"}
    trained = load_checkpoint(here / "mine")
    assert trained.genres == ("folk", "jazz")
    assert trained.facts["step"] == 2
    card = (here / "mine" / "README.md").read_text()
    assert card.startswith("# mine\n")
    assert "| folk | 6 |" in card
    assert "not stated" in card, "no licence is known of these files"

    assert run("genres", "--checkpoint", "mine").stdout == "folk\njazz\n"
    words = ("generate", "--checkpoint", "mine", "--genre", "jazz", "--bars", 2, "-o", "first.mid")
    assert run(*words).exit_code == 0
    assert (here / "first.mid").exists()

    assert "mine exists already" in complaint(run("train", midi_folder, "--out", "mine", *TINY))
    result = run("train", midi_folder, "--out", "mine", *TINY, "--steps", 3, "--resume", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert load_checkpoint(here / "mine").facts["step"] == 3
    result = run("train", midi_folder, "--out", "mine", *TINY, "--force", "--title", "songs")
    assert result.exit_code == 0, result.output
    assert load_checkpoint(here / "mine").facts["step"] == 2
    assert "Trained on songs" in (here / "mine" / "README.md").read_text()

    words = ("evaluate", "mine", "--prepared", "mine.prepared", "--likelihood")
    held_out = json.loads((here / "mine.prepared" / "prepared.json").read_text())["held_out"]
    result = run(*words, "-o", "report.html", "--quiet")
    if held_out:
        assert result.exit_code == 0, result.output
        assert "uniform over legal choices" in (here / "report.md").read_text()
        again = run(*words, "-o", "report.html")
        assert "report.html: is already there" in complaint(again)
        assert "<h2>Held-out likelihood</h2>" in (here / "report.html").read_text()
    else:
        assert "holds nothing out" in complaint(result)


def missing(here: Path) -> str:
    """A folder that is not there."""
    return "the folder midi does not exist"


def empty(here: Path) -> str:
    """A folder in which nothing is."""
    (here / "midi").mkdir()
    return "holds no MIDI file"


def a_file(here: Path) -> str:
    """A file where a folder is needed."""
    (here / "midi").write_text("")
    return "is a file: a folder with MIDI files is needed"


def unreadable(here: Path) -> str:
    """A folder of files of which none is MIDI."""
    empty(here)
    for name in ("a.mid", "b.mid"):
        (here / "midi" / name).write_bytes(b"no music")
    return "none of the 2 MIDI files in midi can be used: 2 cannot be read; the first: a.mid"


@pytest.mark.parametrize("prepare", [missing, empty, a_file, unreadable])
def test_folders_without_music(run: Run, here: Path, prepare: Callable[[Path], str]) -> None:
    """A folder that cannot be trained on is one line that says why; nothing is left behind."""
    message = prepare(here)
    assert message in complaint(run("train", "midi", "--out", "mine", *TINY, "--quiet"))
    assert {path.name for path in here.iterdir()} <= {"midi"}


IMPOSSIBLE = [
    (["--preset", "huge"], "unknown preset 'huge'"),
    (["--set", "model.layrs=3"], "unknown setting 'layrs'; did you mean layers"),
    (["--set", "model.layers"], "write it as section.setting=value"),
    (["--set", "layers=3"], "name a section and a setting"),
    (["--set", "model.heads=5"], "must be a multiple of four times model.heads"),
    (["--steps", "0"], "train.steps must be at least 1"),
    (["--minutes", "-1"], "train.minutes must be a number that is not negative"),
    (["--config", "none.toml"], "none.toml cannot be read"),
    (["--seed", "-1"], "seed -1 is out of range: allowed is 0 to 4294967295"),
    (["--seed", 2**32], "is out of range"),
    (["--workers", "-2"], "--workers -2 is negative"),
    (["--resume"], "--resume: mine holds no run to go on with"),
    (["--out", "."], "exists already"),
]


@pytest.mark.parametrize(("words", "message"), IMPOSSIBLE, ids=lambda part: str(part)[:40])
def test_impossible_settings(run: Run, here: Path, words: list[str], message: str) -> None:
    """A setting that cannot be is refused before any file is read or written."""
    (here / "midi").mkdir()
    assert message in complaint(run("train", "midi", "--out", "mine", *words))
    assert [path.name for path in here.iterdir()] == ["midi"]


def test_a_folder_of_something_else_is_never_replaced(run: Run, here: Path) -> None:
    """--force replaces checkpoints, not somebody's documents."""
    (here / "mine").mkdir()
    (here / "mine" / "thesis.tex").write_text("years of work")
    assert "mine exists already" in complaint(run("train", "midi", "--out", "mine"))
    said = complaint(run("train", "midi", "--out", "mine", "--force"))
    assert "holds other files than a checkpoint" in said
    assert (here / "mine" / "thesis.tex").read_text() == "years of work"
    (here / "file").write_text("")
    assert "file is a file" in complaint(run("train", "midi", "--out", "file", "--force"))


def test_evaluate_needs_what_it_judges_with(run: Run, here: Path, checkpoint: Path) -> None:
    """Without a prepared folder there is nothing to judge with, and the line says so."""
    said = complaint(run("evaluate", checkpoint, "--prepared", "none"))
    assert "none is not a prepared folder" in said
    assert issubclass(CheckpointError, Exception)
