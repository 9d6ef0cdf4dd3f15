"""Precedents: how pieces that were learned from are laid out, for new ones to be laid out alike.

In: a collection of rows. Out: the HEAD rows of some of its pieces, and no note of them: genre,
mood, key, tempo, meter, and the instruments with their registers. Knows no model.
"""

import numpy as np

from musegen.corpus.collection import Collection
from musegen.tokens.fields import BAR, SECTION, Rows

PER_GENRE = 160
"""The most precedents of one genre."""


def precedents_of(collection: Collection, weights: np.ndarray, seed: int = 0) -> Rows:
    """HEAD of up to PER_GENRE training pieces of each genre, one after another: (N, COLUMNS).

    weights: (pieces,), how often each piece is drawn in training; likelier pieces come likelier.
    """
    chance = np.random.default_rng(seed)
    heads: list[Rows] = []
    training = collection.training
    for genre in np.unique(collection.genre[training]).tolist():
        among = training[(collection.genre[training] == genre) & (weights[training] > 0)]
        if not len(among):
            continue
        count = min(PER_GENRE, len(among))
        odds = weights[among] / weights[among].sum()
        for piece in np.sort(chance.choice(among, count, replace=False, p=odds)).tolist():
            rows = collection.rows(piece)
            heads.append(rows[: int(np.argmax((rows[:, 0] == SECTION) | (rows[:, 0] == BAR)))])
    return np.concatenate(heads) if heads else collection.rows(0)[:0]
