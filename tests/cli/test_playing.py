"""What is written beside a piece, and what can be made of a file: stems, sound, the piece again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from musegen.composing.recipe import ENGINE, read_recipe
from musegen.model import plain
from musegen.model.loading import load_as
from musegen.model.paths import ComposingModel
from musegen.music.lint.points import lint
from musegen.music.read import read_midi
from musegen.music.write import midi_bytes
from musegen.render import play, sheet
from tests.cli.conftest import Run, complaint
from tests.music.test_lint import band

SHORT = ("--meter", "2/4", "--instruments", "piano,drums", "--seed", 4, "-o", "tune.mid")


def test_stems_loop_and_recipe(run: Run, here: Path, checkpoint: Path) -> None:
    """Stems in a folder, the recipe as JSON, the bars exact; all named; nothing overwritten."""
    words = ("generate", "--checkpoint", checkpoint, *SHORT, "--loop", 2, "--stems", "--recipe")
    result = run(*words, "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["tune.mid", "tune-stems", "tune.json"]
    whole = read_midi(here / "tune.mid")
    assert whole.end == 2 * 960
    for file in sorted((here / "tune-stems").iterdir()):
        assert read_midi(file).end == whole.end
        assert lint(file).findings == ()
    recipe = json.loads((here / "tune.json").read_text())
    assert (recipe["seed"], recipe["wishes"]["bars"], recipe["wishes"]["loop"]) == (4, 2, True)
    assert recipe["composed_by"].startswith("This music was composed by a model")
    assert "exists already" in complaint(run(*words))
    (here / "tune.mid").unlink()
    assert "tune-stems exists already" in complaint(run(*words))
    assert run(*words, "--force").exit_code == 0


def test_contradictions(run: Run, here: Path, checkpoint: Path) -> None:
    """A loop has as many bars as it has; nobody is more than human."""
    words = ("generate", "--checkpoint", checkpoint, *SHORT)
    assert "contradict" in complaint(run(*words, "--loop", 2, "--bars", 3))
    assert "0 (off) to 1" in complaint(run(*words, "--humanize", 2))
    assert list(here.iterdir()) == []


def test_replay_and_verify(run: Run, here: Path, checkpoint: Path) -> None:
    """A composed file is made again, and found to be itself; a changed one is not."""
    words = ("generate", "--checkpoint", checkpoint, *SHORT, "--bars", 1, "--humanize", 0.5)
    assert run(*words).exit_code == 0
    again = run("replay", "tune.mid", "--checkpoint", checkpoint, "--quiet")
    assert again.stdout == "tune-again.mid\n"
    assert (here / "tune-again.mid").read_bytes() == (here / "tune.mid").read_bytes()
    assert "exists already" in complaint(run("replay", "tune.mid", "--checkpoint", checkpoint))
    verified = run("verify", "tune.mid", "--checkpoint", checkpoint, "--quiet")
    assert (verified.exit_code, verified.stdout.splitlines()[1:]) == (
        0, ["yes: tune.mid is what its recipe makes"],
    )  # fmt: skip
    content = bytearray((here / "tune.mid").read_bytes())
    struck = content.index(b"MTrk", 40)
    place = content.index(0x90, content.index(b"\xc0", struck))
    content[place + 1] ^= 1
    (here / "tune.mid").write_bytes(content)
    verified = run("verify", "tune.mid", "--checkpoint", checkpoint, "--quiet")
    assert verified.exit_code == 1
    assert verified.stdout.splitlines()[1] == "no: tune.mid: bar 1 is the first that differs"


def test_replay_computes_as_the_first_run_did(
    run: Run, here: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece that numpy composed, before machine code was there, is composed by numpy again."""
    words = ("generate", "--checkpoint", checkpoint, *SHORT, "--bars", 1)
    with monkeypatch.context() as patch:
        patch.setattr("musegen.model.loading.arithmetic", lambda precision: plain)
        assert run(*words).exit_code == 0
    recipe = read_recipe(here / "tune.mid")
    assert recipe.computed == "int8, numpy"
    asked: list[str] = []

    def seen(folder: str, device: str, computed: str) -> ComposingModel:
        asked.append(computed)
        return load_as(folder, device, computed)

    monkeypatch.setattr("musegen.model.loading.load_as", seen)
    verified = run("verify", "tune.mid", "--checkpoint", checkpoint, "--quiet")
    assert (verified.exit_code, verified.stderr, asked) == (0, "", ["int8, numpy"])
    score = read_midi(here / "tune.mid")
    other = replace(recipe, computed="float32, torch 2.0.0, 7 threads")
    (here / "other.mid").write_bytes(midi_bytes(score, texts=other.texts()))
    told = run("replay", "other.mid", "--checkpoint", checkpoint, "--quiet")
    assert told.exit_code == 0
    assert "it was computed as float32, torch 2.0.0, 7 threads, and here as" in told.stderr


