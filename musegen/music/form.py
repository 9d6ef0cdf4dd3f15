"""Form: which bar repeats which, and the sections of a piece, both by how alike its bars are.

A Score on the grid goes in; numbers of bars back and lettered sections come out. Always the same
for the same notes. Knows no token and no wish.
"""

import numpy as np
from numpy.typing import NDArray

from musegen.music.likeness import Bars, compare_bars
from musegen.music.score import Score

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]

LOOK_BACK = 64
"""A bar can be said to repeat one at most this many bars before it."""

NEW, VARIED, EXACT = range(3)

VARIED_LIKENESS = 0.7
"""Likeness from which a bar is a variation of another and not a new one."""

CONTEXT_BARS = 4
ENOUGH_CONTEXT = 6
"""Of the bars around, how many must repeat at the same distance for it to be as good as any."""

LETTERS = "ABCDEFGHIJKLMNOP"
SHORTEST_FORM = 8
"""A piece with fewer bars is one section."""

COMFORT = {
    2: 0.3, 3: 0.3, 4: 0.78, 5: 0.5, 6: 0.75, 7: 0.65, 8: 1.0, 9: 0.7, 10: 0.87, 11: 0.65,
    12: 0.94, 14: 0.88, 16: 0.97, 18: 0.88, 20: 0.9, 24: 0.92, 32: 0.9,
}  # fmt: skip
"""How well a section of so many bars sits, per bar. Other lengths are not used."""

LEFTOVER_COMFORT = 0.2
"""The same for 2 or 3 bars of a piece whose bars are too short to count: they fill what is left."""

CLOSING = (5, 9, 17)
"""A last section of so many bars sits as one without its last bar: many pieces end on one."""

LONGEST_SECTION = max(COMFORT)

REPEAT_GAIN = 1.0
"""What it is worth, per bar, that a section as a whole comes elsewhere."""

FULL_GAIN_BARS = 6
"""Sections shorter than this gain less by coming again: a loop of two bars is no section."""

NOVELTY_GAIN = 4.0
"""What it is worth to begin a section where the music before and after differ most."""

NOVELTY_BARS = 4

SAME_LETTER = 0.55
"""How far from the piece's mean likeness towards identity two sections of one letter lie."""

WIDEST = 512
"""A longer piece is divided in stretches of this many bars, to bound memory and time."""

LONGEST_RETURN = 192
"""Within how many bars a section must come again to be recognised when the piece is divided."""


def recurrence(score: Score, bars: Bars | None = None) -> tuple[Ints, Ints]:
    """For each bar, how many bars back lies the one that it repeats, and how closely: two (bars,).

    back is 0 for a new bar, else 1 to 64. likeness is 0 new, 1 varied, 2 exact: the same onsets,
    pitches and lengths in the same tracks. A bar in which nothing begins is new. Of several equal
    bars the one counts whose neighbours repeat too, then one a multiple of 4 bars back, then the
    nearest.
    """
    bars = compare_bars(score) if bars is None else bars
    n = len(bars)
    span = min(LOOK_BACK, n - 1)
    back, how = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    if span < 1:
        return back, how
    lags = np.arange(1, span + 1)
    earlier = np.arange(n)[:, None] - lags  # (n, span)
    exists = (earlier >= 0) & ~bars.empty[:, None]
    same = exists & (bars.identity[:, None] == bars.identity[np.maximum(earlier, 0)])
    alike = np.where(exists, bars.likeness(np.arange(n)[:, None], np.maximum(earlier, 0)), 0.0)
    taste = 0.5 * (lags % 4 == 0) - lags / 1000
    exact = np.where(same, np.minimum(_around(same), ENOUGH_CONTEXT) + taste, -np.inf)
    near = alike + 0.02 * _around(alike) + 0.04 * taste
    varied = np.where(alike >= VARIED_LIKENESS, near, -np.inf)
    every = np.arange(n)
    for code, rank in ((VARIED, varied), (EXACT, exact)):
        best = rank.argmax(axis=1)
        found = rank[every, best] > -np.inf
        back[found] = lags[best[found]]
        how[found] = code
    return back, how


