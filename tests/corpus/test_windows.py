"""Windows and rewrites of pieces made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.corpus.holes import draw_mask, hide, rewritable, without_hidden_plan
from musegen.corpus.windows import cut, outline, row_times, scored_rows, start_bar
from musegen.tokens import scales
from musegen.tokens.fields import (
    ALL_INSTRUMENTS,
    ANSWER,
    BAR,
    CHORD,
    DRUM_BASE,
    END,
    FORM,
    HOLE,
    MAX_HOLES,
    NOTE,
    PAD,
    SECTION,
    STYLE,
    TRACK,
    Rows,
    as_rows,
    column,
    row,
)
from tests.corpus.pieces import is_legal, made_piece

seeds = st.integers(0, 10_000)
quick = settings(max_examples=60, deadline=None)


def slow_times(rows: Rows) -> list[int]:
    """Times of rows, told one row after another."""
    times, line, length, holes, answering = [], 0, 0, {}, None
    for cells in rows.tolist():
        kind = cells[0]
        if kind == BAR:
            line, length = line + length, scales.bar_steps(*scales.METERS[cells[2] - 1])
            times.append(line)
        elif kind in (NOTE, CHORD):
            times.append((line if answering is None else holes[answering]) + cells[1])
        elif kind in (SECTION, END):
            times.append(line + length)
        elif kind == HOLE:
            holes[cells[1]] = line
            times.append(line)
        elif kind == ANSWER:
            answering = cells[1]
            times.append(holes[answering])
        else:
            times.append(0)
    return times


def test_times_count_from_the_first_bar_line() -> None:
    """A note's time is its bar's start plus its onset; END lies on the last bar line."""
    meter = 1 + list(scales.METERS).index((3, 4))
    rows = as_rows(
        [
            row(STYLE),
            row(FORM),
            row(SECTION, letter=1),
            row(BAR, meter=meter),
            row(NOTE, onset=12),
            row(SECTION, letter=2),
            row(BAR, meter=meter),
            row(CHORD, onset=24, chord=2),
            row(NOTE, onset=60),
            row(END),
        ]
    )
    assert row_times(rows).tolist() == [0, 0, 0, 0, 12, 72, 72, 96, 132, 144]


@quick
@given(seeds, st.integers(64, 400), st.integers(0, 23))
def test_a_window_is_head_then_rows_from_a_bar_line(seed: int, max_rows: int, bar: int) -> None:
    """A window holds HEAD, the section in force, and the piece's rows from the bar on, unbroken."""
    piece = made_piece(seed)
    plan = outline(piece)
    window, given = cut(piece, plan, bar, max_rows)
    assert len(window) <= max_rows
    assert (window[: plan.head] == piece[: plan.head]).all()
    body = window[max(given, plan.head) :]
    first = int(plan.starts[bar])
    assert (body == piece[first : first + len(body)]).all()
    assert body[0, 0] in (SECTION, BAR)
    assert row_times(window).tolist() == slow_times(window)
    sections = window[window[:, 0] == SECTION]
    letter = column(SECTION, "letter")
    assert sections[0, letter] == 1 + bar // 8
    scored = scored_rows(window, given)
    assert not scored[np.isin(window[:, 0], (PAD, STYLE, FORM))].any()
    assert bool(given) == (bar % 8 != 0)
    assert np.count_nonzero(~scored) == 2 + bool(given)
    assert not given or not scored[given - 1]


def test_a_short_piece_is_taken_whole() -> None:
    """A piece that fits is never cut, wherever chance would have begun it."""
    piece = made_piece(3, bars=8)
    plan = outline(piece)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert start_bar(plan, len(piece), 0.0, 0.0, 0.5, rng) == 0
    window, given = cut(piece, plan, 0, len(piece))
    assert given == 0
    assert (window == piece).all()


def test_windows_begin_at_the_start_reach_the_end_and_are_full() -> None:
    """Start and ending come up as often as asked, and every window is full enough."""
    piece = made_piece(5, bars=120)
    plan = outline(piece)
    rng = np.random.default_rng(1)
    starts, ends, fullness = 0, 0, []
    for _ in range(600):
        bar = start_bar(plan, 256, 0.35, 0.1, 0.75, rng)
        window, _ = cut(piece, plan, bar, 256)
        starts += bar == 0
        ends += window[-1, 0] == END
        fullness.append(len(window) / 256)
    assert 0.3 < starts / 600 < 0.42
    assert 0.08 < ends / 600 < 0.2
    assert min(fullness) > 0.7


