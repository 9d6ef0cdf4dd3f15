"""Labels from folders, labels.csv and groups.csv."""

from pathlib import Path

import pytest

from musegen.corpus.labels import HELD_OUT, TRAIN, Label, read_labels
from musegen.errors import LabelError


def table(folder: Path, text: str, name: str = "labels.csv", encoding: str = "utf-8") -> Path:
    """A folder that holds a labels file with this text."""
    (folder / name).write_bytes(text.encode(encoding))
    return folder


def test_without_a_file_the_first_folder_is_the_genre(tmp_path: Path) -> None:
    """Jazz/trio/a.mid is jazz; a file in no folder has no genre."""
    labels = read_labels(tmp_path)
    assert labels.of("Jazz/trio/a.mid") == Label("jazz")
    assert labels.of("a.mid") == Label(None)
    assert labels.warnings == ()


def test_the_file_wins_over_the_folder(tmp_path: Path) -> None:
    """labels.csv says folk, with mood, source, licence, split and group; an empty genre is none."""
    labels = read_labels(
        table(
            tmp_path,
            "path,genre,valence,arousal,source,licence,split,group\n"
            "jazz/a.mid, Folk ,0.5,-1,attic,CC0,test,song 1\n"
            "jazz/b.mid,,,,,,,\n",
        )
    )
    expected = Label("folk", 0.5, -1.0, "attic", "CC0", HELD_OUT, "song 1")
    assert labels.of("jazz/a.mid") == expected
    assert labels.of("jazz/b.mid") == Label(None)
    assert labels.of("jazz/c.mid") == Label("jazz")


def test_a_file_without_genres_leaves_them_to_the_folders(tmp_path: Path) -> None:
    """A labels.csv with only path and split does not take the genre away."""
    labels = read_labels(table(tmp_path, "path,split\njazz/a.mid,train\n"))
    assert labels.of("jazz/a.mid") == Label("jazz", split=TRAIN)


@pytest.mark.parametrize(
    "spelling", ["jazz\\a\u0301.mid", "./jazz/a\u0301.mid", " jazz/\u00e1.mid "]
)
def test_one_path_has_many_spellings(tmp_path: Path, spelling: str) -> None:
    """Backslashes, a leading dot and decomposed accents name the same file."""
    labels = read_labels(table(tmp_path, f"path,genre\n{spelling},folk\n"))
    assert labels.of("jazz/\u00e1.mid").genre == labels.of("jazz/a\u0301.mid").genre == "folk"


def test_wrong_values_are_counted_and_left_out(tmp_path: Path) -> None:
    """A valence of 7 and a split of maybe are warnings; the rest of the line counts."""
    labels = read_labels(
        table(
            tmp_path,
            "path,genre,valence,arousal,split,mood,tier\n"
            "a.mid,folk,7,loud,maybe,Q1,open\n"
            "b.mid,folk,nan,0,,,\n"
            "b.mid,pop,0.25,0,,,\n",
        )
    )
    assert labels.of("a.mid") == Label("folk")
    assert labels.of("b.mid") == Label("pop", 0.25, 0.0)
    told = " | ".join(labels.warnings)
    assert "columns not used: mood, tier" in told
    assert "valence must be a number from -1 to 1 (2 lines)" in told
    assert "arousal must be a number from -1 to 1 (1 lines)" in told
    assert "split must be train or held_out (1 lines)" in told
    assert "listed more than once; the last line counts (1 lines)" in told


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_write_csv_in_many_ways(tmp_path: Path, delimiter: str) -> None:
    """A byte order mark, semicolons, tabs, capitals, quoted commas and short lines all work."""
    text = 'Path,Genre,Licence\r\n"a, b.mid",folk,CC0\r\nc.mid,pop\r\n\r\n'
    if delimiter != ",":
        text = text.replace(",", delimiter).replace(f"a{delimiter} b", "a, b")
    labels = read_labels(table(tmp_path, text, encoding="utf-8-sig"))
    assert labels.of("a, b.mid") == Label("folk", licence="CC0")
    assert labels.of("c.mid") == Label("pop")


@pytest.mark.parametrize(
    ("text", "encoding", "message"),
    [
        ("file,genre\na.mid,folk\n", "utf-8", "no column named path; its columns: file, genre"),
        ("", "utf-8", "no column named path; its columns: none"),
        ("path,genre\né.mid,folk\n", "latin-1", "not UTF-8"),
        ('path,genre\n"a.mid,folk\n', "utf-8", "not a CSV file"),
    ],
)
def test_a_labels_file_that_is_none_is_an_error(
    tmp_path: Path, text: str, encoding: str, message: str
) -> None:
    """One line that names the file and says what is wrong."""
    with pytest.raises(LabelError, match=message) as caught:
        read_labels(table(tmp_path, text, encoding=encoding))
    assert "labels.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_groups_can_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    """groups.csv adds groups to what labels.csv or the folder says."""
    table(tmp_path, "path,genre\nx/a.mid,folk\n")
    table(tmp_path, "path,group\nx/a.mid,one\nx/b.mid,one\n", "groups.csv")
    labels = read_labels(tmp_path)
    assert labels.of("x/a.mid") == Label("folk", group="one")
    assert labels.of("x/b.mid") == Label("x", group="one")
    table(tmp_path, "path,family\nx/a.mid,one\n", "groups.csv")
    with pytest.raises(LabelError, match="no column named group"):
        read_labels(tmp_path)
