"""A piece becomes written music by whatever route is installed, or it is said what is needed."""

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from musegen.errors import OutputError
from musegen.music.exported import exported
from musegen.music.write import midi_bytes
from musegen.render import sheet
from tests.music.test_lint import band

MUSICXML = "<score-partwise><part><measure>{}</measure></part></score-partwise>"


@pytest.mark.slow
@pytest.mark.parametrize("route", list(sheet.ROUTES))
def test_each_route_writes_what_the_piece_holds(
    route: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part for each track with its name, the key, the meters, the tempi, and every note."""
    if route == "MuseScore" and not any(map(shutil.which, sheet.MUSESCORE)):
        pytest.skip("MuseScore is not installed")
    if route == "music21":
        pytest.importorskip("music21")
    monkeypatch.setattr(sheet, "ROUTES", {route: sheet.ROUTES[route]})
    made = sheet.save_sheet(midi_bytes(band()), tmp_path / "band.musicxml", title="A band")
    score = ET.parse(made.path).getroot()
    assert made.route == route
    assert made.notes == sheet.notes_in(made.path.read_bytes()) == band().note_count
    names = [name.text or "" for name in score.iter("part-name")]
    for name, track in zip(names, exported(band()).tracks, strict=True):
        assert name.endswith(track.name)
    assert {fifths.text for fifths in score.iter("fifths")} == {"2"}
    tempos = [sound.get("tempo") for sound in score.iter("sound") if sound.get("tempo")]
    assert set(tempos) == {"97", "120"}
    assert "Music21" not in "".join(score.itertext()).replace("music21 v", "")


def test_the_next_route_steps_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the better one is not to be had, or writes nonsense, the other writes."""
    good = MUSICXML.format("<note><pitch/></note>").encode()
    for bad in ("", "<a>", MUSICXML.format("<note><rest/></note>")):
        routes = {"first": lambda midi, title, bad=bad: bad.encode(), "second": lambda *_: good}
        monkeypatch.setattr(sheet, "ROUTES", routes)
        made = sheet.save_sheet(b"", tmp_path / "x.musicxml", force=True)
        assert (made.route, made.notes) == ("second", 1)
        assert made.passed_over[0].startswith("first: wrote ")
        assert made.path.read_bytes() == good


def test_what_is_needed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without MuseScore and without music21 one line names both, and no file is left."""
    monkeypatch.setattr(sheet, "MUSESCORE", ("no-such-program",))
    monkeypatch.setitem(__import__("sys").modules, "music21.exceptions21", None)
    with pytest.raises(OutputError, match=r"MuseScore: not installed; music21: not installed.*pip"):
        sheet.save_sheet(midi_bytes(band()), tmp_path / "x.musicxml")
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What MuseScore says when it fails is handed on."""
    program = tmp_path / "broken-score"
    program.write_text("#!/bin/sh\necho 'no display' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(sheet, "MUSESCORE", ("broken-score",))
    monkeypatch.setattr(sheet, "ROUTES", {"MuseScore": sheet.ROUTES["MuseScore"]})
    with pytest.raises(OutputError, match="MuseScore: no display"):
        sheet.save_sheet(midi_bytes(band()), tmp_path / "x.musicxml")


def test_tied_notes_count_once() -> None:
    """A note over a bar line is one note."""
    tied = '<note><pitch/><tie type="start"/></note><note><pitch/><tie type="stop"/></note>'
    assert sheet.notes_in(MUSICXML.format(tied + "<note><rest/></note>").encode()) == 1
