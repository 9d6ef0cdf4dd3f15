"""Which tracks of a score become one, where it has more than the grid can hold.

A score's tracks go in, a plan comes out: for every track the number of the track that takes its
notes. Knows no time; moves no note itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musegen.music.score import PITCH, Track
from musegen.music.timing import GRID

MAX_MELODIC = GRID.max_tracks - 1


@dataclass(frozen=True)
class Folding:
    """For every track the index of the track that takes its notes: its own, where it stays."""

    into: tuple[int, ...]
    drums_merged: int = 0
    same_program_merged: int = 0
    other_program_merged: int = 0


def fold(tracks: Sequence[Track]) -> Folding:
    """A plan that leaves one drum track and at most 15 others; no note is left out.

    Drums go into the drum track with the most notes. Of more than 15 others the smallest goes
    first: into the track of its own program that lies nearest in pitch, as long as any program has
    two; then into the track of the nearest program, of its own family if there is one.
    """
    into = list(range(len(tracks)))
    drums = [place for place in into if tracks[place].is_drum]
    if len(drums) < 2 and len(tracks) - len(drums) <= MAX_MELODIC:
        return Folding(tuple(into))
    for place in drums:
        into[place] = max(drums, key=lambda drum: len(tracks[drum]))
    left = [place for place in range(len(tracks)) if not tracks[place].is_drum]
    if len(left) <= MAX_MELODIC:
        return Folding(tuple(into), drums_merged=max(0, len(drums) - 1))

    pitch = [float(np.mean(track.notes[:, PITCH])) if len(track) else 0.0 for track in tracks]
    same = other = 0
    while len(left) > MAX_MELODIC:
        programs = [tracks[place].program for place in left]
        doubled = [place for place in left if programs.count(tracks[place].program) > 1]
        small = min(doubled or left, key=lambda place: len(tracks[place]))
        left.remove(small)
        home = min(left, key=lambda place: _distance(tracks, pitch, small, place))
        into = [home if target == small else target for target in into]
        same += tracks[home].program == tracks[small].program
        other += tracks[home].program != tracks[small].program
    return Folding(tuple(into), max(0, len(drums) - 1), same, other)


def _distance(
    tracks: Sequence[Track], pitch: Sequence[float], one: int, other: int
) -> tuple[bool, bool, int, float]:
    """How unlike two tracks are: program, family, place in the family, then pitch."""
    first, second = tracks[one].program, tracks[other].program
    return (
        first != second,
        first // 8 != second // 8,
        abs(first - second),
        abs(pitch[one] - pitch[other]),
    )
