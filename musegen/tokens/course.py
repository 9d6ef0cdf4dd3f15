"""How far a piece has come, and what the next SECTION and BAR rows may say.

Follows SECTION and BAR rows; of the notes it knows only how far they reach over the bar line.
"""

from collections.abc import Callable

import numpy as np

from musegen.tokens import scales
from musegen.tokens.agenda import Agenda
from musegen.tokens.controls import LIKENESS
from musegen.tokens.fields import BAR, FIELDS, NEW, SECTION, UNSET, column
from musegen.tokens.ids import level
from musegen.tokens.limits import Limits
from musegen.tokens.sounding import Mask, only

SILENT_BARS = 1
"""Music begins after at most so many bars: a DAW shows an empty beginning as a mistake."""

_ENDLESS = 1 << 20
_DURATIONS = np.array(scales.DURATION)
_LEFT_RANGES = [
    scales.bars_left_range(i)
    for i in range(scales.EXACT_BARS_LEFT + 1 + len(scales.BARS_LEFT_BINS))
]
_LEFT_LOW = np.array([low for low, _ in _LEFT_RANGES])
_LEFT_HIGH = np.array([high for _, high in _LEFT_RANGES])
_LEFT_HIGH[-1] = _ENDLESS


class Course:
    """The bars of one piece. `overhang`: steps that sounding notes reach over the open bar's end.

    bar: the open bar, -1 before the first. bars_after: the least and the most that may follow it.
    section_left: bars left in the section, None where not known.
    """

    def __init__(self, limits: Limits, agenda: Agenda, overhang: Callable[[], int]) -> None:
        self._limits = limits
        self._agenda = agenda
        self._overhang = overhang
        self._near = dict(limits.near)
        self.bar = -1
        self.bars_after = (0, _ENDLESS)
        self.meter = 0
        self.tempo = 0
        self.bar_length = 0
        self.section_left: int | None = None
        self._sectioned = False
        self._heading = False  # a SECTION row has just been written
        self._bars: list[list[int]] = []
        self._masks: dict[str, Callable[[list[int]], Mask]] = {
            "letter": self._letter,
            "section_bars": self._section_bars,
            "bars_left": self._bars_left,
            "meter": self._meter,
            "tempo": self._tempo,
            "back": self._back,
            "likeness": self._likeness,
            "chord": self._chord,
            "density": self._density,
        }

    @property
    def section_may_begin(self) -> bool:
        """Whether a section may begin with the next bar."""
        if self._heading:
            return False
        if self._agenda.sectioned:
            return self._agenda.section(self.bar + 1) is not None
        over = self.section_left is not None and self.section_left <= 0
        return self.bar < 0 or over or (self.section_left is None and self._sectioned)

    @property
    def bar_may_begin(self) -> bool:
        """Whether the next row may be the next bar's."""
        if self._heading:
            return True
        if self._agenda.sectioned:
            return self._agenda.section(self.bar + 1) is None
        return self.section_left is None or self.section_left > 0

    def mask(self, kind: int, name: str, chosen: list[int]) -> Mask:
        """Which values a field of a SECTION or BAR row may take: (size,) bool."""
        if kind == SECTION and name in scales.LEVELS:
            return self._section_level(name)
        return self._masks[name](chosen)

    def take_section(self, row: list[int]) -> None:
        """A section begins with the next bar."""
        self.section_left = row[column(SECTION, "section_bars")] or None
        self._heading = self._sectioned = True

    def take_bar(self, row: list[int]) -> None:
        """The next bar begins."""
        if self._limits.loop:
            self.bars_after = self._least_most_after_next()
        else:
            self.bars_after = self._range_of_left(row[column(BAR, "bars_left")])
        if self.section_left is not None:
            self.section_left -= 1
        self._heading = False
        self.bar += 1
        self.meter = row[column(BAR, "meter")]
        self.tempo = row[column(BAR, "tempo")]
        self.bar_length = int(scales.BAR_STEPS[self.meter])
        self._bars.append(row)

    def last_chance(self, instrument: int | None) -> bool:
        """Whether an instrument may strike in no bar after the open one.

        None: whether any must strike in this one, so that a piece begins by its second bar.
        """
        if instrument is None and not self._limits.reading:
            later = range(self.bar + 1, SILENT_BARS + 1)
            if all(self._agenda.source(bar) is not None for bar in later):
                return True
        if self._agenda.sectioned:
            return self._agenda.last_chance(self.bar, instrument)
        return self.bars_after[1] == 0

    def steps_left(self, onset: int, instrument: int) -> int:
        """Steps from `onset` in the open bar until the instrument's notes must be released."""
        steps = self._steps_to_end(onset)
        stop = self._agenda.silent_from(self.bar, instrument)
        return steps if stop is None else min(steps, self._steps_to(stop, onset))

    def _least_most_after_next(self) -> tuple[int, int]:
        """How many bars may follow the next bar, at least and at most."""
        if self.bar >= 0:
            low, high = self.bars_after
            return max(low - 1, 0), high - 1
        if self._limits.bars is not None:
            return self._limits.bars - 1, self._limits.bars - 1
        most = _ENDLESS if self._limits.max_bars is None else self._limits.max_bars
        return 0, most - 1

    def _letter(self, chosen: list[int]) -> Mask:
        section = self._agenda.section(self.bar + 1)
        size = FIELDS["letter"].size
        if section is None or not section.letter:
            return np.ones(size, dtype=bool)
        return only(size, 1 + scales.LETTERS.index(section.letter))

    def _section_level(self, name: str) -> Mask:
        section = self._agenda.section(self.bar + 1)
        wish = None if section is None else getattr(section, name)
        size = FIELDS[name].size
        if wish is not None:
            return only(size, level(scales.LEVELS[name], wish))
        if (wish := self._near.get(name)) is None or self._limits.reading:
            return np.ones(size, dtype=bool)
        return np.abs(np.arange(size) - level(scales.LEVELS[name], wish)) <= 1

    def _section_bars(self, chosen: list[int]) -> Mask:
        section = self._agenda.section(self.bar + 1)
        if section is not None:
            bars, size = section.bars, FIELDS["section_bars"].size
            return only(size, bars if bars < size else UNSET)
        legal = np.ones(FIELDS["section_bars"].size, dtype=bool)
        _, most = self._least_most_after_next()
        legal[min(most + 2, len(legal)) :] = False
        return legal

    def _bars_left(self, chosen: list[int]) -> Mask:
        low, high = self._least_most_after_next()
        if self._limits.loop and self._limits.bars:  # as many bars again would follow the last one
            return only(len(_LEFT_LOW), scales.bars_left_index(low + self._limits.bars))
        if self._heading and self.section_left is not None:
            low = max(low, self.section_left - 1)
        return (high >= _LEFT_LOW) & (low <= _LEFT_HIGH)

    def _meter(self, chosen: list[int]) -> Mask:
        size = FIELDS["meter"].size
        wished = self._limits.meter_at(self.bar + 1)
        if wished is not None:
            return only(size, 1 + scales.METERS.index(wished))
        if self.bar >= 0 and self._limits.steady:
            return only(size, self.meter)
        later = self._range_of_left(chosen[0])[0] * scales.MAX_BAR_STEPS
        legal: Mask = scales.BAR_STEPS + later >= self._overhang()
        legal[UNSET] = False
        return legal

    def _tempo(self, chosen: list[int]) -> Mask:
        size = FIELDS["tempo"].size
        wished = self._limits.tempo_at(self.bar + 1)
        if wished is not None:
            return only(size, 1 + scales.TEMPO_BPM.index(wished))
        if self.bar >= 0 and self._limits.steady:
            return only(size, self.tempo)
        legal = np.ones(size, dtype=bool)
        legal[UNSET] = False
        return legal

    def _back(self, chosen: list[int]) -> Mask:
        legal = np.ones(FIELDS["back"].size, dtype=bool)
        back = self._agenda.plan(self.bar + 1).back
        if back is not None:
            return only(len(legal), 1 + back)
        legal[self.bar + 3 :] = False  # bar b can point back to bar 0: b bars, value b + 1
        return legal

    def _likeness(self, chosen: list[int]) -> Mask:
        legal = np.ones(FIELDS["likeness"].size, dtype=bool)
        likeness = self._agenda.plan(self.bar + 1).likeness
        if likeness is not None:
            return only(len(legal), 1 + LIKENESS.index(likeness))
        back = chosen[3]
        if back == NEW:
            legal[NEW + 1 :] = False
        elif back != UNSET:
            legal[NEW] = False
        return legal

    def _chord(self, chosen: list[int]) -> Mask:
        size = FIELDS["chord"].size
        source = self._agenda.source(self.bar + 1)
        if source is not None:
            return only(size, self._bars[source][column(BAR, "chord")])
        wished = self._agenda.chords(self.bar + 1) or {}
        return only(size, wished[0]) if 0 in wished else np.ones(size, dtype=bool)

    def _density(self, chosen: list[int]) -> Mask:
        wish = self._agenda.plan(self.bar + 1).density
        size = FIELDS["density"].size
        return (
            np.ones(size, dtype=bool) if wish is None else only(size, level(scales.DENSITY, wish))
        )

    def _range_of_left(self, index: int) -> tuple[int, int]:
        low, high = self._least_most_after_next()
        return max(low, int(_LEFT_LOW[index])), min(high, int(_LEFT_HIGH[index]))

    def _steps_to(self, bar: int, onset: int) -> int:
        """Steps from `onset` in the open bar to the beginning of a later bar."""
        coming = [self._limits.meter_at(b) for b in range(self.bar + 1, bar)]
        lengths = [self.bar_length if m is None else scales.bar_steps(*m) for m in coming]
        if not self._limits.steady and None in coming:
            lengths = []  # the model may choose any meter: sure is only the end of this bar
        return self.bar_length - onset + sum(lengths)

    def _steps_to_end(self, onset: int) -> int:
        """Steps from `onset` to the last bar line that can be sure to come.

        Where the meter may still be chosen bar by bar, `_meter` makes the coming bars long enough.
        """
        here = self.bar_length - onset
        low = self.bars_after[0]
        if self._limits.meters:
            most = min(low, scales.MAX_DURATION // 3)
            coming = [self._limits.meter_at(self.bar + 1 + b) or (4, 4) for b in range(most)]
            return here + sum(scales.bar_steps(*m) for m in coming)
        longest = self.bar_length if self._limits.steady else scales.MAX_BAR_STEPS
        return here + low * longest
