"""Verdicts on fine-tuning: the word follows from the evidence, and the evidence is said."""

import pytest

from musegen.corpus.passages import Passage
from musegen.evaluation.advice import advice
from musegen.evaluation.verdict import LEARNED, MEMORISED, NOT_ENOUGH, Evidence, verdict
from musegen.training.card import RunFacts
from musegen.training.settings import RunSettings
from musegen.training.state import Progress

NAMES = ["rag/maple.mid", "rag/pine.mid"]


def evidence(
    before: float | None = 4.0,
    after: float | None = 3.5,
    composed: tuple[int, ...] = (6, 9),
    real: tuple[int, ...] = (8, 12),
) -> Evidence:
    """Evidence with passages of so many notes."""
    return Evidence(
        before, after, 20, 3,
        [Passage(notes, 1, notes / 100) for notes in composed],
        [Passage(notes, 0, notes / 100) for notes in real],
        NAMES,
    )  # fmt: skip


WORDS = [
    (evidence(), LEARNED),
    (evidence(after=3.95), NOT_ENOUGH),
    (evidence(after=4.2), NOT_ENOUGH),
    (evidence(before=None, after=None), NOT_ENOUGH),
    (evidence(composed=(40,)), MEMORISED),
    (evidence(after=4.2, composed=(40,)), MEMORISED),
    (evidence(composed=(40,), real=(39,)), LEARNED),
    (evidence(composed=(23,), real=(2,)), LEARNED),
    (evidence(composed=(24,), real=()), MEMORISED),
    (evidence(composed=()), LEARNED),
]


@pytest.mark.parametrize(("found", "word"), WORDS)
def test_the_word_follows_from_the_evidence(found: Evidence, word: str) -> None:
    """Held-out nats decide between learned and not enough; quotations beyond what real pieces
    share decide for memorised.
    """
    assert verdict(found).word == word


def test_the_evidence_is_said() -> None:
    """Before and after, how much less, the longest passage and where it stands."""
    said = " ".join(verdict(evidence()).reasons)
    for part in (
        "Held-out pieces (3 of 20, never learned from)",
        "4.000 nats per note before and 3.500 after: 12.5% less",
        "2 compositions share with the files is 9 notes of one part, in rag/pine.mid (9% of",
        "real held-out pieces share up to 12",
    ):
        assert part in said
    assert "5.0% more" in " ".join(verdict(evidence(after=4.2)).reasons)
    assert "Do not pass" in " ".join(verdict(evidence(composed=(99,))).reasons)
    assert "cannot be told" in " ".join(verdict(evidence(before=None)).reasons)


def history(*nats: float) -> Progress:
    """A run judged every ten steps."""
    entries = [{"step": 10 * n, "held_out_nats_per_note": x} for n, x in enumerate(nats, 1)]
    best = min(range(len(nats)), key=lambda n: nats[n])
    return Progress(
        step=10 * len(nats), best=nats[best], best_step=10 * (best + 1), history=entries
    )


FACTS = RunFacts(pieces=1000, held_out=30, genres={"folk": 500, "jazz": 500})


def test_advice_names_what_to_change() -> None:
    """Still falling: more steps. Best long ago: more music. Few pieces: fine-tune."""
    settings = RunSettings()
    assert "--steps 4000" in advice(settings, FACTS, history(5, 4, 3), False)[0]
    assert "best at step 10 of 40" in advice(settings, FACTS, history(3, 4, 4, 4), False)[0]
    assert "Nothing stands out" in advice(settings, FACTS, history(5, 4, 4, 3.999), False)[0]
    few = RunFacts(pieces=20, held_out=0, genres={"": 20})
    said = " ".join(advice(settings, few, Progress(skipped=3), False))
    for part in ("Hold some pieces out", "--from checkpoints/small", "3 steps", "has a genre"):
        assert part in said
    assert "--from" not in " ".join(advice(settings, few, Progress(), True))
    rare = RunFacts(pieces=900, held_out=9, genres={"folk": 890, "waltz": 4})
    assert "hardly learned: waltz" in " ".join(advice(settings, rare, history(3), False))
