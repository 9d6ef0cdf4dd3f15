"""The picture of a piece shows every note, and is written whole as PNG or SVG."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from musegen.errors import OutputError
from musegen.music.score import Marker, Meter, Score, Tempo
from musegen.render.ink import TRACK_COLOURS, rows, shades, shortened, text_width
from musegen.render.pianoroll import (
    chord_name,
    draw_pianoroll,
    picture_bytes,
    save_pianoroll,
)
from musegen.tokens.controls import Chord, SectionPlan
from tests.render.pieces import piece

PNG = b"\x89PNG\r\n\x1a\n"


def texts(figure: Figure) -> list[str]:
    """All that is written on the picture."""
    return [text.get_text() for text in figure.axes[0].texts]


def note_shapes(figure: Figure) -> int:
    """How many notes and hits are drawn."""
    shapes = [c for c in figure.axes[0].collections if isinstance(c, PolyCollection)]
    return sum(len(c.get_paths()) for c in shapes if c.get_zorder() == 4)


@pytest.mark.parametrize("bars", [1, 4, 17, 60])
@pytest.mark.parametrize("tracks", [0, 1, 16])
def test_every_note_is_drawn(bars: int, tracks: int) -> None:
    """As many shapes as notes; no note of this piece lies across two systems."""
    score = piece(bars, tracks=tracks)
    assert note_shapes(draw_pianoroll(score)) == score.note_count


def test_a_note_across_systems_is_in_both() -> None:
    """A note that is held over the end of a system is drawn in the next one too."""
    score = piece(32, tracks=1, drums=False)
    held = score.tracks[0].notes.copy()
    last_of_first_system = int(np.flatnonzero(held[:, 0] < 8 * 96)[-1])
    held[last_of_first_system, 1] = 96
    score = score.with_tracks([replace(score.tracks[0], notes=held)])
    assert note_shapes(draw_pianoroll(score)) == score.note_count + 1


def test_header_says_what_the_piece_is() -> None:
    """Title, genre, key, tempo, meter, length and instruments are written at the top."""
    written = texts(draw_pianoroll(piece(16), title="Morning", genre="folk"))
    assert "Morning" in written
    facts = next(text for text in written if "folk" in text)
    for fact in ("D major", "♩ = 110", "4/4", "16 bars", "0:34", "192 notes"):
        assert fact in facts
    assert "Drums" in written


def test_two_pianos_are_told_apart() -> None:
    """Tracks of one instrument have names of their own in the legend."""
    score = piece(4, tracks=1, drums=False)
    written = texts(draw_pianoroll(score.with_tracks(score.tracks * 2)))
    names = [text for text in written if text.startswith("Acoustic Grand Piano")]
    assert len(names) == len(set(names)) == 2


def test_chords_and_sections_are_written() -> None:
    """Chord names stand where chords change, section letters where sections begin."""
    chords = [Chord(0, 0, 2), Chord(1, 0, 2), Chord(2, 0, 7, "7"), Chord(3, 48, None)]
    sections = [SectionPlan(0, "A", 4), SectionPlan(4, "B", 4)]
    written = texts(draw_pianoroll(piece(8), chords=chords, sections=sections))
    assert written.count("D") == 1
    assert {"G7", "N.C.", "A", "B"} <= set(written)


def test_a_system_begins_with_the_chord_that_sounds() -> None:
    """A chord that is held over the end of a system is written again in the next one."""
    chords = [Chord(0, 0, 2), Chord(7, 48, 7), Chord(9, 0, 0)]
    written = texts(draw_pianoroll(piece(16), chords=chords))
    assert [written.count(name) for name in ("D", "G", "C")] == [1, 2, 1]


def test_chords_past_the_end_are_left_out() -> None:
    """A plan longer than the piece does no harm."""
    draw_pianoroll(piece(4), chords=[Chord(9, 0, 0)], sections=[SectionPlan(3, "A", 9)])


def test_markers_stand_for_sections() -> None:
    """Where no sections are given, the score's markers are drawn."""
    score = replace(piece(8), markers=(Marker(0, "Verse"), Marker(4 * 96, "Chorus")))
    assert {"Verse", "Chorus"} <= set(texts(draw_pianoroll(score)))


