"""One more row of a draft: what the model says of it, made legal, and chosen by chance."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from musegen.composing.draft import Draft
from musegen.model.decode import RowDraw
from musegen.model.sampling import Sampling, choose, legal_share
from musegen.tokens.fields import COLUMNS, KINDS, NOTE, column

TRIES = 8
"""How often a row is begun anew because it led to what is not legal."""

_INSTRUMENT, _NUMBER = column(NOTE, "instrument"), column(NOTE, "number")


def draw_row(begin: Callable[[], RowDraw], draft: Draft, sampling: Sampling) -> list[int]:
    """The draft's next row: its kind, then its fields in order, each of them legal.

    begin: the model's distribution of the row, from its start.

    A row of legal values is drawn as often as the model, asked for rows and nothing else, gives
    it among the legal ones. Choosing field by field among what is legal would not do that: where a
    track has one unlikely pitch left, a note of that track would get it for sure. So a field whose
    legal values hold the share m of the odds is given up with probability 1 - m, and the row begun
    anew (rejection sampling); after TRIES rows what is legal is taken as it comes.
    """
    given = draft.grammar.given()
    if given is not None:
        return list(given)
    tries = TRIES if sampling.temperature else 1  # without chance every try is the same
    for _ in range(tries - 1):
        row = _row(begin(), draft, sampling, strict=True)
        if row is not None:
            return row
    row = _row(begin(), draft, sampling, strict=False)
    assert row is not None
    return row


def _row(draw: RowDraw, draft: Draft, sampling: Sampling, strict: bool) -> list[int] | None:
    """A legal row, or where `strict` None: this beginning led to too much that is not legal."""
    grammar, stream = draft.grammar, draft.stream
    number = choose(_numbers(draw.kind_logits()), grammar.kinds(), sampling, stream)
    draw.take_kind(number, draft.prior(number))
    kind = KINDS[number]
    row = [number]
    judged = strict and number == NOTE  # of the other kinds, wishes alone forbid anything
    for name in kind.fields:
        if name == kind.own_from:
            draw.take_track(*draft.own(row[_INSTRUMENT], row[_NUMBER]))
        mask = grammar.mask(number, row[1:])
        if not judged and int(mask.sum()) == 1:
            value = int(mask.argmax())
        else:
            logits = _numbers(draw.field_logits(name))
            if judged and stream.random() >= legal_share(logits, mask, sampling.temperature):
                return None
            value = choose(logits, mask, sampling, stream)
        draw.take_field(name, value)
        row.append(value)
    return row + [0] * (COLUMNS - len(row))


def _numbers(logits: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = logits.float().cpu().numpy()
    return values
