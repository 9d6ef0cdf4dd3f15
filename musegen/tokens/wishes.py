"""Wishes as a musician writes them ("D minor", "6/8", "piano, bass, drums") to Controls' values."""

import re
from collections.abc import Sequence

from musegen.errors import WishError
from musegen.music.instruments import find_instrument
from musegen.tokens.controls import MODES, PITCH_NAMES, TrackPlan

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_KEY = re.compile(r"\s*([A-Ga-g])\s*([#♯b♭]?)\s*(m|min|minor|maj|major|M)?\s*", re.UNICODE)


def parse_key(text: str) -> tuple[int, str]:
    """Tonic pitch class and mode of a key.

    >>> parse_key("D"), parse_key("F#m"), parse_key("Bb minor")
    ((2, 'major'), (6, 'minor'), (10, 'minor'))
    """
    match = _KEY.fullmatch(text)
    if match is None:
        raise WishError(
            f"key {text!r} is not understood: write a note name and a mode, such as C, F#m, "
            f"'Bb major', 'A minor'. Notes: {', '.join(PITCH_NAMES)}"
        )
    letter, accidental, mode = match.groups()
    tonic = (_LETTERS[letter.upper()] + _ACCIDENTALS[accidental]) % 12
    return tonic, MODES[1] if mode in ("m", "min", "minor") else MODES[0]


def key_name(key: tuple[int, str]) -> str:
    """A key in words: (2, "major") is "D major"."""
    return f"{PITCH_NAMES[key[0]]} {key[1]}"


def parse_meter(text: str) -> tuple[int, int]:
    """Upper and lower number of a time signature such as 3/4."""
    match = re.fullmatch(r"\s*(\d{1,3})\s*/\s*(\d{1,3})\s*", text)
    if match is None:
        raise WishError(f"meter {text!r} is not understood: write it like 4/4, 3/4 or 6/8")
    return int(match[1]), int(match[2])


def parse_tracks(names: Sequence[str]) -> tuple[TrackPlan, ...]:
    """One track for each instrument named; a comma separates names inside one text.

    The first instrument that a name stands for is taken: "piano" is the acoustic grand. Raises
    WishError for a name that no instrument has, naming near ones.
    """
    parts = [part.strip() for name in names for part in name.split(",")]
    if any(not part for part in parts):
        raise WishError("an instrument's name is empty; write them like --instruments piano,bass")
    plans = []
    for part in parts:
        program, is_drum = find_instrument(part)[0]
        plans.append(TrackPlan(program, is_drum))
    return tuple(plans)
