"""Whether a piece keeps to its own beats, or was played freely past them.

In: a Score in any ticks. Out: a number. Knows no grid's offset, no file and no style.
"""

import numpy as np

from musegen.music.score import ONSET, Score

DIVISIONS = (1, 2, 3, 4, 6, 8, 12)
"""Of a quarter note: what the onsets of a piece in time gather around, swung or straight."""


def steadiness(score: Score) -> tuple[float, int]:
    """How much the onsets gather at one place of the beat, 0 to 1, and how many onsets there are.

    The largest mean resultant length, over `DIVISIONS`, of the onsets' places within the division:
    1 where all are equally far from its lines, near 1 / sqrt(onsets) where they fall anywhere.
    Notes that begin together count once. (Fisher 1993, Statistical Analysis of Circular Data.)
    """
    onsets = np.concatenate([np.zeros(0), *(track.notes[:, ONSET] for track in score.tracks)])
    places = np.unique(onsets) / score.ticks_per_quarter
    if not len(places):
        return 0.0, 0
    turns = np.exp(2j * np.pi * places)
    return max(float(np.abs((turns**d).mean())) for d in DIVISIONS), len(places)
