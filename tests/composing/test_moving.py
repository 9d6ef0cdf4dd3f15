"""What nobody wished for follows what somebody wished for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.composing.moving import FARTHEST, moved_to_wishes
from musegen.tokens import scales
from musegen.tokens.controls import Controls, TrackPlan

CHORALE = Controls(
    genre="baroque-chorale", valence=0.2, arousal=-0.2, tempo=80, density=2.0, loudness=76.0,
    key=(2, "major"), meter=(4, 4),
    tracks=(TrackPlan(0, density=1.0, loudness=76.0, low=60, high=80), TrackPlan(52)),
)  # fmt: skip


def test_excited_is_faster_busier_and_louder() -> None:
    """And calm the reverse; key, meter, instruments and registers stay."""
    excited = moved_to_wishes(CHORALE, Controls(arousal=0.9))
    calm = moved_to_wishes(CHORALE, Controls(arousal=-0.9))
    for name in ("tempo", "density", "loudness"):
        low, plain, high = (getattr(c, name) for c in (calm, CHORALE, excited))
        assert low < plain < high, name
    assert calm.tracks[0].loudness < 76 < excited.tracks[0].loudness  # type: ignore[operator]
    assert calm.tracks[0].density < 1 < excited.tracks[0].density  # type: ignore[operator]
    assert excited.tracks[1] == TrackPlan(52), "of what nothing is known nothing is said"
    assert excited.valence > 0.2 > calm.valence, "fast and busy music is happier"  # type: ignore[operator]
    plain = {"tempo": 80, "density": 2.0, "loudness": 76.0, "valence": 0.2}
    assert replace(excited, **plain, tracks=CHORALE.tracks) == CHORALE


def test_sad_is_minor_and_happy_is_major() -> None:
    """With the same tonic, where the mode is what is missing; a key that is wished stays wished."""
    sad = moved_to_wishes(CHORALE, Controls(valence=-0.8))
    assert replace(sad, valence=0.2, tracks=CHORALE.tracks) == replace(CHORALE, key=(2, "minor"))
    assert sad.valence == pytest.approx(-0.5, abs=0.1), "what the other mode makes of it"
    dark = replace(CHORALE, key=(9, "minor"), valence=-0.4)
    assert moved_to_wishes(dark, Controls(valence=0.9)).key == (9, "major")
    assert moved_to_wishes(dark, Controls(valence=-0.1)).key == (9, "minor")


def test_what_the_mode_does_not_make_happier_the_register_does() -> None:
    """By a little for a little, by half an octave at most; drums and unknown registers stay."""
    tracks = (
        *CHORALE.tracks,
        TrackPlan(0, is_drum=True, low=36, high=50),
        TrackPlan(1, low=1, high=9),
    )
    piece = replace(CHORALE, tracks=tracks)

    def lows(valence: float) -> list[int | None]:
        return [t.low for t in moved_to_wishes(piece, Controls(valence=valence)).tracks]

    assert lows(0.2) == [60, None, 36, 1]
    assert lows(0.3) == [62, None, 36, 3]
    assert lows(0.9) == [66, None, 36, 7]
    assert lows(-0.05) == [56, None, 36, 0]


def test_tracks_are_as_busy_as_the_piece_is_to_be() -> None:
    """Twice as dense, half as full, ten steps softer: each of its tracks, where it is known."""
    piece = replace(CHORALE, polyphony=3.0)
    piece = replace(piece, tracks=(replace(piece.tracks[0], polyphony=2.0), piece.tracks[1]))
    moved = moved_to_wishes(piece, Controls(density=4.0, polyphony=1.5, loudness=66.0))
    first, second = moved.tracks
    assert (first.density, first.polyphony) == (2.0, 1.0)
    assert first.loudness == scales.LOUDNESS.snap(66.0)
    assert second == piece.tracks[1]
    assert moved == replace(piece, tracks=moved.tracks), "the wishes themselves are told anyway"


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_no_farther_than_it_may(wished: float, there: float) -> None:
    """Whatever is wished, everything stays within its bounds and its scale."""
    moved = moved_to_wishes(replace(CHORALE, arousal=there), Controls(arousal=wished))
    assert moved.tempo is not None
    assert moved.loudness is not None
    assert 80 * 2 ** -FARTHEST["tempo"] - 1 <= moved.tempo <= 80 * 2 ** FARTHEST["tempo"] + 1
    assert abs(moved.loudness - 76) <= FARTHEST["loudness"] + 4
    assert moved.loudness in scales.LOUDNESS.values


@pytest.mark.parametrize(
    ("precedent", "wishes"),
    [
        (CHORALE, Controls(valence=0.2)),
        (replace(CHORALE, valence=None), Controls(valence=-0.9)),
        (CHORALE, Controls(loudness=76.0, density=2.0)),
        (CHORALE, Controls(polyphony=4.0)),
        (replace(CHORALE, arousal=None), Controls(arousal=0.9)),
        (CHORALE, Controls(arousal=-0.2)),
    ],
)
def test_where_nothing_is_wished_nothing_moves(precedent: Controls, wishes: Controls) -> None:
    """Nor where it is not known how the precedent is, nor where it is as is wished."""
    assert moved_to_wishes(precedent, wishes) == precedent
