"""Rows are as likely as the model says among legal rows, not field by field."""

import numpy as np
import pytest

from musegen.composing.composer import chance
from musegen.composing.draft import Draft
from musegen.composing.drawing import draw_row
from musegen.model.sampling import Sampling, legal_share
from musegen.tokens.controls import Controls, TrackPlan
from musegen.tokens.fields import BAR, FIELDS, NOTE, column
from musegen.tokens.head import head_rows
from musegen.tokens.limits import Limits
from tests.composing.told import Told

PLAIN = Sampling(temperature=1.0, top_p=1.0, harmony=1.0)
ONSET, PITCH = column(NOTE, "onset"), column(NOTE, "pitch")


def piano(onsets: dict[int, float], pitches: dict[int, float]) -> Told:
    """Notes of the one piano, none of them held long."""
    only = {"kind": {NOTE: 1.0}, "instrument": {0: 1.0}, "number": {0: 1.0}, "duration": {6: 1.0}}
    return Told({**only, "onset": onsets, "pitch": pitches})


def one_note_down() -> Draft:
    """A piano has struck C4 at the beginning of the bar: above it only is free there."""
    wishes = Controls(meter=(4, 4), bars=2, tracks=(TrackPlan(0),))
    draft = Draft(0, Limits.of(wishes), head_rows(wishes, ("folk",)), chance(1, 0))
    free = {"low": {1: 1.0}, "high": {FIELDS["high"].size - 1: 1.0}}
    only_bars = Told({"kind": {BAR: 1.0}, **free})
    while draft.rows[-1][0] != BAR:
        draft.take(draw_row(lambda: only_bars, draft, PLAIN))
    first = piano({0: 1.0}, {60: 1.0})
    draft.take(draw_row(lambda: first, draft, PLAIN))
    assert draft.rows[-1][0] == NOTE
    assert draft.rows[-1][ONSET] == 0
    assert draft.rows[-1][PITCH] == 60
    return draft


def test_what_leads_to_little_that_is_legal_is_drawn_as_seldom() -> None:
    """Half of the odds are on the present onset, but a hundredth of those on a legal pitch."""
    draft = one_note_down()
    told = piano({0: 0.5, 12: 0.5}, {60: 0.99, 61: 0.01})
    rows = np.array([draw_row(lambda: told, draft, PLAIN) for _ in range(400)])
    here = rows[rows[:, ONSET] == 0]
    assert (here[:, PITCH] == 61).all()
    assert len(here) < 20, "about one in a hundred; field by field it would be one in two"
    later = rows[rows[:, ONSET] == 12]
    assert (later[:, PITCH] == 60).mean() > 0.95


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_has_no_legal_odds_at_all_still_ends(temperature: float) -> None:
    """A model that insists on what is not legal gets the nearest legal thing."""
    draft = one_note_down()
    told = piano({0: 1.0}, {60: 1.0})
    row = draw_row(lambda: told, draft, Sampling(temperature=temperature, top_p=1.0))
    assert row[ONSET] == 0
    assert row[PITCH] > 60


def test_the_legal_share() -> None:
    """The share of the odds, at a temperature, that the mask allows."""
    logits = np.log(np.array([0.1, 0.2, 0.3, 0.4]))
    mask = np.array([True, False, True, False])
    assert legal_share(logits, mask, 1.0) == pytest.approx(0.4)
    assert legal_share(logits, mask, 0.5) == pytest.approx(0.1 / 0.3)
    assert legal_share(logits, mask, 0.0) == 0.0
    assert legal_share(logits, ~mask, 0.0) == 1.0
    assert legal_share(logits, np.ones(4, dtype=bool), 1.0) == 1.0


def test_pitches_are_chosen_at_their_own_temperature() -> None:
    """Of two onsets and two pitches at odds of 4 to 1, cold pitches are almost always the first."""
    told = piano({0: 0.8, 12: 0.2}, {67: 0.8, 72: 0.2})
    sampling = Sampling(temperature=1.0, top_p=1.0, harmony=0.25)
    assert sampling.in_harmony.temperature == 0.25
    assert Sampling(temperature=0.0).in_harmony.temperature == 0
    stream = chance(4, 0)
    rows = []
    for _ in range(300):
        draft = one_note_down()
        draft.stream = stream
        rows.append(draw_row(lambda: told, draft, sampling))
    early = np.mean([row[ONSET] == 0 for row in rows])
    low = np.mean([row[PITCH] == 67 for row in rows])
    assert early == pytest.approx(0.8, abs=0.08)
    assert low > 0.98  # 0.8 ** 4 against 0.2 ** 4
