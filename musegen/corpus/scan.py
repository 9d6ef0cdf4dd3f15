"""What is in a folder: every file that may be MIDI, and why others are not looked at.

In: a folder. Out: paths, sizes and times in a fixed order. Opens no file but the lists of zip
archives, and knows no label.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from musegen.corpus import archives
from musegen.corpus.shards import LeftOut
from musegen.errors import CorpusError, MidiError

ENDINGS = (".mid", ".midi", ".kar", ".rmi", ".smf")


NO_MUSIC, NO_FILE, CLOSED = "not music", "not a file", "cannot be opened"
NO_FOLDER, NESTED = "folder cannot be opened", "archive in an archive"


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be MIDI: its path relative to the folder with forward slashes.

    The path of a file in a zip archive goes on behind the archive's own: "pack.zip/jazz/blue.mid".
    Its `modified_ns` is the checksum that the archive has of it.
    """

    path: str
    size: int
    modified_ns: int


def find_midi(folder: str | Path) -> tuple[list[Found], list[LeftOut]]:
    """All MIDI files of a folder, its sub-folders and its zip archives by path, and what cannot be
    looked at.

    A file is taken for MIDI by its ending, in any case. Folders that are links are followed once.
    Raises CorpusError where the folder is missing, is none, or holds no MIDI file.
    """
    root = Path(folder)
    if not root.exists():
        raise CorpusError(f"the folder {root} does not exist")
    if not root.is_dir():
        raise CorpusError(f"{root} is a file: a folder with MIDI files is needed")
    found: list[Found] = []
    left_out: list[LeftOut] = []
    for path in _walk(root, left_out):
        relative = path.relative_to(root).as_posix()
        try:
            status = path.stat()
        except OSError as error:
            left_out.append(LeftOut(relative, CLOSED, str(error.strerror)))
            continue
        if path.name.startswith("._"):
            left_out.append(LeftOut(relative, NO_MUSIC, "macOS keeps file attributes in it"))
        elif not stat.S_ISREG(status.st_mode):
            left_out.append(LeftOut(relative, NO_FILE, "it is a device, a pipe or a folder"))
        elif relative.lower().endswith(archives.ENDING):
            _look_into(path, relative, found, left_out)
        else:
            found.append(Found(relative, status.st_size, status.st_mtime_ns))
    if not found and not left_out:
        raise CorpusError(
            f"the folder {root} holds no MIDI file (endings looked for: {', '.join(ENDINGS)})"
        )
    return sorted(found, key=lambda f: f.path), sorted(left_out, key=lambda f: f.path)


def _look_into(archive: Path, relative: str, found: list[Found], left_out: list[LeftOut]) -> None:
    """The MIDI files in an archive are found, too."""
    try:
        listed = archives.entries(archive)
    except MidiError as error:
        left_out.append(LeftOut(relative, CLOSED, error.reason))
        return
    for entry in listed:
        path, name = f"{relative}/{entry.name}", entry.name.rpartition("/")[2].lower()
        if name.startswith("._"):
            continue  # every archive that a Mac made has as many of these as files
        if name.endswith(ENDINGS):
            found.append(Found(path, entry.size, entry.checksum))
        elif name.endswith(archives.ENDING):
            left_out.append(LeftOut(path, NESTED, "unpack it first"))


def _walk(root: Path, left_out: list[LeftOut]) -> Iterator[Path]:
    """Files below `root` that end as MIDI or archives do; each real folder is entered once."""

    def refuse(error: OSError) -> None:
        place = Path(error.filename or root)
        relative = place.relative_to(root).as_posix() if place.is_relative_to(root) else str(place)
        left_out.append(LeftOut(relative, NO_FOLDER, str(error.strerror)))

    entered: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(root, onerror=refuse, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders.sort()
        for name in files:
            if name.lower().endswith((*ENDINGS, archives.ENDING)):
                yield Path(place, name)
