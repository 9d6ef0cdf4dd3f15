"""A little off, never astray."""

import numpy as np
import pytest
from hypothesis import given, settings

from musegen.errors import WishError
from musegen.music.exported import SHORTEST, exported
from musegen.music.humanize import LOUDNESS, TIMING_S, WIDEST, humanized
from musegen.music.lint.points import lint
from musegen.music.score import Score
from musegen.music.write import midi_bytes
from tests.music.test_lint import band, from_the_start
from tests.music.tunes import line, piece
from tests.strategies import grid_scores


def played(score: Score, amount: float = 1.0, seed: int = 7) -> Score:
    """The score as chance number `seed` has it played."""
    return humanized(score, amount, np.random.default_rng(seed))


@settings(max_examples=50)
@given(grid_scores().map(from_the_start))
def test_no_note_is_lost_and_no_bar_grows(score: Score) -> None:
    """As many notes as before, each pitch in its order, and the file keeps all points."""
    before, after = exported(score), played(score)
    assert after.note_count == before.note_count
    assert after.end == before.end
    assert (after.tempos, after.meters, after.keys) == (before.tempos, before.meters, before.keys)
    assert exported(after) == after
    assert {f.point for f in lint(midi_bytes(after)).findings} <= {15}


def test_onsets_and_velocities_move_as_far_as_is_said() -> None:
    """About the standard deviation that is promised, never past the widest."""
    tune = piece(line([60 + n % 12 for n in range(400)]), bars=100)
    before, after = exported(tune).tracks[0].notes, played(tune).tracks[0].notes
    moved_s = (after[:, 0] - before[:, 0]) / 960
    louder = after[:, 3] - before[:, 3]
    assert moved_s.std() == pytest.approx(TIMING_S, rel=0.15)
    assert louder.std() == pytest.approx(LOUDNESS, rel=0.15)
    assert np.abs(moved_s).max() <= WIDEST * TIMING_S + 1 / 960
    half = played(tune, 0.5).tracks[0].notes
    assert (half[:, 0] - before[:, 0]).std() / 960 == pytest.approx(TIMING_S / 2, rel=0.15)


def test_chance_decides_and_nothing_else() -> None:
    """The same chance gives the same performance, other chance another; none leaves all alone."""
    assert played(band()) == played(band()) != played(band(), seed=8)
    assert played(band(), 0) == band()


def test_trills_stay_apart() -> None:
    """One pitch struck every 48th never comes nearer than that."""
    tune = piece(line([60] * 96, step=1, length=1))
    onsets = played(tune).tracks[0].notes[:, 0]
    assert np.diff(onsets).min() >= SHORTEST


@pytest.mark.parametrize("amount", [-0.1, 1.01, float("nan")])
def test_other_amounts_are_refused(amount: float) -> None:
    """0 to 1."""
    with pytest.raises(WishError, match="0 \\(off\\) to 1"):
        played(band(), amount)
