"""A repaired copy keeps the 15 points, and every note, controller and word that can be kept."""

import io
from collections import Counter
from contextlib import suppress

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.errors import MidiError
from musegen.music.lint.events import BEND, CONTROL, META, Event, read_events
from musegen.music.lint.points import lint
from musegen.music.lint.repair import repaired
from musegen.music.read import read_midi
from musegen.music.write import midi_bytes
from tests.music.test_lint import BREAKS, Breaks, band, from_the_start
from tests.strategies import scores

END = (0, b"\xff\x2f\x00")


def smf(*tracks: list[tuple[int, bytes]], kind: int = 1, division: int = 96) -> bytes:
    """A MIDI file of tracks, each a list of ticks since the event before and bytes."""
    header = b"MThd\0\0\0\6" + b"".join(n.to_bytes(2) for n in (kind, len(tracks), division))
    chunks = []
    for track in tracks:
        body = b"".join(bytes([wait]) + content for wait, content in track)
        chunks.append(b"MTrk" + len(body).to_bytes(4) + body)
    return header + b"".join(chunks)


def fixed(*tracks: list[tuple[int, bytes]], **header: int) -> tuple[Event, ...]:
    """The events of all tracks of the repaired file, which keeps the points."""
    content = repaired(smf(*tracks, **header))
    assert lint(content).findings == ()
    return tuple(event for track in read_events(content).tracks for event in track)


def struck(events: tuple[Event, ...]) -> list[tuple[int, int, int]]:
    """Tick, channel and pitch of every note."""
    return sorted((e.tick, e.channel, e.content[0]) for e in events if e.strikes)


NOTE = [(0, b"\x90\x3c\x40"), (96, b"\x80\x3c\x40")]
ALL_BREAKS = [row[3] for row in BREAKS]


@pytest.mark.parametrize("break_it", ALL_BREAKS, ids=[row[0] for row in BREAKS])
def test_whatever_is_broken_is_repaired(break_it: Breaks) -> None:
    """The copy of a broken file keeps every point, and no note of it is missing."""
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(band())), charset="utf-8")
    break_it(file)
    content = io.BytesIO()
    file.save(file=content)
    copy = repaired(content.getvalue())
    assert lint(copy).findings == ()
    assert read_midi(copy).note_count >= band().note_count


@settings(max_examples=50)
@given(scores().map(from_the_start))
def test_a_good_file_stays_as_it_is(score) -> None:
    """What keeps the points is the same, byte for byte."""
    good = midi_bytes(score)
    assert repaired(good) == good


@settings(max_examples=50)
@given(st.data())
def test_damaged_files_are_repaired_or_refused(chance: st.DataObject) -> None:
    """Whatever bytes come: a file that keeps all points, or a MidiError."""
    content = bytearray(midi_bytes(band()))
    for _ in range(chance.draw(st.integers(1, 6))):
        place = chance.draw(st.integers(14, len(content) - 1))
        content[place] = chance.draw(st.integers(0, 255))
    with suppress(MidiError):
        assert lint(repaired(bytes(content))).findings == ()


def test_one_track_of_many_instruments_becomes_many() -> None:
    """Format 0: a track for each channel, and for each program on it, drums on the tenth."""
    events = fixed(
        [
            (0, b"\xc0\x21"), (0, b"\xc1\x49"),
            (0, b"\x90\x3c\x40"), (0, b"\x91\x48\x40"), (0, b"\x99\x24\x40"),
            (96, b"\x90\x3c\x00"), (0, b"\x91\x48\x00"), (0, b"\x99\x24\x00"),
            (0, b"\xc0\x28"), (0, b"\x90\x3e\x40"), (96, b"\x90\x3e\x00"), END,
        ],
        kind=0,
    )  # fmt: skip
    programs = sorted((e.channel, e.content[0]) for e in events if e.command == 0xC0)
    assert programs == [(0, 0x21), (1, 0x28), (2, 0x49), (9, 0)]
    assert struck(events) == [(0, 0, 0x3C), (0, 2, 0x48), (0, 9, 0x24), (480, 1, 0x3E)]


