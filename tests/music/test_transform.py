"""Bringing music to the grid, and moving it about there."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.errors import MidiError, WishError
from musegen.music import timing
from musegen.music.ongrid import is_on_grid, off_grid
from musegen.music.read import read_midi
from musegen.music.score import Key, Marker, Meter, Score, Tempo, Track, note_array
from musegen.music.timing import GRID
from musegen.music.transform import merge_tracks, nearest_kit, quantise, transpose, trim
from tests.strategies import grid_order, grid_scores, scores

STEP = 20  # ticks of 480 to a quarter


def piece(*notes: tuple[int, int, int, int], ppq: int = 480, **rest: object) -> Score:
    """One piano track with these notes."""
    return Score(ppq, (Track(0, notes=note_array(notes)),), **rest)  # type: ignore[arg-type]


def rows(score: Score) -> list[list[int]]:
    """The notes of all tracks, one after the other."""
    return [row for track in score.tracks for row in track.notes.tolist()]


@given(grid_scores())
def test_what_the_tests_call_the_grid_is_on_the_grid(score):
    """The strategy, written from the rules, and `off_grid` agree on what the grid is."""
    assert list(off_grid(score)) == []


@given(scores(), st.booleans())
def test_every_score_can_be_brought_to_the_grid(score, keep_silence):
    """Whatever goes in, what comes out is on the grid, and doing it again changes nothing."""
    result, report = quantise(score, keep_silence=keep_silence)
    assert list(off_grid(result)) == []
    assert list(result.tracks) == sorted(result.tracks, key=grid_order)
    assert report.notes_in == score.note_count
    assert report.notes_out == result.note_count
    assert report.notes_in == report.notes_out + report.notes_merged
    again, second = quantise(result, keep_silence=keep_silence)
    assert again == result
    assert second.changes == {}


@given(grid_scores())
def test_a_score_on_the_grid_stays_as_it_is(score):
    """Quantising what is on the grid changes nothing and reports nothing."""
    result, report = quantise(score, keep_silence=True)
    assert result == score
    assert report.changes == {}
    assert report.notes_in == report.notes_out
    assert report.tracks_in == report.tracks_out


@given(grid_scores())
def test_empty_bars_around_the_music_are_left_out(score):
    """The piece begins and ends in a bar with notes, and they are as they were."""
    result, report = quantise(score)
    lines = timing.bar_lines(result)
    onsets = [note.onset for track in result.tracks for note in track]
    assert min(onsets) < lines[1]
    assert lines[-2] < max(track.end for track in result.tracks)
    moved = timing.bar_lines(score)[report.bars_trimmed]
    back = [[[row[0] + moved, *row[1:]] for row in track.notes.tolist()] for track in result.tracks]
    # Tracks of one program and one mean pitch are ordered by their notes, which moved.
    assert sorted(back) == sorted(track.notes.tolist() for track in score.tracks)
    changes = dict(report.changes)
    assert changes.pop("bars_trimmed", 0) == report.bars_trimmed
    assert changes == {}


@given(scores())
def test_no_onset_moves_further_than_half_a_step(score):
    """Where no bar is cut, an onset moves by rounding only, and the report says how far."""
    plain = replace(score, meters=(Meter(0, 4, 4),))
    _, report = quantise(plain)
    assert 0 <= report.shift_mean_steps <= report.shift_max_steps <= 0.5
    assert report.shift_mean_ms <= report.shift_max_ms + 1e-9


def test_the_report_says_how_far_notes_moved():
    """At 120 a step is 20.8 ms; one note of two that is 5 of 20 ticks late moved by a quarter."""
    _, report = quantise(piece((0, 480, 60, 66), (485, 475, 62, 66)))
    assert report.shift_max_steps == 0.25
    assert report.shift_mean_steps == 0.125
    assert report.shift_max_ms == pytest.approx(500 / 24 / 4)
    assert report.shift_mean_ms == pytest.approx(500 / 24 / 8)


def test_notes_that_follow_each_other_still_do():
    """Legato stays legato: a release that met the next onset meets it on the grid too."""
    result, _ = quantise(piece((0, 471, 60, 66), (471, 470, 62, 66), (941, 100, 64, 66)))
    assert [(note.onset, note.duration) for note in result.tracks[0]] == [
        (0, 24),
        (24, 23),
        (47, 5),
    ]


def test_a_note_shorter_than_a_step_gets_a_step():
    """A grace note of two ticks is not lost."""
    result, report = quantise(piece((0, 2, 60, 66)))
    assert rows(result) == [[0, 1, 60, 66]]
    assert report.changes == {"lengths_raised": 1}


def test_notes_on_top_of_each_other_become_one():
    """Two notes of one pitch at one time become one, as long and as loud as either."""
    result, report = quantise(piece((0, 480, 60, 10), (3, 240, 60, 100)))
    assert rows(result) == [[0, 24, 60, 102]]
    assert (report.notes_in, report.notes_out, report.notes_merged) == (2, 1, 1)


def test_a_note_ends_where_its_pitch_is_struck_again():
    """The earlier of two that overlap is cut, and counted."""
    result, report = quantise(piece((0, 960, 60, 66), (480, 480, 60, 66)))
    assert rows(result) == [[0, 24, 60, 66], [24, 24, 60, 66]]
    assert report.overlaps_cut == 1


def test_a_long_note_gets_a_length_of_the_grid():
    """97 to 107 steps lie between two lengths; 2,000 lie past the longest. Both are counted."""
    result, report = quantise(piece((0, 101 * STEP, 60, 66), (0, 2000 * STEP, 62, 66)))
    assert [row[1] for row in rows(result)] == [96, 1536]
    assert (report.lengths_snapped, report.lengths_cut) == (1, 1)
    result, _ = quantise(piece(*((0, steps * STEP, steps, 66) for steps in (102, 103, 109))))
    assert [row[1] for row in rows(result)] == [96, 108, 108]


def test_no_length_is_snapped_into_the_next_note():
    """107 steps are nearest to 108, but the pitch is struck again at 107: 96 it is."""
    result, report = quantise(piece((0, 107 * STEP, 60, 66), (107 * STEP, 480, 60, 66)))
    assert rows(result)[0] == [0, 96, 60, 66]
    assert report.lengths_snapped == 1


def test_velocities_are_the_centres_of_their_bins():
    """1 to 3 become 2, 64 to 67 become 66, 127 becomes 126."""
    result, report = quantise(piece((0, 480, 60, 1), (0, 480, 61, 64), (0, 480, 62, 127)))
    assert [row[3] for row in rows(result)] == [2, 66, 126]
    assert report.velocities_rounded == 3


def test_a_ritardando_stays_bar_by_bar():
    """Every bar gets the whole tempo nearest to its mean, weighted by time."""
    tempos = (Tempo(0, 500_000), Tempo(960, 1_000_000), Tempo(1920, 1_000_000))
    result, report = quantise(piece((0, 3840, 60, 66), tempos=tempos))
    assert [(t.tick, round(t.bpm)) for t in result.tempos] == [(0, 80), (96, 60)]
    assert report.tempos_averaged == 1
    assert report.tempo_error_max_bpm == 0


def test_tempi_out_of_range_come_to_its_ends():
    """5 and 1,000 quarters a minute become 16 and 300, and the report says how far off that is."""
    for bpm, nearest in ((5, 16), (1000, 300)):
        result, report = quantise(piece((0, 480, 60, 66), tempos=(Tempo.from_bpm(0, bpm),)))
        assert round(result.tempos[0].bpm) == nearest
        assert report.tempo_error_max_bpm == pytest.approx(abs(bpm - nearest), abs=0.01)


def test_a_bar_that_is_cut_short_gets_its_own_meter():
    """4/4 that gives way to 3/4 after six quarters: a bar of 4/4, one of 2/4, then 3/4."""
    meters = (Meter(0, 4, 4), Meter(6 * 480, 3, 4))
    result, report = quantise(piece((0, 480, 60, 66), (6 * 480, 480, 62, 66), meters=meters))
    assert result.meters == (Meter(0, 4, 4), Meter(96, 2, 4), Meter(144, 3, 4))
    assert rows(result)[1][0] == 144
    assert (report.bars_cut_short, report.meters_moved) == (1, 0)


def test_a_meter_change_just_beside_a_bar_line_moves_onto_it():
    """A change seven ticks late moves to the line, and the notes after it keep their beat."""
    meters = (Meter(0, 4, 4), Meter(1927, 3, 4))
    result, report = quantise(piece((0, 480, 60, 66), (1927, 480, 62, 66), meters=meters))
    assert result.meters == (Meter(0, 4, 4), Meter(96, 3, 4))
    assert rows(result)[1][0] == 96
    assert (report.bars_cut_short, report.meters_moved) == (0, 1)


def test_a_meter_change_between_two_32nds_goes_to_the_nearer():
    """Two and a half steps after the line are a bar of 1/32; one and a half are none."""
    for ticks, meter in ((1970, (1, 32)), (1949, (3, 4))):
        meters = (Meter(0, 4, 4), Meter(ticks, 3, 4))
        result, report = quantise(piece((0, 480, 60, 66), (3000, 480, 62, 66), meters=meters))
        assert result.meters[1] == Meter(96, *meter)
        assert report.meters_moved == 1


def test_notes_keep_their_order_where_a_bar_is_cut():
    """What would fall past the new bar line sounds on it, not after what follows it."""
    meters = (Meter(0, 4, 4), Meter(1949, 3, 4))
    result, _ = quantise(
        piece((0, 9, 60, 66), (1945, 99, 61, 66), (1949, 99, 62, 66), meters=meters)
    )
    assert [row[0] for row in rows(result)] == [0, 96, 96]


@pytest.mark.parametrize(
    ("given_meter", "expected"),
    [
        ((24, 4), (12, 4)),
        ((34, 8), (17, 8)),
        ((17, 4), (4, 4)),
        ((4, 64), (1, 16)),
        ((3, 64), (4, 4)),
    ],
)
def test_a_meter_that_no_row_holds_is_replaced(given_meter, expected):
    """By one of the same bar length, by bars that add up to it, or else by 4/4."""
    result, report = quantise(piece((0, 480, 60, 66), meters=(Meter(0, *given_meter),)))
    assert result.meters == (Meter(0, *expected),)
    assert report.meters_replaced == 1


def test_two_drum_tracks_become_one():
    """MIDI has one drum channel; the kit is that of the busier track, no drum is lost."""
    few = Track(0, True, notes=note_array([(0, 20, 36, 66)]))
    many = Track(32, True, notes=note_array([(0, 20, 42, 66), (480, 20, 42, 66)]))
    result, report = quantise(Score(480, (few, many)))
    assert [(track.program, track.is_drum, len(track)) for track in result.tracks] == [
        (32, True, 3)
    ]
    assert report.drum_tracks_merged == 1


def test_of_too_many_tracks_the_smallest_are_merged():
    """Seventeen tracks become fifteen: two pianos first, then the smallest into its family."""
    programs = [0, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 113]
    tracks = [
        Track(program, notes=note_array([(480 * n, 480, 60 + place, 66) for n in range(count)]))
        for place, (program, count) in enumerate(zip(programs, [5] * 16 + [1], strict=True))
    ]
    result, report = quantise(Score(480, tuple(tracks)))
    assert len(result.tracks) == 15
    assert result.note_count == sum(map(len, tracks))
    assert (report.tracks_merged, report.tracks_merged_across_programs) == (1, 1)
    assert [len(track) for track in result.tracks if track.program == 0] == [10]
    assert [len(track) for track in result.tracks if track.program == 112] == [6]


def test_tracks_of_one_program_are_merged_before_any_other():
    """Sixteen tracks: the two pianos become one, though the banjo has fewer notes."""
    programs = [0, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 105, 112]
    tracks = [
        Track(program, notes=note_array([(480 * n, 480, 60, 66) for n in range(count)]))
        for program, count in zip(programs, [5] * 14 + [1, 5], strict=True)
    ]
    result, report = quantise(Score(480, tuple(tracks)))
    assert (report.tracks_merged, report.tracks_merged_across_programs) == (1, 0)
    assert [len(track) for track in result.tracks if track.program == 105] == [1]


def test_hundreds_of_tracks_fit():
    """A file may have a track for every phrase; the busiest one keeps its instrument."""
    tracks = [Track(n % 100, notes=note_array([(480 * n, 480, 60, 66)])) for n in range(300)]
    busy = Track(127, notes=note_array([(480 * n, 480, 72, 66) for n in range(50)]))
    result, report = quantise(Score(480, (*tracks, busy)))
    assert list(off_grid(result)) == []
    assert (report.notes_out, report.tracks_out) == (350, 15)
    assert result.tracks[-1].program == 127
    assert (result.tracks[-1].notes[:, 2] == 72).sum() == 50


@given(st.lists(st.tuples(st.integers(0, 127), st.booleans()), min_size=17, max_size=80))
def test_any_number_of_tracks_fits_and_no_note_is_lost(kinds):
    """However many tracks a file has, all their notes sound in at most sixteen."""
    tracks = [
        Track(program, drum, notes=note_array([(480 * place, 480, 60, 66)]))
        for place, (program, drum) in enumerate(kinds)
    ]
    result, report = quantise(Score(480, tuple(tracks)))
    assert is_on_grid(result)
    assert report.notes_out == len(kinds)
    merged = report.tracks_merged + report.tracks_merged_across_programs
    assert report.tracks_in - report.tracks_out == merged + report.drum_tracks_merged


def test_an_unknown_kit_becomes_the_nearest_below():
    """Makers number a kit's variations after it; past the last family it is the standard kit."""
    assert [nearest_kit(kit) for kit in (0, 1, 9, 25, 26, 30, 56, 63, 64, 127)] == [
        0, 0, 8, 25, 25, 25, 56, 56, 0, 0,
    ]  # fmt: skip
    drums = Track(127, True, notes=note_array([(0, 20, 36, 66)]))
    result, report = quantise(Score(480, (drums,)))
    assert (result.tracks[0].program, report.kits_replaced) == (0, 1)


