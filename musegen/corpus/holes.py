"""Rewriting as a training example: some cells (track x bar) are hidden and asked for at the end.

In: rows of whole bars and a mask of hidden cells. Out: the visible rows with HOLE marks, then for
each hidden bar an ANSWER row and its hidden notes, then END. Knows no file and no batch.
"""

import numpy as np
from numpy.typing import NDArray

from musegen.corpus.augment import track_numbers
from musegen.corpus.windows import Outline, Window, opening, row_times
from musegen.tokens import fields
from musegen.tokens.fields import (
    ALL_INSTRUMENTS,
    ANSWER,
    BAR,
    CHORD,
    END,
    HOLE,
    MAX_HOLES,
    NOTE,
    TRACK,
    UNSET,
    Rows,
    column,
)

Mask = NDArray[np.bool_]  # (bars, tracks): hidden cells

_AIM = 0.8
"""Share of the room that the visible and hidden rows of a rewrite fill; the rest is for marks."""


def draw_mask(bars: int, tracks: int, rng: np.random.Generator) -> Mask:
    """A random choice of hidden cells: runs of bars, tracks over a run, single cells, or a mixture.

    A quarter of the runs of bars reach the end of the window, which is continuation.
    """
    mask = np.zeros((bars, tracks), dtype=bool)
    form = rng.integers(4)
    if form == 2:
        return np.asarray(rng.random((bars, tracks)) < rng.uniform(0.1, 0.6))
    if form in (0, 3):
        for _ in range(int(rng.integers(1, 4))):
            length = int(rng.integers(1, max(bars // 2, 1) + 1))
            first = int(rng.integers(0, bars - length + 1))
            if rng.random() < 0.25:
                first = bars - length
            mask[first : first + length] = True
            if rng.random() < 0.5:
                break
    if form in (1, 3):
        count = int(rng.integers(1, max(tracks - 1, 1) + 1))
        chosen = rng.choice(tracks, count, replace=False)
        first, last = 0, bars
        if rng.random() < 0.5:
            first, last = sorted(int(b) for b in rng.integers(0, bars + 1, 2))
        mask[first:last, chosen] = True
    return mask


def rewritable(
    rows: Rows, plan: Outline, bar: int, max_rows: int, rng: np.random.Generator
) -> tuple[Rows, Mask] | None:
    """Rows of whole bars from `bar` on and a mask over them that fit `max_rows` as a rewrite.

    None where nothing fits or nothing is hidden.
    """
    before = opening(rows, plan, bar)
    tracks = int(np.count_nonzero(rows[: plan.head, 0] == TRACK))
    lengths = np.cumsum(np.diff(plan.starts[bar:]))
    room = max_rows - len(before) - 1
    bars = int(np.count_nonzero(lengths <= room))
    aimed = max(int(np.count_nonzero(lengths <= _AIM * room)), min(bars, 1))
    if aimed == 0 or tracks == 0:
        return None
    mask = np.zeros((bars, tracks), dtype=bool)
    mask[:aimed] = draw_mask(aimed, tracks, rng)
    hidden = mask.any(axis=1)
    marks = np.where(mask.all(axis=1), 1, mask.sum(axis=1)) + hidden
    fits = (lengths[:bars] + np.cumsum(marks) <= room) & (np.cumsum(hidden) <= MAX_HOLES)
    last = min(int(np.count_nonzero(fits)), aimed)
    mask = mask[:last]
    if not mask.any():
        return None
    first, stop = int(plan.starts[bar]), int(plan.starts[bar + last])
    return np.concatenate([before, rows[first:stop]]), mask


def _hole_rows(rows: Rows, mask: Mask) -> tuple[Rows, NDArray[np.int64]]:
    """The HOLE rows of a mask, and the bar of each."""
    tracks = rows[rows[:, 0] == TRACK]
    instrument = tracks[:, column(TRACK, "instrument")]
    number = tracks[:, column(TRACK, "number")]
    order = np.lexsort((number, instrument))
    whole = np.asarray(mask.all(axis=1))
    single = mask[:, order] & ~whole[:, None]
    bar, place = np.nonzero(single)
    bars = np.concatenate([bar, np.flatnonzero(whole)])
    holes = np.zeros((len(bars), fields.COLUMNS), dtype=np.int16)
    holes[:, 0] = HOLE
    holes[:, column(HOLE, "hole")] = (np.cumsum(mask.any(axis=1)) - 1)[bars]
    holes[: len(bar), column(HOLE, "instrument")] = instrument[order][place]
    holes[: len(bar), column(HOLE, "number")] = number[order][place]
    holes[len(bar) :, column(HOLE, "instrument")] = ALL_INSTRUMENTS
    return holes, bars


def hide(rows: Rows, mask: Mask) -> Window:
    """The rewrite that asks for the notes of the hidden cells; only the answer is scored.

    `rows` hold HEAD and whole bars, no END. Order: visible rows with HOLE rows after their BAR,
    then ANSWER and hidden notes bar by bar, then END. Plans of the bars are left as they are.
    """
    kinds = rows[:, 0]
    bar = np.cumsum(kinds == BAR) - 1
    of_track = track_numbers(rows)
    hidden = (kinds == NOTE) & mask[bar, of_track]
    holes, hole_bars = _hole_rows(rows, mask)
    visible = np.flatnonzero(~hidden)
    after = np.flatnonzero(kinds == BAR)[hole_bars]
    places = np.concatenate([visible, after])
    is_hole = np.concatenate([np.zeros(len(visible), np.int8), np.ones(len(after), np.int8)])
    shown = np.concatenate([rows[visible], holes])[np.lexsort((is_hole, places))]

    asked = np.flatnonzero(mask.any(axis=1))
    answers = np.zeros((len(asked), fields.COLUMNS), dtype=np.int16)
    answers[:, 0] = ANSWER
    answers[:, column(ANSWER, "hole")] = np.arange(len(asked))
    bars = np.concatenate([asked, bar[hidden]])
    answered = np.concatenate([answers, rows[hidden]])[np.argsort(bars, kind="stable")]

    end = np.array([fields.row(END)], dtype=np.int16)
    rewrite = np.concatenate([shown, answered, end])
    scored = np.arange(len(rewrite)) >= len(shown)
    return Window(rewrite, row_times(rewrite), scored)


def without_hidden_plan(rows: Rows, mask: Mask) -> Rows:
    """The rows with nothing said of how hidden bars repeat, how dense they are, and their chords.

    Chords stay where something of the bar is visible.
    """
    rows = rows.copy()
    bars = np.flatnonzero(rows[:, 0] == BAR)[: len(mask)]
    for name in ("back", "likeness", "density"):
        rows[bars[mask.any(axis=1)], column(BAR, name)] = UNSET
    whole = np.asarray(mask.all(axis=1))
    rows[bars[whole], column(BAR, "chord")] = UNSET
    bar = np.cumsum(rows[:, 0] == BAR) - 1
    kept: Rows = rows[(rows[:, 0] != CHORD) | ~whole[bar]]
    return kept
