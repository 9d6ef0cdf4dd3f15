"""What to try next after a run, from its figures alone. Knows no model and no file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from musegen.training.card import RunFacts
from musegen.training.settings import RunSettings
from musegen.training.state import Progress

STILL_FALLING = 0.005
"""A share by which the last judgement is better than the one before: more steps would help."""

FEW_PIECES = 200
OVERFITTED = 0.6
"""The best step came before this share of the run: what followed was learned by heart."""


def advice(settings: RunSettings, facts: RunFacts, progress: Progress, tuned: bool) -> list[str]:
    """Sentences that each name one thing to change, the most promising first."""
    return list(_advice(settings, facts, progress, tuned)) or [
        "Nothing stands out. Listen to the samples; more music of the kind you want helps most."
    ]


def _advice(
    settings: RunSettings, facts: RunFacts, progress: Progress, tuned: bool
) -> Iterator[str]:
    judged = [e["held_out_nats_per_note"] for e in progress.history]
    train = settings.train
    if not facts.held_out:
        yield "Hold some pieces out (ten files or more): without them nothing says when to stop."
    if len(judged) >= 2 and judged[-1] < judged[-2] * (1 - STILL_FALLING):
        yield (
            "The held-out loss was still falling when the run ended: give it more steps "
            f"(--steps {2 * train.steps}) or minutes."
        )
    elif judged and progress.best_step < OVERFITTED * progress.step:
        yield (
            f"Held-out pieces were foretold best at step {progress.best_step:,} of "
            f"{progress.step:,}: more music, a smaller preset or --set model.dropout=0.1 will go "
            "further than more steps."
        )
    if facts.pieces < FEW_PIECES and not tuned:
        yield (
            f"{facts.pieces} pieces are few to begin from nothing: fine-tune a checkpoint that "
            "has heard more (--from checkpoints/small)."
        )
    if progress.skipped:
        yield (
            f"{progress.skipped} steps had no finite loss: a lower learning rate "
            f"(--set train.learning_rate={train.learning_rate / 2:.2g}) may do better."
        )
    yield from _genres(facts.genres)


def _genres(genres: Mapping[str, int]) -> Iterator[str]:
    named: Sequence[tuple[str, Any]] = [(name, n) for name, n in genres.items() if name]
    if not named:
        yield "No piece has a genre: put files into folders named after genres, or add labels.csv."
        return
    few = [name for name, count in named if count < 10]
    if few and len(named) > 1:
        yield (
            f"Genres with fewer than ten pieces are hardly learned: {', '.join(sorted(few)[:5])}."
        )
