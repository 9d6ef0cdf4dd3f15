"""Random wishes: what somebody might ask for, all of it possible at once."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from musegen.music.chords import CHORD_QUALITIES, chord_places
from musegen.tokens import scales
from musegen.tokens.controls import Chord, Controls, SectionPlan, TrackPlan

T = TypeVar("T")

MAJOR = (0, 2, 4, 5, 7, 9, 11)
_METERS = ((4, 4), (3, 4), (2, 4), (6, 8), (5, 4), (7, 8), (12, 8), (2, 2))


def random_wishes(
    chance: random.Random, genres: Sequence[str] = (), most_bars: int = 8
) -> Controls:
    """Wishes of every exact kind, each said or left out; genre and mood beside them."""
    tracks = _tracks(chance)
    sections = _sections(chance, tracks, most_bars) if chance.random() < 0.4 else ()
    bars = sum(section.bars for section in sections) or chance.randint(1, most_bars)
    named = bool(sections) or chance.random() < 0.6
    pitched = sum(not track.is_drum for track in tracks)
    meter = chance.choice((None, (4, 4), chance.choice(_METERS)))
    tempo = chance.choice((None, chance.randint(40, 220)))
    chords = _chords(chance, bars, meter) if pitched and chance.random() < 0.3 else ()
    chords = _repeated(chords, sections)
    count = chance.choice((None, chance.randint(1, 6)))
    harmonic = bool(pitched) or not named
    wishes = Controls(
        genre=chance.choice((None, *genres)),
        valence=chance.choice((None, chance.uniform(-1, 1))),
        arousal=chance.choice((None, chance.uniform(-1, 1))),
        bars=bars,
        meter=meter,
        tempo=tempo,
        tempo_changes=_changes(chance, bars, chance.randint(40, 220)) if tempo else (),
        tracks=tracks if named else (),
        track_count=None if named else count,
        drums=None if named else chance.choice((None, True, False)),
        sections=sections,
        scale=_scale(chance) if harmonic and chance.random() < 0.3 else (),
        chords=chords,
        chord_tones=bool(chords) and chance.random() < 0.5,
        loop=chance.random() < 0.2,
    )
    if not sections and not chords and meter:
        wishes = replace(wishes, meter_changes=_changes(chance, bars, chance.choice(_METERS)))
    least = pitched if named else (count or 1)
    if chance.random() < 0.3:
        wishes = replace(wishes, max_polyphony=max(least, 1) + chance.randint(0, 3))
    return wishes


def _tracks(chance: random.Random) -> tuple[TrackPlan, ...]:
    tracks = []
    for _ in range(chance.randint(0, 4)):
        low = chance.randint(0, 100)
        span = chance.choice((None, (low, low + chance.randint(11, 27))))
        cap = chance.choice((None, None, chance.randint(1, 3)))
        tracks.append(TrackPlan(chance.randrange(128), span=span, max_polyphony=cap))
    if not tracks or chance.random() < 0.5:
        tracks.append(TrackPlan(chance.choice(scales.DRUM_KITS), True))
    return tuple(tracks)


def _sections(
    chance: random.Random, tracks: tuple[TrackPlan, ...], most_bars: int
) -> tuple[SectionPlan, ...]:
    sections: list[SectionPlan] = []
    everyone = tuple((track.program, track.is_drum) for track in tracks)
    bar = 0
    for place, letter in enumerate(chance.choice(("AB", "ABA", "AABA", "ABAC", "A"))):
        earlier = next((s for s in sections if s.letter == letter), None)
        bars = earlier.bars if earlier else chance.randint(1, max(most_bars // 4, 1))
        repeat = chance.choice((None, "varied", "exact")) if earlier else None
        some = everyone if place == 0 else chance.choice((everyone, everyone[:1], everyone[-1:]))
        sections.append(
            SectionPlan(
                bar,
                letter,
                bars,
                arousal=chance.choice((None, 0.5)),
                density=chance.choice((None, 2.0)),
                instruments=() if repeat == "exact" else some,
                repeat=repeat,
            )
        )
        bar += bars
    return tuple(sections)


def _chords(chance: random.Random, bars: int, meter: tuple[int, int] | None) -> tuple[Chord, ...]:
    chords = []
    for bar in range(bars):
        places = chord_places(*meter, scales.STEPS_PER_QUARTER) if meter else (0,)
        for onset in (0, *(place for place in places[1:] if chance.random() < 0.3)):
            root = chance.choice((*range(12), None))
            quality = "" if root is None else chance.choice(CHORD_QUALITIES)
            chords.append(Chord(bar, onset, root, quality))
    return tuple(chords)


def _repeated(chords: tuple[Chord, ...], sections: tuple[SectionPlan, ...]) -> tuple[Chord, ...]:
    """The chords, in exact repeats those of what is repeated."""
    first: dict[str, SectionPlan] = {}
    for section in sections:
        again = first.setdefault(section.letter, section)
        if section.repeat == "exact":
            last, away = section.bar + section.bars, section.bar - again.bar
            others = [c for c in chords if not section.bar <= c.bar < last]
            copied = [c for c in chords if again.bar <= c.bar < again.bar + section.bars]
            moved = [replace(chord, bar=chord.bar + away) for chord in copied]
            chords = tuple(sorted([*others, *moved], key=lambda chord: (chord.bar, chord.onset)))
    return chords


def _scale(chance: random.Random) -> tuple[int, ...]:
    tonic = chance.randrange(12)
    return tuple(sorted((tonic + tone) % 12 for tone in MAJOR))


def _changes(chance: random.Random, bars: int, value: T) -> tuple[tuple[int, T], ...]:
    if bars < 2 or chance.random() < 0.5:
        return ()
    return ((chance.randint(1, bars - 1), value),)
