"""Labels of a collection: what its folders and its labels.csv say about each piece.

In: a folder. Out: for each path a `Label` (genre, mood, source, licence, split, group). Knows no
MIDI: what can be measured from notes is in `described`.
"""

import csv
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path, PurePosixPath
from sys import intern

from musegen.errors import LabelError

LABELS_FILE = "labels.csv"
GROUPS_FILE = "groups.csv"

TRAIN, HELD_OUT = "train", "held_out"
SPLITS = {
    "": None,
    "train": TRAIN,
    "training": TRAIN,
    "held_out": HELD_OUT,
    "heldout": HELD_OUT,
    "validation": HELD_OUT,
    "valid": HELD_OUT,
    "test": HELD_OUT,
}


@dataclass(frozen=True)
class Label:
    """What people say about one piece. `None` and "" mean that nothing is said.

    `group` names pieces that are versions of each other: they are never on both sides of a split.
    """

    genre: str | None = None
    valence: float | None = None
    arousal: float | None = None
    source: str = ""
    licence: str = ""
    split: str | None = None
    group: str = ""


@dataclass(frozen=True)
class Labels:
    """Labels by path, and what was wrong or not understood in the files that hold them.

    A piece that labels.csv does not list, or for which it has no genre column, has the name of the
    first folder on its path as genre. An empty genre in labels.csv says that it has none.
    """

    by_path: Mapping[str, Label] = field(default_factory=dict)
    has_genres: bool = False
    warnings: tuple[str, ...] = ()

    def of(self, path: str) -> Label:
        """The label of the piece at `path`, relative to the folder, with forward slashes."""
        label = self.by_path.get(same_path(path))
        if label is None:
            return Label(genre=folder_genre(path))
        if not self.has_genres:
            return Label(**{**vars(label), "genre": folder_genre(path)})
        return label


def genre_name(text: str) -> str | None:
    """A genre as it is kept: lower case, single spaces. "" is none.

    >>> genre_name("  Hip  Hop ")
    'hip hop'
    """
    return intern(" ".join(unicodedata.normalize("NFC", text).lower().split())) or None


def folder_genre(path: str) -> str | None:
    """The name of the first folder on the path; none for a piece that lies in no folder.

    A zip archive is a folder, too; of one that has folders in it the first of these counts.

    >>> folder_genre("Jazz/trio/blue.mid"), folder_genre("blue.mid")
    ('jazz', None)
    >>> folder_genre("jazz.zip/blue.mid"), folder_genre("pack.zip/folk/reel.mid")
    ('jazz', 'folk')
    """
    folders = PurePosixPath(path).parts[:-1]
    if not folders:
        return None
    if folders[0].lower().endswith(".zip"):
        return genre_name(folders[1] if len(folders) > 1 else folders[0][: -len(".zip")])
    return genre_name(folders[0])


def same_path(path: str) -> str:
    """One spelling for one path: forward slashes, no "./", composed accents."""
    return unicodedata.normalize("NFC", str(PurePosixPath(path.strip().replace("\\", "/"))))


def read_labels(folder: str | Path) -> Labels:
    """The labels of a folder: its labels.csv and groups.csv where they are, else none.

    Unknown columns are noted, wrong values counted as warnings. Raises LabelError for a file that
    is no CSV or has no `path` column.
    """
    table, groups = Path(folder) / LABELS_FILE, Path(folder) / GROUPS_FILE
    warnings: list[str] = []
    by_path: dict[str, Label] = {}
    columns: list[str] = []
    if table.is_file():
        columns, rows = _read_table(table)
        ignored = [name for name in columns if name not in _COLUMNS and name != "path"]
        if ignored:
            warnings.append(f"{table.name}: columns not used: {', '.join(ignored)}")
        wrong: Counter[str] = Counter()
        for row in rows:
            path = same_path(row["path"])
            wrong["path listed more than once; the last line counts"] += path in by_path
            by_path[path] = _label(row, wrong)
        warnings += [f"{table.name}: {what} ({n} lines)" for what, n in sorted(wrong.items()) if n]
    if groups.is_file():
        names, rows = _read_table(groups)
        if "group" not in names:
            raise LabelError(f"{groups}: it has no column named group; its columns: {names}")
        for row in rows:
            path = same_path(row["path"])
            label = by_path.get(path, Label(genre=folder_genre(path)))
            by_path[path] = Label(**{**vars(label), "group": row["group"].strip()})
    has_genres = "genre" in columns or not table.is_file()
    return Labels(by_path, has_genres, tuple(warnings))


def labels_csv(labels: Mapping[str, Label]) -> bytes:
    """A labels.csv of labels by path, with the columns that `read_labels` knows."""
    table = StringIO(newline="")
    writer = csv.DictWriter(table, ("path", *_WRITTEN), lineterminator="\n")
    writer.writeheader()
    for path, label in labels.items():
        cells = {name: getattr(label, name) for name in _WRITTEN}
        writer.writerow({"path": path} | {k: "" if v is None else v for k, v in cells.items()})
    return table.getvalue().encode()


_WRITTEN = ("genre", "valence", "arousal", "source", "licence", "group")


def _read_table(file: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """Column names in lower case, and the rows, read one after another."""
    rows = _rows(file)
    names = list(next(rows))
    return names, rows


def _rows(file: Path) -> Iterator[dict[str, str]]:
    """The header's names as keys, then every row that names a path."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as text:
            delimiter = max(",;\t", key=text.readline().count)
            text.seek(0)
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            names = [name.strip().lower() for name in next(reader, [])]
            if "path" not in names:
                raise LabelError(
                    f"{file}: it has no column named path; its columns: "
                    f"{', '.join(names) or 'none'}"
                )
            yield dict.fromkeys(names, "")
            for cells in reader:
                row = dict(zip(names, [*cells, *[""] * len(names)], strict=False))
                if row["path"].strip():
                    yield row
    except OSError as error:
        raise LabelError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LabelError(f"{file} is not UTF-8: save it as CSV with UTF-8 encoding") from None
    except csv.Error as error:
        raise LabelError(f"{file} is not a CSV file: {error}") from None


def _number(text: str) -> float | None:
    number = float(text)
    if not -1 <= number <= 1:
        raise ValueError
    return number


def _split(text: str) -> str | None:
    try:
        return SPLITS[text.lower()]
    except KeyError:
        raise ValueError from None


_COLUMNS: dict[str, tuple[str, Callable[[str], object], str]] = {
    "genre": ("genre", genre_name, ""),
    "valence": ("valence", _number, "valence must be a number from -1 to 1"),
    "arousal": ("arousal", _number, "arousal must be a number from -1 to 1"),
    "source": ("source", intern, ""),
    "licence": ("licence", intern, ""),
    "license": ("licence", intern, ""),
    "split": ("split", _split, "split must be train or held_out"),
    "group": ("group", intern, ""),
}
"""Column, the field of `Label` that it fills, how it is read, and what to say where it is wrong.

Words that many pieces share are kept once."""


def _label(row: Mapping[str, str], wrong: Counter[str]) -> Label:
    values: dict[str, object] = {}
    for column, (name, read, complaint) in _COLUMNS.items():
        text = row.get(column, "").strip()
        if not text:
            continue
        try:
            values[name] = read(text)
        except ValueError:
            wrong[complaint] += 1
    return Label(**values)  # type: ignore[arg-type]
