"""A folder of MIDI becomes a prepared folder: read, quantise, measure, encode, split, write.

In: a folder, where to put it, settings. Out: `Prepared`, the same bytes whatever the number of
workers. One bad file never ends the run; it is left out and said why. Knows no model and no clock.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from musegen.corpus.barring import with_real_bars, with_steady_grid
from musegen.corpus.described import MoodFrom, controls_of
from musegen.corpus.guarded import Died, guarded_map
from musegen.corpus.kinship import KINSHIP, Kinship
from musegen.corpus.labels import (
    GROUPS_FILE,
    HELD_OUT,
    LABELS_FILE,
    Label,
    Labels,
    read_labels,
    same_path,
)
from musegen.corpus.scan import Found, find_midi
from musegen.corpus.shards import (
    LEFT_OUT_FILE,
    PIECES_FILE,
    SCHEMA,
    Facts,
    LeftOut,
    Piece,
    Prepared,
    ShardWriter,
    is_prepared,
    load_prepared,
    tally,
    write_facts,
    write_genres,
    write_lines,
)
from musegen.corpus.sketches import Sketch, sketch_of
from musegen.corpus.splits import Member, assign_splits, group_tie, kin_tie
from musegen.errors import CorpusError, MidiError, MusegenError, OutputError, SettingError
from musegen.folders import whole_folder
from musegen.music.read import read_midi
from musegen.music.score import DURATION, ONSET, PITCH, Score
from musegen.music.timing import bar_lines
from musegen.music.transform import quantise
from musegen.tokens import fields
from musegen.tokens.codec import encode
from musegen.tokens.fields import Rows

UNREADABLE = "cannot be read"
TOO_SHORT = "too short"
DUPLICATE = "duplicate"
TRANSPOSED = "duplicate in another key"
DIED = "crashed the reader"
BUG = "error in musegen"

_DRUM_OFFSET = 256  # drums are told from pitches when notes are hashed


@dataclass(frozen=True)
class PrepareSettings:
    """What is taken into a collection.

    `held_out` is the share of pieces kept back to judge with. Pieces of fewer than `least_notes`
    notes or `least_bars` bars are left out. `mood` is "measured" or "labels": whether valence and
    arousal on a label win over what is measured. `find_bars` moves a piece onto its grid and its
    bar lines onto the music where the file has them elsewhere (`barring`). A file that takes longer
    than `limit_s` is left out.
    """

    held_out: float = 0.03
    least_notes: int = 16
    least_bars: int = 2
    mood: MoodFrom = "measured"
    find_bars: bool = True
    limit_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.held_out <= 0.5:
            raise SettingError(f"held_out is {self.held_out}: it must be from 0 to 0.5")
        if self.mood not in ("measured", "labels"):
            raise SettingError(f"mood is {self.mood!r}: it must be measured or labels")
        if self.least_notes < 1 or self.least_bars < 1:
            raise SettingError("least_notes and least_bars must be at least 1")
        if self.limit_s <= 0:
            raise SettingError(f"limit_s is {self.limit_s}: it must be more than 0")


@dataclass(frozen=True)
class Progress:
    """How far preparing is: files done of all, and what came of them so far."""

    done: int
    files: int
    pieces: int
    notes: int
    left_out: int


@dataclass(frozen=True, eq=False)
class Reading:
    """What a worker makes of one file. The STYLE row's genre is still unset."""

    rows: Rows
    notes: int
    bars: int
    identity: str
    lowest: int
    quantised: dict[str, int | float]
    sketch: Sketch


