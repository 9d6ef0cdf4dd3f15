"""An archive gives its music, nothing lands outside its folder, and no bomb goes off."""

import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from musegen.corpus.unpack import Limits, unpack
from musegen.errors import CorpusError
from tests.corpus.archives import entry, pack, pack_tar, tune

KINDS = ("zip", "tar.gz", "tar.xz")
MB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where archives are unpacked."""
    place = tmp_path / "inside"
    place.mkdir()
    return place


def files(folder: Path) -> list[str]:
    """The files below a folder."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("kind", KINDS)
def test_music_and_papers_come_out(tmp_path: Path, folder: Path, kind: str) -> None:
    """MIDI in any folder and ending, licences and readmes are kept; nothing else is."""
    content = {
        "set/folk/a.mid": tune(1),
        "set/B.MIDI": tune(2),
        "set/LICENSE": b"free",
        "set/docs/ReadMe.txt": b"read me",
        "set/song.mp3": b"noise",
        "set/readme.exe": b"MZ",
        "__MACOSX/set/._a.mid": b"attributes",
    }
    taken = unpack(pack(tmp_path / "a", kind, content), kind, folder)
    assert files(folder) == ["set/B.MIDI", "set/LICENSE", "set/docs/ReadMe.txt", "set/folk/a.mid"]
    assert (folder / "set/folk/a.mid").read_bytes() == tune(1)
    assert taken.music == {"set/folk/a.mid": "set/folk/a.mid", "set/B.MIDI": "set/B.MIDI"}
    assert sorted(taken.papers) == ["set/LICENSE", "set/docs/ReadMe.txt"]
    assert taken.skipped == {"not music": 3}


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_wanted(tmp_path: Path, folder: Path, kind: str) -> None:
    """Of several forms of one piece a catalogue can name the one to keep."""
    content = {"x/P/001/001.mid": tune(1), "x/P/001/versions/v1.mid": tune(2), "x/LICENSE": b"MIT"}
    unpack(pack(tmp_path / "a", kind, content), kind, folder, ["P/???/???.mid"])
    assert files(folder) == ["x/LICENSE", "x/P/001/001.mid"]


OUTSIDE = ("../a.mid", "x/../../a.mid", "/tmp/a.mid", "..\\a.mid", "C:\\a.mid")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_lands_outside(tmp_path: Path, folder: Path, kind: str, name: str) -> None:
    """An archive that names a place outside itself is refused."""
    with pytest.raises(CorpusError, match="outside itself"):
        unpack(pack(tmp_path / "a", kind, {name: tune()}), kind, folder)
    assert files(tmp_path) == ["a"]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_passed_over(tmp_path: Path, folder: Path, kind: bytes) -> None:
    """A link called music is no music, and what is written after it does not follow it."""
    entries = [
        (entry("way.mid", kind=kind, target="/etc/passwd"), b""),
        (entry("out", kind=tarfile.SYMTYPE, target=str(tmp_path)), b""),
        (entry("out/b.mid", len(tune())), tune()),
    ]
    taken = unpack(pack_tar(tmp_path / "a", "tar.gz", entries), "tar.gz", folder)
    assert files(tmp_path) == ["a", "inside/out/b.mid"]
    assert taken.skipped == {"link or device": 2}


def test_a_link_in_a_zip_is_passed_over(tmp_path: Path, folder: Path) -> None:
    """A zip can hold links, too."""
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        info = zipfile.ZipInfo("a.mid")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert unpack(tmp_path / "a", "zip", folder).skipped == {"link or device": 1}
    assert files(folder) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_of_one_file(tmp_path: Path, folder: Path, kind: str) -> None:
    """A file that says it is too large is passed over."""
    archive = pack(tmp_path / "a", kind, {"a.mid": bytes(4 * MB), "b.mid": tune()})
    taken = unpack(archive, kind, folder, limits=Limits(file_bytes=MB))
    assert (files(folder), taken.skipped) == (["b.mid"], {"too large": 1})


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_of_many_files(tmp_path: Path, folder: Path, kind: str) -> None:
    """Files that are too much together end it, however small the archive is."""
    archive = pack(tmp_path / "a", kind, {f"{n}.mid": bytes(MB) for n in range(8)})
    assert archive.stat().st_size < MB / 4
    with pytest.raises(CorpusError, match="more than is taken"):
        unpack(archive, kind, folder, limits=Limits(total_bytes=3 * MB))
    assert sum(place.stat().st_size for place in folder.rglob("*.mid")) <= 3 * MB + 1


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_files(tmp_path: Path, folder: Path, kind: str) -> None:
    """The number of files is bounded, whatever they are."""
    archive = pack(tmp_path / "a", kind, {f"{n}.txt": b"" for n in range(60)})
    with pytest.raises(CorpusError, match="more than 50 files"):
        unpack(archive, kind, folder, limits=Limits(entries=50))


def test_a_zip_that_lies_about_sizes(tmp_path: Path, folder: Path) -> None:
    """What a zip says of a file's size is not believed."""
    archive = pack(tmp_path / "a", "zip", {"a.mid": bytes(4 * MB)})
    lie = (4 * MB).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(lie, (100).to_bytes(4, "little")))
    with pytest.raises(CorpusError):
        unpack(archive, "zip", folder, limits=Limits(file_bytes=MB))
    assert all(place.stat().st_size <= MB for place in folder.rglob("*.mid"))


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz"])
def test_a_bomb_in_a_header(tmp_path: Path, folder: Path, kind: str) -> None:
    """A name of many megabytes is not read into memory."""
    info = entry("a.mid", len(tune()))
    info.pax_headers = {"comment": "0" * (8 * MB)}
    with pytest.raises(CorpusError, match="more than is taken"):
        unpack(pack_tar(tmp_path / "a", kind, [(info, tune())]), kind, folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04 and so on"])
def test_what_is_no_archive(tmp_path: Path, folder: Path, kind: str, content: bytes) -> None:
    """A page that says "not found" is not an archive, and that is said."""
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CorpusError, match="not a sound"):
        unpack(tmp_path / "a", kind, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_archive(tmp_path: Path, folder: Path, kind: str) -> None:
    """Half an archive, or one with other bytes in its middle, is an error and no crash."""
    whole = pack(tmp_path / "a", kind, {f"{n}.mid": tune(n) for n in range(20)}).read_bytes()
    middle = len(whole) // 2
    for content in (whole[:middle], whole[:middle] + bytes(64) + whole[middle + 64 :]):
        (tmp_path / "b").write_bytes(content)
        with pytest.raises(CorpusError):
            unpack(tmp_path / "b", kind, folder / str(len(content)))


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_made_plain(tmp_path: Path, folder: Path, kind: str) -> None:
    """Names that a terminal, a table or another system would take amiss are changed, never lost."""
    names = [
        "=cmd|calc.mid", "-rf.mid", "a\x1b[31m.mid", "con.mid", "Ängström/é\u202e.mid", "x:y.mid",
        "x?y.mid", "X?Y.mid", "b" * 300 + ".mid", " .mid",
    ]  # fmt: skip
    taken = unpack(pack(tmp_path / "a", kind, {n: tune() for n in names}), kind, folder)
    assert len(taken.music) == len(files(folder)) == len(names)
    assert sorted(taken.music.values()) == sorted(names)
    for place in taken.music:
        assert place.isprintable()
        assert place[0] not in "=+-@ ."
        assert len(place) < 130
    assert "Ängström/é_.mid" in taken.music
    assert len({place.casefold() for place in taken.music}) == len(names)
