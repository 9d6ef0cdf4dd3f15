"""The rows that the slots of a cache were told, and what they point back to.

Both ways to compute the model look here for what a field is heard against. Knows no torch.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.tokens.fields import SEEN_LINKS

Ints = NDArray[np.integer]


class Told:
    """The rows (columns) of each slot and their links (SEEN_LINKS), as lists: they are few."""

    def __init__(self, slots: int) -> None:
        self._rows: list[list[list[int]]] = [[] for _ in range(slots)]
        self._links: list[list[list[int]]] = [[] for _ in range(slots)]

    def begin(self, slot: int, rows: Ints, links: Ints) -> None:
        """The slot holds these rows (n, columns) with their links (n, SEEN_LINKS) and no other."""
        self._rows[slot], self._links[slot] = rows.tolist(), links.tolist()

    def take(self, places: Sequence[int], rows: Ints, links: Ints) -> None:
        """One more row (active, columns) in each of the first slots, at these places."""
        for slot, (place, row, seen) in enumerate(
            zip(places, rows.tolist(), links.tolist(), strict=True)
        ):
            self._rows[slot][place:] = [row]
            self._links[slot][place:] = [seen]

    def move(self, source: int, to: int) -> None:
        """Slot `to` holds what `source` holds, and `source` nothing."""
        self._rows[to], self._links[to] = self._rows[source], self._links[source]
        self._rows[source], self._links[source] = [], []

    def linked(self, slot: int, after: int) -> dict[str, Sequence[int] | None]:
        """The rows to which row `after` of a slot points, by link: what the next one sees."""
        rows = self._rows[slot]
        return {
            link: rows[to] if to >= 0 else None
            for link, to in zip(SEEN_LINKS, self._links[slot][after], strict=True)
        }
