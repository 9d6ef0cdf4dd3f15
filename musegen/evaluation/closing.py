"""What is found out when a run is over: its likelihood by genre, what it composes, a verdict.

In: a checkpoint folder and the music that it was trained on. Out: an `Outcome`, for a report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from musegen.composing.composer import Composer, Composition, Wanted
from musegen.corpus.batches import held_out_windows
from musegen.corpus.collection import Collection
from musegen.corpus.passages import Passages
from musegen.evaluation.verdict import Evidence, Verdict, verdict
from musegen.model.checkpoint import load_checkpoint
from musegen.tokens.controls import Controls
from musegen.training.judge import Likelihood, likelihood

SAMPLES, TUNED_SAMPLES, SAMPLE_BARS = 3, 6, 16
MOST_JUDGED = 200
"""Held-out pieces that the table by genre rests on, at most."""

MOST_COMPARED = 2000
"""Files in which passages are looked for, at most."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run. `samples` are compositions with the genre that each was asked for."""

    by_genre: Mapping[str, Likelihood] = field(default_factory=dict)
    by_field: Mapping[str, float] = field(default_factory=dict)
    samples: Sequence[tuple[str, Composition]] = ()
    verdict: Verdict | None = None


def outcome(
    checkpoint: Path,
    collection: Collection,
    genres: Sequence[str],
    names: Sequence[str],
    seed: int,
    before: float | None = None,
    tuned: bool = False,
) -> Outcome:
    """What the checkpoint has come to. names: the path of each piece. tuned: with a verdict.

    before: held-out nats per note of the checkpoint that it was tuned from.
    """
    model = load_checkpoint(checkpoint).model
    context, pieces = model.config.context, collection.judging[:MOST_JUDGED]
    by_genre: dict[str, Likelihood] = {}
    for genre in np.unique(collection.genre[pieces]).tolist():
        chosen = pieces[collection.genre[pieces] == genre].tolist()
        windows = held_out_windows(collection, context, 4096, pieces=chosen)
        by_genre[genres[genre - 1] if genre else ""] = likelihood(model, windows)
    whole = None
    if len(pieces):
        whole = likelihood(model, held_out_windows(collection, context, 4096, pieces.tolist()))
    samples = _samples(checkpoint, collection, genres, seed, TUNED_SAMPLES if tuned else SAMPLES)
    found: Verdict | None = None
    if tuned:
        files = collection.training[:MOST_COMPARED]
        passages = Passages(collection.rows(piece) for piece in files.tolist())
        found = verdict(
            Evidence(
                before,
                None if whole is None else whole.per_note,
                len(collection),
                len(collection.judging),
                [passages.longest(piece.rows) for _, piece in samples],
                [passages.longest(collection.rows(piece)) for piece in pieces.tolist()],
                [names[piece] for piece in files.tolist()],
            )
        )
    return Outcome(by_genre, {} if whole is None else whole.by_field, samples, found)


def _samples(
    checkpoint: Path, collection: Collection, genres: Sequence[str], seed: int, count: int
) -> list[tuple[str, Composition]]:
    """Compositions in the genres of the music, those with most pieces first."""
    composer = Composer.load(checkpoint)
    sizes = np.bincount(collection.genre, minlength=len(genres) + 1)[1:]
    order = [int(i) for i in np.argsort(-sizes, kind="stable") if sizes[i]]
    asked = [genres[order[n % len(order)]] for n in range(count)] if order else [""] * count
    wanted = [
        Wanted(Controls(genre=genre or None, bars=SAMPLE_BARS), seed + number)
        for number, genre in enumerate(asked)
    ]
    return list(zip(asked, composer.compose_each(wanted, workers=1), strict=True))
