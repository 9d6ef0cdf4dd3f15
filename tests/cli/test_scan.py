"""`musegen scan`: what a folder is worth, in words, as a page and as JSON."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import mido
import pytest
from rich.console import Console

from musegen.cli import scanning
from tests.cli.conftest import Run

EVIL = "evil\x1b[31m<b>\u202e=cmd.mid"
"""A name that colours a terminal, opens a tag, and turns the direction of writing."""


@pytest.fixture
def music(here: Path, midi_folder: Path) -> Path:
    """A folder of its own for each test: twelve usable tunes, two files that are not."""
    shutil.copytree(midi_folder, here / "music")
    return here / "music"


@pytest.fixture
def messy(music: Path) -> Path:
    """The same with an evil name and a copy in an archive."""
    (music / "folk" / EVIL).write_bytes(b"<html><body>404</body></html>")
    tune = next(path for path in sorted(music.rglob("*.mid")) if path.stat().st_size > 200)
    with zipfile.ZipFile(music / "pack.zip", "w") as pack:
        pack.write(tune, "folk/again.mid")
    return music


def test_a_report_in_words(run: Run, messy: Path) -> None:
    """What can be used, each file that cannot with its reason, what is in the others."""
    result = run("scan", messy, "--workers", 0)
    assert result.exit_code == 1, result.output
    assert "12 of 16 files can be used: " in result.stdout
    assert "left out: 3 cannot be read" in result.stdout
    assert "evil\\x1b[31m<b>\\u202e=cmd.mid: is not a MIDI file: it is a web page" in result.stdout
    assert "left out: 1 duplicate" in result.stdout
    assert "pack.zip/folk/again.mid: the same notes as " in result.stdout
    for title in ("genres", "keys", "tempos", "meters", "lengths", "instruments", "licences"):
        assert f"\n{title}\n" in result.stdout
    assert "read 16 of 16: 12 can be used, 4 cannot" in result.stderr
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output


def test_a_report_as_files(run: Run, here: Path, messy: Path) -> None:
    """A page that needs no network and obeys no file, and JSON with everything."""
    words = ("scan", messy, "--workers", 0, "--html", "r.html", "--json", "r.json", "--quiet")
    result = run(*words)
    assert (result.exit_code, result.output) == (1, "")
    told = json.loads((here / "r.json").read_text())
    assert (told["used"], told["files"], told["exit_code"]) == (12, 16, 1)
    assert {left["kind"] for left in told["left_out"]} == {"cannot be read", "duplicate"}
    assert told["genres"] == {"folk": 6, "jazz": 6}
    page = (here / "r.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 7
    assert "evil\\x1b[31m&lt;b&gt;\\u202e=cmd.mid" in page
    assert "<script" not in page
    assert " src=" not in page
    assert "@import" not in page
    assert "url(http" not in page
    assert "default-src 'none'" in page
    assert run(*words).exit_code == 1
    assert "say --force" in run(*words).output


def test_what_cannot_be_written_is_said_before_reading(
    run: Run, here: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a report that is refused in the end."""
    (here / "there.html").write_text("mine")
    monkeypatch.setattr("musegen.cli.scanning.scanned", lambda *_: pytest.fail("files were read"))
    for name, said in (("there.html", "say --force"), ("no/r.html", "make it first")):
        result = run("scan", music, "--html", name)
        assert (result.exit_code, said in result.output) == (1, True)
    assert (here / "there.html").read_text() == "mine"


def test_exit_codes(run: Run, here: Path, music: Path) -> None:
    """0 where all are used, 2 where none is, and where there is nothing at all."""
    for path in music.rglob("*.mid"):
        if path.stat().st_size < 200:
            path.unlink()
    assert run("scan", music, "--workers", 0).exit_code == 0
    (here / "bad").mkdir()
    (here / "bad/a.mid").write_bytes(b"")
    assert run("scan", "bad", "--workers", 0).exit_code == 2
    (here / "empty").mkdir()
    result = run("scan", "empty", "--workers", 0)
    assert result.exit_code == 2
    assert "holds no MIDI file" in result.stderr
    assert run("scan", music, "--workers", 0, "--max-events", 10).exit_code == 2
    assert "at most" in run("scan", music, "--workers", 0, "--max-mib", 0.0001).stdout


def test_a_live_table(run: Run, messy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a table grows while files are read."""
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=100)
    monkeypatch.setattr(scanning, "console", terminal)
    assert run("scan", messy, "--workers", 0).exit_code == 1
    assert "what is in the folder" in shown.getvalue()
    assert "can be used" in shown.getvalue()


def test_repairs_and_drums_are_said(run: Run, here: Path) -> None:
    """A file that was repaired, and one whose drums are no drums."""
    track = mido.MidiTrack()
    for step in range(64):
        track.append(mido.Message("note_on", note=100 + step % 7, channel=9, velocity=80))
        track.append(mido.Message("note_off", note=100 + step % 7, channel=9, time=120))
    file = io.BytesIO()
    mido.MidiFile(tracks=[track]).save(file=file)
    (here / "music").mkdir()
    (here / "music/drums.mid").write_bytes(b"junk" + file.getvalue())
    result = run("scan", "music", "--workers", 0, "--all")
    assert result.exit_code == 0
    assert "repaired: 1 files that are used" in result.stdout
    assert "drums.mid: bytes before the header were left out (1)" in result.stdout
    assert "drums.mid: 100% of a drum track's notes are no drums of General MIDI" in result.stdout
