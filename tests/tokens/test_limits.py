"""Wishes that are kept exactly, and those that cannot be kept together."""

import re

import pytest

from musegen.errors import WishError
from musegen.tokens.controls import Chord, Controls, SectionPlan, TrackPlan
from musegen.tokens.grammar import Grammar
from musegen.tokens.limits import Limits

PIANO, DRUMS = TrackPlan(0), TrackPlan(0, True)


def test_wishes_become_limits() -> None:
    """Bars, meter, tempo, instruments and drums of the wishes are the limits of the grammar."""
    wished = Controls(bars=8, meter=(6, 8), tempo=90, tracks=(DRUMS, TrackPlan(40), PIANO))
    assert Limits.of(wished) == Limits(
        bars=8,
        meters=((0, (6, 8)),),
        tempos=((0, 90),),
        instruments=((0, False), (40, False), (0, True)),
        tracks=(PIANO, TrackPlan(40), DRUMS),
    )


def test_nothing_wished_limits_nothing() -> None:
    """Without wishes everything is left to the model."""
    assert Limits.of(Controls()) == Limits()


IMPOSSIBLE = {
    "at most one drum track": Controls(tracks=(DRUMS, TrackPlan(8, True))),
    "at most 15 pitched tracks": Controls(tracks=(PIANO,) * 16),
    "drum kit 3 does not exist; kits are (0, 8,": Controls(tracks=(TrackPlan(3, True),)),
    "there is no program 128": Controls(tracks=(TrackPlan(128),)),
    "3 tracks and 1 instruments were asked for": Controls(tracks=(PIANO,), track_count=3),
    "drums were asked for, but the instruments hold none": Controls(tracks=(PIANO,), drums=True),
    "no drums were asked for": Controls(tracks=(PIANO, DRUMS), drums=False),
    "16 tracks need drums": Controls(track_count=16, drums=False),
}


@pytest.mark.parametrize("message", IMPOSSIBLE)
def test_wishes_that_contradict_each_other(message: str) -> None:
    """Wishes that cannot be kept together are refused in words that say which."""
    with pytest.raises(WishError, match=re.escape(message)):
        Limits.of(IMPOSSIBLE[message])


def test_the_grammar_refuses_them_too() -> None:
    """Limits made by hand are checked where they are used."""
    with pytest.raises(WishError, match="16 tracks need drums"):
        Grammar(Limits(track_count=16, drums=False))


def test_changes_hold_until_the_next() -> None:
    """A meter wished from bar 2 on holds in bar 5; before the first there is none."""
    limits = Limits(meters=((2, (3, 4)), (6, (4, 4))), tempos=((0, 100),))
    assert [limits.meter_at(bar) for bar in (1, 2, 5, 6, 99)] == [
        None, (3, 4), (3, 4), (4, 4), (4, 4),
    ]  # fmt: skip
    assert limits.tempo_at(7) == 100
    assert limits.with_bars(4).bars == 4


def test_an_exact_repeat_has_the_chords_of_what_it_repeats() -> None:
    """Other chords in it contradict it; the same ones do not."""
    form = (SectionPlan(0, "A", 1), SectionPlan(1, "A", 1, repeat="exact"))
    same = (Chord(0, 0, 2, "m"), Chord(1, 0, 2, "m"))
    assert Limits.of(Controls(sections=form, chords=same)).chords == same
    for chords in ((*same[:1], Chord(1, 0, 4, "m")), same[:1], same[1:]):
        with pytest.raises(WishError, match="chords"):
            Limits.of(Controls(sections=form, chords=chords))
