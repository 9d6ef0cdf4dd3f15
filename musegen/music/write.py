"""A Score becomes a MIDI file that a DAW opens as if a careful person had exported it.

Format 1: a conductor track with tempo, meter, key and markers, then one named track and one channel
for each instrument. Integer ticks throughout. Only this module and `read` know a MIDI library.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import mido
import numpy as np

from musegen.files import write_whole
from musegen.music.exported import CONDUCTOR, exported
from musegen.music.pedals import SUSTAIN, pedal_values
from musegen.music.score import DURATION, ONSET, PITCH, VELOCITY, Key, Meter, Score, Track

DRUM_CHANNEL = 9
MELODIC_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15)
RELEASE_VELOCITY = 64

MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")

# What sounds before what at one tick: releases make room for the next note of their pitch, and a
# pedal that is pressed where a note ends does not hold it.
RELEASE_FIRST, THEN_PEDAL, THEN_STRIKE = 0, 1, 2

CONTROL, META = 0xB0, 0xFF

Timed = tuple[int, mido.Message]
Extra = tuple[int, bytes]


def write_midi(
    score: Score, path: str | Path, *, force: bool = False, texts: Sequence[str] = ()
) -> None:
    """The score is a MIDI file at `path`, whole; an existing file is replaced only with `force`."""
    write_whole(path, midi_bytes(score, texts=texts), force=force)


def midi_bytes(score: Score, *, texts: Sequence[str] = ()) -> bytes:
    """The score as the bytes of a MIDI file, with `texts` as text events at its beginning.

    What is written is `exported(score)`: 480 ticks a quarter, and all tracks end together, on a
    bar line. Raises OutputError for what MIDI cannot hold.
    """
    return spelled(exported(score), texts)


def spelled(
    score: Score, texts: Sequence[str] = (), extras: Sequence[Sequence[Extra]] = ()
) -> bytes:
    """A score as `exported` gives it in messages: the conductor, then each track on a channel.

    `extras` are more events, the conductor's first, then each track's: ticks with the bytes of a
    channel message, whose channel is set here, or of a meta event (ff, its type, its content).
    """
    file = mido.MidiFile(type=1, ticks_per_beat=score.ticks_per_quarter, charset="utf-8")
    more = [*extras, *[()] * (1 + len(score.tracks) - len(extras))]
    events = [*_conductor(score, texts), *_extra(more[0], 0)]
    file.tracks.append(_timed_track(events, score.end))
    channels = iter(MELODIC_CHANNELS)
    for track, own in zip(score.tracks, more[1:], strict=True):
        channel = DRUM_CHANNEL if track.is_drum else next(channels)
        values = [(tick, body[2]) for tick, body in own if is_sustain(body)]
        rest = [(tick, body) for tick, body in own if not is_sustain(body)]
        opening = _opening(track, channel, score.keys)
        played = _played(track, channel, [*pedal_values(track.pedals), *values])
        events = [*opening, *_extra(rest, channel), *played]
        file.tracks.append(_timed_track(events, score.end))
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def _extra(events: Sequence[Extra], channel: int) -> Iterator[Timed]:
    for tick, content in events:
        if content[0] == META:
            yield tick, mido.UnknownMetaMessage(content[1], content[2:])
        else:
            yield tick, mido.Message.from_bytes(content).copy(channel=channel)


def _conductor(score: Score, texts: Sequence[str]) -> Iterator[Timed]:
    """What holds for all tracks, in the order in which it is written at one tick."""
    yield 0, mido.MetaMessage("track_name", name=CONDUCTOR)
    for text in texts:
        yield 0, mido.MetaMessage("text", text=_utf8(text))
    for meter in score.meters:
        yield meter.tick, _time_signature(meter)
    for tempo in score.tempos:
        yield tempo.tick, mido.MetaMessage("set_tempo", tempo=tempo.microseconds)
    yield from _keys(score.keys)
    for marker in score.markers:
        yield marker.tick, mido.MetaMessage("marker", text=marker.text)


def _time_signature(meter: Meter) -> mido.MetaMessage:
    """The meter, with a click on every beat: a dotted one in 6/8, 9/8, 12/8."""
    compound = meter.denominator >= 8 and meter.numerator > 3 and meter.numerator % 3 == 0
    clocks = 96 // meter.denominator * (3 if compound else 1)
    return mido.MetaMessage(
        "time_signature",
        numerator=meter.numerator,
        denominator=meter.denominator,
        clocks_per_click=max(1, clocks),
        notated_32nd_notes_per_beat=8,
    )


def _keys(keys: Sequence[Key]) -> Iterator[Timed]:
    for key in keys:
        names = MINOR if key.mode == "minor" else MAJOR
        yield key.tick, mido.MetaMessage("key_signature", key=names[key.tonic % 12])


def _opening(track: Track, channel: int, keys: Sequence[Key]) -> Iterator[Timed]:
    """The track's name, keys and instrument: bank 0, then one program change."""
    yield 0, mido.MetaMessage("track_name", name=track.name)
    yield from _keys(keys)
    yield 0, mido.Message("control_change", channel=channel, control=0, value=0)
    yield 0, mido.Message("control_change", channel=channel, control=32, value=0)
    yield 0, mido.Message("program_change", channel=channel, program=track.program)


def is_sustain(message: bytes) -> bool:
    """Whether the bytes of a message set the sustain pedal."""
    return message[0] & 0xF0 == CONTROL and message[1] == SUSTAIN


def _played(track: Track, channel: int, values: Sequence[tuple[int, int]]) -> Iterator[Timed]:
    """The notes and the pedal's values in their order, a release for every note that is struck."""
    onset, pitch = track.notes[:, ONSET], track.notes[:, PITCH]
    count = len(track)
    struck = np.stack([onset, np.full(count, THEN_STRIKE), pitch, track.notes[:, VELOCITY]])
    release = onset + track.notes[:, DURATION]
    released = np.stack(
        [release, np.full(count, RELEASE_FIRST), pitch, np.full(count, RELEASE_VELOCITY)]
    )
    pedals = [(tick, THEN_PEDAL, SUSTAIN, value) for tick, value in values]
    pressed = np.array(pedals, dtype=np.int64).reshape(-1, 4).T
    events = np.concatenate([released, pressed, struck], axis=1)
    order = np.lexsort((events[2], events[1], events[0]))
    for tick, kind, number, value in events[:, order].T.tolist():
        if kind == THEN_PEDAL:
            message = mido.Message("control_change", channel=channel, control=number, value=value)
        else:
            name = "note_on" if kind == THEN_STRIKE else "note_off"
            message = mido.Message(name, channel=channel, note=number, velocity=value)
        yield tick, message


def _utf8(text: str) -> str:
    """The text with what UTF-8 cannot hold replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _timed_track(events: Sequence[Timed] | Iterator[Timed], end: int) -> mido.MidiTrack:
    """Messages with ticks from the start as a track of messages with ticks from the one before."""
    track, now = mido.MidiTrack(), 0
    for tick, message in sorted(
        events, key=lambda event: event[0]
    ):  # stable: order at a tick stays
        message.time = tick - now
        track.append(message)
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track
