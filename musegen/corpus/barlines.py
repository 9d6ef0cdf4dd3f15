"""Where bars lie when measures are shorter or longer than their meter says.

In: the measures of a score, each with its length and the meter that holds. Out: where each begins,
and the meters that put a bar line there. Knows no file and no note.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from musegen.errors import CorpusError

Measure = tuple[Fraction, int, int]
"""Length as written in quarters, then the meter that holds: numerator and denominator."""

Change = tuple[Fraction, int, int]
"""A meter and the quarter from which it holds."""

FINEST_BEAT = 8
"""A bar that is a 16th too long is a slip of whoever typed it, unless its meter counts 16ths."""


@dataclass(frozen=True)
class Bar:
    """A measure in time: where it begins and how long it is, in quarters."""

    start: Fraction
    length: Fraction


@dataclass(frozen=True)
class Layout:
    """Where every measure lies, the meters by which it does, and how many had to be made up."""

    bars: tuple[Bar, ...]
    changes: tuple[Change, ...]
    irregular: int


def laid_out(measures: Sequence[Measure]) -> Layout:
    """Every measure in time, and the meters with which a bar line falls where the score has one.

    A pickup is preceded by a rest that fills its bar. Short measures that fill a bar together, as
    around a repeat sign, are one bar. Any other measure that is shorter or longer than its meter
    has a meter of its own; the last one is filled with silence instead.

    >>> pickup, bar = (Fraction(1), 4, 4), (Fraction(4), 4, 4)
    >>> [str(place.start) for place in laid_out([pickup, bar, (Fraction(3), 4, 4), pickup]).bars]
    ['3', '4', '8', '11']
    """
    bars: list[Bar] = []
    changes: list[Change] = []
    now, at, irregular = Fraction(0), 0, 0
    while at < len(measures):
        if not measures[at][0]:  # an empty measure, such as editors leave beside a repeat sign
            bars.append(Bar(now, Fraction(0)))
            at += 1
            continue
        group, meter, lead = _bar_at(measures, at)
        irregular += meter != measures[at][1:]
        if not changes or changes[-1][1:] != meter:
            changes.append((now, *meter))
        inside = now + lead
        for length, _, _ in measures[at : at + group]:
            bars.append(Bar(inside, length))
            inside += length
        now += Fraction(4 * meter[0], meter[1])
        at += group
    return Layout(tuple(bars), tuple(changes), irregular)


def _bar_at(measures: Sequence[Measure], at: int) -> tuple[int, tuple[int, int], Fraction]:
    """How many measures make the bar that begins at this one, its meter, and the rest before it."""
    length, *signature = measures[at]
    meter = (signature[0], signature[1])
    full = Fraction(4 * meter[0], meter[1])
    group, filled = 1, length
    while filled < full and at + group < len(measures) and measures[at + group][1:] == meter:
        filled += measures[at + group][0]
        group += 1
    if filled == full:
        return group, meter, Fraction(0)
    if length < full and not any(length for length, _, _ in measures[:at]):
        return 1, meter, full - length
    if length < full and at + 1 == len(measures):
        return 1, meter, Fraction(0)
    return 1, _own_meter(measures[at], at), Fraction(0)


def _own_meter(measure: Measure, at: int) -> tuple[int, int]:
    """The meter of a bar of that length, in the beats that hold where they measure it."""
    length, numerator, denominator = measure
    for beat in range(denominator, max(denominator, FINEST_BEAT) + 1):
        beats = length * beat / 4
        if beat & (beat - 1) == 0 and beats.denominator == 1:
            return int(beats), beat
    raise CorpusError(
        f"bar {at + 1}, as played, lasts {float(length):g} quarters in a meter of "
        f"{numerator}/{denominator}"
    )
