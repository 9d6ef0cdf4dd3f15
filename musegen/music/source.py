"""A path or bytes become the bytes of something that may be MIDI, within limits.

In: a path, or bytes. Out: a name for it and its bytes, or a MidiError. Whatever is no regular file
of sensible size is refused before it is opened. Knows no event; says what a file is instead.
"""

import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path

from musegen.errors import MidiError, SettingError

MIB = 2**20
GZIP_WINDOW = 31
"""What zlib calls the window of a stream with gzip's header."""


@dataclass(frozen=True)
class Limits:
    """The largest file that is read: its size in MiB, its events, its tracks, its hours."""

    mib: float = 32
    events: int = 2_000_000
    tracks: int = 1_024
    hours: float = 4

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise SettingError(f"the limit {name} is {value}: it must be more than 0")

    @property
    def bytes(self) -> int:
        """The size in bytes."""
        return int(self.mib * MIB)


DEFAULT_LIMITS = Limits()

EVENT_BYTES = 2
"""No event is shorter: a file that holds fewer bytes for each event allowed holds no more."""

KINDS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it"),
    (b"\x1f\x8b", "packed with gzip, and damaged"),
    (b"BZh", "packed with bzip2: unpack it"),
    (b"\xfd7zXZ", "packed with xz: unpack it"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"fLaC", "a FLAC recording"),
    (b"XMF_", "an XMF file without a MIDI file in it"),
    (b"FORM", "an IFF file without a MIDI file in it"),
    (b"RIFF", "a RIFF file without a MIDI file in it, such as a recording"),
    (b"GUI\x00", "a shortcut"),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file itself"),
)
"""How files of other kinds begin, and what they are called."""


def content_of(source: str | Path | bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[str, bytes]:
    """What to call it, and its bytes, unpacked where they are packed with gzip."""
    if isinstance(source, bytes):
        path, content = "MIDI bytes", source
    else:
        path = str(source)
        content = _bytes_of(path, limits)
    if len(content) > limits.bytes:
        raise MidiError(path, too_large(len(content), limits))
    if not content:
        raise MidiError(path, "is empty")
    if content.startswith(b"\x1f\x8b"):
        content = _unpacked(path, content, limits)
    return path, content


def too_large(size: int, limits: Limits) -> str:
    """Why a file of so many bytes is not read."""
    return f"holds {size / MIB:,.1f} MiB; at most {limits.mib:g} MiB are read"


def what_it_is(content: bytes) -> str:
    """Why bytes without a MIDI header and without a track are no MIDI, in words."""
    for begin, name in KINDS:
        if content.startswith(begin):
            return f"is not a MIDI file: it is {name}"
    head = content[:4096]
    lowered = head.lower()
    if b"<html" in lowered or b"<!doctype" in lowered or b"<head" in lowered:
        return "is not a MIDI file: it is a web page (the download failed)"
    if b"MThd" in content:
        return "holds a MIDI header and no track"
    if not head.strip(b"\0"):
        return "is not a MIDI file: it holds zeros"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head):
        return "is not a MIDI file: it is text"
    return "is not a MIDI file: it has neither a MIDI header nor a track"


def _bytes_of(source: str | Path, limits: Limits) -> bytes:
    try:
        found = os.stat(source)
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
            raise MidiError(source, f"is {kind}; a MIDI file is needed")
        if found.st_size > limits.bytes:
            raise MidiError(source, too_large(found.st_size, limits))
        file = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            content = os.read(file, found.st_size + 1)
            if len(content) > found.st_size:  # it grows
                content += os.read(file, limits.bytes + 1 - len(content))
        finally:
            os.close(file)
    except (OSError, ValueError) as error:  # ValueError: a path with a null character in it
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise MidiError(source, f"cannot be read ({reason})") from error
    return content


def _unpacked(path: str, content: bytes, limits: Limits) -> bytes:
    """What gzip packed, as far as it is whole; as it is where that is not gzip's."""
    unpacker = zlib.decompressobj(GZIP_WINDOW)
    try:
        whole = unpacker.decompress(content, limits.bytes + 1)
    except zlib.error:
        return content
    if len(whole) > limits.bytes:
        raise MidiError(path, f"holds more than {limits.mib:g} MiB once it is unpacked")
    return whole or content
