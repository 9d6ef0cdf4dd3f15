"""A folder that appears whole or not at all. Floor 0: knows nothing of music."""

import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musegen.errors import OutputError


@contextmanager
def whole_folder(path: str | Path, force: bool = False) -> Iterator[Path]:
    """A staging folder that takes the place of `path` when the block ends without an error.

    It lies beside `path`, is synced to disk and renamed; whatever stood there before is removed
    only after that. Raises OutputError where `path` exists and `force` is not given, and where
    the disk is full or not writable; then nothing has changed.
    """
    target = Path(os.path.realpath(path))  # a link to a folder stays, and what it names is replaced
    staging = target.parent / f".{target.name}.{os.getpid()}.part"
    try:
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
    """What processes that were killed had begun to write for `target` is gone."""
    for staging in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        number = staging.name.removesuffix(".part").rpartition(".")[2]
        if number.isdecimal() and not _lives(int(number)):
            shutil.rmtree(staging, ignore_errors=True)


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


def _swap(staging: Path, target: Path) -> None:
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
