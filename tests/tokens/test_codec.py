"""Scores and controls to event rows and back: nothing is lost, and what does not fit is refused."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from musegen.corpus.described import controls_of
from musegen.errors import LabelError, MidiError, MusegenError, WishError
from musegen.music.ongrid import is_on_grid
from musegen.music.read import read_midi
from musegen.music.score import Key, Marker, Meter, Score, Tempo, Track, note_array
from musegen.music.transform import quantise
from musegen.tokens.codec import Tokenizer, decode, encode
from musegen.tokens.controls import BarPlan, Chord, Controls, SectionPlan, TrackPlan
from musegen.tokens.fields import BAR, COLUMNS, END, FORM, NOTE, STYLE, TRACK, column
from musegen.tokens.limits import Limits
from tests.music.tunes import line, piece
from tests.strategies import grid_scores, scores
from tests.tokens.laws import first_offence
from tests.tokens.plans import GENRES, told_scores

READING = Limits(reading=True)


def scale_piece() -> Score:
    """Two bars of a scale over drums."""
    return piece(line([60, 62, 64, 65, 67, 69, 71, 72]), drums=line([36, 38]), bars=2)


@given(told_scores())
def test_round_trip(told: tuple[Score, Controls]) -> None:
    """Every score on the grid survives the trip through rows, and so does everything wished."""
    score, controls = told
    assert decode(encode(score, controls, GENRES), GENRES) == (score, controls)


@given(told_scores())
def test_rows_are_lawful(told: tuple[Score, Controls]) -> None:
    """Whatever is on the grid obeys the grammar, row by row and field by field."""
    score, controls = told
    assert first_offence(encode(score, controls, GENRES), READING) == ""


@given(grid_scores())
def test_a_score_alone(score: Score) -> None:
    """Without controls the instruments are all that is said, and every note is one row."""
    tokenizer = Tokenizer(GENRES)
    rows = tokenizer.encode(score)
    assert rows.dtype == np.int16
    assert rows.shape[1] == COLUMNS
    assert np.count_nonzero(rows[:, 0] == NOTE) == score.note_count
    tracks = tuple(TrackPlan(track.program, track.is_drum) for track in score.tracks)
    assert tokenizer.decode(rows) == (score, Controls(tracks=tracks))


@given(scores())
def test_a_score_of_any_kind_is_refused_or_kept(score: Score) -> None:
    """Nothing is ever changed in silence: a score off the grid is refused, not bent."""
    if is_on_grid(score):
        assert decode(encode(score, Controls()))[0] == score
        return
    with contextlib.suppress(MusegenError):  # such as overlaps that rows hold all the same
        assert decode(encode(score, Controls()))[0] == score


@given(scores())
def test_quantised_music_survives(score: Score) -> None:
    """Any piece, once quantised and measured, survives the trip with all that was measured."""
    quantised, _ = quantise(score)
    controls = controls_of(quantised).on_grid()
    rows = encode(quantised, controls)
    assert decode(rows) == (quantised, controls)
    assert first_offence(rows, READING) == ""


def _with_notes(score: Score, *rows: tuple[int, int, int, int]) -> Score:
    first = score.tracks[0]
    notes = note_array([*first, *rows])
    return score.with_tracks([replace(first, notes=notes), *score.tracks[1:]])


BENT: dict[str, Callable[[Score], Score]] = {
    "another grid": lambda s: replace(s, ticks_per_quarter=480),
    "an end inside a bar": lambda s: replace(s, end=s.end + 1),
    "a length between two": lambda s: _with_notes(s, (0, 97, 1, 66)),
    "a length past the last": lambda s: replace(_with_notes(s, (0, 1600, 1, 66)), end=1632),
    "a length of nothing": lambda s: _with_notes(s, (0, 0, 1, 66)),
    "a velocity between two": lambda s: _with_notes(s, (0, 12, 1, 64)),
    "a velocity past the last": lambda s: _with_notes(s, (0, 12, 1, 130)),
    "a pitch past the last": lambda s: _with_notes(s, (0, 12, 128, 66)),
    "a note before the start": lambda s: _with_notes(s, (-12, 12, 1, 66)),
    "a note twice": lambda s: _with_notes(s, (0, 12, 1, 66), (0, 24, 1, 66)),
    "two notes of a pitch at once": lambda s: _with_notes(s, (0, 12, 1, 66), (6, 12, 1, 66)),
    "notes out of order": lambda s: s.with_tracks(
        [replace(s.tracks[0], notes=s.tracks[0].notes[::-1]), *s.tracks[1:]]
    ),
    "a meter past the longest": lambda s: replace(s, meters=(Meter(0, 17, 4),), end=17 * 24),
    "a meter inside a bar": lambda s: replace(s, meters=(Meter(0, 4, 4), Meter(48, 3, 4)), end=192),
    "a meter that repeats": lambda s: replace(s, meters=(Meter(0, 4, 4), Meter(96, 4, 4))),
    "a meter at the end": lambda s: replace(s, meters=(Meter(0, 4, 4), Meter(192, 3, 4))),
    "no meter at the start": lambda s: replace(s, meters=(Meter(96, 4, 4),)),
    "a broken tempo": lambda s: replace(s, tempos=(Tempo(0, 500_001),)),
    "a tempo past the fastest": lambda s: replace(s, tempos=(Tempo.from_bpm(0, 301),)),
    "a tempo inside a bar": lambda s: replace(s, tempos=(*s.tempos, Tempo.from_bpm(24, 90))),
    "a tempo that repeats": lambda s: replace(s, tempos=(*s.tempos, Tempo.from_bpm(96, 120))),
    "no tempo": lambda s: replace(s, tempos=()),
    "no tracks": lambda s: s.with_tracks([]),
    "an empty track": lambda s: s.with_tracks([Track(0), *s.tracks]),
    "drums first": lambda s: s.with_tracks(s.tracks[::-1]),
    "programs out of order": lambda s: s.with_tracks([replace(s.tracks[0], program=3), *s.tracks]),
    "two drum tracks": lambda s: s.with_tracks([*s.tracks, s.tracks[-1]]),
    "sixteen pitched tracks": lambda s: s.with_tracks([s.tracks[0]] * 16),
    "a kit that does not exist": lambda s: s.with_tracks([replace(s.tracks[1], program=1)]),
    "a program that does not exist": lambda s: s.with_tracks([replace(s.tracks[0], program=128)]),
    "a named track": lambda s: s.with_tracks([replace(s.tracks[0], name="Oboe"), *s.tracks[1:]]),
    "a key": lambda s: replace(s, keys=(Key(0, 2, "major"),)),
    "a marker": lambda s: replace(s, markers=(Marker(0, "Verse"),)),
}


@pytest.mark.parametrize("what", BENT)
def test_off_the_grid_is_refused(what: str) -> None:
    """A score that rows cannot hold is refused, and the message says what to do."""
    score = scale_piece()
    assert is_on_grid(score)
    bent = BENT[what](score)
    assert not is_on_grid(bent)
    with pytest.raises(MusegenError, match=r"not on the grid .*: quantise it first"):
        encode(bent, Controls())


MISPLANNED: dict[str, Controls] = {
    "other tracks": Controls(tracks=(TrackPlan(40), TrackPlan(0, True))),
    "a plan of too few bars": Controls(plan=(BarPlan(0, "new"),)),
    "a bar like one that is not there": Controls(plan=(BarPlan(1, "exact"), BarPlan())),
    "an unknown likeness": Controls(plan=(BarPlan(0, "old"), BarPlan())),
    "sections with a gap": Controls(sections=(SectionPlan(0, "A", 1),)),
    "sections that begin late": Controls(sections=(SectionPlan(1, "A", 1),)),
    "a section past the end": Controls(sections=(SectionPlan(0, "A", 2), SectionPlan(2, "B", 1))),
    "an unknown letter": Controls(sections=(SectionPlan(0, "Q", 2),)),
    "a chord past the end": Controls(chords=(Chord(2, 0, 0),)),
    "a chord past its bar": Controls(chords=(Chord(0, 96, 0),)),
    "a chord twice": Controls(chords=(Chord(0, 0, 0), Chord(0, 0, 5))),
    "chords out of order": Controls(chords=(Chord(1, 0, 0), Chord(0, 0, 5))),
}


@pytest.mark.parametrize("what", MISPLANNED)
def test_a_plan_of_another_piece_is_refused(what: str) -> None:
    """A plan that is not this score's is refused instead of half written."""
    with pytest.raises(MusegenError):
        encode(scale_piece(), MISPLANNED[what])


