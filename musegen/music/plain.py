"""A plain MIDI file becomes a Score by machine code, in one pass over its bytes.

In: a file's bytes. Out: the Score that `read` makes of them with symusic, or None for a file that
is not plain or may not be: `read` goes its usual way then. Raises nothing.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from musegen.music.chunks import RUNNING_ON
from musegen.music.parsed import keys_of, meters_of, tempos_of, too_long
from musegen.music.score import Marker, Parts, Score
from musegen.music.source import EVENT_BYTES, Limits
from musegen.music.texts import clean

DRUM_CHANNEL = 9
SOUND, STOP, NAME_AT, NAME_SIZE = 0, 3, 4, 5
"""Columns of the kernel's `parts`."""

_SOUNDS = [(number >> 7 == DRUM_CHANNEL, number & 127) for number in range(16 * 128)]
"""Whether it is drums, and its program, of each number that the kernel has for a sound."""

MARKER, TEMPO, METER, KEY = 0x06, 0x51, 0x58, 0x59

SORTED_ALIKE = 16
"""symusic's sorting keeps the order of so few changes at one tick; of more nothing is known."""


def plain_score(content: bytes, limits: Limits, kernels: Any) -> Score | None:
    """The music of a plain file within limits; None for any other."""
    if len(content) > EVENT_BYTES * limits.events:
        return None
    counts, notes, lengths, parts, rows, presses, press_counts = kernels.parse(
        np.frombuffer(content, dtype=np.uint8)
    )
    tracks, per_quarter, end, exclusive = counts
    if not len(notes) or tracks > limits.tracks:
        return None
    if exclusive and RUNNING_ON.search(content):
        return None
    changes: dict[int, list[list[int]]] = {MARKER: [], TEMPO: [], METER: [], KEY: []}
    for change in rows.tolist():
        changes[change[0]].append(change)
    if len(rows) > SORTED_ALIKE and not all(map(_sorts_alike, changes.values())):
        return None
    for some in changes.values():
        if len(some) > 1:
            some.sort(key=_tick)
    repairs: Counter[str] = Counter()
    told_parts = parts.tolist()
    notes.setflags(write=False)
    try:
        made = Parts(
            notes,
            lengths,
            [_SOUNDS[part[SOUND]] for part in told_parts],
            [part[STOP] for part in told_parts],
            [
                _name(content[part[NAME_AT] : part[NAME_AT] + part[NAME_SIZE]])
                for part in told_parts
            ],
            presses,
            press_counts if len(presses) else None,
        )
        markers = tuple(
            Marker(tick, text)
            for _, tick, at, size in changes[MARKER]
            if (text := clean(content[at : at + size].decode()))
        )
    except UnicodeDecodeError:
        return None
    score = Score.of_parts(
        per_quarter,
        made,
        tempos_of([(tick, us) for _, tick, us, _ in changes[TEMPO]], repairs),
        meters_of([(tick, n, 1 << power & 255) for _, tick, n, power in changes[METER]], repairs),
        end,
        keys_of([(t, (s + 128) % 256 - 128, minor) for _, t, s, minor in changes[KEY]], repairs),
        markers,
    )
    return None if repairs or too_long(score, limits) else score


@lru_cache(maxsize=4096)
def _name(raw: bytes) -> str:
    """The name of a track; raises UnicodeDecodeError where it is no UTF-8."""
    return clean(raw.decode())


def _tick(change: Sequence[int]) -> int:
    return change[1]


def _sorts_alike(changes: Sequence[Sequence[int]]) -> bool:
    """Whether any way to sort these by tick gives the same: what comes at one tick says one thing,
    as where every track tells the key.
    """
    if len(changes) <= SORTED_ALIKE:
        return True
    return len({_tick(change) for change in changes}) == len(set(map(tuple, changes)))
