"""Numbers to steps of a scale and back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.music import chords, form
from musegen.music.instruments import KITS
from musegen.music.timing import GRID, bar_steps
from musegen.tokens import scales
from musegen.tokens.scales import Scale

SCALES = {
    "valence": scales.VALENCE,
    "density": scales.DENSITY,
    "polyphony": scales.POLYPHONY,
    "loudness": scales.LOUDNESS,
    "tempo": scales.TEMPO_BPM,
}


@pytest.mark.parametrize("name", SCALES)
def test_values_are_their_own_nearest(name: str) -> None:
    """Each step of a scale is found again by its value, and they ascend."""
    scale = SCALES[name]
    assert [scale.index(scale.value(i)) for i in range(len(scale))] == [*range(len(scale))]
    assert list(scale.values) == sorted(set(scale.values))


@given(st.sampled_from(sorted(SCALES)), st.floats(-1e6, 1e6))
def test_the_nearest_is_taken(name: str, number: float) -> None:
    """No value of a scale is nearer to a number than the one that it is snapped to."""
    scale = SCALES[name]
    nearest = min(abs(value - number) for value in scale.values)
    assert abs(scale.snap(number) - number) == nearest


def test_of_two_equally_near_the_smaller() -> None:
    """Half way between two steps goes down, so that the answer is always the same."""
    assert Scale((1.0, 2.0)).snap(1.5) == 1.0


def test_scales_are_those_of_the_grid() -> None:
    """What rows can hold is what the grid of music may contain: one truth, in two rooms."""
    assert GRID.steps_per_quarter == scales.STEPS_PER_QUARTER
    assert GRID.max_bar_steps == scales.MAX_BAR_STEPS
    assert GRID.max_tracks == scales.MAX_TRACKS
    assert tuple(scales.METERS) == GRID.meters
    assert GRID.durations == scales.DURATION
    assert scales.VELOCITY == GRID.velocities == tuple(v // 4 * 4 + 2 for v in range(0, 128, 4))
    assert scales.DRUM_KITS == GRID.kits == tuple(KITS)
    assert (scales.TEMPO_BPM.values[0], scales.TEMPO_BPM.values[-1]) == GRID.tempo_bpm
    assert scales.CHORD_QUALITIES == chords.CHORD_QUALITIES
    assert scales.LETTERS == form.LETTERS
    assert scales.bar_steps is bar_steps


def test_every_meter_is_whole_steps() -> None:
    """Every meter is a whole number of steps, and none is longer than the longest bar."""
    assert max(scales.bar_steps(*meter) for meter in scales.METERS) == scales.MAX_BAR_STEPS
    assert all(n * 4 * 24 % d == 0 for n, d in scales.METERS)
    assert {(4, 4), (3, 4), (6, 8), (12, 8), (5, 4), (7, 8), (2, 2)} <= set(scales.METERS)


def test_durations_are_fine_where_it_is_heard() -> None:
    """Every length up to a whole note is exact, and the longest is sixteen whole notes."""
    assert scales.DURATION[:96] == tuple(range(1, 97))
    assert scales.MAX_DURATION == 16 * 96


@given(st.integers(0, 1023))
def test_bars_left(bars: int) -> None:
    """Bars left are exact up to 64, and lie in the range of their bin beyond."""
    index = scales.bars_left_index(bars)
    low, high = scales.bars_left_range(index)
    assert low <= bars <= high
    assert index == bars or bars > 64


def test_bins_of_bars_left_join() -> None:
    """Each bin begins where the one before it ends."""
    count = scales.EXACT_BARS_LEFT + 1 + len(scales.BARS_LEFT_BINS)
    ranges = [scales.bars_left_range(index) for index in range(count)]
    assert all(a[1] + 1 == b[0] for a, b in itertools.pairwise(ranges))


def test_bars_left_at_once() -> None:
    """All bars of a piece together have the numbers that each has alone."""
    for bars in (0, 1, 65, 66, 600):
        alone = [scales.bars_left_index(left) for left in range(bars)]
        assert scales.bars_left_indices(bars).tolist() == alone