def test_an_earlier_engine_composed_otherwise(run: Run, here: Path, checkpoint: Path) -> None:
    """Of a file that says no engine nobody says that it does not match: engines differ."""
    words = ("generate", "--checkpoint", checkpoint, *SHORT, "--bars", 1)
    assert run(*words).exit_code == 0
    recipe = replace(read_recipe(here / "tune.mid"), engine=0)
    assert "engine" not in recipe.as_json()
    (here / "old.mid").write_bytes(midi_bytes(band(), texts=recipe.texts()))
    assert read_recipe(here / "old.mid") == recipe
    verified = run("verify", "old.mid", "--checkpoint", checkpoint, "--quiet")
    assert verified.exit_code == 1
    said = f"it was composed by engine 0 of musegen, and this is engine {ENGINE}"
    assert said in verified.stdout
    assert "no:" not in verified.stdout
    assert said in run("replay", "old.mid", "--checkpoint", checkpoint, "--quiet").stderr


def test_what_cannot_be_verified(run: Run, here: Path, checkpoint: Path) -> None:
    """A file that carries no recipe."""
    (here / "other.mid").write_bytes(midi_bytes(band()))
    for command in ("replay", "verify"):
        said = complaint(run(command, "other.mid", "--checkpoint", checkpoint))
        assert "carries no recipe" in said


def test_render(run: Run, here: Path) -> None:
    """A picture and a recording, by the ending; an unknown one is refused before anything."""
    (here / "tune.mid").write_bytes(midi_bytes(band()))
    assert "unknown ending '.mp3'" in complaint(run("render", "tune.mid", "-o", "tune.mp3"))
    result = run("render", "tune.mid")
    assert result.exit_code == 0, result.output
    assert (here / "tune.png").read_bytes().startswith(b"\x89PNG")
    assert (here / "tune.wav").read_bytes().startswith(b"RIFF")
    assert run("render", "tune.mid", "-o", "x.svg").stdout == "x.svg\n"
    assert b"<svg" in (here / "x.svg").read_bytes()
    assert "exists already" in complaint(run("render", "tune.mid"))


def test_render_a_score(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--score writes MusicXML beside what else is wanted; where nothing can, a line says so."""
    (here / "tune.mid").write_bytes(midi_bytes(band()))
    monkeypatch.setattr(sheet, "ROUTES", {})
    said = complaint(run("render", "tune.mid", "-o", "tune.xml"))
    assert "install MuseScore" in said
    xml = b"<score-partwise><note><pitch/></note></score-partwise>"
    monkeypatch.setattr(sheet, "ROUTES", {"a pen": lambda midi, title: xml})
    result = run("render", "tune.mid", "-o", "tune.svg", "--score")
    assert result.stdout.splitlines() == ["tune.svg", "tune.musicxml  (a pen, 1 notes)"]
    assert (here / "tune.musicxml").read_bytes() == xml
    words = ("render", "tune.mid", "-o", "x.svg", "--score")
    assert "tune.musicxml exists already" in complaint(run(*words))


def test_play(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no program can play, one line says so and what to do; else the recording is played."""
    (here / "tune.mid").write_bytes(midi_bytes(band()))
    monkeypatch.setattr(play, "PLAYERS", {"no-such-player": ()})
    said = complaint(run("play", "tune.mid"))
    assert "no sound device" in said
    assert "no-such-player" in said
    assert "musegen render" in said
    monkeypatch.setattr(play, "PLAYERS", {"false": (), "true": ()})
    assert run("play", "tune.mid").exit_code == 0
    monkeypatch.setattr(play, "PLAYERS", {"false": ()})
    assert "false: ended with 1" in complaint(run("play", "tune.mid"))
