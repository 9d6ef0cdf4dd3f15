"""Which rows of a batch are to be foretold: what the loss must know before the model is asked.

Found where the batch is drawn, so that a GPU need not be waited for. Knows no torch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.tokens.fields import Table


@dataclass(frozen=True, eq=False)
class Foretold:
    """at: (N,) the numbers of the rows, b * T + t for row t of example b, those of a kind together.

    spans: for each kind the part of `at` that is its. counts: how often a kind, "kind", and each
    field, "KIND.field", is foretold; "unset" in an optional field never is.
    """

    at: NDArray[np.int64]
    spans: tuple[slice, ...]
    counts: dict[str, int]


def foretold(table: Table, rows: NDArray[np.integer], scored: NDArray[np.bool_]) -> Foretold:
    """Every scored row but the first of an example.

    rows: (B, T, columns); scored: (B, T).
    """
    keep = scored.copy()
    keep[:, 0] = False
    at = np.flatnonzero(keep)
    flat = rows.reshape(-1, rows.shape[-1])
    kinds = flat[at, 0]
    at = at[np.argsort(kinds, kind="stable")]
    spans: list[slice] = []
    counts, first = {"kind": len(at)}, 0
    for kind, count in zip(
        table.kinds, np.bincount(kinds, minlength=len(table.kinds)).tolist(), strict=True
    ):
        spans.append(slice(first, first + count))
        first += count
        if not count or not kind.drawn:
            continue
        said = np.count_nonzero(flat[at[spans[-1]]], axis=0).tolist()
        for column, name in enumerate(kind.fields, start=1):
            optional = table.fields[name].optional
            counts[f"{kind.name}.{name}"] = said[column] if optional else count
    return Foretold(at, tuple(spans), counts)
