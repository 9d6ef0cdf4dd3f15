"""What nobody wished for follows the excitement that somebody wished for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.composing.moving import FARTHEST, moved_to_mood
from musegen.tokens import scales
from musegen.tokens.controls import Controls, TrackPlan

CHORALE = Controls(
    genre="baroque-chorale", valence=0.2, arousal=-0.2, tempo=80, density=2.0, loudness=76.0,
    key=(2, "major"), meter=(4, 4),
    tracks=(TrackPlan(0, density=1.0, loudness=76.0, low=60, high=80), TrackPlan(52)),
)  # fmt: skip


def test_excited_is_faster_busier_and_louder() -> None:
    """And calm the reverse; key, meter, instruments and registers stay."""
    excited = moved_to_mood(CHORALE, Controls(arousal=0.9))
    calm = moved_to_mood(CHORALE, Controls(arousal=-0.9))
    for name in ("tempo", "density", "loudness"):
        low, plain, high = (getattr(c, name) for c in (calm, CHORALE, excited))
        assert low < plain < high, name
    assert calm.tracks[0].loudness < 76 < excited.tracks[0].loudness  # type: ignore[operator]
    assert calm.tracks[0].density < 1 < excited.tracks[0].density  # type: ignore[operator]
    assert excited.tracks[1] == TrackPlan(52), "of what nothing is known nothing is said"
    kept = replace(excited, tempo=80, density=2.0, loudness=76.0, tracks=CHORALE.tracks)
    assert kept == CHORALE


def test_sad_is_minor_and_happy_is_major() -> None:
    """With the same tonic, where the mode is what is missing; a key that is wished stays wished."""
    sad = moved_to_mood(CHORALE, Controls(valence=-0.8))
    assert sad == replace(CHORALE, key=(2, "minor"))
    dark = replace(CHORALE, key=(9, "minor"), valence=-0.4)
    assert moved_to_mood(dark, Controls(valence=0.9)).key == (9, "major")
    assert moved_to_mood(dark, Controls(valence=-0.1)).key == (9, "minor")


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_no_farther_than_it_may(wished: float, there: float) -> None:
    """Whatever is wished, everything stays within its bounds and its scale."""
    moved = moved_to_mood(replace(CHORALE, arousal=there), Controls(arousal=wished))
    assert moved.tempo is not None
    assert moved.loudness is not None
    assert 80 * 2 ** -FARTHEST["tempo"] - 1 <= moved.tempo <= 80 * 2 ** FARTHEST["tempo"] + 1
    assert abs(moved.loudness - 76) <= FARTHEST["loudness"] + 4
    assert moved.loudness in scales.LOUDNESS.values


@pytest.mark.parametrize(
    ("precedent", "wishes"),
    [
        (CHORALE, Controls(valence=0.9)),
        (CHORALE, Controls(valence=0.1)),
        (replace(CHORALE, valence=None), Controls(valence=-0.9)),
        (replace(CHORALE, key=None), Controls(valence=-0.9)),
        (replace(CHORALE, arousal=None), Controls(arousal=0.9)),
        (CHORALE, Controls(arousal=-0.2)),
    ],
)
def test_where_nothing_is_wished_nothing_moves(precedent: Controls, wishes: Controls) -> None:
    """Nor where it is not known how excited the precedent is, nor where it is as is wished."""
    assert moved_to_mood(precedent, wishes) == precedent
