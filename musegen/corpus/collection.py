"""Prepared pieces as rows, wherever they lie: in memory, or in memory-mapped shards.

In: blocks of rows and where each piece begins in them. Out: the rows of piece number i.
Knows no MIDI file and no batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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

    def __len__(self) -> int:
        return len(self.count)

    def rows(self, piece: int) -> Rows:
        """The rows of one piece, as a read-only view of its block."""
        first = int(self.first[piece])
        view = self.blocks[int(self.block[piece])][first : first + int(self.count[piece])]
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
