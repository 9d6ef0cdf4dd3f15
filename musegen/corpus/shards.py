"""Prepared folders: the rows of a collection in memory-mapped shards, and what each piece is.

A prepared folder holds rows-00000.npy ... ((N, COLUMNS) int16), pieces.jsonl (one piece a line),
left_out.jsonl (files that are not used, and why) and prepared.json (the rest). Knows no MIDI.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from functools import cached_property
from pathlib import Path
from typing import IO, Any, TextIO, TypeVar

import numpy as np

from musegen.corpus.collection import Collection
from musegen.corpus.labels import HELD_OUT
from musegen.errors import CorpusError
from musegen.tokens import fields
from musegen.tokens.fields import Rows

T = TypeVar("T")

SCHEMA = 1
"""Raised when the files of a prepared folder change their meaning; rows have a fingerprint."""

PREPARED_FILE = "prepared.json"
PIECES_FILE = "pieces.jsonl"
LEFT_OUT_FILE = "left_out.jsonl"
ROWS_PER_SHARD = 4_000_000

_GENRE = fields.column(fields.STYLE, "genre")


@dataclass(frozen=True)
class Piece:
    """One prepared piece: where it came from, where its rows are, what quantising did to it.

    `shard`, `first` and `rows` say where its rows lie; `identity` is equal for pieces that have
    the same notes, in whatever key.
    """

    path: str
    source: str
    genre: str | None
    licence: str
    split: str
    shard: int
    first: int
    rows: int
    notes: int
    bars: int
    identity: str
    quantised: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What a prepared folder says of itself.

    `inputs` is a hash of everything it was made from; `quantised` sums what quantising did to the
    pieces of each source; `reasons` counts why files were left out.
    """

    schema: int
    fingerprint: str
    inputs: str
    genres: tuple[str, ...]
    pieces: int
    held_out: int
    notes: int
    bars: int
    rows: int
    shards: int
    files: int
    reasons: Mapping[str, int]
    genre_counts: Mapping[str, int]
    source_counts: Mapping[str, int]
    licence_counts: Mapping[str, int]
    quantised: Mapping[str, Mapping[str, float]]
    settings: Mapping[str, Any]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used, and why. `kind` is a reason that many files share."""

    path: str
    kind: str
    reason: str


@dataclass(frozen=True, eq=False)
class Prepared:
    """A prepared folder, opened. Rows are read from disk as they are asked for."""

    folder: Path
    facts: Facts

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres, in the order of the genre field: value 1 is the first."""
        return self.facts.genres

    def pieces(self) -> Iterator[Piece]:
        """The pieces in order, read from disk one at a time."""
        return read_lines(self.folder / PIECES_FILE, Piece)

    def left_out(self) -> Iterator[LeftOut]:
        """The files that are not used, with reasons."""
        return read_lines(self.folder / LEFT_OUT_FILE, LeftOut)

    @cached_property
    def collection(self) -> Collection:
        """The pieces as rows, for batches."""
        blocks = tuple(
            _open_shard(self.folder / shard_name(number)) for number in range(self.facts.shards)
        )
        ids = {genre: number for number, genre in enumerate(self.genres, start=1)}
        table, sources, held_out = [], [], []
        for piece in self.pieces():
            table.append((piece.shard, piece.first, piece.rows, ids.get(piece.genre or "", 0)))
            sources.append(piece.source)
            held_out.append(piece.split == HELD_OUT)
        block, first, count, genre = np.array(table, dtype=np.int64).reshape(-1, 4).T
        sizes = np.array([len(block) for block in blocks], dtype=np.int64)
        ends = np.bincount(block, weights=count, minlength=len(blocks))
        if len(table) != self.facts.pieces or len(blocks) != len(ends) or (ends != sizes).any():
            raise CorpusError(_damaged(self.folder, "its pieces do not fill its shards"))
        sides = np.array(held_out, dtype=bool)
        return Collection(blocks, block, first, count, genre, tuple(sources), sides)


def shard_name(number: int) -> str:
    """The file name of a shard: "rows-00007.npy" for 7."""
    return f"rows-{number:05d}.npy"


class ShardWriter:
    """Takes pieces one after another and writes them to shards in `folder`, at once.

    `close` must be called at the end: only then does the last shard say how many rows it has.
    """

    def __init__(self, folder: Path, rows_per_shard: int = ROWS_PER_SHARD) -> None:
        self._folder = folder
        self._rows_per_shard = rows_per_shard
        self._file: IO[bytes] | None = None
        self._rows = 0
        self.shards = 0

    def add(self, rows: Rows) -> tuple[int, int]:
        """Number of the shard that holds these rows, and the place of the first in it."""
        if self._rows and self._rows + len(rows) > self._rows_per_shard:
            self.close()
        if self._file is None:
            self._file = (self._folder / shard_name(self.shards)).open("wb")
            _write_header(self._file, 0)
        place = self.shards, self._rows
        self._file.write(np.ascontiguousarray(rows, dtype="<i2").data)
        self._rows += len(rows)
        return place

    def close(self) -> None:
        """Everything added is on the disk."""
        if self._file is None:
            return
        with self._file as file:
            file.seek(0)
            _write_header(file, self._rows)
        self._file, self._rows = None, 0
        self.shards += 1


def _write_header(file: IO[bytes], rows: int) -> None:
    """What `np.save` writes before so many rows; it leaves room for any number of them."""
    about = {"descr": "<i2", "fortran_order": False, "shape": (rows, fields.COLUMNS)}
    np.lib.format.write_array_header_1_0(file, about)