def test_the_ending_window_is_the_first_that_holds_the_end() -> None:
    """With `ending` certain, END is in view and one bar earlier it would not be."""
    piece = made_piece(5, bars=120)
    plan = outline(piece)
    bar = start_bar(plan, 256, 0.0, 1.0, 0.75, np.random.default_rng(1))
    assert cut(piece, plan, bar, 256)[0][-1, 0] == END
    assert len(piece) - plan.starts[bar - 1] > 256 - plan.head - 1


def restored(rewrite: Rows) -> Rows:
    """A rewrite with its answer put back into the bars it was taken from."""
    cells = rewrite.tolist()
    first_answer = next(i for i, c in enumerate(cells) if c[0] == ANSWER)
    order = {(c[1], c[2]): place for place, c in enumerate(c for c in cells if c[0] == TRACK)}
    answers: dict[int, list[list[int]]] = {}
    for c in cells[first_answer:-1]:
        if c[0] == ANSWER:
            hole = c[1]
            answers[hole] = []
        else:
            answers[hole].append(c)
    whole: list[list[int]] = []
    pending: list[list[int]] = []

    def close() -> None:
        pending.sort(
            key=lambda c: (c[1], c[0], (order[c[2], c[3]], c[4]) if c[0] == NOTE else (0, 0))
        )
        whole.extend(pending)
        pending.clear()

    for c in cells[:first_answer]:
        if c[0] in (NOTE, CHORD):
            pending.append(c)
        elif c[0] == HOLE:
            pending.extend(answers.pop(c[1], []))
        else:
            close()
            whole.append(c)
    close()
    return as_rows(whole)


@quick
@given(seeds, st.integers(1, 5), st.integers(0, 20), st.integers(100, 500))
def test_a_rewrite_holds_the_whole_passage(seed: int, tracks: int, bar: int, max_rows: int) -> None:
    """Putting the answer back into the holes gives the passage bit for bit, and it fits."""
    piece = made_piece(seed, tracks=tracks)
    rng = np.random.default_rng(seed)
    found = rewritable(piece, outline(piece), bar, max_rows, rng)
    if found is None:
        return
    rows, mask = found
    rewrite = hide(rows, mask)
    assert len(rewrite) <= max_rows
    assert is_legal(rewrite.rows)
    back = restored(rewrite.rows)
    assert back[:, [0, 1, 2, 3, 4]].tolist() == rows[:, [0, 1, 2, 3, 4]].tolist()
    assert sorted(back.tolist()) == sorted(rows.tolist())
    assert rewrite.times.tolist() == slow_times(rewrite.rows)
    notes = rewrite.rows[:, 0] == NOTE
    told = zip(rewrite.times[notes].tolist(), rewrite.rows[notes].tolist(), strict=True)
    before = rows[:, 0] == NOTE
    asked = zip(row_times(rows)[before].tolist(), rows[before].tolist(), strict=True)
    assert sorted(told) == sorted(asked)


@quick
@given(seeds, st.integers(1, 5))
def test_holes_say_what_is_hidden(seed: int, tracks: int) -> None:
    """HOLE rows follow their BAR, count the hidden bars, and name each hidden track or all."""
    piece = made_piece(seed, tracks=tracks, bars=12)
    rng = np.random.default_rng(seed)
    found = rewritable(piece, outline(piece), 0, 512, rng)
    if found is None:
        return
    rows, mask = found
    members = [(c[1], c[2]) for c in rows.tolist() if c[0] == TRACK]
    cells = hide(rows, mask).rows.tolist()
    expected = []
    for bar, hidden in enumerate(mask.tolist()):
        if all(hidden):
            expected.append((bar, ALL_INSTRUMENTS, 0))
        else:
            named = sorted(m for m, h in zip(members, hidden, strict=True) if h)
            expected += [(bar, *member) for member in named]
    number = {bar: n for n, bar in enumerate(dict.fromkeys(bar for bar, _, _ in expected))}
    found_holes, bar, previous = [], -1, STYLE
    for c in cells:
        bar += c[0] == BAR
        if c[0] == HOLE:
            assert previous in (BAR, HOLE)
            found_holes.append((bar, c[2], c[3]))
            assert c[1] == number[bar]
        previous = c[0]
    assert found_holes == expected
    assert [c[1] for c in cells if c[0] == ANSWER] == list(range(len(number)))


