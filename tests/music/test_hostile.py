"""Damaged files of every kind are read with their notes, or refused with a reason, soon."""

import random
import time
from collections import Counter

import pytest
import symusic.core as symusic

from musegen.errors import MidiError
from musegen.music.read import CPLUSPLUS_ERRORS, read_midi
from musegen.music.write import midi_bytes
from tests.music.hostile import GOOD, TWO, Hostile, hostile, mutant

CASES = list(hostile())
SMALL = [case for case in CASES if len(case.content) < 1_000_000]
LARGE = [case for case in CASES if len(case.content) >= 1_000_000]

MUTANTS = 5_000


def notes_of(content: bytes) -> int:
    """How many notes are read; 0 where the file is refused, which nothing but a MidiError says."""
    try:
        score = read_midi(content)
    except MidiError:
        return 0
    assert all(track.name.isprintable() for track in score.tracks)
    assert all(repair.times > 0 for repair in score.repairs)
    return score.note_count


def symusic_notes(content: bytes) -> int:
    """How many notes symusic finds."""
    try:
        return int(symusic.ScoreTick.from_midi(content, sanitize_data=True).note_num())
    except CPLUSPLUS_ERRORS:
        return 0


def check(case: Hostile) -> None:
    """As many notes as there must be, and never fewer than symusic finds."""
    found = notes_of(case.content)
    if case.notes is not None:
        assert found == case.notes
    if found or case.notes is None:
        assert found >= symusic_notes(case.content)


def test_there_are_many() -> None:
    """A hundred and fifty at least, each by another name."""
    assert len(CASES) >= 150
    assert max(Counter((case.kind, case.name) for case in CASES).values()) == 1


@pytest.mark.parametrize("case", SMALL, ids=lambda case: f"{case.kind}: {case.name}")
def test_damaged(case: Hostile) -> None:
    """Every small one."""
    check(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", LARGE, ids=lambda case: f"{case.kind}: {case.name}")
def test_damaged_and_large(case: Hostile) -> None:
    """Every large one; none takes longer than two seconds of the processor."""
    begin = time.process_time()
    notes_of(case.content)
    assert time.process_time() - begin < 2
    check(case)


def test_what_holds_a_header_is_nearly_always_read() -> None:
    """Of the damaged files that hold a header and notes, 98 in 100 load with notes."""
    could = [case for case in SMALL if b"MThd" in case.content and case.notes != 0]
    loaded = sum(notes_of(case.content) > 0 for case in could)
    assert loaded >= 0.98 * len(could)


def test_a_good_file_needs_no_repair_and_a_damaged_one_says_what() -> None:
    """Repairs are in words, with how often."""
    assert read_midi(GOOD).repairs == read_midi(TWO).repairs == ()
    assert read_midi(midi_bytes(read_midi(TWO))).repairs == ()
    by_name = {case.name: case.content for case in CASES}
    for name, words in (
        ("MacBinary", "bytes before the header were left out"),
        ("one track told of two", "a wrong number of tracks in the header was put right"),
        ("a length off by -20", "a wrong length of a track was put right"),
        ("velocity 200", "data bytes over 127 were cut to 127"),
        ("missing", "a missing end of track was set"),
        ("all notes", "notes that are never released were given an end"),
        ("data at the start", "bytes that are no event were left out"),
        ("a tempo of 000000", "tempi that cannot be were left out"),
        ("a key of 2000", "keys that do not exist were left out"),
    ):
        assert words in [repair.what for repair in read_midi(by_name[name]).repairs], name


def test_notes_that_are_never_released_end_soon() -> None:
    """At the next stroke of their pitch, or after a bar."""
    by_name = {case.name: case.content for case in CASES}
    again = read_midi(by_name["one pitch again and again"])
    assert set(again.tracks[0].notes[:-1, 1].tolist()) == {96}
    assert again.tracks[0].notes[-1, 1] == 4 * 480
    assert read_midi(by_name["all notes"]).end == 8 * 96 + 4 * 480


def test_mutants() -> None:
    """Thousands of files with a few bytes changed, moved, doubled or lost raise nothing else."""
    chance = random.Random(2)
    sources = [case.content for case in SMALL if 60 < len(case.content) < 2_000]
    for _ in range(MUTANTS):
        content = mutant(chance.choice(sources), chance)
        assert notes_of(content) >= 0
