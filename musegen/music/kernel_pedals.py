"""The sustain pedal's values become presses, as a loop that numba makes machine code of.

In: what a plain file's controllers tell, in order, and its parts. Out: the presses of each part, as
`pedals.pedals_of` has them. Import it through `compiled` only.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# mypy: disable-error-code="assignment, arg-type"

import numpy as np
from numba import njit

from musegen.compiled import EXACT

FIRST_DOWN = 64
"""As in `pedals`: from this value on the pedal is down."""


@njit(**EXACT)
def presses_of(pedals, parts, end, reach):
    """The presses of all parts (P, 2) int32, part after part, and how many each has (parts,).

    pedals: (M, 5), channel << 7 | program, track, whether no part of the channel was there yet,
    tick, value; parts: (P, 7), of which the first column is channel << 7 | program, the last the
    track. A channel of a track has one part. What is told before it begins counts whatever program
    holds then, what is told later only where it is the part's. `end` lets go of the last; what is
    told counts up to `reach`.
    """
    presses = np.empty((len(pedals) // 2 + len(parts), 2), dtype=np.int32)
    counts = np.zeros(len(parts), dtype=np.int64)
    made = first = 0
    for part in range(len(parts)):
        sound, track = parts[part, 0], parts[part, 6]
        while first < len(pedals) and pedals[first, 1] < track:
            first += 1
        row, down = first, np.int64(-1)
        before = made
        while row < len(pedals) and pedals[row, 1] == track:
            owner, value = pedals[row, 0], pedals[row, 4]
            if owner == sound or (pedals[row, 2] == 1 and owner >> 7 == sound >> 7):
                tick = min(np.int64(pedals[row, 3]), reach)
                if value >= FIRST_DOWN and down < 0:
                    down = tick
                elif value < FIRST_DOWN and down >= 0:
                    if down < tick:
                        presses[made, 0], presses[made, 1] = down, tick
                        made += 1
                    down = -1
            row += 1
        if 0 <= down < end:
            presses[made, 0], presses[made, 1] = down, end
            made += 1
        counts[part] = made - before
    return presses[:made].copy(), counts