def _around(matches: NDArray[np.bool_] | Floats) -> Floats:
    """At each bar and distance, the sum over the bars around at the same distance."""
    n = len(matches)
    running = np.zeros((n + 1, matches.shape[1]))
    np.cumsum(matches, axis=0, out=running[1:])
    high = np.minimum(np.arange(n) + CONTEXT_BARS + 1, n)
    low = np.maximum(np.arange(n) - CONTEXT_BARS, 0)
    return np.subtract(running[high] - running[low], matches)


Section = tuple[int, int, str]
"""First bar, number of bars, letter."""


def sections(score: Score, bars: Bars | None = None) -> list[Section]:
    """The piece as sections of 2 to 32 bars in order, without gaps; like sections share a letter.

    Boundaries lie where the music changes and where a passage begins that comes again, and sit
    best 8, 16 or 4 bars apart; an upbeat bar belongs to the section that it leads to. A piece of
    fewer than 8 bars is one section.
    """
    bars = compare_bars(score) if bars is None else bars
    n = len(bars)
    if n < SHORTEST_FORM:
        return [(0, n, LETTERS[0])]
    first = int(bars.upbeat)
    cover: list[tuple[int, int]] = []
    start = first
    while start < n:
        stop = n if n - start <= WIDEST + SHORTEST_FORM else start + WIDEST
        longest = LONGEST_SECTION - first if start == first else LONGEST_SECTION
        every = np.arange(start, stop)
        whole = bars.likeness_with_silence(every[:, None], every)
        comforts = _comforts(bars.group, min(longest, stop - start))
        cover += [(start + begin, length) for begin, length in _divide(whole, comforts)]
        start = stop
    names = _letters(bars, cover)
    named = [(begin, length, name) for (begin, length), name in zip(cover, names, strict=True)]
    return [(0, first + cover[0][1], names[0]), *named[1:]]


def _comforts(group: int, longest: int) -> dict[int, float]:
    """How well each length of up to `longest` bars sits, shortest first."""
    leftover = dict.fromkeys((2, 3), LEFTOVER_COMFORT) if group > 1 else {}
    grouped = {length * group: comfort for length, comfort in COMFORT.items()}
    return {length: c for length, c in (leftover | grouped).items() if length <= longest}


def _divide(likeness: Floats32, comforts: dict[int, float]) -> list[tuple[int, int]]:
    """The best cover of a stretch of bars by sections (start, length), by dynamic programming."""
    n = len(likeness)
    worths = _section_worths(likeness, comforts)
    novelty = (NOVELTY_GAIN * _novelty(likeness)).tolist()
    best, choice = [0.0] + [-np.inf] * n, [0] * (n + 1)
    for stop in range(1, n + 1):
        for length, worth in worths.items():
            start = stop - length
            if start < 0:
                break
            value = worth[start]
            if stop == n and length in CLOSING and length - 1 in worths:
                value = max(value, worths[length - 1][start] * length / (length - 1))
            value += best[start] + novelty[start]
            if value > best[stop] + 1e-9:
                best[stop], choice[stop] = value, length
    cover: list[tuple[int, int]] = []
    stop = n
    while stop:
        cover.append((stop - choice[stop], choice[stop]))
        stop -= choice[stop]
    return cover[::-1]


def _base(likeness: Floats32) -> float:
    """Mean likeness of two different bars, kept away from 1."""
    n = len(likeness)
    return min((float(likeness.sum()) - float(np.trace(likeness))) / (n * (n - 1)), 0.95)


