"""A bar that is planned to vary an earlier one leans to its chords and notes."""

import numpy as np
import pytest

from musegen.composing.composer import chance
from musegen.composing.draft import Draft
from musegen.composing.recall import CHORDS, NOTES, Recall
from musegen.model.sampling import Sampling
from musegen.tokens.controls import Controls, SectionPlan, TrackPlan
from musegen.tokens.fields import BAR, CHORD, EXACT, KINDS, NEW, NOTE, VARIED, row
from musegen.tokens.head import head_rows
from musegen.tokens.limits import Limits
from tests.composing.told import Told

TUNE = ((0, 60), (24, 64), (24, 67), (48, 72))


def note(onset: int, pitch: int, instrument: int = 0) -> list[int]:
    """A NOTE row."""
    return row(NOTE, onset=onset, instrument=instrument, pitch=pitch)


def bar(likeness: int = NEW, back: int = 0, chord: int = 2, left: int = 8) -> list[int]:
    """A BAR row that is so like the bar so many bars back."""
    return row(BAR, likeness=likeness, back=1 + back, chord=chord, bars_left=left)


def heard(*rows: list[int]) -> Recall:
    """What has taken a bar of TUNE, with another chord in its middle, and then these rows."""
    recall = Recall()
    first = [bar(chord=7), *(note(*n) for n in TUNE[:3]), row(CHORD, onset=48, chord=9)]
    for one in [*first, note(*TUNE[3]), *rows]:
        recall.take(one)
    return recall


def test_the_next_event_of_the_source_is_due() -> None:
    """First its onset, then its track, then its pitch; what was skipped is not asked for again."""
    recall = heard(bar(VARIED, 1))
    much = NOTES * recall.missing
    assert much > 0
    assert recall.leaning([]) == {NOTE: much}
    assert recall.leaning([NOTE]) == {0: much}
    assert recall.leaning([NOTE, 0]) == {0: much}
    assert recall.leaning([NOTE, 0, 0, 0]) == {60: much}
    recall.take(note(24, 64))
    assert recall.leaning([NOTE]) == {24: NOTES * recall.missing}
    assert list(recall.leaning([NOTE, 24, 0, 0])) == [67]
    assert list(recall.leaning([NOTE, 48, 0, 0])) == [72]
    assert not recall.leaning([NOTE, 36]), "nothing begins there"
    assert not recall.leaning([NOTE, 24, 5]), "nor in this track"
    assert not recall.leaning([NOTE, 24, 0, 0, 67]), "lengths are free"


def test_the_more_is_missing_the_more_it_leans() -> None:
    """Notes that the source has lessen it, to nothing; others add to it."""
    others = [heard(bar(VARIED, 1), *(note(n, 50) for n in range(k))).missing for k in range(4)]
    assert others == sorted(others)
    assert len(set(others)) == 4
    same = [heard(bar(VARIED, 1), *(note(*n) for n in TUNE[:k])).missing for k in range(5)]
    assert same == sorted(same, reverse=True)
    longer = [note(onset, 60) for onset in range(0, 96, 4)]
    recall = Recall()
    for one in [bar(), *longer, bar(VARIED, 1), *longer]:
        recall.take(one)
    assert recall.missing == 0
    assert not recall.leaning([])
    assert heard(bar(EXACT, 1), note(0, 60)).missing > heard(bar(VARIED, 1), note(0, 60)).missing


def test_where_the_source_is_over_no_note_is_due() -> None:
    """As long as the bar is unlike it."""
    recall = heard(bar(VARIED, 1), row(CHORD, onset=48, chord=9), note(90, 50))
    assert recall.leaning([]) == {NOTE: -NOTES * recall.missing}
    assert not recall.leaning([NOTE])


@pytest.mark.parametrize("likeness", [VARIED, EXACT])
def test_chords_lean_to_the_chords_of_the_source(likeness: int) -> None:
    """The bar's first one, and those within it where they are due; of exact repeats much more."""
    much = CHORDS[likeness]
    begun = bar(likeness, 1)
    recall = heard()
    chord_at = 1 + KINDS[BAR].fields.index("chord")
    assert recall.leaning(begun[:chord_at]) == {7: much}
    assert not recall.leaning(begun[: chord_at - 1])
    assert not recall.leaning(bar(NEW, 1)[:chord_at])
    assert not recall.leaning(bar(likeness, 2)[:chord_at]), "there is no bar so far back"
    for one in [begun, note(0, 60), note(24, 64), note(24, 67)]:
        recall.take(one)
    assert recall.leaning([]) == {CHORD: much}
    assert recall.leaning([CHORD]) == {48: much}
    assert recall.leaning([CHORD, 48]) == {9: much}
    recall.take(row(CHORD, onset=48, chord=9))
    assert list(recall.leaning([])) == [NOTE]


OPENED = bar(), bar(NEW, 1), bar(VARIED, 5), bar(0, 1), bar(VARIED, 1, left=0)


@pytest.mark.parametrize("opened", OPENED)
def test_nothing_leans_without_a_source(opened: list[int]) -> None:
    """In a bar that is new, or whose plan nobody knows; nor in the last, which is to end."""
    recall = heard(opened, note(0, 50))
    assert recall.missing == 0
    assert not recall.leaning([])
    assert not recall.leaning([NOTE, 24])


def matched(recall: float, repeat: str = "varied") -> float:
    """Of the notes of bars that are to vary others, the share that these have, too; by a model to
    which all pitches are the same.
    """
    sections = tuple(SectionPlan(4 * n, "A", 4, repeat=repeat if n else None) for n in range(4))
    wishes = Controls(bars=16, meter=(4, 4), sections=sections, tracks=(TrackPlan(0),))
    draft = Draft(0, Limits.of(wishes), head_rows(wishes, ()), chance(0, 0))
    model = Told({
        "kind": {BAR: 0.1, NOTE: 0.9},
        "onset": dict.fromkeys(range(0, 96, 12), 1.0),
        "pitch": dict.fromkeys(range(60, 72), 1.0),
        "duration": dict.fromkeys(range(6), 1.0),
    })  # fmt: skip
    model.write(draft, Sampling(top_p=1.0, recall=recall))
    bars: list[set[tuple[int, ...]]] = []
    for one in draft.rows:
        if one[0] == BAR:
            bars.append(set())
        elif one[0] == NOTE:
            bars[-1].add(tuple(one[1:5]))
    shares = [len(bars[n] & bars[n % 4]) / max(1, len(bars[n])) for n in range(4, 16)]
    return float(np.mean(shares))


def test_bars_come_out_like_what_they_vary() -> None:
    """Without recall hardly a note is the same, with it most are, and not all."""
    assert matched(0.0) < 0.2
    assert 0.5 < matched(1.0) < 0.98
