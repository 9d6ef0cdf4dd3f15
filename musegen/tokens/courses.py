"""The course of a piece as a musician writes it: "A8 B8 A8(exact)", "Am F | C G", "110, 90@9".

Text in, parts of Controls out. Bars are counted from 1 in text and from 0 in Controls.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from musegen.errors import WishError, unknown
from musegen.music.chords import chord_places, parse_chord
from musegen.music.mood import mood_point
from musegen.tokens import scales
from musegen.tokens.controls import Chord, SectionPlan
from musegen.tokens.wishes import parse_meter, parse_tracks

_SECTION = re.compile(r"([A-Za-z])\s*(\d{1,3})\s*(?:\(([^()]*)\))?")
_FORM_HELP = (
    "write letters with numbers of bars, such as 'A8 B8 A8', and in brackets what a section is to "
    "be: a mood, density=4, loudness=90, instruments=piano+flute, exact or varied"
)


def parse_tempo(text: str) -> tuple[int, tuple[tuple[int, int], ...]]:
    """The first tempo, and changes as (bar from 0, tempo).

    >>> parse_tempo("110, 90@9")
    (110, ((8, 90),))
    """
    first, *changes = _changes("tempo", text)
    return _whole("tempo", first[1]), tuple((bar, _whole("tempo", t)) for bar, t in changes)


def parse_meters(text: str) -> tuple[tuple[int, int], tuple[tuple[int, tuple[int, int]], ...]]:
    """The first meter, and changes as (bar from 0, meter).

    >>> parse_meters("4/4, 3/4@9")
    ((4, 4), ((8, (3, 4)),))
    """
    first, *changes = _changes("meter", text)
    return parse_meter(first[1]), tuple((bar, parse_meter(m)) for bar, m in changes)


def parse_form(text: str) -> tuple[SectionPlan, ...]:
    """The sections of a form; a letter that comes again is varied, unless it says otherwise.

    >>> [(s.bar, s.letter, s.bars, s.repeat) for s in parse_form("A8 B4 A8(exact)")]
    [(0, 'A', 8, None), (8, 'B', 4, None), (12, 'A', 8, 'exact')]
    """
    if not text.strip() or _SECTION.sub("", text).strip(" ,|-"):
        raise WishError(f"form {text!r} is not understood: {_FORM_HELP}")
    sections: list[SectionPlan] = []
    bar = 0
    for letter, bars, options in _SECTION.findall(text):
        letter = letter.upper()
        if letter not in scales.LETTERS:
            raise WishError(unknown("section letter", letter, tuple(scales.LETTERS)))
        again = any(section.letter == letter for section in sections)
        section = SectionPlan(bar, letter, int(bars), repeat="varied" if again else None)
        for option in filter(None, (part.strip() for part in re.split(r"[;,]", options))):
            section = _with(section, option)
        sections.append(section)
        bar += section.bars
    return tuple(sections)


def _with(section: SectionPlan, option: str) -> SectionPlan:
    name, _, value = (part.strip() for part in option.partition("="))
    if not value and name in ("exact", "varied"):
        return replace(section, repeat=name)
    if not value or name == "mood":
        valence, arousal = mood_point(value or name)
        return replace(section, valence=valence, arousal=arousal)
    if name == "instruments":
        tracks = parse_tracks(value.split("+"))
        return replace(section, instruments=tuple((t.program, t.is_drum) for t in tracks))
    if name in ("density", "loudness", "valence", "arousal"):
        try:
            return replace(section, **{name: float(value)})  # type: ignore[arg-type]
        except ValueError:
            raise WishError(f"section {section.letter}: {name} {value!r} is no number") from None
    raise WishError(f"section {section.letter}: {option!r} is not understood: {_FORM_HELP}")


def parse_chords(
    text: str,
    bars: int | None,
    meter: tuple[int, int] | None,
    sections: Sequence[SectionPlan] = (),
) -> tuple[Chord, ...]:
    """Chords, one a bar, or between bar lines | as many as a bar has; repeated to the last bar.

    Every section begins with the first of them again.

    >>> [(c.bar, c.onset, c.root, c.quality) for c in parse_chords("Am F | C", 3, (4, 4))]
    [(0, 0, 9, 'm'), (0, 48, 5, ''), (1, 0, 0, ''), (2, 0, 9, 'm'), (2, 48, 5, '')]
    """
    parts = text.strip().strip("|").split("|")
    written = [part.split() for part in parts] if len(parts) > 1 else [[n] for n in text.split()]
    if not written or not all(written):
        raise WishError(
            f"chords {text!r}: each bar needs a chord, such as 'Am F C G' or 'Am F | C'"
        )
    named = [[parse_chord(name) for name in names] for names in written]
    chords = []
    begins = [section.bar for section in sections] or [0]
    for bar in range(bars or len(named)):
        since = bar - max(begin for begin in begins if begin <= bar)
        inside = named[since % len(named)]
        for onset, chord in zip(_places(len(inside), meter), inside, strict=True):
            chords.append(Chord(bar, onset, *chord))
    return tuple(chords)


def _places(count: int, meter: tuple[int, int] | None) -> tuple[int, ...]:
    """Where the chords of a bar begin, in steps: on its halves, or spread over its beats."""
    if count == 1:
        return (0,)
    if meter is None:
        raise WishError("more than one chord in a bar needs a meter: add --meter, such as 4/4")
    places = chord_places(*meter, scales.STEPS_PER_QUARTER)
    if count == len(places):
        return places
    numerator, denominator = meter
    if count > numerator:
        raise WishError(f"{count} chords do not fit into a bar of {numerator}/{denominator}")
    beat = scales.bar_steps(1, denominator)
    return tuple(beat * (numerator * place // count) for place in range(count))


def _changes(name: str, text: str) -> list[tuple[int, str]]:
    found = []
    for place, part in enumerate(text.split(",")):
        value, at, bar = (piece.strip() for piece in part.partition("@"))
        if bool(at) != bool(place) or (at and not bar.isdigit()) or bar == "0":
            raise WishError(
                f"{name} {text!r} is not understood: write the first, then changes with the bar "
                f"where they come, such as {'110, 90@9' if name == 'tempo' else '4/4, 3/4@9'}"
            )
        found.append((int(bar) - 1 if at else 0, value))
    return found


def _whole(name: str, text: str) -> int:
    if not text.isdigit():
        raise WishError(f"{name} {text!r} must be a whole number")
    return int(text)
