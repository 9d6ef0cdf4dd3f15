"""A folder of MIDI becomes a prepared folder: read, quantise, measure, encode, split, write.

In: a folder, where to put it, settings. Out: `Prepared`, the same bytes whatever the number of
workers and whatever was done before: a run that was ended is gone on with, and only files that are
new or changed are read. One bad file never ends the run. Knows no model and no clock.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from musegen.corpus.gathered import Gathered
from musegen.corpus.guarded import Died, guarded_map
from musegen.corpus.kept import KeptReadings, Keys, lasts
from musegen.corpus.kinship import KINSHIP
from musegen.corpus.labels import GROUPS_FILE, LABELS_FILE, Label, Labels, read_labels, same_path
from musegen.corpus.reading import READING, PrepareSettings, Reader, Reading
from musegen.corpus.scan import Found, find_midi
from musegen.corpus.shards import (
    PIECES_FILE,
    SCHEMA,
    Facts,
    Piece,
    Prepared,
    is_prepared,
    load_prepared,
    read_lines,
    tally,
    write_facts,
)
from musegen.errors import CorpusError, OutputError
from musegen.folders import whole_folder
from musegen.tokens import fields, machine


@dataclass(frozen=True)
class Progress:
    """How far preparing is: files done of all, and what came of them so far."""

    done: int
    files: int
    pieces: int
    notes: int
    left_out: int


def prepare(
    folder: str | Path,
    out: str | Path,
    settings: PrepareSettings | None = None,
    workers: int = 1,
    progress: Callable[[Progress], None] | None = None,
) -> Prepared:
    """The MIDI files of `folder` as a prepared folder at `out`.

    What is at `out` already is used again where it was made from the same files, labels and
    settings; an older preparation is replaced, and what it holds of files that are as they were is
    not read again; anything else is an OutputError. What was read before a run is ended waits
    beside `out` for the next. `workers` 0 reads in this process. Raises CorpusError where the
    folder is missing or holds nothing usable.
    """
    folder, out, settings = Path(folder), Path(out), settings or PrepareSettings()
    files, left_out = find_midi(folder)
    labels = read_labels(folder)
    inputs = _inputs(folder, files, settings)
    ready = _reusable(out, inputs)
    if ready is not None:
        return ready
    kept = KeptReadings(out)
    try:
        with closing(kept), whole_folder(out, force=True) as staging:
            with closing(Gathered(folder, staging, left_out)) as gathered:
                reader = Reader(folder, settings, many=len(files) >= machine.MANY)
                if reader.many:
                    machine.compile_in_background()
                _gather(reader, files, labels, kept, gathered, workers, progress)
                genres, warnings = gathered.finish(settings.held_out)
            warnings = [*labels.warnings, *_absent(labels, files), *warnings]
            facts = Facts(
                schema=SCHEMA,
                fingerprint=fields.fingerprint(),
                inputs=inputs,
                genres=genres,
                shards=gathered.shards,
                files=len(files),
                reasons=dict(sorted(gathered.reasons.items())),
                settings=asdict(settings),
                warnings=tuple(warnings),
                **tally(read_lines(staging / PIECES_FILE, Piece)),
            )
            write_facts(staging, facts)
            kept.close()  # what lies at `out` gives way
    except CorpusError:
        kept.clear()
        raise
    kept.clear()
    return load_prepared(out)


def _gather(
    reader: Reader,
    files: Sequence[Found],
    labels: Labels,
    kept: KeptReadings,
    gathered: Gathered,
    workers: int,
    progress: Callable[[Progress], None] | None,
) -> None:
    """Every file's reading is gathered in order, the kept ones and the new ones."""
    keys = Keys(reader.settings)

    def unread() -> Iterator[tuple[str, Label]]:
        for file in files:
            label = labels.of(file.path)
            if keys.of(file, label) not in kept:
                yield file.path, label

    fresh = guarded_map(reader, unread(), workers, reader.settings.limit_s)
    for file in files:
        path, label = file.path, labels.of(file.path)
        key = keys.of(file, label)
        new = key not in kept
        result = next(fresh) if new else kept.get(key, path)
        if result is None or (isinstance(result, Reading) and gathered.needs_rows(result)):
            result, new = reader((path, label)), True
        if new and not isinstance(result, Died) and lasts(result, reader.root):
            kept.put(key, result)
        gathered.take(key, path, label, result)
        if progress is not None:
            counts = gathered.pieces, gathered.notes, gathered.left_out
            progress(Progress(gathered.done, len(files), *counts))


def _inputs(folder: Path, files: Sequence[Found], settings: PrepareSettings) -> str:
    """A hash of everything that the prepared folder depends on."""
    digest = hashlib.sha256()
    about = [SCHEMA, KINSHIP, READING, fields.fingerprint(), asdict(settings)]
    digest.update(json.dumps(about).encode("ascii"))
    for found in files:
        digest.update(json.dumps(asdict(found)).encode("ascii"))
    for name in (LABELS_FILE, GROUPS_FILE):
        file = folder / name
        digest.update(hashlib.sha256(file.read_bytes() if file.is_file() else b"").digest())
    return digest.hexdigest()


def _reusable(out: Path, inputs: str) -> Prepared | None:
    """What lies at `out`, where it was made from these inputs; None where it must be made."""
    if not out.exists():
        return None
    if not is_prepared(out):
        if out.is_dir() and not any(out.iterdir()):
            return None
        raise OutputError(f"{out} exists and is not a prepared folder: choose another place")
    try:
        ready = load_prepared(out)
        if ready.facts.inputs != inputs:
            return None
        _ = ready.collection
    except CorpusError:  # made by another version, or damaged: made anew
        return None
    return ready


def _absent(labels: Labels, files: Sequence[Found]) -> Iterator[str]:
    there = {same_path(file.path) for file in files}
    absent = sorted(path for path in labels.by_path if path not in there)
    if absent:
        yield f"labels name {len(absent)} files that are not there, such as {absent[0]}"
