"""A folder appears whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from musegen import folders
from musegen.errors import OutputError
from musegen.folders import recover, whole_folder


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


def test_it_appears_whole(tmp_path: Path) -> None:
    """While it is written nothing is at its place; afterwards everything is."""
    target = tmp_path / "deep" / "folder"
    with whole_folder(target) as staging:
        (staging / "a").write_text("1")
        (staging / "sub").mkdir()
        (staging / "sub" / "b").write_text("2")
        assert not target.exists()
    assert (target / "sub" / "b").read_text() == "2"
    assert names(tmp_path / "deep") == {"folder"}


def test_what_is_there_stays_unless_forced(tmp_path: Path) -> None:
    """A folder that exists is kept, or with force replaced as a whole."""
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "old").write_text("old")
    with pytest.raises(OutputError, match="exists already"), whole_folder(tmp_path / "c"):
        pytest.fail("nothing is to be written")
    with whole_folder(tmp_path / "c", force=True) as staging:
        (staging / "new").write_text("new")
    assert names(tmp_path / "c") == {"new"}
    assert names(tmp_path) == {"c"}


@pytest.mark.parametrize(
    "fault",
    [
        ValueError("a bug"),
        KeyboardInterrupt(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
    ],
    ids=["bug", "Ctrl-C", "full disk", "broken disk"],
)
def test_a_fault_changes_nothing(tmp_path: Path, fault: BaseException) -> None:
    """Whatever goes wrong inside, the old folder is as it was and nothing lies beside it."""
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "old").write_text("old")
    expected = OutputError if isinstance(fault, OSError) else type(fault)

    def write_half() -> None:
        with whole_folder(tmp_path / "c", force=True) as staging:
            (staging / "new").write_text("half")
            raise fault

    with pytest.raises(expected) as caught:
        write_half()
    if isinstance(fault, OSError):
        reason = "the disk is full" if fault.errno == errno.ENOSPC else "Input/output error"
        assert str(caught.value) == f"cannot write {tmp_path / 'c'}: {reason}"
    assert names(tmp_path) == {"c"}
    assert names(tmp_path / "c") == {"old"}


def test_a_rename_that_fails_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two renames are needed, the old folder is not lost between them, either."""
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "old").write_text("old")
    rename = os.rename

    def failing(source: Path, target: Path) -> None:
        if source.name.endswith(".part"):
            raise OSError(errno.EACCES, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    denied = pytest.raises(OutputError, match="Permission denied")
    with denied, whole_folder(tmp_path / "c", force=True) as staging:
        (staging / "new").write_text("new")
    assert names(tmp_path) == {"c"}
    assert names(tmp_path / "c") == {"old"}


@pytest.mark.skipif(not sys.platform.startswith(("linux", "darwin")), reason="two renames there")
def test_old_and_new_change_places_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no moment at which nothing is at the place: the folders are never renamed."""
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "old").write_text("old")
    monkeypatch.setattr(os, "rename", lambda *names: pytest.fail("a gap"))
    with whole_folder(tmp_path / "c", force=True) as staging:
        (staging / "new").write_text("new")
    assert names(tmp_path) == {"c"}
    assert names(tmp_path / "c") == {"new"}


def test_the_gap_between_two_renames_is_mended(tmp_path: Path) -> None:
    """A folder that a killed process had just moved aside is put back, and only such a one."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for number in (dead.pid, os.getppid()):
        (tmp_path / f".c.{number}.old").mkdir()
        (tmp_path / f".c.{number}.old" / str(number)).write_text("weights")
    assert recover(tmp_path / "c")
    assert names(tmp_path / "c") == {str(dead.pid)}
    assert not recover(tmp_path / "c")
    assert names(tmp_path) == {"c", f".c.{os.getppid()}.old"}
    (tmp_path / f".c.{dead.pid}.old").mkdir()
    with whole_folder(tmp_path / "c", force=True) as staging:
        (staging / "new").write_text("new")
    assert names(tmp_path) == {"c", f".c.{os.getppid()}.old"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A file at the place stays, with force, too."""
    (tmp_path / "c").write_text("precious")
    with pytest.raises(OutputError, match="is a file"), whole_folder(tmp_path / "c", force=True):
        pytest.fail("nothing is to be written")
    assert (tmp_path / "c").read_text() == "precious"
    assert names(tmp_path) == {"c"}


def test_a_file_on_the_way(tmp_path: Path) -> None:
    """A file where a folder is needed is one clear error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"), whole_folder(tmp_path / "file" / "c"):
        pytest.fail("nothing is to be written")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Where the place is a link to a folder, what it names is replaced."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with whole_folder(tmp_path / "link", force=True) as staging:
        (staging / "new").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == {"new"}
    assert names(tmp_path) == {"real", "link"}


def test_what_the_dead_left_is_cleared_away(tmp_path: Path) -> None:
    """Half a folder of a process that was killed goes; one that is being written stays."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for number in (dead.pid, os.getppid()):
        (tmp_path / f".c.{number}.part").mkdir()
        (tmp_path / f".c.{number}.part" / "half").write_text("a gigabyte")
    (tmp_path / f".d.{dead.pid}.part").mkdir()
    (tmp_path / ".c.mine.part").mkdir()
    with whole_folder(tmp_path / "c"):
        pass
    assert names(tmp_path) == {
        "c", f".c.{os.getppid()}.part", f".d.{dead.pid}.part", ".c.mine.part",
    }  # fmt: skip
