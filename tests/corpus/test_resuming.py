"""Preparing again: nothing is read twice, and what was done before never shows in the bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musegen.corpus.kept import READINGS_FILE
from musegen.corpus.prepare import Progress, prepare
from musegen.corpus.reading import PrepareSettings
from musegen.errors import CorpusError
from musegen.music.read import read_midi
from musegen.music.score import Score
from musegen.music.source import Limits
from tests.corpus.test_prepare import contents, song, whys

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from musegen.corpus.prepare import prepare

if __name__ == "__main__":
    folder, out, workers = sys.argv[1:]
    prepare(folder, out, workers=int(workers))
"""


class Reads(list[str]):
    """The names of the files that were read, in order."""


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    """Counts what is read in this process."""
    seen = Reads()

    def counted(source: Path, limits: Limits) -> Score:
        seen.append(source.name)
        return read_midi(source, limits)

    monkeypatch.setattr("musegen.corpus.reading.read_midi", counted)
    return seen


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Ten tunes, two copies, one page and one short piece."""
    folder = tmp_path / "music"
    for seed in range(10):
        song(folder / ("jazz", "folk")[seed % 2] / f"{seed:02}.mid", seed, notes=64 + 16 * seed)
    song(folder / "folk/copy of 03.mid", 3, notes=112)
    song(folder / "folk/higher 03.mid", 3, up=4, notes=112)
    song(folder / "folk/short.mid", 99, notes=3)
    (folder / "jazz/page.mid").write_bytes(b"<html>")
    return folder


def fresh(folder: Path, settings: PrepareSettings | None = None) -> dict[str, bytes]:
    """What the folder is prepared to where nothing was done before."""
    out = folder.parent / "fresh"
    shutil.rmtree(out, ignore_errors=True)
    prepare(folder, out, settings, workers=0)
    return contents(out)


def interrupted(folder: Path, out: Path, after: int) -> None:
    """Ctrl-C comes after so many files."""

    def interrupt(step: Progress) -> None:
        if step.done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, out, workers=0, progress=interrupt)


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


def test_an_interrupted_run_is_gone_on_with(music: Path, tmp_path: Path, reads: Reads) -> None:
    """Each file is read once, however often the run is ended; the bytes are those of one run."""
    out = tmp_path / "out"
    for after in (1, 4, 4, 11):
        interrupted(music, out, after)
        assert names(tmp_path) == [".out.readings", "music"]
    prepare(music, out, workers=0)
    assert sorted(reads) == sorted(names(music / "folk") + names(music / "jazz"))
    assert names(tmp_path) == ["music", "out"]
    assert contents(out) == fresh(music)


def test_only_new_and_changed_files_are_read(music: Path, tmp_path: Path, reads: Reads) -> None:
    """Files added, changed, touched, renamed and removed: the others are not opened again."""
    out = tmp_path / "out"
    prepare(music, out, workers=0)
    reads.clear()
    song(music / "blues/00.mid", 50)
    song(music / "folk/01.mid", 51)
    os.utime(music / "jazz/02.mid", (1, 1))
    (music / "jazz/04.mid").rename(music / "jazz/40.mid")
    (music / "folk/05.mid").unlink()
    prepare(music, out, workers=0)
    assert sorted(reads) == ["00.mid", "01.mid", "02.mid", "40.mid"]
    assert contents(out) == fresh(music)


def test_a_duplicate_takes_the_place_of_what_was_removed(
    music: Path, tmp_path: Path, reads: Reads
) -> None:
    """Of 03, its copy and its transposition the first that is there is kept."""
    out = tmp_path / "out"
    assert whys(prepare(music, out, workers=0))["folk/copy of 03.mid"] == "duplicate"
    reads.clear()
    (music / "folk/03.mid").unlink()
    prepared = prepare(music, out, workers=0)
    assert reads == ["copy of 03.mid"]
    assert whys(prepared)["folk/higher 03.mid"] == "duplicate in another key"
    assert contents(out) == fresh(music)
    reads.clear()
    song(music / "a/03.mid", 3, notes=112)
    assert "folk/copy of 03.mid" in whys(prepare(music, out, workers=0))
    assert reads == ["03.mid"]
    assert contents(out) == fresh(music)


def test_what_does_not_change_a_reading_reads_nothing(
    music: Path, tmp_path: Path, reads: Reads
) -> None:
    """Another share held out, genres, groups and licences are no reason to read; a mood is."""
    out = tmp_path / "out"
    prepare(music, out, workers=0)
    reads.clear()
    more = PrepareSettings(held_out=0.4)
    prepare(music, out, more, workers=0)
    table = music / "labels.csv"
    table.write_text("path,genre,licence,group\nfolk/01.mid,tango,CC0,g\njazz/02.mid,tango,,g\n")
    assert prepare(music, out, more, workers=0).genres == ("folk", "jazz", "tango")
    assert not reads
    assert contents(out) == fresh(music, more)
    reads.clear()
    table.write_text("path,genre,valence,arousal\nfolk/01.mid,tango,1,1\n")
    prepare(music, out, more, workers=0)
    assert reads == ["01.mid"]
    reads.clear()
    other = PrepareSettings(held_out=0.4, mood="labels")
    prepare(music, out, other, workers=0)
    assert len(reads) == 14
    assert contents(out) == fresh(music, other)


def spool(out: Path) -> Path:
    """The folder in which readings wait."""
    return out.parent / f".{out.name}.readings"


@pytest.mark.parametrize("damage", ["torn line", "no rows", "other rows", "zeros", "no key"])
def test_a_damaged_spool_costs_only_reading(music: Path, tmp_path: Path, damage: str) -> None:
    """Half a line, lost rows, wrong rows: what cannot be trusted is read again."""
    out = tmp_path / "out"
    interrupted(music, out, 9)
    (lines,), (rows,) = spool(out).glob("*.jsonl"), spool(out).glob("*.rows")
    if damage == "torn line":
        lines.write_bytes(lines.read_bytes()[:-40])
    elif damage == "no rows":
        rows.unlink()
    elif damage == "other rows":
        rows.write_bytes(rows.read_bytes()[::-1])
    elif damage == "zeros":
        rows.write_bytes(bytes(rows.stat().st_size))
        lines.write_bytes(lines.read_bytes() + bytes(4096) + b"\n")
    else:
        lines.write_bytes(b"".join(line[20:] for line in lines.open("rb")))
    prepare(music, out, workers=0)
    assert contents(out) == fresh(music)


@pytest.mark.parametrize("name", ["rows-00000.npy", READINGS_FILE, "prepared.json", "pieces.jsonl"])
@pytest.mark.parametrize("how", ["cut", "changed", "gone"])
def test_a_damaged_prepared_folder_costs_only_reading(
    music: Path, tmp_path: Path, name: str, how: str
) -> None:
    """Whatever of it is damaged, preparing after a change gives what a fresh run gives."""
    out = tmp_path / "out"
    prepare(music, out, workers=0)
    file = out / name
    if how == "gone":
        file.unlink()
        (out / "prepared.json").touch()  # so that it is still taken for one of ours
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    else:
        content = bytearray(file.read_bytes())
        content[-300] ^= 1
        file.write_bytes(content)
    song(music / "blues/00.mid", 50)
    prepare(music, out, workers=0)
    assert contents(out) == fresh(music)


@pytest.mark.parametrize(
    "change",
    [
        {"first": 10**30}, {"first": "x"}, {"shard": {}}, {"shard": 10**9}, {"rows": -5},
        {"rows": 10**30}, {"sketch": 3}, {"sketch": ["%"]}, {"notes": None}, {"check": []},
    ],
    ids=str,
)  # fmt: skip
def test_a_hostile_reading_is_made_again(
    music: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    """A kept reading that says anything at all is neither trusted nor a reason to stop."""
    out = tmp_path / "out"
    prepare(music, out, workers=0)
    file = out / READINGS_FILE
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    told = "".join(json.dumps(line | change) + "\n" for line in lines)
    file.write_text(told + '{"key": "' + "0" * 32 + '", "x": ' + "[" * 50_000 + "\n")
    song(music / "blues/00.mid", 50)
    prepare(music, out, workers=0)
    assert contents(out) == fresh(music)


def test_what_musegen_failed_on_is_tried_again(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: Reads
) -> None:
    """A bug that was mended since does not cost the file for ever."""
    out = tmp_path / "out"

    def failing(source: Path, limits: Limits) -> Score:
        if source.name == "03.mid":
            raise IndexError
        return read_midi(source, limits)

    with monkeypatch.context() as patched:
        patched.setattr("musegen.corpus.reading.read_midi", failing)
        assert prepare(music, out, workers=0).facts.reasons["error in musegen"] == 1
    song(music / "blues/00.mid", 50)
    prepare(music, out, workers=0)
    assert sorted(reads) == ["00.mid", "03.mid"]
    assert contents(out) == fresh(music)


def test_where_nothing_can_be_used_nothing_stays(tmp_path: Path) -> None:
    """No spool is left beside a folder that is not there."""
    (tmp_path / "music").mkdir()
    (tmp_path / "music/page.mid").write_bytes(b"<html>")
    with pytest.raises(CorpusError):
        prepare(tmp_path / "music", tmp_path / "out", workers=0)
    assert names(tmp_path) == ["music"]


changes = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 5), st.integers(0, 3)),
    st.tuples(st.just("remove"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("interrupt"), st.integers(1, 7), st.just(0)),
    st.tuples(st.just("prepare"), st.just(0), st.just(0)),
)


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(changes, max_size=8))
def test_no_history_shows(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, int, int]]
) -> None:
    """Whatever was added, replaced, removed, prepared or interrupted in whatever order."""
    place = tmp_path_factory.mktemp("history")
    music, out = place / "music", place / "out"
    song(music / "always.mid", 100)
    song(music / "z.mid", 101)
    for what, number, tune in [*history, ("prepare", 0, 0)]:
        file = music / ("folk", "jazz")[number % 2] / f"{number}.mid"
        if what == "put":
            song(file, tune, up=number % 2)
        elif what == "remove":
            file.unlink(missing_ok=True)
        elif what == "prepare":
            prepare(music, out, workers=0)
        else:

            def interrupt(step: Progress, after: int = number) -> None:
                if step.done == after:
                    raise KeyboardInterrupt

            with suppress(KeyboardInterrupt):
                prepare(music, out, workers=0, progress=interrupt)
    assert contents(out) == fresh(music)
    shutil.rmtree(place)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL on this system")
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_killed_run_is_gone_on_with(
    music: Path, tmp_path: Path, reads: Reads, workers: int
) -> None:
    """After SIGKILL the next run reads only the rest, clears up, and gives equal bytes."""
    for seed in range(200, 500):
        song(music / "many" / f"{seed}.mid", seed, notes=400)
    out = tmp_path / "out"
    (tmp_path / "run.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "run.py", music, out, str(workers)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    until = time.monotonic() + 120
    while (kept := sum(len(f.read_bytes().splitlines()) for f in spool(out).glob("*.jsonl"))) < 60:
        assert process.poll() is None, "it was done before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    while _session_lives(process.pid):  # its workers end with it
        assert time.monotonic() < until
        time.sleep(0.05)
    prepare(music, out, workers=0)
    assert 0 < len(reads) <= 314 - kept + 1
    assert names(tmp_path) == ["music", "out", "run.py"]
    assert contents(out) == fresh(music)


def _session_lives(session: int) -> bool:
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True
