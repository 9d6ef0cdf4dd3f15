"""What is settled of each bar before it is written: sections, repeats, chords, who may sound.

Made from `Limits`; says it bar by bar, bars from 0, and knows nothing of what has been written.
"""

from dataclasses import dataclass

from musegen.music.chords import chord_pitch_classes
from musegen.tokens import scales
from musegen.tokens.controls import BarPlan, SectionPlan
from musegen.tokens.fields import FIRST_CHORD, MAX_BACK
from musegen.tokens.ids import chord_id, chord_of, instrument_id
from musegen.tokens.limits import Limits


@dataclass(frozen=True)
class Stretch:
    """A section's bars, `first` to before `last`, and the first section of its letter, `again`."""

    first: int
    last: int
    instruments: frozenset[int] | None  # instrument ids that may sound, None: all
    again: int
    again_bars: int
    repeat: str | None
    closed: bool  # its notes are released by its last bar line

    @property
    def copied(self) -> bool:
        """Whether every note comes from `again`."""
        return self.repeat == "exact"


class Agenda:
    """The wished course of a piece. Without any, nothing is settled and all is allowed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._begins = {section.bar: section for section in limits.sections}
        self._chords: dict[int, dict[int, int]] = {}
        for chord in limits.chords:
            bar = self._chords.setdefault(chord.bar, {})
            bar[chord.onset] = chord_id(chord.root, chord.quality)
        self._stretches = _stretches(limits.sections)
        self.copies = any(stretch.copied for stretch in self._stretches)

    def section(self, bar: int) -> SectionPlan | None:
        """The section that begins with a bar."""
        return self._begins.get(bar)

    @property
    def sectioned(self) -> bool:
        """Whether sections are wished: then there are no others."""
        return bool(self._begins)

    def chords(self, bar: int) -> dict[int, int] | None:
        """Every chord of a bar, its id by its onset; None where nothing is said of them."""
        return self._chords.get(bar)

    def plan(self, bar: int) -> BarPlan:
        """What is wished of a bar's likeness and density."""
        if self._limits.plan:
            return self._limits.plan[bar]
        stretch = self._within(bar)
        if stretch is None or stretch.repeat is None:
            return BarPlan()
        back = stretch.first - stretch.again
        if back > MAX_BACK or bar - stretch.first >= stretch.again_bars:
            return BarPlan()
        return BarPlan(back=back, likeness=stretch.repeat)

    def source(self, bar: int) -> int | None:
        """The earlier bar whose notes this bar repeats exactly."""
        stretch = self._within(bar)
        if stretch is None or not stretch.copied:
            return None
        return stretch.again + bar - stretch.first

    def may_sound(self, bar: int, instrument: int) -> bool:
        """Whether an instrument may strike in a bar."""
        stretch = self._within(bar)
        return stretch is None or stretch.instruments is None or instrument in stretch.instruments

    def silent_from(self, bar: int, instrument: int) -> int | None:
        """The bar by whose beginning the instrument's notes in `bar` must be released, or None."""
        for place, stretch in enumerate(self._stretches):
            if stretch.last <= bar:
                continue
            after = self._stretches[place + 1 : place + 2]
            stops = any(
                s.instruments is not None and instrument not in s.instruments for s in after
            )
            if stretch.closed or stops:
                return stretch.last
        return None

    def last_chance(self, bar: int, instrument: int | None = None) -> bool:
        """Whether no bar after this one lets the instrument (None: any) strike.

        Asked only of pieces with sections; without them the last bar is the last chance.
        """
        return not any(
            not s.copied
            and s.last > bar + 1
            and (instrument is None or s.instruments is None or instrument in s.instruments)
            for s in self._stretches
        )

    def _within(self, bar: int) -> Stretch | None:
        return next((s for s in self._stretches if s.first <= bar < s.last), None)


def _stretches(sections: tuple[SectionPlan, ...]) -> tuple[Stretch, ...]:
    first_of: dict[str, SectionPlan] = {}
    for section in sections:
        first_of.setdefault(section.letter, section)
    copied = {s.letter for s in sections if s.repeat == "exact"}
    exact = [s.repeat == "exact" for s in sections]
    stretches = []
    for place, section in enumerate(sections):
        again = first_of[section.letter]
        heard = again if exact[place] else section
        copied_later = section is again and section.letter in copied
        stretches.append(
            Stretch(
                section.bar,
                section.bar + section.bars,
                frozenset(instrument_id(*one) for one in heard.instruments) or None,
                again.bar,
                again.bars,
                section.repeat,
                closed=copied_later or any(exact[place + 1 : place + 2]),
            )
        )
    return tuple(stretches)


def chord_tones(chord: int) -> frozenset[int]:
    """The pitch classes of a chord's id; empty where it is none or unset: then all are free."""
    if chord < FIRST_CHORD:
        return frozenset()
    root, quality = chord_of(chord)
    return frozenset() if root is None else frozenset(chord_pitch_classes(root, quality))


def beats(meter: tuple[int, int]) -> frozenset[int]:
    """Onsets in a bar, in steps, that lie on a beat.

    A beat is the meter's unit, or three of them where the upper number is a multiple of three above
    three and the unit is shorter than a quarter: 6/8 has two, 3/4 three, 4/4 four.
    """
    numerator, denominator = meter
    compound = denominator > 4 and numerator > 3 and numerator % 3 == 0
    unit = scales.bar_steps(3 if compound else 1, denominator)
    return frozenset(range(0, scales.bar_steps(numerator, denominator), unit))
