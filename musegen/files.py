"""Files are written whole or not at all.

Bytes and a path go in; afterwards the file holds all of them, or is as it was. Knows no format.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from musegen.errors import OutputError


def write_whole(path: str | Path, content: bytes, force: bool = False) -> None:
    """The file at `path` holds exactly `content`, safe on the disk.

    It is written beside its place and renamed into it, so that no reader ever sees half a file. A
    file that is already there is replaced only with `force`, and keeps its permissions.
    """
    with _said(path):
        target = Path(os.path.realpath(path))
        _check(path, target, force)
        _write(target, content)


def check_free(path: str | Path, force: bool = False) -> None:
    """A file may be written there, as far as can be told now: asked before long work, not after.

    Raises OutputError as `write_whole` would.
    """
    with _said(path):
        _check(path, Path(os.path.realpath(path)), force)


@contextmanager
def _said(path: str | Path) -> Iterator[None]:
    """What goes wrong in here is an OutputError that names the path."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a path with a null character in it
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OutputError(f"{path}: cannot be written ({reason})") from error


def _check(path: str | Path, target: Path, force: bool) -> None:
    if target.is_dir():
        raise OutputError(f"{path}: is a folder; a file's name is needed")
    if not target.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {target.parent}; make it first")
    if not target.exists():
        return
    if not target.is_file():
        raise OutputError(f"{path}: is not a regular file, and cannot be replaced")
    if not force:
        raise OutputError(f"{path}: is already there; choose another name, or say --force")


def _write(target: Path, content: bytes) -> None:
    beside = target.parent / f".{secrets.token_hex(8)}.part"
    try:
        with open(beside, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)  # gone already, where it was renamed
    # The name is on the disk only when its folder is; not every system lets a folder be synced.
    with suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
