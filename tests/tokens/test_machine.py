"""Machine code settles notes and lays out rows as numpy does, and refuses what numpy refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from musegen.errors import MusegenError
from musegen.music.score import Score, Track, note_array
from musegen.music.transform import quantise
from musegen.tokens.codec import encode
from musegen.tokens.controls import Controls
from tests.machine import by_machine
from tests.strategies import scores
from tests.tokens.plans import GENRES, told_scores


@given(scores())
def test_machine_code_settles_what_numpy_settles(compiled: Path, score: Score) -> None:
    """Any score gives the same on the grid, and the same report, by machine code and without."""
    for keep_silence in (False, True):
        as_usual = outcome(score, keep_silence)
        with by_machine():
            assert outcome(score, keep_silence) == as_usual


def outcome(score: Score, keep_silence: bool) -> object:
    """The score on the grid and the report, or the words of refusal."""
    try:
        return quantise(score, keep_silence=keep_silence)
    except MusegenError as error:
        return str(error)


def test_notes_far_from_their_order_are_settled_alike(compiled: Path) -> None:
    """Many drum tracks that become one are merged, not moved note by note."""
    rng = np.random.default_rng(0)
    columns = [rng.integers(low, high, (16, 400)) for low, high in ((0, 9999), (1, 99), (35, 60))]
    tracks = [
        Track(0, True, "", note_array(np.stack([*notes, np.full(400, 64)], axis=1)))
        for notes in zip(*columns, strict=True)
    ]
    score = Score(480, tuple(tracks))
    as_usual = quantise(score)
    with by_machine():
        assert quantise(score) == as_usual


@pytest.mark.parametrize("seed", range(20))
def test_notes_past_all_steps_are_refused_alike(compiled: Path, seed: int) -> None:
    """Times that are ticks of MIDI, and too many steps, end in the same words, and in no crash."""
    rng = np.random.default_rng(seed)
    bounds = ((0, 2**31 - 2000), (1, 1900), (60, 64), (1, 128))
    notes = np.stack([rng.integers(low, high, 40) for low, high in bounds], axis=1)
    score = Score(1 + seed % 3, (Track(0, False, "", note_array(notes)),))
    as_usual = outcome(score, False)
    assert "steps of the grid" in str(as_usual)
    with by_machine():
        assert outcome(score, False) == as_usual


@pytest.mark.parametrize("note", [(0, 24, 183, 62), (0, 24, 60, 128), (-1, 24, 60, 62)])
def test_what_is_no_note_of_midi_is_refused_alike(
    compiled: Path, note: tuple[int, int, int, int]
) -> None:
    """A pitch that no key has is not taken for another, nor for a place in memory."""
    score = Score(3, (Track(0, False, "", note_array([(96, 24, 60, 62), note])),))
    as_usual = outcome(score, False)
    assert "not in 0..127" in str(as_usual)
    with by_machine():
        assert outcome(score, False) == as_usual


@given(told_scores())
def test_machine_code_lays_out_what_numpy_lays_out(
    compiled: Path, told: tuple[Score, Controls]
) -> None:
    """The same rows, whatever is said of a piece."""
    as_usual = encode(*told, GENRES)
    with by_machine():
        rows = encode(*told, GENRES)
    assert rows.dtype == as_usual.dtype
    np.testing.assert_array_equal(rows, as_usual)


@given(scores())
def test_machine_code_refuses_what_numpy_refuses(compiled: Path, score: Score) -> None:
    """Any score becomes the same rows, or is refused in the same words."""
    for off in (score, replace(score, keys=(), markers=(), ticks_per_quarter=24)):
        as_usual = rows_or_words(off)
        with by_machine():
            assert rows_or_words(off) == as_usual


def rows_or_words(score: Score) -> object:
    """The rows, or why there are none."""
    try:
        return encode(score, Controls()).tolist()
    except MusegenError as error:
        return str(error)


@pytest.mark.parametrize(
    "notes",
    [
        [(0, 24, 60, 62), (24, 24, 60, 60)],  # a velocity that the grid has not
        [(0, 24, 128, 62)],
        [(-1, 24, 60, 62)],
        [(0, 97, 60, 62)],  # a length that it has not
        [(0, 5000, 60, 62)],
        [(0, 48, 60, 62), (24, 24, 60, 62)],  # two notes of one pitch overlap
        [(0, 24, 60, 62), (0, 24, 60, 62)],
    ],
)
def test_what_no_row_can_hold_is_refused(
    compiled: Path, notes: list[tuple[int, int, int, int]]
) -> None:
    """Machine code takes no note that numpy would refuse."""
    score = Score(24, (Track(0, False, "", note_array(notes)),), end=96)
    long = replace(score, end=96 * -(-score.end // 96))
    with by_machine(), pytest.raises(MusegenError, match="not on the grid"):
        encode(long, Controls())
