"""pretty_midi and back: every note where it was."""

import pytest
from hypothesis import given, settings

from musegen.music.score import Meter, Score, Tempo, Track, note_array
from tests.music.test_lint import band
from tests.strategies import grid_scores, written_scores


def same(score: Score) -> None:
    """Notes, programs, names, tempi, meters, keys and markers all survive."""
    again = Score.from_pretty_midi(score.to_pretty_midi())
    assert again.ticks_per_quarter == score.ticks_per_quarter
    assert again.tracks == score.tracks
    assert again.tempos == score.tempos
    assert again.meters == score.meters
    assert again.keys == score.keys
    assert again.markers == score.markers


@settings(max_examples=40)
@given(grid_scores())
def test_a_score_on_the_grid_survives_pretty_midi(score: Score) -> None:
    """Ticks become seconds and the same ticks again."""
    same(score)


@settings(max_examples=40)
@given(written_scores())
def test_a_score_from_a_file_survives_pretty_midi(score: Score) -> None:
    """So do names, keys and markers."""
    same(score)


def test_times_are_seconds() -> None:
    """A quarter at 97 beats a minute lasts 0.6186 seconds."""
    made = band().to_pretty_midi()
    assert made.instruments[0].notes[1].start == pytest.approx(0.618557)
    assert made.instruments[2].is_drum
    assert made.get_end_time() == pytest.approx(4 * 0.618557 + 4 * 0.5)


def test_a_long_piece_with_many_tempi() -> None:
    """Ten thousand ticks on, after a hundred tempi, no note is a tick off."""
    tempos = tuple(Tempo(100 * n, 300_000 + 7919 * n) for n in range(100))
    rows = [(97 * n, 1 + n % 5, 60 + n % 12, 64) for n in range(300)]
    same(Score(480, (Track(5, False, "x", note_array(rows)),), tempos))


def test_what_pretty_midi_left_out_has_its_usual_value() -> None:
    """No meter is 4/4."""
    import pretty_midi

    made = pretty_midi.PrettyMIDI(initial_tempo=100)
    made.instruments.append(pretty_midi.Instrument(3, name="x"))
    made.instruments[0].notes.append(pretty_midi.Note(64, 60, 0.6, 0.6))
    score = Score.from_pretty_midi(made)
    assert score.meters == (Meter(0, 4, 4),)
    assert score.tempos == (Tempo(0, 600_000),)
    assert [tuple(note) for note in score.tracks[0]] == [(220, 1, 60, 64)]
    assert (score.keys, score.markers) == ((), ())
