"""Walking a folder."""

import os
import zipfile
from pathlib import Path

import pytest

from musegen.corpus.archives import entry_bytes, located
from musegen.corpus.scan import find_midi
from musegen.errors import CorpusError, MidiError
from musegen.music.source import Limits


def test_midi_is_found_by_its_ending_in_every_sub_folder(tmp_path: Path) -> None:
    """All five endings in any case, sorted by path; nothing else."""
    names = [
        "b.MID",
        "a/c.midi",
        "a/d.Kar",
        "a/e/f.rmi",
        "g.smf",
        "a/notes.txt",
        "mid",
        "x.mid.tar",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    found, left_out = find_midi(tmp_path)
    assert [f.path for f in found] == ["a/c.midi", "a/d.Kar", "a/e/f.rmi", "b.MID", "g.smf"]
    assert {f.size for f in found} == {5}
    assert left_out == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_what_is_no_file_is_left_out_and_said(tmp_path: Path) -> None:
    """A pipe, a broken link and a macOS attribute file are refused without being opened."""
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nowhere")
    (tmp_path / "._song.mid").write_bytes(b"")
    (tmp_path / "song.mid").write_bytes(b"")
    found, left_out = find_midi(tmp_path)
    assert [f.path for f in found] == ["song.mid"]
    assert [(x.path, x.kind) for x in left_out] == [
        ("._song.mid", "not music"),
        ("gone.mid", "cannot be opened"),
        ("pipe.mid", "not a file"),
    ]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_links_that_go_in_circles_end(tmp_path: Path) -> None:
    """A folder that links to itself is walked once; a link to another folder is followed."""
    (tmp_path / "music/a").mkdir(parents=True)
    (tmp_path / "music/a/one.mid").write_bytes(b"")
    (tmp_path / "music/a/loop").symlink_to(tmp_path / "music")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/two.mid").write_bytes(b"")
    (tmp_path / "music/more").symlink_to(tmp_path / "elsewhere")
    found, _ = find_midi(tmp_path / "music")
    assert [f.path for f in found] == ["a/one.mid", "more/two.mid"]


def packed(archive: Path, **files: bytes) -> Path:
    """A zip archive; in the names "/" is written "__", and "." is written "_dot_"."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in files.items():
            pack.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return archive


def test_what_lies_in_archives_is_found(tmp_path: Path) -> None:
    """Files in a zip are found under its path; an archive in it and a damaged one are said."""
    packed(tmp_path / "Pack.ZIP", jazz__b_dot_MID=b"123", a_dot_txt=b"", in_dot_zip=b"PK")
    packed(tmp_path / "mac.zip", **{"mac/._a.mid": b""})
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4 no more")
    found, left_out = find_midi(tmp_path)
    assert [(f.path, f.size) for f in found] == [("Pack.ZIP/jazz/b.MID", 3)]
    assert [(x.path, x.kind) for x in left_out] == [
        ("Pack.ZIP/in.zip", "archive in an archive"),
        ("bad.zip", "cannot be opened"),
    ]
    assert located(tmp_path, "Pack.ZIP/jazz/b.MID") == (tmp_path / "Pack.ZIP", "jazz/b.MID")
    (tmp_path / "folder.zip").mkdir()
    assert located(tmp_path, "folder.zip/b.mid") == (tmp_path / "folder.zip/b.mid", "")


def test_an_entry_is_read_within_limits(tmp_path: Path) -> None:
    """What is too large, absent, damaged or protected is refused, a bomb before it goes off."""
    pack = packed(tmp_path / "a.zip", good=b"123", bomb=bytes(10**7), broken=b"x" * 100)
    assert entry_bytes(pack, "good", Limits()) == b"123"
    with pytest.raises(MidiError, match=r"holds 9\.5 MiB; at most 1"):
        entry_bytes(pack, "bomb", Limits(mib=1))
    with pytest.raises(MidiError, match="no item named"):
        entry_bytes(pack, "../good", Limits())
    content = bytearray(pack.read_bytes())
    content[content.rindex(b"broken") - 46 + 8] |= 1  # the flag of a password, in the list
    locked = tmp_path / "locked.zip"
    locked.write_bytes(content)
    with pytest.raises(MidiError, match="password"):
        entry_bytes(locked, "broken", Limits())
    content[content.index(b"broken") + 6 : content.index(b"broken") + 9] = b"\xff\xff\xff"
    content[content.rindex(b"broken") - 46 + 8] &= 254
    locked.write_bytes(content)
    os.utime(locked, (1, 1))
    with pytest.raises(MidiError, match="cannot be unpacked"):
        entry_bytes(locked, "broken", Limits())


def test_a_folder_that_is_missing_empty_or_none_is_an_error(tmp_path: Path) -> None:
    """Each has its own line."""
    with pytest.raises(CorpusError, match="does not exist"):
        find_midi(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match=r"holds no MIDI file \(endings looked for: .mid"):
        find_midi(tmp_path)
    (tmp_path / "file.mid").write_bytes(b"")
    with pytest.raises(CorpusError, match="is a file"):
        find_midi(tmp_path / "file.mid")
