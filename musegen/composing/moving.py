"""A precedent moved to what is wished: faster, busier and louder, or the reverse; minor or major;
higher or lower.

Where a genre has no piece as calm, as excited or as sad as is wished, the nearest would lay out the
opposite of the wish. How far each cue is moved follows from what `music.mood` says that it adds.
Its tracks are moved, too, by as much as its density, polyphony and loudness lie off those wished.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np

from musegen.music.mood import CUES, cue_sum, level_of
from musegen.tokens import scales
from musegen.tokens.controls import Controls, TrackPlan

Plan = TypeVar("Plan", Controls, TrackPlan)

FARTHEST = {"tempo": 0.6, "density": 0.7, "loudness": 20.0, "height": 6}
"""How far each is moved at most: octaves, octaves, steps of velocity, semitones."""

MUCH_VALENCE = 0.6
"""What must be missing in the sum of valence's cues where the register moves as far as it may: half
of what the other mode adds. The register alone would not make up for it; `colour` helps.
"""

MODES_APART = 0.47
"""Majorness of a plain major piece less that of a plain minor one: two of its deviations."""


def moved_to_wishes(precedent: Controls, wishes: Controls) -> Controls:
    """The precedent as it would be with what is wished, as far as it can be moved."""
    for move in (_livelier, _brighter, _higher, _as_busy):
        precedent = move(precedent, wishes)
    return precedent


def _livelier(precedent: Controls, wishes: Controls) -> Controls:
    share = float(np.clip(_missing("arousal", precedent, wishes) / _most("arousal"), -1, 1))
    if not share:
        return precedent
    tempo = _times(precedent.tempo, share * FARTHEST["tempo"], scales.TEMPO_BPM)
    more = share * FARTHEST["density"], 0.0, share * FARTHEST["loudness"]
    return replace(
        _busier(precedent, *more),
        valence=_plus("valence", precedent.valence, share * _most("valence")),
        tempo=None if tempo is None else round(tempo),
        tracks=tuple(_busier(track, *more) for track in precedent.tracks),
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
    return replace(
        precedent,
        valence=_plus("valence", precedent.valence, other[mode]),
        key=(tonic, "minor" if mode == "major" else "major"),
    )


def _higher(precedent: Controls, wishes: Controls) -> Controls:
    """In a higher register, or a lower one."""
    share = float(np.clip(_missing("valence", precedent, wishes) / MUCH_VALENCE, -1, 1))
    shift = round(share * FARTHEST["height"])
    return replace(precedent, tracks=tuple(in_register(t, shift) for t in precedent.tracks))


def _as_busy(precedent: Controls, wishes: Controls) -> Controls:
    """Its tracks as much denser, fuller and louder as the piece is to be."""
    denser = _octaves(wishes.density, precedent.density)
    fuller = _octaves(wishes.polyphony, precedent.polyphony)
    louder = 0.0
    if wishes.loudness is not None and precedent.loudness is not None:
        louder = wishes.loudness - precedent.loudness
    tracks = tuple(_busier(track, denser, fuller, louder) for track in precedent.tracks)
    return replace(precedent, tracks=tracks)


def _missing(axis: str, precedent: Controls, wishes: Controls) -> float:
    """What the sum of the cues lacks to what is wished; 0 where either is not known."""
    wished, there = getattr(wishes, axis), getattr(precedent, axis)
    if wished is None or there is None:
        return 0.0
    return cue_sum(axis, wished) - cue_sum(axis, there)


def _plus(axis: str, level: float | None, more: float) -> float | None:
    """A level with so much more in the sum of its cues; None where it is not known."""
    return None if level is None else level_of(axis, cue_sum(axis, level) + more)


def _most(axis: str) -> float:
    """What moving everything as far as it may be adds to the sum of the cues."""
    each: dict[str, float] = {
        name: getattr(cue, axis) / cue.deviation for name, cue in CUES.items()
    }
    return (
        FARTHEST["tempo"] * (each["tempo"] + each["pace"])
        + FARTHEST["density"] * each["pace"]
        + FARTHEST["loudness"] * each["loudness"]
    )


def _busier(plan: Plan, denser: float, fuller: float, louder: float) -> Plan:
    """A piece or one of its tracks with more notes a quarter and more at once, by so many octaves,
    and louder by so many steps of velocity.
    """
    loudness = plan.loudness
    if loudness is not None:
        loudness = scales.LOUDNESS.snap(loudness + louder)
    return replace(
        plan,
        density=_times(plan.density, denser, scales.DENSITY),
        polyphony=_times(plan.polyphony, fuller, scales.POLYPHONY),
        loudness=loudness,
    )


def _octaves(wished: float | None, there: float | None) -> float:
    """How many octaves one lies above the other; 0 where either is not known or nothing."""
    return float(np.log2(wished / there)) if wished and there else 0.0


def in_register(track: TrackPlan, shift: int) -> TrackPlan:
    """The track so many semitones higher, as far as there are pitches."""
    if track.is_drum or track.low is None or track.high is None:
        return track
    low, high = (int(np.clip(pitch + shift, 0, 127)) for pitch in (track.low, track.high))
    return replace(track, low=low, high=high)


def _times(number: float | None, octaves: float, scale: scales.Scale) -> float | None:
    """The number so many octaves higher, within its scale."""
    if number is None:
        return None
    return scale.snap(number * 2**octaves)
