"""Finding the grid and the bars of files that have them elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.corpus.barring import with_real_bars, with_steady_grid
from musegen.music.score import Meter, Score, Tempo, Track, note_array
from musegen.music.timing import bar_lines

QUARTERS = {(4, 4): 4, (3, 4): 3, (2, 4): 2, (2, 2): 4}


def tune(meter: tuple[int, int], upbeat: int = 0, bars: int = 24, unit: int = 6) -> Score:
    """A tune over a bass and chords that change with the bar, as a grid of 4 * `unit` to a quarter.

    It begins with `upbeat` sixteenths of upbeat, and its file says that the first bar begins there.
    """
    rng = np.random.default_rng(3)
    quarters = QUARTERS[meter]
    length = quarters * 4
    melody, chords = [], []
    for sixteenth in range(upbeat):
        melody.append((sixteenth, 1, 72, 80))
    for bar in range(bars):
        line = upbeat + bar * length
        root = (48, 53, 43, 45)[bar % 4]
        chords += [(line, length, root, 80), (line, length, root + 16, 60)]
        chords += [(line + 4 * beat, 3, root + 19, 60) for beat in range(1, quarters)]
        melody += [(line + 4 * b, 4, 72 + int(rng.integers(8)), 90) for b in range(quarters)]
    tracks = (
        Track(0, notes=note_array([(t * unit, d * unit, p, v) for t, d, p, v in chords])),
        Track(73, notes=note_array([(t * unit, d * unit, p, v) for t, d, p, v in melody])),
    )
    end = -(-(upbeat + bars * length) // length) * length * unit
    return Score(4 * unit, tracks, meters=(Meter(0, *meter),), end=end)


def first_bass(score: Score) -> int:
    """Where in its bar the first bass note begins: 0 where the bars are right."""
    onset = int(score.tracks[0].notes[0, 0])
    lines = bar_lines(score)
    return onset - int(lines[np.searchsorted(lines, onset, side="right") - 1])


@pytest.mark.parametrize("meter", QUARTERS)
def test_bars_that_are_right_stay(meter: tuple[int, int]) -> None:
    """A piece whose bars begin where its harmony does is not touched."""
    score = tune(meter)
    found, moved = with_real_bars(score)
    assert found is score
    assert not moved


@pytest.mark.parametrize("meter", QUARTERS)
@pytest.mark.parametrize("upbeat", [1, 2, 4, 6])
def test_an_upbeat_is_put_at_the_end_of_a_bar(meter: tuple[int, int], upbeat: int) -> None:
    """The file counts bars from the upbeat; the music gets rests before it and keeps its meter."""
    score = tune(meter, upbeat)
    found, moved = with_real_bars(score)
    assert moved
    assert found.meters == (Meter(0, *meter),)
    assert first_bass(found) == 0
    assert found.note_count == score.note_count
    assert found.tracks[1].notes[0, 0] == (QUARTERS[meter] * 4 - upbeat) % (QUARTERS[meter] * 4) * 6
    assert bar_lines(found)[-1] == found.end
    for before, after in zip(score.tracks, found.tracks, strict=True):
        assert (np.diff(before.notes, axis=0) == np.diff(after.notes, axis=0)).all()


@pytest.mark.parametrize("meter", [(4, 4), (3, 4)])
@pytest.mark.parametrize("upbeat", [0, 4, 5])
def test_music_that_was_never_barred_gets_bars(meter: tuple[int, int], upbeat: int) -> None:
    """Written in 1/4 throughout, the piece gets its own meter, upbeat or not."""
    score = tune(meter, upbeat)
    bare = Score(24, score.tracks, meters=(Meter(0, 1, 4),), end=-(-score.end // 24) * 24)
    found, moved = with_real_bars(bare)
    assert moved
    assert found.meters == (Meter(0, *meter),)
    assert first_bass(found) == 0


def test_what_is_in_several_or_rare_meters_or_short_stays() -> None:
    """There is nothing to go by: the file's bars are taken."""
    score = tune((4, 4), 4)
    for other in (
        Score(24, score.tracks, meters=(Meter(0, 4, 4), Meter(96, 3, 4)), end=score.end),
        Score(24, score.tracks, meters=(Meter(0, 7, 8),), end=-(-score.end // 84) * 84),
        tune((4, 4), 4, bars=4),
        Score(24, (Track(0, True, notes=note_array([(0, 6, 36, 80)])),), end=96),
    ):
        assert with_real_bars(other) == (other, False)


def test_no_empty_bar_is_put_before_the_music() -> None:
    """Where rests stood before the first note, the piece still begins in its first bar."""
    score = tune((4, 4), 4)
    tracks = []
    for track in score.tracks:
        notes = track.notes[track.notes[:, 0] >= 48].copy()
        tracks.append(Track(track.program, notes=note_array(notes)))
    found, moved = with_real_bars(Score(24, tuple(tracks), meters=score.meters, end=score.end))
    assert moved
    assert min(int(track.notes[0, 0]) for track in found.tracks) == 24
    assert found.end == 24 * 96


def test_a_tempo_is_the_mean_of_each_new_bar() -> None:
    """Where bar lines move, so do changes of tempo, and each stays a whole number."""
    score = tune((4, 4), 4)
    half = score.end // 96 // 2 * 96
    tempos = (Tempo.from_bpm(0, 60), Tempo.from_bpm(half, 120))
    found, _ = with_real_bars(Score(24, score.tracks, tempos, score.meters, end=score.end))
    assert [tempo.tick % 96 for tempo in found.tempos] == [0] * len(found.tempos)
    assert [round(tempo.bpm) for tempo in found.tempos] == [60, 69, 120]
    assert all(tempo == Tempo.from_bpm(tempo.tick, round(tempo.bpm)) for tempo in found.tempos)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 119), st.integers(0, 10_000))
