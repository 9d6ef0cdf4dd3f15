"""`musegen data`: the licence comes first, and what is got can be trained on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from musegen.cli import data
from musegen.cli.main import main
from musegen.corpus.catalogue import read_catalogue
from musegen.corpus.shards import LeftOut
from musegen.corpus.starter import Starter
from tests.cli.conftest import Run, complaint
from tests.corpus.archives import pack, tune
from tests.corpus.entries import entry
from tests.corpus.server import Served, serving


@pytest.fixture
def served(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server with a collection called tunes, which is all that the catalogue lists."""
    files = {f"x/{n}.mid": tune(n) for n in range(4)} | {"x/LICENSE": b"CC0"}
    content = pack(here.parent / "tunes.zip", "zip", files).read_bytes()
    what = Served(content)
    with serving(what) as address:
        known = entry(address=address, size=len(content))
        monkeypatch.setattr("musegen.corpus.catalogue.read_catalogue", lambda: {"tunes": known})
        yield what


def answering(answer: str, *words: str) -> Result:
    """The command, with that answer typed."""
    return CliRunner().invoke(main, ["data", *words], input=answer, prog_name="musegen")


def test_the_list(run: Run, here: Path) -> None:
    """Every collection is a line with its size and licence; piped, without any decoration."""
    result = run("data", "list")
    assert result.exit_code == 0
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert lines[0] == list(data.HEAD)
    assert [line[0] for line in lines[1:]] == list(read_catalogue())
    by_name = {line[0]: line for line in lines}
    assert by_name["maestro"][2:] == [
        "1,276", "58.4 MB", "CC-BY-NC-SA-4.0 (not commercial)", ""
    ]  # fmt: skip
    assert by_name["mutopia"][-1] == "by hand"


def test_the_list_in_words(run: Run) -> None:
    """On request all is said that a person should know before using it."""
    text = run("data", "list", "--verbose").stdout
    assert "the songs themselves are in copyright" in text
    assert "licence: CC-BY-NC-SA-4.0 (not for commercial use)" in text


def test_the_list_on_a_terminal(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """On a terminal it is a table, in which nothing is taken for markup."""
    from rich.console import Console

    screen = Console(width=200, record=True)
    monkeypatch.setattr("rich.console.Console", lambda: screen)
    data._show_table([("a", "[bold]odd", "1", "2 MB", "MIT", "yes")])
    text = screen.export_text()
    assert "[bold]odd" in text
    assert "musegen data starter" in text


def test_get(run: Run, served: Served, here: Path) -> None:
    """The licence is shown, the collection fetched, and what to do next is said."""
    result = run("data", "get", "tunes", "--yes")
    assert result.exit_code == 0, result.output
    assert "licence: CC0-1.0" in result.stderr
    assert result.stdout == "4 pieces in data/tunes (folk 4)\n"
    assert "musegen train data/tunes" in result.stderr
    assert (here / "data/tunes/labels.csv").is_file()
    assert run("data", "list").stdout.splitlines()[1].endswith("\tyes")
    assert "exists already" in complaint(run("data", "get", "tunes", "--yes"))
    assert run("data", "get", "tunes", "--yes", "--force", "--quiet").exit_code == 0


def test_it_asks(served: Served, here: Path) -> None:
    """Without --yes a person is asked, after the licence; "no", or nobody, fetches nothing."""
    result = answering("y\n", "get", "tunes", "--into", "mine")
    assert result.exit_code == 0, result.output
    assert result.stderr.index("licence") < result.stderr.index("get it into mine?")
    assert (here / "mine/labels.csv").is_file()
    asked = len(served.asked)
    for answer, words in (("n\n", "nothing was fetched"), ("", "say --yes")):
        result = answering(answer, "get", "tunes")
        assert result.exit_code == 1
        assert words in result.stderr
    assert len(served.asked) == asked
    assert not (here / "data").exists()


def test_a_download_that_breaks(run: Run, served: Served, here: Path) -> None:
    """A stop by Ctrl-C is one line that says how to go on, and the next time does."""
    from musegen.cli import progress

    class Impatient:
        def __enter__(self) -> object:
            def show(done: int, total: int | None) -> None:
                if done:
                    raise KeyboardInterrupt

            return show

        def __exit__(self, *what: object) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "downloading", lambda *words: Impatient())
        result = run("data", "get", "tunes", "--yes")
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr
    assert not (here / "data/tunes").exists()
    assert run("data", "get", "tunes", "--yes").exit_code == 0


def test_get_says_what_is_wrong(run: Run, served: Served) -> None:
    """An unknown name, and a file that is gone, are one line each."""
    assert "did you mean tunes" in complaint(run("data", "get", "tune", "--yes"))
    served.status = 404
    result = run("data", "get", "tunes", "--yes")
    assert result.exit_code == 1
    assert "no such file any more" in result.stderr.splitlines()[-1]


def test_by_hand(run: Run, here: Path) -> None:
    """What cannot be fetched says what to do instead, and takes the file when it is there."""
    result = run("data", "get", "lakh")
    assert result.exit_code == 1
    assert "--archive lmd_full.tar.gz" in result.stderr.splitlines()[-1]
    result = run("data", "get", "lakh", "--yes", "--archive", "lmd_full.tar.gz")
    assert "no such file" in result.stderr.splitlines()[-1]


def test_starter(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The starter says what it made and what it left out; the second time it is there already."""
    left = (LeftOut("folk/x", "bars that do not add up", "bar 3"),) * 2

    def make(into: Path, *rest: object) -> Starter:
        into.mkdir(parents=True)
        for name in ("labels.csv", "ABOUT.md"):
            (into / name).write_text("")
        return Starter(into, {"folk": 3}, left)

    monkeypatch.setattr("musegen.corpus.starter.make_starter", make)
    result = run("data", "starter")
    assert result.stdout == "3 pieces in data/starter (folk 3)\n"
    assert "left out: 2 with bars that do not add up" in result.stderr
    again = run("data", "starter")
    assert (again.exit_code, again.stdout) == (
        0, "data/starter is there already; make it anew with --force\n"
    )  # fmt: skip


def test_starter_without_music21(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where music21 is missing, one line says which extra to install."""
    monkeypatch.setitem(__import__("sys").modules, "music21", None)
    assert "pip install 'musegen[starter]'" in complaint(run("data", "starter"))
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("words", [["get"], ["fetch"], ["get", "x", "--loudly"]])
def test_wrong_usage(run: Run, words: list[str]) -> None:
    """What is not understood has exit code 2."""
    assert run("data", *words).exit_code == 2
