"""The notes of all tracks become rows in one pass, as loops that numba makes machine code of.

In: notes and the rows that stand among them. Out: what `fitting` and `codec` say in numpy, too.
Import it through `compiled` only.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# mypy: disable-error-code="assignment, arg-type"

import numpy as np
from numba import njit

from musegen.compiled import EXACT, PLACE
from musegen.tokens.fields import COLUMNS, END, NOTE, column

PITCHES = 128
ONSET, INSTRUMENT, NUMBER, PITCH, DURATION, VELOCITY = (
    column(NOTE, name)
    for name in ("onset", "instrument", "number", "pitch", "duration", "velocity")
)


@njit(cache=True, **EXACT)
def fits(notes, lengths, duration_index):
    """Whether rows can hold the notes: all as the grid has them, in order, none over another.

    notes: (N, 4) int32, track after track; lengths: notes of each track.
    """
    free = np.empty(PITCHES, dtype=np.int64)  # when the pitch may be struck again
    first = 0
    for track in range(len(lengths)):
        free[:] = 0
        before = -1
        for note in range(first, first + lengths[track]):
            onset, duration = np.int64(notes[note, 0]), np.int64(notes[note, 1])
            pitch, velocity = np.int64(notes[note, 2]), np.int64(notes[note, 3])
            if onset < 0 or pitch & ~127 or velocity & ~124 != 2:
                return False
            if not 0 <= duration < len(duration_index) or duration_index[duration] < 0:
                return False
            place = onset << 7 | pitch
            if place <= before or onset < free[pitch]:
                return False
            before = place
            free[pitch] = onset + duration
        first += lengths[track]
    return True


@njit(cache=True, **EXACT)
def lay_out(notes, lengths, tracks, lines, head, plan, plan_ticks, duration_index):
    """All rows of a piece, HEAD first and END last: (N, COLUMNS) int16.

    notes, lengths: as `fits` has them, and within the lines; tracks: (3, T) int16, instrument,
    number and what is added to each pitch; lines: where bars begin and the last ends, at MOST_STEPS
    at most; head: rows; plan: rows in order with their ticks, each of which stands before the notes
    of its tick.
    """
    # What each step holds is counted; from that follows where its first row goes.
    places = np.zeros(lines[-1] + 1, dtype=np.int32)
    for note in range(len(notes)):
        places[PLACE(notes[note, 0])] += 1
    for row in range(len(plan)):
        places[plan_ticks[row]] += 1
    at = len(head)
    for step in range(len(places)):
        count = places[step]
        places[step] = at
        at += count
    rows = np.zeros((at + 1, COLUMNS), dtype=np.int16)
    rows[: len(head)] = head
    for row in range(len(plan)):
        at = places[plan_ticks[row]]
        places[plan_ticks[row]] += 1
        for cell in range(COLUMNS):
            rows[at, cell] = plan[row, cell]
    done = 0
    for track in range(len(lengths)):
        instrument, number, added = tracks[0, track], tracks[1, track], tracks[2, track]
        bar, line, following = 0, lines[0], lines[1]
        for _ in range(lengths[track]):
            note = PLACE(done)
            tick = np.int64(notes[note, 0])
            while following <= tick:
                bar += 1
                line, following = following, lines[bar + 1]
            at = PLACE(places[PLACE(tick)])
            places[PLACE(tick)] += 1
            rows[at, 0] = NOTE
            rows[at, ONSET] = tick - line
            rows[at, INSTRUMENT] = instrument
            rows[at, NUMBER] = number
            rows[at, PITCH] = notes[note, 2] + added
            rows[at, DURATION] = duration_index[PLACE(notes[note, 1])]
            rows[at, VELOCITY] = notes[note, 3] >> 2
            done += 1
    rows[-1, 0] = END
    return rows
