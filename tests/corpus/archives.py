"""Archives to unpack, sound ones and others."""

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from musegen.music.write import midi_bytes
from tests.music.tunes import line, piece


def tune(number: int = 0) -> bytes:
    """A short MIDI file, another one for every number."""
    return midi_bytes(piece(line([60 + (step * (number + 2)) % 13 for step in range(24)]), bars=6))


def pack(place: Path, kind: str, files: Mapping[str, bytes]) -> Path:
    """An archive of that kind at `place`, with these files."""
    if kind == "zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return place
    return pack_tar(place, kind, [(entry(name, len(c)), c) for name, c in files.items()])


def entry(
    name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tarfile.TarInfo:
    """An entry of a tar archive."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, target
    return info


def pack_tar(place: Path, kind: str, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """A tar archive of any entries, well-meant or not."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    squeeze = gzip.compress if kind == "tar.gz" else lzma.compress
    place.write_bytes(squeeze(plain.getvalue()))
    return place