def test_only_the_answer_of_a_rewrite_is_scored() -> None:
    """Everything from the first ANSWER to END is scored, and nothing before it."""
    piece = made_piece(1, bars=8)
    rows = piece[:-1]
    mask = np.zeros((8, 3), dtype=bool)
    mask[2:4] = True
    mask[6, 1] = True
    rewrite = hide(rows, mask)
    first = rewrite.rows[:, 0].tolist().index(ANSWER)
    assert rewrite.scored.tolist() == [i >= first for i in range(len(rewrite))]
    assert rewrite.rows[-1, 0] == END
    assert rewrite.times[-1] == row_times(piece)[-1]


def test_an_empty_cell_can_be_hidden() -> None:
    """A bar without notes is asked for too, and its answer is empty."""
    rows = as_rows([row(STYLE), row(FORM), row(TRACK), row(BAR, meter=1), row(BAR, meter=1)])
    rewrite = hide(rows, np.array([[False], [True]]))
    kinds = rewrite.rows[:, 0].tolist()
    assert kinds == [STYLE, FORM, TRACK, BAR, BAR, HOLE, ANSWER, END]


def test_no_more_bars_are_hidden_than_holes_have_numbers() -> None:
    """A rewrite of a long, thin piece stops where hole numbers end."""
    piece = made_piece(2, bars=300, tracks=1, notes_per_bar=1)
    plan = outline(piece)
    for seed in range(30):
        found = rewritable(piece, plan, 0, 4096, np.random.default_rng(seed))
        assert found is not None
        assert found[1].any(axis=1).sum() <= MAX_HOLES


def test_a_thin_rewrite_for_many_tracks_still_fits() -> None:
    """Where there are more HOLE rows than notes, fewer bars are taken."""
    piece = made_piece(2, bars=200, tracks=12, notes_per_bar=1)
    plan = outline(piece)
    for seed in range(30):
        found = rewritable(piece, plan, 0, 400, np.random.default_rng(seed))
        if found is not None:
            assert len(hide(*found)) <= 400


def test_masks_are_of_every_form() -> None:
    """Whole bars, whole tracks, single cells and continuation all come up."""
    rng = np.random.default_rng(0)
    masks = [draw_mask(16, 4, rng) for _ in range(300)]
    whole_bars = [m for m in masks if m.any() and (m.all(axis=1) == m.any(axis=1)).all()]
    whole_tracks = [m for m in masks if m.any() and (m.all(axis=0) == m.any(axis=0)).all()]
    continuations = [m for m in whole_bars if m[-1].all() and not m[0].any()]
    assert len(whole_bars) > 30
    assert len(whole_tracks) > 20
    assert len(continuations) > 10


def test_the_plan_of_hidden_bars_can_be_unsaid() -> None:
    """Hidden bars lose density, repeats and chords; the others keep everything."""
    rows = made_piece(1, bars=8)[:-1]
    mask = np.zeros((8, 3), dtype=bool)
    mask[2] = True
    mask[5, 0] = True
    quiet = without_hidden_plan(rows, mask)
    bars = quiet[quiet[:, 0] == BAR]
    for name in ("back", "likeness", "density"):
        said = bars[:, column(BAR, name)] != 0
        assert said.tolist() == [True, True, False, True, True, False, True, True]
    assert (bars[:, column(BAR, "chord")] != 0).tolist() == [b != 2 for b in range(8)]
    at = np.cumsum(quiet[:, 0] == BAR)[quiet[:, 0] == CHORD] - 1
    assert at.tolist() == [0, 1, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("drums", [False, True])
def test_made_pieces_are_legal(drums: bool) -> None:
    """The pieces of these tests are rows that the event table allows."""
    piece = made_piece(4, drums=drums)
    assert is_legal(piece)
    notes = piece[piece[:, 0] == NOTE]
    assert (notes[:, column(NOTE, "instrument")] >= DRUM_BASE).any() == drums
