"""Notes in ticks become settled notes on the grid in one pass, as loops that numba compiles.

In: the notes of all tracks, which track goes where, the way from ticks to steps. Out: what
`snapping.snap` gives, which says the same in numpy. Import it through `compiled` only.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# mypy: disable-error-code="assignment, arg-type"

import numpy as np
from numba import njit

from musegen.compiled import EXACT, PLACE
from musegen.music.kernel_order import put_in_order

STEPS_PER_QUARTER = 24
VELOCITY_BIN = 4
KEYS = 128
MOST = 2**11 - 1
MAX_STEP = 2**31 - 1


@njit(**EXACT)
def place_of(ticks, tick):
    """The last place of ascending `ticks` that is not past `tick`; 0 where all are."""
    low, high = 0, len(ticks)
    while low < high:
        middle = (low + high) // 2
        if ticks[middle] <= tick:
            low = middle + 1
        else:
            high = middle
    return max(low - 1, 0)


@njit(**EXACT)
def step_of(tick, per_quarter, ticks, steps):
    """The step nearest to a tick, and how far away it lies, in steps; see `GridTime.to_steps`."""
    place = PLACE(place_of(ticks, tick) if len(ticks) > 1 else 0)
    within = tick - ticks[place]
    step = within
    if per_quarter != STEPS_PER_QUARTER:
        # Unsigned, which takes two thirds of the time; what comes of a time below 0 is not used.
        doubled = np.uint64(2 * STEPS_PER_QUARTER * within + per_quarter)
        step = np.int64(doubled // np.uint64(2 * per_quarter))
    step += steps[place]
    if place + PLACE(1) < PLACE(len(steps)):
        step = min(step, steps[place + PLACE(1)])
    return step, step - (steps[place] + within * (STEPS_PER_QUARTER / per_quarter))


@njit("f8(f8[::1], i8, i8)", **EXACT)
def total(numbers, first, count):
    """The sum of `count` numbers, added up in numpy's order, so that it is the same to the bit."""
    if count < 8:
        result = 0.0
        for place in range(first, first + count):
            result += numbers[place]
        return result
    if count > 128:
        half = count // 2
        half -= half % 8
        return total(numbers, first, half) + total(numbers, first + half, count - half)
    a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    last = first + count - count % 8
    for place in range(first, last, 8):
        a += numbers[place]
        b += numbers[place + 1]
        c += numbers[place + 2]
        d += numbers[place + 3]
        e += numbers[place + 4]
        f += numbers[place + 5]
        g += numbers[place + 6]
        h += numbers[place + 7]
    result = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for place in range(last, first + count):
        result += numbers[place]
    return result


@njit(cache=True, **EXACT)
def snap(
    notes, lengths, homes, groups, per_quarter, ticks, steps, tempo_ticks, pace, nearest, floor
):
    """Settled notes of `groups` groups, and what that took.

    notes: (N, 4) int32, track after track; lengths, homes: notes and group of each track; ticks,
    steps: as `GridTime` has them; tempo_ticks, pace: seconds a step from each tick on.
    Returns whether it can be done, without which the rest says nothing; rows (M, 4) int32 by
    group, onset, pitch; for each group its notes (groups,), and its last release and sum of pitches
    (groups, 2); eight counts: merged, overlaps cut, lengths raised, snapped, cut, velocities
    rounded, then the first onset and the last release; how far notes moved in steps and in seconds,
    on average and at most.
    """
    rows = np.empty((len(notes), 4), dtype=np.int32)
    sizes = np.zeros(groups, dtype=np.int64)
    about = np.zeros((groups, 2), dtype=np.int64)
    shift, shift_s = np.empty(len(notes)), np.empty(len(notes))
    keys = np.empty(len(notes), dtype=np.int64)
    following = np.empty(KEYS, dtype=np.int64)  # the onset at which a pitch is struck again
    made = merged = overlaps = raised = snapped = cut = rounded = latest = 0
    earliest, longest = MAX_STEP, len(nearest) - 1
    farthest = farthest_s = 0.0
    possible = True
    for group in range(groups):
        fill = first = 0
        for track in range(len(lengths)):
            if homes[track] == group:
                for number in range(first, first + lengths[track]):
                    note = PLACE(number)
                    tick, length = np.int64(notes[note, 0]), np.int64(notes[note, 1])
                    pitch, velocity = np.int64(notes[note, 2]), np.int64(notes[note, 3])
                    onset, moved = step_of(tick, per_quarter, ticks, steps)
                    release, _ = step_of(tick + length, per_quarter, ticks, steps)
                    possible &= (tick | length) >= 0 and not (pitch | velocity) & ~127
                    possible &= release <= MAX_STEP
                    place = PLACE(place_of(tempo_ticks, tick) if len(pace) > 1 else 0)
                    moved = abs(moved)
                    moved_s = moved * pace[place]
                    shift[note], shift_s[note] = moved, moved_s
                    if moved > farthest:
                        farthest = moved
                    if moved_s > farthest_s:
                        farthest_s = moved_s
                    length = release - onset
                    raised += length < 1
                    length = min(max(length, 1), MOST)
                    centre = (velocity & ~(VELOCITY_BIN - 1)) | VELOCITY_BIN // 2
                    rounded += centre != velocity
                    keys[PLACE(fill)] = onset << 25 | pitch << 18 | (MOST - length) << 7 | centre
                    fill += 1
            first += lengths[track]
        if not possible:  # what follows counts on steps that have room
            break
        begin, before = made, np.int64(-1)
        ordered = put_in_order(keys, fill)
        for number in range(fill):
            key = ordered[PLACE(number)]
            if key >> 18 == before:  # the longest came first
                merged += 1
                rows[made - 1, 3] = max(rows[made - 1, 3], np.int32(key & 127))
                continue
            before = key >> 18
            rows[PLACE(made), 0] = key >> 25
            rows[PLACE(made), 1] = MOST - (key >> 7 & MOST)
            rows[PLACE(made), 2] = before & 127
            rows[PLACE(made), 3] = key & 127
            made += 1
        following[:] = 2 * MAX_STEP
        end = pitches = 0
        for number in range(made - 1, begin - 1, -1):
            row = PLACE(number)
            onset, pitch = np.int64(rows[row, 0]), np.int64(rows[row, 2])
            room = following[PLACE(pitch)] - onset
            following[PLACE(pitch)] = onset
            wanted = np.int64(rows[row, 1])
            if wanted > room:
                overlaps += 1
                wanted = room
            length = nearest[PLACE(min(wanted, longest))]
            if length > room:
                length = floor[wanted]
            if wanted > longest:
                cut += 1
            elif length != wanted:
                snapped += 1
            rows[row, 1] = length
            end = max(end, onset + length)
            pitches += pitch
        sizes[group], about[group, 0], about[group, 1] = made - begin, end, pitches
        if made > begin:
            earliest = min(earliest, np.int64(rows[begin, 0]))
        latest = max(latest, end)
    counts = merged, overlaps, raised, snapped, cut, rounded, earliest, latest
    mean, mean_s = total(shift, 0, len(shift)), total(shift_s, 0, len(shift))
    moved = mean / len(notes), mean_s / len(notes), farthest, farthest_s
    return possible, rows[:made], sizes, about, counts, moved
