"""One whole tempo for each bar, as a loop that numba makes machine code of.

In: bar lines on the grid, the tempo changes of a piece, the way from steps to ticks. Out: what
`transform` says in numpy, too, to the bit. Import it through `compiled` only.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# mypy: disable-error-code="assignment, arg-type"

import numpy as np
from numba import njit

from musegen.compiled import EXACT
from musegen.music.kernel_grid import STEPS_PER_QUARTER, place_of


@njit(cache=True, **EXACT)
def whole_tempos(lines, tempo_ticks, pace, per_quarter, ticks, steps, low, high):
    """Where whole tempi change, and what that took.

    lines: (bars + 1,) steps; tempo_ticks, pace: seconds a tick from each tick on; ticks, steps: as
    `GridTime` has them; low, high: the slowest and the fastest tempo. Returns steps since the first
    line and tempi in bpm, (changes, 2); how many changes came inside a bar; the largest error of a
    bar's tempo in bpm.
    """
    bars = len(lines) - 1
    changes = np.empty((bars, 2), dtype=np.int64)
    places = np.empty(bars + 1)
    ticks_per_step = per_quarter / STEPS_PER_QUARTER
    for line in range(bars + 1):
        place = place_of(steps, lines[line])
        places[line] = ticks[place] + (lines[line] - steps[place]) * ticks_per_step
    seconds = np.zeros(len(pace))
    for change in range(1, len(pace)):
        lasted = (tempo_ticks[change] - tempo_ticks[change - 1]) * pace[change - 1]
        seconds[change] = seconds[change - 1] + lasted
    made = held = 0
    worst = before = 0.0
    for line in range(bars + 1):
        place = place_of(tempo_ticks, places[line])
        second = seconds[place] + (places[line] - tempo_ticks[place]) * pace[place]
        if line:
            bar = lines[line] - lines[line - 1]
            bpm = bar / STEPS_PER_QUARTER * 60 / (second - before)
            whole = np.int64(min(max(np.rint(bpm), float(low)), float(high)))
            worst = max(worst, abs(bpm - 60e6 / np.rint(60e6 / whole)))
            if whole != held:
                changes[made, 0], changes[made, 1] = lines[line - 1] - lines[0], whole
                made += 1
                held = whole
        before = second
    inside, line = 0, 0
    for change in range(len(tempo_ticks)):
        tick = tempo_ticks[change]
        if places[0] < tick < places[bars]:
            while np.rint(places[line]) < tick:
                line += 1
            inside += np.rint(places[line]) != tick
    return changes[:made].copy(), inside, worst
