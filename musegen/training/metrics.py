"""The figures of a run as files: metrics.jsonl for programs, metrics.csv for spreadsheets.

Steps and judgements come in as an observer hears them; one line goes out for every `every` steps
(means over them) and one for each judgement. Lines wait in memory until the run's folder is there.
Numbers that are not finite are left empty.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from musegen.errors import OutputError
from musegen.files import write_whole
from musegen.training.judge import Likelihood
from musegen.training.observers import StepReport

LINES, TABLE = "metrics.jsonl", "metrics.csv"
COLUMNS = (
    "step", "seconds", "rows", "train_nats_per_note", "held_out_nats_per_note",
    "held_out_note_fields", "learning_rate", "rows_per_second", "gradient_norm",
)  # fmt: skip

Entry = dict[str, Any]


def read_metrics(folder: Path) -> list[Entry]:
    """The entries of metrics.jsonl in a folder; a last line that was cut short is left out."""
    entries = []
    if (folder / LINES).is_file():
        for line in (folder / LINES).read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and isinstance(entry.get("step"), int):
                entries.append(entry)
    return entries


class Metrics:
    """Keeps the figures of a run. `begin` says from where on they may be appended to files."""

    def __init__(self, every: int, earlier: Sequence[Entry] = ()) -> None:
        self._every = every
        self._entries = list(earlier)
        self._written = 0
        self._folder: Path | None = None
        self._lately: list[StepReport] = []
        self._rows = self._seconds = 0.0

    def stepped(self, report: StepReport) -> None:
        """A step was made."""
        self._lately.append(report)
        self._rows, self._seconds = report.rows, report.seconds
        if report.step % self._every == 0:
            self._put_lately()

    def evaluated(self, step: int, result: Likelihood, best: bool) -> None:
        """The model was judged on held-out pieces."""
        self._put_lately()
        self._put(
            {
                "step": step,
                "seconds": round(self._seconds, 1),
                "rows": self._rows,
                "held_out_nats_per_note": result.per_note,
                "held_out_note_fields": result.note_fields,
                "best": best,
                "by_field": {name: round(nats, 4) for name, nats in result.by_field.items()},
            }
        )

    def saved(self, folder: Path, step: int) -> None:
        """The checkpoint was written: `write_into` has told it everything."""

    def noted(self, message: str) -> None:
        """Nothing to count."""

    def write_into(self, folder: Path) -> None:
        """The files in `folder` hold all figures so far."""
        self._put_lately()
        lines = "".join(map(_line, self._entries))
        write_whole(folder / LINES, lines.encode(), force=True)
        write_whole(folder / TABLE, _table(self._entries, head=True).encode(), force=True)
        self._written = len(self._entries)

    def begin(self, folder: Path) -> None:
        """From now on figures are appended to the files in `folder` as they come."""
        self._folder = folder

    def _put_lately(self) -> None:
        if not self._lately:
            return
        last, self._lately = self._lately[-1], self._lately
        self._put(
            {
                "step": last.step,
                "seconds": round(last.seconds, 1),
                "rows": last.rows,
                "train_nats_per_note": _mean([r.nats_per_note for r in self._lately]),
                "learning_rate": last.learning_rate,
                "rows_per_second": _mean([r.rows_per_second for r in self._lately]),
                "gradient_norm": _mean([r.gradient_norm for r in self._lately]),
            }
        )
        self._lately = []

    def _put(self, entry: Entry) -> None:
        self._entries.append(_plain(entry))
        if self._folder is None or not self._folder.is_dir():
            return
        new = self._entries[self._written :]
        try:
            with open(self._folder / LINES, "a", encoding="utf-8") as lines:
                lines.write("".join(map(_line, new)))
            with open(self._folder / TABLE, "a", encoding="utf-8", newline="") as table:
                table.write(_table(new, head=False))
        except OSError as error:
            raise OutputError(
                f"cannot write the run's figures into {self._folder}: {error.strerror}; what was "
                "saved before is whole: make room, and go on with --resume"
            ) from error
        self._written = len(self._entries)


def _mean(numbers: Sequence[float]) -> float | None:
    sound = [number for number in numbers if math.isfinite(number)]
    return sum(sound) / len(sound) if sound else None


def _plain(entry: Mapping[str, Any]) -> Entry:
    """The entry with None for numbers that are not finite, which JSON does not know."""
    plain: Entry = {}
    for name, value in entry.items():
        if isinstance(value, Mapping):
            plain[name] = _plain(value)
        else:
            sound = not isinstance(value, float) or math.isfinite(value)
            plain[name] = value if sound else None
    return plain


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, allow_nan=False) + "\n"


def _table(entries: Sequence[Mapping[str, Any]], head: bool) -> str:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    if head:
        writer.writeheader()
    writer.writerows(entries)
    return text.getvalue()