def write_genres(folder: Path, pieces: Iterable[Piece], genres: tuple[str, ...]) -> None:
    """The STYLE row of every piece says its genre: a number in `genres`, or unset."""
    ids = {genre: number for number, genre in enumerate(genres, start=1)}
    block: np.memmap[Any, np.dtype[np.int16]] | None = None
    opened = -1
    for piece in pieces:
        if piece.shard != opened:
            if block is not None:
                block.flush()
            block = np.lib.format.open_memmap(folder / shard_name(piece.shard), mode="r+")
            opened = piece.shard
        assert block is not None
        block[piece.first, _GENRE] = ids.get(piece.genre or "", 0)
    if block is not None:
        block.flush()


def open_lines(file: Path) -> TextIO:
    """A file for lines of JSON. ASCII only: names that are not Unicode survive."""
    return open(file, "w", encoding="ascii", newline="\n")


def json_line(record: Piece | LeftOut) -> str:
    """A piece or a file that is left out as a line of JSON."""
    return json.dumps(vars(record)) + "\n"


def write_lines(file: Path, records: Iterable[Piece | LeftOut]) -> None:
    """One JSON object a line."""
    with open_lines(file) as out:
        for record in records:
            out.write(json_line(record))


def write_facts(folder: Path, facts: Facts) -> None:
    """prepared.json, for people to read."""
    text = json.dumps(asdict(facts), indent=1, sort_keys=True)
    (folder / PREPARED_FILE).write_text(text + "\n", encoding="ascii")


def is_prepared(folder: str | Path) -> bool:
    """Whether a folder looks like a prepared one."""
    return (Path(folder) / PREPARED_FILE).is_file()


def load_prepared(folder: str | Path) -> Prepared:
    """A prepared folder, ready to be read.

    Raises CorpusError where there is none, where it is damaged, and where its rows were made with
    another event table.
    """
    folder = Path(folder)
    try:
        told = json.loads((folder / PREPARED_FILE).read_text(encoding="ascii"))
        if not isinstance(told, dict):
            raise ValueError("it holds no object")
        schema, made_with = told["schema"], told["fingerprint"]
        if schema == SCHEMA and made_with == fields.fingerprint():
            names = {f.name for f in dataclass_fields(Facts)}
            told["genres"], told["warnings"] = tuple(told["genres"]), tuple(told["warnings"])
            return Prepared(folder, Facts(**{name: told[name] for name in names}))
    except FileNotFoundError:
        raise CorpusError(
            f"{folder} is not a prepared folder: it has no {PREPARED_FILE}. Prepare the MIDI first"
        ) from None
    except OSError as error:
        raise CorpusError(f"{folder}: {PREPARED_FILE} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(_damaged(folder, f"{PREPARED_FILE}: {error}")) from None
    raise CorpusError(
        f"{folder} was prepared with another event table (schema {schema}, {made_with}; this "
        f"version of musegen has schema {SCHEMA}, {fields.fingerprint()}): prepare the MIDI again"
    )


def tally(pieces: Iterable[Piece]) -> dict[str, Any]:
    """The counts of `Facts` that follow from its pieces."""
    sums: Counter[str] = Counter()
    genres, sources, licences = Counter[str](), Counter[str](), Counter[str]()
    quantised: dict[str, dict[str, float]] = {}
    for piece in pieces:
        sums.update(
            pieces=1,
            held_out=piece.split == HELD_OUT,
            notes=piece.notes,
            bars=piece.bars,
            rows=piece.rows,
        )
        genres[piece.genre or ""] += 1
        sources[piece.source] += 1
        licences[piece.licence] += 1
        _add_quantised(quantised.setdefault(piece.source, {"pieces": 0, "notes": 0}), piece)
    return {
        **{name: sums[name] for name in ("pieces", "held_out", "notes", "bars", "rows")},
        "genre_counts": dict(sorted(genres.items())),
        "source_counts": dict(sorted(sources.items())),
        "licence_counts": dict(sorted(licences.items())),
        "quantised": dict(sorted(quantised.items())),
    }


def _add_quantised(totals: dict[str, float], piece: Piece) -> None:
    """A piece's report added to its source's: means by notes, largest of maxima, sums of counts."""
    notes = totals["notes"] + piece.notes
    for name, value in piece.quantised.items():
        before = totals.get(name, 0)
        if "_max" in name:
            totals[name] = max(before, value)
        elif "_mean" in name:
            totals[name] = before + (value - before) * piece.notes / max(notes, 1)
        else:
            totals[name] = before + value
    totals["pieces"] += 1
    totals["notes"] = notes


def _open_shard(file: Path) -> Rows:
    try:
        rows = np.lib.format.open_memmap(file, mode="r")  # never unpickles
    except (OSError, ValueError) as error:
        raise CorpusError(_damaged(file.parent, f"{file.name}: {error}")) from None
    if rows.dtype != np.int16 or rows.ndim != 2 or rows.shape[1] != fields.COLUMNS:
        raise CorpusError(_damaged(file.parent, f"{file.name} holds {rows.dtype} {rows.shape}"))
    return np.asarray(rows)


def read_lines(file: Path, record: type[T]) -> Iterator[T]:
    """What `write_lines` wrote, read one line at a time."""
    try:
        with open(file, encoding="ascii") as text:
            for line in text:
                yield record(**json.loads(line))
    except (OSError, ValueError, TypeError) as error:
        raise CorpusError(_damaged(file.parent, f"{file.name}: {error}")) from None


def _damaged(folder: Path, what: str) -> str:
    return f"{folder} is damaged ({what}): delete it and prepare the MIDI again"
