"""The statistics of a piece: by hand, and beside muspy where it is installed."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.evaluation.statistics import (
    FEATURES,
    HISTOGRAMS,
    STATISTICS,
    TELLS,
    Heard,
    columns,
    features,
)
from musegen.music.measure import measure
from musegen.music.score import Score
from tests.music.tunes import BAR, chord, later, line, piece, up

TUNE = line([60, 62, 64, 65, 67, 65, 64, 62], step=12)


def of(score: Score, name: str) -> float:
    """One feature of a piece, by its name."""
    return float(features(score)[FEATURES.index(name)])


def test_every_feature_has_a_name_and_a_number() -> None:
    """Single statistics come first, histograms sum to 1."""
    found = features(piece(TUNE, drums=line([36, 38, 36, 38]), bars=10))
    assert found.shape == (len(FEATURES),) == TELLS.shape
    assert len(set(FEATURES)) == len(FEATURES)
    assert FEATURES[: len(STATISTICS)] == tuple(STATISTICS)
    assert np.isfinite(found).all()
    for name in HISTOGRAMS:
        assert found[columns(name)].sum() == pytest.approx(1)
        assert FEATURES[columns(name)][0].startswith(name)


def test_repetition_by_hand() -> None:
    """Bars A B C D A B C D A B: four bars apart they are the same, next to each other not."""
    bars = [TUNE, up(TUNE, 1)[::2], line([48] * 4), chord([70, 77])]
    rows = [note for n in range(10) for note in later(bars[n % 4], n)]
    score = piece(rows, bars=10)
    assert of(score, "repeat_4") == pytest.approx(1, abs=1e-5)
    assert of(score, "repeat_8") == pytest.approx(1, abs=1e-5)
    assert of(score, "repeat_1") < 0.3
    assert of(score, "exact_bars") == pytest.approx(0.6)
    assert of(score, "new_bars") == pytest.approx(0.4)
    assert math.isnan(Heard(piece(TUNE, bars=4)).likeness(4))


def test_shares_by_hand() -> None:
    """Steps of a second, eighths on and between beats, the tones of a scale from its tonic."""
    score = piece([note for n in range(9) for note in later(TUNE, n)], bars=9)
    assert of(score, "interval 2") > of(score, "interval 5") == 0
    assert of(score, "length 3") == 1, "an eighth is 12 steps"
    assert of(score, "place 0") == of(score, "place 6") == 0.5
    assert of(score, "family 0") == 1
    moved = piece([note for n in range(9) for note in later(up(TUNE, 5), n)], bars=9)
    tones = columns("tone")
    assert features(moved)[tones] == pytest.approx(features(score)[tones])


notes = st.lists(
    st.tuples(st.integers(0, 9 * BAR), st.integers(1, 60), st.integers(30, 90)),
    min_size=3,
    max_size=60,
    unique_by=lambda row: (row[0], row[2]),
)


@given(notes, st.booleans())
def test_what_muspy_counts(rows: list[tuple[int, int, int]], drums: bool) -> None:
    """Pitch-class entropy, scale and groove consistency are muspy's to the last digits."""
    muspy: Any = pytest.importorskip("muspy")
    beat = line([36] * 32, step=18) if drums else None
    score = piece([(*row, 64) for row in rows], drums=beat, bars=10)
    tracks = [
        muspy.Track(
            program=track.program,
            is_drum=track.is_drum,
            notes=[muspy.Note(n.onset, n.pitch, n.duration, n.velocity) for n in track],
        )
        for track in score.tracks
    ]
    # muspy ends a piece with its last release: one more note there would be a bar that is not
    last = max(track.end for track in score.tracks)
    music = muspy.Music(resolution=24, tracks=tracks)
    found = measure(score)
    assert found.pitch_class_entropy == pytest.approx(muspy.pitch_class_entropy(music))
    assert found.scale_consistency == pytest.approx(muspy.scale_consistency(music))
    bars = last // BAR + 1
    if bars > 1:
        cut = piece([(*row, 64) for row in rows], drums=beat, bars=bars)
        assert measure(cut).groove_consistency == pytest.approx(
            muspy.groove_consistency(music, BAR)
        )
