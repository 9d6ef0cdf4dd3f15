"""The law of rows: whoever keeps it, a blind player too, writes legal music as it was wished."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.composing.composer import in_order, told
from musegen.evaluation.wishing import random_wishes
from musegen.music.ongrid import track_order
from musegen.tokens import scales
from musegen.tokens.codec import decode, encode
from musegen.tokens.controls import Chord, Controls, TrackPlan
from musegen.tokens.fields import (
    BAR,
    CHORD,
    DRUM_BASE,
    END,
    FIELDS,
    FORM,
    KINDS,
    NEW,
    NOTE,
    SECTION,
    STYLE,
    TRACK,
    UNSET,
    column,
    row,
)
from musegen.tokens.grammar import Grammar
from musegen.tokens.head import head_rows
from musegen.tokens.ids import chord_id
from musegen.tokens.limits import Limits
from tests.tokens.laws import blind_piece, first_offence, kept

COMMON = st.sampled_from(((4, 4), (3, 4), (6, 8), (1, 32), (16, 4), (1, 1)))


@st.composite
def wishes(draw: st.DrawFn) -> Controls:
    """Wishes that can be kept exactly, each of them said or left out."""
    programs = draw(st.lists(st.integers(0, 127), max_size=4))
    kit = draw(st.none() | st.sampled_from(scales.DRUM_KITS))
    tracks = [TrackPlan(program) for program in programs]
    tracks += [] if kit is None else [TrackPlan(kit, True)]
    count = draw(st.none() | st.integers(1, scales.MAX_TRACKS))
    drums = draw(st.none() | st.booleans())
    return Controls(
        bars=draw(st.integers(1, 4)),
        meter=draw(st.none() | COMMON | st.sampled_from(scales.METERS)),
        tempo=draw(st.none() | st.integers(16, 300)),
        tracks=tuple(tracks),
        track_count=None if tracks else count,
        drums=None if tracks or (count == scales.MAX_TRACKS and drums is False) else drums,
    )


def blind(wished: Controls, limits: Limits, seed: int, notes: float = 0.5) -> Controls:
    """A blind player's piece keeps what was wished and survives the trip through rows."""
    head = head_rows(wished, ())
    rows = blind_piece(head, limits, np.random.default_rng(seed), notes)
    score, plan = decode(rows)
    sounding = [track for track in score.tracks if len(track)]
    if limits.all_sound:
        assert len(sounding) == len(score.tracks)
        assert np.array_equal(encode(score, plan), rows)
    kept(score.with_tracks(sorted(sounding, key=track_order)), wished)
    return plan


@settings(max_examples=300)
@given(
    wishes(), st.booleans(), st.booleans(), st.integers(0, 999), st.sampled_from((0.1, 0.5, 0.9))
)
def test_a_blind_player_keeps_every_wish(
    wished: Controls, steady: bool, all_sound: bool, seed: int, notes: float
) -> None:
    """Bars, meter, tempo, instruments, drums and the number of tracks are exactly as wished."""
    most = 24
    limits = Limits.of(wished)
    limited = replace(limits, steady=steady, max_rows_per_bar=most, all_sound=all_sound)
    plan = blind(wished, limited, seed, notes)
    assert plan.meter == wished.meter


@pytest.mark.parametrize("seed", range(120))
def test_a_blind_player_keeps_every_exact_wish(seed: int) -> None:
    """Changes, ranges, caps, scales, sections, repeats, chords and loops, wished together."""
    chance = random.Random(seed)
    wished = told(random_wishes(chance).on_grid())
    all_sound = chance.random() < 0.5
    limits = replace(Limits.of(wished), steady=True, max_rows_per_bar=40, all_sound=all_sound)
    rows = blind_piece(
        head_rows(wished, ()), limits, np.random.default_rng(seed), chance.choice((0.2, 0.6, 0.9))
    )
    score, _ = in_order(*decode(rows))
    kept(score, wished)


@settings(max_examples=40)
@given(st.integers(0, 999), st.integers(16, 40))
def test_a_bar_holds_no_more_rows_than_it_may(seed: int, most: int) -> None:
    """A player who never tires of notes is stopped, and every track still sounds."""
    tracks = (*tuple((program, False) for program in range(15)), (0, True))
    limits = Limits(bars=2, meters=((0, (1, 8)),), instruments=tracks, max_rows_per_bar=most)
    chance = np.random.default_rng(seed)
    rows = blind_piece(head_rows(Controls(), ()), limits, chance, notes=0.95)
    bar = np.cumsum(rows[:, 0] == BAR)
    inside = np.isin(rows[:, 0], (NOTE, CHORD))
    assert np.bincount(bar[inside], minlength=3).max() <= most
    assert len({tuple(cells) for cells in rows[rows[:, 0] == NOTE][:, 2:4].tolist()}) == 16


