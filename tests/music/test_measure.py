"""What is counted in a piece is what a listener would count."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.music.keys import find_key, majorness
from musegen.music.measure import Measured, measure, measure_tracks
from musegen.music.score import Score, Track, note_array
from tests.music.tunes import BAR, QUARTER, chord, line, piece, up

C_MAJOR = [60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60, 60]
A_MINOR = [57, 59, 60, 62, 64, 62, 60, 59, 57, 56, 57, 57]

scores = st.lists(
    st.tuples(
        st.integers(0, 8 * QUARTER), st.integers(1, 60), st.integers(40, 80), st.integers(1, 127)
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: (row[0], row[2]),
)


def test_a_c_major_scale_is_in_c_major() -> None:
    """A tune on the notes of C major that rests on C is in C major, an A minor one in A minor."""
    assert key_of(C_MAJOR) == (0, "major")
    assert key_of(A_MINOR) == (9, "minor")


def key_of(pitches: list[int]) -> tuple[int, str] | None:
    """The key of a tune in quarters."""
    key = measure(piece(line(pitches), bars=3)).key
    return key.name if key else None


@pytest.mark.parametrize(("tune", "mode"), [(C_MAJOR, "major"), (A_MINOR, "minor")])
@pytest.mark.parametrize("semitones", range(-6, 7))
def test_a_transposed_tune_is_in_the_transposed_key(
    tune: list[int], mode: str, semitones: int
) -> None:
    """Transposing by n semitones moves the key by n and leaves its strength as it was."""
    home = measure(piece(line(tune), bars=3)).key
    moved = measure(piece(up(line(tune), semitones), bars=3)).key
    assert home is not None
    assert moved is not None
    assert moved.name == ((home.tonic + semitones) % 12, mode)
    assert moved.strength == pytest.approx(home.strength)
    assert 0 < moved.margin < moved.strength <= 1


def test_majorness_is_positive_in_major_and_negative_in_minor() -> None:
    """The best major key fits a major tune better than the best minor key, and the reverse."""
    of = [measure(piece(line(tune), bars=3)).pitch_classes for tune in (C_MAJOR, A_MINOR)]
    bright, dim = majorness(np.array(of))
    assert bright > 0 > dim


def test_all_twelve_tones_alike_are_in_no_key() -> None:
    """A flat histogram tells no key, and neither does silence."""
    assert find_key(np.full(12, 1 / 12)) is None
    assert find_key(np.zeros(12)) is None


def test_a_held_note_weighs_more_than_a_short_one() -> None:
    """Pitch classes count by how long they sound: a half note is two quarters."""
    shares = measure(piece([(0, 48, 60, 78), (48, 24, 67, 78), (72, 24, 64, 78)])).pitch_classes
    assert shares[[0, 7, 4]].tolist() == [0.5, 0.25, 0.25]


def test_drums_have_no_key_and_no_polyphony() -> None:
    """Drums count in density and loudness, and in nothing that needs a pitch."""
    beat = line([36, 38, 36, 38], loud=98)
    alone = measure(piece(drums=beat))
    assert alone.key is None
    assert (alone.density, alone.polyphony, alone.drum_share) == (1.0, 0.0, 1.0)
    held = chord([60, 64, 67], loud=50)
    both = measure(piece(held, drums=beat))
    assert both.polyphony == 3
    assert both.drum_share == pytest.approx(4 / 7)
    assert both.loudness == pytest.approx((3 * 50 + 4 * 98) / 7)
    assert np.array_equal(both.pitch_classes, measure(piece(held)).pitch_classes)


def test_density_counts_the_whole_length() -> None:
    """Eight notes in four bars of four quarters are half a note per quarter; bars count alone."""
    eighths = line([60] * 8, step=12)
    found = measure(piece(eighths, bars=4))
    assert found.density == 0.5
    assert found.bar_density.tolist() == [2.0, 0.0, 0.0, 0.0]
    assert found.empty_bar_rate == 0.75


def test_a_track_is_measured_over_the_whole_piece() -> None:
    """A track's density counts its rests, its polyphony does not."""
    tracks = measure_tracks(piece(chord([60, 64, 67], length=QUARTER), line([40] * 4), bars=1))
    assert [t.density for t in tracks] == [0.75, 1.0]
    assert [t.polyphony for t in tracks] == [3.0, 1.0]
    assert [(t.low, t.high) for t in tracks] == [(60, 67), (40, 40)]


