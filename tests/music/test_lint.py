"""The 15 points: what musegen writes keeps all of them, and each is missed where it is broken."""

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.errors import MidiError
from musegen.music.lint.events import read_events
from musegen.music.lint.points import POINTS, Report, lint
from musegen.music.score import Key, Marker, Meter, Score, Tempo, Track, note_array
from musegen.music.timing import bar_lines
from musegen.music.write import midi_bytes
from tests.music.tunes import line
from tests.strategies import grid_scores, scores

Breaks = Callable[[mido.MidiFile], object]


def band() -> Score:
    """A flute, a piano and drums, two bars of 4/4 and one of 6/8."""
    return Score(
        24,
        (
            Track(73, name="Flöte", notes=note_array(line([72, 74, 76, 77], step=24))),
            Track(0, notes=note_array(line([60, 64, 60, 64], step=48))),
            Track(0, True, notes=note_array(line([36, 38] * 4, step=24))),
        ),
        (Tempo.from_bpm(0, 97), Tempo.from_bpm(96, 120)),
        (Meter(0, 4, 4), Meter(192, 6, 8)),
        (Key(0, 2, "major"),),
        (Marker(0, "A"), Marker(96, "B")),
        end=264,
    )


def soon(score: Score) -> bool:
    """Whether the music begins within two bars, so that no silence comes before it."""
    lines = bar_lines(score)
    first = min(int(track.notes[0, 0]) for track in score.tracks)
    return first < int(lines[min(2, len(lines) - 1)])


def from_the_start(score: Score) -> Score:
    """The score with a note at its beginning."""
    first = score.tracks[0]
    notes = note_array([(0, 1, 60, 66), *first.notes.tolist()])
    return score.with_tracks([replace(first, notes=notes), *score.tracks[1:]])


@settings(max_examples=50)
@given(scores(max_tracks=6).map(from_the_start))
def test_every_score_that_is_written_keeps_all_points(score: Score) -> None:
    """Whatever a score holds: 15 of 15."""
    assert lint(midi_bytes(score)).findings == ()


@settings(max_examples=50)
@given(grid_scores(max_tracks=15).map(from_the_start))
def test_every_score_on_the_grid_keeps_all_points(score: Score) -> None:
    """So does what the model can compose."""
    assert lint(midi_bytes(score)).findings == ()


@settings(max_examples=50)
@given(grid_scores())
def test_silence_before_the_music_is_said_and_nothing_else(score: Score) -> None:
    """A score that begins late is written as it is: one finding, of the last point."""
    findings = lint(midi_bytes(score)).findings
    assert [finding.point for finding in findings] == [15] * (not soon(score))


def broken(break_it: Breaks, score: Score | None = None) -> Report:
    """What is found in the band's file after something was broken in it."""
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(score or band())), charset="utf-8")
    break_it(file)
    content = io.BytesIO()
    file.save(file=content)
    return lint(content.getvalue())


def insert(track: int, place: int, kind: str, **values: object) -> Breaks:
    """Puts a message into a track."""
    meta = kind in ("set_tempo", "time_signature", "key_signature", "marker", "track_name")
    message = (mido.MetaMessage if meta else mido.Message)(kind, **values)

    def break_it(file: mido.MidiFile) -> None:
        file.tracks[track].insert(place, message)
        file.tracks[track][place + 1].time -= message.time

    return break_it


def remove(track: int, kind: str) -> Breaks:
    """Takes the first message of a kind out of a track; the time before it stays."""

    def break_it(file: mido.MidiFile) -> None:
        place = next(n for n, message in enumerate(file.tracks[track]) if message.type == kind)
        gone = file.tracks[track].pop(place)
        file.tracks[track][place].time += gone.time

    return break_it


def change(track: int, kind: str, nth: int = 0, **values: object) -> Breaks:
    """Changes the nth message of a kind in a track."""

    def break_it(file: mido.MidiFile) -> None:
        found = [message for message in file.tracks[track] if message.type == kind]
        for name, value in values.items():
            setattr(found[nth], name, value)

    return break_it