def test_at_most_so_many_bars() -> None:
    """Where no number of bars is wished, the piece ends by the limit, and any number may come."""
    limits = Limits(max_bars=3, meters=((0, (1, 8)),), track_count=1, steady=True)
    head = head_rows(Controls(), ())
    lengths = set()
    for seed in range(60):
        rows = blind_piece(head, limits, np.random.default_rng(seed), notes=0.3)
        lengths.add(int(np.count_nonzero(rows[:, 0] == BAR)))
    assert lengths == {1, 2, 3}


def test_a_meter_and_tempo_once_chosen_hold() -> None:
    """A steady piece keeps the meter and tempo of its first bar, a free one may change them."""
    head = head_rows(Controls(), ())
    found = {}
    for steady in (True, False):
        limits = Limits(bars=4, steady=steady, track_count=1, max_rows_per_bar=8)
        score, _ = decode(blind_piece(head, limits, np.random.default_rng(1)))
        found[steady] = len(score.meters), len(score.tempos)
    assert found[True] == (1, 1)
    assert found[False] == (4, 4)


def test_meters_that_change_on_demand() -> None:
    """Changes of meter and tempo stand at the bars that they were wished for."""
    limits = Limits(
        bars=6,
        meters=((0, (3, 4)), (2, (7, 8)), (4, (4, 4))),
        tempos=((0, 90), (3, 132)),
        track_count=2,
    )
    for seed in range(10):
        rows = blind_piece(head_rows(Controls(), ()), limits, np.random.default_rng(seed))
        score, _ = decode(rows)
        assert [tuple(meter) for meter in score.meters] == [(0, 3, 4), (144, 7, 8), (312, 4, 4)]
        assert [(tempo.tick, round(tempo.bpm)) for tempo in score.tempos] == [(0, 90), (228, 132)]
        assert score.end == 504
        assert all(track.end <= score.end for track in score.tracks)


def test_a_long_piece_counts_its_bars() -> None:
    """A piece of 512 bars counts down in bins far from its end, exactly near to it."""
    limits = Limits(bars=512, meters=((0, (1, 8)),), tempos=((0, 120),), track_count=1)
    rows = blind_piece(head_rows(Controls(), ()), limits, np.random.default_rng(3), notes=0.0)
    bars_left = rows[rows[:, 0] == BAR, column(BAR, "bars_left")]
    assert len(bars_left) == 512
    assert bars_left[-65:].tolist() == [*range(64, -1, -1)]
    assert (np.diff(bars_left) <= 0).all()


def opened(*cells: list[int], limits: Limits | None = None) -> Grammar:
    """A grammar that has taken a head of a piano and drums, and these rows."""
    grammar = Grammar(limits or Limits())
    head = [row(STYLE), row(FORM), row(TRACK, instrument=0), row(TRACK, instrument=128)]
    for taken in [*head, *cells]:
        grammar.advance(taken)
    return grammar


FOUR_FOUR = 1 + scales.METERS.index((4, 4))
LAST_BAR = row(BAR, bars_left=0, meter=FOUR_FOUR, tempo=100)
FIRST_OF_TWO = row(BAR, bars_left=1, meter=FOUR_FOUR, tempo=100)


def names(grammar: Grammar) -> set[str]:
    """What may come next, by name."""
    return {KINDS[kind].name for kind in np.flatnonzero(grammar.kinds())}


def test_the_order_of_a_piece() -> None:
    """STYLE, FORM, tracks, then sections and bars, and nothing after END."""
    grammar = Grammar(Limits())
    seen = [names(grammar)]
    for cells in (row(STYLE), row(FORM), row(TRACK), row(SECTION, section_bars=1), LAST_BAR):
        grammar.advance(cells)
        seen.append(names(grammar))
    grammar.advance(row(NOTE, pitch=60))
    seen.append(names(grammar))
    grammar.advance(row(END))
    assert seen == [
        {"STYLE"},
        {"FORM"},
        {"TRACK"},
        {"TRACK", "SECTION", "BAR"},
        {"BAR"},
        {"NOTE", "CHORD"},  # the piano has not sounded yet
        {"NOTE", "CHORD", "END"},
    ]
    assert not grammar.kinds().any()
    assert grammar.finished


