"""Recall: a bar that is planned to vary an earlier one comes out like it.

BAR rows say which bar a bar repeats and how closely. When its chord is drawn the model has not yet
looked back there, and of the notes one that is unlikely leads away for good: of the bars that were
planned as variations a third was heard as new. Here the plan is fed back: chords lean to those of
the source, and so do notes while a bar has fewer of its source's than real variations have. Knows
no model.
"""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from musegen.tokens.fields import BAR, CHORD, EXACT, KINDS, NOTE, VARIED, column

TARGET = {VARIED: 0.8, EXACT: 1.0}
"""Share of a bar's notes that its source has, too, above which no note leans: real variations of
most genres have 0.7 to 0.85 in the mean."""

SLACK_NOTES = 4.0
"""How many notes, as near to the source as half of TARGET, are counted before the first."""

NOTES = 8.0
"""What is added to logits of a note where all is missing."""

CHORDS = {VARIED: 3.0, EXACT: 12.0}
"""What is added to logits of a chord: of real bars that repeat one exactly 98 in 100 have its
chord, of those that vary it three quarters and more."""

_BACK, _LIKENESS, _CHORD, _LEFT = (
    column(BAR, name) for name in ("back", "likeness", "chord", "bars_left")
)
_OF_NOTE, _OF_CHORD = KINDS[NOTE].fields[:4], KINDS[CHORD].fields
assert _OF_NOTE == ("onset", "instrument", "number", "pitch"), "what an event is, in order"
assert _OF_CHORD == ("onset", "chord"), "likewise"

Event = tuple[int, ...]


class _Bar(NamedTuple):
    """What has been written in a bar: its first chord, then its events by kind."""

    chord: int
    events: dict[int, list[Event]]


class _Voice:
    """The events of one kind in the bar that is recalled, in order, and the one that is due."""

    def __init__(self, events: list[Event]) -> None:
        self.events = sorted(events)
        self.place = 0

    def take(self, event: Event) -> bool:
        """Go on past an event; whether the source has it, too."""
        after = bisect_right(self.events, event)
        self.place = max(self.place, after)
        return after > 0 and self.events[after - 1] == event

    @property
    def onset(self) -> int | None:
        """Where the next one is due, None where there are no more."""
        return self.events[self.place][0] if self.place < len(self.events) else None

    def due(self, begun: Event) -> int | None:
        """What comes after the values `begun` in the next event that begins so."""
        place = bisect_left(self.events, begun, lo=self.place)
        if place == len(self.events) or len(begun) >= len(self.events[place]):
            return None
        event = self.events[place]
        return event[len(begun)] if event[: len(begun)] == begun else None


class Recall:
    """Counts the notes of the open bar against those of the bar that it is to be like."""

    def __init__(self) -> None:
        self._bars: list[_Bar] = []
        self._likeness = 0
        self._source: dict[int, _Voice] = {}
        self._played = self._matched = 0

    def take(self, row: list[int]) -> None:
        """Take one more row of the piece into account."""
        if row[0] == BAR:
            found = self._recalled(row)
            self._likeness = row[_LIKENESS]
            self._source = (
                {k: _Voice(events) for k, events in found.events.items()} if found else {}
            )
            self._bars.append(_Bar(row[_CHORD], {NOTE: [], CHORD: []}))
            self._played = self._matched = 0
        elif row[0] in (NOTE, CHORD) and self._bars:
            event = tuple(row[1:5] if row[0] == NOTE else row[1:3])
            self._bars[-1].events[row[0]].append(event)
            if self._source:
                same = self._source[row[0]].take(event)
                if row[0] == NOTE:
                    self._played += 1
                    self._matched += same

    @property
    def missing(self) -> float:
        """How much the open bar is short of its source, 0 to 1, as a share of what it should have.

        0 where it has no source.
        """
        if not self._source:
            return 0.0
        target = TARGET[self._likeness]
        had = self._matched + SLACK_NOTES * target / 2
        return max(0.0, 1 - had / (target * (self._played + SLACK_NOTES)))

    def leaning(self, row: list[int]) -> dict[int, float]:
        """What to add to the logits of a row's kind, or of the next of its fields, by value.

        row: nothing, or the kind and what is drawn of it so far. Rows of a bar ascend by onset,
        track and pitch, so that it is always the next event of the source that is due.
        """
        if not row:
            return self._kinds()
        if row[0] == BAR:
            return self._first_chord(row)
        if row[0] not in self._source:
            return {}
        much = NOTES * self.missing if row[0] == NOTE else CHORDS[self._likeness]
        due = self._source[row[0]].due(tuple(row[1:])) if much else None
        return {} if due is None else {due: much}

    def _kinds(self) -> dict[int, float]:
        if not self._source:
            return {}
        note, chord = self._source[NOTE].onset, self._source[CHORD].onset
        if chord is not None and (note is None or chord <= note):
            return {CHORD: CHORDS[self._likeness]}
        much = NOTES * self.missing
        return {NOTE: -much if note is None else much} if much else {}

    def _first_chord(self, row: list[int]) -> dict[int, float]:
        """Of a BAR row of which all is drawn that stands before its chord."""
        found = self._recalled(row) if len(row) == _CHORD else None
        return {found.chord: CHORDS[row[_LIKENESS]]} if found else {}

    def _recalled(self, row: list[int]) -> _Bar | None:
        """The earlier bar that a BAR row says to vary or repeat; the last bar varies as it ends."""
        back = row[_BACK] - 1
        if row[_LIKENESS] == VARIED and row[_LEFT] == 0:
            return None
        if row[_LIKENESS] not in TARGET or not 0 < back <= len(self._bars):
            return None
        return self._bars[-back]
