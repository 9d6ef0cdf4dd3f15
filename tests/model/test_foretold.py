"""Which rows are foretold: found without the model, those of a kind together."""

import numpy as np

from musegen.model.foretold import foretold
from musegen.tokens.fields import BAR, END, FORM, KINDS, NOTE, STYLE, TABLE, TRACK, as_rows, row

PIECE = as_rows(
    [
        row(STYLE, genre=1),
        row(FORM, bars=2),
        row(NOTE, onset=24, pitch=60),
        row(BAR, bars_left=0, meter=4, tempo=100),
        row(NOTE, onset=0, pitch=64),
        row(TRACK, instrument=3, low=10),
        row(END),
    ]
)


def test_rows_of_a_kind_lie_together() -> None:
    """In the order of the batch; numbers go on from one example to the next."""
    rows = np.stack([PIECE, PIECE])
    scored = np.ones(rows.shape[:2], dtype=bool)
    scored[0, 2] = False
    found = foretold(TABLE, rows, scored)
    assert found.at[found.spans[NOTE]].tolist() == [4, 9, 11]
    assert found.at[found.spans[TRACK]].tolist() == [5, 12]
    assert sum(span.stop - span.start for span in found.spans) == len(found.at) == 11
    assert found.counts["kind"] == 11


def test_what_is_unset_does_not_count() -> None:
    """An optional field counts where it says something, a field that must be drawn always."""
    found = foretold(TABLE, PIECE[None], np.ones((1, len(PIECE)), dtype=bool))
    assert found.counts["TRACK.low"] == 1
    assert found.counts["TRACK.high"] == 0
    assert found.counts["NOTE.onset"] == 2, "an onset of 0 is one"
    assert not any(key.startswith(("STYLE", "FORM")) for key in found.counts)


def test_the_first_row_has_nothing_before_it() -> None:
    """It is never foretold; where nothing is, there are empty spans."""
    scored = np.zeros((1, len(PIECE)), dtype=bool)
    scored[0, 0] = True
    found = foretold(TABLE, PIECE[None], scored)
    assert not len(found.at)
    assert found.counts == {"kind": 0}
    assert len(found.spans) == len(KINDS)