def test_what_the_grid_has_no_place_for_is_counted():
    """Names, keys, markers and empty tracks are left out, and the report says how many."""
    track = Track(0, name="Piano", notes=note_array([(0, 480, 60, 66)]))
    score = Score(
        480, (track, Track(5)), keys=(Key(0, 0, "major"),), markers=(Marker(0, "A"), Marker(9, "B"))
    )
    _, report = quantise(score)
    assert report.changes == {
        "names_left_out": 1,
        "keys_left_out": 1,
        "markers_left_out": 2,
        "empty_tracks_left_out": 1,
    }


def test_a_score_without_notes_cannot_be_quantised():
    """There is nothing to put on a grid, and the error says so."""
    with pytest.raises(MidiError, match="holds no notes"):
        quantise(Score(480, (Track(0),)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ticks_per_quarter": 480}, "480 ticks"),
        ({"keys": (Key(0, 0, "major"),)}, "keys"),
        ({"end": 100}, "not a bar line"),
        ({"meters": (Meter(0, 17, 4),)}, "17/4"),
        ({"meters": (Meter(0, 4, 4), Meter(96, 4, 4)), "end": 192}, "repeat"),
        ({"meters": (Meter(0, 4, 4), Meter(50, 3, 4)), "end": 122}, "inside a bar"),
        ({"meters": (Meter(0, 4, 4), Meter(96, 3, 4))}, "at the end"),
        ({"meters": (Meter(24, 4, 4),)}, "begin at tick 0"),
        ({"tempos": (Tempo(0, 500_001),)}, "whole number"),
        ({"tempos": (Tempo.from_bpm(0, 301),)}, "whole number"),
        ({"tempos": (Tempo(0, 500_000), Tempo.from_bpm(50, 90))}, "inside a bar"),
        ({"tracks": ()}, "no tracks"),
        ({"tracks": (Track(0, notes=note_array([(0, 97, 60, 66)])),), "end": 192}, "length"),
        ({"tracks": (Track(0, notes=note_array([(0, 24, 60, 64)])),)}, "velocity"),
        ({"tracks": (Track(0, notes=note_array([(0, 24, 128, 66)])),)}, "pitch"),
        (
            {"tracks": (Track(0, notes=note_array([(0, 24, 60, 66), (23, 24, 60, 66)])),)},
            "overlap",
        ),
        ({"tracks": (Track(9, True, notes=note_array([(0, 24, 60, 66)])),)}, "no kit"),
        ({"tracks": (Track(0, name="Piano", notes=note_array([(0, 24, 60, 66)])),)}, "names"),
        (
            {
                "tracks": (
                    Track(0, True, notes=note_array([(0, 24, 60, 66)])),
                    Track(0, notes=note_array([(0, 24, 60, 66)])),
                )
            },
            "order",
        ),
    ],
)
def test_what_is_off_the_grid_is_said_in_words(change, reason):
    """Every rule of the grid has its sentence."""
    score = piece((0, 24, 60, 66), ppq=24, end=96)
    assert is_on_grid(score)
    wrong = replace(score, **change)
    assert not is_on_grid(wrong)
    assert any(reason in sentence for sentence in off_grid(wrong))