def _section_worths(likeness: Floats32, comforts: dict[int, float]) -> dict[int, list[float]]:
    """For each length and start: what a section there is worth, by its length and its returns."""
    n = len(likeness)
    base = _base(likeness)
    lag = np.arange(min(n, LONGEST_RETURN))[:, None]
    bar = np.arange(n)
    runs = []
    for other in (bar + lag, bar - lag):
        inside = (other >= 0) & (other < n)
        diagonals = np.where(inside, likeness[bar, np.clip(other, 0, n - 1)], 0)
        running = np.zeros((len(lag), n + 1), dtype=np.float32)
        np.cumsum(diagonals, axis=1, out=running[:, 1:])
        runs.append(running)
    worths = {}
    for length, comfort in comforts.items():
        closest = np.zeros(n - length + 1, dtype=np.float32)
        for run in runs if length < len(lag) else ():
            sums = run[length:, length:] - run[length:, : n - length + 1]
            np.maximum(closest, sums.max(axis=0), out=closest)
        gain = np.maximum(closest / length - base, 0) / (1 - base)
        gain *= REPEAT_GAIN * min(length / FULL_GAIN_BARS, 1)
        worths[length] = (length * (comfort + gain)).tolist()
    return worths


def _novelty(likeness: Floats32) -> Floats:
    """How much the bars before each bar line differ from those after it, more than usual: (n,).

    Foote's checkerboard kernel (ICME 2000) on the likeness of bars, without that of a bar to
    itself: the mean within both sides less the mean across, 0 where a side is a single bar.
    """
    n = len(likeness)
    pairs = likeness.astype(np.float64)
    np.fill_diagonal(pairs, 0.0)
    area = np.zeros((n + 1, n + 1))
    area[1:, 1:] = pairs.cumsum(axis=0).cumsum(axis=1)
    at = np.arange(n)
    low, high = np.maximum(at - NOVELTY_BARS, 0), np.minimum(at + NOVELTY_BARS, n)

    def total(top: Ints, bottom: Ints, left: Ints, right: Ints) -> Floats:
        return np.subtract(
            area[bottom, right] - area[top, right], area[bottom, left] - area[top, left]
        )

    before, after = at - low, high - at
    within = total(low, at, low, at) / np.maximum(before * (before - 1), 1)
    within += total(at, high, at, high) / np.maximum(after * (after - 1), 1)
    across = total(low, at, at, high) / np.maximum(before * after, 1)
    contrast = np.where((before > 1) & (after > 1), np.maximum(within / 2 - across, 0), 0.0)
    contrast[1:] -= contrast[1:].mean()
    contrast[0] = 0.0
    return contrast


def _letters(bars: Bars, cover: list[tuple[int, int]]) -> list[str]:
    """A letter for each section: that of the earlier one most like it, or the next new one."""
    every = np.arange(min(len(bars), WIDEST))
    base = _base(bars.likeness_with_silence(every[:, None], every))
    enough = base + SAME_LETTER * (1 - base)
    starts, lengths = np.array(cover).T
    names: list[int] = []
    for place, (start, length) in enumerate(cover):
        best, name = -1.0, 0
        if place:
            alike = _section_likeness(bars, start, length, starts[:place], lengths[:place])
            nearest = int(alike.argmax())
            best, name = float(alike[nearest]), names[nearest]
        used = max(names, default=-1) + 1
        names.append(used if best < enough and used < len(LETTERS) else name)
    return [LETTERS[name] for name in names]


def _section_likeness(bars: Bars, start: int, length: int, others: Ints, lengths: Ints) -> Floats:
    """Mean likeness of a section to others, bar by bar from their starts: (others,).

    Less where lengths differ.
    """
    step = np.arange(length)[:, None]
    inside = np.minimum(others + step, start - 1)
    diagonal = bars.likeness_with_silence(start + step, inside)
    shared = np.minimum(lengths, length)
    total = np.where(step < shared, diagonal, 0).sum(axis=0)
    alike: Floats = total / shared * np.sqrt(shared / np.maximum(lengths, length))
    return alike
