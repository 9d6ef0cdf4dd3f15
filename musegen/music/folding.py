"""Which tracks of a score become one, where it has more than the grid can hold.

A score's parts go in, a plan comes out: for every track the number of the track that takes its
notes. Knows no time; moves no note itself.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from musegen.music.score import PITCH, Parts
from musegen.music.timing import GRID

MAX_MELODIC = GRID.max_tracks - 1


class Folding(NamedTuple):
    """For every track the index of the track that takes its notes: its own, where it stays."""

    into: tuple[int, ...]
    drums_merged: int = 0
    same_program_merged: int = 0
    other_program_merged: int = 0


def fold(parts: Parts) -> Folding:
    """A plan that leaves one drum track and at most 15 others; no note is left out.

    Drums go into the drum track with the most notes. Of more than 15 others the smallest goes
    first: into the track of its own program that lies nearest in pitch, as long as any program has
    two; then into the track of the nearest program, of its own family if there is one.
    """
    sounds = parts.sounds
    into = list(range(len(sounds)))
    drums = [place for place, (is_drum, _) in enumerate(sounds) if is_drum]
    if len(drums) < 2 and len(sounds) - len(drums) <= MAX_MELODIC:
        return Folding(tuple(into))
    sizes = parts.lengths.tolist()
    for place in drums:
        into[place] = max(drums, key=sizes.__getitem__)
    left = [place for place, (is_drum, _) in enumerate(sounds) if not is_drum]
    if len(left) <= MAX_MELODIC:
        return Folding(tuple(into), drums_merged=max(0, len(drums) - 1))

    program = [number for _, number in sounds]
    pitches = np.split(parts.notes[:, PITCH], np.cumsum(parts.lengths)[:-1])
    pitch = [float(np.mean(some)) if len(some) else 0.0 for some in pitches]

    def distance(one: int, other: int) -> tuple[bool, bool, int, float]:
        """How unlike two tracks are: program, family, place in the family, then pitch."""
        return (
            program[one] != program[other],
            program[one] // 8 != program[other] // 8,
            abs(program[one] - program[other]),
            abs(pitch[one] - pitch[other]),
        )

    same = other = 0
    while len(left) > MAX_MELODIC:
        programs = [program[place] for place in left]
        doubled = [place for place in left if programs.count(program[place]) > 1]
        small = min(doubled or left, key=sizes.__getitem__)
        left.remove(small)
        home = min(left, key=partial(distance, small))
        into = [home if target == small else target for target in into]
        same += program[home] == program[small]
        other += program[home] != program[small]
    return Folding(tuple(into), max(0, len(drums) - 1), same, other)
