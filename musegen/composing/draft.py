"""A piece being written: its rows so far, their times, its grammar and its stream of chance.

Rows go in one at a time; a draft can say which of them the model should see when the context is
full: HEAD, the section in force, and the newest bars. Knows no model.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.composing.balance import Balance
from musegen.composing.close import Close
from musegen.composing.colour import Colour
from musegen.composing.heed import Heed
from musegen.composing.recall import Recall
from musegen.corpus.links import Linker, Links
from musegen.corpus.windows import cut, outline, row_times
from musegen.tokens import scales
from musegen.tokens.fields import BAR, CHORD, FORM, NOTE, STYLE, TRACK, Rows, as_rows, column
from musegen.tokens.grammar import Grammar
from musegen.tokens.limits import Limits

_METER = column(BAR, "meter")
_ONSET = column(NOTE, "onset")
_HEAD = (STYLE, FORM, TRACK)


class Draft:
    """One piece being written. `number` says which of a run it is.

    beside: how far its wishes lie beside what its first row, STYLE, says of them. colour: the mood
    that its pitches lean towards; heed: the levels that its notes lean towards; none where they are
    left out.
    """

    def __init__(
        self,
        number: int,
        limits: Limits,
        head: Sequence[list[int]],
        stream: np.random.Generator,
        beside: NDArray[np.float32] | None = None,
        colour: Colour | None = None,
        heed: Heed | None = None,
    ) -> None:
        self.number = number
        self.grammar = Grammar(limits)
        self.balance = Balance(self.grammar.agenda.may_sound)
        self.colour = colour or Colour()
        self.recall = Recall()
        self.close = Close()
        self.heed = heed or Heed()
        self.stream = stream
        self.beside = beside
        self.rows: list[list[int]] = []
        self._line = 0  # of the bar being written, in steps from the piece's first bar line
        self._next_line = 0
        self._window_line = 0  # of the first bar that the model sees
        self._seen: list[list[int]] = []  # rows of the model's window
        self._linker = Linker()
        for row in head:
            self.take(row)

    def take(self, row: list[int]) -> tuple[int, list[int]]:
        """Add a row; its time in steps from the first bar line that the model sees, its links."""
        self.rows.append(row)
        self.grammar.advance(row)
        self.balance.take(row)
        self.colour.take(row)
        self.recall.take(row)
        self.heed.take(row)
        self.close.take(row)
        self._seen.append(row)
        return self._time(row), self._linker.take(row)

    def prior(self, kind: int) -> list[int] | None:
        """The last row of a kind that the model sees."""
        place = self._linker.prior(kind)
        return self._seen[place] if place >= 0 else None

    def own(self, instrument: int, number: int) -> tuple[int, int, list[int] | None]:
        """A track's row in HEAD and its last note, as places in the window, and that note."""
        track, before = self._linker.own(instrument, number)
        return track, before, self._seen[before] if before >= 0 else None

    def _time(self, row: list[int]) -> int:
        kind = row[0]
        if kind in _HEAD:
            return 0
        if kind == BAR:
            self._line = self._next_line
            self._next_line += int(scales.BAR_STEPS[row[_METER]])
        if kind in (CHORD, NOTE):
            return self._line + row[_ONSET] - self._window_line
        return (self._line if kind == BAR else self._next_line) - self._window_line

    def view(self, context: int) -> tuple[Rows, NDArray[np.int32], Links]:
        """The rows that the model should see to go on, at most `context`, their times and links.

        All of them where they fit, else HEAD, the section in force and the newest bars that fill
        at most half of the context, so that there is room to write on.
        """
        window = self._window(context)
        self._seen = window.tolist()
        self._linker = Linker()
        links = [self._linker.take(row) for row in self._seen]
        return window, row_times(window), np.array(links, dtype=np.int32)

    def _window(self, context: int) -> Rows:
        rows = as_rows(self.rows)
        self._window_line = 0
        if len(rows) < context:
            return rows
        plan = outline(rows)
        left = plan.length - plan.starts[:-1]
        bar = min(int(np.count_nonzero(left > context // 2 - plan.head)), plan.bars - 1)
        window, _ = cut(rows, plan, bar, context)
        unseen = rows[: int(plan.starts[bar])]
        self._window_line = int(scales.BAR_STEPS[unseen[unseen[:, 0] == BAR, _METER]].sum())
        return window
