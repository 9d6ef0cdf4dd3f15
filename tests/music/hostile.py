"""Files that break MIDI readers: some two hundred, each a way in which a file can be damaged.

Made from one good piece of eight notes, and deterministic. `hostile` gives them all; `notes` is how
many must be read, 0 where the file must be refused, None where either is right.
"""

import gzip
import random
import struct
from collections.abc import Iterator
from typing import NamedTuple

END = b"\x00\xff\x2f\x00"
SEED = 20


class Hostile(NamedTuple):
    """One damaged file: the kind of damage, its name, its bytes, the notes that must be read."""

    kind: str
    name: str
    content: bytes
    notes: int | None


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    """A chunk, with a length that may be wrong."""
    return name + struct.pack(">I", len(body) if length is None else length) + body


def header(tracks: int, kind: int = 1, division: int = 480) -> bytes:
    """A header of six bytes."""
    return chunk(b"MThd", struct.pack(">HHH", kind, tracks, division))


def smf(*bodies: bytes, kind: int = 1, division: int = 480) -> bytes:
    """A whole file of these tracks."""
    return header(len(bodies), kind, division) + b"".join(chunk(b"MTrk", b) for b in bodies)


def meta(kind: int, value: bytes, length: bytes | None = None) -> bytes:
    """A meta event, with a length that may be wrong."""
    return b"\x00\xff" + bytes([kind]) + (bytes([len(value)]) if length is None else length) + value


def scale(count: int = 8, channel: int = 0, first: int = 60, ticks: int = 120) -> bytes:
    """Notes of a sixteenth one after another, with explicit status."""
    on, off = 0x90 | channel, 0x80 | channel
    return b"".join(
        bytes([0, on, first + i % 24, 80, ticks, off, first + i % 24, 64]) for i in range(count)
    )


TEMPO = meta(0x51, b"\x07\xa1\x20")
BODY = TEMPO + meta(0x58, b"\x04\x02\x18\x08") + meta(0x03, b"Piano") + b"\x00\xc0\x00" + scale()
GOOD = smf(BODY + END)
TWO = smf(BODY + END, meta(0x03, b"Bass") + scale(8, 1, 36) + END)
NOTES = scale()
AFTER_HEADER = GOOD[14:]


def hostile() -> Iterator[Hostile]:
    """All of them."""
    for family in (
        _not_midi, _headers, _lengths, _wrapped, _bytes_changed, _status, _numbers, _metas,
        _exclusive, _ends, _held, _texts, _large, _cut, _random,
    ):  # fmt: skip
        kind = family.__name__.strip("_").replace("_", " ")
        for name, content, notes in family():
            yield Hostile(kind, name, content, notes)


Made = Iterator[tuple[str, bytes, int | None]]


def _not_midi() -> Made:
    yield "empty", b"", 0
    yield "one byte", b"M", 0
    yield "only a header's name", b"MThd", 0
    yield "a header and no track", header(0), 0
    yield "a page", b"<!DOCTYPE html><html><body>404 Not Found</body></html>", 0
    yield "a page with an upper case tag", b"\r\n <HTML><HEAD><TITLE>Song</TITLE>", 0
    yield "a picture", b"\x89PNG\r\n\x1a\n" + bytes(200), 0
    yield "text", b"The quick brown fox\n" * 20, 0
    yield "zeros", bytes(100_000), 0
    yield "a zip", b"PK\x03\x04" + bytes(100), 0
    yield "a recording", b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), 0
    yield "a bomb of gzip", gzip.compress(bytes(100_000_000), 9), 0
    yield "half a gzip", gzip.compress(random.Random(1).randbytes(4096))[:300], 0
    yield "another container", b"XMF_1.00" + bytes(99), 0
    yield "a header cut in the middle", GOOD[:9], 0
    yield "no notes", smf(TEMPO + END), 0
    yield "tracks without a byte", header(3) + chunk(b"MTrk", b"") * 3, 0


