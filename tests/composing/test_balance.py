"""Tracks that fall behind what was planned of them are favoured."""

from collections.abc import Callable

import numpy as np
import pytest

from musegen.composing.balance import AHEAD, BEHIND, Balance, leaned
from musegen.composing.composer import chance
from musegen.composing.draft import Draft
from musegen.errors import SettingError
from musegen.model.sampling import Sampling
from musegen.tokens import scales
from musegen.tokens.controls import Controls, TrackPlan
from musegen.tokens.fields import BAR, FIELDS, NOTE, column, row
from musegen.tokens.head import head_rows, track_row
from musegen.tokens.limits import Limits
from tests.composing.told import Told

FOUR_FOUR = 1 + list(scales.METERS).index((4, 4))
PIANO, SECOND, BASS = (0, 0), (0, 1), (33, 0)
PLANS = (
    (TrackPlan(0, density=2.0), 0),
    (TrackPlan(0, density=1.0), 1),
    (TrackPlan(33, density=1.0), 0),
)


def bar() -> list[int]:
    """A BAR row of 4/4."""
    return row(BAR, bars_left=0, meter=FOUR_FOUR, tempo=100)


def note(track: tuple[int, int], onset: int = 0) -> list[int]:
    """A NOTE row of a track."""
    return row(NOTE, onset=onset, instrument=track[0], number=track[1], pitch=60)


def begun(may_sound: Callable[[int, int], bool] = lambda bar, instrument: True) -> Balance:
    """Two pianos and a bass, no bar yet."""
    balance = Balance(may_sound)
    for plan, number in PLANS:
        balance.take(track_row(plan, number))
    return balance


def test_a_silent_track_falls_behind() -> None:
    """It leans ever more while others play what is due; who plays too much leans the other way."""
    balance = begun()
    leanings = []
    for _ in range(8):
        balance.take(bar())
        leanings.append(balance.behind(BASS, 0))
        for _ in range(8):
            balance.take(note(PIANO))
        for _ in range(12):
            balance.take(note(SECOND))
    assert leanings == sorted(leanings)
    assert leanings[0] < 0.3
    assert leanings[-1] == BEHIND
    assert abs(balance.behind(PIANO, 95)) < 0.1  # 2 notes a quarter were due, and came
    assert balance.behind(SECOND, 0) == AHEAD


def test_notes_due_are_counted_to_the_onset() -> None:
    """Due over played, each with the slack of a bar and a note: by hand."""
    balance = begun()
    balance.take(bar())
    balance.take(note(BASS))
    # 1 note a quarter: at the third beat three quarters are due, and one was played
    assert balance.behind(BASS, 48) == pytest.approx(np.log((1 * 3 + 5) / (1 + 5)))


def test_leaning_by_field() -> None:
    """Of one instrument's tracks the one behind speaks for it; their numbers lean each alone."""
    balance = begun()
    balance.take(bar())
    for _ in range(9):
        balance.take(note(PIANO))
    leaning = balance.leaning([NOTE, 24])
    assert set(leaning) == {0, 33}
    assert leaning[0] == balance.behind(SECOND, 24) > balance.behind(PIANO, 24)
    numbers = balance.leaning([NOTE, 24, 0])
    assert numbers == {0: balance.behind(PIANO, 24), 1: balance.behind(SECOND, 24)}
    moved = leaned(np.zeros(3, dtype=np.float32), numbers, 2.0)
    assert moved == pytest.approx([2 * numbers[0], 2 * numbers[1], 0.0])


def test_nothing_is_due_where_a_track_may_not_sound() -> None:
    """In a section without it a track does not fall behind."""
    balance = begun(lambda number, instrument: instrument == 0 or number >= 4)
    for number in range(5):
        balance.take(bar())
        assert (33 in balance.leaning([NOTE, 0])) == (number >= 4)
    assert balance.behind(BASS, 0) < 0.3


def test_tracks_without_a_plan_do_not_lean() -> None:
    """Where no density is said there is nothing to fall behind."""
    balance = Balance(lambda bar, instrument: True)
    balance.take(track_row(TrackPlan(0), 0))
    balance.take(bar())
    balance.take(note(PIANO))
    assert balance.leaning([NOTE, 0]) == {}


@pytest.mark.parametrize(("balance", "least", "most"), [(0.0, 0.1, 0.3), (3.0, 0.4, 0.7)])
def test_planned_tracks_are_heard(balance: float, least: float, most: float) -> None:
    """A flute that is to play 4 of 6.5 notes does, where the model alone gives it one in six."""
    programs = (0, 24, 32, 48, 56, 73)
    tracks = tuple(TrackPlan(p, density=4.0 if p == 73 else 0.5) for p in programs)
    wishes = Controls(bars=16, meter=(4, 4), tracks=tracks)
    draft = Draft(0, Limits.of(wishes), head_rows(wishes, ()), chance(0, 0))
    odds = {
        "kind": {BAR: 0.02, NOTE: 0.98},
        "onset": {onset: np.exp(-onset / 5) for onset in range(FIELDS["onset"].size)},
        "duration": dict.fromkeys(range(6), 1.0),
    }
    model = Told(odds)  # short notes, five steps after one another, of whomever
    sampling = Sampling(top_p=1.0, balance=balance, close=0.0)
    model.write(draft, sampling)
    played = [r[column(NOTE, "instrument")] for r in draft.rows if r[0] == NOTE]
    assert len(played) > 60
    assert least < played.count(73) / len(played) < most


def test_balance_out_of_range() -> None:
    """A negative balance would silence who is behind."""
    with pytest.raises(SettingError, match="balance"):
        Sampling(balance=-1.0)
