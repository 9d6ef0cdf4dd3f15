"""Musical time: bar lines, tempo, seconds, steps."""

import numpy as np
import pytest
from hypothesis import given

from musegen.music import timing
from musegen.music.score import Meter, Score, Tempo, Track, note_array
from musegen.music.timing import GRID
from musegen.tokens import scales
from tests.strategies import grid_scores, scores


def test_the_grid_is_the_one_that_rows_are_made_of():
    """A score on the grid is what a row can hold: both read one list of what is allowed."""
    assert GRID.steps_per_quarter == scales.STEPS_PER_QUARTER == 24
    assert GRID.durations == scales.DURATION
    assert GRID.velocities == scales.VELOCITY
    assert GRID.meters == scales.METERS
    assert GRID.kits == scales.DRUM_KITS
    assert GRID.max_bar_steps == scales.MAX_BAR_STEPS == 384
    assert GRID.tempo_bpm == (scales.TEMPO_BPM.values[0], scales.TEMPO_BPM.values[-1])
    assert all(timing.bar_steps(*meter) <= 384 for meter in GRID.meters)
    assert all(96 * n % d == 0 for n, d in GRID.meters)


def test_a_piece_without_notes_has_one_bar():
    """An empty score is one bar of its meter."""
    assert timing.bar_lines(Score(24)).tolist() == [0, 96]
    assert timing.bar_lines(Score(480, meters=(Meter(0, 6, 8),))).tolist() == [0, 1440]


def test_the_last_line_is_the_first_at_or_after_the_end():
    """A piece that ends on a bar line ends with it; one tick more needs another bar."""
    assert timing.bar_lines(Score(24, end=192)).tolist() == [0, 96, 192]
    assert timing.bar_lines(Score(24, end=193)).tolist() == [0, 96, 192, 288]


def test_a_meter_change_inside_a_bar_cuts_it_short():
    """A change of meter always starts a new bar; the cut bar keeps the meter it set out with."""
    score = Score(24, meters=(Meter(0, 4, 4), Meter(120, 3, 4)), end=200)
    assert timing.bar_lines(score).tolist() == [0, 96, 120, 192, 264]
    numerators, denominators = timing.bar_meters(score)
    assert numerators.tolist() == [4, 4, 3, 3]
    assert denominators.tolist() == [4, 4, 4, 4]


def test_a_meter_that_says_the_same_again_cuts_nothing():
    """Files that repeat their meter in the middle of a bar keep their bars."""
    score = Score(24, meters=(Meter(0, 4, 4), Meter(30, 4, 4)), end=192)
    assert timing.bar_lines(score).tolist() == [0, 96, 192]


def test_a_meter_at_the_end_starts_no_bar():
    """A change at or after the end of the piece has nothing to change."""
    score = Score(24, meters=(Meter(0, 4, 4), Meter(96, 3, 4)), end=96)
    assert timing.bar_lines(score).tolist() == [0, 96]


def test_a_piece_is_in_four_four_at_120_until_a_file_says_otherwise():
    """A first change after the beginning leaves MIDI's defaults before it."""
    score = Score(24, meters=(Meter(96, 3, 4),), tempos=(Tempo(96, 1_000_000),), end=168)
    assert timing.bar_lines(score).tolist() == [0, 96, 168]
    assert timing.bar_tempos_bpm(score).tolist() == [120, 60]


def test_bars_of_no_whole_number_of_ticks_do_not_drift():
    """Three eighths of 5 ticks a quarter: a bar of 7.5 ticks is 7 or 8 ticks, never 7 always."""
    score = Score(5, meters=(Meter(0, 3, 8),), end=75)
    assert timing.bar_lines(score).tolist() == [0, 7, 15, 22, 30, 37, 45, 52, 60, 67, 75]


@given(scores())
def test_bars_cover_every_piece(score):
    """Bar lines ascend from 0 to the first at or after the end, with one meter for every bar."""
    lines = timing.bar_lines(score)
    assert lines[0] == 0
    assert lines[-1] >= score.end
    assert len(lines) == 2 or lines[-2] < score.end
    numerators, denominators = timing.bar_meters(score)
    assert len(numerators) == len(denominators) == len(lines) - 1
    if score.ticks_per_quarter >= 96:
        assert (np.diff(lines) > 0).all()
        assert (
            np.diff(lines) <= score.ticks_per_quarter * 4 * numerators // denominators + 1
        ).all()


@given(grid_scores())
def test_bars_on_the_grid_are_whole(score):
    """On the grid every bar has exactly the length that its meter says, and the end is a line."""
    lines = timing.bar_lines(score)
    numerators, denominators = timing.bar_meters(score)
    assert np.diff(lines).tolist() == (96 * numerators // denominators).tolist()
    assert lines[-1] == score.end


@given(scores())
def test_ticks_survive_the_trip_through_seconds(score):
    """Every tick becomes a time, ever later, and that time becomes the tick again."""
    ticks = np.arange(0, score.end + 1, max(1, score.end // 50))
    seconds = timing.seconds_at(score, ticks)
    assert (np.diff(seconds) > 0).all()
    assert timing.tick_at(score, seconds).tolist() == ticks.tolist()


def test_tempo_is_in_quarter_notes_per_minute():
    """At 60 a quarter lasts a second, at 120 half a second, also in 6/8."""
    score = Score(480, tempos=(Tempo(0, 1_000_000), Tempo(960, 500_000)), end=1920)
    assert timing.seconds_at(score, [0, 480, 960, 1440, 1920]).tolist() == [0, 1, 2, 2.5, 3]
    assert timing.length_s(score) == 3
    assert timing.seconds_per_tick_at(score, [0, 960])[1] == 0.5 / 480


def test_the_mean_tempo_of_a_bar_keeps_its_length_in_seconds():
    """Two quarters at 60 and two at 120 are four quarters in three seconds: 80 a minute."""
    score = Score(480, tempos=(Tempo(0, 1_000_000), Tempo(960, 500_000)), end=1920)
    assert timing.bar_tempos_bpm(score).tolist() == [80]


def test_every_tick_lies_in_a_bar():
    """The tick of a bar line belongs to the bar that begins there."""
    assert timing.bar_of(Score(24, end=192), [0, 95, 96, 191]).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("ticks_per_quarter", "steps"), [(480, [0, 0, 1, 24]), (24, [0, 9, 10, 480])]
)
def test_ticks_go_to_the_nearest_step(ticks_per_quarter, steps):
    """20 ticks of 480 are one step: 9 are nearer to 0, 10 go up."""
    ticks = np.array([0, 9, 10, 480])
    assert timing.ticks_to_steps(ticks, ticks_per_quarter).tolist() == steps


def test_notes_do_not_matter_to_bar_lines():
    """A note's release can move the end, and only so the last line."""
    track = Track(0, notes=note_array([(0, 97, 60, 64)]))
    assert timing.bar_lines(Score(24, (track,))).tolist() == [0, 96, 192]
