"""What fine-tuning has come to, in plain words with the evidence: learned, memorised, not enough.

In: held-out nats per note before and after, and the longest passages that compositions, and real
held-out pieces, share with the files that were learned from. Out: a verdict. Knows no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from musegen.corpus.passages import Passage

LEARNED, MEMORISED, NOT_ENOUGH = "learned", "memorised", "not enough"

LEAST_GAIN = 0.02
"""Held-out nats per note must fall by this share, else nothing was learned that others have."""

LONG_PASSAGE = 24
"""So many notes in a row, in time and pitch, are a quotation whoever plays them."""

BEYOND_REAL = 1.5
"""And so many times as many as real pieces of the kind share with each other."""

FEW_HELD_OUT = 3
"""With fewer pieces to judge with, the figure may be chance."""


@dataclass(frozen=True)
class Evidence:
    """What the verdict rests on. Nats per note; `composed` and `real` share passages with the
    files learned from; `names` are the paths of those files.
    """

    before: float | None
    after: float | None
    pieces: int
    held_out: int
    composed: Sequence[Passage]
    real: Sequence[Passage]
    names: Sequence[str]


@dataclass(frozen=True)
class Verdict:
    """One of three words, and the sentences that say why."""

    word: str
    reasons: tuple[str, ...]


def verdict(found: Evidence) -> Verdict:
    """The verdict, with its evidence in words."""
    reasons = [*_held_out(found), *_passages(found)]
    if _quotes(found):
        reasons.append(
            "Compositions quote the files: train for fewer steps, give it more files, or compose "
            "at a higher temperature. Do not pass such passages off as new."
        )
        return Verdict(MEMORISED, tuple(reasons))
    gain = _gain(found)
    if gain is None or gain < LEAST_GAIN:
        reasons.append(
            "What these files have in common was not found, or was known before: give it more "
            "files of one kind, or train longer (--set train.steps=600 --patience 8)."
        )
        return Verdict(NOT_ENOUGH, tuple(reasons))
    return Verdict(LEARNED, tuple(reasons))


def _gain(found: Evidence) -> float | None:
    if found.before is None or found.after is None or not found.before:
        return None
    return (found.before - found.after) / found.before


def _longest(passages: Sequence[Passage]) -> Passage:
    return max(passages, key=lambda passage: passage.notes, default=Passage())


def _quotes(found: Evidence) -> bool:
    real = _longest(found.real).notes if found.real else LONG_PASSAGE / BEYOND_REAL
    return _longest(found.composed).notes >= max(LONG_PASSAGE, BEYOND_REAL * real)


def _held_out(found: Evidence) -> list[str]:
    gain = _gain(found)
    if gain is None:
        return ["Nothing was held out, so whether it learned what others have cannot be told."]
    said = [
        f"Held-out pieces ({found.held_out} of {found.pieces}, never learned from) cost "
        f"{found.before:.3f} nats per note before and {found.after:.3f} after: "
        f"{abs(gain):.1%} {'less' if gain >= 0 else 'more'}."
    ]
    if found.held_out < FEW_HELD_OUT:
        said.append(f"{found.held_out} held-out pieces are few: the figure may be chance.")
    return said


def _passages(found: Evidence) -> list[str]:
    if not found.composed:
        return ["Nothing was composed, so nothing can be said of quotations."]
    longest = _longest(found.composed)
    if not longest.notes:
        return [f"{len(found.composed)} compositions share no passage with the files."]
    place = found.names[longest.of] if longest.of < len(found.names) else "the files"
    said = (
        f"The longest passage that {len(found.composed)} compositions share with the files is "
        f"{longest.notes} notes of one part, in {place} ({longest.fraction:.0%} of the composition"
        ")"
    )
    if found.real:
        said += f"; real held-out pieces share up to {_longest(found.real).notes}"
    return [said + "."]
