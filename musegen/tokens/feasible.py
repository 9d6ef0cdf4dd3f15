"""Whether wishes can all be kept at once: what contradicts itself is refused, with words.

In: Controls, or the limits made of them. Out: nothing, or a WishError.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from musegen.errors import WishError
from musegen.music.instruments import DRUMS, FIRST_DRUM, Instrument
from musegen.tokens import scales
from musegen.tokens.controls import PITCH_NAMES, BarPlan, Controls, SectionPlan

if TYPE_CHECKING:
    from musegen.tokens.limits import Limits

LAST_DRUM = FIRST_DRUM + len(DRUMS) - 1

REPEATS = ("varied", "exact")


def bars_of(controls: Controls) -> int | None:
    """How many bars the wishes ask for: said, or the sum of the sections; None where neither is."""
    if not controls.sections:
        return controls.bars
    planned = sum(section.bars for section in controls.sections)
    if controls.bars not in (None, planned):
        lengths = " + ".join(f"{s.letter}{s.bars}" for s in controls.sections)
        raise WishError(
            f"the form {lengths} has {planned} bars, and {controls.bars} bars were asked for; "
            "leave --bars out, or let the form add up to it"
        )
    return planned


def check_starts(controls: Controls) -> None:
    """What changes later must be said from the beginning; drums alone have no harmony."""
    for name, change, first in (
        ("tempo", controls.tempo_changes, controls.tempo),
        ("meter", controls.meter_changes, controls.meter),
    ):
        if change and first is None:
            raise WishError(f"the {name} changes, but the first one is not said")
    if controls.tracks and all(track.is_drum for track in controls.tracks):
        for name, said in (
            ("key", controls.key),
            ("scale", controls.scale),
            ("chords", controls.chords),
        ):
            if said:
                raise WishError(
                    f"drums alone have no {name}; leave it out, or ask for a pitched instrument"
                )


def check_instruments(
    instruments: Sequence[tuple[int, bool]], track_count: int | None, drums: bool | None
) -> None:
    """The instruments exist, fit into one piece, and are what is said of their number."""
    kits = [program for program, is_drum in instruments if is_drum]
    if len(kits) > 1:
        raise WishError("a piece has at most one drum track; more than one was asked for")
    if len(instruments) - len(kits) > scales.MAX_TRACKS - 1:
        raise WishError(f"at most {scales.MAX_TRACKS - 1} pitched tracks fit beside the drums")
    for program, is_drum in instruments:
        if is_drum and program not in scales.DRUM_KITS:
            raise WishError(f"drum kit {program} does not exist; kits are {scales.DRUM_KITS}")
        if not 0 <= program <= 127:
            raise WishError(f"there is no program {program}: General MIDI has 0 to 127")
    if instruments and track_count not in (None, len(instruments)):
        raise WishError(f"{track_count} tracks and {len(instruments)} instruments were asked for")
    if instruments and drums is not None and drums != bool(kits):
        raise WishError(
            "drums were asked for, but the instruments hold none; name drums among them"
            if drums
            else "no drums were asked for, but the instruments hold some; leave one of the two"
        )
    if drums is False and track_count == scales.MAX_TRACKS:
        raise WishError(f"{scales.MAX_TRACKS} tracks need drums: only 15 can be pitched")


def check_pitches(limits: "Limits") -> None:
    """Every track has a pitch to play, and those that must sound fit under the cap."""
    scale, cap = limits.scale, limits.max_polyphony
    if not scale <= set(range(12)):
        raise WishError(f"scale {sorted(scale)}: pitch classes are 0 to 11")
    if scale and any(not scale & {(tone + step) % 12 for step in range(4)} for tone in range(12)):
        raise WishError(f"scale {sorted(scale)}: among any four neighbouring pitches must be one")
    for track in limits.tracks:
        name = Instrument(track.program, track.is_drum).name
        if track.max_polyphony is not None and track.max_polyphony < 1:
            raise WishError(f"{name}: at most {track.max_polyphony} notes at once is silence")
        if None not in (track.low, track.high) and (track.low or 0) > (track.high or 0):
            raise WishError(f"{name}: the lowest pitch {track.low} is above the highest")
        if track.span is None:
            continue
        low, high = track.span
        if not 0 <= low <= high <= 127:
            raise WishError(f"{name}: a range from {low} to {high}; pitches rise from 0 to 127")
        if track.is_drum and (high < FIRST_DRUM or low > LAST_DRUM):
            raise WishError(f"{name}: drums are the pitches {FIRST_DRUM} to {LAST_DRUM}")
        if not track.is_drum and scale and not any(p % 12 in scale for p in range(low, high + 1)):
            tones = ", ".join(PITCH_NAMES[tone] for tone in sorted(scale))
            raise WishError(f"{name}: no pitch from {low} to {high} lies in the scale {tones}")
    pitched = sum(not is_drum for _, is_drum in limits.instruments)
    if not limits.instruments and limits.track_count is not None:
        pitched = limits.track_count - bool(limits.drums)
    if cap is not None and pitched > cap:
        raise WishError(
            f"{pitched} pitched instruments and at most {cap} notes at once were asked for; each "
            "instrument needs one: raise --max-polyphony, or ask for fewer instruments"
        )


def check_course(limits: "Limits") -> None:
    """Sections, plan and chords lie inside the piece, in order, and can follow each other."""
    if limits.loop and limits.bars is None:
        raise WishError("a loop needs a number of bars: add --bars, or a form")
    _check_sections(limits.sections, limits.instruments)
    _check_repeats(limits)
    _check_bars(limits.plan, limits.bars)
    before = (-1, 0)
    for chord in limits.chords:
        place = (chord.bar, chord.onset)
        length = scales.bar_steps(*(limits.meter_at(chord.bar) or (1, 32)))
        inside = chord.bar < (limits.bars or chord.bar + 1) and 0 <= chord.onset < length
        if not inside or place <= before:
            raise WishError(
                f"a chord at step {chord.onset} of bar {chord.bar + 1} lies outside of the piece "
                "or not after the one before; chords inside a bar need a meter"
            )
        before = place


def _check_sections(
    sections: Sequence[SectionPlan], instruments: Sequence[tuple[int, bool]]
) -> None:
    expected = 0
    for section in sections:
        if section.bar != expected or section.bars < 1:
            raise WishError(
                f"section {section.letter} begins at bar {section.bar + 1} and has {section.bars} "
                f"bars; it must begin at bar {expected + 1} and have at least one"
            )
        expected += section.bars
        if section.letter not in scales.LETTERS:
            raise WishError(f"section {section.letter!r}: letters are {scales.LETTERS}")
        strange = set(section.instruments) - set(instruments)
        if strange:
            names = ", ".join(sorted(Instrument(*one).name for one in strange))
            raise WishError(f"section {section.letter} asks for {names}: not in the instruments")
    if all(section.instruments for section in sections):
        heard = {one for s in sections if s.repeat != "exact" for one in s.instruments}
        for one in instruments:
            if sections and one not in heard:
                raise WishError(f"{Instrument(*one).name} was asked for, but sounds in no section")


def _check_repeats(limits: "Limits") -> None:
    first: dict[str, SectionPlan] = {}
    for section in limits.sections:
        again = first.setdefault(section.letter, section)
        if section.repeat is None:
            continue
        if section.repeat not in REPEATS:
            raise WishError(f"repeat {section.repeat!r} is none of {', '.join(REPEATS)}")
        if again is section:
            raise WishError(
                f"section {section.letter} at bar {section.bar + 1} is a repeat, but none of "
                "that letter comes before it"
            )
        if section.repeat != "exact":
            continue
        if section.bars != again.bars:
            raise WishError(
                f"section {section.letter} at bar {section.bar + 1} repeats {again.bars} bars "
                f"exactly and has {section.bars}; give it as many"
            )
        chords = {
            bar: [(c.onset, c.root, c.quality) for c in limits.chords if c.bar == bar]
            for bar in {chord.bar for chord in limits.chords}
        }
        for b in range(section.bars):
            if chords.get(section.bar + b, []) != chords.get(again.bar + b, []):
                raise WishError(
                    f"bar {section.bar + b + 1} repeats bar {again.bar + b + 1} exactly, and other "
                    "chords are asked for in it"
                )
            if limits.meter_at(section.bar + b) != limits.meter_at(again.bar + b):
                raise WishError(
                    f"bar {section.bar + b + 1} repeats bar {again.bar + b + 1} exactly, and their "
                    "meters differ"
                )


def _check_bars(plan: Sequence[BarPlan], bars: int | None) -> None:
    if plan and len(plan) != bars:
        raise WishError(f"the plan has {len(plan)} bars; the piece, {bars or 'any number'}")
    for number, bar in enumerate(plan):
        if bar.back is not None and not 0 <= bar.back <= number:
            raise WishError(f"bar {number + 1} cannot repeat the bar {bar.back} bars before it")
