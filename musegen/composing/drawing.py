"""One more row of a draft: what the model says of it, made legal, and chosen by chance."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from musegen.composing.balance import leaned
from musegen.composing.colour import Leaning
from musegen.composing.draft import Draft
from musegen.model.paths import Draw, Logits
from musegen.model.sampling import Odds, Sampling, weighed
from musegen.tokens.fields import COLUMNS, KINDS, NOTE, column

Weigh = Callable[[Logits, NDArray[np.bool_], Sampling], Odds]

TRIES = 8
"""How often a row is begun anew because it led to what is not legal."""

_TRACK_FIELDS = "instrument", "number"
_INSTRUMENT, _NUMBER = column(NOTE, "instrument"), column(NOTE, "number")


def draw_row(
    begin: Callable[[], Draw], draft: Draft, sampling: Sampling, weigh: Weigh = weighed
) -> list[int]:
    """The draft's next row: its kind, then its fields in order, each of them legal.

    begin: the model's distribution of the row, from its start; weigh: `weighed`, or its equal.

    A row of legal values is drawn as often as the model, asked for rows and nothing else, gives
    it among the legal ones. Choosing field by field among what is legal would not do that: where a
    track has one unlikely pitch left, a note of that track would get it for sure. So a field whose
    legal values hold the share m of the odds is given up with probability 1 - m, and the row begun
    anew (rejection sampling); after TRIES rows what is legal is taken as it comes.
    """
    given = draft.grammar.given()
    if given is not None:
        return list(given)
    known = _Known(draft, sampling, weigh)
    tries = TRIES if sampling.temperature else 1  # without chance every try is the same
    for _ in range(tries - 1):
        row = _row(begin(), draft, known, strict=True)
        if row is not None:
            return row
    row = _row(begin(), draft, known, strict=False)
    assert row is not None
    return row


class _Known:
    """What the model said so far of the draft's next row: rows begun alike go on alike."""

    def __init__(self, draft: Draft, sampling: Sampling, weigh: Weigh) -> None:
        self._grammar = draft.grammar
        self._balance = draft.balance
        self._colour = draft.colour
        self._recall = draft.recall
        self._heed = draft.heed
        self._close = draft.close
        self._sampling = sampling
        self._weigh = weigh
        self._odds: dict[tuple[int, ...], Odds] = {}

    def odds(self, draw: Draw, row: list[int], name: str, judged: bool) -> Odds:
        """Of the next value after those of `row`; its share matters where it is `judged`."""
        begun = tuple(row)
        found = self._odds.get(begun)
        if found is None:
            mask = self._grammar.mask(row[0], row[1:]) if row else self._grammar.kinds()
            if not judged and np.count_nonzero(mask) == 1:
                return Odds(1.0, None, int(mask.argmax()))
            logits = draw.field_logits(name) if row else draw.kind_logits()
            if self._sampling.balance and row and row[0] == NOTE and name in _TRACK_FIELDS:
                logits = leaned(logits, self._balance.leaning(row), self._sampling.balance)
            if self._sampling.recall:
                logits = leaned(logits, self._recall.leaning(row), self._sampling.recall)
            if self._sampling.colour and name == "chord":
                logits = leaned(logits, self._colour.closing(row), self._sampling.colour)
            if self._sampling.heed:
                logits = _raised(logits, self._heed.leaning(row), self._sampling.heed)
            if self._sampling.close:
                logits = _raised(logits, self._close.leaning(row), self._sampling.close)
            if name == "pitch":
                logits = _raised(logits, self._colour.leaning(), self._sampling.colour)
            sampling = self._sampling
            if name == "pitch":
                sampling = sampling.in_harmony
            elif name == "chord":
                sampling = sampling.in_chords
            found = self._odds[begun] = self._weigh(logits, mask, sampling)
        return found


def _raised(logits: Logits, leaning: Leaning | None, strength: float) -> Logits:
    """Logits (size,) with `strength` times what leans added; `leaned` does so for a few of them."""
    return logits if leaning is None else logits + np.float32(strength) * leaning


def _row(draw: Draw, draft: Draft, known: _Known, strict: bool) -> list[int] | None:
    """A legal row, or where `strict` None: this beginning led to too much that is not legal."""
    stream = draft.stream
    number = known.odds(draw, [], "kind", False).pick(stream)
    draw.take_kind(number, draft.prior(number))
    kind = KINDS[number]
    row = [number]
    judged = strict and number == NOTE  # of the other kinds, wishes alone forbid anything
    for name in kind.fields:
        if name == kind.own_from:
            draw.take_track(*draft.own(row[_INSTRUMENT], row[_NUMBER]))
        odds = known.odds(draw, row, name, judged)
        if judged and stream.random() >= odds.legal_share:
            return None
        value = odds.pick(stream)
        draw.take_field(name, value)
        row.append(value)
    return row + [0] * (COLUMNS - len(row))