@dataclass(frozen=True)
class _Reader:
    """Reads one labelled file below `root`; this is what the workers run."""

    root: Path
    settings: PrepareSettings

    def __call__(self, item: tuple[str, Label]) -> Reading | LeftOut:
        path, label = item
        try:
            return self._read(path, label)
        except MidiError as error:
            return LeftOut(path, UNREADABLE, error.reason)
        except MusegenError as error:
            return LeftOut(path, UNREADABLE, str(error))
        except Exception as error:  # noqa: BLE001 - a bug in musegen must not cost the whole run
            return LeftOut(path, BUG, f"{type(error).__name__}: {error}")

    def _read(self, path: str, label: Label) -> Reading | LeftOut:
        score, adrift, moved = read_midi(self.root / path), False, False
        if self.settings.find_bars and score.note_count:
            score, adrift = with_steady_grid(score)
        score, report = quantise(score)
        if self.settings.find_bars:
            score, moved = with_real_bars(score, trusted=not adrift)
        bars = len(bar_lines(score)) - 1
        if score.note_count < self.settings.least_notes:
            return LeftOut(
                path, TOO_SHORT, f"{score.note_count} notes; {self.settings.least_notes} are needed"
            )
        if bars < self.settings.least_bars:
            return LeftOut(path, TOO_SHORT, f"{bars} bars; {self.settings.least_bars} are needed")
        controls = controls_of(score, Label(None, label.valence, label.arousal), self.settings.mood)
        identity, lowest = identity_of(score)
        rows = encode(score, controls)
        changes = {name: round(value, 6) for name, value in report.changes.items()}
        changes |= {"grids_moved": 1} if adrift else {}
        changes |= {"bar_lines_moved": 1} if moved else {}
        sketch = sketch_of(score)
        return Reading(rows, score.note_count, bars, identity, lowest, changes, sketch)


def identity_of(score: Score) -> tuple[str, int]:
    """A hash that is equal for pieces with the same notes in whatever key, and the lowest pitch.

    It is made of the times between onsets, the intervals, and the lengths of all notes; drums
    count with their own pitch. Instruments, tempo, loudness and silence before do not count.
    """
    notes = np.concatenate([track.notes for track in score.tracks])
    is_drum = np.repeat([t.is_drum for t in score.tracks], [len(t) for t in score.tracks])
    pitch = notes[:, PITCH]
    lowest = int(pitch[~is_drum].min()) if not is_drum.all() else 0
    relative = np.where(is_drum, pitch + _DRUM_OFFSET, pitch - lowest)
    onset = notes[:, ONSET] - notes[:, ONSET].min()
    order = np.lexsort((notes[:, DURATION], relative, onset))
    table = np.stack([onset, relative, notes[:, DURATION]])[:, order].astype("<i4")
    return hashlib.blake2b(table.tobytes(), digest_size=16).hexdigest(), lowest


def prepare(
    folder: str | Path,
    out: str | Path,
    settings: PrepareSettings | None = None,
    workers: int = 1,
    progress: Callable[[Progress], None] | None = None,
) -> Prepared:
    """The MIDI files of `folder` as a prepared folder at `out`.

    What is at `out` already is used again where it was made from the same files, labels and
    settings; an older preparation is replaced, anything else is an OutputError. `workers` 0 reads
    in this process. Raises CorpusError where the folder is missing or holds nothing usable.
    """
    folder, out, settings = Path(folder), Path(out), settings or PrepareSettings()
    files, left_out = find_midi(folder)
    labels = read_labels(folder)
    inputs = _inputs(folder, files, settings)
    ready = _reusable(out, inputs)
    if ready is not None:
        return ready
    with whole_folder(out, force=True) as staging:
        writer = ShardWriter(staging)
        gathered = _Gathered(folder, writer, left_out)
        items = [(file.path, labels.of(file.path)) for file in files]
        results = guarded_map(_Reader(folder, settings), items, workers, settings.limit_s)
        for (path, label), result in zip(items, results, strict=True):
            gathered.take(path, label, result)
            if progress is not None:
                progress(gathered.progress(len(files)))
        writer.close()
        pieces, genres, warnings = gathered.finish(settings.held_out)
        warnings = [*labels.warnings, *_absent(labels, files), *warnings]
        write_genres(staging, pieces, genres)
        write_lines(staging / PIECES_FILE, pieces)
        write_lines(staging / LEFT_OUT_FILE, gathered.left_out)
        facts = Facts(
            schema=SCHEMA,
            fingerprint=fields.fingerprint(),
            inputs=inputs,
            genres=genres,
            shards=writer.shards,
            files=len(files),
            reasons=dict(sorted(Counter(x.kind for x in gathered.left_out).items())),
            settings=asdict(settings),
            warnings=tuple(warnings),
            **tally(pieces),
        )
        write_facts(staging, facts)
    return load_prepared(out)


