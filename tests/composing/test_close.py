"""The last bar comes to rest."""

import numpy as np
import pytest

from musegen.composing.close import Close
from musegen.composing.composer import chance
from musegen.composing.draft import Draft
from musegen.model.sampling import Sampling
from musegen.tokens import scales
from musegen.tokens.controls import Controls, TrackPlan
from musegen.tokens.fields import BAR, END, FIELDS, KINDS, NOTE, as_rows, column, row
from musegen.tokens.head import head_rows, track_row
from musegen.tokens.limits import Limits
from tests.composing.told import Told

METERS = {meter: 1 + scales.METERS.index(meter) for meter in ((4, 4), (3, 4), (7, 8))}
PLANNED = column(BAR, "density")


def opened(left: int, meter: tuple[int, int] = (4, 4)) -> Close:
    """What has seen a bar open with so many bars left after it."""
    close = Close()
    close.take(row(BAR, bars_left=scales.bars_left_index(left), meter=METERS[meter]))
    return close


@pytest.mark.parametrize(("meter", "late"), [((4, 4), 48), ((3, 4), 36), ((7, 8), 42)])
def test_late_onsets_of_the_last_bar_are_less_likely(meter: tuple[int, int], late: int) -> None:
    """Those from the middle of the bar on, however long it is."""
    found = opened(0, meter).leaning([NOTE])
    assert found is not None
    assert found.shape == (FIELDS["onset"].size,)
    assert not found[:late].any()
    assert (found[late:] < 0).all()


def test_the_end_is_more_likely_once_something_has_sounded() -> None:
    """A last bar that is silent so far is not closed for it."""
    close = opened(0)
    assert close.leaning([]) is None
    close.take([NOTE, 0, 0, 0, 60, 23, 16])
    found = close.leaning([])
    assert found is not None
    assert found.shape == (len(KINDS),)
    assert found[END] > 0
    assert not np.delete(found, END).any()


def test_the_last_bar_is_planned_sparser() -> None:
    """By its density alone, and it alone."""
    for left, leans in ((0, True), (1, False), (16, False)):
        begun = row(BAR, bars_left=scales.bars_left_index(left), meter=METERS[4, 4])
        found = opened(2).leaning(begun[:PLANNED])
        assert (found is not None) == leans
        assert Close().leaning(begun[: PLANNED - 1]) is None
        if found is not None:
            assert found.shape == (FIELDS["density"].size,)
            assert (np.diff(found[1:]) < 0).all()


def test_bars_before_the_last_are_left_alone() -> None:
    """And so is everything of a note but its onset."""
    for left in (1, 2, 16):
        close = opened(left)
        close.take([NOTE, 0, 0, 0, 60, 23, 16])
        assert close.leaning([]) is close.leaning([NOTE]) is None
    assert opened(0).leaning([NOTE, 0]) is opened(0).leaning([NOTE, 0, 0, 0]) is None


def late_notes(close: float) -> tuple[int, int]:
    """Notes in the second half of the last bar, and of the bar before it, over 40 pieces.

    The model finds all onsets alike.
    """
    wishes = Controls(bars=2, meter=(4, 4), tracks=(TrackPlan(0),))
    model = Told({
        "kind": {BAR: 0.1, NOTE: 0.8, END: 0.1},
        "onset": dict.fromkeys(range(0, 96, 6), 1.0),
        "pitch": dict.fromkeys(range(48, 84), 1.0),
        "duration": dict.fromkeys(range(5, 96, 6), 1.0),
        "velocity": dict.fromkeys(range(8, 28), 1.0),
        "density": dict.fromkeys(range(1, FIELDS["density"].size), 1.0),
    })  # fmt: skip
    sampling = Sampling(top_p=1.0, balance=0.0, recall=0.0, heed=0.0, close=close)
    found = [0, 0]
    for number in range(40):
        head = [*head_rows(wishes, ()), track_row(wishes.tracks[0], 0)]
        draft = Draft(number, Limits.of(wishes), head, chance(0, number))
        model.write(draft, sampling)
        rows = as_rows(draft.rows)
        bar = np.cumsum(rows[:, 0] == BAR)
        late = (rows[:, 0] == NOTE) & (rows[:, column(NOTE, "onset")] >= 48)
        found[0] += int((late & (bar == 2)).sum())
        found[1] += int((late & (bar == 1)).sum())
    return found[0], found[1]


def test_pieces_come_to_rest() -> None:
    """The last bar has fewer late notes than without it; the bar before has as many."""
    last, before = late_notes(1.0)
    without, as_before = late_notes(0.0)
    assert last < 0.6 * without
    assert before == pytest.approx(as_before, rel=0.25)
