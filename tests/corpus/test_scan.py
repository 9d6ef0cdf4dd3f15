"""Walking a folder."""

import os
from pathlib import Path

import pytest

from musegen.corpus.scan import find_midi
from musegen.errors import CorpusError


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
        "x.mid.zip",
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


def test_a_folder_that_is_missing_empty_or_none_is_an_error(tmp_path: Path) -> None:
    """Each has its own line."""
    with pytest.raises(CorpusError, match="does not exist"):
        find_midi(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match=r"holds no MIDI file \(endings looked for: .mid"):
        find_midi(tmp_path)
    (tmp_path / "file.mid").write_bytes(b"")
    with pytest.raises(CorpusError, match="is a file"):
        find_midi(tmp_path / "file.mid")