def test_changes_are_written() -> None:
    """New tempi and meters are written where they begin; what only repeats itself is not."""
    score = replace(
        piece(8),
        tempos=(Tempo.from_bpm(0, 110), Tempo.from_bpm(192, 90)),
        meters=(Meter(0, 4, 4), Meter(96, 4, 4), Meter(288, 3, 4)),
    )
    written = texts(draw_pianoroll(score))
    assert "♩ = 90" in written
    assert written.count("3/4") == 1
    assert "4/4" not in written


def test_a_title_is_never_a_formula() -> None:
    """Dollar signs, very long titles and other scripts are only text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for title in ("costs $5 or $x^$", "long " * 200, "Ελληνικά \\frac{1}"):
            assert picture_bytes(draw_pianoroll(piece(2), title=title), "png").startswith(PNG)


@pytest.mark.parametrize("score", [Score(24), piece(4, tracks=0), piece(4, tracks=1)])
def test_any_piece_has_a_picture(score: Score) -> None:
    """An empty piece, a piece of drums only and a piece without drums can all be drawn."""
    assert picture_bytes(draw_pianoroll(score), "png").startswith(PNG)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_same_piece_same_bytes(kind: str, tmp_path: Path) -> None:
    """A picture holds no date and nothing random."""
    first = picture_bytes(draw_pianoroll(piece(8), title="Same"), kind)
    assert first == picture_bytes(draw_pianoroll(piece(8), title="Same"), kind)
    assert save_pianoroll(piece(8), tmp_path / f"roll.{kind}", title="Same").read_bytes() == first


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """An existing picture is only replaced with force."""
    path = tmp_path / "roll.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="--force"):
        save_pianoroll(piece(2), path)
    assert path.read_bytes() == b"mine"
    save_pianoroll(piece(2), path, force=True)
    assert path.read_bytes().startswith(PNG)


def test_unknown_format_is_named(tmp_path: Path) -> None:
    """A picture as .gif cannot be had, and the error says what can."""
    with pytest.raises(OutputError, match="png, svg"):
        save_pianoroll(piece(2), tmp_path / "roll.gif")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("chord", "name"),
    [
        (Chord(0, 0, 0), "C"),
        (Chord(0, 0, 1, "m"), "C♯m"),
        (Chord(0, 0, 10, "M7"), "B♭maj7"),
        (Chord(0, 0, 11, "dim7"), "B°7"),
        (Chord(0, 0, None), "N.C."),
    ],
)
def test_chord_names(chord: Chord, name: str) -> None:
    """Chords are spelled as musicians write them."""
    assert chord_name(chord) == name


def test_louder_is_more_opaque() -> None:
    """Opacity rises with velocity and is never too faint to see."""
    fill, edge = shades(TRACK_COLOURS[0], np.array([1, 40, 80, 127]))
    assert (np.diff(fill[:, 3]) > 0).all()
    assert fill[0, 3] > 0.4
    assert fill.max() <= 1
    assert edge.max() <= 1


def test_long_text_is_shortened() -> None:
    """A name that does not fit ends with an ellipsis and fits."""
    text = shortened("Acoustic Grand Piano", 8.0, 0.6)
    assert text.endswith("…")
    assert text_width(text, 8.0) <= 0.6
    assert shortened("Piano", 8.0, 5.0) == "Piano"


def test_rows_broadcast() -> None:
    """Columns and single numbers become one table; no column at all is no row."""
    assert rows(1.0, np.array([2.0, 3.0]), 4.0).tolist() == [[1, 2, 4], [1, 3, 4]]
    empty: Any = np.array([])
    assert rows(1.0, empty, 4.0).shape == (0, 3)
