"""A GPU in one command, rehearsed without one: packed, trained, evaluated, brought back."""

import subprocess
import sys
from pathlib import Path

import pytest

from musegen.corpus.prepare import prepare
from musegen.corpus.reading import PrepareSettings
from musegen.model.stored import read_checkpoint
from musegen.music.write import write_midi
from tests.cli.test_train import TINY
from tests.music.tunes import line, piece

TOOLS = Path(__file__).parents[2] / "tools"


def called(script: Path, *words: object, code: int = 0, at: Path | None = None) -> str:
    """What a script said that ended with this code."""
    command = [sys.executable, str(script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=at)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_there_and_back(tmp_path: Path) -> None:
    """What is packed trains elsewhere with nothing else at hand, and what comes back is whole."""
    for number in range(12):
        place = tmp_path / "midi" / ("folk", "jazz")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        steps = [60 + (number * 7 + note * (number + 2)) % 13 for note in range(24)]
        write_midi(piece(line(steps, step=12), bars=4), place / f"{number}.mid")
    prepare(tmp_path / "midi", tmp_path / "ready", PrepareSettings(held_out=0.2), workers=0)
    words = ("--prepared", tmp_path / "ready", "--out", tmp_path / "pack", "--no-wheels")
    called(TOOLS / "gpu_pack.py", *words, "--largest-mib", 0.05)
    packs = sorted((tmp_path / "pack").glob("pack-*.part"))
    assert len(packs) > 2
    assert all(path.stat().st_size <= 0.05 * 2**20 for path in packs)

    there = tmp_path / "there"
    (tmp_path / "pack").rename(there)
    small = [word for word in TINY if word not in ("--preset", "tiny", "--workers", 0)]
    run = ("--minutes", 10, "--preset", "tiny", "--results", "back", "--", *small)
    content = packs[1].name, (there / packs[1].name).read_bytes()
    (there / packs[1].name).write_bytes(content[1][:-1] + b"?")
    assert "is damaged: bring it again" in called(there / "run.py", *run, code=1, at=there)
    (there / packs[1].name).unlink()
    assert f"lacks {packs[1].name}" in called(there / "run.py", *run, code=1, at=there)
    (there / packs[1].name).write_bytes(content[1])
    called(there / "run.py", *run, at=there)
    back = there / "back"
    assert "uniform over legal choices" in (back / "evaluation.md").read_text()
    assert (back / "metrics.csv").is_file()
    assert all(path.stat().st_size <= 15 << 20 for path in back.iterdir())

    said = called(TOOLS / "gpu_collect.py", back, "--out", tmp_path / "mine")
    assert "step 2" in said
    assert read_checkpoint(tmp_path / "mine").genres == ("folk", "jazz")
    (piece_of_it,) = back.glob("weights-*.part")
    piece_of_it.write_bytes(piece_of_it.read_bytes()[:-600_000])
    words = (back, "--out", tmp_path / "other")
    assert "is damaged" in called(TOOLS / "gpu_collect.py", *words, code=1)
    assert not (tmp_path / "other").exists()
