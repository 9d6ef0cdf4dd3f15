"""The music in an archive, taken out safely: nothing outside its folder, and only so much of it.

In: a .zip, .tar.gz or .tar.xz that nobody vouches for. Out: the MIDI files in it, and its licence
and readme files, under plain names. Knows no address and no label.
"""

import gzip
import io
import lzma
import re
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from musegen.corpus.scan import ENDINGS
from musegen.errors import CorpusError

KINDS = ("zip", "tar.gz", "tar.xz")

PAPERS = ("licen", "copying", "copyright", "readme", "notice", "authors", "credits")
"""Beginnings of the names of files that say who made the music and what may be done with it."""

HEADER_BYTES = 1 << 20
XZ_MEMORY = 256 << 20
BLOCK = 1 << 16


@dataclass(frozen=True)
class Limits:
    """How much is taken out of an archive at most; bytes are counted as they come out of it."""

    entries: int = 500_000
    total_bytes: int = 4 << 30
    file_bytes: int = 32 << 20
    paper_bytes: int = 1 << 20


@dataclass
class Unpacked:
    """What was taken out: the MIDI files' names in the archive, by their place in the folder."""

    music: dict[str, str] = field(default_factory=dict)
    papers: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Member:
    """An entry of an archive. `trouble` says why it is passed over whatever it is called."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    trouble: str = ""


def unpack(
    archive: Path,
    kind: str,
    folder: Path,
    keep: Sequence[str] = (),
    limits: Limits | None = None,
) -> Unpacked:
    """The archive's music and papers are in `folder`; the rest is counted.

    Of the MIDI files only those are taken whose last folders and name fit one of `keep`, where any
    are given.
    Links and devices are passed over. Raises CorpusError for an archive that is damaged, that names
    a place outside itself, or that holds more than `limits` allows.
    """
    limits, taken = limits or Limits(), Unpacked()
    written: dict[str, str] = {}
    total = 0
    try:
        with _members(archive, kind, limits) as members:
            for count, member in enumerate(members, 1):
                if count > limits.entries:
                    raise CorpusError(f"{archive.name}: more than {limits.entries:,} files in it")
                parts = _parts(member.name, archive)
                what = member.trouble or _what(parts, keep)
                if what not in ("music", "paper"):
                    taken.skipped[what] += 1
                    continue
                most = limits.file_bytes if what == "music" else limits.paper_bytes
                if member.size > most:
                    taken.skipped["too large"] += 1
                    continue
                place = _plain(parts, written)
                room = min(most, limits.total_bytes - total)
                total += _copy(member, folder / place, room, archive)
                if what == "music":
                    taken.music[place] = "/".join(parts)
                else:
                    taken.papers.append(place)
    except (
        zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile,
        EOFError, NotImplementedError, RuntimeError, struct.error, UnicodeError,
    ) as error:  # fmt: skip
        raise CorpusError(
            f"{archive.name}: not a sound {kind} archive ({error or type(error).__name__})"
        ) from None
    return taken


def _parts(name: str, archive: Path) -> tuple[str, ...]:
    """The folders and the name of an entry; one that points out of the archive is an error."""
    path = name.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if path.startswith("/") or ".." in parts or re.match("[A-Za-z]:/", path) or "\0" in path:
        raise CorpusError(
            f"{archive.name}: it names a place outside itself ({name[:80]!r}); nothing was taken"
        )
    return parts


def _what(parts: Sequence[str], keep: Sequence[str]) -> str:
    """Whether an entry is music, a paper, or neither."""
    name = parts[-1].lower() if parts else ""
    if name.startswith("._") or "__MACOSX" in parts:
        return "not music"
    if name.endswith(ENDINGS):
        wanted = not keep or any(PurePosixPath(*parts).match(pattern) for pattern in keep)
        return "music" if wanted else "not wanted"
    suffix = PurePosixPath(name).suffix
    if name.startswith(PAPERS) and suffix in ("", ".txt", ".md", ".rst", ".adoc"):
        return "paper"
    return "not music"


def _plain(parts: Sequence[str], written: dict[str, str]) -> str:
    """A place with plain names for an entry, other than all before it.

    Letters of any script stay; control characters, what a shell or a table would take for a
    command, and what some systems cannot write become "_".
    """
    names = []
    for part in parts:
        text = unicodedata.normalize("NFC", part)
        text = "".join(c if c.isalnum() or c in " .,()[]'&!#-_" else "_" for c in text)
        stem, dot, ending = text.rpartition(".")
        text = f"{stem[:90].rstrip('. ')}{dot}{ending[:10]}" if stem else text[:100]
        text = re.sub(r"^[\W_]+", "", text).rstrip(". ") or "_"
        names.append(f"_{text}" if text.split(".")[0].upper() in _DEVICES else text)
    path, number = PurePosixPath(*names), 1
    while str(path).casefold() in written:
        number += 1
        path = PurePosixPath(*names).with_stem(f"{PurePosixPath(names[-1]).stem} {number}")
    written[str(path).casefold()] = "/".join(parts)
    return str(path)


_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{d}{n}" for d in ("COM", "LPT") for n in range(10))}
"""Names that are no files on Windows, with whatever ending."""


def _copy(member: _Member, to: Path, room: int, archive: Path) -> int:
    """The entry is written; never more than `room`, whatever the archive says of its size."""
    to.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with member.open() as source, open(to, "xb") as file:
        while block := source.read(min(BLOCK, room - done + 1)):
            done += len(block)
            if done > room:
                raise CorpusError(f"{archive.name}: it holds more than is taken out of an archive")
            file.write(block)
    return done


@contextmanager
def _members(archive: Path, kind: str, limits: Limits) -> Iterator[Iterator[_Member]]:
    with ExitStack() as stack:
        if kind == "zip":
            opened = stack.enter_context(zipfile.ZipFile(archive))
            yield (_zip_member(opened, info) for info in opened.infolist())
        elif kind in KINDS:
            if kind == "tar.xz":
                _check_xz(archive)
            plain = stack.enter_context((gzip.open if kind == "tar.gz" else lzma.open)(archive))
            counted: Any = _Counted(plain, limits.total_bytes)
            tar = stack.enter_context(tarfile.open(fileobj=counted, mode="r|"))
            yield _tar_members(tar, counted)
        else:
            raise CorpusError(f"{archive.name}: of the kind {kind!r}; known are {', '.join(KINDS)}")


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = info.external_attr >> 16 & 0o170000
    trouble = "folder" if info.is_dir() else "link or device" if mode not in (0, 0o100000) else ""
    return _Member(info.filename, info.file_size, lambda: archive.open(info), trouble)


def _tar_members(tar: tarfile.TarFile, counted: "_Counted") -> Iterator[_Member]:
    """The entries, one after another; what lies between two of them is bounded."""
    size = 0
    while True:
        counted.allow(size + HEADER_BYTES)
        info = tar.next()
        if info is None:
            return
        size = info.size
        counted.allow(size + HEADER_BYTES)
        trouble = "folder" if info.isdir() else "" if info.isreg() else "link or device"

        def opened(info: tarfile.TarInfo = info) -> IO[bytes]:
            return tar.extractfile(info) or io.BytesIO()

        yield _Member(info.name, size, opened, trouble)
        tar.members = []  # type: ignore[attr-defined] # else it keeps every entry of a large archive


class _Counted:
    """A stream that gives no more than it is allowed: a header of gigabytes ends here."""

    def __init__(self, stream: Any, total: int) -> None:
        self._stream = stream
        self._total = total
        self._allowed = HEADER_BYTES

    def allow(self, size: int) -> None:
        """From here on so many bytes may be read."""
        self._allowed = size

    def read(self, size: int) -> bytes:
        """The next bytes."""
        block: bytes = self._stream.read(size)
        self._allowed -= len(block)
        self._total -= len(block)
        if self._allowed < 0 or self._total < 0:
            raise CorpusError("it holds more than is taken out of an archive")
        return block


def _check_xz(archive: Path) -> None:
    """Refuses what could only be unpacked with a dictionary larger than is sane."""
    with open(archive, "rb") as file:
        lzma.LZMADecompressor(memlimit=XZ_MEMORY).decompress(file.read(BLOCK), max_length=1)
