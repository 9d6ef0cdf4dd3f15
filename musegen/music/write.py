"""A Score becomes a MIDI file that a DAW opens as if a careful person had exported it.

Format 1: a conductor track with tempo, meter, key and markers, then one named track and one channel
for each instrument. Integer ticks throughout. Only this module and `read` know a MIDI library.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np

from musegen.errors import OutputError
from musegen.files import write_whole
from musegen.music import timing
from musegen.music.instruments import track_names
from musegen.music.score import (
    DURATION,
    ONSET,
    PITCH,
    VELOCITY,
    Key,
    Meter,
    NoteArray,
    Score,
    Track,
)
from musegen.music.snapping import without_overlaps

TICKS_PER_QUARTER = 480
"""What DAWs themselves export, and 20 ticks to a grid step."""

SHORTEST = 48
"""No note is written shorter than this part of a quarter: players skip what is."""

DRUM_CHANNEL = 9
MELODIC_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15)
RELEASE_VELOCITY = 64
MAX_TICK = 2**28 - 1
"""The longest time that MIDI can put between two events."""

MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")

# What sounds before what at one tick: releases make room for the next note of their pitch.
RELEASE_FIRST, THEN_STRIKE = 0, 1

Timed = tuple[int, mido.Message]


def write_midi(
    score: Score, path: str | Path, *, force: bool = False, texts: Sequence[str] = ()
) -> None:
    """The score is a MIDI file at `path`, whole; an existing file is replaced only with `force`."""
    write_whole(path, midi_bytes(score, texts=texts), force=force)


def midi_bytes(score: Score, *, texts: Sequence[str] = ()) -> bytes:
    """The score as the bytes of a MIDI file, with `texts` as text events at its beginning.

    480 ticks a quarter where the score's own ticks go into that evenly, else the score's own. All
    tracks end together, on a bar line. Notes of one pitch that overlap are cut, very short ones get
    a 48th of a quarter, tracks without notes are left out.
    """
    score = _exact(_one_drum_track(score))
    _check(score)
    changes = (score.tempos, score.meters, score.keys, score.markers)
    last = max(change.tick for kind in changes for change in kind)
    score = replace(score, end=max(score.end, last))
    end = int(timing.bar_lines(score)[-1])
    file = mido.MidiFile(type=1, ticks_per_beat=score.ticks_per_quarter, charset="utf-8")
    file.tracks.append(_timed_track(_conductor(score, texts), end))
    channels = iter(MELODIC_CHANNELS)
    for track, name in zip(score.tracks, track_names(score), strict=True):
        channel = DRUM_CHANNEL if track.is_drum else next(channels)
        events = [*_opening(track, name, channel, score.keys), *_notes(track, channel, score)]
        file.tracks.append(_timed_track(events, end))
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def _one_drum_track(score: Score) -> Score:
    """The score without empty tracks, its drum tracks made one: they share MIDI's drum channel."""
    tracks = [track for track in score.tracks if len(track)]
    drums = [track for track in tracks if track.is_drum]
    if len(drums) > 1:
        largest = max(drums, key=len)
        whole = replace(largest, notes=np.concatenate([track.notes for track in drums]))
        tracks = [whole if track is largest else track for track in tracks]
        tracks = [track for track in tracks if not track.is_drum or track is whole]
    return score.with_tracks(tracks)


def _exact(score: Score) -> Score:
    """The score in the ticks that are written, every note with its sound and its release."""
    factor, rest = divmod(TICKS_PER_QUARTER, max(1, score.ticks_per_quarter))
    if rest:
        factor = 1
    if score.end * factor > MAX_TICK:
        raise OutputError(
            f"the score lasts {score.end:,} ticks; a MIDI file holds {MAX_TICK // factor:,}"
        )
    ticks = score.ticks_per_quarter * factor
    return Score(
        ticks_per_quarter=ticks,
        tracks=tuple(replace(t, notes=_clean(t.notes, factor, ticks)) for t in score.tracks),
        tempos=tuple(t._replace(tick=t.tick * factor) for t in timing.tempos_in_order(score)),
        meters=tuple(m._replace(tick=m.tick * factor) for m in timing.meters_in_order(score)),
        keys=tuple(key._replace(tick=key.tick * factor) for key in score.keys),
        markers=tuple(mark._replace(tick=mark.tick * factor) for mark in score.markers),
        end=score.end * factor,
    )