class _Gathered:
    """Results as they come in: rows go to the shards, everything else is kept until the end."""

    def __init__(self, folder: Path, writer: ShardWriter, left_out: Sequence[LeftOut]) -> None:
        self._folder = folder
        self._writer = writer
        self._pieces: list[Piece] = []
        self._members: list[Member] = []
        self._ties: list[tuple[str, str]] = []
        self._kinship = Kinship()
        self._first: dict[str, tuple[str, int]] = {}  # identity: path and lowest pitch
        self._done = self._notes = 0
        self.left_out = list(left_out)

    def take(self, path: str, label: Label, result: Reading | LeftOut | Died) -> None:
        """One file's result, in order of paths: the first of several duplicates is kept."""
        self._done += 1
        if isinstance(result, Died):
            result = LeftOut(path, DIED, result.reason)
        if isinstance(result, LeftOut):
            self.left_out.append(result)
            return
        if result.identity in self._first:
            first, lowest = self._first[result.identity]
            same = lowest == result.lowest
            kind = DUPLICATE if same else TRANSPOSED
            self.left_out.append(LeftOut(path, kind, f"the same notes as {first}"))
            if label.group:
                self._ties.append(group_tie(result.identity, label.group))
            return
        self._first[result.identity] = path, result.lowest
        shard, first_row = self._writer.add(result.rows)
        parts = PurePosixPath(path).parts
        self._pieces.append(
            Piece(
                path=path,
                source=label.source or (parts[0] if len(parts) > 1 else ""),
                genre=label.genre,
                licence=label.licence,
                split="",
                shard=shard,
                first=first_row,
                rows=len(result.rows),
                notes=result.notes,
                bars=result.bars,
                identity=result.identity,
                quantised=result.quantised,
            )
        )
        self._members.append(Member(result.identity, label.group, label.split))
        self._kinship.add(result.sketch)
        self._notes += result.notes

    def progress(self, files: int) -> Progress:
        """How far it is."""
        return Progress(self._done, files, len(self._pieces), self._notes, len(self.left_out))

    def finish(self, share: float) -> tuple[list[Piece], tuple[str, ...], list[str]]:
        """All pieces with their side and a genre that has a number, the genres, and warnings."""
        if not self._pieces:
            raise CorpusError(self._nothing())
        warnings = []
        names = [member.identity for member in self._members]
        kin = [kin_tie(names[one], names[other]) for one, other in self._kinship.ties()]
        splits = assign_splits(self._members, [*self._ties, *kin], share)
        if share > 0 and HELD_OUT not in splits:
            warnings.append("no piece is held out: there are too few to judge with")
        bugs = [left for left in self.left_out if left.kind == BUG]
        if bugs:
            warnings.append(
                f"musegen itself failed on {len(bugs)} files, which is a bug worth reporting; the "
                f"first: {bugs[0].path}: {bugs[0].reason}"
            )
        counts = Counter(piece.genre for piece in self._pieces if piece.genre)
        kept = sorted(counts, key=lambda genre: (-counts[genre], genre))[: fields.MAX_GENRES]
        genres = tuple(sorted(kept))
        lost = sum(counts.values()) - sum(counts[genre] for genre in genres)
        if lost:
            warnings.append(
                f"{len(counts)} genres are named, {fields.MAX_GENRES} can be learned: the "
                f"{len(counts) - len(genres)} rarest are left unsaid ({lost} pieces)"
            )
        pieces = [
            Piece(**{**vars(p), "split": s, "genre": p.genre if p.genre in genres else None})
            for p, s in zip(self._pieces, splits, strict=True)
        ]
        return pieces, genres, warnings

    def _nothing(self) -> str:
        counts = Counter(left.kind for left in self.left_out)
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        example = self.left_out[0]
        return (
            f"none of the {len(self.left_out)} MIDI files in {self._folder} can be used: {kinds}; "
            f"the first: {example.path}: {example.reason}"
        )


def _inputs(folder: Path, files: Sequence[Found], settings: PrepareSettings) -> str:
    """A hash of everything that the prepared folder depends on."""
    digest = hashlib.sha256()
    about = [
        SCHEMA,
        KINSHIP,
        fields.fingerprint(),
        asdict(settings),
        [asdict(file) for file in files],
    ]
    digest.update(json.dumps(about).encode("ascii"))
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
