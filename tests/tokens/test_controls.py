"""Wishes: what may be wished, and what is said to who wishes something else."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.errors import MusegenError, WishError
from musegen.tokens import scales
from musegen.tokens.controls import Chord, Controls, TrackPlan
from musegen.tokens.ids import chord_id, chord_of, instrument_id, instrument_of
from musegen.tokens.wishes import key_name, parse_key, parse_meter, parse_tracks

IMPOSSIBLE = [
    ({"bars": 0}, "bars 0 is out of range: allowed is 1 to 512"),
    ({"bars": 513}, "bars 513 is out of range"),
    ({"tempo": 9999}, "tempo 9999 is out of range: allowed is 16 to 300"),
    ({"tempo": 99.5}, "tempo 99.5 must be a whole number"),
    ({"meter": (5, 0)}, "meter 5/0 cannot be used: the lower number must be 1, 2, 4, 8, 16 or 32"),
    ({"meter": (0, 4)}, "meter 0/4 cannot be used"),
    ({"meter": (17, 4)}, "meter 17/4 cannot be used"),
    ({"meter": (4, 3)}, "meter 4/3 cannot be used"),
    ({"valence": 1.5}, "valence 1.5 is out of range: allowed is -1 to 1"),
    ({"arousal": math.nan}, "arousal nan is out of range"),
    ({"density": -1}, "density -1 is out of range: allowed is 0 and more"),
    ({"polyphony": -0.5}, "polyphony -0.5 is out of range"),
    ({"loudness": 128}, "loudness 128 is out of range: allowed is 0 to 127"),
    ({"key": (12, "major")}, "key (12, 'major') must be a pitch class 0 to 11"),
    ({"key": (0, "dorian")}, "must be a pitch class 0 to 11 and major or minor"),
    ({"track_count": 17}, "number of tracks 17 is out of range: allowed is 1 to 16"),
    ({"tracks": (TrackPlan(0),) * 17}, "17 tracks were asked for; a piece has at most 16"),
    ({"chords": (Chord(0, 0, 0, "m9"),)}, "unknown chord quality 'm9'; did you mean"),
    ({"chords": (Chord(0, 0, 12),)}, "chord root 12 must be a pitch class 0 to 11"),
]


@pytest.mark.parametrize(("wished", "message"), IMPOSSIBLE)
def test_impossible_wishes(wished: dict[str, object], message: str) -> None:
    """A wish that cannot be is refused when it is made, and says what is allowed."""
    with pytest.raises(WishError, match=re.escape(message)):
        Controls(**wished)  # type: ignore[arg-type]


def test_what_is_wished() -> None:
    """Only what says something counts as a wish; "no drums" does."""
    assert Controls().wished == ()
    assert Controls(genre="folk", drums=False, valence=0.0).wished == ("genre", "valence", "drums")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C", (0, "major")),
        ("d", (2, "major")),
        ("F#m", (6, "minor")),
        ("f♯ minor", (6, "minor")),
        ("Bb major", (10, "major")),
        ("B♭", (10, "major")),
        ("bb", (10, "major")),
        ("Cb", (11, "major")),
        ("  A min ", (9, "minor")),
        ("GM", (7, "major")),
    ],
)
def test_keys_as_they_are_written(text: str, key: tuple[int, str]) -> None:
    """A key is understood as musicians write it, with any sign and case."""
    assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "H", "C dorian", "C##", "major", "C/G"])
def test_keys_that_are_none(text: str) -> None:
    """What is no key is refused with an example of one."""
    with pytest.raises(WishError, match="write a note name and a mode"):
        parse_key(text)


@given(st.integers(0, 11), st.sampled_from(("major", "minor")))
def test_a_key_by_its_name(tonic: int, mode: str) -> None:
    """Every key is found again by the name that is printed for it."""
    assert parse_key(key_name((tonic, mode))) == (tonic, mode)


def test_meters_as_they_are_written() -> None:
    """Two numbers and a stroke are a meter; whether it can be used is said elsewhere."""
    assert parse_meter(" 6/8 ") == (6, 8)
    for text in ("6", "6/", "6:8", "a/b", "-3/4", "3.5/4", "waltz"):
        with pytest.raises(WishError, match="write it like 4/4"):
            parse_meter(text)


def test_instruments_as_they_are_written() -> None:
    """Names in one text or several make tracks, in the order in which they are named."""
    assert parse_tracks(["piano, bass", "drums"]) == (
        TrackPlan(0), TrackPlan(parse_tracks(["bass"])[0].program), TrackPlan(0, True),
    )  # fmt: skip
    with pytest.raises(WishError, match="unknown instrument 'zither harp of doom'"):
        parse_tracks(["zither harp of doom"])
    with pytest.raises(WishError, match="name is empty"):
        parse_tracks(["piano,,bass"])


def test_instruments_and_chords_have_one_number_each() -> None:
    """Programs, kits and chords are told apart by their number, and found again by it."""
    instruments = [(p, False) for p in range(128)] + [(k, True) for k in scales.DRUM_KITS]
    assert [instrument_of(instrument_id(*i)) for i in instruments] == instruments
    found = [(None, "")] + [(r, q) for r in range(12) for q in scales.CHORD_QUALITIES]
    assert [chord_of(chord_id(*chord)) for chord in found] == found
    assert issubclass(WishError, MusegenError)
