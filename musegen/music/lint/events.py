"""The bytes of a MIDI file become events with ticks from the start, whatever they say.

Nothing is put right here, so that `points` can say what is wrong. mido will not do: it refuses a
whole file for one key signature, and loses the time before a meta event that it does not know.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from musegen.errors import MidiError

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0
SYSEX, SYSEX_MORE, META = 0xF0, 0xF7, 0xFF
TEXT, NAME, MARKER, END, TEMPO, METER, KEY = 0x01, 0x03, 0x06, 0x2F, 0x51, 0x58, 0x59

MAX_BYTES = 32 * 2**20
MAX_EVENTS = 2_000_000


class Event(NamedTuple):
    """`status` as in the file; a channel message's low half is its channel.

    `kind` is a meta event's type, else 0; `content` what follows: two bytes of a channel message
    (the second 0 where it has one), all of a meta event's or a sysex's.
    """

    tick: int
    status: int
    kind: int
    content: bytes

    @property
    def command(self) -> int:
        """A channel message without its channel; META and sysex as they are."""
        return self.status & 0xF0 if self.status < SYSEX else self.status

    @property
    def channel(self) -> int:
        """0 to 15, of a channel message."""
        return self.status & 0x0F

    @property
    def strikes(self) -> bool:
        """Whether a note begins."""
        return self.command == NOTE_ON and self.content[1] > 0

    @property
    def releases(self) -> bool:
        """Whether a note ends: a note-on of velocity 0 is a release."""
        return self.command == NOTE_OFF or (self.command == NOTE_ON and self.content[1] == 0)


@dataclass(frozen=True)
class EventFile:
    """What the header says, and every track's events in the order of the file.

    `flaws` says in words what does not hold together: a track that ends early, bytes past the end.
    """

    format: int
    declared_tracks: int
    division: int
    tracks: tuple[tuple[Event, ...], ...]
    flaws: tuple[str, ...] = ()


def read_events(source: str | Path | bytes) -> EventFile:
    """The events of a MIDI file, or of a MIDI file's bytes; MidiError where it is none."""
    path, content = ("MIDI bytes", source) if isinstance(source, bytes) else _content(source)
    if content[:4] == b"RIFF" and content[8:12] == b"RMID":
        content = content[max(content.find(b"MThd", 12, 4096), 0) :]
    if content[:4] != b"MThd" or len(content) < 14:
        raise MidiError(path, "is not a MIDI file: it does not begin with MThd")
    at = 8 + int.from_bytes(content[4:8])
    flaws: list[str] = []
    if at != 14:
        flaws.append(f"the header is {at - 8} bytes long; 6 are meant")
    tracks: list[tuple[Event, ...]] = []
    room = MAX_EVENTS
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8])
        at += 8
        if name == b"MTrk":
            events, flaw = _track(content, at, min(at + size, len(content)), room)
            room -= len(events)
            if room <= 0:
                raise MidiError(path, f"holds {MAX_EVENTS:,} events or more; fewer are read")
            tracks.append(tuple(events))
            missing = at + size - len(content)
            flaw = f"is cut off, {missing} bytes are missing" if missing > 0 else flaw
            flaws += [f"track {len(tracks) - 1} {flaw}"] * bool(flaw)
        else:
            flaws.append(f"there is a chunk {name.decode('latin-1')!r} that is no track")
        at += size
    if at < len(content):
        flaws.append(f"{len(content) - at} bytes follow the last track")
    if not tracks:
        raise MidiError(path, "holds no tracks")
    kind, declared, division = (int.from_bytes(content[at : at + 2]) for at in (8, 10, 12))
    return EventFile(kind, declared, division, tuple(tracks), tuple(flaws))


def _content(path: str | Path) -> tuple[str, bytes]:
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise MidiError(path, "is not a regular file; a MIDI file is needed")
        if found.st_size > MAX_BYTES:
            size = f"{found.st_size / 2**20:.0f} MiB"
            raise MidiError(path, f"holds {size}; at most {MAX_BYTES // 2**20} MiB are read")
        return str(path), Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null character in it
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise MidiError(path, f"cannot be read ({reason})") from error


def _track(content: bytes, at: int, stop: int, room: int) -> tuple[list[Event], str]:
    """The events between two places, and what is wrong with them, or nothing."""
    events: list[Event] = []
    tick = running = 0
    while at < stop and len(events) < room:
        wait, at = _number(content, at, stop)
        tick += wait
        status = content[at] if at < stop else 0
        if status >= 0x80:
            at += 1
        else:
            status = running
        if status < 0x80:
            return events, f"breaks off at tick {tick}: no event begins there"
        if status < SYSEX:
            running = status
            size = 1 if status & 0xE0 == PROGRAM else 2  # program change and channel pressure
            body, at = content[at : at + size], at + size
            if at > stop or max(body, default=0) > 127:
                return events, f"breaks off at tick {tick}: a message is damaged"
            events.append(Event(tick, status, 0, body if size == 2 else body + b"\0"))
            continue
        kind = 0
        if status == META:
            kind, at = content[at] if at < stop else 0, at + 1
        elif status not in (SYSEX, SYSEX_MORE):
            return events, f"breaks off at tick {tick}: {status:02x} has no place in a file"
        length, at = _number(content, at, stop)
        if at + length > stop:
            return events, f"breaks off at tick {tick}: an event is longer than the track"
        events.append(Event(tick, status, kind, content[at : at + length]))
        at += length
        if (status, kind) == (META, END):
            return events, "" if at == stop else "goes on after its end"
    return events, "has no end-of-track event"


def _number(content: bytes, at: int, stop: int) -> tuple[int, int]:
    """MIDI's number of variable length at `at`, and the place after it. 81 00 is 128."""
    number = 0
    for place in range(at, min(at + 4, stop)):
        number = number << 7 | content[place] & 127
        at = place + 1
        if content[place] < 128:
            break
    return number, at
