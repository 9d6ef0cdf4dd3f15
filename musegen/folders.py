"""A folder that appears whole or not at all. Floor 0: knows nothing of music."""

import ctypes
import errno
import glob
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musegen.errors import OutputError

_HERE = -100
"""AT_FDCWD of Linux: paths are as they are everywhere else."""

_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS: two names change places in one go."""


@contextmanager
def whole_folder(path: str | Path, force: bool = False) -> Iterator[Path]:
    """A staging folder that takes the place of `path` when the block ends without an error.

    It lies beside `path`, is synced to disk and renamed; whatever stood there before is removed
    only after that. On Linux and macOS the two change places in one go, so that a process that is
    killed at any moment leaves one of them whole at `path`; elsewhere `recover` mends the gap.
    Raises OutputError where `path` exists and `force` is not given, and where
    the disk is full or not writable; then nothing has changed.
    """
    target = Path(os.path.realpath(path))  # a link to a folder stays, and what it names is replaced
    staging = target.parent / f".{target.name}.{os.getpid()}.part"
    try:
        recover(target)
        if target.exists() and not target.is_dir():
            raise OutputError(f"{path} is a file; name a folder")
        if target.exists() and not force:
            raise OutputError(
                f"{path} exists already; choose another name, or overwrite with --force"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_after_the_dead(target)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        yield staging
        for file in staging.rglob("*"):
            sync(file)
        sync(staging)
        _swap(staging, target)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or error
        raise OutputError(f"cannot write {path}: {reason}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _clear_after_the_dead(target: Path) -> None:
    """What processes that were killed had begun to write for `target`, or to remove, is gone."""
    for ending in ("part", "old"):
        for left in _of_the_dead(target, ending):
            shutil.rmtree(left, ignore_errors=True)


def _of_the_dead(target: Path, ending: str) -> list[Path]:
    """Folders beside `target` with this ending whose process is no more."""
    found = sorted(target.parent.glob(f".{glob.escape(target.name)}.*.{ending}"))
    numbers = [left.name.split(".")[-2] for left in found]
    return [
        left
        for left, number in zip(found, numbers, strict=True)
        if number.isdecimal() and not _lives(int(number))
    ]


def _lives(process: int) -> bool:
    """Whether there is such a process; where that cannot be asked safely, there is."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def sync(path: Path) -> None:
    """What was written to this file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def recover(path: str | Path) -> bool:
    """Whether a folder was put back that a killed process had just moved aside to replace it."""
    target = Path(os.path.realpath(path))
    if target.exists():
        return False
    for old in _of_the_dead(target, "old")[:1]:
        os.rename(old, target)
        return True
    return False


def _exchange(one: Path, other: Path) -> bool:
    """Whether two folders have changed places in one go; False where the system cannot do it."""
    if not sys.platform.startswith(("linux", "darwin")):
        return False
    names = os.fsencode(one), os.fsencode(other)
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        swap = getattr(library, "renamex_np", None)
        return swap is not None and swap(*names, ctypes.c_uint(_EXCHANGE)) == 0
    swap = getattr(library, "renameat2", None)
    if swap is None:
        return False
    done: int = swap(_HERE, names[0], _HERE, names[1], ctypes.c_uint(_EXCHANGE))
    return done == 0


def _swap(staging: Path, target: Path) -> None:
    if target.exists() and _exchange(staging, target):
        sync(target.parent)  # what stood there before is in `staging` now, and goes with it
        return
    old = target.parent / f".{target.name}.{os.getpid()}.old"
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.rename(target, old)
    try:
        os.rename(staging, target)
    except OSError:
        if old.exists():
            os.rename(old, target)
        raise
    sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)
