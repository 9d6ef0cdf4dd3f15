"""What was read of each file, kept on the disk so that no file is read twice.

In: readings, each under a key that stands for a file and for how it is read. Out: the same readings
in a later run: from the spool of one that was ended, or from a prepared folder. Knows no MIDI.
"""

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np

from musegen.corpus.archives import located
from musegen.corpus.labels import Label
from musegen.corpus.reading import BUG, READING, UNREADABLE, PrepareSettings, Reading
from musegen.corpus.scan import Found
from musegen.corpus.shards import SCHEMA, LeftOut, load_prepared, shard_name
from musegen.corpus.sketches import Hashes, Sketch
from musegen.errors import CorpusError
from musegen.tokens import fields
from musegen.tokens.fields import Rows

READINGS_FILE = "readings.jsonl"

_GENRE = fields.column(fields.STYLE, "genre")
_KEY = re.compile(rb'\{"key": "([0-9a-f]{32})"')
_CHECK = ', "check": '
_AS_IT_IS = ("notes", "bars", "identity", "lowest", "quantised")
_NO_ROWS = np.zeros((0, fields.COLUMNS), dtype=np.int16)
_ROW_BYTES = 2 * fields.COLUMNS
_DAMAGE = (
    OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError,
    RecursionError,
)  # fmt: skip
"""What a damaged line can be found out by, before its checksum is looked at."""


class Keys:
    """The key of a file under its label: another one once the file, what is said of its mood, a
    setting, or musegen's way of reading changes. The share that is held out and the genre are not
    in it, since they do not change what is read.
    """

    def __init__(self, settings: PrepareSettings) -> None:
        told = {name: value for name, value in asdict(settings).items() if name != "held_out"}
        about = json.dumps([SCHEMA, READING, fields.fingerprint(), told])
        self._start = hashlib.blake2b(about.encode("ascii"), digest_size=16)

    def of(self, file: Found, label: Label) -> str:
        """32 hexadecimal digits."""
        key = self._start.copy()
        about = [file.path, file.size, file.modified_ns, label.valence, label.arousal]
        key.update(json.dumps(about).encode("ascii"))
        return key.hexdigest()


def line_of(key: str, result: Reading | LeftOut, shard: int | None, first: int) -> str:
    """A reading as a line of text, without rows; without a shard only its hash is kept.

    It ends with a checksum of the line and of the rows.
    """
    told: dict[str, Any] = {"key": key}
    rows = _NO_ROWS
    if isinstance(result, LeftOut):
        told |= {"kind": result.kind, "reason": result.reason}
    elif shard is None:
        told |= {"identity": result.identity, "lowest": result.lowest}
    else:
        rows = result.rows
        told |= {"shard": shard, "first": first, "rows": len(rows)}
        told |= {name: getattr(result, name) for name in _AS_IT_IS}
        told["sketch"] = [_text(h) for h in (result.sketch.notes, *result.sketch.melodies)]
    text = json.dumps(told)[:-1]
    return f"{text}{_CHECK}{_checksum(text.encode('ascii'), rows)}}}\n"


def _checksum(line: bytes, rows: Rows) -> int:
    return zlib.crc32(np.ascontiguousarray(rows).data, zlib.crc32(line))


def _text(hashes: Hashes) -> str:
    return base64.b64encode(hashes.astype("<u8").tobytes()).decode("ascii")


def _hashes(text: str) -> Hashes:
    return np.frombuffer(base64.b64decode(text), "<u8")


class _Source:
    """One file of readings and the rows that they tell of."""

    def __init__(self, lines: Path, rows: Path) -> None:
        self._lines = lines.open("rb")
        self._rows = rows
        self._block: Rows | None = None
        self._shard = -1

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """Every key, and the place of its line. A line that was cut off is not there."""
        place = 0
        for line in self._lines:
            if line.endswith(b"\n") and (key := _KEY.match(line)):
                yield bytes.fromhex(key[1].decode("ascii")), place
            place += len(line)

    def reading(self, place: int, path: str) -> Reading | LeftOut | None:
        """The reading at this place, without rows for a duplicate; None where it is damaged."""
        self._lines.seek(place)
        line = self._lines.readline()
        told, rows = json.loads(line), _NO_ROWS
        if "shard" in told:
            block = self._open(told["shard"])
            rows = np.array(block[told["first"] : told["first"] + told["rows"]], dtype=np.int16)
            rows[:1, _GENRE] = 0
        if told["check"] != _checksum(line.rpartition(_CHECK.encode())[0], rows):
            return None
        if "kind" in told:
            return LeftOut(path, told["kind"], told["reason"])
        if "shard" not in told:
            return Reading.of_duplicate(told["identity"], told["lowest"])
        notes, *melodies = map(_hashes, told["sketch"])
        as_it_is = {name: told[name] for name in _AS_IT_IS}
        return Reading(rows=rows, sketch=Sketch(tuple(melodies), notes), **as_it_is)

    def _open(self, shard: int) -> Rows:
        if self._block is None or shard != self._shard:
            self._block, self._shard = None, shard
            if self._rows.is_dir():
                self._block = np.load(self._rows / shard_name(shard), mmap_mode="r")
            else:
                whole = self._rows.stat().st_size // _ROW_BYTES
                shape = (whole, fields.COLUMNS)
                self._block = np.memmap(self._rows, np.int16, "r", shape=shape)
        return self._block

    def close(self) -> None:
        """No file is open any more."""
        self._block = None
        self._lines.close()