def _headers() -> Made:
    body = chunk(b"MTrk", BODY + END)
    for tracks in (0, 2, 255, 65535):
        yield f"{tracks} tracks told of one", header(tracks) + body, 8
    yield "one track told of two", header(1) + TWO[14:], 16
    yield "no track told of two", header(0) + TWO[14:], 16
    yield "format 0 with two tracks", header(2, 0) + TWO[14:], 16
    yield "format 2", header(2, 2) + TWO[14:], 16
    for kind in (3, 7, 65535):
        yield f"format {kind}", header(1, kind) + body, 8
    for division in (0, 1, 2, 32767, 0xE728, 0xE250, 0xE328, 0xE828, 0xE200, 0x8000, 0xFFFF):
        yield f"division {division:04x}", header(1, 1, division) + body, 8
    for length in (0, 3, 5, 7, 8, 255, 2**31, 2**32 - 1):
        head = b"MThd" + struct.pack(">IHHH", length, 1, 1, 480)
        yield f"a header of {length} bytes by its word", head + body, 8
    longer = chunk(b"MThd", struct.pack(">HHH", 1, 1, 480) + b"\0\1\2\3")
    yield "a header of ten bytes", longer + body, 8
    yield "a header of four bytes", chunk(b"MThd", struct.pack(">HH", 1, 1)) + body, 8
    yield "a header with its bytes turned round", b"MThd\6\0\0\0\1\0\1\0\xe0\1" + body, 8
    yield "no header", body, 8
    yield "a damaged name of the header", b"MTxd" + GOOD[4:], 8
    yield "two headers", header(1) + GOOD, 8


def _lengths() -> Made:
    body = BODY + END
    for off in (-1, -3, -20, -len(body), 1, 3, 100, 2**24, 2**32 - 1 - len(body)):
        told = len(body) + off
        yield f"a length off by {off}", header(1) + chunk(b"MTrk", body, told), 8
        bass = chunk(b"MTrk", scale(8, 1, 36) + END)
        yield f"the first of two off by {off}", header(2) + chunk(b"MTrk", body, told) + bass, 16
    yield (
        "a length over the next track",
        header(2) + chunk(b"MTrk", body, len(TWO) - 22) + TWO[14 + 8 + len(body) :],
        16,
    )
    for junk in (b"\0", b"\0\0\0", b"XYZ", b"LIST\0\0\0\2ab", bytes(1000)):
        between = header(2) + chunk(b"MTrk", body) + junk + chunk(b"MTrk", body)
        yield f"{junk[:4]!r} between two tracks", between, 16
    yield "an unknown chunk between", header(1) + chunk(b"XFIH", b"abcd") + AFTER_HEADER, 8
    yield "an unknown name for the track", header(1) + chunk(b"MTrx", body), 8
    yield "a name in lower case", header(1) + chunk(b"mtrk", body), 8


def _wrapped() -> Made:
    size = struct.pack("<I", len(GOOD))
    riff = b"RIFF" + struct.pack("<I", len(GOOD) + 12) + b"RMIDdata" + size + GOOD
    yield "RIFF", riff, 8
    yield "RIFF with a wrong length", b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + GOOD, 8
    yield "MacBinary", bytes([0, 4]) + b"song" + bytes(122) + GOOD + bytes(100), 8
    yield "a byte order mark", b"\xef\xbb\xbf" + GOOD, 8
    yield "a mail's head", b"Content-Type: audio/midi\r\n\r\n" + GOOD, 8
    for size in (1, 127, 4096, 100_000):
        yield f"{size} zeros before", bytes(size) + GOOD, 8
        yield f"{size} zeros behind", GOOD + bytes(size), 8
    yield "junk before", random.Random(3).randbytes(777) + GOOD, 8
    yield "junk behind", GOOD + random.Random(4).randbytes(777), 8
    yield "a page behind", GOOD + b"<html></html>", 8
    yield "gzip", gzip.compress(TWO), 16
    yield "two pieces", GOOD + GOOD, 8
    yield "within another container", b"XMF_1.00" + bytes(50) + GOOD + bytes(50), 8
    yield "line ends changed", smf(BODY + scale(3, 0, 10) + END).replace(b"\n", b"\r\n"), 11
    yield "as UTF-8", TWO.decode("latin-1").encode("utf-8"), 16


