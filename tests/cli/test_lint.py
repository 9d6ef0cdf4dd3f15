"""`musegen lint`: what is wrong, where, and a copy in which it is not."""

from pathlib import Path

import pytest

from musegen.music.lint.points import lint
from musegen.music.write import midi_bytes
from tests.cli.conftest import Run, complaint
from tests.music.test_lint import band

BROKEN = midi_bytes(band()).replace(b"Conductor", b"Con\xffuctor")


@pytest.fixture
def files(here: Path) -> Path:
    """A good file, a bad one, and one that is none."""
    (here / "good.mid").write_bytes(midi_bytes(band()))
    (here / "bad.mid").write_bytes(BROKEN)
    (here / "none.mid").write_bytes(b"rubbish")
    return here


def test_a_good_file(run: Run, files: Path) -> None:
    """One line, and exit code 0."""
    result = run("lint", "good.mid")
    assert (result.exit_code, result.output) == (0, "good.mid: 15 of 15 points\n")


def test_a_bad_file(run: Run, files: Path) -> None:
    """The point, why it matters, and where it is missed; exit code 1; nothing is written."""
    result = run("lint", "bad.mid")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "bad.mid: 14 of 15 points, missed: 7"
    assert lines[1].startswith("   7  a name for each track (nameless tracks become Track 0")
    assert lines[2].startswith("      - track 0 (Con\ufffductor): its name is not UTF-8")
    assert len(list(files.iterdir())) == 3
    assert run("lint", "bad.mid", "--quiet").output.splitlines() == lines[:1]


def test_a_repaired_copy(run: Run, files: Path) -> None:
    """--fix writes it beside, keeps the original, and does not overwrite."""
    result = run("lint", "bad.mid", "--fix", "--quiet")
    assert result.exit_code == 0
    assert result.output.splitlines()[1] == "bad-fixed.mid: 15 of 15 points"
    assert (files / "bad.mid").read_bytes() == BROKEN
    assert lint(files / "bad-fixed.mid").findings == ()
    assert "already there" in complaint(run("lint", "bad.mid", "--fix", "--quiet"))
    assert run("lint", "bad.mid", "--fix", "--force").exit_code == 0
    assert run("lint", "bad.mid", "--fix", "-o", "clean.mid").exit_code == 0
    assert (files / "clean.mid").read_bytes() == (files / "bad-fixed.mid").read_bytes()
    said = complaint(run("lint", "bad.mid", "--fix", "-o", "bad.mid", "--force"))
    assert "is the file itself" in said


def test_many_files(run: Run, files: Path) -> None:
    """Each has its line; one that cannot be read does not stop the others."""
    result = run("lint", "none.mid", "good.mid", "--quiet")
    assert result.exit_code == 1
    assert result.stdout == "good.mid: 15 of 15 points\n"
    assert "error: none.mid: is not a MIDI file" in result.stderr


def test_what_cannot_be_read(run: Run, files: Path) -> None:
    """One line."""
    assert "is not a MIDI file" in complaint(run("lint", "none.mid"))
    assert "cannot be read" in complaint(run("lint", "nowhere.mid"))
    assert run("lint", "good.mid", "-o", "x.mid").exit_code == 2
    assert run("lint").exit_code == 2
