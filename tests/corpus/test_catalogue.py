"""The catalogue can be read wherever musegen lies, and says nothing that is not so."""

import tomllib
from pathlib import Path

import pytest

from musegen.corpus.catalogue import Entry, catalogue_file, find_entry, read_catalogue
from musegen.errors import CorpusError
from tests.corpus.entries import entry

ROOT = Path(__file__).parents[2]


def test_the_catalogue_is_sound() -> None:
    """Every entry can be fetched, or says what to do; and says what it is licensed under."""
    entries = read_catalogue()
    assert {"pop909", "mutopia", "openewld", "nottingham", "maestro", "lakh", "groove"} <= set(
        entries
    )
    for name, found in entries.items():
        assert found.name == name
        assert found.address or found.by_hand
        assert bool(found.genre or found.genre_from) == bool(found.genres) or found.by_hand
        assert ("NC" in found.licence) == (not found.commercial)


def test_it_is_found_in_the_project_and_in_a_package() -> None:
    """The project's catalogue goes into the wheel and the sdist, where it is looked for."""
    assert catalogue_file() == ROOT / "data" / "catalogue.toml"
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build = settings["tool"]["hatch"]["build"]["targets"]
    included = build["wheel"]["force-include"]
    assert included == {"data/catalogue.toml": "musegen/corpus/catalogue.toml"}
    assert "data/catalogue.toml" in build["sdist"]["only-include"]


@pytest.mark.parametrize(
    ("name", "path", "genre"),
    [
        ("groove", "groove/drummer1/session2/14_hiphop-groove6_87_beat_4-4.mid", "hip-hop"),
        ("groove", "groove/drummer7/eval_session/3_soul-groove3_86_beat_4-4.mid", "soul"),
        (
            "groove",
            "groove/drummer3/session1/9_neworleans-secondline_94_fill_4-4.mid",
            "new orleans",
        ),
        ("pop909", "POP909-Dataset-x/POP909/001/001.mid", "pop"),
        ("lakh", "lmd_full/0/0000799ab6ff5b8d.mid", None),
    ],
)
def test_genres_of_the_catalogue(name: str, path: str, genre: str | None) -> None:
    """A genre is the collection's, or is read from the names of its files."""
    label = read_catalogue()[name].label(path)
    assert label.genre == genre
    assert label.source
    assert label.licence


def test_moods_and_versions_from_names() -> None:
    """EMOPIA's files say which of four moods they have, and which song they are clips of."""
    emopia = read_catalogue()["emopia"]
    label = emopia.label("EMOPIA_2.2/midis/Q3_0vLPYiPN7qY_12.mid")
    assert (label.valence, label.arousal, label.group) == (-0.6, -0.6, "0vLPYiPN7qY")


def test_a_genre_from_a_name_is_no_formula() -> None:
    """What is taken from a file's name cannot be a command in a table."""
    label = entry(genre=None, genre_from=r"(?P<genre>.*)\.mid").label('=HYPERLINK("x")\x1b.mid')
    assert label.genre == "hyperlinkx"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "No Name"}, "small letters"),
        ({"licence": ""}, "licence is missing"),
        ({"address": "http://example.org/a.zip"}, "not fetched over http"),
        ({"address": ""}, "by_hand"),
        ({"archive": "rar"}, "unknown archive 'rar'"),
        ({"sha256": "abc"}, "sha256 is not 64"),
        ({"md5": "0" * 64}, "md5 is not 32"),
        ({"genre_from": "("}, "no pattern"),
        ({"genre_from": "a(b)"}, "no group named genre"),
    ],
)
def test_a_wrong_entry(change: dict[str, str], words: str) -> None:
    """An entry that is wrong is refused, with what is wrong in it."""
    with pytest.raises(CorpusError, match=words):
        entry(**change)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[collection", "not TOML"),
        ("[[collections]]", "unknown table 'collections'"),
        ("[[collection]]\nname = 'a'\nlicense = 'MIT'", "did you mean licence"),
        ("[[collection]]\nname = 'a'", "missing"),
        ("[[collection]]\n" * 2, "missing"),
    ],
)
def test_a_wrong_catalogue(tmp_path: Path, text: str, words: str) -> None:
    """A catalogue that cannot be read is an error that names the file and the place."""
    file = tmp_path / "catalogue.toml"
    file.write_text(text)
    with pytest.raises(CorpusError, match=words) as error:
        read_catalogue(file)
    assert str(file) in str(error.value)


def test_no_catalogue(tmp_path: Path) -> None:
    """A catalogue that is not there is an error that says where it was looked for."""
    with pytest.raises(CorpusError, match="cannot be read"):
        read_catalogue(tmp_path / "catalogue.toml")


def test_an_unknown_collection() -> None:
    """A name that is misspelt is answered with the nearest one."""
    entries: dict[str, Entry] = read_catalogue()
    with pytest.raises(CorpusError, match="did you mean pop909"):
        find_entry("pop9O9", entries)