def test_a_section_is_as_long_as_it_says() -> None:
    """Two bars after a section of two bars began, the next section begins, and not before."""
    bar = row(BAR, bars_left=9, meter=FOUR_FOUR, tempo=100)
    grammar = opened(row(SECTION, section_bars=2), bar, row(NOTE, pitch=60))
    assert {"BAR"} == names(grammar) & {"BAR", "SECTION"}
    grammar.advance(row(BAR, bars_left=8, meter=FOUR_FOUR, tempo=100))
    assert {"SECTION"} == names(grammar) & {"BAR", "SECTION"}


def test_a_section_fits_into_the_piece() -> None:
    """With three bars to come no section of four is begun."""
    grammar = opened(limits=Limits(bars=3))
    lengths = np.flatnonzero(grammar.mask(SECTION, [1]))
    assert lengths.tolist() == [1, 2, 3]


def test_the_piece_is_long_enough_for_its_section() -> None:
    """After a section of four bars began, its first bar has at least three after it."""
    grammar = opened(row(SECTION, section_bars=4))
    assert np.flatnonzero(grammar.mask(BAR, [])).min() == 3


def test_the_highest_pitch_is_not_below_the_lowest() -> None:
    """A track whose lowest notes lie in bin 10 has its highest there or above."""
    grammar = opened()
    assert np.flatnonzero(grammar.mask(TRACK, [40, 0, 10])).min() == 10


def test_notes_end_where_the_piece_ends() -> None:
    """In the last bar no note sounds past the bar line; one bar earlier it may cross one."""
    for bar, longest in ((LAST_BAR, 48), (FIRST_OF_TWO, 144)):
        grammar = opened(bar, limits=Limits(steady=True))
        durations = np.flatnonzero(grammar.mask(NOTE, [48, 0, 0, 60]))
        assert scales.DURATION[durations.max()] == longest


def test_a_bar_is_long_enough_for_what_sounds() -> None:
    """Under a note that is held on, the last bar is no shorter than the note needs."""
    held = row(NOTE, pitch=60, duration=scales.DURATION.index(192))
    grammar = opened(FIRST_OF_TWO, held)
    meters = np.flatnonzero(grammar.mask(BAR, [0])) - 1
    assert min(scales.bar_steps(*scales.METERS[m]) for m in meters.tolist()) == 96
    grammar = opened(FIRST_OF_TWO, row(NOTE, pitch=60, duration=10))
    meters = np.flatnonzero(grammar.mask(BAR, [0])) - 1
    assert min(scales.bar_steps(*scales.METERS[m]) for m in meters.tolist()) == 3


def test_a_held_pitch_is_not_struck_again() -> None:
    """A pitch that sounds is free again when it is released, in the next bar, too."""
    held = row(NOTE, pitch=60, duration=scales.DURATION.index(108))
    grammar = opened(FIRST_OF_TWO, held)
    assert not grammar.mask(NOTE, [48, 0, 0])[60]
    assert grammar.mask(NOTE, [48, 0, 0])[61]
    assert grammar.mask(NOTE, [48, 128, 0])[128 + 60]
    grammar.advance(LAST_BAR)
    assert not grammar.mask(NOTE, [11, 0, 0])[60]
    assert grammar.mask(NOTE, [12, 0, 0])[60]


def test_notes_of_one_onset_ascend() -> None:
    """At one onset tracks come in score order and pitches from low to high; nothing twice."""
    grammar = opened(LAST_BAR, row(NOTE, onset=24, pitch=60))
    assert not grammar.mask(NOTE, [])[23]
    assert np.flatnonzero(grammar.mask(NOTE, [24, 0, 0])).min() == 61
    grammar.advance(row(NOTE, onset=24, instrument=128, pitch=128 + 36))
    assert not grammar.mask(NOTE, [24])[0], "the piano's turn at this onset is over"
    assert grammar.mask(NOTE, [25])[0]
    assert not grammar.mask(CHORD, [])[24], "a chord comes before the notes of its onset"
    assert grammar.mask(CHORD, [])[25]
    grammar.advance(row(CHORD, onset=30, chord=2))
    assert not grammar.mask(CHORD, [])[30]
    assert grammar.mask(NOTE, [30])[[0, 128]].all()


