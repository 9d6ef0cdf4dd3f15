"""What repeats is recognised as a repeat, and what belongs together becomes a section."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.music.form import (
    EXACT,
    LETTERS,
    LONGEST_SECTION,
    LOOK_BACK,
    NEW,
    VARIED,
    WIDEST,
    recurrence,
    sections,
)
from musegen.music.likeness import compare_bars
from musegen.music.score import Meter, Score, Tempo, Track, note_array
from musegen.tokens import fields, scales
from tests.music.tunes import BAR, QUARTER, later, line, piece, up

Rows = list[tuple[int, int, int, int]]


def strain(seed: int, bars: int = 8, low: int = 60) -> Rows:
    """A tune of so many bars with a rhythm and a range of its own, never twice the same bar."""
    rng = np.random.default_rng(seed)
    rows: Rows = []
    rhythm = sorted(rng.choice(np.arange(1, 8), 4, replace=False).tolist())
    for bar in range(bars):
        onsets = [0, *rhythm] if bar % 4 != 3 else [0, 4]
        rows += [
            (bar * BAR + 12 * onset, 12, low + int(pitch), 78)
            for onset, pitch in zip(onsets, rng.integers(0, 13, len(onsets)), strict=True)
        ]
    return rows


def in_order(*strains: Rows, bars: int = 8) -> Rows:
    """Strains of `bars` bars, one after the other."""
    return [row for place, rows in enumerate(strains) for row in later(rows, place * bars)]


A, B, C = strain(1), strain(2, low=72), strain(3, low=48)


def test_rows_know_the_same_form() -> None:
    """How far back, how long and by which letters is what a row can hold."""
    assert LOOK_BACK == fields.MAX_BACK
    assert LETTERS == scales.LETTERS
    assert fields.FIELDS["section_bars"].size == 1 + LONGEST_SECTION


def letters(score: Score) -> list[tuple[str, int]]:
    """Letter and length of every section."""
    return [(letter, bars) for _, bars, letter in sections(score)]


@pytest.mark.parametrize("order", ["AABB", "ABAB", "AABA", "ABAC", "ABCABC"])
def test_strains_of_eight_bars_get_their_letters(order: str) -> None:
    """A tune of the form AABB is found to be AABB, and so with other forms."""
    known = {"A": A, "B": B, "C": C}
    score = piece(in_order(*(known[name] for name in order)), bars=8 * len(order))
    assert letters(score) == [(name, 8) for name in order]


def test_a_varied_strain_keeps_its_letter() -> None:
    """A strain that comes back with another ending is still the same section."""
    ending = [row for row in A if row[0] < 7 * BAR] + later(strain(9, bars=1), 7)
    assert letters(piece(in_order(A, ending, B, B), bars=32)) == [
        ("A", 8), ("A", 8), ("B", 8), ("B", 8),
    ]  # fmt: skip


def test_an_upbeat_belongs_to_the_first_section() -> None:
    """With a pickup bar before AABB the first section has nine bars and the letters stay."""
    rows = [(BAR - 12, 12, 64, 78), *later(in_order(A, A, B, B), 1)]
    assert letters(piece(rows, bars=33)) == [("A", 9), ("A", 8), ("B", 8), ("B", 8)]


def test_a_last_bar_belongs_to_the_last_section() -> None:
    """A final note after the last strain makes no section of its own."""
    rows = [*in_order(A, A, B, B), (32 * BAR, 48, 60, 78)]
    assert letters(piece(rows, bars=33)) == [("A", 8), ("A", 8), ("B", 8), ("B", 9)]


def test_a_strain_that_returns_makes_its_own_length() -> None:
    """Strains of six bars are found by coming again, though eight would sit better."""
    six = [strain(seed, bars=6) for seed in (1, 2)]
    rows = in_order(six[0], six[0], six[1], six[1], bars=6)
    assert letters(piece(rows, bars=24)) == [("A", 6), ("A", 6), ("B", 6), ("B", 6)]


def test_a_new_voice_begins_a_section() -> None:
    """Where the bass comes in under an ostinato, a section begins: after four bars, not eight."""
    ostinato = line([60, 64, 67, 64, 62, 65, 69, 65] * 10)
    bass = later(line([36, 43] * 16, step=48), 4)
    assert [begin for begin, _, _ in sections(piece(ostinato, bass, bars=20))] == [0, 4, 12]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bars", [4, 8, 12, 16])
def test_another_instrument_begins_a_section(bars: int, seed: int) -> None:
    """Where one instrument hands over to another a section begins, with nothing repeated."""
    pitches = np.random.default_rng(seed).integers(48, 84, 80).tolist()
    first, second = line(pitches[: 4 * bars]), later(line(pitches[4 * bars :]), bars)
    assert bars in [begin for begin, _, _ in sections(piece(first, second, bars=20))]


def test_there_are_no_more_than_sixteen_letters() -> None:
    """Of twenty different strains the last take the letter of the one most like them."""
    rows = in_order(*(strain(seed, low=36 + 2 * seed) for seed in range(20)))
    names = [name for name, _ in letters(piece(rows, bars=160))]
    assert max(names) == "P"
    assert len(names) > 16


def test_a_short_piece_is_one_section() -> None:
    """Fewer than eight bars are not divided."""
    assert sections(piece(line([60] * 28), bars=7)) == [(0, 7, "A")]
    assert sections(Score(QUARTER)) == [(0, 1, "A")]


def test_a_repeated_bar_is_exact_four_bars_back() -> None:
    """When bar 5 is bar 1 again, it lies four back and is exact; the others are new."""
    rows = [*strain(1, bars=4), *later(strain(1, bars=1), 4)]
    back, likeness = recurrence(piece(rows, bars=5))
    assert back.tolist() == [0, 0, 0, 0, 4]
    assert likeness.tolist() == [NEW, NEW, NEW, NEW, EXACT]


def test_loudness_does_not_make_a_bar_new() -> None:
    """The same notes played softer are an exact repeat."""
    soft = [(onset, length, pitch, 30) for onset, length, pitch, _ in strain(1, bars=1)]
    back, likeness = recurrence(piece([*strain(1, bars=1), *later(soft, 1)], bars=2))
    assert (back[1], likeness[1]) == (1, EXACT)


@pytest.mark.parametrize("changed", ["one pitch", "one length", "one note more"])
def test_a_small_change_makes_a_variation(changed: str) -> None:
    """A bar with one note changed varies the earlier one."""
    rows = line([60, 64, 67, 72, 67, 64, 60, 64], step=12)
    onset, length, pitch, loud = rows[-1]
    new: dict[str, Rows] = {
        "one pitch": [*rows[:-1], (onset, length, pitch + 3, loud)],
        "one length": [*rows[:-1], (onset, length - 6, pitch, loud)],
        "one note more": [*rows, (onset, length, pitch - 12, loud)],
    }
    back, likeness = recurrence(piece([*rows, *later(new[changed], 1)], bars=2))
    assert (back[1], likeness[1]) == (1, VARIED)


def test_another_tune_is_new() -> None:
    """A bar with other notes in another rhythm repeats nothing, and neither does silence."""
    rows = [*line([60, 64, 67, 72]), *later(line([50, 53, 57], step=32), 1)]
    back, likeness = recurrence(piece(rows, bars=4))
    assert back.tolist() == likeness.tolist() == [0, 0, 0, 0]


def test_the_same_notes_in_another_track_are_no_repeat() -> None:
    """An answer by another instrument is not the same bar."""
    rows = line([60, 64, 67, 72])
    other = Track(40, notes=note_array(later(rows, 1)))
    score = piece(rows, bars=2)
    _, likeness = recurrence(score.with_tracks([*score.tracks, other]))
    assert likeness[1] != EXACT


def test_the_repeat_with_the_same_surroundings_is_preferred() -> None:
    """In A A every bar points eight back, also the one that has a nearer twin, four back."""
    twin = [*A[:5], *later(strain(7, bars=3), 1), *later(A[:5], 4), *later(strain(8, bars=3), 5)]
    back, likeness = recurrence(piece(in_order(twin, twin), bars=16))
    assert back[8:].tolist() == [8] * 8
    assert (likeness[8:] == EXACT).all()


def test_of_many_equal_bars_one_a_multiple_of_four_back_is_preferred() -> None:
    """An ostinato that never changes is heard in groups of four bars."""
    back, _ = recurrence(piece(line([60, 64, 67, 64] * 24), bars=24))
    assert back[12:20].tolist() == [4] * 8


def test_a_groove_alone_makes_no_repeat() -> None:
    """Under a drum loop that never changes, bars with new music stay new."""
    drums = [row for bar in range(8) for row in later(line([36, 42, 38, 42] * 2, step=12), bar)]
    score = piece(strain(1), strain(2, low=40), drums=drums, bars=8)
    _, likeness = recurrence(score)
    assert (likeness == NEW).sum() >= 6


def test_a_bar_of_another_length_is_another_bar() -> None:
    """The same notes in 4/4 and in 5/4 are no exact repeat."""
    rows = [*line([60, 62, 64]), *line([60, 62, 64], start=BAR)]
    score = Score(
        QUARTER,
        (Track(0, notes=note_array(rows)),),
        (Tempo(0, 500_000),),
        (Meter(0, 4, 4), Meter(BAR, 5, 4)),
        end=BAR + 120,
    )
    _, likeness = recurrence(score)
    assert likeness.tolist() == [NEW, VARIED]


bars_of_notes = st.lists(st.integers(0, 5), min_size=1, max_size=40)


@given(bars_of_notes, st.booleans())
def test_any_piece_is_covered_by_its_sections(order: list[int], with_drums: bool) -> None:
    """Sections follow each other without gaps, are 2 to 32 bars long and use letters in order.

    A bar that is called exact has the same notes as the one it points to; one that is called new
    has no twin within reach.
    """
    kinds = [[], *(strain(seed, bars=1) for seed in range(5))]
    rows = [row for bar, kind in enumerate(order) for row in later(kinds[kind], bar)]
    beat = line([36] * len(order), step=BAR, length=6) if with_drums else None
    score = piece(rows, drums=beat, bars=len(order))
    found = sections(score)
    stops = [begin + bars for begin, bars, _ in found]
    assert [begin for begin, _, _ in found] == [0, *stops[:-1]]
    assert stops[-1] == len(order)
    assert len(order) < 8 or all(2 <= bars <= LONGEST_SECTION for _, bars, _ in found)
    names = [letter for _, _, letter in found]
    first_heard = sorted(set(names), key=names.index)
    assert first_heard == sorted(first_heard)
    assert first_heard[0] == "A"
    assert found == sections(score)

    back, likeness = recurrence(score)
    for bar, kind in enumerate(order):
        twins = [b for b in range(max(0, bar - LOOK_BACK), bar) if order[b] == kind]
        sounds = kind != 0 or with_drums
        assert (likeness[bar] == EXACT) == (bool(twins) and sounds)
        assert (back[bar] == 0) == (likeness[bar] == NEW)
        if likeness[bar] == EXACT:
            assert order[bar - back[bar]] == kind


def test_a_very_long_piece_is_covered_too() -> None:
    """Beyond the width that is divided at once, sections still follow without gaps."""
    bars = WIDEST + 100
    score = piece(line(list(range(40, 88)) * 51, step=24), bars=bars)
    found = sections(score)
    assert sum(length for _, length, _ in found) == bars
    assert all(2 <= length <= LONGEST_SECTION for _, length, _ in found)


def test_bars_of_one_quarter_are_grouped() -> None:
    """A transcription in 1/4 has sections of whole groups of four such bars."""
    rows = in_order(A, A, B, B)
    lengths = [bars for _, bars, _ in sections(piece(rows, bars=128, meter=(1, 4)))]
    assert sum(lengths) == 128
    assert all(bars % 16 == 0 for bars in lengths)


def test_likeness_is_one_only_for_equal_bars() -> None:
    """A bar is like itself by 1, like an octave of itself by less, and like silence by nothing."""
    rows = line([60, 64, 67, 72])
    bars = compare_bars(piece([*rows, *later(rows, 1), *later(up(rows, 12), 2)], bars=4))
    every = np.arange(4)
    to_first = bars.likeness(np.zeros(4, dtype=np.int64), every)
    assert to_first[:2] == pytest.approx([1, 1])
    assert 0.2 < to_first[2] < 0.7
    assert to_first[3] == 0
    assert bars.likeness_with_silence(every[3:], every[3:]) == pytest.approx([1])