def test_a_piece_adrift_of_its_grid_is_moved_onto_it(offset: int, seed: int) -> None:
    """A steady distance to the sixteenths is taken away; being a little inexact does no harm."""
    exact = tune((4, 4), unit=120)
    rng = np.random.default_rng(seed)
    tracks = []
    for track in exact.tracks:
        notes = track.notes.copy()
        notes[:, 0] += 120 + offset + rng.integers(-3, 4, len(notes)).astype(np.int32)
        tracks.append(Track(track.program, notes=note_array(notes)))
    score = Score(480, tuple(tracks), (Tempo(0, 500_000), Tempo(9600, 400_000)))
    moved, adrift = with_steady_grid(score)
    onsets = np.concatenate([track.notes[:, 0] for track in moved.tracks])
    away = (onsets + 60) % 120 - 60
    distance = min(offset, 120 - offset)
    assert adrift == (distance > 12) or 6 < distance <= 12
    assert abs(float(away.mean())) <= 12
    if adrift:
        assert abs(float(away.mean())) < 1
        later = int(moved.tracks[0].notes[0, 0] - score.tracks[0].notes[0, 0])
        assert 0 < later < 120
        assert moved.tempos[1].tick == 9600 + later
        assert moved.tempos[0].tick == 0
        assert moved.end == score.end + later


def test_swing_and_free_playing_are_not_adrift() -> None:
    """Long and short eighths are on the grid, and notes at any time have none."""
    swing = [(240 * i + (80 if i % 2 else 0), 120, 60 + i % 7, 80) for i in range(200)]
    rng = np.random.default_rng(0)
    free = [(int(t), 100, 60, 80) for t in rng.integers(0, 100_000, 300)]
    triplets = [(160 * i, 100, 60 + i % 5, 80) for i in range(200)]
    for notes in (swing, free, triplets):
        score = Score(480, (Track(0, notes=note_array(notes)),))
        assert with_steady_grid(score) == (score, False)