@given(grid_scores(), st.integers(-6, 6))
def test_transposing_there_and_back_changes_nothing(score, semitones):
    """Drums and everything but pitches stay as they are, and the piece stays on the grid."""
    try:
        moved = transpose(score, semitones)
    except WishError:
        return
    assert is_on_grid(moved)
    assert transpose(moved, -semitones) == score
    assert [t for t in moved.tracks if t.is_drum] == [t for t in score.tracks if t.is_drum]


def test_a_transposed_piece_has_its_key_transposed():
    """B minor a semitone up is C minor; drums have no key."""
    drums = Track(0, True, notes=note_array([(0, 24, 36, 66)]))
    score = replace(piece((0, 24, 59, 66), keys=(Key(0, 11, "minor"),)))
    moved = transpose(score.with_tracks((*score.tracks, drums)), 1)
    assert moved.keys == (Key(0, 0, "minor"),)
    assert [track.notes[0, 2] for track in moved.tracks] == [60, 36]


def test_a_transposition_out_of_range_is_refused():
    """The error says how far the piece can go."""
    with pytest.raises(WishError, match=r"-60 to \+67"):
        transpose(piece((0, 24, 60, 66)), 68)


@given(grid_scores(), st.data())
def test_bars_taken_out_are_a_piece_on_the_grid(score, choose):
    """Some bars of a piece are a piece: the notes that begin there, meters and tempi as before."""
    lines = timing.bar_lines(score)
    first = choose.draw(st.integers(0, len(lines) - 2))
    end = choose.draw(st.integers(first + 1, len(lines) - 1))
    part = trim(score, first, end)
    assert timing.bar_lines(part).tolist() == (lines[first : end + 1] - lines[first]).tolist()
    inside = sum(lines[first] <= row[0] < lines[end] for row in rows(score))
    assert part.note_count == inside
    if inside:
        assert list(off_grid(part)) == []
    for whole, taken in zip(timing.bar_meters(score), timing.bar_meters(part), strict=True):
        assert whole[first:end].tolist() == taken.tolist()
    tempos = timing.bar_tempos_bpm(score)[first:end]
    assert timing.bar_tempos_bpm(part) == pytest.approx(tempos)


