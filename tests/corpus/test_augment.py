"""Augmentation and control dropout as arithmetic on rows."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.corpus.augment import (
    HEAD_WISHES,
    Augment,
    at_other_tempo,
    changed,
    louder,
    track_ranges,
    transposed,
    with_fewer_wishes,
    without_chords,
    without_head,
    without_tracks,
)
from musegen.errors import SettingError
from musegen.tokens import fields, scales
from musegen.tokens.fields import (
    BAR,
    CHORD,
    DRUM_BASE,
    FIRST_CHORD,
    FORM,
    NOTE,
    SECTION,
    STYLE,
    TRACK,
    UNSET,
    Rows,
    column,
)
from tests.corpus.pieces import is_legal, made_piece

seeds = st.integers(0, 10_000)
quick = settings(max_examples=60, deadline=None)


def cells(rows: Rows, kind: int, name: str) -> list[int]:
    """One field of all rows of a kind."""
    values: list[int] = rows[rows[:, 0] == kind, column(kind, name)].tolist()
    return values


@quick
@given(seeds, st.integers(-5, 6))
def test_transposing_and_back_gives_the_same_piece(seed: int, semitones: int) -> None:
    """A piece moved up and down again is the piece."""
    piece = made_piece(seed)
    moved = transposed(piece, track_ranges(piece), semitones)
    assert is_legal(moved)
    assert (transposed(moved, track_ranges(moved), -semitones) == piece).all()


def test_transposing_moves_notes_key_chords_and_ranges_but_not_drums() -> None:
    """Two semitones up, G major becomes A major, and the drums play on."""
    piece = made_piece(2, tracks=3, drums=True)
    moved = transposed(piece, track_ranges(piece), 2)
    drums = np.array(cells(piece, NOTE, "instrument")) >= DRUM_BASE
    step = np.array(cells(moved, NOTE, "pitch")) - np.array(cells(piece, NOTE, "pitch"))
    assert set(step[~drums].tolist()) == {2}
    assert set(step[drums].tolist()) == {0}
    assert (cells(piece, STYLE, "key"), cells(moved, STYLE, "key")) == ([8], [10])
    qualities = len(scales.CHORD_QUALITIES)
    for kind in (BAR, CHORD):
        old, new = np.array(cells(piece, kind, "chord")), np.array(cells(moved, kind, "chord"))
        roots = ((new - FIRST_CHORD) // qualities - (old - FIRST_CHORD) // qualities) % 12
        assert set(roots.tolist()) == {2}
        assert ((new - FIRST_CHORD) % qualities == (old - FIRST_CHORD) % qualities).all()
    truth = track_ranges(moved)
    for side, name in ((0, "low"), (1, "high")):
        said = [1 + pitch // 4 if pitch >= 0 else 0 for pitch in truth[:, side].tolist()]
        assert cells(moved, TRACK, name) == said


def test_minor_keys_stay_minor_and_unsaid_keys_stay_unsaid() -> None:
    """B minor, one semitone up, is C minor; no key stays no key; N.C. stays N.C."""
    piece = made_piece(2)
    piece[0, column(STYLE, "key")] = 1 + 12 + 11
    bars = np.flatnonzero(piece[:, 0] == BAR)
    piece[bars[0], column(BAR, "chord")] = fields.NO_CHORD
    piece[bars[1], column(BAR, "chord")] = UNSET
    moved = transposed(piece, track_ranges(piece), 1)
    assert cells(moved, STYLE, "key") == [1 + 12 + 0]
    assert cells(moved, BAR, "chord")[:2] == [fields.NO_CHORD, UNSET]
    piece[0, column(STYLE, "key")] = UNSET
    assert cells(transposed(piece, track_ranges(piece), 1), STYLE, "key") == [UNSET]


def test_transposing_stops_at_the_ends_of_the_keyboard() -> None:
    """No pitch leaves 0 to 127: the shift is lessened for the whole piece."""
    piece = made_piece(2, drums=False)
    notes = np.flatnonzero(piece[:, 0] == NOTE)
    piece[notes[0], column(NOTE, "pitch")] = 125
    moved = transposed(piece, track_ranges(piece), 6)
    assert max(cells(moved, NOTE, "pitch")) == 127
    assert cells(moved, NOTE, "pitch")[1] == cells(piece, NOTE, "pitch")[1] + 2


def test_transposing_leaves_the_given_rows_alone() -> None:
    """Rows are read from a file that is mapped into memory: nothing may write on them."""
    piece = made_piece(2)
    piece.setflags(write=False)
    for rng in map(np.random.default_rng, range(20)):
        rows = changed(piece, piece, Augment(), rng)
        with_fewer_wishes(rows, Augment(), rng)
        without_tracks(piece, rng)
    without_chords(piece)
    without_head(piece)


@quick
@given(seeds, st.floats(0.5, 2.0))
def test_tempo_keeps_within_its_scale(seed: int, factor: float) -> None:
    """Tempos of HEAD and bars are multiplied alike, within 16 to 300."""
    piece = made_piece(seed, bars=4)
    form = np.flatnonzero(piece[:, 0] == FORM)
    piece[form, column(FORM, "tempo")] = UNSET
    moved = at_other_tempo(piece, factor)
    assert is_legal(moved)
    assert cells(moved, FORM, "tempo") == [UNSET]
    old = [15 + t for t in cells(piece, BAR, "tempo")]
    new = [15 + t for t in cells(moved, BAR, "tempo")]
    assert new == [min(max(round(t * factor), 16), 300) for t in old]
    assert (at_other_tempo(piece, 1.0) == piece).all()


def test_louder_moves_velocity_and_loudness() -> None:
    """Two bins up is one level of loudness; an odd number leaves loudness unsaid."""
    piece = made_piece(1)
    up = louder(piece, 2)
    old, new = np.array(cells(piece, NOTE, "velocity")), np.array(cells(up, NOTE, "velocity"))
    assert (new == np.minimum(old + 2, 31)).all()
    assert (cells(piece, STYLE, "loudness"), cells(up, STYLE, "loudness")) == ([9], [10])
    assert set(cells(louder(piece, -2), TRACK, "loudness")) == {7}
    assert set(cells(louder(piece, -1), SECTION, "loudness")) == {UNSET}


@quick
@given(seeds, st.integers(3, 9))
def test_dropping_tracks_leaves_a_whole_smaller_piece(seed: int, tracks: int) -> None:
    """The tracks that stay keep their notes, are numbered from 0, and HEAD counts them."""
    piece = made_piece(seed, tracks=tracks)
    small = without_tracks(piece, np.random.default_rng(seed))
    assert is_legal(small)
    left = list(zip(cells(small, TRACK, "instrument"), cells(small, TRACK, "number"), strict=True))
    assert tracks - tracks // 2 <= len(left) < tracks
    assert cells(small, FORM, "tracks") == [len(left)]
    assert cells(small, FORM, "drums") == [1 + any(p >= DRUM_BASE for p, _ in left)]
    programs = [p for p, _ in left]
    assert [n for _, n in left] == [programs[:i].count(p) for i, p in enumerate(programs)]
    members = zip(cells(small, NOTE, "instrument"), cells(small, NOTE, "number"), strict=True)
    assert set(members) <= set(left)
    assert len(cells(small, BAR, "meter")) == len(cells(piece, BAR, "meter"))
    assert set(cells(small, BAR, "back")) == set(cells(small, BAR, "density")) == {UNSET}
    before = [c[1:2] + c[4:] for c in piece.tolist() if c[0] == NOTE]
    after = [c[1:2] + c[4:] for c in small.tolist() if c[0] == NOTE]
    kept = iter(before)
    assert all(note in kept for note in after)


def test_a_kept_track_keeps_all_its_notes() -> None:
    """Dropping removes exactly the notes of the dropped tracks: ranges tell the tracks apart."""
    piece = made_piece(3, tracks=4, drums=False)
    notes = np.flatnonzero(piece[:, 0] == NOTE)
    members = [tuple(c[2:4]) for c in piece[notes].tolist()]
    counts = {m: members.count(m) for m in members}
    for seed in range(10):
        small = without_tracks(piece, np.random.default_rng(seed))
        left = np.count_nonzero(small[:, 0] == NOTE)
        tracks = len(cells(small, TRACK, "number"))
        sums = {sum(c) for c in combinations(counts.values(), tracks)}
        assert left in sums


def test_a_duet_is_never_reduced() -> None:
    """Two tracks stay two."""
    piece = made_piece(1, tracks=2)
    assert without_tracks(piece, np.random.default_rng(0)) is piece


def test_unsaid_wishes_leave_what_must_stay() -> None:
    """With every dropout certain, bars left, meter, tempo, instruments and notes still stay."""
    piece = made_piece(1)
    names = [n for n in Augment.__dataclass_fields__ if n.startswith("drop_")]
    certain = Augment(**dict.fromkeys(names, 1.0))  # type: ignore[arg-type]
    rows = with_fewer_wishes(without_chords(piece), certain, np.random.default_rng(0))
    for kind, wishes in HEAD_WISHES.items():
        for name in wishes:
            assert set(cells(rows, kind, name)) == {UNSET}
    for name in fields.KINDS[SECTION].fields:
        assert set(cells(rows, SECTION, name)) == {UNSET}
    for name in ("bars_left", "meter", "tempo"):
        assert cells(rows, BAR, name) == cells(piece, BAR, name)
    for name in ("back", "likeness", "chord", "density"):
        assert set(cells(rows, BAR, name)) == {UNSET}
    for name in ("instrument", "number"):
        assert cells(rows, TRACK, name) == cells(piece, TRACK, name)
    notes = piece[piece[:, 0] == NOTE]
    assert (rows[rows[:, 0] == NOTE] == notes).all()
    assert CHORD not in rows[:, 0]


def test_wishes_are_unsaid_as_often_as_asked() -> None:
    """Over many examples each field of HEAD is unsaid about as often as the settings say."""
    piece = made_piece(1)
    rng = np.random.default_rng(0)
    many = [with_fewer_wishes(piece, Augment(), rng) for _ in range(800)]
    genre = np.mean([cells(rows, STYLE, "genre") == [UNSET] for rows in many])
    key = np.mean([cells(rows, STYLE, "key") == [UNSET] for rows in many])
    meter = np.mean([cells(rows, FORM, "meter") == [UNSET] for rows in many])
    assert genre == pytest.approx(0.1 + 0.9 * 0.15, abs=0.05)
    assert key == pytest.approx(0.1 + 0.9 * 0.3, abs=0.06)
    assert meter == pytest.approx(0.1 + 0.9 * 0.3, abs=0.06)


def test_no_augmentation_changes_nothing() -> None:
    """With augmentation off rows stay as they are."""
    piece = made_piece(1)
    rng = np.random.default_rng(0)
    rows = with_fewer_wishes(changed(piece, piece, Augment.off(), rng), Augment.off(), rng)
    assert (rows == piece).all()


@pytest.mark.parametrize(
    "wrong", [{"drop_head": 1.5}, {"transpose_up": 12}, {"tempo": -0.1}, {"velocity_bins": 17}]
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    """A setting out of range is an error that names it."""
    with pytest.raises(SettingError, match=next(iter(wrong))):
        Augment(**wrong)  # type: ignore[arg-type]
