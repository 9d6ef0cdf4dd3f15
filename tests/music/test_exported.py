"""What a file holds of a Score: 480 ticks, a beginning, clean notes, names of their own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from musegen.errors import OutputError
from musegen.music import timing
from musegen.music.exported import exported
from musegen.music.score import Key, Marker, Note, Score, Tempo, Track, note_array
from tests.music.tunes import line, piece
from tests.strategies import scores

SCALE = piece(line([60, 62, 64, 65, 67, 69, 71, 72]))


def markers_of(score: Score, *places: tuple[int, str]) -> list[tuple[int, str]]:
    """The markers that are written, in quarters, where these were wished for."""
    marked = replace(score, markers=tuple(Marker(24 * at, text) for at, text in places))
    return [(tick / 480, text) for tick, text in exported(marked).markers]


@given(scores())
def test_once_is_enough(score: Score) -> None:
    """What is as a file holds it stays as it is."""
    once = exported(score)
    assert exported(once) == once


@given(scores())
def test_no_note_moves_by_more_than_half_a_tick(score: Score) -> None:
    """Every note that is written begins where one of the score's begins, to the nearest tick."""
    told = {(t.is_drum, n.pitch, n.onset) for t in score.tracks for n in t}
    exact = {(drum, pitch): [] for drum, pitch, _ in told}
    for drum, pitch, onset in told:
        exact[drum, pitch].append(onset * 480 / score.ticks_per_quarter)
    for track in exported(score).tracks:
        for note in track:
            near = np.array(exact[track.is_drum, note.pitch])
            assert np.abs(near - note.onset).min() <= 0.5


def test_markers_lie_on_bar_lines_and_begin_at_the_beginning() -> None:
    """A marker goes to the nearest bar line; a piece without one at its beginning gets "Start"."""
    assert markers_of(SCALE) == [(0, "Start")]
    assert markers_of(SCALE, (0, "A"), (4, "B")) == [(0, "A"), (4, "B")]
    assert markers_of(SCALE, (1, "A"), (3, "B")) == [(0, "A"), (4, "B")]
    assert markers_of(SCALE, (0, "A"), (1, "A"), (1, "B")) == [(0, "A"), (0, "B")]
    assert markers_of(SCALE, (4, "B"), (0, " \n")) == [(0, "Start"), (4, "B")]


def test_a_key_stands_at_the_beginning() -> None:
    """The key that is told, else the one that the notes are in, else, for drums, C major."""
    assert exported(SCALE).keys == (Key(0, 0, "major"),)
    assert exported(replace(SCALE, keys=(Key(0, 9, "minor"),))).keys == (Key(0, 9, "minor"),)
    later = (Key(96, 9, "minor"), Key(120, 9, "minor"))
    assert exported(replace(SCALE, keys=later)).keys == (Key(0, 0, "major"), Key(1920, 9, "minor"))
    drums = Score(24, (Track(0, True, notes=note_array([(0, 24, 36, 90)])),))
    assert exported(drums).keys == (Key(0, 0, "major"),)


@pytest.mark.parametrize(
    ("told", "written"),
    [(618_556, 618_557), (618_557, 618_557), (500_000, 500_000), (618_555, 618_555), (7, 7)],
)
def test_a_tempo_that_was_cut_off_is_rounded(told: int, written: int) -> None:
    """97 beats a minute are 618,556.7 microseconds: another program's 618,556 is put right."""
    assert exported(replace(SCALE, tempos=(Tempo(0, told),))).tempos == (Tempo(0, written),)


def test_changes_that_fall_together_are_one() -> None:
    """Two tempi within half a tick: the later holds."""
    fine = Score(
        9600,
        (Track(0, notes=note_array([(0, 9600, 60, 66)])),),
        tempos=(Tempo(0, 500_000), Tempo(9600, 400_000), Tempo(9603, 300_000)),
    )
    assert exported(fine).tempos == (Tempo(0, 500_000), Tempo(480, 300_000))


def test_a_name_says_what_plays() -> None:
    """No track is called as the conductor is; a piano is not called "Drums", nor is it nameless."""
    track = SCALE.tracks[0]
    named = [
        replace(track, name=name) for name in ("Conductor", "Drums", "Room Kit 2", "", "Flute")
    ]
    drums = Track(0, True, "Flute", track.notes)
    names = [t.name for t in exported(Score(24, (*named, drums))).tracks]
    piano = "Acoustic Grand Piano"
    assert names == ["Conductor 2", piano, f"{piano} 2", f"{piano} 3", "Flute", "Flute 2"]


def test_the_end_is_a_bar_line() -> None:
    """The end is the first bar line at or after the last sound and the last change."""
    whole = exported(replace(SCALE, end=97))
    assert whole.end == timing.bar_lines(whole)[-1] == 4 * 480 * (1 + (SCALE.end > 96))
    assert exported(replace(SCALE, tempos=(Tempo(1000, 400_000),))).end >= 20_000


def test_a_score_without_notes_is_refused() -> None:
    """There is nothing to write."""
    for empty in (Score(24), Score(24, (Track(0),))):
        with pytest.raises(OutputError, match="no notes"):
            exported(empty)


def test_notes_keep_their_times_exactly_where_ticks_go_into_480() -> None:
    """A grid step is 20 ticks."""
    rows = note_array([(1, 1, 60, 66), (2, 5, 62, 3)])
    assert list(exported(Score(24, (Track(0, notes=rows),))).tracks[0]) == [
        Note(20, 20, 60, 66),
        Note(40, 100, 62, 3),
    ]
