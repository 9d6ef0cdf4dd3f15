"""A damaged track becomes a sound one with every note that can be told: bytes in, bytes out.

In: the body of a track. Out: the same events with whole data bytes, sane metas, and one end of
track. Sound stretches are taken over by a regular expression, which costs next to nothing; only
what is odd is looked at event by event. Knows no file and no chunk.
"""

import re
from collections import Counter

from musegen.music.chunks import DEFAULT_DIVISION, END_OF_TRACK
from musegen.music.texts import number

OVER_127 = "data bytes over 127 were cut to 127"
RUNNING = "running status was carried over a meta event"
NO_EVENT = "bytes that are no event were left out"
BAD_META = "meta events with values that cannot be were left out"
META_LENGTH = "meta events longer than their track were left out"
SYSEX_LENGTH = "system exclusive messages longer than their track were left out"
SYSTEM = "system messages that no file may hold were left out"
CUT_SHORT = "a track that breaks off was ended"
NO_END = "a missing end of track was set"
EARLY_END = "an end of track in the middle of a track was left out"
AFTER_END = "bytes after the end of a track were left out"
LONG_NUMBER = "times of more than four bytes were cut"
LONG_WAIT = "silences of thousands of beats were shortened"
TOO_ODD = "the rest of a track that is mostly damaged was left out"

MAX_WAIT_QUARTERS = 1_024
SHORT_WAIT_QUARTERS = 4
MAX_ODD = 150_000
"""Events of a file that are looked at one by one: bounds the time that a hostile file can cost."""

_WAIT = rb"[\x80-\xff]{0,2}+[\x00-\x7f]"
_TWO, _ONE, _DATUM = rb"[\x80-\xbf\xe0-\xef]", rb"[\xc0-\xdf]", rb"[\x00-\x7f]"
_PAIRS = re.compile(
    rb"(?:%b(%b)%b%b(?:%b%b%b)*+)++" % (_WAIT, _TWO, _DATUM, _DATUM, _WAIT, _DATUM, _DATUM)
)
_SINGLES = re.compile(rb"(?:%b(%b)%b(?:%b%b)*+)++" % (_WAIT, _ONE, _DATUM, _WAIT, _DATUM))
_NUMBER = re.compile(rb"[\x80-\xff]*+[\x00-\x7f]")
_MORE_PAIRS = re.compile(rb"(?:%b%b%b)++" % (_WAIT, _DATUM, _DATUM))
_MORE_SINGLES = re.compile(rb"(?:%b%b)++" % (_WAIT, _DATUM))
_LOW = bytes(range(128))
_LIKELY = re.compile(
    rb"%b(?:%b%b%b|%b%b|\xff[\x00-\x09\x20\x21\x2f\x51\x54\x58\x59\x7f]%b)"
    rb"(?=%b(?:[\x80-\xff]|%b)|\Z)"
    % (_DATUM, _TWO, _DATUM, _DATUM, _ONE, _DATUM, _DATUM, _WAIT, _DATUM)
)
"""Something that looks like an event, with something after it that looks like the next."""

_END, _TEMPO, _METER, _KEY = 0x2F, 0x51, 0x58, 0x59
_TEXTS = range(0x01, 0x10)
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}


class TooManyEvents(Exception):
    """A file holds more events than are read."""


