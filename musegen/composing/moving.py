"""A precedent moved to the mood that is wished: faster, busier and louder, or the reverse; minor or
major.

Where a genre has no piece as calm, as excited or as sad as is wished, the nearest would lay out the
opposite of the wish. How far each cue is moved follows from what `music.mood` says that it adds.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np

from musegen.music.mood import CUES, SPREAD
from musegen.tokens import scales
from musegen.tokens.controls import Controls, TrackPlan

Plan = TypeVar("Plan", Controls, TrackPlan)

FARTHEST = {"tempo": 0.6, "density": 0.7, "loudness": 20.0}
"""How far each is moved at most: octaves, octaves, steps of velocity."""

FULL = 0.95
"""Beyond this a wish is taken to be this one: its inverse hyperbolic tangent is finite."""

MODES_APART = 0.47
"""Majorness of a plain major piece less that of a plain minor one: two of its deviations."""


def moved_to_mood(precedent: Controls, wishes: Controls) -> Controls:
    """The precedent as it would be in the mood that is wished, as far as it can be moved."""
    return _brighter(_livelier(precedent, wishes), wishes)


def _livelier(precedent: Controls, wishes: Controls) -> Controls:
    share = float(np.clip(_missing("arousal", precedent, wishes) / _most(), -1, 1))
    if not share:
        return precedent
    tempo = _times(precedent.tempo, share * FARTHEST["tempo"], scales.TEMPO_BPM)
    return replace(
        _busier(precedent, share),
        tempo=None if tempo is None else round(tempo),
        tracks=tuple(_busier(track, share) for track in precedent.tracks),
    )


def _brighter(precedent: Controls, wishes: Controls) -> Controls:
    """In the other mode where that comes nearer to the wish."""
    cue = CUES["majorness"]
    step = cue.valence / cue.deviation * MODES_APART
    missing = _missing("valence", precedent, wishes)
    other = {"major": -step, "minor": step}
    if precedent.key is None or abs(missing) <= abs(missing - other[precedent.key[1]]):
        return precedent
    tonic, mode = precedent.key
    return replace(precedent, key=(tonic, "minor" if mode == "major" else "major"))


def _missing(axis: str, precedent: Controls, wishes: Controls) -> float:
    """What the sum of the cues lacks to what is wished; 0 where either is not known."""
    wished, there = getattr(wishes, axis), getattr(precedent, axis)
    if wished is None or there is None:
        return 0.0
    away = np.arctanh(np.clip(wished, -FULL, FULL)) - np.arctanh(np.clip(there, -FULL, FULL))
    return float(away) / SPREAD[("valence", "arousal").index(axis)]


def _most() -> float:
    """What moving everything as far as it may be adds to the sum of the cues."""
    each = {name: cue.arousal / cue.deviation for name, cue in CUES.items()}
    return (
        FARTHEST["tempo"] * (each["tempo"] + each["pace"])
        + FARTHEST["density"] * each["pace"]
        + FARTHEST["loudness"] * each["loudness"]
    )


def _busier(plan: Plan, share: float) -> Plan:
    """Denser and louder, or the reverse: a piece or one of its tracks."""
    loudness = plan.loudness
    if loudness is not None:
        loudness = scales.LOUDNESS.snap(loudness + share * FARTHEST["loudness"])
    density = _times(plan.density, share * FARTHEST["density"], scales.DENSITY)
    return replace(plan, density=density, loudness=loudness)


def _times(number: float | None, octaves: float, scale: scales.Scale) -> float | None:
    """The number so many octaves higher, within its scale."""
    if number is None:
        return None
    return scale.snap(number * 2**octaves)
