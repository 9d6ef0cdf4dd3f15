"""How near a piece is to what was wished for, by what can be measured of it.

A Score on the grid and Controls go in, a distance comes out: 0 where everything wished is there.
"""

import math
from collections.abc import Sequence

from musegen.composing.composer import Composition
from musegen.corpus.described import controls_of
from musegen.errors import WishError
from musegen.music.score import Score
from musegen.tokens.controls import Controls

DENSITY_OCTAVE = 1.0
"""Twice or half as many notes as wished weigh as much as a wrong key."""


def distance(score: Score, wishes: Controls) -> float:
    """The mean over the wishes that can be measured, each 0 (there) to about 1 (far off).

    Valence, arousal, key, density, polyphony, loudness and chords count; what is exact by
    construction does not, nor does genre, which nothing here can hear.
    """
    found = controls_of(score)
    apart: list[float] = []
    for name, unit in (("valence", 1.0), ("arousal", 1.0), ("loudness", 32.0)):
        asked, heard = getattr(wishes, name), getattr(found, name)
        if asked is not None:
            apart.append(1.0 if heard is None else min(abs(asked - heard) / unit, 1.0))
    for name in ("density", "polyphony"):
        asked, heard = getattr(wishes, name), getattr(found, name)
        if asked:
            octaves = abs(math.log2(max(heard or 0.0, 1e-3) / asked))
            apart.append(min(octaves / DENSITY_OCTAVE, 1.0))
    if wishes.key is not None:
        apart.append(float(found.key != wishes.key))
    if wishes.chords:
        asked_at = {(c.bar, c.onset): (c.root, c.quality) for c in wishes.chords}
        heard_at = {(c.bar, c.onset): (c.root, c.quality) for c in found.chords}
        same = sum(heard_at.get(place) == chord for place, chord in asked_at.items())
        apart.append(1 - same / len(asked_at))
    return sum(apart) / len(apart) if apart else 0.0


def best_of(pieces: Sequence[Composition], wishes: Controls, each: int) -> list[Composition]:
    """Of every `each` pieces in a row, the one nearest to the wishes; of equals the first."""
    if each < 1:
        raise WishError(f"best-of {each} is too small: at least one piece")
    groups = (pieces[first : first + each] for first in range(0, len(pieces), each))
    return [min(group, key=lambda piece: distance(piece.score, wishes)) for group in groups]
