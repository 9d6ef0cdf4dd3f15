"""The sustain pedal as MIDI tells it, in values of controller 64, and as presses: both ways.

Presses go in and values come out, or the other way round. Knows no file and no MIDI library.
"""

from collections.abc import Iterable, Iterator

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


def pedals_of(
    values: Iterable[tuple[int, int]], end: int, reach: int | None = None
) -> tuple[Pedal, ...]:
    """The presses that ticks and values, in their order, tell of; `end` lets go of the last.

    reach: what is told of the pedal counts up to there, as far as `end` unless said.

    >>> pedals_of([(0, 127), (24, 90), (48, 63), (48, 64)], end=96)
    (Pedal(down=0, up=48), Pedal(down=48, up=96))
    >>> pedals_of([(0, 127), (48, 0)], end=24), pedals_of([(0, 127), (48, 0)], end=24, reach=96)
    ((Pedal(down=0, up=24),), (Pedal(down=0, up=48),))
    """
    rows: list[tuple[int, int]] = []
    pressed: int | None = None
    for tick, value in [*values, (end, UP)]:
        if value >= FIRST_DOWN and pressed is None:
            pressed = tick
        elif value < FIRST_DOWN and pressed is not None:
            rows.append((pressed, tick))
            pressed = None
    return presses(rows, end if reach is None else reach)
