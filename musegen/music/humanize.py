"""A Score as a person would play it: onsets and velocities a little off, by chance.

A Score and a stream of chance go in, a Score in 480 ticks a quarter comes out. Not for the grid.
"""

from dataclasses import replace

import numpy as np

from musegen.errors import WishError
from musegen.music import timing
from musegen.music.exported import SHORTEST, exported
from musegen.music.score import DURATION, ONSET, PITCH, VELOCITY, NoteArray, Score, note_array
from musegen.music.snapping import without_overlaps

TIMING_S = 0.012
"""The standard deviation of onsets where all of it is asked for: a choice, not a measurement."""

LOUDNESS = 8.0
"""The standard deviation of velocities where all of it is asked for."""

WIDEST = 2.5
"""Nothing goes further off than so many standard deviations."""


def humanized(score: Score, amount: float, chance: np.random.Generator) -> Score:
    """The score with onsets moved and velocities changed; `amount` is 0 (as written) to 1.

    No note leaves the piece, changes places with the next of its pitch, or comes nearer to it than
    a 48th of a quarter. Bars, tempo and meter stay. Raises WishError for other amounts.
    """
    if not 0 <= amount <= 1:
        raise WishError(f"humanize {amount:g} is out of range: allowed is 0 (off) to 1")
    if amount == 0:
        return score
    whole = exported(score)
    return whole.with_tracks(
        replace(track, notes=_played(track.notes, whole, amount, chance)) for track in whole.tracks
    )


def _played(
    notes: NoteArray, score: Score, amount: float, chance: np.random.Generator
) -> NoteArray:
    rows = notes[np.lexsort((notes[:, ONSET], notes[:, PITCH]))].astype(np.int64)
    onset = rows[:, ONSET]
    off = np.clip(chance.standard_normal((len(rows), 2)), -WIDEST, WIDEST) * amount
    wish = np.rint(off[:, 0] * TIMING_S / timing.seconds_per_tick_at(score, onset))
    # Half of the way to the strikes of the same pitch before and after is this note's own.
    gap = np.full(len(rows) + 1, np.iinfo(np.int32).max)
    same = rows[1:, PITCH] == rows[:-1, PITCH]
    gap[1:-1][same] = np.diff(onset)[same]
    room = np.maximum(gap - SHORTEST, 0) // 2
    last = score.end - SHORTEST
    moved = np.clip(onset + np.clip(wish, -room[:-1], room[1:]).astype(np.int64), 0, last)
    release = np.minimum(moved + rows[:, DURATION], score.end)
    rows[:, ONSET], rows[:, DURATION] = moved, release - moved
    louder = np.rint(off[:, 1] * LOUDNESS).astype(np.int64)
    rows[:, VELOCITY] = np.clip(rows[:, VELOCITY] + louder, 1, 127)
    return without_overlaps(note_array(rows))