def test_an_unknown_genre_lists_the_known() -> None:
    """A genre that the list lacks is an error that names what is known, nearest first."""
    with pytest.raises(LabelError, match="did you mean jazz"):
        encode(scale_piece(), Controls(genre="jaz"), GENRES)


@pytest.mark.parametrize("kind", [STYLE, FORM, TRACK, BAR])
def test_rows_that_are_no_piece(kind: int) -> None:
    """Rows without their head or a bar are no piece, and what is missing is named."""
    rows = encode(scale_piece(), Controls())
    with pytest.raises(MusegenError, match="hold no"):
        decode(rows[rows[:, 0] != kind])


def test_a_repeat_too_far_back_is_left_unsaid() -> None:
    """A bar that repeats one more than 64 bars before it says nothing of that on the grid."""
    controls = Controls(plan=(BarPlan(65, "exact", 1.1), BarPlan(64, "varied")))
    assert controls.on_grid().plan == (BarPlan(None, None, 1.0), BarPlan(64, "varied"))


@given(told_scores(), st.floats(-1, 1), st.floats(0.1, 50), st.floats(1, 127))
def test_on_grid_is_what_rows_say(
    told: tuple[Score, Controls], mood: float, density: float, loudness: float
) -> None:
    """Wishes between two steps come back as `on_grid` gives them."""
    score, controls = told
    wished = replace(controls, valence=mood, arousal=mood, density=density, loudness=loudness)
    assert decode(encode(score, wished, GENRES), GENRES)[1] == wished.on_grid()
    assert wished.on_grid().on_grid() == wished.on_grid()


