"""Where a MIDI file's tracks lie in its bytes, whatever its header and its lengths say.

In: bytes. Out: a `Layout`: format, division, the places of the tracks, and what had to be guessed.
Looks at chunks alone: what is wrong inside a track is `repair`'s.
"""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

HEADER, TRACK = b"MThd", b"MTrk"
END_OF_TRACK = b"\xff\x2f\x00"

DEFAULT_DIVISION = 480
FRAMES = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}
"""Frames a second by how SMPTE time names them."""

BEFORE = "bytes before the header were left out"
AFTER = "bytes after the last track were left out"
BETWEEN = "bytes between two tracks were left out"
SECOND = "a second piece behind the first was left out"
NO_HEADER = "a missing header was made"
HEADER_LENGTH = "a header of a wrong length was read"
FORMAT = "a format that does not exist was read as format 1"
TRACK_COUNT = "a wrong number of tracks in the header was put right"
LENGTH = "a wrong length of a track was put right"
DIVISION = "a quarter note without ticks was given some"
SMPTE = "time told in film frames was put into quarter notes"
NAME = "a chunk with an unknown name was read as a track"
LINE_ENDS = "line ends that a transfer as text had changed were changed back"
AS_TEXT = "bytes that a transfer as text had turned into UTF-8 were turned back"

RUNNING_ON = re.compile(rb"\xf7[\x80-\xff]{0,3}[\x00-\x7f]{2}")
"""The end of a system exclusive message, a time, and data without a status: some readers, symusic
among them, lose in silence what follows."""

Span = tuple[int, int]


@dataclass
class Layout:
    """What a file consists of.

    `division` is a number of ticks to a quarter note; `microseconds` says how long a quarter is
    where the file tells time in film frames, and so knows no tempo. `spans` are the bodies of the
    tracks, `unknown` those of chunks with another name. `is_sound`: everything is where it should
    be and every track ends with its only end-of-track event.
    """

    content: bytes
    format: int = 1
    division: int = DEFAULT_DIVISION
    microseconds: int | None = None
    spans: list[Span] = field(default_factory=list)
    unknown: list[Span] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)

    @cached_property
    def is_sound(self) -> bool:
        """Whether every reader would find the same tracks."""
        return (
            not self.repairs
            and all(self.content.find(END_OF_TRACK, b, e) == e - 3 for b, e in self.spans)
            and RUNNING_ON.search(self.content) is None
        )


def layout_of(content: bytes) -> Layout | None:
    """The tracks of a MIDI file; None where there is neither a header nor a track."""
    found = _walked(content)
    if found is not None and found.is_sound:
        return found
    for words, other in _as_it_was(content):
        restored = _walked(other)
        if restored is not None and not set(restored.repairs) - {FORMAT, DIVISION, SMPTE, AFTER}:
            restored.repairs[words] += 1
            return restored
    return found


def _as_it_was(content: bytes) -> list[tuple[str, bytes]]:
    """What the file may have been before it was sent as text."""
    found = []
    newlines = content.count(b"\n")
    if newlines and newlines == content.count(b"\r\n"):
        found.append((LINE_ENDS, content.replace(b"\r\n", b"\n")))
    if b"\xc3\xbf" in content:  # FF, of which every MIDI file has some
        with suppress(UnicodeError):
            found.append((AS_TEXT, content.decode("utf-8").encode("latin-1")))
    return found


def _walked(content: bytes) -> Layout | None:
    found = Layout(content)
    at, declared = _header(content, found)
    if at is None:
        return None
    while at < len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8])
        begin, end = at + 8, at + 8 + size
        if name == TRACK:
            at = _track_end(found, begin, end)
            found.spans.append((begin, at))
        elif name == HEADER and found.spans:
            found.repairs[SECOND] += 1
            break
        elif name == HEADER:  # the first says nothing
            at += 14
        elif name.isalnum() and len(name) == 4 and end <= len(content):
            found.unknown.append((begin, end))
            at = end
        else:
            following = content.find(TRACK, at)
            at = following if following >= 0 else len(content)
            if following >= 0:
                found.repairs[BETWEEN] += 1
            elif content[at:].strip(b"\0"):
                found.repairs[AFTER] += 1
    if declared is not None and declared != len(found.spans) and SECOND not in found.repairs:
        found.repairs[TRACK_COUNT] += 1
    return found


def _header(content: bytes, found: Layout) -> tuple[int | None, int | None]:
    """Where the first chunk after the header begins, and how many tracks the header tells of."""
    start, first = content.find(HEADER), content.find(TRACK)
    if start < 0 or 0 <= first < start:
        if first < 0:
            return None, None
        found.repairs[NO_HEADER] += 1
        if first >= 10 and content[first - 10 : first - 6] == b"\0\0\0\6":  # its name is damaged
            return first, _fields(content[first - 6 : first], found)
        return first, None
    if start and content[:4] != b"RIFF":
        found.repairs[BEFORE] += 1
    size = int.from_bytes(content[start + 4 : start + 8])
    at = start + 8 + size
    if size != 6:
        found.repairs[HEADER_LENGTH] += 1
    if size < 6 or not (content[at : at + 4] == TRACK or content[at : at + 4].isalnum()):
        at = first if first >= 0 else len(content)
        if size == 6 and first != start + 14 and first >= 0:
            found.repairs[BETWEEN] += 1
    return at, _fields(content[start + 8 : min(start + 14, at)], found)


def _fields(header: bytes, found: Layout) -> int | None:
    """Format and division are known; the number of tracks is returned."""
    if len(header) < 6:
        found.repairs[HEADER_LENGTH] += HEADER_LENGTH not in found.repairs
        return None
    found.format = int.from_bytes(header[:2])
    if found.format > 2:
        found.format = 1
        found.repairs[FORMAT] += 1
    division = int.from_bytes(header[4:])
    frames, ticks = 256 - (division >> 8), division & 255
    if 0 < division < 2**15:
        found.division = division
    elif division and frames in FRAMES and ticks:
        a_second = FRAMES[frames] * ticks
        found.division = max(1, round(a_second / 2))
        found.microseconds = round(1e6 * found.division / a_second)
        found.repairs[SMPTE] += 1
    else:
        found.repairs[DIVISION] += 1
    return int.from_bytes(header[2:4])


def _track_end(found: Layout, begin: int, told: int) -> int:
    """Where the track that begins there ends, whatever length it is told to have."""
    content = found.content
    if told <= len(content) and (
        told == len(content)
        or content[told : told + 4] in (TRACK, HEADER)
        or content[told - 3 : told] == END_OF_TRACK
    ):
        inside = content.find(END_OF_TRACK + TRACK, begin, told)
        if inside < 0:
            return told
        found.repairs[LENGTH] += 1
        return inside + 3
    found.repairs[LENGTH] += 1
    following = content.find(TRACK, begin)
    return following if following >= 0 else len(content)
