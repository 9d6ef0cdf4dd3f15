"""Two readers of the grammar that know no model: one follows rows, one draws them blindly."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from musegen.evaluation.exact import broken_wishes
from musegen.music.ongrid import off_grid
from musegen.music.score import Score
from musegen.music.timing import bar_lines
from musegen.tokens.controls import Controls
from musegen.tokens.fields import COLUMNS, FIELDS, KINDS, NOTE, Rows, as_rows
from musegen.tokens.grammar import Grammar
from musegen.tokens.limits import Limits

FORGOTTEN = "nothing may come next"


def first_offence(rows: Rows, limits: Limits) -> str:
    """What the grammar has against these rows, in words: the first cell that it forbids, or ""."""
    grammar = Grammar(limits)
    for place, cells in enumerate(rows.tolist()):
        kind = KINDS[cells[0]]
        if not grammar.kinds()[cells[0]]:
            return f"row {place}: {kind.name} after {KINDS[grammar.previous].name}"
        for column, name in enumerate(kind.fields, start=1):
            mask = grammar.mask(cells[0], cells[1:column])
            assert mask.shape == (FIELDS[name].size,)
            if not mask[cells[column]]:
                return f"row {place}: {kind.name} {cells} has {name} {cells[column]}"
        if any(cells[1 + len(kind.fields) :]):
            return f"row {place}: {kind.name} {cells} fills columns that it has not"
        grammar.advance(cells)
    return "" if grammar.finished else "it does not end"


def blind_piece(
    head: Sequence[list[int]], limits: Limits, chance: np.random.Generator, notes: float = 0.5
) -> Rows:
    """A piece drawn by a player who knows the law and nothing else.

    A note is struck with probability `notes` where one may be; all else is drawn evenly.
    """
    grammar = Grammar(limits)
    rows = list(head)
    for cells in head:
        grammar.advance(cells)
    while not grammar.finished:
        kinds = np.flatnonzero(grammar.kinds())
        assert len(kinds), FORGOTTEN
        kind = NOTE if NOTE in kinds and chance.random() < notes else int(chance.choice(kinds))
        cells = [kind]
        for name in KINDS[kind].fields:
            values = np.flatnonzero(grammar.mask(kind, cells[1:]))
            assert len(values), f"{FORGOTTEN}: {KINDS[kind].name} {cells}, {name}"
            cells.append(int(chance.choice(values)))
        cells += [0] * (COLUMNS - len(cells))
        grammar.advance(cells)
        rows.append(cells)
    return as_rows(rows)


def kept(score: Score, wishes: Controls) -> None:
    """The score is legal, and everything that can be kept exactly was kept."""
    bare = replace(score, keys=(), markers=())
    assert next(off_grid(bare), None) is None
    lines = bar_lines(score)
    assert broken_wishes(score, wishes) == ()
    for track in score.tracks:
        assert len(track), "every track sounds"
        assert track.end <= score.end == lines[-1], "nothing sounds on past the last bar line"
        assert (track.notes[:, 1] > 0).all(), "no note has length 0"
