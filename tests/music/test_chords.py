"""Chords are found where they sound, kept while they hold, and named as musicians name them."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.errors import WishError
from musegen.music.chords import (
    CHORD_QUALITIES,
    QUALITY_TONES,
    chord_name,
    chord_pitch_classes,
    chord_places,
    find_chords,
    parse_chord,
)
from musegen.music.score import Score
from musegen.tokens import scales
from tests.music.tunes import BAR, QUARTER, chord, later, line, piece, up

HALF = 2 * QUARTER
C, F, G, A_MINOR = [60, 64, 67], [60, 65, 69], [59, 62, 67], [60, 64, 69]


def close(root: int, quality: str) -> list[int]:
    """A chord in close position above its root in the bass."""
    return [36 + root, *(60 + root + tone for tone in QUALITY_TONES[quality])]


def test_rows_know_the_same_qualities() -> None:
    """What is found is what a row can hold, in the same order."""
    assert CHORD_QUALITIES == scales.CHORD_QUALITIES


@pytest.mark.parametrize("quality", CHORD_QUALITIES)
@pytest.mark.parametrize("root", range(12))
def test_every_chord_is_found_above_its_root(root: int, quality: str) -> None:
    """Held for two bars in root position, each chord of the table gets its own name."""
    score = piece(chord(close(root, quality), length=2 * BAR), bars=2)
    assert find_chords(score) == [(0, 0, root, quality), (1, 0, root, quality)]


def test_a_cadence_has_a_chord_to_each_bar() -> None:
    """C, F, G, C over their roots are found bar by bar."""
    roots = (0, 5, 7, 0)
    rows = [row for bar, root in enumerate(roots) for row in later(chord(close(root, "")), bar)]
    assert find_chords(piece(rows, bars=4)) == [
        (bar, 0, root, "") for bar, root in enumerate(roots)
    ]


def test_a_chord_may_change_at_the_half_bar() -> None:
    """An entry inside a bar stands only where the chord changes; every bar has one at 0."""
    rows = [
        *chord(close(0, ""), length=HALF),
        *chord(close(7, "7"), start=HALF, length=HALF),
        *chord(close(0, ""), start=BAR),
    ]
    assert find_chords(piece(rows, bars=2)) == [(0, 0, 0, ""), (0, HALF, 7, "7"), (1, 0, 0, "")]


def test_broken_chords_sound_as_chords() -> None:
    """An Alberti bass of C, then G, is C, then G, whatever the order of its notes."""
    alberti = line([48, 55, 52, 55] * 2, step=12)
    dominant = later(line([47, 55, 50, 55] * 2, step=12), 1)
    found = find_chords(piece(alberti + dominant, bars=2))
    assert found == [(0, 0, 0, ""), (1, 0, 7, "")]


def test_passing_notes_do_not_change_the_chord() -> None:
    """A tune that walks through the scale over a held C leaves it C."""
    tune = line([72, 74, 76, 77, 79, 77, 76, 74], step=12)
    assert find_chords(piece(chord([48, *C]), tune)) == [(0, 0, 0, "")]


def test_silence_and_drums_have_no_chord() -> None:
    """A bar in which nothing pitched sounds is "no chord", and so is every bar of a drum solo."""
    rows = chord(close(9, "m")) + chord(close(9, "m"), start=2 * BAR)
    assert find_chords(piece(rows, bars=3)) == [(0, 0, 9, "m"), (1, 0, None, ""), (2, 0, 9, "m")]
    solo = piece(drums=line([36, 38, 36, 38]), bars=1)
    assert find_chords(solo) == [(0, 0, None, "")]
    assert find_chords(Score(QUARTER)) == [(0, 0, None, "")]


def test_a_held_chord_is_there_while_it_sounds() -> None:
    """A chord that is tied over bar lines is the chord of each of those bars."""
    rows = chord(close(2, "m"), length=3 * BAR)
    assert find_chords(piece(rows, bars=3)) == [(bar, 0, 2, "m") for bar in range(3)]


def test_a_cluster_fits_no_chord() -> None:
    """All twelve tones at once have no name."""
    assert find_chords(piece(chord(range(48, 72)))) == [(0, 0, None, "")]


tunes = st.lists(
    st.tuples(st.integers(0, 4 * BAR - 1), st.integers(1, BAR), st.integers(36, 80), st.just(78)),
    max_size=40,
)


@given(tunes, st.sampled_from([(4, 4), (3, 4), (6, 8), (5, 4), (2, 2)]))
def test_every_bar_has_a_chord_or_none(
    rows: list[tuple[int, int, int, int]], meter: tuple[int, int]
) -> None:
    """Each bar's first entry is at 0, entries are in order, and neighbours in a bar differ."""
    found = find_chords(piece(rows, bars=5, meter=meter))
    places = [entry[:2] for entry in found]
    assert places == sorted(set(places))
    bars = max(place[0] for place in places) + 1
    assert {(bar, 0) for bar in range(bars)} <= set(places)
    for before, after in pairwise(found):
        assert before[0] != after[0] or before[2:] != after[2:]


