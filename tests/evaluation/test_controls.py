"""Asked against measured: rank correlation, shares under chords, and a whole small report."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from musegen.corpus.collection import collect
from musegen.evaluation.controls import chord_share, controls_page, controls_report, spearman
from musegen.music.score import Meter, Score, Tempo, Track, note_array
from musegen.tokens.controls import Chord, Controls
from tests.composing.busy import busy_composer


def test_rank_correlation_is_scipys() -> None:
    """With ties, too; what does not vary correlates with nothing."""
    chance = np.random.default_rng(2)
    for _ in range(20):
        one, other = chance.integers(0, 6, 15) * 1.0, chance.normal(size=15)
        assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert spearman(np.ones(4), np.arange(4.0)) == 0


def test_only_struck_notes_on_beats_count() -> None:
    """Two notes on beats, one in the chord; one off the beat and a drum count for nothing."""
    notes = note_array([(0, 24, 60, 66), (24, 12, 61, 66), (30, 6, 62, 66)])
    drum = Track(0, True, "", note_array([(0, 6, 37, 66)]))
    score = Score(
        24, (Track(0, False, "", notes), drum), (Tempo.from_bpm(0, 120),), (Meter(0, 4, 4),), end=96
    )
    assert chord_share(score, Controls(chords=(Chord(0, 0, 0, ""),))) == 0.5
    assert chord_share(score, Controls(chords=(Chord(0, 0, 0, ""), Chord(0, 24, 1, "")))) == 1
    assert chord_share(score, Controls(chords=(Chord(0, 0, None, ""),))) == 1


def test_a_report_of_a_model_that_has_learned_nothing() -> None:
    """Every learned control has its line, floor and ceiling; whole pieces are their own ceiling."""
    composer = busy_composer()
    pieces = [
        composer.compose(Controls(genre="folk", bars=2, density=d), seed=n)[0].rows
        for n, d in enumerate((1.0, 4.0, 8.0, 2.0))
    ]
    answers = controls_report(composer, collect(pieces, held_out=[True] * 4), each=3, bars=2)
    assert [answer.control for answer in answers] == [
        "valence", "arousal", "mood", "key", "density", "polyphony", "loudness", "chords",
    ]  # fmt: skip
    for answer in answers:
        value, low, high = answer.composed
        assert -1 <= low <= high <= 1
        assert -1 <= value <= 1
        assert answer.pieces == 3
    assert controls_page(answers).count("\n") == 9


def test_genre_is_heard_where_it_is_known() -> None:
    """With five held-out pieces of each of two genres there is a line for genre."""
    composer = busy_composer()
    pieces = [
        composer.compose(Controls(genre=genre, bars=2, tempo=tempo), seed=seed)[0].rows
        for genre, tempo in (("folk", 60), ("jazz", 200))
        for seed in range(5)
    ]
    collection = collect(pieces, held_out=[True] * 10)
    genre = controls_report(composer, collection, each=2, bars=2)[-1]
    assert (genre.control, genre.pieces) == ("genre", 2)
    assert genre.ceiling is not None
    assert genre.ceiling > 0.7  # the tempo tells
    assert 0 <= genre.composed[1] <= genre.composed[2] <= 1
