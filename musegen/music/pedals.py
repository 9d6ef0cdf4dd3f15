"""The sustain pedal as MIDI tells it, in values of controller 64, and as presses: both ways.

Presses go in and values come out, or the other way round. Knows no file and no MIDI library.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from musegen.music.score import Pedal, presses

SUSTAIN = 64
DOWN, UP = 127, 0
FIRST_DOWN = 64
"""From this value on the pedal is down; pedals that know more than up and down are taken so."""


def pedal_values(pedals: Iterable[Pedal]) -> Iterator[tuple[int, int]]:
    """Ticks and the controller's values there."""
    for down, up in pedals:
        yield down, DOWN
        yield up, UP


def pedals_of(values: Iterable[tuple[int, int]], end: int) -> tuple[Pedal, ...]:
    """The presses that ticks and values, in their order, tell of; `end` lets go of the last.

    >>> pedals_of([(0, 127), (24, 90), (48, 63), (48, 64)], end=96)
    (Pedal(down=0, up=48), Pedal(down=48, up=96))
    """
    rows: list[tuple[int, int]] = []
    pressed: int | None = None
    for tick, value in [*values, (end, UP)]:
        if value >= FIRST_DOWN and pressed is None:
            pressed = tick
        elif value < FIRST_DOWN and pressed is not None:
            rows.append((pressed, tick))
            pressed = None
    return presses(rows, end)


def pedals_in_order(
    ticks: NDArray[np.int32], values: NDArray[np.int32], end: int
) -> tuple[Pedal, ...]:
    """The same as `pedals_of` of ticks that ascend from 0 on: (N,) each.

    >>> pedals_in_order(np.array([0, 24, 48, 48]), np.array([127, 90, 63, 64]), end=96)
    (Pedal(down=0, up=48), Pedal(down=48, up=96))
    """
    is_down = np.append(False, values >= FIRST_DOWN)
    turns = np.minimum(ticks[is_down[1:] != is_down[:-1]], end).tolist()
    if is_down[-1]:
        turns.append(end)
    pairs = zip(turns[::2], turns[1::2], strict=True)
    return tuple(Pedal(down, up) for down, up in pairs if down < up)
