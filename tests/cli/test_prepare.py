"""`musegen prepare`: a folder that training starts from, in one command that can be repeated."""

from pathlib import Path

import pytest

from musegen.corpus.shards import load_prepared
from musegen.music.read import read_midi
from musegen.music.score import Score
from musegen.music.source import Limits
from tests.cli.conftest import Run, complaint


def test_a_folder_is_prepared_and_kept_up(run: Run, here: Path, midi_folder: Path) -> None:
    """It says what was found; repeated, with another share held out or quietly, it is brief."""
    result = run("prepare", midi_folder, "midi.prepared", "--workers", 0)
    assert result.exit_code == 0, result.output
    assert result.stdout == "prepared: midi.prepared\n"
    assert "14 files: 12 pieces with" in result.stderr
    assert "left out: 2 cannot be read" in result.stderr
    assert "genres: folk 6, jazz 6" in result.stderr
    assert [path.name for path in here.iterdir()] == ["midi.prepared"]
    words = ("prepare", midi_folder, "midi.prepared", "--held-out", 0.5, "--workers", 0, "--quiet")
    result = run(*words)
    assert (result.exit_code, result.output) == (0, "")
    facts = load_prepared(here / "midi.prepared").facts
    assert facts.settings["held_out"] == 0.5
    assert facts.held_out > 1


def test_it_says_what_is_wrong(run: Run, here: Path, midi_folder: Path) -> None:
    """A folder that is not there, a share that cannot be, fewer than no workers, another folder."""
    (here / "thesis").mkdir()
    (here / "thesis/chapter.txt").write_text("all of it")
    for words, said in (
        (("nowhere", "out"), "the folder nowhere does not exist"),
        ((midi_folder, "out", "--held-out", 0.9), "held_out is 0.9: it must be from 0 to 0.5"),
        ((midi_folder, "out", "--workers", -1), "--workers -1 is negative; 0 reads files without"),
        ((midi_folder, "thesis"), "thesis exists and is not a prepared folder"),
    ):
        assert complaint(run("prepare", *words)).startswith(said)
    assert [path.name for path in here.iterdir()] == ["thesis"]


def test_ctrl_c_says_how_to_go_on(
    run: Run, here: Path, midi_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the middle, it names the way, and the same command takes it."""

    def interrupted(source: Path, limits: Limits) -> Score:
        if source.name == "tune 5.mid":
            raise KeyboardInterrupt
        return read_midi(source, limits)

    with monkeypatch.context() as patched:
        patched.setattr("musegen.corpus.reading.read_midi", interrupted)
        result = run("prepare", midi_folder, "out", "--workers", 0)
    assert result.exit_code == 130
    assert "the same command goes on from there" in result.stderr
    assert not (here / "out").exists()
    assert run("prepare", midi_folder, "out", "--workers", 0).exit_code == 0
    assert [path.name for path in here.iterdir()] == ["out"]


def test_train_takes_what_prepare_takes(
    run: Run, here: Path, midi_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same options name the same settings, so that shards that are ready are used."""
    words = ("--keep-performed", "--held-out", 0.4, "--max-mib", 2, "--max-events", 5000,
             "--max-tracks", 9, "--max-hours", 0.5)  # fmt: skip
    assert run("prepare", midi_folder, "ready", "--workers", 0, *words).exit_code == 0
    told = load_prepared(here / "ready").facts.settings
    assert (told["keep_performed"], told["held_out"]) == (True, 0.4)
    assert told["limits"] == {"mib": 2, "events": 5000, "tracks": 9, "hours": 0.5}
    before = (here / "ready").stat().st_ino

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("musegen.training.loop.Trainer", stop)
    told_to_train = ("train", midi_folder, "--out", "mine", "--prepared", "ready", "--workers", 0)
    assert run(*told_to_train, *words, "--preset", "tiny").exit_code == 130
    assert (here / "ready").stat().st_ino == before
    assert "the limit mib is 0" in complaint(run(*told_to_train, "--max-mib", 0))
