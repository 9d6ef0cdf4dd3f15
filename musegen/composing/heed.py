"""Heed: how dense, full and loud a piece is to be is compared with what has sounded.

The model is told density, polyphony and loudness once, in HEAD, and then follows its last bars: a
piece that set out too quietly stays so. Here the wish is fed back: the logits of a note's velocity,
length and onset, and of whether a note comes at all, lean towards what makes up for what is
missing. Knows no model.
"""

from collections.abc import Sequence
from math import log2

import numpy as np

from musegen.composing.colour import Leaning
from musegen.tokens import scales
from musegen.tokens.controls import Controls
from musegen.tokens.fields import BAR, DRUM_BASE, FIELDS, KINDS, NOTE, SECTION, TRACK, column
from musegen.tokens.ids import from_level

SLACK_QUARTERS, SLACK_NOTES = 8.0, 16.0
"""What has sounded is trusted by half after so many quarters (density, polyphony) and so many notes
(loudness): until then the wish counts as if it had been kept."""

MOST, MOST_TENS = 1.0, 2.0
"""Beyond this what is missing counts no more: octaves (density, polyphony), tens of velocity."""

DENSER_BAR, DENSER_KIND, DENSER_STEP = 3.0, 4.0, 1 / 12
"""What an octave of missing density adds to the logit of a bar's planned density for each octave
that it is higher, to that of a note's coming, and takes from that of an onset for each step that it
lies further away."""

FULLER_LENGTH, FULLER_CHORD = 3.0, 3.0
"""What an octave of missing polyphony adds to the logit of a length for each octave that it is
longer, and to that of a note's coming together with the one before."""

LOUDER = 2.0
"""What a missing ten of velocity adds to the logit of a velocity for each ten that it is louder."""

_ONSET, _INSTRUMENT, _NUMBER = (column(NOTE, name) for name in ("onset", "instrument", "number"))
_PITCH, _DURATION, _VELOCITY = (column(NOTE, name) for name in ("pitch", "duration", "velocity"))
_METER, _PLANNED = column(BAR, "meter"), column(BAR, "density")
_TRACK = [column(TRACK, name) for name in ("instrument", "number", "polyphony")]

_STEPS = np.arange(FIELDS["onset"].size, dtype=np.float32)
_LENGTHS = np.log2(scales.DURATION).astype(np.float32)
_LENGTHS -= _LENGTHS.mean()
OCTAVES = np.log2([scales.DENSITY.values[0], *scales.DENSITY.values]).astype(np.float32)
"""How dense each value of a bar's planned density is: the logarithm of notes a quarter."""

_TENS: Leaning = np.array(scales.VELOCITY, dtype=np.float32) / np.float32(10)
_TENS -= _TENS.mean()


