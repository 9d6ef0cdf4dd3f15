"""Single values: instruments, chords, genres, levels as the integers of fields, and back."""

from collections.abc import Sequence

from musegen.errors import LabelError, unknown
from musegen.tokens import scales
from musegen.tokens.fields import DRUM_BASE, FIRST_CHORD, NO_CHORD, UNSET

_KIT_INDEX = {kit: DRUM_BASE + i for i, kit in enumerate(scales.DRUM_KITS)}
_QUALITY_INDEX = {quality: i for i, quality in enumerate(scales.CHORD_QUALITIES)}


def instrument_id(program: int, is_drum: bool) -> int:
    """The instrument field's value for a General MIDI program, or a drum kit."""
    return _KIT_INDEX[program] if is_drum else program


def instrument_of(identity: int) -> tuple[int, bool]:
    """Program and whether it is a drum kit, of an instrument field's value."""
    if identity >= DRUM_BASE:
        return scales.DRUM_KITS[identity - DRUM_BASE], True
    return identity, False


def chord_id(root: int | None, quality: str) -> int:
    """The chord field's value; `root` None stands for "no chord".

    >>> chord_id(0, ""), chord_id(None, "")
    (2, 1)
    """
    if root is None:
        return NO_CHORD
    return FIRST_CHORD + root * len(scales.CHORD_QUALITIES) + _QUALITY_INDEX[quality]


def chord_of(identity: int) -> tuple[int | None, str]:
    """Root pitch class and quality of a chord field's value."""
    if identity == NO_CHORD:
        return None, ""
    root, quality = divmod(identity - FIRST_CHORD, len(scales.CHORD_QUALITIES))
    return root, scales.CHORD_QUALITIES[quality]


def genre_id(genre: str | None, genres: Sequence[str]) -> int:
    """The genre field's value. A genre that is not in the list is a LabelError."""
    if genre is None:
        return UNSET
    try:
        return list(genres).index(genre) + 1
    except ValueError:
        raise LabelError(unknown("genre", genre, genres)) from None


def level(scale: scales.Scale, number: float | None) -> int:
    """The value of an optional field on a scale: 0 for None, else 1 + the nearest step."""
    return UNSET if number is None else 1 + scale.index(number)


def from_level(scale: scales.Scale, value: int) -> float | None:
    """The number that an optional field on a scale stands for, or None."""
    return None if value == UNSET else scale.value(value - 1)


def running_numbers(instruments: Sequence[int]) -> list[int]:
    """For each track, how many tracks of the same instrument come before it.

    >>> running_numbers([0, 0, 40, 0])
    [0, 1, 0, 2]
    """
    seen: dict[int, int] = {}
    numbers = []
    for instrument in instruments:
        numbers.append(seen.get(instrument, 0))
        seen[instrument] = numbers[-1] + 1
    return numbers
