"""A download comes to its end whole and checked, or says why not and keeps what it has."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from musegen.corpus.download import Patience, Remote, Stopped, check_address, fetch
from musegen.errors import CorpusError, OutputError
from tests.corpus.server import Served, serving

CONTENT = bytes(range(256)) * 1200
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(timeout_s=5, attempts=3, pause_s=0.01)


@pytest.fixture
def served() -> Iterator[Served]:
    """A server that gives CONTENT."""
    what = Served(CONTENT)
    with serving(what):
        yield what


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where the file is wanted."""
    return tmp_path / ".music.download"


def ranges(served: Served) -> list[str | None]:
    """From where each request wanted the file."""
    return [headers.get("Range") for headers in served.asked]


def test_a_file_comes_whole(served: Served, to: Path) -> None:
    """A download is the server's file, byte for byte; progress ends with its size."""
    seen: list[tuple[int, int | None]] = []
    remote = Remote(served.address, len(CONTENT), SHA256)
    fetch(remote, to, lambda done, total: seen.append((done, total)), QUICK)
    assert to.read_bytes() == CONTENT
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [place.name for place in to.parent.iterdir()] == [to.name]


def test_a_broken_connection_is_gone_on_with(served: Served, to: Path) -> None:
    """A server that closes early is asked for the rest, from where it stopped."""
    served.breaks_after = [100_000, 50_000]
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == CONTENT
    assert ranges(served) == [None, "bytes=100000-", "bytes=150000-"]
    assert served.asked[1]["If-Range"] == served.tag


def test_the_next_try_goes_on(served: Served, to: Path) -> None:
    """A download that was given up, or stopped by Ctrl-C, goes on with the same command."""

    def stop(done: int, total: int | None) -> None:
        if done >= 100_000:
            raise KeyboardInterrupt

    with pytest.raises(Stopped, match="the same command goes on") as stopped:
        fetch(Remote(served.address), to, stop, QUICK)
    assert stopped.value.exit_code == 130
    have = to.stat().st_size
    assert 0 < have < len(CONTENT)
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == CONTENT
    assert ranges(served) == [None, f"bytes={have}-"]


@pytest.mark.parametrize("ignores_if_range", [False, True])
def test_a_changed_file_is_begun_anew(served: Served, to: Path, ignores_if_range: bool) -> None:
    """Half of the old file and half of the new one never become one file."""
    served.breaks_after = [100_000, 0, 0]
    with pytest.raises(CorpusError, match="3 times in a row"):
        fetch(Remote(served.address), to, patience=Patience(5, 3, 0.01))
    served.content, served.tag = bytes(reversed(CONTENT)), '"two"'
    served.ignores_if_range = ignores_if_range
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == served.content


def test_without_a_tag_and_a_checksum_nothing_is_gone_on_with(served: Served, to: Path) -> None:
    """Where nothing would tell that the file has changed, it is begun anew."""
    served.tag, served.breaks_after = None, [100_000]
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == CONTENT
    assert ranges(served) == [None, None]


def test_a_weak_tag_does_not_tell(served: Served, to: Path) -> None:
    """A tag that says "much the same" is not enough to join two halves."""
    served.tag, served.breaks_after = 'W/"one"', [100_000]
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == CONTENT
    assert ranges(served) == [None, None]


def test_a_checksum_is_as_good_as_a_tag(served: Served, to: Path) -> None:
    """Where the checksum is known, it tells in the end; so the part is used."""
    served.tag, served.breaks_after = None, [100_000]
    fetch(Remote(served.address, sha256=SHA256), to, patience=QUICK)
    assert ranges(served) == [None, "bytes=100000-"]


def test_a_server_without_ranges_begins_anew(served: Served, to: Path) -> None:
    """A server that cannot give parts gives the whole, which replaces the part."""
    served.ranges, served.breaks_after = False, [100_000]
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == CONTENT


def test_a_part_of_another_file_is_not_used(served: Served, to: Path) -> None:
    """What lies there of another address is replaced, although the server would go on with it."""
    served.breaks_after = [100_000, 0, 0]
    with pytest.raises(CorpusError):
        fetch(Remote(served.address + "?old"), to, patience=QUICK)
    assert to.stat().st_size == 100_000
    served.content = bytes(reversed(CONTENT))
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == served.content


