"""Of several pieces the one that is measured nearest to the wishes is kept."""

from dataclasses import replace

import pytest

from musegen.composing.nearest import best_of, distance
from musegen.corpus.described import controls_of
from musegen.errors import WishError
from musegen.tokens.controls import Chord, Controls, TrackPlan
from tests.composing.busy import busy_composer

WISHES = Controls(bars=4, meter=(4, 4), tracks=(TrackPlan(0), TrackPlan(40)))


def test_a_piece_is_what_is_measured_of_it() -> None:
    """Nothing lies between a piece and its own measures, something between it and others."""
    (piece,) = busy_composer().compose(WISHES, seed=1)
    found = controls_of(piece.score)
    assert distance(piece.score, Controls()) == 0
    names = ("valence", "arousal", "loudness", "density", "polyphony")
    for name in names:
        heard = getattr(found, name)
        same = Controls(**{name: heard})
        assert distance(piece.score, same) == pytest.approx(0, abs=1e-6), name
        other = Controls(**{name: -heard if name in names[:2] else heard / 2})
        assert distance(piece.score, other) > 0.05, name
    asked = tuple(Chord(c.bar, c.onset, c.root, c.quality) for c in found.chords)
    assert distance(piece.score, Controls(chords=asked)) == 0
    moved = tuple(replace(c, root=((c.root or 0) + 1) % 12, quality="dim7") for c in asked)
    assert distance(piece.score, Controls(chords=moved)) > 0.5


def test_the_nearest_of_each_group_is_kept() -> None:
    """Two groups of three: of each the one with the fewest steps to the wish."""
    wishes = replace(WISHES, arousal=1.0, density=12.0)
    pieces = busy_composer().compose(wishes, seed=2, count=6)
    kept = best_of(pieces, wishes, 3)
    apart = [distance(piece.score, wishes) for piece in pieces]
    assert len(set(apart)) > 1
    assert [piece.number for piece in kept] == [
        apart.index(min(apart[:3])), 3 + apart[3:].index(min(apart[3:])),
    ]  # fmt: skip
    assert best_of(pieces, wishes, 1) == pieces
    with pytest.raises(WishError, match="best-of"):
        best_of(pieces, wishes, 0)
