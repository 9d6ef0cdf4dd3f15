"""The notes of all tracks become rows in one pass, as loops that numba makes machine code of.

In: notes and the rows that stand among them. Out: what `fitting` and `codec` say in numpy, too.
Import it through `compiled` only.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# mypy: disable-error-code="assignment, arg-type"

import numpy as np
from numba import njit

from musegen.compiled import EXACT
from musegen.music.kernel_order import ascending
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

    notes, lengths: as `fits` has them; tracks: (3, T) int16, instrument, number and what is added
    to each pitch; lines: where bars begin and the last ends; head: rows; plan: rows in order with
    their ticks, each of which stands before the notes of its tick.
    """
    keys = np.empty(len(notes), dtype=np.int64)
    note = 0
    for track in range(len(lengths)):
        for _ in range(lengths[track]):
            # 31 bits onset, 4 track, 7 pitch, 11 duration, 7 velocity
            key = np.int64(notes[note, 0]) << 4 | track
            key = key << 7 | notes[note, 2]
            keys[note] = (key << 11 | notes[note, 1]) << 7 | notes[note, 3]
            note += 1
    keys = ascending(keys, len(keys))
    rows = np.zeros((len(head) + len(plan) + len(notes) + 1, COLUMNS), dtype=np.int16)
    rows[: len(head)] = head
    at, planned, bar = len(head), 0, 0
    for place in range(len(keys)):
        key = keys[place]
        tick = key >> 29
        while planned < len(plan) and plan_ticks[planned] <= tick:
            for cell in range(COLUMNS):
                rows[at, cell] = plan[planned, cell]
            planned += 1
            at += 1
        while lines[bar + 1] <= tick:
            bar += 1
        track = key >> 25 & 15
        rows[at, 0] = NOTE
        rows[at, ONSET] = tick - lines[bar]
        rows[at, INSTRUMENT] = tracks[0, track]
        rows[at, NUMBER] = tracks[1, track]
        rows[at, PITCH] = (key >> 18 & 127) + tracks[2, track]
        rows[at, DURATION] = duration_index[key >> 7 & 2**11 - 1]
        rows[at, VELOCITY] = key >> 2 & 31
        at += 1
    while planned < len(plan):
        rows[at] = plan[planned]
        planned += 1
        at += 1
    rows[at, 0] = END
    return rows
