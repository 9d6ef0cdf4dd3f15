"""The law of rows: what may come next, field by field, as boolean masks.

`Grammar` follows a piece row by row. Before each row it says which kinds are legal, and before
each field which values are, given the fields already chosen; at least one always is. A random,
untrained model that draws only what is legal composes a legal Score that keeps every hard limit.
Knows no torch and no files.

The guarantees, and where they are kept:
- exactly the bars asked for, and an end           `course._bars_left`, `kinds`
- a first note by the second bar                    `course.last_chance`
- meter and tempo                                   `course._meter`, `course._tempo`
- instruments: only these, and each one sounds      `heads.instruments`, `sounding._open_tracks`
- a track within its range, and within the scale    `heads._pitches`, `sounding._free`
- the most notes at once, of a track or of all      `sounding._free`
- sections, their instruments and exact repeats     `agenda`, `kinds`, `given`
- chords, and only their tones on the beat          `_chord_onsets`, `_chord`, `sounding._free`
- every note released by the last bar line          `course.steps_left`, `course._meter`
- no overlap and no doubling of a pitch in a track  `sounding.pitches`
"""

from collections.abc import Callable

import numpy as np

from musegen.tokens import scales
from musegen.tokens.agenda import Agenda, beats, chord_tones
from musegen.tokens.course import Course
from musegen.tokens.fields import (
    BAR,
    CHORD,
    END,
    FIELDS,
    FORM,
    KINDS,
    NOTE,
    SECTION,
    STYLE,
    TRACK,
    UNSET,
    column,
)
from musegen.tokens.heads import Heads
from musegen.tokens.limits import Limits
from musegen.tokens.sounding import Mask, Sounding, only, some

