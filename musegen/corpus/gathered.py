"""Readings, one after another, become the files of a prepared folder.

In: each file's reading, in order of paths. Out: shards, pieces with their side of the split and
their genre, what is left out, and the readings to be used again. Of a piece little stays in memory.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path, PurePosixPath

from musegen.corpus.guarded import Died
from musegen.corpus.kept import READINGS_FILE, lasts, line_of
from musegen.corpus.kinship import Kinship
from musegen.corpus.labels import HELD_OUT, Label
from musegen.corpus.reading import BUG, Reading
from musegen.corpus.shards import (
    LEFT_OUT_FILE,
    PIECES_FILE,
    LeftOut,
    Piece,
    ShardWriter,
    json_line,
    open_lines,
    read_lines,
    write_genres,
    write_lines,
)
from musegen.corpus.splits import Member, assign_splits, group_tie, kin_tie
from musegen.errors import CorpusError
from musegen.tokens import fields

DUPLICATE = "duplicate"
TRANSPOSED = "duplicate in another key"
DIED = "crashed the reader"

_DRAFT = "pieces.part"
"""The pieces as they come in, before their sides are known."""


class Gathered:
    """Results as they come in: rows go to the shards, pieces to a draft, and few bytes stay."""

    def __init__(self, folder: Path, staging: Path, left_out: Sequence[LeftOut]) -> None:
        self._folder = folder
        self._staging = staging
        self._shards = ShardWriter(staging)
        self._open = ExitStack()
        self._readings, self._left_out, self._draft = (
            self._open.enter_context(open_lines(staging / name))
            for name in (READINGS_FILE, LEFT_OUT_FILE, _DRAFT)
        )
        self._kinship = self._open.enter_context(closing(Kinship(staging)))
        self._members: list[Member] = []
        self._ties: list[tuple[str, str]] = []
        self._first: dict[str, tuple[str, int]] = {}  # identity: path and lowest pitch
        self._genres: Counter[str] = Counter()
        self._examples: dict[str, LeftOut] = {}
        self.reasons: Counter[str] = Counter()
        self.done = self.pieces = self.notes = 0
        for left in left_out:
            self._leave_out(left)

    @property
    def left_out(self) -> int:
        """How many files are not used so far."""
        return self.reasons.total()

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return self._shards.shards

    def needs_rows(self, reading: Reading) -> bool:
        """The rows of this one are needed and it has none: its notes are no longer another's."""
        return not len(reading.rows) and reading.identity not in self._first

    def take(self, key: str, path: str, label: Label, result: Reading | LeftOut | Died) -> None:
        """One file's result, in order of paths: the first of several duplicates is kept."""
        self.done += 1
        if isinstance(result, Died):
            self._leave_out(LeftOut(path, DIED, result.reason))
        elif isinstance(result, LeftOut):
            if lasts(result, self._folder):
                self._readings.write(line_of(key, result, None, 0))
            self._leave_out(result)
        elif result.identity in self._first:
            self._readings.write(line_of(key, result, None, 0))
            first, lowest = self._first[result.identity]
            kind = DUPLICATE if lowest == result.lowest else TRANSPOSED
            self._leave_out(LeftOut(path, kind, f"the same notes as {first}"))
            if label.group:
                self._ties.append(group_tie(result.identity, label.group))
        else:
            self._take_piece(key, path, label, result)

    def _take_piece(self, key: str, path: str, label: Label, reading: Reading) -> None:
        shard, first = self._shards.add(reading.rows)
        self._readings.write(line_of(key, reading, shard, first))
        parts = PurePosixPath(path).parts
        piece = Piece(
            path=path,
            source=label.source or (parts[0] if len(parts) > 1 else ""),
            genre=label.genre,
            licence=label.licence,
            split="",
            shard=shard,
            first=first,
            rows=len(reading.rows),
            notes=reading.notes,
            bars=reading.bars,
            identity=reading.identity,
            quantised=reading.quantised,
        )
        self._draft.write(json_line(piece))
        self._first[reading.identity] = path, reading.lowest
        self._members.append(Member(reading.identity, label.group, label.split))
        self._kinship.add(reading.sketch)
        if label.genre:
            self._genres[label.genre] += 1
        self.pieces += 1
        self.notes += reading.notes

    def _leave_out(self, left: LeftOut) -> None:
        self._left_out.write(json_line(left))
        self.reasons[left.kind] += 1
        self._examples.setdefault(left.kind, left)

    def close(self) -> None:
        """No file is open any more."""
        self._shards.close()
        self._open.close()

    def finish(self, share: float) -> tuple[tuple[str, ...], list[str]]:
        """Everything is written but the facts: returns the genres, and warnings."""
        if not self.pieces:
            raise CorpusError(self._nothing())
        names = [member.identity for member in self._members]
        kin = [kin_tie(names[one], names[other]) for one, other in self._kinship.ties()]
        self.close()
        splits = assign_splits(self._members, [*self._ties, *kin], share)
        warnings = []
        if share > 0 and HELD_OUT not in splits:
            warnings.append("no piece is held out: there are too few to judge with")
        if BUG in self.reasons:
            bug = self._examples[BUG]
            warnings.append(
                f"musegen itself failed on {self.reasons[BUG]} files, which is a bug worth "
                f"reporting; the first: {bug.path}: {bug.reason}"
            )
        counts = self._genres
        kept = sorted(counts, key=lambda genre: (-counts[genre], genre))[: fields.MAX_GENRES]
        genres = tuple(sorted(kept))
        lost = counts.total() - sum(counts[genre] for genre in genres)
        if lost:
            warnings.append(
                f"{len(counts)} genres are named, {fields.MAX_GENRES} can be learned: the "
                f"{len(counts) - len(genres)} rarest are left unsaid ({lost} pieces)"
            )
        write_lines(self._staging / PIECES_FILE, self._final(splits, frozenset(genres)))
        (self._staging / _DRAFT).unlink()
        write_genres(self._staging, read_lines(self._staging / PIECES_FILE, Piece), genres)
        return genres, warnings

    def _final(self, splits: Sequence[str], genres: frozenset[str]) -> Iterator[Piece]:
        """The drafted pieces, each with its side, and with its genre where that has a number."""
        drafted = read_lines(self._staging / _DRAFT, Piece)
        for piece, split in zip(drafted, splits, strict=True):
            genre = piece.genre if piece.genre in genres else None
            yield Piece(**{**vars(piece), "split": split, "genre": genre})

    def _nothing(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.reasons.most_common())
        example = next(iter(self._examples.values()))
        return (
            f"none of the {self.left_out} MIDI files in {self._folder} can be used: {kinds}; "
            f"the first: {example.path}: {example.reason}"
        )
