"""Prepared pieces as rows, wherever they lie: in memory, or in memory-mapped shards.

In: blocks of rows and where each piece begins in them. Out: the rows of piece number i.
Knows no MIDI file and no batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musegen.errors import CorpusError
from musegen.tokens import fields
from musegen.tokens.fields import Rows

_GENRE = fields.column(fields.STYLE, "genre")


@dataclass(frozen=True, eq=False)
class Collection:
    """Pieces as rows. All columns have one value a piece; `block`, `first`, `count` say where."""

    blocks: tuple[Rows, ...]
    block: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    genre: NDArray[np.int64]  # as in the STYLE row: 0 is unset
    source: tuple[str, ...]
    held_out: NDArray[np.bool_]
    genre_numbers: NDArray[np.int64] | None = None
    """What to read for each genre number in the rows; None: they are read as they are."""

    def __len__(self) -> int:
        return len(self.count)

    def rows(self, piece: int) -> Rows:
        """The rows of one piece, read-only: a view of its block where no genre is renumbered."""
        first = int(self.first[piece])
        view = self.blocks[int(self.block[piece])][first : first + int(self.count[piece])]
        if self.genre_numbers is not None:
            view = view.copy()
            view[0, _GENRE] = self.genre_numbers[view[0, _GENRE]]
        view.setflags(write=False)
        return view

    @property
    def training(self) -> NDArray[np.int64]:
        """Numbers of the pieces to train on."""
        return np.flatnonzero(~self.held_out)

    @property
    def judging(self) -> NDArray[np.int64]:
        """Numbers of the pieces that are held out."""
        return np.flatnonzero(self.held_out)


def renumbered(collection: Collection, genres: Sequence[str], known: Sequence[str]) -> Collection:
    """The collection with its genres, numbered as in `genres`, numbered as in `known`.

    CorpusError where one of them is not known.
    """
    if tuple(genres) == tuple(known):
        return collection
    missing = [genre for genre in genres if genre not in known]
    if missing:
        raise CorpusError(f"genres without a number: {', '.join(missing)}")
    numbers = np.array([0, *(known.index(genre) + 1 for genre in genres)], dtype=np.int64)
    return replace(collection, genre=numbers[collection.genre], genre_numbers=numbers)


def collect(
    pieces: Sequence[Rows],
    source: Sequence[str] | None = None,
    held_out: Sequence[bool] | None = None,
) -> Collection:
    """A collection in memory; the genre of each piece is read from its STYLE row."""
    for number, rows in enumerate(pieces):
        if not len(rows) or rows[0, 0] != fields.STYLE:
            raise CorpusError(f"piece {number}: its rows do not begin with STYLE")
    count = np.array([len(rows) for rows in pieces], dtype=np.int64)
    return Collection(
        blocks=tuple(np.ascontiguousarray(rows, dtype=np.int16).view() for rows in pieces),
        block=np.arange(len(pieces), dtype=np.int64),
        first=np.zeros(len(pieces), dtype=np.int64),
        count=count,
        genre=np.array([rows[0, _GENRE] for rows in pieces], dtype=np.int64),
        source=tuple(source) if source is not None else ("",) * len(pieces),
        held_out=np.array(held_out if held_out is not None else [False] * len(pieces), dtype=bool),
    )