class KeptReadings:
    """The readings that earlier runs left for the prepared folder `out`, and this run's own.

    New ones go to a spool beside `out`, a part for each run; a reading that was put there outlives
    the run's end at any moment. `clear` takes the spool away once `out` holds all.
    """

    def __init__(self, out: Path) -> None:
        target = Path(os.path.realpath(out))
        self._spool = target.parent / f".{target.name}.readings"
        self._sources: list[_Source] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        self._parts: list[Path] = []
        self._open_files = ExitStack()
        self._new: tuple[IO[bytes], IO[bytes]] | None = None
        self._rows_written = 0
        if (target / READINGS_FILE).is_file() and _is_whole(target):
            self._add(target / READINGS_FILE, target)
        for part in sorted(self._spool.glob("*.jsonl")) if self._spool.is_dir() else ():
            rows = part.with_suffix(".rows")
            if rows.is_file():
                self._parts.append(part)
                self._add(part, rows)

    def _add(self, lines: Path, rows: Path) -> None:
        source = self._open_files.enter_context(closing(_Source(lines, rows)))
        number = len(self._sources)
        self._sources.append(source)
        self._places.update((key, (number, place)) for key, place in source)

    def __contains__(self, key: str) -> bool:
        return bytes.fromhex(key) in self._places

    def get(self, key: str, path: str) -> Reading | LeftOut | None:
        """The reading under a key that is kept; None where it is damaged and must be made again."""
        number, place = self._places[bytes.fromhex(key)]
        try:
            return self._sources[number].reading(place, path)
        except _DAMAGE:
            return None

    def put(self, key: str, result: Reading | LeftOut) -> None:
        """The reading outlives this run."""
        lines, rows = self._new or self._begin()
        first = self._rows_written
        if isinstance(result, Reading):
            rows.write(np.ascontiguousarray(result.rows, dtype=np.int16).tobytes())
            rows.flush()
            self._rows_written += len(result.rows)
        lines.write(line_of(key, result, 0, first).encode("ascii"))
        lines.flush()

    def _begin(self) -> tuple[IO[bytes], IO[bytes]]:
        self._spool.mkdir(parents=True, exist_ok=True)
        for number in range(1_000_000):
            part = self._spool / f"{number:06d}.jsonl"
            try:
                lines = self._open_files.enter_context(part.open("xb"))
            except FileExistsError:
                continue
            rows = self._open_files.enter_context(part.with_suffix(".rows").open("wb"))
            self._parts.append(part)
            self._new = lines, rows
            return self._new
        raise AssertionError("a million runs were ended")

    def close(self) -> None:
        """No file is open any more; what was put stays."""
        self._open_files.close()
        self._places = {}

    def clear(self) -> None:
        """The spool is gone."""
        self.close()
        for part in self._parts:
            part.unlink(missing_ok=True)
            part.with_suffix(".rows").unlink(missing_ok=True)
        if self._spool.is_dir() and not any(self._spool.iterdir()):
            self._spool.rmdir()


def _is_whole(folder: Path) -> bool:
    """Whether a prepared folder can be read by this version of musegen."""
    try:
        _ = load_prepared(folder).collection
    except CorpusError:
        return False
    return True


def lasts(result: Reading | LeftOut, root: Path) -> bool:
    """Whether a later run would make the same of a file below `root`: not where musegen failed on
    it, or where it could not be opened.
    """
    if isinstance(result, Reading):
        return True
    file, _ = located(root, result.path)
    return result.kind != BUG and (result.kind != UNREADABLE or os.access(file, os.R_OK))