def test_a_part_that_is_whole_already(served: Served, to: Path) -> None:
    """Stopped after the last byte: the next try finds that nothing is missing."""

    def stop(done: int, total: int | None) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(Stopped):
        fetch(Remote(served.address), to, stop, QUICK)
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == CONTENT
    assert ranges(served) == [None, f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_wrong_checksum_is_refused(served: Served, to: Path, kind: str) -> None:
    """A file that is not the one expected is thrown away, and both checksums are named."""
    wrong = "0" * (64 if kind == "sha256" else 32)
    right = hashlib.new(kind, CONTENT).hexdigest()
    with pytest.raises(CorpusError, match=f"its {kind} is {right}, {wrong} was expected"):
        fetch(Remote(served.address, **{kind: wrong}), to, patience=QUICK)
    assert list(to.parent.iterdir()) == []


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_of_another_size_is_refused(served: Served, to: Path, says_length: bool) -> None:
    """A file longer than expected is not fetched to its end, whether or not the server warns."""
    served.says_length, seen = says_length, [0]
    with pytest.raises(CorpusError, match="expected"):
        fetch(Remote(served.address, size=1000), to, lambda done, _: seen.append(done), QUICK)
    assert max(seen) <= 1000
    assert not to.exists() or to.stat().st_size <= 1000


def test_more_than_the_most_is_refused(served: Served, to: Path) -> None:
    """Where no size is known, a bound holds."""
    with pytest.raises(CorpusError, match="fetched at most"):
        fetch(Remote(served.address), to, patience=Patience(5, 3, 0.01, most_bytes=1000))
    assert not to.exists()


def test_a_full_disk_is_seen_before(
    served: Served, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no room for the file, nothing is fetched."""
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("musegen.corpus.download.shutil.disk_usage", lambda path: usage)
    with pytest.raises(OutputError, match="307,200 bytes are needed, 1,000 free"):
        fetch(Remote(served.address), to, patience=QUICK)


def test_an_early_end_without_a_length(served: Served, to: Path) -> None:
    """A server that says no length and closes early is found out by the size that is known."""
    served.says_length, served.breaks_after = False, [100_000]
    fetch(Remote(served.address, size=len(CONTENT)), to, patience=QUICK)
    assert to.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "words"), [(404, "no such file any more"), (403, "does not give it away")]
)
def test_a_refusal_is_final(served: Served, to: Path, status: int, words: str) -> None:
    """What is not there is asked for once."""
    served.status = status
    with pytest.raises(CorpusError, match=words):
        fetch(Remote(served.address), to, patience=QUICK)
    assert len(served.asked) == 1


def test_a_busy_server_is_asked_again(served: Served, to: Path) -> None:
    """A server that is busy now may not be so in a moment."""
    served.status, served.failures = 503, 2
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == CONTENT
    assert len(served.asked) == 3


def test_a_silent_server_is_given_up(served: Served, to: Path) -> None:
    """A server that falls silent is waited for so long and no longer; the part is kept."""
    served.hangs_s, served.breaks_after = 20, [1000, 0, 0, 0]
    with pytest.raises(CorpusError, match=r"nothing came for 0\.2 seconds, 2 times in a row.*kept"):
        fetch(Remote(served.address), to, patience=Patience(0.2, 2, 0.01))
    assert to.stat().st_size == 1000


def test_nobody_there(to: Path) -> None:
    """A server that does not answer is named, with the reason."""
    with serving(Served(b"")) as address:
        pass
    with pytest.raises(CorpusError, match=r"cannot be reached.*is the network there"):
        fetch(Remote(address), to, patience=QUICK)


@pytest.mark.parametrize(
    "address",
    ["http://example.org/a.zip", "ftp://example.org/a.zip", "file:///etc/passwd", "a.zip", "http://[",
     "http://127.0.0.1.example.org/a.zip", "https:///a.zip"],
)  # fmt: skip
def test_only_https(address: str, to: Path) -> None:
    """Nothing is fetched over what anyone on the way can change."""
    with pytest.raises(CorpusError):
        fetch(Remote(address), to)


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a", "http://127.0.0.1:8/a", "http://[::1]/", "http://localhost/"],
)
def test_https_and_this_machine(address: str) -> None:
    """https is right anywhere, http on this machine."""
    check_address(address)


def test_a_server_cannot_lead_elsewhere(served: Served, to: Path) -> None:
    """A redirection is followed, but not to http on another machine."""
    served.moved_to = served.address.replace("/music.zip", "/here")
    fetch(Remote(served.address), to, patience=QUICK)
    assert to.read_bytes() == CONTENT
    served.moved_to = "http://example.org/a.zip"
    with pytest.raises(CorpusError, match="not fetched over http"):
        fetch(Remote(served.address), to, patience=QUICK)
