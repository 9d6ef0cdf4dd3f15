"""Where each value of each field lies in the table of embeddings: a number for every value.

Made from the table of fields alone; both ways to compute the model share it. Knows no torch.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.tokens.fields import Table
from musegen.tokens.relations import Relation

MAX_PARTS = 2
"""The most coarser views that a field has."""


class Related:
    """A relation as arrays: what a field is heard against, and the step to each of its values.

    columns: (kinds,), the column that holds the source in a row of each kind, 0 for none.
    steps: (1 + size of source, size of field), first for where there is nothing to be heard
    against; the number of a step, `count` for none.
    """

    def __init__(self, table: Table, relation: Relation) -> None:
        self.name, self.link, self.count = relation.name, relation.link, relation.count
        columns = [
            1 + kind.fields.index(relation.source) if relation.source in kind.fields else 0
            for kind in table.kinds
        ]
        self.columns: NDArray[np.int64] = np.array(columns)
        self._columns = columns  # asked for one at a time, a list is quicker
        steps = np.where(relation.steps < 0, relation.count, relation.steps)
        nothing = np.full((1, steps.shape[1]), relation.count)
        self.steps: NDArray[np.int64] = np.concatenate([nothing, steps]).astype(np.int64)

    def against(self, row: Sequence[int] | None) -> int:
        """Which row of `steps` holds for what a row says; None where there is no row."""
        column = 0 if row is None else self._columns[row[0]]
        return 1 + int(row[column]) if row is not None and column else 0


class Layout:
    """Global ids: 0 is "nothing here", then every value of every field, then the kinds.

    starts: the id of value 0 of each field; kind_start: that of kind 0.
    offsets: (kinds, columns), the id of value 0 of a column, -1 where a kind does not use it.
    part_ids: (ids, MAX_PARTS), the parts of each id, 0 for none; part_count counts them.
    related: by kind and field, what the field is heard against.
    """

    def __init__(self, table: Table) -> None:
        self.starts: dict[str, int] = {}
        parts = [[0] * MAX_PARTS]
        self.part_count = 1
        for name, field in table.fields.items():
            self.starts[name] = len(parts)
            views = []
            for view in field.part_tables:
                views.append((view + self.part_count).tolist())
                self.part_count += int(view.max()) + 1
            while len(views) < MAX_PARTS:
                views.append([0] * field.size)
            parts.extend([list(ids) for ids in zip(*views, strict=True)])
        self.kind_start = len(parts)
        parts.extend([[0] * MAX_PARTS] * len(table.kinds))
        self.part_ids: NDArray[np.int64] = np.array(parts, dtype=np.int64)
        self.offsets: NDArray[np.int64] = np.full((len(table.kinds), table.columns), -1)
        self.offsets[:, 0] = self.kind_start
        for k, kind in enumerate(table.kinds):
            for c, name in enumerate(kind.fields, start=1):
                self.offsets[k, c] = self.starts[name]
        self.related: dict[tuple[str, str], list[Related]] = {}
        for relation in table.relations:
            found = self.related.setdefault((relation.kind, relation.field), [])
            found.append(Related(table, relation))

    def between(
        self, row: Sequence[int], beside: NDArray[np.floating]
    ) -> list[tuple[int, int, float]]:
        """What a row says between two values: an id, the id beside it, how far it is to there.

        beside: (columns,) shares of the way from a value to the next, below 0 to the one before.
        """
        found = []
        for place in np.flatnonzero(beside).tolist():
            here = int(self.offsets[row[0], place]) + row[place]
            found.append((here, here + (1 if beside[place] > 0 else -1), abs(float(beside[place]))))
        return found
