"""A collection appears whole, with its labels, or not at all."""

import hashlib
from pathlib import Path

import pytest

from musegen.corpus.download import Patience
from musegen.corpus.labels import read_labels
from musegen.corpus.obtain import is_there, obtain
from musegen.corpus.prepare import prepare
from musegen.errors import CorpusError, OutputError
from tests.corpus.archives import pack, tune
from tests.corpus.entries import entry
from tests.corpus.server import Served, serving

QUICK = Patience(timeout_s=5, attempts=2, pause_s=0.01)


def archive(tmp_path: Path, kind: str = "zip") -> Path:
    """Four tunes and a licence in an archive."""
    files = {f"x/{n % 2}/{n}.mid": tune(n) for n in range(4)} | {"x/LICENSE": b"CC0"}
    return pack(tmp_path / f"tunes.{kind}", kind, files)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
def test_a_collection_is_ready_to_train_on(tmp_path: Path, kind: str) -> None:
    """What was fetched can be prepared at once: its labels, sources and licences are found."""
    content = archive(tmp_path, kind).read_bytes()
    into = tmp_path / "data" / "tunes"
    with serving(Served(content)) as address:
        found = entry(address=address, archive=kind, sha256=hashlib.sha256(content).hexdigest())
        done = obtain(found, into, patience=QUICK)
    assert (done.pieces, done.genres, done.skipped) == (4, {"folk": 4}, {})
    assert [place.name for place in into.parent.iterdir()] == ["tunes"]
    label = read_labels(into).of("x/0/0.mid")
    assert (label.genre, label.source, label.licence) == ("folk", "Tunes", "CC0-1.0")
    facts = prepare(into, tmp_path / "prepared", workers=0).facts
    assert facts.pieces == 4
    assert facts.genre_counts == {"folk": 4}
    assert facts.licence_counts == {"CC0-1.0": 4}
    assert not any("labels.csv" in warning for warning in facts.warnings)
    about = (into / "ABOUT.md").read_text(encoding="utf-8")
    for words in (
        "Tunes",
        "CC0-1.0",
        "They are very short.",
        "https://example.org/tunes",
        "x/LICENSE",
    ):
        assert words in about


def test_nothing_appears_before_all_is_there(tmp_path: Path) -> None:
    """A download that breaks leaves no folder, and what it left is used the next time."""
    content = archive(tmp_path).read_bytes()
    into = tmp_path / "data" / "tunes"
    served = Served(content, breaks_after=[500, 0])
    with serving(served) as address:
        with pytest.raises(CorpusError, match="is kept, the same command goes on"):
            obtain(entry(address=address), into, patience=QUICK)
        assert not into.exists()
        obtain(entry(address=address), into, patience=QUICK)
    assert served.asked[-1]["Range"] == "bytes=500-"
    assert is_there(into)


@pytest.mark.parametrize("files", [{"../a.mid": b""}, {"readme.txt": b"no music"}])
def test_a_bad_archive_leaves_nothing(tmp_path: Path, files: dict[str, bytes]) -> None:
    """An archive that is of no use is not kept, so that the next try does not begin with it."""
    content = pack(tmp_path / "a", "zip", files).read_bytes()
    into = tmp_path / "data" / "tunes"
    with serving(Served(content)) as address, pytest.raises(CorpusError):
        obtain(entry(address=address), into, patience=QUICK)
    assert list(into.parent.iterdir()) == []


def test_what_somebody_has_fetched_already(tmp_path: Path) -> None:
    """An archive from elsewhere is checked, unpacked, and left where it is."""
    file = archive(tmp_path)
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    by_hand = entry(address="", by_hand="with a browser", sha256=right)
    assert obtain(by_hand, tmp_path / "tunes", archive=file).pieces == 4
    assert file.is_file()
    file.write_bytes(b"cut short")
    with pytest.raises(CorpusError, match="sha256"):
        obtain(by_hand, tmp_path / "again", archive=file)
    assert file.is_file()
    with pytest.raises(CorpusError, match="no such file"):
        obtain(by_hand, tmp_path / "again", archive=tmp_path / "missing.zip")


def test_what_cannot_be_fetched_says_what_to_do(tmp_path: Path) -> None:
    """Without an address the words of the catalogue are the answer."""
    with pytest.raises(CorpusError, match="cannot be fetched: go there with a browser"):
        obtain(entry(address="", by_hand="go there with a browser"), tmp_path / "tunes")


def test_a_place_that_is_taken(tmp_path: Path) -> None:
    """A collection is replaced only when asked, and other files never are."""
    file, into = archive(tmp_path), tmp_path / "tunes"
    obtain(entry(), into, archive=file)
    (into / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="--force"):
        obtain(entry(), into, archive=file)
    obtain(entry(), into, force=True, archive=file)
    assert not (into / "mine.txt").exists()
    home = tmp_path / "home"
    home.mkdir()
    (home / "letters.txt").write_text("dear")
    with pytest.raises(OutputError, match="other files"):
        obtain(entry(), home, force=True, archive=file)
    assert (home / "letters.txt").is_file()
