"""Reading MIDI: what is in a file, and what is refused."""

import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import symusic.core as symusic
from hypothesis import given
from hypothesis import strategies as st

from musegen.errors import MidiError, SettingError
from musegen.music.read import read_midi, read_texts
from musegen.music.score import Key, Meter, Note, Score, Tempo, Track, note_array
from musegen.music.source import Limits
from musegen.music.write import midi_bytes

END = b"\x00\xff\x2f\x00"
LONG_NOTE = b"\x90\x00\x90\x3c\x40\x60\x80\x3c\x40"
NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x40"


def smf(*tracks: bytes, division: int = 480) -> bytes:
    """A MIDI file by hand: a header and these tracks."""
    head = b"MThd" + struct.pack(">IHHh", 6, 1, len(tracks), division)
    return head + b"".join(b"MTrk" + struct.pack(">I", len(t)) + t for t in tracks)


def meta(kind: int, content: bytes, wait: bytes = b"\x00") -> bytes:
    """A meta event."""
    return wait + bytes([0xFF, kind, len(content)]) + content


def test_a_file_keeps_what_a_score_holds(tmp_path):
    """Ticks, names, programs, drums, tempo, meter and key come out as the file has them."""
    content = smf(
        meta(0x58, b"\x03\x02\x18\x08")
        + meta(0x51, b"\x0f\x42\x40")
        + meta(0x59, b"\xfd\x00")
        + meta(0x06, b"Verse", b"\x60")
        + END,
        meta(0x03, "Flöte".encode()) + b"\x00\xc0\x49" + NOTE + END,
        b"\x00\xc9\x20\x00\x99\x24\x40\x60\x89\x24\x40" + END,
        division=96,
    )
    path = tmp_path / "piece.mid"
    path.write_bytes(content)
    score = read_midi(path)
    assert score == read_midi(str(path)) == read_midi(content)
    assert score.ticks_per_quarter == 96
    assert [(t.program, t.is_drum, t.name) for t in score.tracks] == [
        (73, False, "Flöte"),
        (32, True, ""),
    ]
    assert list(score.tracks[0]) == [Note(0, 96, 60, 64)]
    assert score.meters == (Meter(0, 3, 4),)
    assert score.tempos == (Tempo(0, 1_000_000),)
    assert score.keys == (Key(0, 3, "major"),)
    assert [tuple(marker) for marker in score.markers] == [(96, "Verse")]


def test_notes_come_out_in_the_order_that_a_score_keeps():
    """Notes that a file has in another order, or twice, are as `note_array` sorts them."""
    events = b"\x00\x90\x40\x40\x00\x90\x3c\x50\x00\x90\x3c\x40\x10\x80\x40\x40"
    events += b"\x00\x80\x3c\x40\x10\x80\x3c\x40"
    notes = read_midi(smf(events + END)).tracks[0].notes
    assert notes.tolist() == note_array(notes).tolist()
    assert len(notes) == 3
    assert notes.dtype == np.int32
    assert not notes.flags.writeable
    twice = b"\x00\x90\x3c\x50\x00\x90\x3c\x40\x10\x80\x3c\x40\x00\x80\x3c\x40"
    assert read_midi(smf(twice + END)).tracks[0].notes[:, 3].tolist() == [64, 80]


def test_values_that_no_file_should_hold_are_put_right():
    """A tempo of 0, a meter of 0/0 or of 256ths, 32 sharps, a velocity of 200: all music."""
    content = smf(
        meta(0x51, b"\x00\x00\x00")
        + meta(0x58, b"\x00\x00\x18\x08")
        + meta(0x58, b"\x04\x08\x18\x08")
        + meta(0x59, b"\x20\x07")
        + b"\x00\x90\x3c\xc8\x00\x80\x3c\x40"
        + END
    )
    score = read_midi(content)
    assert score.tempos == (Tempo(0, 500_000),)
    assert score.meters == (Meter(0, 4, 4),)
    assert score.keys == ()
    assert list(score.tracks[0]) == [Note(0, 1, 60, 127)]


def test_a_time_that_goes_on_ends_where_more_notes_are_left():
    """Of a time of more than four bytes the rest is the time's, or an event, as symusic has it."""
    padded = b"\x80\x80\x80\x80\x60\x90\x3c\x50\x60\x80\x3c\x40"
    assert list(read_midi(smf(padded + END)).tracks[0]) == [Note(96, 96, 60, 80)]
    longest, swallowing = b"\xff\xff\xff\x7f", b"\xff\xff\xff\xb1"
    note = b"\x90\x3c\x50\x60\x80\x3c\x40"
    events = longest + note + swallowing + b"\x90\x3e\xd0\x60\x80\x3e\x40" + 8 * (longest + note)
    score = read_midi(smf(events + END))
    assert score.note_count == 10
    assert "times of more than four bytes were cut" in [repair.what for repair in score.repairs]