_DURATIONS = np.array(scales.DURATION)
_FREE = {name: np.ones(field.size, dtype=bool) for name, field in FIELDS.items()}
"""Masks of fields of which nothing is said; copying one is quicker than making it."""


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
        self.sounding = Sounding(limits.max_rows_per_bar, limits.max_polyphony)
        self.agenda = Agenda(limits)
        self._heads = Heads(limits, self.sounding)
        self._course = Course(limits, self.agenda, lambda: self.sounding.overhang)
        self._bodies: list[list[list[int]]] = []  # of each bar its rows, where bars are copied
        self._owing: dict[int, int] = {}  # chords of the open bar that are still to come
        self._only_owed = False  # the open bar has these chords and no others
        self._masks: dict[tuple[int, str], Callable[[list[int]], Mask]] = {
            (CHORD, "onset"): self._chord_onsets,
            (CHORD, "chord"): self._chord,
            (NOTE, "onset"): self._onsets,
            (NOTE, "instrument"): self.sounding.instruments,
            (NOTE, "number"): self.sounding.numbers,
            (NOTE, "pitch"): self.sounding.pitches,
            (NOTE, "duration"): self._duration,
        }

    # What may come next

    def kinds(self) -> Mask:
        """Which kinds may come next: (kinds,) bool, at least one True except after END."""
        legal = np.zeros(len(KINDS), dtype=bool)
        given = self.given()
        if given is not None:
            legal[given[0]] = True
        elif self.previous == -1:
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
        given = self.given()
        if given is not None:
            return only(FIELDS[name].size, given[1 + len(chosen)])
        special = self._masks.get((kind, name))
        if kind == TRACK:
            legal = self._heads.mask(name, chosen)
        elif kind in (SECTION, BAR):
            legal = self._course.mask(kind, name, chosen)
        else:
            legal = _FREE[name].copy() if special is None else special(chosen)
        if FIELDS[name].optional and not self.limits.reading and some(legal[1:]):
            legal[UNSET] = False
        return legal

    def advance(self, row: list[int]) -> None:
        """Take a row, given or drawn, into account."""
        kind = row[0]
        if kind == TRACK:
            self._heads.add(row)
        elif kind == SECTION:
            self._course.take_section(row)
        elif kind == BAR:
            self._open_bar(row)
        elif kind == CHORD:
            self.sounding.take_chord(row[1])
            self.sounding.set_chord(chord_tones(row[2]))
            self._owing.pop(row[1], None)
        elif kind == NOTE:
            onset, instrument, number, pitch, duration = row[1:6]
            self.sounding.take_note(onset, instrument, number, pitch, scales.DURATION[duration])
        if self.agenda.copies and kind in (CHORD, NOTE):
            self._bodies[-1].append(row)
        self.previous = kind

    def given(self) -> list[int] | None:
        """The next row, where an exact repeat settles all of it; else None."""
        source = self.agenda.source(self.bar) if self.agenda.copies and self.bar >= 0 else None
        if source is None or len(self._bodies[-1]) >= len(self._bodies[source]):
            return None
        return self._bodies[source][len(self._bodies[-1])]

    @property
    def bar(self) -> int:
        """The open bar, -1 before the first."""
        return self._course.bar

    @property
    def bars_in_all(self) -> int | None:
        """How many bars the piece will have, where that is settled."""
        low, high = self._course.bars_after
        return self.bar + 1 + low if low == high and self.bar >= 0 else self.limits.bars

    @property
    def finished(self) -> bool:
        """Whether the piece is complete."""
        return self.previous == END

    # Kinds

    def _after_head(self, legal: Mask) -> None:
        legal[TRACK] = self._heads.may_go_on
        if self._heads.may_end or not legal[TRACK]:
            self._next_bar(legal)

    def _next_bar(self, legal: Mask) -> None:
        legal[SECTION] = self._course.section_may_begin
        legal[BAR] = self._course.bar_may_begin

    def _inside_bar(self, legal: Mask) -> None:
        low, high = self._course.bars_after
        must_sound = self.sounding.must_sound
        copied = self.agenda.copies and self.agenda.source(self.bar) is not None
        if (must_sound or not self.sounding.full) and not copied:
            legal[NOTE] = self._note_possible()
            legal[CHORD] = not self._only_owed and self.sounding.chord_possible()
        if self._owing and not copied:
            legal[CHORD] = True
            return
        if must_sound:
            return
        legal[END] = low == 0 and self.sounding.complete
        if high > 0:
            self._next_bar(legal)

    # BAR

    def _open_bar(self, row: list[int]) -> None:
        course, agenda = self._course, self.agenda
        course.take_bar(row)
        self._bodies.append([])
        wished = agenda.chords(course.bar)
        self._owing = {onset: chord for onset, chord in (wished or {}).items() if onset}
        self._only_owed = wished is not None
        silent = frozenset(
            instrument
            for instrument, _ in self.sounding.tracks
            if not agenda.may_sound(course.bar, instrument)
        )
        strict = self.limits.chord_tones
        self.sounding.open_bar(
            course.bar_length,
            course.last_chance,
            silent,
            beats(scales.METERS[course.meter - 1]) if strict else frozenset(),
        )
        chord = row[column(BAR, "chord")]
        if chord:
            self.sounding.set_chord(chord_tones(chord))

    # CHORD

    def _chord_onsets(self, chosen: list[int]) -> Mask:
        if self._owing:
            return only(FIELDS["onset"].size, min(self._owing))
        return self.sounding.chord_onsets(chosen)

    def _chord(self, chosen: list[int]) -> Mask:
        size = FIELDS["chord"].size
        if chosen[0] in self._owing:
            return only(size, self._owing[chosen[0]])
        return np.ones(size, dtype=bool)

    # NOTE

    def _note_possible(self) -> bool:
        possible = self.sounding.note_possible()
        return possible and (not self._owing or some(self._onsets([])))

    def _onsets(self, chosen: list[int]) -> Mask:
        legal = self.sounding.onsets(chosen)
        if self._owing:
            legal[min(self._owing) :] = False  # first the chord, then the notes over it
        return legal

    def _duration(self, chosen: list[int]) -> Mask:
        legal: Mask = self._course.steps_left(chosen[0], chosen[1]) >= _DURATIONS
        return legal