def _bytes_changed() -> Made:
    def with_notes(events: bytes) -> bytes:
        return smf(BODY + events + END)

    yield "velocity 200", with_notes(b"\0\x90\x3c\xc8\x60\x80\x3c\x40"), 9
    yield "pitch 200", with_notes(b"\0\x90\xc8\x40\x60\x80\xc8\x40"), 9
    yield "control 168", with_notes(b"\0\xb0\xa8\x10"), 8
    yield "program 200", with_notes(b"\0\xc0\xc8"), 8
    yield "a bend over 127", with_notes(b"\0\xe0\xff\xff"), 8
    yield "pressure over 127", with_notes(b"\0\xd0\xf0"), 8
    yield "every velocity over 127", smf(NOTES.replace(b"\x50", b"\xd0") + END), 8
    yield "the high bit lost", bytes(b & 127 for b in GOOD), 0
    yield "channel 16", with_notes(scale(1, 15)), 9
    yield "every pitch on every channel", smf(_everything() + END), 2048


def _everything() -> bytes:
    every = [(channel, pitch) for channel in range(16) for pitch in range(128)]
    return b"".join(bytes([0, 0x90 | c, p, 80, 10, 0x80 | c, p, 64]) for c, p in every)


def _status() -> Made:
    running = b"\0\x90\x3c\x40" + b"\x10\x3c\0\x10\x3e\x40\x10\x3e\0" * 20
    yield "running status", smf(running + END), 21
    after = b"\0\x90\x3c\x40\x60\x3c\0" + meta(0x01, b"x") + b"\0\x3e\x40\x60\x3e\0"
    yield "running status after a meta", smf(after + END), 2
    after = b"\0\x90\x3c\x40\x60\x3c\0\0\xf0\1\xf7\0\x3e\x40\x60\x3e\0"
    yield "running status after an exclusive", smf(after + END), 2
    yield "data at the start", smf(b"\0\x3c\x40\0\x3c\0" + BODY + END), 8
    yield "a letter at the start", smf(b"A" + BODY + END), 8
    for status in (0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF8, 0xF9, 0xFA, 0xFC, 0xFD, 0xFE):
        data = {0xF1: b"\1", 0xF2: b"\1\2", 0xF3: b"\3"}.get(status, b"")
        yield f"status {status:x}", smf(BODY + b"\0" + bytes([status]) + data + NOTES + END), 16
    yield "many of them", smf(BODY + b"\0\xf8" * 5000 + NOTES + END), 16
    yield "text in the middle", smf(BODY + b"hello there" + NOTES + END), None


def _numbers() -> Made:
    def waiting(number: bytes) -> bytes:
        return smf(BODY + number + NOTES[1:] + END)

    yield "five bytes of time", waiting(b"\x80\x80\x80\x80\x60"), 16
    yield "five full bytes of time", waiting(b"\xff\xff\xff\xff\x7f"), 16
    yield "fifty thousand bytes of time", waiting(b"\x80" * 50_000 + b"\1"), 16
    yield "a time that never ends", smf(BODY + b"\xff" * 5000), 8
    yield "a time of 268 million ticks", waiting(b"\xff\xff\xff\x7f"), 16
    yield "a note of 268 million ticks", smf(BODY + b"\0\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\0"), 9
    many = b"".join(b"\xff\xff\xff\x7f" + NOTES[i : i + 8][1:] for i in range(0, 64, 8))
    yield "eight of them", smf(many + END), 8
    yield "two thousand of them", smf(many * 250 + END), 2000
    yield "ten million ticks", waiting(b"\x84\xe2\xad\x00"), 16