def test_a_first_change_after_the_beginning_leaves_the_default_before_it():
    """Until a file says otherwise it is in 4/4 at 120."""
    content = smf(
        meta(0x51, b"\x0f\x42\x40", b"\x60") + meta(0x58, b"\x03\x02\x18\x08") + NOTE + END
    )
    score = read_midi(content)
    assert score.tempos == (Tempo(0, 500_000), Tempo(96, 1_000_000))
    assert score.meters == (Meter(0, 4, 4), Meter(96, 3, 4))


def test_a_change_of_program_is_a_track_of_its_own():
    """One MIDI track that plays piano and then violin is two tracks."""
    content = smf(b"\x00\xc0\x00" + NOTE + b"\x00\xc0\x28" + NOTE + END)
    assert [(t.program, len(t)) for t in read_midi(content).tracks] == [(0, 1), (40, 1)]


def test_a_wrapped_file_is_unwrapped():
    """A .rmi is a MIDI file in a wrapper."""
    content = smf(NOTE + END)
    assert read_midi(b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + content) == read_midi(content)


def test_silence_at_the_end_is_kept():
    """The conductor's end is the piece's end; one of hours after the last note is not."""
    track = Track(0, name="a", notes=note_array([(0, 24, 60, 66)]))
    assert read_midi(midi_bytes(Score(24, (track,), end=384))).end == 384 * 20
    assert read_midi(midi_bytes(Score(24, (track,), end=24 * 10_000))).end == 24 * 20


def test_text_events_can_be_read():
    """What was written into the conductor is read again, in order."""
    score = Score(24, (Track(0, notes=note_array([(0, 24, 60, 66)])),))
    texts = ("musegen recipe: {}", "zwölf ♯", "x" * 5000)
    assert read_texts(midi_bytes(score, texts=texts)) == texts
    assert read_texts(smf(NOTE + END)) == ()
    assert read_texts(b"nothing") == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "not a MIDI file"),
        (b"MThd" + bytes(20), "header and no track"),
        (bytes(1000), "holds zeros"),
        (b"\x89PNG\r\n" + bytes(99), "PNG picture"),
        (b"Dear all,\n", "it is text"),
        (smf(END), "holds no notes"),
        (smf(meta(0x51, b"\xff\xff\xff") + NOTE * 2000 + END, division=2), "hours"),
        (smf(meta(0x51, b"\x00\x00\x01") + 1800 * LONG_NOTE + END, division=1), "long"),
        (smf(NOTE + END) + 1024 * (b"MTrk" + bytes(4)), "1,025 tracks; at most 1,024"),
    ],
)
def test_what_is_not_music_is_refused(tmp_path, content, reason):
    """A MidiError names the file and says why, for bytes and for files alike."""
    path = tmp_path / "bad.mid"
    path.write_bytes(content)
    with pytest.raises(MidiError, match=reason) as caught:
        read_midi(path)
    assert caught.value.path == str(path)
    with pytest.raises(MidiError, match=reason):
        read_midi(content)


def test_of_two_keys_at_one_tick_the_first_counts():
    """Careful files repeat the key in every track; else the conductor is right."""
    one, other = b"\0\xff\x59\x02\x02\0", b"\0\xff\x59\x02\xfd\1"
    assert read_midi(smf(one + END, other + NOTE + END)).keys == (Key(0, 2, "major"),)
    assert read_midi(smf(other + END, one + NOTE + END)).keys == (Key(0, 0, "minor"),)


OUT_OF_STEP = bytes.fromhex(
    "4d546864000000060001000101e04d54726b0000005b00ffd10307a12000ff58040402181800ff03"
    "055069616e6f00c00000903c5078803c4000903d5078803d4000903e5078803e4000903f5078803f"
    "400037b01dfe9040507880404000904150788041400023fd8b904250788042400090435078804340"
)
"""The track's length is wrong, and bytes put in among the events shift all that follow."""


def test_a_track_out_of_step_is_read_as_symusic_does():
    """No fewer notes than symusic finds, also where it refuses the tracks cut out of the file."""
    others = symusic.ScoreTick.from_midi(OUT_OF_STEP, sanitize_data=True).note_num()
    assert read_midi(OUT_OF_STEP).note_count == others == 5


