"""A piece being written: its rows so far, their times, its grammar and its stream of chance.

Rows go in one at a time; a draft can say which of them the model should see when the context is
full: HEAD, the section in force, and the newest bars. Knows no model.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.corpus.windows import BAR_STEPS, cut, outline, row_times
from musegen.tokens.fields import BAR, CHORD, FORM, NOTE, STYLE, TRACK, Rows, as_rows, column
from musegen.tokens.grammar import Grammar
from musegen.tokens.limits import Limits

_METER = column(BAR, "meter")
_ONSET = column(NOTE, "onset")
_HEAD = (STYLE, FORM, TRACK)


class Draft:
    """One piece being written. `number` says which of a run it is."""

    def __init__(
        self,
        number: int,
        limits: Limits,
        head: Sequence[list[int]],
        stream: np.random.Generator,
    ) -> None:
        self.number = number
        self.grammar = Grammar(limits)
        self.stream = stream
        self.rows: list[list[int]] = []
        self._line = 0  # of the bar being written, in steps from the piece's first bar line
        self._next_line = 0
        self._window_line = 0  # of the first bar that the model sees
        for row in head:
            self.take(row)

    def take(self, row: list[int]) -> int:
        """Add a row; its time in steps from the first bar line that the model sees."""
        kind = row[0]
        self.rows.append(row)
        self.grammar.advance(row)
        if kind in _HEAD:
            return 0
        if kind == BAR:
            self._line = self._next_line
            self._next_line += int(BAR_STEPS[row[_METER]])
        if kind in (CHORD, NOTE):
            return self._line + row[_ONSET] - self._window_line
        return (self._line if kind == BAR else self._next_line) - self._window_line

    def view(self, context: int) -> tuple[Rows, NDArray[np.int32]]:
        """The rows that the model should see to go on, and their times; at most `context`.

        All of them where they fit, else HEAD, the section in force and the newest bars that fill
        at most half of the context, so that there is room to write on.
        """
        rows = as_rows(self.rows)
        self._window_line = 0
        if len(rows) < context:
            return rows, row_times(rows)
        plan = outline(rows)
        left = plan.length - plan.starts[:-1]
        bar = min(int(np.count_nonzero(left > context // 2 - plan.head)), plan.bars - 1)
        window, _ = cut(rows, plan, bar, context)
        unseen = rows[: int(plan.starts[bar])]
        self._window_line = int(BAR_STEPS[unseen[unseen[:, 0] == BAR, _METER]].sum())
        return window, row_times(window)
