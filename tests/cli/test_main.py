"""The command: quick help, short lists, and errors that say one thing."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from musegen import __version__
from musegen.cli import main as entry
from musegen.cli.main import COMMANDS
from musegen.errors import MusegenError
from musegen.music.mood import NAMED_MOODS
from tests.cli.conftest import Run, complaint

ROOT = Path(__file__).parents[2]

QUICK = """
import runpy, sys
for words in {words!r}:
    sys.argv = ["musegen", *words]
    try:
        runpy.run_module("musegen", run_name="__main__")
    except SystemExit as done:
        assert not done.code, words
heavy = {{"torch", "matplotlib", "symusic", "pretty_midi", "safetensors"}} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_is_quick() -> None:
    """No help, list of moods or version waits for torch or anything else that is heavy."""
    words = [["--help"], ["--version"], ["moods"], *([name, "--help"] for name in COMMANDS)]
    done = subprocess.run(
        [sys.executable, "-c", QUICK.format(words=words)],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Compose pieces with a checkpoint." in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    """Each command has a help that begins with what the list of commands says of it."""
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: musegen {name}" in result.output
    assert name in run("-h").output


def test_version(run: Run) -> None:
    """The version is that of the package."""
    assert __version__ in run("--version").output


@pytest.mark.parametrize(
    "words",
    [
        ["compose"],
        ["generate", "--loudly"],
        ["generate", "--bars", "many"],
        ["generate", "--density", "much"],
        ["generate", "--device", "abacus"],
        ["train"],
        ["train", "folder"],
        ["evaluate"],
    ],
)
def test_wrong_usage(run: Run, here: Path, words: list[str]) -> None:
    """What the command does not understand has exit code 2 and says how it is used."""
    result = run(*words)
    assert result.exit_code == 2
    assert "Usage: musegen" in result.stderr
    assert "Traceback" not in result.output
    assert list(here.iterdir()) == []


def test_moods(run: Run) -> None:
    """Every mood that has a name is listed with its place in the plane."""
    result = run("moods")
    assert result.exit_code == 0
    assert set(NAMED_MOODS) <= {line.split()[0] for line in result.output.splitlines()}


def test_genres(run: Run, checkpoint: Path) -> None:
    """The genres are those that the checkpoint knows."""
    result = run("genres", "--checkpoint", checkpoint)
    assert (result.exit_code, result.output) == (0, "folk\njazz\n")


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"genres": 3}'])
def test_genres_of_what_is_no_checkpoint(run: Run, here: Path, content: str | None) -> None:
    """A folder without labels, or with broken ones, is no checkpoint."""
    if content is not None:
        (here / "labels.json").write_text(content)
    assert "is not a checkpoint folder" in complaint(run("genres", "--checkpoint", here))


def failing(fault: BaseException) -> click.Command:
    """A command that ends so."""

    @click.command("moods")
    def command() -> None:
        raise fault

    return command


class Stopped(MusegenError):
    exit_code = 143


@pytest.mark.parametrize(
    ("fault", "code", "line"),
    [
        (MusegenError("the reed is dry"), 1, "error: the reed is dry"),
        (Stopped("stopped at step 3"), 143, "stopped at step 3"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(36, "File name too long", "aaa"), 1, "error: aaa: File name too long"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_faults_become_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, fault: BaseException, code: int, line: str
) -> None:
    """Whatever a user can cause is one line and an exit code."""
    monkeypatch.setattr("musegen.cli.moods.command", failing(fault))
    result = run("moods")
    assert (result.exit_code, result.stderr.strip()) == (code, line)


@pytest.mark.parametrize("fault", [RuntimeError("a bug"), OSError("a bug")])
def test_bugs_show_themselves(run: Run, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """A bug in musegen is not hidden behind a friendly line."""
    monkeypatch.setattr("musegen.cli.moods.command", failing(fault))
    assert run("moods").exception is fault
    assert entry.main.name == "main"
