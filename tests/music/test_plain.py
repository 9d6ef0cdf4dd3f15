"""Machine code reads a plain file as symusic does, to the last note, and leaves alone any other."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.errors import MidiError
from musegen.music import machine
from musegen.music.chunks import END_OF_TRACK, RUNNING_ON
from musegen.music.plain import plain_score
from musegen.music.read import read_midi
from musegen.music.repair import written
from musegen.music.source import DEFAULT_LIMITS, Limits
from tests.machine import by_machine
from tests.music.test_read import meta, smf

CHANNELS = st.sampled_from([0, 1, 9])
WAITS = st.sampled_from([0, 0, 1, 120, 480, 5000])
PIANO = bytes.fromhex("00c000 00903c40 8360803c40")
"""A program, and a quarter note of C."""

SUSTAIN = 64
STATUS = {"on": 0x90, "off": 0x80, "program": 0xC0, "control": 0xB0, "bend": 0xE0}


def voices(kind: str, first: st.SearchStrategy[int], *second: st.SearchStrategy[int]):
    """Messages of one kind as their status and data."""
    return st.tuples(st.just(STATUS[kind]), CHANNELS, first, *second).map(
        lambda message: bytes([message[0] | message[1], *message[2:]])
    )


PITCHES, BYTES = st.sampled_from([36, 60, 60, 61]), st.integers(0, 127)
POWERS = st.one_of(st.integers(0, 9), st.sampled_from([31, 32, 37, 255]))
METAS = st.one_of(
    st.tuples(st.just(0x51), st.binary(min_size=3, max_size=3)),
    st.tuples(st.just(0x58), st.tuples(BYTES, POWERS, BYTES, BYTES).map(bytes)),
    st.tuples(st.just(0x59), st.binary(min_size=2, max_size=2)),
    st.tuples(st.sampled_from([3, 6]), st.text(max_size=5).map(str.encode)),
    st.tuples(st.sampled_from([1, 3, 5, 6, 0x7F]), st.binary(max_size=5)),
).map(lambda made: bytes([0xFF, made[0], len(made[1])]) + made[1])
EVENTS = st.one_of(
    voices("on", PITCHES, BYTES),
    voices("off", PITCHES, BYTES),
    voices("program", st.sampled_from([0, 5])),
    voices("control", st.sampled_from([7, SUSTAIN, SUSTAIN]), st.sampled_from([0, 63, 64, 127])),
    voices("bend", BYTES, BYTES),
    METAS,
    st.just(b"\xf0\x03\x41\x10\xf7"),
)


@st.composite
def tracks(draw: st.DrawFn) -> bytes:
    """The events of a track, with running status here and there; mostly all notes are released."""
    body, running, sounding = b"", b"", []
    for event in draw(st.lists(EVENTS, max_size=30)):
        if event[0] & 0xF0 == STATUS["on"] and event[2]:
            sounding.append(bytes([event[0] & 15 | STATUS["off"], event[1], 0]))
        again = event[:1] == running and draw(st.booleans())
        running = event[:1] if event[0] < 0xF0 else b""
        body += written(draw(WAITS)) + event[again:]
    if draw(st.integers(0, 9)):
        body += b"".join(written(draw(WAITS)) + release for release in sounding)
    return body + written(draw(WAITS)) + END_OF_TRACK


def read(content: bytes) -> object:
    """The score and its repairs, which do not count when scores are compared; or the refusal."""
    try:
        score = read_midi(content)
    except MidiError as error:
        return str(error)
    return score, score.repairs


@given(st.lists(tracks(), min_size=1, max_size=3), st.sampled_from([24, 480]))
def test_machine_code_reads_what_symusic_reads(
    compiled: Path, bodies: list[bytes], division: int
) -> None:
    """Whatever the events are, a file gives the same score by machine code and without."""
    content = smf(*bodies, division=division)
    as_usual = read(content)
    with by_machine():
        assert read(content) == as_usual


def is_plain(content: bytes, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Whether machine code reads the file."""
    with by_machine():
        return plain_score(content, limits, machine.KERNELS.loaded) is not None


