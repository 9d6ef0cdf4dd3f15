"""Floors for held-out likelihood, computed on the same rows as the model's.

Three of them: uniform over what the grammar allows, a unigram and a 5-gram of each field. All give
nats by field in the same keys as the model's, so that the tables stand side by side.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from musegen.evaluation.ngram import NGram, Sequences
from musegen.tokens.fields import FIELDS, FORM, KINDS, PAD, STYLE, Rows
from musegen.tokens.grammar import Grammar
from musegen.tokens.limits import Limits
from musegen.training.judge import Likelihood, summarise

Piece = tuple[Rows, NDArray[np.bool_]]
"""Rows (T, COLUMNS) of a window that begins a piece, and which of them are scored (T,)."""


def uniform(pieces: Iterable[Piece]) -> Likelihood:
    """Every legal choice is equally likely: what the grammar alone knows."""
    nats: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for rows, scored in pieces:
        grammar = Grammar(Limits(reading=True))
        for cells, counted in zip(rows.tolist(), scored.tolist(), strict=True):
            kind = cells[0]
            if kind == PAD:
                break
            if counted:
                nats["kind"] += float(np.log(grammar.kinds().sum()))
                counts["kind"] += 1
                for place, name in enumerate(KINDS[kind].fields):
                    value = cells[place + 1]
                    if FIELDS[name].optional and value == 0:
                        continue
                    mask = grammar.mask(kind, cells[1 : place + 1])
                    legal = int(mask.sum()) - (FIELDS[name].optional and bool(mask[0]))
                    key = f"{KINDS[kind].name}.{name}"
                    nats[key] += float(np.log(max(legal, 1)))
                    counts[key] += 1
            grammar.advance(cells)
    return summarise(nats, counts)


def field_sequences(pieces: Iterable[Piece]) -> dict[str, Sequences]:
    """For "kind" and every "KIND.field", one sequence of values a piece; unset ones left out."""
    found: dict[str, Sequences] = {"kind": []}
    for rows, scored in pieces:
        kept = rows[scored].astype(np.int64)
        found["kind"].append(kept[:, 0])
        for k, kind in enumerate(KINDS):
            if k in (PAD, STYLE, FORM):
                continue
            of_kind = kept[kept[:, 0] == k]
            for place, name in enumerate(kind.fields, start=1):
                values = of_kind[:, place]
                values = values[values > 0] if FIELDS[name].optional else values
                if len(values):
                    found.setdefault(f"{kind.name}.{name}", []).append(values)
    return found


def fitted(train: Mapping[str, Sequences], order: int) -> dict[str, NGram]:
    """An n-gram of each field (see `field_sequences`)."""
    return {key: NGram(sequences, _size(key), order) for key, sequences in train.items()}


def foretold(models: Mapping[str, NGram], held_out: Mapping[str, Sequences]) -> Likelihood:
    """The models' likelihood of the held-out sequences; a field never seen may be anything."""
    nats: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for key, sequences in held_out.items():
        model = models.get(key) or NGram([], _size(key), 1)
        values = model.nats(sequences)
        nats[key] += float(values.sum())
        counts[key] += len(values)
    return summarise(nats, counts)


def ngram(train: dict[str, Sequences], held_out: dict[str, Sequences], order: int) -> Likelihood:
    """An n-gram of each field, fitted on `train`, judged on `held_out` (see `field_sequences`)."""
    return foretold(fitted(train, order), held_out)


def _size(key: str) -> int:
    return len(KINDS) if key == "kind" else FIELDS[key.split(".")[1]].size