def _metas() -> Made:
    def with_meta(event: bytes) -> bytes:
        return smf(event + BODY + END)

    for value in (b"", b"\0\0", b"\7\xa1", b"\0\0\0", b"\0\0\1", b"\xff\xff\xff", b"\7\xa1\x20\0"):
        yield f"a tempo of {value.hex() or 'nothing'}", with_meta(meta(0x51, value)), 8
    for value in (b"", b"\4\2", b"\0\0\x18\x08", b"\4\xc8\0\0", b"\xff\xff\0\0", b"\4\2\0\0\0\0"):
        yield f"a meter of {value.hex() or 'nothing'}", with_meta(meta(0x58, value)), 8
    for value in (b"", b"\0", b"\x20\0", b"\0\x09", b"\x80\0", b"\xf8\1", b"\0\0\0\0"):
        yield f"a key of {value.hex() or 'nothing'}", with_meta(meta(0x59, value)), 8
    yield "a film's time out of range", with_meta(meta(0x54, b"\xff" * 5)), 8
    yield "a channel 99", with_meta(meta(0x20, b"\x63")), 8
    for kind in (0x0A, 0x33, 0x60, 0x7F, 0x80, 0xFF):
        yield f"kind {kind:x}", with_meta(meta(kind, b"abc")), 8
    yield "a length of 268 million", smf(BODY + meta(1, b"abc", b"\xff\xff\xff\x7f") + NOTES), None
    yield "the same, then an end", smf(BODY + meta(1, b"", b"\xff\xff\xff\x7f") + NOTES + END), 16
    yield "a length past the track", smf(BODY + meta(3, b"abc", b"\x7f") + END), 8
    yield "a length of five bytes", smf(BODY + meta(1, b"", b"\x80\x80\x80\x80\0") + NOTES), None
    yield "the last thing", smf(BODY + b"\0\xff"), 8
    yield "a hundred thousand tempi", smf(TEMPO * 100_000 + BODY + END), 8


def _exclusive() -> Made:
    yield "without its end", smf(BODY + b"\0\xf0\3abc" + NOTES + END), 16
    yield "a length of 268 million", smf(BODY + b"\0\xf0\xff\xff\xff\x7f" + NOTES + END), 16
    yield "with an end by its sign", smf(BODY + b"\0\xf0\x7fab\xf7" + NOTES[:16] + END), 10
    yield "an escape", smf(BODY + b"\0\xf7\2\xf3\1" + NOTES + END), 16
    yield "two megabytes", smf(BODY + b"\0\xf0\x82\0" + bytes(256) + NOTES + END), 16
    yield "a flood", smf((b"\0\xf0\x7f" + bytes(126) + b"\xf7") * 15_000 + BODY + END), 8


def _ends() -> Made:
    yield "missing", smf(BODY), 8
    yield "missing in both", smf(BODY, scale(8, 1)), 16
    yield "in the middle", smf(BODY + END + NOTES + END), 16
    yield "with data", smf(BODY + b"\0\xff\x2f\2ab"), 8
    yield "twice", smf(BODY + END + END), 8
    yield "junk behind it", smf(BODY + END + b"\xfe\xdc\xba"), 8


def _held() -> Made:
    struck = b"".join(bytes([96, 0x90, 60 + i, 80]) for i in range(8))
    yield "all notes", smf(struck + END), 8
    yield "one note", smf(BODY + b"\0\x90\x3c\x40" + END), 9
    yield "one pitch again and again", smf(b"\x60\x99\x24\x40" * 100 + END), 100
    yield "without an end, too", smf(struck), 8
    yield "released twice", smf(BODY + b"\0\x80\x3c\x40" * 3 + END), 8
    yield "only releases", smf(b"\0\x80\x3c\x40" * 8 + END), 0
    yield "overlapping", smf(b"\0\x90\x3c\x40\x60\x90\x3c\x50\x60\x80\x3c\0\x60\x80\x3c\0" + END), 2
    yield "no length", smf(b"\0\x90\x3c\x40\0\x80\x3c\0" * 8 + END), None