def test_what_is_silent_must_sound() -> None:
    """At the last step of a piece the silent tracks sound in order, and only then it ends."""
    grammar = opened(LAST_BAR)
    assert not grammar.kinds()[END]
    assert np.flatnonzero(grammar.mask(NOTE, [95])).tolist() == [0]
    grammar.advance(row(NOTE, onset=95, pitch=127))
    assert np.flatnonzero(grammar.mask(NOTE, [])).tolist() == [95]
    assert np.flatnonzero(grammar.mask(NOTE, [95])).tolist() == [128]
    grammar.advance(row(NOTE, onset=95, instrument=128, pitch=255))
    assert names(grammar) == {"END"}


def test_a_track_that_nobody_asked_for_may_stay_silent() -> None:
    """Where not all tracks must sound, something must; what was asked for does."""
    grammar = opened(LAST_BAR, limits=Limits(all_sound=False))
    assert names(grammar) == {"CHORD", "NOTE"}, "an empty piece does not end"
    assert grammar.mask(NOTE, [95])[[0, 128]].all()
    grammar.advance(row(NOTE, onset=95, pitch=60))
    assert "END" in names(grammar)
    for limits in (Limits(all_sound=False, drums=True), Limits(all_sound=False, track_count=2)):
        grammar = opened(LAST_BAR, row(NOTE, onset=95, pitch=127), limits=limits)
        assert names(grammar) == {"NOTE"}
        assert np.flatnonzero(grammar.mask(NOTE, [95])).tolist() == [128]


def test_a_track_keeps_to_the_range_that_it_promised() -> None:
    """Notes lie between the lowest and the highest pitch of the track's row, drums have names."""
    head = (row(STYLE), row(FORM), row(TRACK, low=11, high=12))
    for limits, pitches in ((Limits(), range(40, 48)), (Limits(reading=True), range(128))):
        grammar = Grammar(limits)
        for cells in head:
            grammar.advance(cells)
        drums = [128, 0]
        said = [np.flatnonzero(grammar.mask(TRACK, [*drums, 0, 0][:n])).tolist() for n in (2, 3)]
        assert (said == [[UNSET], [UNSET]]) is not limits.reading
        grammar.advance(row(TRACK, instrument=128, low=11, high=12))
        grammar.advance(LAST_BAR)
        assert np.flatnonzero(grammar.mask(NOTE, [24, 0, 0])).tolist() == [*pitches]
        struck = np.flatnonzero(grammar.mask(NOTE, [24, 128, 0])) - DRUM_BASE
        assert struck.tolist() == [*(range(128) if limits.reading else range(27, 88))]
    full = [row(NOTE, pitch=pitch, duration=10) for pitch in range(40, 48)]
    grammar = Grammar(Limits(instruments=((0, False),)))
    for cells in (*head, LAST_BAR, *full):
        grammar.advance(cells)
    assert not grammar.mask(NOTE, [])[0], "every pitch of the range is held"
    assert not grammar.mask(NOTE, [])[10]
    assert grammar.mask(NOTE, [])[11], "until they are released"


def test_a_bar_that_is_filled_to_the_brim_closes() -> None:
    """When every pitch of the only track is held, nothing can be struck, and the bar closes."""
    grammar = Grammar(Limits())
    for cells in (row(STYLE), row(FORM), row(TRACK), FIRST_OF_TWO):
        grammar.advance(cells)
    for pitch in range(128):
        grammar.advance(row(NOTE, pitch=pitch, duration=scales.DURATION.index(192)))
    assert names(grammar) == {"CHORD", "BAR"}
    grammar.advance(LAST_BAR)
    assert names(grammar) == {"CHORD", "END"}


def test_unset_is_read_and_never_drawn() -> None:
    """Rows of real pieces may leave fields unsaid; a composer's rows say everything."""
    for allowed in (True, False):
        grammar = opened(LAST_BAR, limits=Limits(reading=allowed))
        assert bool(grammar.mask(CHORD, [30])[UNSET]) is allowed
    reading = Grammar(Limits(reading=True))
    for back, likenesses in ((UNSET, [0, 1, 2, 3]), (NEW, [0, 1]), (2, [0, 2, 3])):
        mask = reading.mask(BAR, [0, FOUR_FOUR, 100, back])
        assert np.flatnonzero(mask).tolist() == likenesses