class Repairer:
    """Repairs the tracks of one file, and counts what was done.

    `events` is how many events the file may have; more raise TooManyEvents. What comes after the
    fourth byte of a time that goes on is the time's, or with `four_bytes` the event's.
    """

    def __init__(
        self, division: int = DEFAULT_DIVISION, events: int = 2**62, four_bytes: bool = False
    ) -> None:
        self._four_bytes = four_bytes
        self._longest = max(MAX_WAIT_QUARTERS * division, 2**16)
        self._short = min(SHORT_WAIT_QUARTERS * division, self._longest)
        self._room = events
        self._odd = 0
        self.repairs: Counter[str] = Counter()

    def track(self, body: bytes) -> bytes:
        """The track's events, sound, with an end of track."""
        self._body, self._at, self._out = body, 0, bytearray()
        self._running: int | None = None
        self._waiting = 0
        self._after_meta = False
        ended = False
        try:
            while self._at < len(body) and not ended:
                if not self._waiting and self._sound_stretch():
                    continue
                self._odd += 1
                if self._odd > MAX_ODD:
                    self.repairs[TOO_ODD] += 1
                    break
                ended = self._event()
        except IndexError:  # the body ends within an event
            self.repairs[CUT_SHORT] += 1
        else:
            self.repairs[NO_END] += not ended
        self._out += written(self._waiting) + END_OF_TRACK
        return bytes(self._out)

    def _sound_stretch(self) -> bool:
        """Everything up to the next oddity is taken over, where there is anything."""
        for pattern, data in self._patterns():
            found = pattern.match(self._body, self._at)
            if found:
                stretch = found[0]
                # Each event has so many bytes below 128: its data, and the last of its time.
                self._count((len(stretch) - len(stretch.translate(None, _LOW))) // data)
                self._out += stretch
                if pattern.groups:
                    self._running = found[1][0]
                self._at, self._after_meta = found.end(), False
                return True
        return False

    def _patterns(self) -> tuple[tuple[re.Pattern[bytes], int], ...]:
        """What a sound stretch may be, and how many bytes below 128 each of its events has."""
        if self._running is None or self._after_meta:
            return (_PAIRS, 3), (_SINGLES, 2)
        single = 0xC0 <= self._running < 0xE0
        return (_PAIRS, 3), (_SINGLES, 2), (_MORE_SINGLES, 2) if single else (_MORE_PAIRS, 3)

    def _count(self, events: int) -> None:
        self._room -= events
        if self._room < 0:
            raise TooManyEvents

    def _event(self) -> bool:
        """One event is done with; whether it ended the track."""
        body = self._body
        self._waiting += self._time()
        status = body[self._at]
        if status < 0x80 and self._running is None:
            self._find_event(self._at)
        elif status < 0xF0:
            if status >= 0x80:
                self._running = status
                self._at += 1
            elif self._after_meta:
                self.repairs[RUNNING] += 1
            self._voice()
        elif status == 0xFF:
            return self._meta()
        elif status in (0xF0, 0xF7):
            self._exclusive()
        else:
            self.repairs[SYSTEM] += 1
            self._at += 1
            for _ in range(_SYSTEM_DATA.get(status, 0)):
                self._at += body[self._at] < 0x80
        return False

    def _time(self) -> int:
        """The time before an event; `at` is moved behind it."""
        found = _NUMBER.match(self._body, self._at)
        if found is None:
            raise IndexError
        start, end = found.span()
        if end - start > 4:
            self.repairs[LONG_NUMBER] += 1
            end = start + 4 if self._four_bytes else end
        self._at = end
        value, _ = number(self._body, max(start, end - 4))
        if value > self._longest:
            self.repairs[LONG_WAIT] += 1
            return self._short
        return value

    def _voice(self) -> None:
        status = self._running
        assert status is not None
        size = 1 if 0xC0 <= status < 0xE0 else 2
        values = self._body[self._at : self._at + size]
        if len(values) < size:
            raise IndexError
        if max(values) > 127:
            self.repairs[OVER_127] += 1
            values = bytes(min(value, 127) for value in values)
        self._put(bytes([status]) + values)
        self._at += size
        self._after_meta = False

    def _put(self, event: bytes) -> None:
        self._count(1)
        self._out += written(self._waiting) + event
        self._waiting = 0

    def _meta(self) -> bool:
        body = self._body
        kind = body[self._at + 1]
        size, begin = number(body, self._at + 2)
        end = begin + size
        if kind == _END:
            return self._end(min(end, len(body)))
        if end > len(body):
            self.repairs[META_LENGTH] += 1
            self._find_event(begin)
            return False
        kept = _sane(kind, body[begin:end])
        if kept is None:
            self.repairs[BAD_META] += 1
        elif kept or kind in _TEXTS:
            self._put(bytes([0xFF, kind]) + written(len(kept)) + kept)
        self._at, self._after_meta = end, True
        return False

    def _end(self, end: int) -> bool:
        """An end of track at the end is one; else it is only where no event follows."""
        self._at = end
        if end >= len(self._body):
            return True
        if _LIKELY.match(self._body, end):
            self.repairs[EARLY_END] += 1
            self._after_meta = True
            return False
        self.repairs[AFTER_END] += bool(self._body[end:].strip(b"\0"))
        return True

    def _exclusive(self) -> None:
        body = self._body
        size, begin = number(body, self._at + 1)
        self._after_meta = True
        if begin + size <= len(body):
            self._at = begin + size
            return
        self.repairs[SYSEX_LENGTH] += 1
        closed = body.find(b"\xf7", begin)
        if closed >= 0:
            self._at = closed + 1
        else:
            self._find_event(begin)

    def _find_event(self, begin: int) -> None:
        """Goes on at the next place from `begin` on that looks like an event, or at the end."""
        found = _LIKELY.search(self._body, begin)
        self._at = found.start() if found else len(self._body)
        self.repairs[NO_EVENT] += 1


def _sane(kind: int, value: bytes) -> bytes | None:
    """What is kept of a meta event: b"" of what a score does not need; None where it cannot be."""
    if kind in _TEXTS:
        return value
    if kind == _TEMPO:
        return value if len(value) == 3 and any(value) else None
    if kind == _METER:
        if len(value) >= 2 and value[0] and value[1] <= 6:
            return (value + b"\x18\x08")[:4]
        return None
    if kind == _KEY:
        sound = len(value) >= 2 and value[1] <= 1 and (value[0] <= 7 or value[0] >= 249)
        return value[:2] if sound else None
    return b""


def written(value: int) -> bytes:
    """A number as MIDI writes it, at most 2**28 - 1. 128 is 81 00."""
    value = min(value, 2**28 - 1)
    digits = [value & 127]
    while value := value >> 7:
        digits.append(value & 127 | 128)
    return bytes(reversed(digits))
