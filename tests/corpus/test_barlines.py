"""Bar lines fall where the score has them, whatever its first and last bars are."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.corpus.barlines import Measure, laid_out
from musegen.errors import CorpusError


def measure(quarters: float, numerator: int = 4, denominator: int = 4) -> Measure:
    """A measure of so many quarters."""
    return Fraction(quarters), numerator, denominator


def starts(measures: list[Measure]) -> list[float]:
    """Where each measure begins, in quarters."""
    return [float(bar.start) for bar in laid_out(measures).bars]


def test_a_pickup_fills_its_bar_with_a_rest() -> None:
    """An upbeat of one quarter begins on the fourth beat, and the first whole bar at four."""
    assert starts([measure(1), measure(4), measure(4)]) == [3, 4, 8]


def test_a_repeat_in_the_middle_of_a_bar() -> None:
    """Where a section ends a quarter short and its upbeat comes again, both are one bar."""
    layout = laid_out([measure(1), measure(4), measure(3), measure(1), measure(4), measure(3)])
    assert [float(bar.start) for bar in layout.bars] == [3, 4, 8, 11, 12, 16]
    assert (len(layout.changes), layout.irregular) == (1, 0)


def test_a_bar_of_another_length_has_its_own_meter() -> None:
    """A bar that is short without reason, or long, is what it is; the next begins on its line."""
    layout = laid_out([measure(4), measure(2), measure(4), measure(5), measure(4)])
    assert [float(bar.start) for bar in layout.bars] == [0, 4, 6, 10, 15]
    meters = [(float(quarter), n, d) for quarter, n, d in layout.changes]
    assert meters == [(0, 4, 4), (4, 2, 4), (6, 4, 4), (10, 5, 4), (15, 4, 4)]
    assert layout.irregular == 2


def test_beats_are_halved_where_needed() -> None:
    """Three eighths in 2/4 are 3/8; a slip of a 16th is an error that names the bar."""
    assert laid_out([measure(2, 2), measure(1.5, 2), measure(2, 2)]).changes[1][1:] == (3, 8)
    with pytest.raises(CorpusError, match=r"bar 2, as played, lasts 2\.25 quarters in .* 2/4"):
        laid_out([measure(2, 2), measure(2.25, 2), measure(2, 2)])


def test_the_last_bar_is_filled_with_silence() -> None:
    """A last bar that makes up for the upbeat needs no meter of its own."""
    layout = laid_out([measure(1, 3), measure(3, 3), measure(2, 3)])
    assert layout.irregular == 0
    assert float(layout.bars[-1].start) == 6


def test_empty_measures_take_no_time() -> None:
    """An empty measure is passed over, also before an upbeat."""
    assert starts([measure(0), measure(1), measure(4), measure(0), measure(4)]) == [0, 3, 4, 8, 8]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=20), st.sampled_from([3, 4]))
def test_no_time_is_lost(eighths: list[int], numerator: int) -> None:
    """Whatever the lengths, each measure begins where the one before it ends."""
    layout = laid_out([measure(n / 2, numerator) for n in eighths])
    for before, after in zip(layout.bars, layout.bars[1:], strict=False):
        assert before.start + before.length == after.start
    first = [change for change in layout.changes if change[0] <= layout.bars[0].start]
    assert first[0][0] == 0
