"""MIDI files inside zip archives: what is in one, and the bytes of one entry.

In: a zip file and names in it. Out: entries, bytes, or why not. Nothing is unpacked to the disk, so
that no name in an archive is ever a place. Knows no MIDI.
"""

import lzma
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from musegen.errors import MidiError
from musegen.music.source import Limits, too_large

ENDING = ".zip"
MAX_ENTRIES = 200_000
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""Others can ask for gigabytes before the first byte comes out."""

TROUBLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, KeyError,
    NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip
"""Every way in which zipfile refuses an archive."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive: its name there, its size, and the checksum of its bytes."""

    name: str
    size: int
    checksum: int


def entries(archive: Path) -> list[Entry]:
    """The files in an archive by name. Raises MidiError where it is none, or holds too many."""
    try:
        with zipfile.ZipFile(archive) as opened:
            listed = opened.infolist()
    except TROUBLE as error:
        raise MidiError(archive, f"is not a zip archive that can be read ({error})") from None
    if len(listed) > MAX_ENTRIES:
        raise MidiError(archive, f"holds {len(listed):,} files; at most {MAX_ENTRIES:,} are read")
    last = {info.filename: info for info in listed if not info.is_dir()}
    return [Entry(name, info.file_size, info.CRC) for name, info in sorted(last.items())]


def located(root: Path, path: str) -> tuple[Path, str]:
    """The file on the disk that a path below `root` stands for, and the name in it.

    "pop/pack.zip/a/b.mid" is (root/pop/pack.zip, "a/b.mid") where pack.zip is a file; the name is
    "" for a file that lies in a folder.
    """
    lowered, begin = path.lower(), 0
    while (place := lowered.find(f"{ENDING}/", begin)) >= 0:
        begin = place + len(ENDING)
        if os.path.isfile(root / path[:begin]):
            return root / path[:begin], path[begin + 1 :]
    return root / path, ""


def entry_bytes(archive: Path, name: str, limits: Limits) -> bytes:
    """The bytes of an entry; never more than is allowed, whatever the archive says of its size."""
    try:
        opened = _opened(archive, os.stat(archive).st_mtime_ns)
        entry = opened.getinfo(name)
        if entry.file_size > limits.bytes:
            raise MidiError(name, too_large(entry.file_size, limits))
        if entry.flag_bits & 1:
            raise MidiError(name, "is protected by a password")
        if entry.compress_type not in METHODS:
            raise MidiError(name, "is packed in a way that is not read: unpack the archive")
        with opened.open(entry) as file:
            return file.read(limits.bytes + 1)
    except TROUBLE as error:
        raise MidiError(name, f"cannot be unpacked ({error or type(error).__name__})") from None


@lru_cache(maxsize=2)
def _opened(archive: Path, _modified_ns: int) -> zipfile.ZipFile:
    """An archive stays open while its entries are read, one after another."""
    return zipfile.ZipFile(archive)
