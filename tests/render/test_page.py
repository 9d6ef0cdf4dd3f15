"""A page of any piece can be read: all lies on it, and it is neither a ribbon nor a tower."""

from dataclasses import replace

import numpy as np
import pytest

from musegen.music.score import Meter, Score
from musegen.music.timing import bar_lines
from musegen.render.page import LEFT, RIGHT, lay_out, longest_notes_first
from tests.render.pieces import piece


@pytest.mark.parametrize("bars", [1, 4, 8, 9, 12, 13, 16, 17, 33, 64, 100, 200, 400, 1000])
@pytest.mark.parametrize("meter", [(4, 4), (3, 4), (2, 4), (6, 8), (3, 8), (8, 2)])
def test_every_bar_lies_on_the_page_once(bars: int, meter: tuple[int, int]) -> None:
    """Systems hold all bars in order, inside the page's edges, and do not overlap."""
    score = piece(bars, meter=meter)
    page = lay_out(score, header=1.2, above=0.5)
    lines = [line for system in page.systems for line in system.lines[:-1]]
    assert [*lines, page.systems[-1].end] == bar_lines(score).tolist()
    assert [s.first_bar for s in page.systems] == [lines.index(s.start) for s in page.systems]
    for system in page.systems:
        assert LEFT < system.right <= page.width - RIGHT + 1e-6
    for upper, lower in zip(page.systems, page.systems[1:], strict=False):
        assert page.roll_top(lower) + 0.5 < upper.bottom
    assert page.systems[-1].bottom > 0
    assert page.roll_top(page.systems[0]) + 0.5 + 1.2 == pytest.approx(page.height)


@pytest.mark.parametrize("bars", [4, 16, 50, 100, 200, 400])
def test_no_tower(bars: int) -> None:
    """Up to 400 bars the picture is at most about twice as high as wide, and bars stay legible."""
    page = lay_out(piece(bars), header=1.2, above=0.5)
    assert page.height <= 2.3 * page.width
    narrowest = min(float(np.diff(s.x(np.array(s.lines))).min()) for s in page.systems)
    assert narrowest >= 0.3


def test_no_widow() -> None:
    """Seventeen bars are eight and nine, not eight, eight and one."""
    page = lay_out(piece(17), header=1.2, above=0.5)
    assert [len(system.lines) - 1 for system in page.systems] == [8, 9]


def test_drums_lie_below() -> None:
    """Kick below snare, both below the pitched tracks; without drums there is no panel for them."""
    page = lay_out(piece(8), header=1.2, above=0.5)
    assert page.drums == (36, 38)
    system = page.systems[0]
    roll, drums = page.panels(system)
    assert drums[1] < roll[0]
    assert lay_out(piece(8, drums=False), 1.2, 0.5).drums == ()
    only = lay_out(piece(8, tracks=0), 1.2, 0.5)
    assert only.roll_height == 0
    assert len(only.panels(only.systems[0])) == 1


def test_every_note_is_inside_its_panel() -> None:
    """The lowest and the highest note lie inside the pitched panel."""
    score = piece(8, tracks=5)
    page = lay_out(score, 1.2, 0.5)
    system = page.systems[0]
    for track in score.tracks[:-1]:
        y = page.pitch_y(system, track.notes[:, 2])
        assert (y >= page.roll_bottom(system)).all()
        assert (y + page.lane <= page.roll_top(system) + 1e-9).all()


def test_empty_piece_has_one_bar() -> None:
    """A piece without a note is one empty bar."""
    page = lay_out(Score(24), 1.2, 0.5)
    assert len(page.systems) == 1
    assert len(page.systems[0].lines) == 2


def test_meter_changes_keep_bar_lines() -> None:
    """Bars of different lengths stand in one system at one scale."""
    score = replace(piece(4), meters=(Meter(0, 4, 4), Meter(96, 3, 4), Meter(168, 7, 8)))
    system = lay_out(score, 1.2, 0.5).systems[0]
    widths = np.diff(system.x(np.array(system.lines)))
    assert widths[1] / widths[0] == pytest.approx(3 / 4)
    assert widths[2] / widths[0] == pytest.approx(7 / 8)


def test_short_notes_lie_on_top() -> None:
    """The track with the longest notes is drawn first."""
    score = piece(2, tracks=2, drums=False)
    long = score.tracks[0].notes.copy()
    long[:, 1] = 90
    score = score.with_tracks([score.tracks[1], replace(score.tracks[0], notes=long)])
    assert longest_notes_first(score) == [1, 0]
