"""A MIDI file becomes a copy that keeps the 15 points, with its notes, controllers and words.

Every sound gets a track and a channel: notes are told apart by track, channel and the program that
plays them. Left out: sysex, program changes and banks past the first, messages without notes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from musegen.errors import MidiError
from musegen.music import timing
from musegen.music.exported import exported, written_tick
from musegen.music.folding import fold
from musegen.music.instruments import says_drums
from musegen.music.lint.events import (
    BEND,
    CONTROL,
    KEY,
    MARKER,
    META,
    PROGRAM,
    SYSEX,
    TEMPO,
    Event,
    read_events,
)
from musegen.music.lint.of_file import FIRST_BARS, is_key
from musegen.music.lint.of_tracks import (
    BANK_HIGH,
    BANK_LOW,
    DRUM_BANKS,
    DRUM_CHANNEL,
    FIRST_DOWN,
    PEDALS,
)
from musegen.music.lint.opened import Opened, Sounding
from musegen.music.score import Key, Marker, Score, Tempo, Track, note_array
from musegen.music.transform import trim
from musegen.music.write import Extra, spelled

MAX_SILENCE_QUARTERS = 256
"""A file's own end counts where it follows the last note this soon."""

PARAMETERS = (6, 38, 96, 97, 98, 99, 100, 101)
"""Controllers that set a numbered parameter, several in turn: none of them may be left out."""

WORDS = (0x01, 0x02, 0x05, 0x07)
"""Text, copyright, lyrics, cue points: what is kept of the meta events that have no other place."""

CENTRE = bytes([BEND, 0, 64])


@dataclass(frozen=True)
class Part:
    """The notes of one track of the file that are on one channel and have one program."""

    track: int
    channel: int
    program: int
    notes: tuple[Sounding, ...]


def repaired(source: str | Path | bytes) -> bytes:
    """The bytes of a MIDI file that keeps the points and sounds as `source` does.

    Whole bars of silence before the music are left out, unless the file is a stem. Raises MidiError
    for what is no MIDI file or holds no notes.
    """
    opened = Opened(read_events(source))
    parts = _parts(opened)
    if not parts:
        raise MidiError("MIDI bytes" if isinstance(source, bytes) else source, "holds no notes")
    score = _score(opened, parts)
    extras = [_extras(opened, part) for part in parts]
    score, extras = _folded(score, extras)
    start = 0 if opened.is_stem else _silence(score)
    if start:
        lines = timing.bar_lines(score)
        score = trim(score, int(np.searchsorted(lines, start)), len(lines) - 1)
    whole = exported(score)

    def placed(events: list[Extra]) -> list[Extra]:
        per_quarter = score.ticks_per_quarter
        ticks = (written_tick(max(0, tick - start), per_quarter) for tick, _ in events)
        moved = [(min(at, whole.end), body) for at, (_, body) in zip(ticks, events, strict=True)]
        return _settled(_pressed_again(moved), whole.end)

    conductor = placed(_words(opened, opened.note_tracks, among=False))
    return spelled(whole, extras=[conductor, *map(placed, extras)])


def _parts(opened: Opened) -> list[Part]:
    """The parts in the order of the file: by track, then channel, then their first notes."""
    programs = _programs(opened)
    parts = []
    for track, notes in enumerate(opened.notes):
        groups: dict[tuple[int, int], list[Sounding]] = {}
        for note in sorted(notes, key=_in_time):
            program = programs[note.channel]
            changes = np.array([tick for tick, _ in program])
            place = int(np.searchsorted(changes, note.onset, side="right")) - 1
            groups.setdefault((note.channel, program[max(place, 0)][1]), []).append(note)
        for (channel, program_number), played in sorted(groups.items(), key=lambda g: g[0][0]):
            parts.append(Part(track, channel, program_number, tuple(played)))
    return parts


def _in_time(note: Sounding) -> tuple[float, ...]:
    """The order of notes; one that is never released comes after those of its onset that are."""
    release = math.inf if note.release is None else note.release
    return note.onset, release, note.channel, note.pitch, note.velocity