def _clean(notes: NoteArray, factor: int, ticks_per_quarter: int) -> NoteArray:
    longer = notes * np.array([factor, factor, 1, 1], dtype=np.int32)
    shortest = max(1, ticks_per_quarter // SHORTEST)
    longer[:, DURATION] = np.maximum(longer[:, DURATION], shortest)
    return without_overlaps(longer)


def _check(score: Score) -> None:
    """Refuses what MIDI has no place for, in words."""
    melodic = sum(not track.is_drum for track in score.tracks)
    if melodic > len(MELODIC_CHANNELS):
        raise OutputError(
            f"the score has {melodic} tracks beside the drums, and MIDI has channels for "
            f"{len(MELODIC_CHANNELS)}: merge some (music.transform has merge_tracks; quantise "
            "does it by itself)"
        )
    if not 1 <= score.ticks_per_quarter < 2**15:
        raise OutputError(f"{score.ticks_per_quarter} ticks per quarter do not fit a MIDI file")
    for track in score.tracks:
        low, high = track.notes.min(axis=0), track.notes.max(axis=0)
        fits = low[ONSET] >= 0 and low[PITCH] >= 0 and high[PITCH] <= 127
        if not (fits and low[VELOCITY] >= 1 and high[VELOCITY] <= 127 and 0 <= track.program < 128):
            raise OutputError(
                "the score holds what MIDI does not: onsets are at least 0, pitches and programs "
                "0 to 127, velocities 1 to 127"
            )
    for _, microseconds in score.tempos:
        if not 1 <= microseconds <= timing.MAX_MICROSECONDS:
            raise OutputError(f"a tempo of {microseconds} microseconds a quarter does not fit MIDI")
    for _, numerator, denominator in score.meters:
        powers = tuple(2**power for power in range(8))
        if not 1 <= numerator <= 255 or denominator not in powers:
            raise OutputError(f"a meter of {numerator}/{denominator} does not fit a MIDI file")


def _conductor(score: Score, texts: Sequence[str]) -> Iterator[Timed]:
    """What holds for all tracks, in the order in which it is written at one tick."""
    yield 0, mido.MetaMessage("track_name", name="Conductor")
    for text in texts:
        yield 0, mido.MetaMessage("text", text=_utf8(text))
    for meter in score.meters:
        yield meter.tick, _time_signature(meter)
    for tempo in score.tempos:
        yield tempo.tick, mido.MetaMessage("set_tempo", tempo=tempo.microseconds)
    yield from _keys(score.keys)
    for marker in score.markers:
        yield marker.tick, mido.MetaMessage("marker", text=_utf8(marker.text))


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


def _opening(track: Track, name: str, channel: int, keys: Sequence[Key]) -> Iterator[Timed]:
    """The track's name, keys and instrument: bank 0, then one program change."""
    yield 0, mido.MetaMessage("track_name", name=_utf8(name))
    yield from _keys(keys)
    yield 0, mido.Message("control_change", channel=channel, control=0, value=0)
    yield 0, mido.Message("control_change", channel=channel, control=32, value=0)
    yield 0, mido.Message("program_change", channel=channel, program=track.program)


def _notes(track: Track, channel: int, score: Score) -> Iterator[Timed]:
    """A release for every note that is struck, releases first where both fall on one tick."""
    onset, pitch = track.notes[:, ONSET], track.notes[:, PITCH]
    count = len(track)
    struck = np.stack([onset, np.full(count, THEN_STRIKE), pitch, track.notes[:, VELOCITY]])
    release = onset + track.notes[:, DURATION]
    released = np.stack(
        [release, np.full(count, RELEASE_FIRST), pitch, np.full(count, RELEASE_VELOCITY)]
    )
    events = np.concatenate([released, struck], axis=1)
    order = np.lexsort((events[2], events[1], events[0]))
    for tick, kind, note, velocity in events[:, order].T.tolist():
        name = "note_on" if kind == THEN_STRIKE else "note_off"
        yield tick, mido.Message(name, channel=channel, note=note, velocity=velocity)


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