def test_a_note_that_is_cut_gets_a_length_of_the_grid():
    """A bar of 5/4 has room for 100 steps after step 20; the grid's next length below is 96."""
    score = piece((20, 192, 60, 66), ppq=24, meters=(Meter(0, 5, 4),), end=240)
    part = trim(score, 0, 1)
    assert rows(part) == [[20, 96, 60, 66]]
    assert is_on_grid(part)


@given(grid_scores())
def test_all_bars_of_a_piece_are_the_piece(score):
    """Taking every bar takes everything."""
    assert trim(score, 0, len(timing.bar_lines(score)) - 1) == score


def test_bars_that_are_not_there_cannot_be_taken():
    """The error counts bars from 1, as people do."""
    with pytest.raises(WishError, match="bars 1 to 3 cannot be taken: it has 1 to 2"):
        trim(piece((0, 193, 60, 66), ppq=24, end=192, meters=(Meter(0, 6, 4),)), 0, 3)


@given(grid_scores(), st.data())
def test_merged_tracks_sound_in_one(score, choose):
    """Of two tracks one remains, with every pitch at every time that either had."""
    melodic = [place for place, track in enumerate(score.tracks) if not track.is_drum]
    places = choose.draw(st.sets(st.sampled_from(melodic), min_size=1))
    merged = merge_tracks(score, places)
    assert list(off_grid(merged)) == []
    assert len(merged.tracks) == len(score.tracks) - len(places) + 1
    sounding = {(row[0], row[2]) for row in rows(score)}
    assert {(row[0], row[2]) for row in rows(merged)} == sounding


