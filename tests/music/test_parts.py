"""A score made of parts is the score made of its tracks, whoever asks for what first."""

import copy
import pickle
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.music.score import Parts, Score, Track, note_array
from musegen.music.transform import quantise
from tests.strategies import scores


def sent(score: Score) -> Score:
    """The score as another process has it."""
    arrived: Score = pickle.loads(pickle.dumps(score))  # noqa: S301 # our own
    return arrived


def of_parts(score: Score) -> Score:
    """The same score, of which nobody has asked for tracks yet."""
    return Score.of_parts(
        score.ticks_per_quarter, Parts.of(score.tracks), score.tempos, score.meters, score.end,
        score.keys, score.markers, score.repairs,
    )  # fmt: skip


@given(scores())
def test_tracks_are_made_when_they_are_asked_for(score: Score) -> None:
    """They are equal, end where they ended, and are made once; so is everything made of them."""
    made = of_parts(score)
    assert "tracks" not in vars(made)
    assert made.note_count == score.note_count
    assert "tracks" not in vars(made), "notes are counted without them"
    assert made == score
    assert made.tracks is made.tracks
    assert [track.end for track in made.tracks] == [track.end for track in score.tracks]
    assert hash(made) == hash(score)
    assert replace(made, end=made.end + 5) == replace(score, end=score.end + 5)
    assert copy.copy(made) == copy.deepcopy(made) == score
    assert not any(track.notes.flags.writeable for track in made.tracks)


@given(scores())
def test_parts_are_the_tracks_in_one(score: Score) -> None:
    """Track after track; those without notes can be left out."""
    parts = score.parts
    assert parts.lengths.tolist() == [len(track) for track in score.tracks]
    assert not parts.notes.flags.writeable
    together = [note_array([]), *(track.notes for track in score.tracks)]
    np.testing.assert_array_equal(parts.notes, np.concatenate(together))
    assert parts.tracks() == score.tracks
    heard = [track for track in score.tracks if len(track)]
    assert parts.sounding().tracks() == tuple(heard)


@given(scores())
def test_a_score_is_sent_whole_and_its_notes_once(score: Score) -> None:
    """To another process, before and after somebody asked for parts or tracks."""
    made = of_parts(score)
    assert sent(made) == score
    assert "parts" in vars(sent(made))
    assert made.tracks
    assert "parts" not in vars(sent(made))
    assert score.parts is not None
    assert sent(score) == score


def test_what_is_no_attribute_is_said() -> None:
    """As of any other object, and of one of which nothing is there yet."""
    score = of_parts(Score(24, (Track(0, notes=note_array([(0, 24, 60, 66)])),)))
    with pytest.raises(AttributeError, match="notes"):
        score.notes  # type: ignore[attr-defined] # noqa: B018
    with pytest.raises(AttributeError, match="tracks"):
        object.__new__(Score).tracks  # noqa: B018
    on_grid, _ = quantise(score)
    assert on_grid.tracks[0].notes.tolist() == [[0, 24, 60, 66]]


@given(scores(), st.randoms(use_true_random=False))
def test_parts_in_another_order(score: Score, chance: random.Random) -> None:
    """They are the parts of the tracks in that order."""
    tracks = [replace(track, pedals=()) for track in score.tracks]
    places = list(range(len(tracks)))
    chance.shuffle(places)
    arranged = Parts.of(tracks).rearranged(places) if tracks else Parts.of(tracks)
    wanted = Parts.of([tracks[place] for place in places])
    assert arranged.tracks() == wanted.tracks()
    assert [*arranged.ends] == [*wanted.ends]
    assert not arranged.notes.flags.writeable