def test_every_mask_is_as_wide_as_its_field() -> None:
    """Every field of every kind has a mask of its own size at the start of a bar."""
    grammar = opened(FIRST_OF_TWO)
    examples = {
        TRACK: [0, 0, 1, 1, 1, 1, 1],
        SECTION: [1] * 6,
        BAR: [0, FOUR_FOUR, 100, 1, 1, 2, 1],
        CHORD: [30, 2],
        NOTE: [0, 0, 0, 60, 10, 10],
    }
    for kind, chosen in examples.items():
        for place, name in enumerate(KINDS[kind].fields):
            assert grammar.mask(kind, chosen[:place]).shape == (FIELDS[name].size,)


def test_offences_are_seen() -> None:
    """The reader of laws that these tests trust does see what is wrong."""
    limits = Limits(bars=1, track_count=1, meters=((0, (4, 4)),), reading=True)
    rows = blind_piece(head_rows(Controls(), ()), limits, np.random.default_rng(5))
    assert first_offence(rows, limits) == ""
    assert first_offence(rows[:-1], limits) == "it does not end"
    assert "after" in first_offence(rows[1:], limits)
    bent = rows.copy()
    bent[rows[:, 0] == NOTE, column(NOTE, "duration")] = FIELDS["duration"].size - 1
    assert "duration" in first_offence(bent, limits)
    bent = rows.copy()
    bent[-1, 3] = 1
    assert "columns" in first_offence(bent, limits)


def test_a_note_is_kept_free_for_each_instrument_that_must_sound() -> None:
    """Of two notes at once, the piano has one until the violin has sounded."""
    limits = Limits(bars=1, instruments=((0, False), (40, False)), max_polyphony=2)
    grammar = Grammar(limits)
    for cells in (row(STYLE), row(FORM), row(TRACK), row(TRACK, instrument=40), LAST_BAR):
        grammar.advance(cells)
    whole = scales.DURATION.index(96)
    grammar.advance(row(NOTE, pitch=60, duration=whole))
    assert np.flatnonzero(grammar.mask(NOTE, [0])).tolist() == [40], "the piano waits"
    grammar.advance(row(NOTE, instrument=40, pitch=70, duration=scales.DURATION.index(12)))
    assert not grammar.mask(NOTE, [])[:12].any(), "two notes sound"
    assert np.flatnonzero(grammar.mask(NOTE, [12])).tolist() == [0, 40]


def test_a_wished_chord_comes_before_the_notes_over_it() -> None:
    """Notes lie before the chord that is to come, which must be written before the bar ends."""
    chords = (Chord(0, 0, 0, ""), Chord(0, 48, 7, "7"))
    limits = Limits(bars=1, meters=((0, (4, 4)),), chords=chords, chord_tones=True)
    grammar = Grammar(limits)
    for cells in (row(STYLE), row(FORM), row(TRACK)):
        grammar.advance(cells)
    assert np.flatnonzero(grammar.mask(BAR, [0, 1, 1, 1, 1])).tolist() == [chord_id(0, "")]
    grammar.advance(row(BAR, meter=LAST_BAR[2], tempo=1, chord=chord_id(0, "")))
    assert np.flatnonzero(grammar.mask(NOTE, [])).max() == 47
    pitches = np.flatnonzero(grammar.mask(NOTE, [24, 0, 0]))
    assert set((pitches % 12).tolist()) == {0, 4, 7}, "on the beat"
    assert len(np.flatnonzero(grammar.mask(NOTE, [25, 0, 0]))) == 128, "and off it"
    grammar.advance(row(NOTE, pitch=60))
    assert names(grammar) == {"NOTE", "CHORD"}, "no end yet"
    assert np.flatnonzero(grammar.mask(CHORD, [])).tolist() == [48]
    assert np.flatnonzero(grammar.mask(CHORD, [48])).tolist() == [chord_id(7, "7")]
    grammar.advance(row(CHORD, onset=48, chord=chord_id(7, "7")))
    assert names(grammar) == {"NOTE", "END"}, "and no other chord"
    assert set((np.flatnonzero(grammar.mask(NOTE, [48, 0, 0])) % 12).tolist()) == {7, 11, 2, 5}


def test_music_begins_by_the_second_bar() -> None:
    """The second bar of a piece without a note yet is not left before one is struck."""
    for limits, free in ((Limits(), False), (Limits(reading=True), True)):
        grammar = opened(row(BAR, bars_left=9, meter=FOUR_FOUR, tempo=100), limits=limits)
        assert "BAR" in names(grammar)
        grammar.advance(row(BAR, bars_left=8, meter=FOUR_FOUR, tempo=100))
        assert ("BAR" in names(grammar)) is free
        grammar.advance(row(NOTE, pitch=60))
        assert "BAR" in names(grammar)