def swap(track: int, one: int, other: int) -> Breaks:
    """Two messages of a track change places."""

    def break_it(file: mido.MidiFile) -> None:
        events = file.tracks[track]
        events[one], events[other] = events[other], events[one]

    return break_it


def move(track: int, channel: int) -> Breaks:
    """A track plays on another channel."""

    def break_it(file: mido.MidiFile) -> None:
        for message in file.tracks[track]:
            if not message.is_meta:
                message.channel = channel

    return break_it


def doubled(file: mido.MidiFile) -> None:
    """The first track of notes stands there twice."""
    file.tracks.append(file.tracks[1])


BREAKS: list[tuple[str, set[int], str, Breaks]] = [
    ("format 2", {1}, "format 2", lambda file: setattr(file, "type", 2)),
    ("220 ticks", {2, 6, 14}, "220 ticks", lambda file: setattr(file, "ticks_per_beat", 220)),
    ("no conductor", {3, 4, 6, 14}, "the first track plays", lambda file: file.tracks.pop(0)),
    ("a nameless conductor", {3, 7}, "no name", remove(0, "track_name")),
    ("a tempo in a note track", {3, 4}, "outside", insert(2, 1, "set_tempo", tempo=400_000)),
    ("no tempo", {4}, "no tempo at the beginning", remove(0, "set_tempo")),
    ("no meter", {4}, "no meter at the beginning", remove(0, "time_signature")),
    ("a tempo cut off", {4}, "97 a minute are 618,557", change(0, "set_tempo", tempo=618_556)),
    ("a tempo twice", {4}, "a second tempo", insert(0, 2, "set_tempo", tempo=400_000)),
    ("a tempo that holds", {4}, "holds already", change(0, "set_tempo", 1, tempo=618_557)),
    ("no key in a track", {5}, "track 2 (Acoustic Grand Piano)", remove(2, "key_signature")),
    ("no key in the conductor", {5}, "track 0 (Conductor)", remove(0, "key_signature")),
    ("a marker off the line", {6}, "'B' is on no", lambda f: shift(f, "B", 10)),
    ("no marker at 0", {6}, "no marker at the beginning", remove(0, "marker")),
    ("two tracks of a name", {7}, "also that of track 1", change(2, "track_name", name="Flöte")),
    ("a nameless track", {7}, "no name", remove(2, "track_name")),
    ("a tab in a name", {7}, "blank", change(1, "track_name", name="a\tb")),
    ("Latin letters", {7}, "not UTF-8", lambda file: setattr(file, "charset", "latin-1")),
    ("a shared channel", {8}, "on channel 1, as track 1", move(2, 0)),
    ("two channels", {8}, "channels 1, 16", insert(1, 9, "control_change", channel=15, control=7)),
    ("drums on 5", {9}, "called drums", move(3, 4)),
    ("a bank of drums", {9}, "bank of drums", change(1, "control_change", value=127)),
    ("no program", {10}, "no program change", remove(1, "program_change")),
    ("a second program", {10}, "second program", insert(1, 8, "program_change", program=3)),
    ("the bank late", {10}, "after the program", swap(1, 3, 4)),
    ("the program late", {10}, "before the notes", swap(1, 4, 5)),
    ("a note hangs", {11}, "never released", remove(1, "note_off")),
    ("a stray release", {11}, "does not sound", insert(1, 5, "note_off", note=5)),
    ("an overlap", {11}, "struck again", insert(2, 6, "note_on", channel=1, note=60, time=5)),
    ("a short note", {12}, "lasts 9 ticks", lambda file: short(file)),
    ("the pedal down", {13}, "sustain pedal is down", insert(1, 9, "control_change", control=64,
                                                             value=64)),
    ("the bend bent", {13}, "not centred", insert(1, 9, "pitchwheel", pitch=-1)),
    ("a controller twice", {13}, "controller 0 is set twice",
     insert(1, 2, "control_change", control=0)),
    ("sysex", {13}, "sysex", insert(1, 9, "sysex", data=(1, 2))),
    ("an early end", {14}, "ends at tick", lambda f: setattr(f.tracks[1][-1], "time", 0)),
    ("an empty track", {14, 15}, "is empty", lambda f: f.add_track() and None),
    ("a track twice", {7, 8}, "also that of track 1", doubled),
]  # fmt: skip


