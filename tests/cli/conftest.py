"""What the tests of the command line share: a runner, a checkpoint, a folder of MIDI."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from musegen.cli.main import main
from musegen.model.checkpoint import save_checkpoint
from musegen.music.write import write_midi
from tests.model.tiny import tiny_model
from tests.music.tunes import line, piece

Run = Callable[..., Result]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here: Path) -> Run:
    """Runs `musegen` with these words."""

    def invoke(*words: object) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words], prog_name="musegen")

    return invoke


def complaint(result: Result, code: int = 1) -> str:
    """The one line that a command which was refused says."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has learned nothing."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    save_checkpoint(folder, tiny_model(), ("folk", "jazz"), "# tiny\n")
    return folder


@pytest.fixture(scope="session")
def midi_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short tunes in the folders folk and jazz, and two files that are none."""
    folder = tmp_path_factory.mktemp("midi")
    for number in range(12):
        place = folder / ("folk", "jazz")[number % 2]
        place.mkdir(exist_ok=True)
        steps = [(number * 7 + note * (number + 2)) % 13 for note in range(24)]
        drums = line([36, 38] * 8, step=24) if number % 3 == 0 else None
        tune = piece(line([60 + step for step in steps], step=12), drums=drums, bars=4)
        write_midi(tune, place / f"tune {number}.mid")
    (folder / "jazz" / "broken.mid").write_bytes(b"MThd rubbish")
    (folder / "jazz" / "empty.mid").write_bytes(b"")
    return folder