def test_a_plain_file_is_read_by_machine_code(compiled: Path) -> None:
    """Programs, notes, pedals, names, tempi: nothing of that needs symusic."""
    body = meta(3, b"Piano") + meta(0x51, b"\x07\xa1\x20") + b"\x00\xb0\x40\x7f" + PIANO
    assert is_plain(smf(body + b"\0" + END_OF_TRACK))


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x90\x3c\x40",  # never released
        PIANO + b"\x00\x90\x3c\xff\x00\x80\x3c\x40",  # data over 127
        b"\x00\x90\x3c\x40\x00\xc0\x05\x00\x80\x3c\x40",  # another program while it sounds
        PIANO + b"\x00\xf1\x00",  # a message that no file may hold
        PIANO + meta(3, b"\xe9"),  # a name that is not UTF-8
        PIANO + meta(0x51, b"\x07\xa1"),  # a tempo of two bytes
        PIANO + meta(0x58, b"\x04\x25\x18\x08"),  # a meter over two to the 37th
        b"\x00\x90\x3c\x40" + meta(1, b"") + b"\x00\x3c\x00",  # running status over a meta
        PIANO + b"\xff\xff\xff\xff\x00\x90\x3c\x00",  # a time of five bytes
        meta(1, b"no note"),
    ],
)
def test_what_may_be_taken_in_two_ways_is_left_alone(compiled: Path, body: bytes) -> None:
    """Machine code reads no file that readers may differ about."""
    assert not is_plain(smf(body + b"\0" + END_OF_TRACK))


def test_changes_that_say_the_same_at_one_tick_are_plain(compiled: Path) -> None:
    """Many tracks tell one key: no order of them matters, as one of two keys would."""
    a_key, another = meta(0x59, b"\x02\x00"), meta(0x59, b"\x03\x00")
    alike = smf(17 * a_key + PIANO + b"\0" + END_OF_TRACK)
    assert is_plain(alike)
    as_usual = read(alike)
    with by_machine():
        assert read(alike) == as_usual
    assert not is_plain(smf(16 * a_key + another + PIANO + b"\0" + END_OF_TRACK))


def test_a_tempo_that_looks_like_the_end_of_a_message_is_plain(compiled: Path) -> None:
    """0xF7 ends a system exclusive message, and in a file without one is a number like others."""
    tempo = meta(0x51, b"\x07\xf7\x20")
    content = smf(tempo + PIANO + b"\0" + END_OF_TRACK)
    assert RUNNING_ON.search(content)
    assert is_plain(content)
    as_usual = read(content)
    with by_machine():
        assert read(content) == as_usual
    message = b"\x00\xf0\x02\x01\xf7"
    assert not is_plain(smf(message + tempo + PIANO + b"\0" + END_OF_TRACK))


def test_a_note_of_no_length_is_sorted_by_the_one_it_gets(compiled: Path) -> None:
    """Of two notes that begin together the first is let go at once: both last a tick, then."""
    strike, off = b"\x00\x90\x3c", b"\x80\x3c\x00"
    body = strike + b"\x7a" + b"\x00" + off + strike + b"\x07" + b"\x01" + off
    content = smf(body + b"\0" + END_OF_TRACK)
    assert is_plain(content)
    as_usual = read(content)
    with by_machine():
        assert read(content) == as_usual


def test_a_broken_file_is_left_alone(compiled: Path) -> None:
    """Wherever a file is cut, and whatever follows it, machine code does not read it."""
    whole = smf(PIANO + b"\0" + END_OF_TRACK)
    assert is_plain(whole)
    assert not any(is_plain(whole[:size]) for size in range(len(whole)))
    assert not is_plain(whole + b"\0")
    assert not is_plain(b"\0" + whole)


def test_limits_hold(compiled: Path) -> None:
    """What is past a limit is left to the words that say so."""
    whole = smf(*2 * [PIANO + b"\0" + END_OF_TRACK])
    assert is_plain(whole)
    assert not is_plain(whole, Limits(tracks=1))
    assert not is_plain(whole, Limits(events=3))
    assert not is_plain(whole, Limits(hours=1e-9))
