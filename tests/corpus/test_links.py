"""What rows point back to: told at once, one row after another, and as the words say it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.corpus.holes import hide, rewritable
from musegen.corpus.links import Linker, row_links
from musegen.corpus.windows import outline, row_bars
from musegen.tokens.fields import (
    ANSWER,
    BAR,
    CHORD,
    END,
    FORM,
    LINK_PLACE,
    NOTE,
    SECTION,
    SEEN_LINKS,
    STYLE,
    TRACK,
    Rows,
    as_rows,
    column,
    row,
)
from tests.corpus.pieces import made_piece

seeds = st.integers(0, 10_000)


def with_repeats(rows: Rows, seed: int) -> Rows:
    """The piece with a plan in which any bar may come back."""
    rows = rows.copy()
    bars = np.flatnonzero(rows[:, 0] == BAR)
    back = np.random.default_rng(seed).integers(0, 6, len(bars))
    rows[bars, column(BAR, "back")] = np.where(back <= np.arange(len(bars)), back + 1, 1)
    return rows


def a_window(seed: int, rewrite: bool) -> Rows:
    """A piece, or a rewrite of it."""
    piece = with_repeats(made_piece(seed, bars=9, tracks=4), seed)
    if not rewrite:
        return piece
    found = rewritable(piece, outline(piece), 0, 400, np.random.default_rng(seed))
    return piece if found is None else hide(*found).rows


def newest(rows: Rows, kinds: tuple[int, ...], upto: int) -> int:
    """The newest of the first rows that is of these kinds, -1 where there is none."""
    found = [place for place in range(upto) if rows[place, 0] in kinds]
    return found[-1] if found else -1


def in_words(rows: Rows, place: int) -> dict[str, int]:
    """The links of one row of a window, found by searching for what the words say."""
    kind = rows[place, 0]
    bars, answer = row_bars(rows), newest(rows, (ANSWER,), place + 1)
    begins = {int(bars[p]): int(p) for p in np.flatnonzero(rows[:, 0] == BAR)}
    own = begins.get(int(bars[place]), -1)
    chord = newest(rows, (BAR, CHORD), place + 1) if answer < 0 else own
    track, before = -1, -1
    if kind == NOTE:
        for other in range(place):
            if rows[other, 0] in (TRACK, NOTE):
                first = 1 if rows[other, 0] == TRACK else 2
                if rows[other, first : first + 2].tolist() == rows[place, 2:4].tolist():
                    if rows[other, 0] == TRACK:
                        track = other
                    else:
                        key = [(bars[p], rows[p, 1], p) for p in (other, place, before)]
                        if key[0] < key[1] and (before < 0 or key[0] > key[2]):
                            before = other
    return {
        "style": newest(rows, (STYLE,), place + 1),
        "form": newest(rows, (FORM,), place + 1),
        "section": newest(rows, (SECTION,), place + 1),
        "bar": own,
        "chord": chord,
        "echo": echo_in_words(rows, place, bars, begins),
        "prior": newest(rows, (int(kind),), place),
        "track": track,
        "before": before,
    }


def echo_in_words(rows: Rows, place: int, bars: np.ndarray, begins: dict[int, int]) -> int:
    """The first visible note, later in the bar, of the bar that this row's bar goes back to."""
    bar = int(bars[place])
    if bar < 0:
        return -1
    back = int(rows[begins[bar], column(BAR, "back")]) - 1
    source = bar - (back if back > 0 else 1)
    if source < 0:
        return -1

    def order(number: int) -> tuple[int, ...]:
        if rows[number, 0] == NOTE:
            track = rows[number, 1:4].tolist()
            before = [n for n in range(number) if bars[n] == bars[number] and rows[n, 0] == NOTE]
            return (*track, sum(rows[n, 1:4].tolist() == track for n in before))
        return (int(rows[number, 1]), -1) if rows[number, 0] == CHORD else (-1,)

    answers = newest(rows, (ANSWER,), len(rows))
    visible = len(rows) if answers < 0 else int(np.flatnonzero(rows[:, 0] == ANSWER)[0])
    notes = [n for n in range(visible) if rows[n, 0] == NOTE and bars[n] == source]
    here = order(place)
    later = [n for n in notes if order(n) > here]
    return min(later, key=order) if later else begins[source + 1]


@settings(max_examples=20, deadline=None)
@given(seeds, st.booleans())
def test_links_are_what_the_words_say(seed: int, rewrite: bool) -> None:
    """Every link of every row is the row that its description names."""
    rows = a_window(seed, rewrite)
    links = row_links(rows)
    for place in np.random.default_rng(seed).integers(0, len(rows), 30).tolist():
        found = dict(zip(LINK_PLACE, links[place].tolist(), strict=True))
        assert found == in_words(rows, place)


@settings(max_examples=40, deadline=None)
@given(seeds, st.booleans())
def test_one_row_after_another(seed: int, rewrite: bool) -> None:
    """Rows that come one at a time have the links that they have in the whole window."""
    rows = a_window(seed, rewrite)
    links = row_links(rows)
    linker = Linker()
    for place, cells in enumerate(rows.tolist()):
        assert linker.prior(cells[0]) == links[place, LINK_PLACE["prior"]]
        if cells[0] == NOTE:
            assert linker.own(cells[2], cells[3]) == tuple(links[place, LINK_PLACE["track"] :])
        assert linker.take(cells) == links[place, : len(SEEN_LINKS)].tolist()


@given(seeds)
def test_links_point_back(seed: int) -> None:
    """No row points to a later one, and only to itself where it is what others will point to."""
    rows = a_window(seed, rewrite=seed % 2 == 0)
    links = row_links(rows)
    places = np.arange(len(rows))[:, None]
    assert (links <= places).all()
    assert (links[:, len(SEEN_LINKS) :] < places).all()
    assert (links[:, LINK_PLACE["echo"]] <= np.arange(len(rows))).all()


def test_a_bar_that_comes_back() -> None:
    """In a bar that repeats the first one, each note points to the next note of the first bar."""
    first = [row(NOTE, onset=o, instrument=0, pitch=60 + o, duration=5) for o in (0, 24, 48)]
    other = [row(NOTE, onset=o, instrument=0, pitch=40, duration=5) for o in (0, 36)]
    again = row(BAR, meter=1, back=3, likeness=3)
    plain = row(BAR, meter=1, back=1, likeness=1)
    rows = as_rows([row(STYLE), row(FORM), plain, *first, plain, *other, again, *first, row(END)])
    echo = row_links(rows)[:, LINK_PLACE["echo"]].tolist()
    assert echo[2:6] == [-1] * 4, "nothing comes before the first bar"
    assert echo[6:9] == [3, 4, 5], "a new bar points into the bar before, after its own place"
    assert echo[9:13] == [3, 4, 5, 6], "and the repeat through its model, then to its end"