def _texts() -> Made:
    names = {
        "latin-1": "Flöte".encode("latin-1"), "Shift-JIS": "ピアノ".encode("shift-jis"),
        "UTF-8": "Klavír ♯".encode(), "UTF-16": "Piano".encode("utf-16"), "no charset": b"\xff\x80",
        "escapes": b"\x1b[31m\0\r\n\x07", "a formula": b"=cmd|' /C calc'!A0",
        "a turned direction": "abc\u202efdp.exe".encode(), "a path": b"../../etc/passwd",
        "a tag": b"<script>alert(1)</script>", "markup": b"[bold red]x[/]",
    }  # fmt: skip
    for name, raw in names.items():
        yield name, smf(meta(0x03, raw) + meta(0x06, raw) + BODY + END), 8
    yield "ten megabytes", smf(meta(1, bytes(10**7), b"\x84\xe2\xad\x00") + BODY + END), 8
    yield "a hundred thousand lyrics", smf(meta(5, b"la") * 100_000 + BODY + END), 8


def _large() -> Made:
    yield "200 tracks", smf(*[scale(8, i % 16) + END for i in range(200)]), 1600
    yield "20,000 tracks", header(20_000) + chunk(b"MTrk", END) * 20_000, 0
    yield "70,000 tracks", header(4464) + chunk(b"MTrk", END) * 70_000, 0
    yield "a million notes", smf(scale(999_000, ticks=1) + END), 999_000
    yield "more events than are read", smf(scale(1_000_001, ticks=1) + END), 0
    yield "two million events, damaged", smf(scale(990_000, ticks=1) + b"\0\xf8"), 990_000
    stacked = b"\0\x90\x3c\x40" * 100_000 + b"\1\x80\x3c\x40" + b"\0\x80\x3c\x40" * 99_999
    yield "100,000 notes at once", smf(stacked + END), None
    yield "200,000 bends", smf(b"\0\xe0\1\2" * 200_000 + BODY + END), 8
    yield "a program for every note", smf((b"\0\xc0\1" + NOTES[:8]) * 20_000 + END), 20_000
    yield "28 MiB of noise in a track", smf(random.Random(5).randbytes(28 * 2**20)), None
    yield "28 MiB of oddities", smf(BODY + b"\0\xf8" * (14 * 2**20)), 8
    yield "28 MiB of high bytes", smf(BODY + b"\x80" * (28 * 2**20)), 8
    yield "28 MiB of metas", smf(BODY + meta(1, b"") * (7 * 2**20) + END), None
    yield "more than 32 MiB", smf(bytes(33 * 2**20)), 0


def _cut() -> Made:
    for left in (30, 40, 50, 60, 80, len(TWO) - 30, len(TWO) - 4, len(TWO) - 1):
        yield (
            f"after {left} bytes",
            TWO[:left],
            None if left < 70 else TWO[:left].count(b"\x50\x78"),
        )
    yield "within an event", GOOD[:-6], 8
    yield "before the end of track", GOOD[:-4], 8


def _random() -> Made:
    chance = random.Random(SEED)
    yield "64 KiB of noise", chance.randbytes(2**16), None
    yield (
        "a good track and one of noise",
        header(2) + AFTER_HEADER + chunk(b"MTrk", chance.randbytes(5000)),
        None,
    )
    for number in range(12):
        content = bytearray(TWO)
        for _ in range(number + 1):
            content[chance.randrange(14, len(content))] = chance.randrange(256)
        yield f"{number + 1} bytes changed", bytes(content), None


def mutant(content: bytes, chance: random.Random) -> bytes:
    """The file with one to eight small changes."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        at, size = chance.randrange(len(changed) + 1), chance.randint(1, 8)
        kind = chance.randrange(5)
        if kind == 0:
            changed[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            changed[at : at + size] = b""
        elif kind == 2:
            changed[at:at] = changed[at : at + size]
        elif kind == 3:
            changed[at:at] = chance.randbytes(size)
        elif changed:
            changed[at % len(changed)] ^= 1 << chance.randrange(8)
    return bytes(changed)