def shift(file: mido.MidiFile, text: str, ticks: int) -> None:
    """A marker comes later; what follows stays where it is."""
    events = file.tracks[0]
    place = next(n for n, m in enumerate(events) if m.type == "marker" and m.text == text)
    events[place].time += ticks
    events[place + 1].time -= ticks


def short(file: mido.MidiFile) -> None:
    """The first note of the flute lasts nine ticks."""
    first = next(n for n, message in enumerate(file.tracks[1]) if message.type == "note_off")
    file.tracks[1][first + 1].time += file.tracks[1][first].time - 9
    file.tracks[1][first].time = 9


@pytest.mark.parametrize(("points", "words", "break_it"), [row[1:] for row in BREAKS],
                         ids=[row[0] for row in BREAKS])  # fmt: skip
def test_what_is_broken_is_found(points: set[int], words: str, break_it: Breaks) -> None:
    """Each point is missed where it is broken, in words; the others are still kept."""
    said = [str(finding) for finding in broken(break_it).findings]
    assert {finding.point for finding in broken(break_it).findings} == points, said
    assert any(words in line for line in said), said


def test_every_point_can_be_missed() -> None:
    """For each of the 15 something above breaks it."""
    assert set().union(*(row[1] for row in BREAKS)) == {point.number for point in POINTS}
    assert [point.number for point in POINTS] == list(range(1, 16))


def test_a_finding_says_where() -> None:
    """Track with its name, bar as people count, tick."""
    (finding,) = broken(remove(1, "note_off")).findings
    assert str(finding) == "track 1 (Flöte), bar 1, tick 0: pitch 72 is never released"
    assert (finding.point, finding.bar) == (11, 1)


def test_a_stem_may_be_silent_at_first() -> None:
    """A file that says that it is a stem keeps the silence before its notes."""
    late = Score(24, (Track(0, notes=note_array([(400, 24, 60, 66)])),))
    assert [finding.point for finding in lint(midi_bytes(late)).findings] == [15]
    assert lint(midi_bytes(late, texts=["musegen stem 2 of 3"])).findings == ()


def test_a_header_that_lies() -> None:
    """More tracks than there are, and bytes past the end."""
    content = midi_bytes(band())
    said = [str(f) for f in lint(content[:11] + b"\x09" + content[12:] + b"??").findings]
    assert said == ["the header says 9 tracks; there are 4", "2 bytes follow the last track"]
    assert {f.point for f in lint(content[:-3]).findings} >= {1}


@pytest.mark.parametrize("content", [b"", b"RIFF", b"MThd", b"MThd" + bytes(10), b"x" * 100])
def test_what_is_no_midi_file_is_refused(content: bytes) -> None:
    """One error, in words."""
    with pytest.raises(MidiError, match="MIDI"):
        lint(content)


def test_what_cannot_be_opened(tmp_path) -> None:
    """A folder, and a file that is not there."""
    for path in (tmp_path, tmp_path / "none.mid", "a\0b"):
        with pytest.raises(MidiError):
            lint(path)


@given(st.data())
def test_damage_is_never_a_crash(chance: st.DataObject) -> None:
    """Bytes changed, cut or put in: a report, or a MidiError."""
    content = bytearray(midi_bytes(band()))
    for _ in range(chance.draw(st.integers(1, 4))):
        place = chance.draw(st.integers(0, len(content) - 1))
        content[place] = chance.draw(st.integers(0, 255))
    content = content[: chance.draw(st.integers(0, len(content)))]
    with suppress(MidiError):
        assert all(map(str, lint(bytes(content)).findings))


def test_an_unknown_meta_event_keeps_its_time() -> None:
    """mido would lose the ticks before it."""
    track = b"\x60\xff\x7e\x00\x00\xff\x2f\x00"
    file = read_events(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x08" + track)
    assert [event.tick for event in file.tracks[0]] == [96, 96]
