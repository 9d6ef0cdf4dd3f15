"""Wishes as a musician writes them ("D minor", "6/8", "piano, bass, drums") to Controls' values."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from musegen.errors import WishError, unknown
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


SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
}
"""Scales by name, in semitones above the tonic."""


def parse_scale(text: str, key: tuple[int, str] | None) -> tuple[int, ...]:
    """The pitch classes of a scale on the key's tonic; "strict" is the key's own scale.

    >>> parse_scale("strict", (9, "minor"))
    (0, 2, 4, 5, 7, 9, 11)
    """
    name = " ".join(text.lower().replace("-", " ").split())
    if key is None:
        raise WishError(f"scale {text!r} needs a key: add --key, such as --key D")
    if name not in ("strict", *SCALES):
        raise WishError(unknown("scale", text, ("strict", *SCALES)))
    tones = SCALES[key[1] if name == "strict" else name]
    return tuple(sorted((key[0] + tone) % 12 for tone in tones))


_PITCH = re.compile(r"\s*([A-Ga-g])([#♯b♭]?)(-?\d)\s*")


def parse_pitch(text: str) -> int:
    """A MIDI pitch by name or number; C4 is 60.

    >>> parse_pitch("C4"), parse_pitch("F#3"), parse_pitch("72")
    (60, 54, 72)
    """
    match = _PITCH.fullmatch(text)
    if match is not None:
        letter, accidental, octave = match.groups()
        pitch = 12 * (int(octave) + 1) + _LETTERS[letter.upper()] + _ACCIDENTALS[accidental]
    else:
        pitch = int(text) if text.strip().isdigit() else -1
    if not 0 <= pitch <= 127:
        raise WishError(f"pitch {text!r} is not understood: write C4 (60), F#3, or 0 to 127")
    return pitch


def with_spans(tracks: tuple[TrackPlan, ...], texts: Sequence[str]) -> tuple[TrackPlan, ...]:
    """The tracks with ranges such as "flute=C4-C6", each for every track of that instrument."""
    for text in texts:
        name, _, span = text.partition("=")
        low, _, high = span.strip().rpartition("-")
        if not low:
            raise WishError(f"range {text!r} is not understood: write flute=C4-C6")
        pitches = parse_pitch(low), parse_pitch(high)
        tracks = _each(tracks, name, "range", span=pitches)
    return tracks


def with_caps(
    tracks: tuple[TrackPlan, ...], texts: Sequence[str]
) -> tuple[tuple[TrackPlan, ...], int | None]:
    """The tracks with caps such as "flute=1", and the cap of all together, a number alone."""
    everyone = None
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not number.strip().isdigit() or int(number) < 1:
            raise WishError(f"max-polyphony {text!r} is not understood: write 4, or flute=1")
        if equals:
            tracks = _each(tracks, name, "max-polyphony", max_polyphony=int(number))
        else:
            everyone = int(number)
    return tracks, everyone


def _each(
    tracks: tuple[TrackPlan, ...], name: str, wish: str, **changes: Any
) -> tuple[TrackPlan, ...]:
    places = {tuple(instrument) for instrument in find_instrument(name)}
    if not any((track.program, track.is_drum) in places for track in tracks):
        raise WishError(f"{wish} for {name.strip()!r}, which is not among --instruments")
    return tuple(
        replace(track, **changes) if (track.program, track.is_drum) in places else track
        for track in tracks
    )