def _programs(opened: Opened) -> list[list[tuple[int, int]]]:
    """For every channel its program changes, as tick and program; at least one."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(16)]
    for track in opened.file.tracks:
        for event in track:
            if event.command == PROGRAM:
                found[event.channel].append((event.tick, event.content[0]))
    return [sorted(changes, key=lambda change: change[0]) or [(0, 0)] for changes in found]


def _score(opened: Opened, parts: list[Part]) -> Score:
    per_track = [part.track for part in parts]
    tracks = []
    for part in parts:
        alone = per_track.count(part.track) == 1
        name = _text(opened.names[part.track]) if alone else ""
        drums = part.channel == DRUM_CHANNEL or (alone and _is_drums(opened, part, name))
        tracks.append(Track(part.program, drums, name, note_array(_rows(part, opened.end))))
    metas = sorted(opened.metas(TEMPO), key=lambda event: event.tick)
    tempos = [Tempo(e.tick, int.from_bytes(e.content)) for e in metas if len(e.content) == 3]
    keys = {e.tick: e.content for e in reversed(opened.metas(KEY)) if is_key(e.content)}
    markers = dict.fromkeys((e.tick, e.content) for e in opened.metas(MARKER))
    last = max(track.end for track in tracks)
    lasts = opened.end <= last + MAX_SILENCE_QUARTERS * opened.ticks_per_quarter
    return Score(
        opened.ticks_per_quarter,
        tuple(tracks),
        tuple(tempo for tempo in tempos if tempo.microseconds),
        opened.meters,
        tuple(_key(tick, content) for tick, content in sorted(keys.items())),
        tuple(Marker(tick, _text(text)) for tick, text in markers),
        end=opened.end if lasts else last,
    )


def _rows(part: Part, end: int) -> Iterator[tuple[int, int, int, int]]:
    for note in part.notes:
        release = max(end, note.onset) if note.release is None else note.release
        yield note.onset, release - note.onset, note.pitch, note.velocity


def _is_drums(opened: Opened, part: Part, name: str) -> bool:
    banks = (
        event.content[1] in DRUM_BANKS
        for event in opened.file.tracks[part.track]
        if event.command == CONTROL and event.content[0] == BANK_HIGH
    )
    return says_drums(name) or any(banks)


def _key(tick: int, content: bytes) -> Key:
    sharps, minor = int.from_bytes(content[:1], signed=True), content[1]
    return Key(tick, (7 * sharps + 9 * minor) % 12, "minor" if minor else "major")


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _folded(score: Score, extras: list[list[Extra]]) -> tuple[Score, list[list[Extra]]]:
    """One drum track and at most 15 others: the notes of the rest go to the nearest of them."""
    into = fold(score.parts).into
    tracks, kept = [], []
    for home in dict.fromkeys(into):
        members = [score.tracks[n].notes for n, target in enumerate(into) if target == home]
        whole = note_array(np.concatenate(members))
        tracks.append(replace(score.tracks[home], notes=whole))
        kept.append(extras[home])
    return score.with_tracks(tracks), kept


def _silence(score: Score) -> int:
    """The tick of the bar line that the music begins after; 0 where that is soon enough."""
    lines = timing.bar_lines(score)
    first = min(int(track.notes[0, 0]) for track in score.tracks)
    bar = int(np.searchsorted(lines, first, side="right")) - 1
    return int(lines[bar]) if bar >= FIRST_BARS else 0


def _extras(opened: Opened, part: Part) -> list[Extra]:
    """The controllers that the part's notes sound with, and the words in its track."""
    played = {n for n in opened.note_tracks if part.channel in opened.channels[n]}
    events = []
    for number, track in enumerate(opened.file.tracks):
        if number == part.track or number not in played:
            events += [event for event in track if _colours(event, part.channel)]
    events.sort(key=lambda event: event.tick)
    colours = [(event.tick, _bytes(event)) for event in events]
    return colours + _words(opened, (part.track,), among=True)


def _colours(event: Event, channel: int) -> bool:
    """Whether the event changes how the channel's notes sound, and is neither note nor program."""
    if event.status >= SYSEX or event.channel != channel:
        return False
    bank = event.command == CONTROL and event.content[0] in (BANK_HIGH, BANK_LOW)
    return event.command >= 0xA0 and event.command != PROGRAM and not bank


def _bytes(event: Event) -> bytes:
    size = 1 if event.command == 0xD0 else 2  # channel pressure has one number
    return bytes([event.status]) + event.content[:size]


def _words(opened: Opened, tracks: tuple[int, ...], *, among: bool) -> list[Extra]:
    """The words in these tracks, or, where they are not `among` them, in all others."""
    return [
        (event.tick, bytes([META, event.kind]) + event.content)
        for number, track in enumerate(opened.file.tracks)
        if (number in tracks) == among
        for event in track
        if event.status == META and event.kind in WORDS
    ]


def _pressed_again(events: list[Extra]) -> list[Extra]:
    """The events in order, where a pedal is let go and pressed at one tick pressed a tick later.

    Else the last would hold, and the pedal never come up.
    """
    ordered = sorted(events, key=lambda event: event[0])
    latest: dict[bytes, tuple[int, int]] = {}
    for place, (tick, body) in enumerate(ordered):
        if body[0] & 0xF0 != CONTROL or body[1] not in PEDALS:
            continue
        before, value = latest.get(body[:2], (-1, 0))
        if before == tick and value < FIRST_DOWN <= body[2]:
            ordered[place] = tick + 1, body
        latest[body[:2]] = tick, body[2]
    return ordered


def _settled(events: list[Extra], end: int) -> list[Extra]:
    """Each controller once a tick, the last holds; pedals up and the bend centred at the end."""
    settled: list[Extra] = []
    for tick, group in groupby(sorted(events, key=lambda event: event[0]), lambda event: event[0]):
        once: dict[object, Extra] = {}
        for place, (_, body) in enumerate(group):
            settled_at = min(tick + _turn(once, body), end)
            what = (body[0] & 0xF0, body[1] if body[0] & 0xF0 == CONTROL else -1)
            own = body[0] == META or body[1] in PARAMETERS
            once[(what, place) if own else what] = settled_at, body
        settled += once.values()
    last = {(b[0] & 0xF0, b[1] if b[0] & 0xF0 == CONTROL else -1): b for _, b in settled}
    for (command, control), body in last.items():
        if command == BEND and body[1:] != CENTRE[1:]:
            settled = [e for e in settled if e[0] < end or e[1][0] & 0xF0 != BEND]
            settled.append((end, bytes([body[0], *CENTRE[1:]])))
        elif command == CONTROL and control in PEDALS and body[2] >= FIRST_DOWN:
            settled = [e for e in settled if e[0] < end or e[1][:2] != body[:2]]
            settled.append((end, bytes([*body[:2], 0])))
    return sorted(settled, key=lambda event: event[0])


def _turn(before: dict[object, Extra], body: bytes) -> int:
    """How many ticks later a numbered parameter is set, so that the one before it is not lost."""
    if body[0] & 0xF0 != CONTROL or body[1] not in PARAMETERS:
        return 0
    same = [b for _, b in before.values() if b[:2] == body[:2]]
    return len(same)
