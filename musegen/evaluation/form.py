"""Form: do compositions repeat and vary as real pieces do, and do they end?

Scores on the grid go in, shares with their 95 % intervals come out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.composing.composer import Composer
from musegen.corpus.collection import Collection
from musegen.evaluation.comparing import Estimate, mean_interval
from musegen.evaluation.sets import Excerpt, Progress, composed, held_out
from musegen.evaluation.statistics import Heard
from musegen.model.sampling import Sampling
from musegen.music.form import EXACT, NEW, VARIED, sections
from musegen.music.measure import pool
from musegen.music.score import Score
from musegen.music.timing import bar_lines

Floats = NDArray[np.float64]

LAGS = 16
"""Up to how many bars apart likeness is drawn."""

REPEATS: Mapping[str, Callable[[Heard], float]] = {
    "bars that are new": lambda h: float((h.returns == NEW).mean()),
    "bars that vary an earlier one": lambda h: float((h.returns == VARIED).mean()),
    "bars that repeat one exactly": lambda h: float((h.returns == EXACT).mean()),
    "sections": lambda h: float(len(sections(h.score, h.bars))),
    "letters among them": lambda h: float(len({part[2] for part in sections(h.score, h.bars)})),
}  # fmt: skip
"""What is asked of how a piece goes on."""


def on_the_tonic(score: Score) -> float:
    """1 where the lowest note of the last that are struck is the tonic of the likeliest key."""
    notes, key = pool(score).pitched, Heard(score).measured.key
    if not len(notes) or key is None:
        return 0.0
    last = notes.onset + notes.duration
    sounding = notes.pitch[(notes.onset <= notes.onset.max()) & (last > notes.onset.max())]
    return float(int(sounding.min()) % 12 == key.tonic)


def long_at_last(score: Score) -> float:
    """1 where the last struck notes are longer, in the mean, than three quarters of all notes."""
    notes = pool(score).pitched
    if not len(notes):
        return 0.0
    final = notes.duration[notes.onset == notes.onset.max()].mean()
    return float(final > np.quantile(notes.duration, 0.75))


def at_rest(score: Score) -> float:
    """1 where nothing begins in the second half of the last bar."""
    lines = bar_lines(score)
    middle = (int(lines[-2]) + int(lines[-1])) / 2
    return float(not (pool(score).onset >= middle).any())


ENDINGS: Mapping[str, Callable[[Score], float]] = {
    "the bass rests on the tonic": on_the_tonic,
    "the last notes are long": long_at_last,
    "nothing begins in the last half bar": at_rest,
}


@dataclass(frozen=True)
class FormReport:
    """Shares by question, for each set; likeness by distance in bars, (LAGS,) for each set."""

    bars: int
    pieces: Mapping[str, int]
    repeats: Mapping[str, Mapping[str, Estimate]]
    likeness: Mapping[str, Floats]
    endings: Mapping[str, Mapping[str, Estimate]]
    ended: Mapping[str, int]


def form_report(
    composer: Composer,
    collection: Collection,
    short: Sequence[Excerpt],
    real: Sequence[Excerpt],
    count: int = 40,
    bars: int = 32,
    seed: int = 0,
    sampling: Sampling | None = None,
    progress: Progress | None = None,
) -> FormReport:
    """`count` compositions of `bars` bars beside real ones cut to the same length.

    Endings are judged on the compositions `short`, on the whole of the real pieces, and, as the
    floor, on those that were cut in the middle.
    """
    like = [p for p in held_out(collection, composer.genres, bars) if p.bars == bars]
    made = composed(composer, like, count, seed + 500_000, sampling, progress) if like else []
    return asked_of(made, like, short, real, bars, seed)


def asked_of(
    made: Sequence[Excerpt],
    like: Sequence[Excerpt],
    short: Sequence[Excerpt],
    real: Sequence[Excerpt],
    bars: int,
    seed: int = 0,
) -> FormReport:
    """Every question of form, asked of these pieces."""
    chance = np.random.default_rng([seed, 3])
    long = {"compositions": made, "real pieces": like}
    heard = {name: [Heard(p.score) for p in pieces] for name, pieces in long.items() if pieces}
    ends = {
        "compositions": [p.score for p in short],
        "real pieces, whole": [p.whole for p in real],
        "real pieces, cut off": [p.score for p in real if p.score is not p.whole],
    }
    return FormReport(
        bars=bars,
        pieces={name: len(pieces) for name, pieces in heard.items()},
        repeats={
            name: {
                question: mean_interval(np.array([ask(piece) for piece in pieces]), chance)
                for question, ask in REPEATS.items()
            }
            for name, pieces in heard.items()
        },
        likeness={
            name: np.array(
                [np.mean([piece.likeness(lag) for piece in pieces]) for lag in range(1, LAGS + 1)]
            )
            for name, pieces in heard.items()
        },
        endings={
            name: {
                question: mean_interval(np.array([ask(score) for score in scores]), chance)
                for question, ask in ENDINGS.items()
            }
            for name, scores in ends.items()
            if scores
        },
        ended={name: len(scores) for name, scores in ends.items()},
    )