@given(told_scores())
def test_notes_of_a_bar_stand_in_order(told: tuple[Score, Controls]) -> None:
    """Rows of a bar ascend by onset; at one onset a chord comes before notes, low before high."""
    score, controls = told
    rows = encode(score, controls, GENRES)
    assert rows[0, 0] == STYLE
    assert rows[-1, 0] == END
    bar = np.cumsum(rows[:, 0] == BAR)
    notes = rows[:, 0] == NOTE
    assume(notes.sum() > 1)
    first, second = rows[notes][:-1], rows[notes][1:]
    same_bar = np.diff(bar[notes]) == 0
    onset = column(NOTE, "onset")
    assert (first[same_bar, onset] <= second[same_bar, onset]).all()


@pytest.mark.corpus
@pytest.mark.slow
def test_the_corpus_survives(corpus_folder: Path) -> None:
    """Every real piece, once quantised and measured, survives the trip and obeys the grammar.

    Looks at every fortieth file; MUSEGEN_CORPUS_STEP=1 looks at all.
    """
    step = int(os.environ.get("MUSEGEN_CORPUS_STEP", "40"))
    files = sorted(corpus_folder.rglob("*.mid"))[::step]
    assert files
    lost, unlawful = [], []
    for place, path in enumerate(files):
        try:
            score, _ = quantise(read_midi(path))
        except MidiError:
            continue
        if not score.note_count:
            continue
        controls = controls_of(score).on_grid()
        rows = encode(score, controls)
        if decode(rows) != (score, controls):
            lost.append(path.name)
        if place % 4 == 0 and (offence := first_offence(rows, READING)):
            unlawful.append(f"{path.name}: {offence}")
    assert (lost, unlawful) == ([], [])


def test_wish_errors_are_wish_errors() -> None:
    """What a composer wished wrongly is a WishError, so that it can be told from a bad file."""
    for what in ("a chord twice", "sections with a gap"):
        with pytest.raises(WishError):
            encode(scale_piece(), MISPLANNED[what])