class Heed:
    """Follows what sounds, and says towards what the next note should lean.

    wishes: for the piece; those of its sections count while they last, and what has sounded is
    counted anew where another wish begins to count.
    """

    def __init__(self, wishes: Controls | None = None) -> None:
        wishes = wishes or Controls()
        self._whole = wishes.density, wishes.polyphony, wishes.loudness
        self._sections = [(one.density, None, one.loudness) for one in wishes.sections]
        self._chordal: set[tuple[int, int]] = set()  # tracks that are to strike notes together
        self._heed(self._whole)
        self._length = self._place = 0.0  # of the open bar, and in it, in quarters
        self._in_bar = 0  # notes of the open bar

    def _heed(self, wish: Sequence[float | None]) -> None:
        """What is wished from here on; what has sounded counts no more."""
        self._wish = wish
        self.wished = any(level is not None for level in wish)
        self._quarters = 0.0  # of closed bars
        self._notes = self._velocities = 0
        self._held = self._sounding = 0.0  # quarters of pitched notes, and in which any sounds
        self._until = 0.0  # the last of them ends there, in quarters

    def take(self, row: list[int]) -> None:
        """Take one more row of the piece into account."""
        kind = row[0]
        if kind == NOTE:
            self._take_note(row)
        elif kind == BAR:
            self._quarters += self._length
            self._length = float(scales.BAR_QUARTERS[row[_METER]])
            self._place, self._in_bar = 0.0, 0
        elif kind == SECTION:
            self._open_section()
        elif kind == TRACK:
            instrument, number, polyphony = (row[place] for place in _TRACK)
            planned = from_level(scales.POLYPHONY, polyphony)
            if planned is not None and planned > 1:
                self._chordal.add((instrument, number))

    def leaning(self, row: list[int]) -> Leaning | None:
        """What to add to the logits of a row's kind, or of the next field of a row that is begun:
        (size,); None for nothing. row: nothing, or the kind and what is drawn of it so far.
        """
        if not self.wished:
            return None
        if not row:
            return self._kinds()
        place = len(row)
        if row[0] == BAR and place == _PLANNED:
            much = DENSER_BAR * self._sparse
            return np.float32(much) * OCTAVES if much else None
        if row[0] != NOTE:
            return None
        if place == _ONSET:
            return self._onsets()
        if place == _DURATION:
            return self._durations(row)
        if place == _VELOCITY:
            return self._louder()
        return None

    def _take_note(self, row: list[int]) -> None:
        self._place = row[_ONSET] / scales.STEPS_PER_QUARTER
        self._notes += 1
        self._in_bar += 1
        self._velocities += scales.VELOCITY[row[_VELOCITY]]
        if row[_PITCH] >= DRUM_BASE:
            return
        now = self._quarters + self._place
        quarters = scales.DURATION[row[_DURATION]] / scales.STEPS_PER_QUARTER
        self._held += quarters
        self._sounding += max(0.0, now + quarters - max(now, self._until))
        self._until = max(self._until, now + quarters)

    def _open_section(self) -> None:
        own = self._sections.pop(0) if self._sections else (None, None, None)
        wish = tuple(
            whole if section is None else section
            for whole, section in zip(self._whole, own, strict=True)
        )
        if self._wish != wish:
            self._heed(wish)
            self._length = 0.0  # the bar before belongs to what is over

    def _missing(self, wish: float | None, heard: float, quarters: float) -> float:
        """By how many octaves a wish lies above `heard` in so many quarters, at most MOST."""
        if not wish:
            return 0.0
        ratio = (heard + SLACK_QUARTERS * wish) / (quarters + SLACK_QUARTERS) / wish
        return float(np.clip(-log2(max(ratio, 1e-6)), -MOST, MOST))

    @property
    def _sparse(self) -> float:
        return self._missing(self._wish[0], self._notes, self._quarters + self._place)

    @property
    def _thin(self) -> float:
        return self._missing(self._wish[1], self._held, self._sounding)

    def _kinds(self) -> Leaning | None:
        much = DENSER_KIND * self._sparse
        if not much or (much < 0 and not self._in_bar):
            return None  # no bar is left empty for what was too much before
        found = np.zeros(len(KINDS), dtype=np.float32)
        found[NOTE] = much
        return found

    def _onsets(self) -> Leaning | None:
        sparse, thin = self._sparse, self._thin
        if not sparse and not thin:
            return None
        here = round(self._place * scales.STEPS_PER_QUARTER)
        found = np.float32(-DENSER_STEP * sparse) * (_STEPS - here)
        found[here] += FULLER_CHORD * thin
        return found

    def _durations(self, row: list[int]) -> Leaning | None:
        thin = self._thin
        if thin > 0 and (row[_INSTRUMENT], row[_NUMBER]) not in self._chordal:
            return None  # a single line would blur
        if not thin or row[_PITCH] >= DRUM_BASE:
            return None
        return np.float32(FULLER_LENGTH * thin) * _LENGTHS

    def _louder(self) -> Leaning | None:
        wish = self._wish[2]
        if wish is None:
            return None
        heard = (self._velocities + SLACK_NOTES * wish) / (self._notes + SLACK_NOTES)
        tens = float(np.clip((wish - heard) / 10, -MOST_TENS, MOST_TENS))
        return np.float32(LOUDER * tens) * _TENS
