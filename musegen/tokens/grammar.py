"""The law of rows: what may come next, field by field, as boolean masks.

`Grammar` follows a piece row by row. Before each row it says which kinds are legal, and before
each field which values are, given the fields already chosen; at least one always is. A random,
untrained model that draws only what is legal composes a legal Score that keeps every hard limit.
Knows no torch and no files.

The guarantees, and where they are kept:
- exactly the bars asked for, and an end           `_bars_left`, `kinds`
- meter and tempo                                   `_meter`, `_tempo`
- instruments: only these, and each one sounds      `_track_instrument`, `sounding._open_tracks`
- a track within the range that its TRACK row says  `_track_low`, `_track_high`, `sounding._within`
- every note released by the last bar line          `_duration`, `_meter`
- no overlap and no doubling of a pitch in a track  `sounding.pitches`
"""

from collections.abc import Callable

import numpy as np

from musegen.music.instruments import DRUMS, FIRST_DRUM
from musegen.tokens import scales
from musegen.tokens.fields import (
    ALL_INSTRUMENTS,
    BAR,
    CHORD,
    DRUM_BASE,
    END,
    FIELDS,
    FORM,
    KINDS,
    NEW,
    NOTE,
    SECTION,
    STYLE,
    TRACK,
    UNSET,
    column,
)
from musegen.tokens.limits import Limits
from musegen.tokens.sounding import Mask, Sounding

_ENDLESS = 1 << 20
_BAR_STEPS = np.array([0, *(scales.bar_steps(*m) for m in scales.METERS)])
_DURATIONS = np.array(scales.DURATION)
_LEFT_RANGES = [
    scales.bars_left_range(i)
    for i in range(scales.EXACT_BARS_LEFT + 1 + len(scales.BARS_LEFT_BINS))
]
_LEFT_LOW = np.array([low for low, _ in _LEFT_RANGES])
_LEFT_HIGH = np.array([high for _, high in _LEFT_RANGES])
_LEFT_HIGH[-1] = _ENDLESS


