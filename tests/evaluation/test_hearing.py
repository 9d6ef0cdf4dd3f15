"""Genres are heard by what real pieces of them sound like."""

import pytest

from musegen.evaluation.hearing import GenreJudge, heard_as, told_right
from musegen.music.score import Meter, Score, Tempo, Track, note_array


def piece(low: int, drums: bool, number: int) -> Score:
    """Four bars: a line from `low` on, with or without drums."""
    notes = note_array([(24 * n, 12, low + (n * number) % 7, 80) for n in range(16)])
    beats = note_array([(24 * n, 6, 36, 90) for n in range(16)])
    tracks = (Track(0, notes=notes), *([Track(0, True, notes=beats)] if drums else []))
    return Score(24, tracks, (Tempo.from_bpm(0, 120),), (Meter(0, 4, 4),), end=384)


def test_genres_are_told_apart() -> None:
    """High without drums, low with drums: new pieces of both are heard as what they are."""
    known = [("flute", piece(72, False, n)) for n in range(1, 7)]
    known += [("metal", piece(36, True, n)) for n in range(1, 7)]
    judge = GenreJudge.of([*known, ("rare", piece(50, False, 1)), (None, piece(60, True, 2))])
    assert judge is not None
    assert judge.genres == ("flute", "metal")
    assert judge.ceiling == 1.0
    assert judge.hear([piece(38, True, 9), piece(74, False, 8)]) == ["metal", "flute"]


def test_no_judge_of_one_genre() -> None:
    """Two genres are the least that can be told apart."""
    assert GenreJudge.of([("folk", piece(60, False, n)) for n in range(1, 9)]) is None


def test_every_genre_counts_alike() -> None:
    """Nine right of one genre and none of one of another are half."""
    true = ["folk"] * 9 + ["jazz"]
    heard = ["folk"] * 10
    assert told_right(heard, true) == pytest.approx(0.5)
    assert heard_as(heard, true) == {"folk": {"folk": 9}, "jazz": {"folk": 1}}
