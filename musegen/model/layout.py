"""Where each value of each field lies in the table of embeddings: a number for every value.

Made from the table of fields alone; both ways to compute the model share it. Knows no torch.
"""

import numpy as np
from numpy.typing import NDArray

from musegen.tokens.fields import Table

MAX_PARTS = 2
"""The most coarser views that a field has."""


class Layout:
    """Global ids: 0 is "nothing here", then every value of every field, then the kinds.

    starts: the id of value 0 of each field; kind_start: that of kind 0.
    offsets: (kinds, columns), the id of value 0 of a column, -1 where a kind does not use it.
    part_ids: (ids, MAX_PARTS), the parts of each id, 0 for none; part_count counts them.
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