def test_controllers_bends_and_words_stay() -> None:
    """Volume, pedal, bend and lyrics are where they were, in the ticks that are written."""
    events = fixed(
        [
            (0, b"\xb0\x07\x64"), (0, b"\xb0\x40\x7f"), (0, b"\x90\x3c\x40"),
            (0, b"\xff\x05\x02la"), (48, b"\xe0\x00\x50"), (48, b"\x80\x3c\x40"), END,
        ]
    )  # fmt: skip
    found = [(e.tick, e.status, e.content) for e in events if e.command in (CONTROL, BEND)]
    assert (0, CONTROL, b"\x07\x64") in found
    assert (0, CONTROL, b"\x40\x7f") in found
    assert (240, BEND, b"\x00\x50") in found
    assert sorted(found[-2:]) == [(1920, CONTROL, b"\x40\x00"), (1920, BEND, b"\x00\x40")]
    assert [(e.tick, e.content) for e in events if (e.status, e.kind) == (META, 5)] == [(0, b"la")]


def test_of_a_controller_set_twice_the_last_holds() -> None:
    """But numbered parameters are all set, each a tick after the other."""
    twice = [(0, b"\xb0\x07\x10"), (0, b"\xb0\x07\x20")]
    numbered = [(0, b"\xb0\x65\x00"), (0, b"\xb0\x64\x00"), (0, b"\xb0\x06\x0c"),
                (0, b"\xb0\x65\x00"), (0, b"\xb0\x64\x01"), (0, b"\xb0\x06\x40")]  # fmt: skip
    events = fixed([*twice, *numbered, *NOTE, END])
    set_to = [(e.tick, *e.content) for e in events if e.command == CONTROL and e.content[0]]
    assert [row for row in set_to if row[1] == 7] == [(0, 7, 0x20)]
    assert [row for row in set_to if row[1] in (101, 100, 6)] == [
        (0, 101, 0), (0, 100, 0), (0, 6, 12), (1, 101, 0), (1, 100, 1), (1, 6, 64)
    ]  # fmt: skip


def test_drums_on_another_channel_go_to_theirs() -> None:
    """A track that is called drums is drums."""
    events = fixed([(0, b"\xff\x03\x05Drums"), *NOTE, END])
    assert struck(events) == [(0, 9, 60)]


def test_more_than_sixteen_instruments_are_folded() -> None:
    """Twenty tracks become fifteen, with every note."""
    tracks = [
        [(0, bytes([0xC0, n])), (0, bytes([0x90, 40 + n, 64])), (96, bytes([0x80, 40 + n, 0])), END]
        for n in range(20)
    ]
    events = fixed(*tracks)
    assert Counter(e.channel for e in events if e.strikes).total() == 20
    assert len({e.channel for e in events if e.strikes}) == 15


def test_silence_before_the_music_is_left_out_in_whole_bars() -> None:
    """Three empty bars of 96 * 4 ticks go, and what is left of the fourth stays."""
    silence = [(127, b"\xff\x01\x00")] * 9 + [(9 + 96, b"\xff\x01\x00")]
    assert struck(fixed([*silence, *NOTE, END])) == [(480, 0, 60)]


def test_a_file_without_notes_is_refused() -> None:
    """There is nothing to repair."""
    with pytest.raises(MidiError, match="no notes"):
        repaired(smf([END]))


def test_a_note_that_is_never_released_beside_one_that_is() -> None:
    """Two notes begin at once and one of them has no end: both are kept."""
    chord = [(0, b"\x90\x3c\x40"), (0, b"\x90\x40\x40"), (96, b"\x80\x3c\x40"), END]
    assert struck(fixed(chord)) == [(0, 0, 0x3C), (0, 0, 0x40)]
