"""Files are written whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from musegen import files
from musegen.errors import OutputError
from musegen.files import write_whole


def test_a_file_holds_what_was_written(tmp_path):
    """All bytes, under the name that was asked for, with nothing beside it."""
    write_whole(tmp_path / "a.bin", b"abc")
    write_whole(str(tmp_path / "b.bin"), b"")
    assert (tmp_path / "a.bin").read_bytes() == b"abc"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.bin", "b.bin"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o666 & ~umask


def test_a_file_that_is_there_is_replaced_only_with_force(tmp_path):
    """Without it an error says so and the file stays; with it the file keeps its permissions."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with pytest.raises(OutputError, match="already there"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    write_whole(path, b"new", force=True)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path):
    """A link stays a link; the file behind it is replaced."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new", force=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_places_that_cannot_be_written_are_named(tmp_path):
    """A missing folder, a folder, a pipe, an impossible name: an OutputError, nothing left."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    for path, reason in (
        (tmp_path / "no" / "a.bin", "there is no folder"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "file" / "a.bin", "no folder|Not a directory"),
        (tmp_path / ("x" * 300), "too long"),
        (tmp_path / "a\0b", "null"),
    ):
        with pytest.raises(OutputError, match=reason):
            write_whole(path, b"abc", force=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "pipe"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_nothing_half_written_is_left_when_the_disk_is_full(tmp_path, monkeypatch, step):
    """The error names the file, the old file is whole, and no other is left."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(OutputError, match="No space left"):
        write_whole(path, b"new", force=True)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_an_interrupted_writing_leaves_nothing(tmp_path, monkeypatch):
    """Ctrl-C between writing and renaming leaves no part behind."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(Path(tmp_path / "a.bin"), b"new")
    assert list(tmp_path.iterdir()) == []