@given(st.lists(scores, min_size=1, max_size=3))
def test_polyphony_is_what_a_piano_roll_shows(parts: list[list[tuple[int, int, int, int]]]) -> None:
    """Polyphony is the mean height of the columns of a piano roll that are not empty."""
    score = Score(QUARTER, tuple(Track(0, notes=note_array(rows)) for rows in parts))
    rolls = np.zeros((len(parts), score.end), dtype=int)
    for roll, rows in zip(rolls, parts, strict=True):
        for onset, length, _, _ in rows:
            roll[onset : onset + length] += 1
    whole = rolls.sum(axis=0)
    found = measure(score)
    assert found.polyphony == pytest.approx(whole[whole > 0].mean())
    for roll, track in zip(rolls, found.tracks, strict=True):
        assert track.polyphony == pytest.approx(roll[roll > 0].mean())


def test_entropy_and_scale_consistency_have_their_known_extremes() -> None:
    """One pitch class has no entropy; all twelve have log2(12) bits and lie 7/12 in a scale."""
    one = measure(piece(line([60, 72, 48, 60])))
    assert (one.pitch_class_entropy, one.scale_consistency) == (0.0, 1.0)
    chromatic = measure(piece(line(list(range(60, 72))), bars=3))
    assert chromatic.pitch_class_entropy == pytest.approx(log2(12))
    assert chromatic.scale_consistency == pytest.approx(7 / 12)
    assert measure(piece(line(C_MAJOR), bars=3)).scale_consistency == 1.0


def test_a_repeated_rhythm_is_a_consistent_groove() -> None:
    """Bars with one rhythm have 1; each step in which neighbours differ takes away its share."""
    assert measure(piece(line([60] * 16), bars=4)).groove_consistency == 1.0
    quarters_then_halves = line([60] * 4) + line([60, 62], start=BAR, step=48)
    assert measure(piece(quarters_then_halves, bars=2)).groove_consistency == 1 - 2 / 96


def test_articulation_tells_legato_from_staccato() -> None:
    """Notes as long as the way to the next have 1, notes a quarter of it long 0.25."""
    assert measure(piece(line([60, 62, 64, 65]))).articulation == 1.0
    assert measure(piece(line([60, 62, 64, 65], length=6))).articulation == 0.25


def test_a_note_before_a_long_rest_is_not_staccato() -> None:
    """A phrase that ends in a rest of bars says nothing about how notes are joined."""
    rows = [*line([60, 62]), *line([60, 62], start=4 * BAR)]
    assert measure(piece(rows, bars=5)).articulation == 1.0


def test_syncopation_is_off_the_beat_with_nothing_on_the_next() -> None:
    """Notes on beats are not syncopated, nor is what leads into a beat; held over it is."""
    assert measure(piece(line([60] * 8, step=12))).syncopation == 1 / 8  # the last leads nowhere
    off = [(12, 24, 60, 78), (36, 24, 62, 78), (60, 24, 64, 78)]
    assert measure(piece(off)).syncopation == 1.0
    jig = line([60, 62, 64, 65, 67, 69], step=12)
    assert measure(piece(jig, meter=(6, 8))).syncopation == 1 / 6


def test_a_semitone_is_more_dissonant_than_a_fifth() -> None:
    """From smooth to rough: fifth, minor third, major third, tritone, whole tone, semitone."""
    rough = [measure(piece(chord([60, 60 + n]))).dissonance for n in (7, 3, 4, 6, 2, 1)]
    assert rough == sorted(rough)
    assert rough[2] < 0 < rough[3]


def test_melodic_intervals_follow_the_top_line() -> None:
    """Chords below a tune do not add intervals; leaps beyond an octave count as an octave."""
    rows = [*line([60, 62, 60, 84]), (0, 24, 48, 78), (24, 24, 50, 78)]
    shares = measure(piece(rows)).intervals
    assert {i - 12: s for i, s in enumerate(shares.tolist()) if s} == pytest.approx(
        {2: 1 / 3, -2: 1 / 3, 12: 1 / 3}
    )


@pytest.mark.parametrize("score", [Score(QUARTER), piece(bars=3), piece(drums=line([36]))])
def test_an_empty_piece_can_be_measured(score: Score) -> None:
    """Nothing that cannot be said is NaN or an error: it is 0, and the key None."""
    found = measure(score)
    assert isinstance(found, Measured)
    assert found.key is None
    numbers = [value for value in vars(found).values() if isinstance(value, float)]
    assert np.isfinite(numbers).all()