progressions = st.lists(
    st.tuples(st.integers(1, 11), st.sampled_from(["", "m", "7", "m7", "M7", "dim"])), min_size=1
)
"""How far each root lies above the one before, and its quality."""


@given(progressions, st.integers(-12, 12))
def test_chords_move_with_the_music(moves: list[tuple[int, str]], semitones: int) -> None:
    """A progression is found chord by chord, and transposed the roots move alike."""
    roots = accumulate(move for move, _ in moves)
    progression = [(root % 12, quality) for root, (_, quality) in zip(roots, moves, strict=True)]
    bars = [chord(close(root, quality)) for root, quality in progression]
    rows = [row for bar, notes in enumerate(bars) for row in later(notes, bar)]
    found = find_chords(piece(rows, bars=len(bars)))
    assert found == [(bar, 0, *expected) for bar, expected in enumerate(progression)]
    moved = find_chords(piece(up(rows, semitones), bars=len(bars)))
    assert moved == [
        (bar, 0, (root + semitones) % 12, q) for bar, (root, q) in enumerate(progression)
    ]


@pytest.mark.parametrize(
    ("meter", "places"),
    [
        ((4, 4), (0, 48)),
        ((2, 2), (0, 48)),
        ((3, 4), (0,)),
        ((2, 4), (0,)),
        ((1, 4), (0,)),
        ((6, 8), (0, 36)),
        ((9, 8), (0, 36, 72)),
        ((12, 8), (0, 72)),
        ((5, 4), (0, 48)),
        ((7, 4), (0, 48, 96)),
        ((3, 8), (0,)),
        ((6, 16), (0,)),
        ((3, 2), (0, 48, 96)),
        ((6, 4), (0, 72)),
    ],
)
def test_where_a_chord_may_begin(meter: tuple[int, int], places: tuple[int, ...]) -> None:
    """Halves of common time, dotted quarters of 6/8, whole bars of waltzes."""
    assert chord_places(*meter, QUARTER) == places


@pytest.mark.parametrize("quality", CHORD_QUALITIES)
@pytest.mark.parametrize("root", range(12))
def test_a_chord_name_is_read_back(root: int, quality: str) -> None:
    """The name that is shown for a chord is understood as that chord."""
    assert parse_chord(chord_name(root, quality)) == (root, quality)


@pytest.mark.parametrize(
    ("name", "chord"),
    [
        ("C", (0, "")),
        ("Am7/G", (9, "m7")),
        ("C/Bb", (0, "")),
        ("F#m7b5", (6, "m7-5")),
        ("Cmaj7", (0, "M7")),
        ("Bbm", (10, "m")),
        ("Cb", (11, "")),
        ("Dsus", (2, "sus4")),
        ("E-", (4, "m")),
        ("C9", (0, "7")),
        ("Cadd9", (0, "")),
        (" G ", (7, "")),
        ("N.C.", (None, "")),
    ],
)
def test_names_that_musicians_write(name: str, chord: tuple[int | None, str]) -> None:
    """Other spellings mean what they mean; richer chords become the nearest that can be held."""
    assert parse_chord(name) == chord


@pytest.mark.parametrize("name", ["H", "Cfoo", "", "c", "7"])
def test_an_unknown_chord_is_an_error_that_helps(name: str) -> None:
    """What is no chord name says so, and says how one is written."""
    with pytest.raises(WishError, match="such as C, Am"):
        parse_chord(name)


def test_the_pitch_classes_of_a_chord() -> None:
    """Root first, in the order in which the chord is stacked."""
    assert chord_pitch_classes(9, "m") == (9, 0, 4)
    with pytest.raises(WishError, match="unknown chord quality 'mm'"):
        chord_pitch_classes(0, "mm")


def test_no_chord_is_written_nc() -> None:
    """The absence of a chord has a name too."""
    assert chord_name(None, "") == "N.C."