def test_drums_and_others_cannot_be_merged():
    """A snare is no pitch."""
    drums = Track(0, True, notes=note_array([(0, 24, 36, 66)]))
    score = piece((0, 24, 60, 66), ppq=24)
    score = score.with_tracks((*score.tracks, drums))
    with pytest.raises(WishError, match="some are drums"):
        merge_tracks(score, [0, 1])
    with pytest.raises(WishError, match="cannot be merged"):
        merge_tracks(score, [2])


@pytest.mark.corpus
@pytest.mark.slow
def test_real_music_comes_to_the_grid(corpus_folder: Path):
    """Pieces of every source reach the grid in a millisecond or so, with nothing lost unsaid."""
    for source in sorted(folder for folder in corpus_folder.iterdir() if folder.is_dir()):
        paths = sorted(source.rglob("*.mid"))[::97][:30]
        pieces = [read_midi(path) for path in paths]
        began = time.perf_counter()
        results = [quantise(score) for score in pieces]
        spent = time.perf_counter() - began
        assert spent / max(1, len(pieces)) < 0.02, source.name
        for path, score, (result, report) in zip(paths, pieces, results, strict=True):
            assert list(off_grid(result)) == [], path
            assert report.notes_out + report.notes_merged == score.note_count, path
            assert np.isfinite(report.shift_max_ms), path
            if len(timing.meters_in_order(score)) == 1:
                assert report.shift_max_steps <= 0.5, path


def test_the_lengths_of_the_grid_are_exact_up_to_four_quarters():
    """Up to a whole note nothing is snapped."""
    for steps in range(1, 97):
        result, report = quantise(piece((0, steps, 60, 66), ppq=24))
        assert rows(result) == [[0, steps, 60, 66]]
        assert report.changes == {}
    assert GRID.durations[95:97] == (96, 108)
