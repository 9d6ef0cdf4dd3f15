"""The rows that the slots of a cache were told, and what they point back to.

Both ways to compute the model look here for what a field is heard against. Knows no torch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.model.layout import Related
from musegen.tokens.fields import LINK_PLACE, SEEN_LINKS

Ints = NDArray[np.integer]


class Told:
    """Rows (slots, context, columns) and their links (slots, context, SEEN_LINKS)."""

    def __init__(self, slots: int, context: int, columns: int) -> None:
        self._rows = np.zeros((slots, context, columns), dtype=np.int16)
        self._links = np.full((slots, context, len(SEEN_LINKS)), -1, dtype=np.int32)

    def begin(self, slot: int, rows: Ints, links: Ints) -> None:
        """The slot holds these rows (n, columns) with their links (n, SEEN_LINKS) and no other."""
        self._rows[slot, : len(rows)] = rows
        self._links[slot, : len(rows)] = links

    def take(self, places: Sequence[int] | Ints, rows: Ints, links: Ints) -> None:
        """One more row (active, columns) in each of the first slots, at these places."""
        slots = np.arange(len(places))
        self._rows[slots, places] = rows
        self._links[slots, places] = links

    def move(self, source: int, to: int, length: int) -> None:
        """Slot `to` holds what `source` holds."""
        self._rows[to, :length] = self._rows[source, :length]
        self._links[to, :length] = self._links[source, :length]

    def against(
        self, related: Related, slot: int, after: int, own: Mapping[str, Sequence[int] | None]
    ) -> int:
        """Which row of the relation's steps holds for the row that follows row `after` of a slot.

        own: the rows to which it will itself be linked, by link, as far as they are known.
        """
        if related.link not in SEEN_LINKS:
            return related.against(own.get(related.link))
        to = int(self._links[slot, after, LINK_PLACE[related.link]])
        return related.against(self._rows[slot, to].tolist() if to >= 0 else None)