class Grammar:
    """The state of one piece being written, and what may be written next.

    Call `advance` with every row, given or drawn. Between rows, `kinds()` says which kinds may
    come next; `mask(kind, chosen)` says which values the next field of that kind may take, where
    `chosen` are the values of its fields so far.
    """

    def __init__(self, limits: Limits) -> None:
        limits.check()
        self.limits = limits
        self.previous = -1  # kind of the last row
        self.bar = -1
        self.bars_after = (0, _ENDLESS)  # least and most bars that may follow this one
        self.meter = 0
        self.tempo = 0
        self.section_left: int | None = None  # bars left in the section; None: not known
        self.sectioned = False
        self.sounding = Sounding(limits.max_rows_per_bar)
        self._masks: dict[tuple[int, str], Callable[[list[int]], Mask]] = {
            (TRACK, "instrument"): self._track_instrument,
            (TRACK, "number"): self._track_number,
            (TRACK, "low"): self._track_low,
            (TRACK, "high"): self._track_high,
            (TRACK, "polyphony"): self._track_polyphony,
            (SECTION, "section_bars"): self._section_bars,
            (BAR, "bars_left"): self._bars_left,
            (BAR, "meter"): self._meter,
            (BAR, "tempo"): self._tempo,
            (BAR, "back"): self._back,
            (BAR, "likeness"): self._likeness,
            (CHORD, "onset"): self.sounding.chord_onsets,
            (NOTE, "onset"): self.sounding.onsets,
            (NOTE, "instrument"): self.sounding.instruments,
            (NOTE, "number"): self.sounding.numbers,
            (NOTE, "pitch"): self.sounding.pitches,
            (NOTE, "duration"): self._duration,
        }

    # What may come next

    def kinds(self) -> Mask:
        """Which kinds may come next: (kinds,) bool, at least one True except after END."""
        legal = np.zeros(len(KINDS), dtype=bool)
        if self.previous == -1:
            legal[STYLE] = True
        elif self.previous == STYLE:
            legal[FORM] = True
        elif self.previous in (FORM, TRACK):
            self._after_head(legal)
        elif self.previous == SECTION:
            legal[BAR] = True
        elif self.previous != END:
            self._inside_bar(legal)
        return legal

    def mask(self, kind: int, chosen: list[int]) -> Mask:
        """Which values the next field of a row of `kind` may take: (size,) bool."""
        name = KINDS[kind].fields[len(chosen)]
        special = self._masks.get((kind, name))
        legal = np.ones(FIELDS[name].size, dtype=bool) if special is None else special(chosen)
        if FIELDS[name].optional and not self.limits.reading and legal[1:].any():
            legal[UNSET] = False
        return legal

    def advance(self, row: list[int]) -> None:
        """Take a row, given or drawn, into account."""
        kind = row[0]
        if kind == TRACK:
            lowest, highest = (0, 127) if self.limits.reading else _range_of(row)
            self.sounding.add_track(row[1], row[2], self._is_owed(row[1]), lowest, highest)
        elif kind == SECTION:
            self.section_left = row[column(SECTION, "section_bars")] or None
        elif kind == BAR:
            self._open_bar(row)
        elif kind == CHORD:
            self.sounding.take_chord(row[1])
        elif kind == NOTE:
            onset, instrument, number, pitch, duration = row[1:6]
            self.sounding.take_note(onset, instrument, number, pitch, scales.DURATION[duration])
        self.previous = kind

    @property
    def bars_in_all(self) -> int | None:
        """How many bars the piece will have, where that is settled."""
        low, high = self.bars_after
        return self.bar + 1 + low if low == high and self.bar >= 0 else self.limits.bars

    @property
    def finished(self) -> bool:
        """Whether the piece is complete."""
        return self.previous == END

    # Kinds

    def _after_head(self, legal: Mask) -> None:
        wanted = self.limits.track_count
        if self.limits.instruments:
            wanted = len(self.limits.instruments)
        here = len(self.sounding.tracks)
        more = bool(self._track_instrument([]).any())
        legal[TRACK] = more and (wanted is None or here < wanted)
        done = here > 0 and (wanted is None or here >= wanted)
        if self.limits.drums and not self._has_drums():
            done = False
        if done or not legal[TRACK]:
            legal[SECTION] = legal[BAR] = True

    def _inside_bar(self, legal: Mask) -> None:
        low, high = self.bars_after
        must_sound = self.sounding.must_sound
        if must_sound or not self.sounding.full:
            legal[NOTE] = self.sounding.note_possible()
            legal[CHORD] = self.sounding.chord_possible()
        if must_sound:
            return
        legal[END] = low == 0 and self.sounding.complete
        if high > 0:
            over = self.section_left is not None and self.section_left <= 0
            unknown = self.section_left is None and self.sectioned
            legal[SECTION] = over or unknown
            legal[BAR] = not over

    # TRACK

    def _is_owed(self, instrument: int) -> bool:
        """Whether a track must sound: it was asked for, or every track counts."""
        limits = self.limits
        asked = bool(limits.instruments) or limits.track_count is not None
        return asked or limits.all_sound or (bool(limits.drums) and instrument >= DRUM_BASE)

    def _has_drums(self) -> bool:
        return any(instrument >= DRUM_BASE for instrument, _ in self.sounding.tracks)

    def _track_instrument(self, chosen: list[int]) -> Mask:
        legal = np.zeros(FIELDS["instrument"].size, dtype=bool)
        here = len(self.sounding.tracks)
        limits = self.limits
        if limits.instruments:
            if here < len(limits.instruments):
                program, is_drum = limits.instruments[here]
                legal[DRUM_BASE + scales.DRUM_KITS.index(program) if is_drum else program] = True
            return legal
        last = self.sounding.tracks[-1][0] if here else 0
        if (here and last >= DRUM_BASE) or here == scales.MAX_TRACKS:
            return legal
        left = None if limits.track_count is None else limits.track_count - here
        pitched = here < scales.MAX_TRACKS - 1 and not (limits.drums and left == 1)
        if pitched:
            legal[last:DRUM_BASE] = True
        # A drum track is the last one: only where no further track is owed.
        if limits.drums is not False and left in (None, 1):
            legal[DRUM_BASE:ALL_INSTRUMENTS] = True
        return legal

    def _track_number(self, chosen: list[int]) -> Mask:
        same = sum(instrument == chosen[0] for instrument, _ in self.sounding.tracks)
        return _only(FIELDS["number"].size, same)

    def _track_low(self, chosen: list[int]) -> Mask:
        return self._said_of_pitches("low", chosen)

    def _track_high(self, chosen: list[int]) -> Mask:
        legal = self._said_of_pitches("high", chosen)
        legal[1 : chosen[2]] = False
        return legal

    def _track_polyphony(self, chosen: list[int]) -> Mask:
        return self._said_of_pitches("polyphony", chosen)

    def _said_of_pitches(self, name: str, chosen: list[int]) -> Mask:
        """What a field of a TRACK row may say: of drums, which have no pitches, nothing."""
        size = FIELDS[name].size
        unsaid = chosen[0] >= DRUM_BASE and not self.limits.reading
        return _only(size, UNSET) if unsaid else np.ones(size, dtype=bool)

    # SECTION and BAR

    def _least_most_after_next(self) -> tuple[int, int]:
        """How many bars may follow the next bar, at least and at most."""
        if self.bar >= 0:
            low, high = self.bars_after
            return max(low - 1, 0), high - 1
        if self.limits.bars is not None:
            return self.limits.bars - 1, self.limits.bars - 1
        most = _ENDLESS if self.limits.max_bars is None else self.limits.max_bars
        return 0, most - 1

    def _section_bars(self, chosen: list[int]) -> Mask:
        legal = np.ones(FIELDS["section_bars"].size, dtype=bool)
        _, most = self._least_most_after_next()
        legal[min(most + 2, len(legal)) :] = False
        return legal

    def _bars_left(self, chosen: list[int]) -> Mask:
        low, high = self._least_most_after_next()
        if self.previous == SECTION and self.section_left is not None:
            low = max(low, self.section_left - 1)
        return (high >= _LEFT_LOW) & (low <= _LEFT_HIGH)

    def _meter(self, chosen: list[int]) -> Mask:
        size = FIELDS["meter"].size
        wished = self.limits.meter_at(self.bar + 1)
        if wished is not None:
            return _only(size, 1 + scales.METERS.index(wished))
        if self.bar >= 0 and self.limits.steady:
            return _only(size, self.meter)
        later = self._range_of_left(chosen[0])[0] * scales.MAX_BAR_STEPS
        legal: Mask = _BAR_STEPS + later >= self.sounding.overhang
        legal[UNSET] = False
        return legal

    def _tempo(self, chosen: list[int]) -> Mask:
        size = FIELDS["tempo"].size
        wished = self.limits.tempo_at(self.bar + 1)
        if wished is not None:
            return _only(size, 1 + scales.TEMPO_BPM.index(wished))
        if self.bar >= 0 and self.limits.steady:
            return _only(size, self.tempo)
        legal = np.ones(size, dtype=bool)
        legal[UNSET] = False
        return legal

    def _back(self, chosen: list[int]) -> Mask:
        legal = np.ones(FIELDS["back"].size, dtype=bool)
        legal[self.bar + 3 :] = False  # bar b can point back to bar 0: b bars, value b + 1
        return legal

    def _likeness(self, chosen: list[int]) -> Mask:
        legal = np.ones(FIELDS["likeness"].size, dtype=bool)
        back = chosen[3]
        if back == NEW:
            legal[NEW + 1 :] = False
        elif back != UNSET:
            legal[NEW] = False
        return legal

    def _range_of_left(self, index: int) -> tuple[int, int]:
        low, high = self._least_most_after_next()
        return max(low, int(_LEFT_LOW[index])), min(high, int(_LEFT_HIGH[index]))

    def _open_bar(self, row: list[int]) -> None:
        self.bars_after = self._range_of_left(row[column(BAR, "bars_left")])
        if self.previous == SECTION:
            self.sectioned = True
        if self.section_left is not None:
            self.section_left -= 1
        self.bar += 1
        self.meter = row[column(BAR, "meter")]
        self.tempo = row[column(BAR, "tempo")]
        self.sounding.open_bar(int(_BAR_STEPS[self.meter]), self.bars_after[1] == 0)

    # NOTE

    def _duration(self, chosen: list[int]) -> Mask:
        legal: Mask = self._steps_left(chosen[0]) >= _DURATIONS
        return legal

    def _steps_left(self, onset: int) -> int:
        """Steps from `onset` to the last bar line that can be sure to come.

        Where the meter may still be chosen bar by bar, `_meter` makes the coming bars long enough.
        """
        here = self.sounding.bar_length - onset
        low = self.bars_after[0]
        if self.limits.meters:
            most = min(low, scales.MAX_DURATION // 3)
            coming = [self.limits.meter_at(self.bar + 1 + b) or (4, 4) for b in range(most)]
            return here + sum(scales.bar_steps(*m) for m in coming)
        longest = self.sounding.bar_length if self.limits.steady else scales.MAX_BAR_STEPS
        return here + low * longest


def _range_of(track: list[int]) -> tuple[int, int]:
    """The lowest and the highest pitch that a TRACK row allows: what it does not say is free.

    Drums are those that General MIDI 2 names, as are 9,995 of 10,000 in real pieces.
    """
    low, high = track[column(TRACK, "low")], track[column(TRACK, "high")]
    if track[column(TRACK, "instrument")] >= DRUM_BASE:
        return FIRST_DRUM, FIRST_DRUM + len(DRUMS) - 1
    step = scales.REGISTER[1] - scales.REGISTER[0]
    lowest = scales.REGISTER[low - 1] if low else 0
    return lowest, scales.REGISTER[high - 1] + step - 1 if high else 127


def _only(size: int, value: int) -> Mask:
    legal = np.zeros(size, dtype=bool)
    legal[value] = True
    return legal
