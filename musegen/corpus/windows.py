"""Windows: the part of a piece that one training example holds, and the musical time of its rows.

In: the rows of a piece. Out: HEAD and the rows from a bar line on, at most so many. Knows no
chance but the generator it is handed, no augmentation, no batch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.tokens import fields, scales
from musegen.tokens.fields import (
    ANSWER,
    BAR,
    CHORD,
    END,
    FORM,
    HOLE,
    NOTE,
    SECTION,
    STYLE,
    TRACK,
    Rows,
    column,
)

_METER = column(BAR, "meter")
_ONSET = column(NOTE, "onset")
assert column(CHORD, "onset") == _ONSET
_HOLE = column(HOLE, "hole")
_ANSWER = column(ANSWER, "hole")

_AT_NEXT_BAR_LINE = np.isin(np.arange(len(fields.KINDS)), (STYLE, FORM, TRACK, SECTION, END))
_HAS_ONSET = np.isin(np.arange(len(fields.KINDS)), (CHORD, NOTE))
_NEVER_SCORED = np.isin(np.arange(len(fields.KINDS)), (fields.PAD, STYLE, FORM))


@dataclass(frozen=True, eq=False)
class Window:
    """One example: its rows, their times in steps from its first bar line, and what is scored."""

    rows: Rows  # (T, COLUMNS)
    times: NDArray[np.int32]  # (T,)
    scored: NDArray[np.bool_]  # (T,)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Outline:
    """Where the bars of a piece lie among its rows.

    `starts[b]` is the first row of bar b: its SECTION row where a section begins there, else its
    BAR row. One more entry marks where the last bar ends (the place of END, if the rows have it).
    """

    head: int
    starts: NDArray[np.int64]
    sections: NDArray[np.int64]
    length: int

    @property
    def bars(self) -> int:
        """Number of bars."""
        return len(self.starts) - 1


def outline(rows: Rows) -> Outline:
    """Where HEAD, bars and sections of these rows begin."""
    kinds = rows[:, 0]
    bars = np.flatnonzero(kinds == BAR)
    sections = np.flatnonzero(kinds == SECTION)
    starts = bars - (kinds[np.maximum(bars - 1, 0)] == SECTION)
    last = len(rows) - (kinds[-1] == END)
    head = int(starts[0]) if len(starts) else int(last)
    return Outline(head, np.append(starts, last), sections, len(rows))


def start_bar(
    plan: Outline,
    max_rows: int,
    start: float,
    ending: float,
    fullness: float,
    rng: np.random.Generator,
) -> int:
    """The bar at which a window of `max_rows` rows begins.

    With probability `start` the first bar, with probability `ending` the first from which the
    piece's end is still in view, else any bar after which enough rows follow to fill the window
    to `fullness`. A piece that fits whole begins at its first bar.
    """
    chance = rng.random()
    if plan.length <= max_rows or chance < start:
        return 0
    room = max_rows - plan.head - 1
    left = plan.length - plan.starts[:-1]  # descending
    if chance < start + ending:
        return min(int(np.count_nonzero(left > room)), plan.bars - 1)
    eligible = int(np.count_nonzero(left >= fullness * room))
    return int(rng.integers(max(eligible, 1)))


def opening(rows: Rows, plan: Outline, bar: int) -> Rows:
    """HEAD, and the SECTION row in force where `bar` lies inside a section."""
    head = rows[: plan.head]
    first = plan.starts[bar]
    if bar == 0 or rows[first, 0] == SECTION:
        return head
    before = int(np.searchsorted(plan.sections, first)) - 1
    if before < 0:
        return head
    section = plan.sections[before]
    return np.concatenate([head, rows[section : section + 1]])


def cut(rows: Rows, plan: Outline, bar: int, max_rows: int) -> tuple[Rows, int]:
    """At most `max_rows` rows from `bar` on after HEAD, and how many of them are given context.

    The rows may end anywhere. HEAD is context in so far as `scored_rows` says.
    """
    before = opening(rows, plan, bar)
    first = int(plan.starts[bar])
    window = np.concatenate([before, rows[first : first + max(max_rows - len(before), 0)]])
    return window[:max_rows], len(before) if len(before) > plan.head else 0


def row_bars(rows: Rows) -> NDArray[np.int64]:
    """The bar that each row lies in, counted from the first of the rows; -1 in HEAD.

    A SECTION row lies in the bar that ends with it. An ANSWER row, and the notes after it, lie in
    the bar whose hole it names, END in the last bar.
    """
    kinds = rows[:, 0]
    bar: NDArray[np.int64] = np.cumsum(kinds == BAR) - 1
    answers = np.flatnonzero(kinds == ANSWER)
    if len(answers):
        bar_of_hole = np.zeros(fields.MAX_HOLES, dtype=np.int64)
        holes = np.flatnonzero(kinds == HOLE)
        bar_of_hole[rows[holes, _HOLE]] = bar[holes]
        lengths = np.diff(np.append(answers, len(rows)))
        answered = np.repeat(bar_of_hole[rows[answers, _ANSWER]], lengths)
        bar[answers[0] :] = np.where(kinds[answers[0] :] == END, bar[answers[0] :], answered)
    return bar


def row_times(rows: Rows) -> NDArray[np.int32]:
    """Time of each row in steps, counted from the first bar line of the rows.

    A note or chord: its bar's start plus its onset. A SECTION row: the bar line that follows it.
    END: the last bar line. HEAD: 0. Any other row: the start of its bar (`row_bars`).
    """
    kinds = rows[:, 0]
    lines = np.concatenate([[0], np.cumsum(scales.BAR_STEPS[rows[kinds == BAR, _METER]])])
    bar = row_bars(rows)
    line = lines[np.where(_AT_NEXT_BAR_LINE[kinds], bar + 1, np.maximum(bar, 0))]
    times = line + np.where(_HAS_ONSET[kinds], rows[:, _ONSET], 0)
    return times.astype(np.int32)


def scored_rows(rows: Rows, given: int = 0) -> NDArray[np.bool_]:
    """Rows on which loss is taken: all but PAD, STYLE, FORM, and the SECTION row given as context.

    `given` is the number of rows up to and with that SECTION row, or 0 where there is none.
    """
    scored = ~_NEVER_SCORED[rows[:, 0]]
    if given:
        scored[given - 1] = False
    return scored