def test_what_is_not_a_file_is_refused(tmp_path):
    """A missing file, a folder, a pipe, an impossible name: a MidiError, and no waiting."""
    pipe = tmp_path / "pipe.mid"
    os.mkfifo(pipe)
    (tmp_path / "loop.mid").symlink_to(tmp_path / "loop.mid")
    (tmp_path / "zero.mid").symlink_to("/dev/zero")
    for source, reason in (
        (tmp_path / "nothing.mid", "No such file"),
        (tmp_path, "is a folder"),
        (pipe, "not a regular file"),
        (tmp_path / "loop.mid", "symbolic links"),
        (tmp_path / "zero.mid", "not a regular file"),
        ("bad\0name.mid", "null"),
        ("x" * 5000, "too long"),
    ):
        caught: list[BaseException] = []
        reader = threading.Thread(target=_read_into, args=(source, caught), daemon=True)
        reader.start()
        reader.join(5)
        assert not reader.is_alive(), f"{source} is still being read"
        assert isinstance(caught[0], MidiError)
        assert reason in str(caught[0])


def _read_into(source: str | Path, caught: list[BaseException]) -> None:
    try:
        read_midi(source)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test looks at it
        caught.append(error)


def test_what_is_too_large_is_refused_unread(tmp_path):
    """A file of many gigabytes (here: holes) is refused by its size, one of many notes by those."""
    path = tmp_path / "large.mid"
    with open(path, "wb") as file:
        file.truncate(40 * 2**30)
    with pytest.raises(MidiError, match=r"40,960\.0 MiB; at most 32"):
        read_midi(path)
    with pytest.raises(MidiError, match=r"33\.0 MiB"):
        read_midi(bytes(33 * 2**20))
    for name, most, reason in (
        ("events", 7, "more than 7 events"),
        ("tracks", 1, "2 tracks; at most 1"),
        ("mib", 0.00001, "0.0 MiB"),
        ("hours", 0.0001, "0.0 hours"),
    ):
        with pytest.raises(MidiError, match=reason):
            read_midi(smf(NOTE * 4 + END, END), Limits(**{name: most}))
    assert read_midi(smf(NOTE * 4 + END), Limits(events=8)).note_count == 4
    with pytest.raises(SettingError, match="limit tracks is 0"):
        Limits(tracks=0)


def test_names_are_clean():
    """Control characters and spaces around a name go; a name of thousands of letters is cut."""
    content = smf(meta(0x03, b" a\0b\n ") + NOTE + END, meta(0x03, b"y" * 127) + NOTE + END)
    assert read_midi(content).tracks[0].name == "a b"
    assert read_midi(smf(meta(0x03, "a\u202eb".encode()) + NOTE + END)).tracks[0].name == "a b"


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "shift-jis"])
def test_names_are_read_in_their_charset(charset):
    """UTF-8, else Shift-JIS where that is valid, else latin-1; for markers and texts, too."""
    name = "ピアノ" if charset == "shift-jis" else "Flöte"
    raw = name.encode(charset)
    content = smf(meta(0x01, raw) + meta(0x06, raw) + END, meta(0x03, raw) + NOTE + END)
    score = read_midi(content)
    assert score.tracks[0].name == name
    assert score.markers[0].text == name
    assert read_texts(content) == (name,)


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(content):
    """Whatever the bytes are, they are music or a MidiError."""
    _read_or_refuse(content)
    _read_or_refuse(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + struct.pack(">I", len(content)) + content)


@given(st.data())
def test_damaged_files_raise_nothing_else(choose):
    """A file with some bytes changed, left out or cut off is music or a MidiError."""
    content = bytearray(WHOLE)
    for _ in range(choose.draw(st.integers(1, 4))):
        at = choose.draw(st.integers(0, len(content) - 1))
        content[at : at + choose.draw(st.integers(0, 3))] = choose.draw(st.binary(max_size=4))
    _read_or_refuse(bytes(content[: choose.draw(st.integers(0, len(content)))]))
    _read_or_refuse(bytes(content))


WHOLE = smf(
    meta(0x58, b"\x03\x02\x18\x08") + meta(0x51, b"\x0f\x42\x40") + meta(0x01, b"text") + END,
    meta(0x03, b"Piano") + b"\x00\xc0\x05" + NOTE * 6 + END,
    b"\x00\xc9\x20" + b"\x00\x99\x24\x40\x60\x89\x24\x40" * 6 + END,
)


def _read_or_refuse(content: bytes) -> None:
    try:
        score = read_midi(content)
    except MidiError:
        return
    assert score.note_count
    for track in score.tracks:
        assert (track.notes[:, 1] >= 1).all()
        assert track.notes.min() >= 0
        assert track.notes[:, 2:].max() <= 127
        assert np.array_equal(track.notes, note_array(track.notes))


@pytest.mark.corpus
@pytest.mark.slow
def test_real_files_are_read(corpus_folder):
    """Every 50th file of the corpus is read, with the notes in their order."""
    paths = sorted(corpus_folder.rglob("*.mid"))[::50]
    for path in paths:
        score = read_midi(path)
        assert score.note_count
        for track in score.tracks:
            assert np.array_equal(track.notes, note_array(track.notes)), path
