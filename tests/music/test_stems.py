"""Stems line up: one length, one tempo map, names that sort."""

from dataclasses import replace
from pathlib import Path

import mido
import pytest
from hypothesis import example, given, settings

from musegen.errors import OutputError
from musegen.music.lint.points import lint
from musegen.music.read import read_midi
from musegen.music.score import Meter, Score, Track, note_array, presses
from musegen.music.stems import stems, write_stems
from musegen.music.write import midi_bytes
from tests.music.test_lint import band
from tests.strategies import scores

FAR_BEHIND_A_STEM = Score(
    480,
    (
        Track(0, notes=note_array([(480, 1, 59, 1)])),
        Track(0, notes=note_array([(0, 1, 59, 1)]), pedals=presses([(0, 11)])),
    ),
    meters=(Meter(9972, 236, 4),),
)
"""Its end lies within 256 quarters of the last note, but not of that of its second stem."""


@settings(max_examples=50)
@example(FAR_BEHIND_A_STEM)
@given(scores())
def test_stems_together_are_the_piece(score: Score) -> None:
    """Every stem keeps all points; together they hold the file's tracks, of the same length."""
    whole = read_midi(midi_bytes(score))
    parts = []
    for content in stems(score).values():
        assert lint(content).findings == ()
        parts.append(read_midi(content))
    assert [part.tracks for part in parts] == [(track,) for track in whole.tracks]
    for part in parts:
        assert (part.tempos, part.meters, part.keys, part.markers) == (
            whole.tempos, whole.meters, whole.keys, whole.markers,
        )  # fmt: skip


def test_all_end_together(tmp_path: Path) -> None:
    """To the tick, as the whole piece does; the names are those of the tracks, numbered."""
    files = write_stems(band(), tmp_path / "stems", texts=["recipe"])
    assert [file.name for file in files] == [
        "01 Flöte.mid",
        "02 Acoustic Grand Piano.mid",
        "03 Drums.mid",
    ]
    assert files == sorted((tmp_path / "stems").iterdir())
    for number, file in enumerate(files, 1):
        opened = mido.MidiFile(file, charset="utf-8")
        assert {sum(m.time for m in track) for track in opened.tracks} == {264 * 20}
        texts = [m.text for m in opened.tracks[0] if m.type == "text"]
        assert texts == [f"musegen stem {number} of 3", "recipe"]


def test_names_that_no_system_allows(tmp_path: Path) -> None:
    """Slashes, dots and colons stay out of the files' names."""
    track = band().tracks[0]
    named = [replace(track, name=name) for name in ("a/b:c", "..", "x" * 99)]
    names = list(stems(band().with_tracks(named)))
    assert names == ["01 a b c.mid", "02 Track.mid", f"03 {'x' * 60}.mid"]


def test_a_big_orchestra_fits_into_stems() -> None:
    """Forty tracks are too many for one file, and forty stems."""
    track = Track(40, notes=note_array([(0, 24, 60, 66)]))
    score = Score(24, (track,) * 40)
    with pytest.raises(OutputError, match="write stems"):
        midi_bytes(score)
    files = stems(score)
    assert len(files) == 40
    assert list(files) == sorted(files)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that is there stays, unless `force`."""
    write_stems(band(), tmp_path / "stems")
    with pytest.raises(OutputError, match="exists already"):
        write_stems(band(), tmp_path / "stems")
    one = band().with_tracks(band().tracks[:1])
    assert len(write_stems(one, tmp_path / "stems", force=True)) == 1
    assert len(list((tmp_path / "stems").iterdir())) == 1
