"""A plain MIDI file becomes a Score by machine code, in one pass over its bytes.

In: a file's bytes. Out: the Score that `read` makes of them with symusic, or None for a file that
is not plain or may not be: `read` goes its usual way then. Raises nothing.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.music.chunks import RUNNING_ON
from musegen.music.parsed import (
    MAX_SILENCE_QUARTERS,
    keys_of,
    meters_of,
    tempos_of,
    too_long,
)
from musegen.music.pedals import FIRST_DOWN, pedals_in_order
from musegen.music.score import Marker, Parts, Pedal, Repair, Score
from musegen.music.source import EVENT_BYTES, Limits
from musegen.music.texts import clean

DRUM_CHANNEL = 9
COUNT, STOP = 2, 3
"""Columns of the kernel's `parts`."""

MARKER, TEMPO, METER, KEY = 0x06, 0x51, 0x58, 0x59

SORTED_ALIKE = 16
"""symusic's sorting keeps the order of so few changes at one tick; of more nothing is known."""


def plain_score(content: bytes, limits: Limits, kernels: Any) -> Score | None:
    """The music of a plain file within limits; None for any other."""
    if len(content) > EVENT_BYTES * limits.events:
        return None
    counts, notes, parts, rows, pedals = kernels.parse(np.frombuffer(content, dtype=np.uint8))
    tracks, per_quarter, conductor_end = counts
    if (
        not len(notes)
        or tracks > limits.tracks
        or (b"\xf7" in content and RUNNING_ON.search(content))
    ):
        return None
    changes: dict[int, list[list[int]]] = {MARKER: [], TEMPO: [], METER: [], KEY: []}
    for kind, *change in rows.tolist():
        changes[kind].append(change)
    if len(rows) > SORTED_ALIKE and not all(map(_sorts_alike, changes.values())):
        return None
    for some in changes.values():
        if len(some) > 1:
            some.sort(key=_tick)
    repairs: Counter[str] = Counter()
    told_parts = parts.tolist()
    end = max([part[STOP] for part in told_parts])
    if end < conductor_end <= end + MAX_SILENCE_QUARTERS * per_quarter:
        end = conductor_end
    pressing = len(pedals) and int(pedals[:, 4].max()) >= FIRST_DOWN
    held = _pedals(told_parts, pedals, end) if pressing else [()] * len(told_parts)
    notes.setflags(write=False)
    try:
        made = Parts(
            notes,
            parts[:, COUNT].astype(np.int64),
            [(sound >> 7 == DRUM_CHANNEL, sound & 127) for sound, *_ in told_parts],
            [part[STOP] for part in told_parts],
            [_name(content[at : at + size]) for *_, at, size, _ in told_parts],
            held,
        )
        markers = tuple(
            Marker(tick, text)
            for tick, at, size in changes[MARKER]
            if (text := clean(content[at : at + size].decode()))
        )
    except UnicodeDecodeError:
        return None
    score = Score.of_parts(
        per_quarter,
        made,
        tempos_of([row[:2] for row in changes[TEMPO]], repairs),
        meters_of([(tick, n, 1 << power & 255) for tick, n, power in changes[METER]], repairs),
        end,
        keys_of([(t, (s + 128) % 256 - 128, minor) for t, s, minor in changes[KEY]], repairs),
        markers,
        tuple([Repair(what, times) for what, times in repairs.items()]),
    )
    return None if too_long(score, limits) else score


@lru_cache(maxsize=4096)
def _name(raw: bytes) -> str:
    """The name of a track; raises UnicodeDecodeError where it is no UTF-8."""
    return clean(raw.decode())


def _tick(change: Sequence[int]) -> int:
    return change[0]


def _sorts_alike(changes: Sequence[Sequence[int]]) -> bool:
    """Whether any way to sort these by tick gives the same."""
    return len(changes) <= SORTED_ALIKE or len({row[0] for row in changes}) == len(changes)


def _pedals(
    parts: Sequence[Sequence[int]], pedals: NDArray[np.int32], end: int
) -> list[tuple[Pedal, ...]]:
    """The presses of every part.

    A channel of a track has one part here. What is told before it begins counts whatever program
    holds then, what is told later only where it is the part's.
    """
    owner, where, early, tick, value = pedals.T
    held = []
    for sound, _, _, _, _, _, track in parts:
        counts = (where == track) & ((owner == sound) | (early == 1) & (owner >> 7 == sound >> 7))
        held.append(pedals_in_order(tick[counts], value[counts], end))
    return held
