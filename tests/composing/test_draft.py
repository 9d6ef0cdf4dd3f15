"""A piece being written: when its rows are, and what the model sees of them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.composing.draft import Draft
from musegen.corpus.links import row_links
from musegen.corpus.windows import row_times
from musegen.tokens.fields import BAR, FORM, SEEN_LINKS, STYLE, TRACK, Rows
from musegen.tokens.limits import Limits
from tests.corpus.pieces import made_piece

PIECE = made_piece(3, bars=30, tracks=4, notes_per_bar=14)
HEAD = 6  # STYLE, FORM and four tracks


def begun(rows: Rows = PIECE, count: int = 2) -> Draft:
    """A draft that has taken the first rows."""
    chance = np.random.default_rng(0)
    return Draft(0, Limits(reading=True), rows[:count].tolist(), chance)


def test_times_of_a_piece_that_fits() -> None:
    """While everything is in view, a row's time is its time in the piece."""
    draft = begun()
    times, links = zip(*(draft.take(cells) for cells in PIECE[2:].tolist()), strict=True)
    assert list(times) == row_times(PIECE)[2:].tolist()
    assert np.array_equal(links, row_links(PIECE)[2:, : len(SEEN_LINKS)])
    assert draft.grammar.finished


@settings(max_examples=40)
@given(st.integers(64, 300), st.integers(0, 60))
def test_what_the_model_sees_goes_on_seamlessly(context: int, more: int) -> None:
    """Shown anew whenever the context is full, rows have the times of the window they stand in."""
    draft = begun()
    shown, times, links = draft.view(context)
    seen = len(shown)
    until = min(len(PIECE), context + more + 100)
    for place in range(2, until):
        if seen == context:
            window, times, links = draft.view(context)
            assert np.array_equal(times, row_times(window))
            assert np.array_equal(links, row_links(window)[:, : len(SEEN_LINKS)])
            seen = len(window)
        time, newest = draft.take(PIECE[place].tolist())
        seen += 1
        window_now = _window(PIECE[: place + 1], seen)
        assert time == row_times(window_now)[-1]
        assert newest == row_links(window_now)[-1, : len(SEEN_LINKS)].tolist()


def _window(rows: Rows, count: int) -> Rows:
    """HEAD, the section in force where the window begins inside one, and the newest rows."""
    if count == len(rows):
        return rows
    bars = np.flatnonzero(rows[:, 0] == BAR)
    for bar in bars[::-1]:
        section = int(rows[bar - 1, 0] == 4)
        before = np.flatnonzero(rows[: bar + 1, 0] == 4)
        inside = [] if section else [rows[before[-1] :][:1]]
        found = np.concatenate([rows[:HEAD], *inside, rows[bar - section :]])
        if len(found) == count:
            return found
    raise AssertionError("the window is not made of whole bars")


@settings(max_examples=60)
@given(st.integers(64, 200), st.integers(7, len(PIECE)))
def test_a_view_holds_head_and_the_newest_bars(context: int, count: int) -> None:
    """A view begins with HEAD, ends with the newest row, and leaves room to write on."""
    draft = begun(count=count)
    window, times, links = draft.view(context)
    assert (
        len(window) == len(times) == len(links) <= max(context - 1, count if count < context else 0)
    )
    assert window[:HEAD, 0].tolist() == [STYLE, FORM] + [TRACK] * 4
    assert np.array_equal(window[-1], PIECE[count - 1])
    if count < context:
        assert np.array_equal(window, PIECE[:count])
    else:
        assert len(window) <= max(context // 2 + 1, HEAD + 1 + 17)
