"""The colour of a piece: pitches lean to the mood and the key that are wished and not yet there.

What mode a piece is in is told to the model by its key, but not how plainly it is in that mode,
which tells happy music from sad more than all else (`music.mood`). And a piece that has strayed
from its key goes on where it is. So the wish is fed back: what has sounded is compared with it, and
the logits of pitches lean towards the tones that make up for the difference. The last chord leans
to the tonic: a model that has lost its key does not find back. Knows no model.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.music.keys import find_key, keyward, majorward
from musegen.music.mood import CUES, majorness_for
from musegen.tokens import scales
from musegen.tokens.fields import BAR, CHORD, DRUM_BASE, FIELDS, NOTE, SECTION, column
from musegen.tokens.ids import chord_id

Leaning = NDArray[np.float32]

SLACK_QUARTERS = 16.0
"""Quarters of notes after which what has sounded is trusted by half."""

MOST = 1.5
"""Beyond this what is missing counts no more: deviations of majorness, times PLAIN."""

PLAIN = 0.15
"""By how much the wished key is to fit better than any other (Pearson's r); less is missing."""

KEY_COUNTS = 2.0
"""How much more a key that is missing counts than a mood: profiles of near keys hardly differ."""

CLOSING = 2.0
"""How much more the last chord leans to the tonic than a tone to the mood."""

_PITCH, _DURATION = column(NOTE, "pitch"), column(NOTE, "duration")
_LEFT, _CHORD, _CHANGE = column(BAR, "bars_left"), column(BAR, "chord"), column(CHORD, "chord")


class Colour:
    """Follows the pitch classes of a piece, and says towards which it should lean.

    valence: the wish for the piece; sections: those for its sections, in order, None where none is
    made. key: tonic and mode of the key that it is to keep to; no mood leans away from its mode.
    """

    def __init__(
        self,
        valence: float | None = None,
        sections: Sequence[float | None] = (),
        key: tuple[int, str] | None = None,
    ) -> None:
        self._whole = valence
        self._sections = list(sections)
        self._key = key
        self._wish = valence  # in force
        self._sounded = np.zeros(12)  # quarters of each pitch class
        self._leaning: Leaning | None = None
        self._last = False  # the open bar is the last

    def take(self, row: list[int]) -> None:
        """Take one more row of the piece into account."""
        if row[0] == NOTE and row[_PITCH] < DRUM_BASE:
            quarters = scales.DURATION[row[_DURATION]] / scales.STEPS_PER_QUARTER
            self._sounded[row[_PITCH] % 12] += quarters
        elif row[0] == SECTION:
            wish = self._sections.pop(0) if self._sections else None
            self._wish = self._whole if wish is None else wish
        elif row[0] == BAR:
            self._leaning = self._found()
            self._last = row[_LEFT] == 0

    def leaning(self) -> Leaning | None:
        """What to add to the logits of a pitch in the open bar: (size,); None for nothing."""
        return self._leaning

    def closing(self, row: list[int]) -> dict[int, float]:
        """What to add to the logits of the next field of a row that is begun, by value.

        Where that is a chord of the last bar, those on the tonic of the key that is heard.
        """
        opening = row[0] == BAR and len(row) == _CHORD and row[_LEFT] == 0
        if not opening and not (row[0] == CHORD and len(row) == _CHANGE and self._last):
            return {}
        key = find_key(self._sounded)
        if key is None:
            return {}
        return {chord_id(key.tonic, quality): CLOSING for quality in scales.CHORD_QUALITIES}

    def _found(self) -> Leaning | None:
        total = self._sounded.sum()
        if not total or (self._wish is None and self._key is None):
            return None
        tones = np.zeros(12)
        if self._wish is not None:
            tones += self._moodward(self._wish)
        if self._key is not None:
            margin, apart = keyward(self._sounded, self._key)
            tones += KEY_COUNTS * np.clip((PLAIN - margin) / PLAIN, 0, MOST) * apart
        tones *= total / (total + SLACK_QUARTERS)
        found = np.zeros(FIELDS["pitch"].size, dtype=np.float32)
        found[:DRUM_BASE] = tones[np.arange(DRUM_BASE) % 12]
        return found

    def _moodward(self, valence: float) -> NDArray[np.float64]:
        heard, apart = majorward(self._sounded)
        missing = (majorness_for(valence) - heard) / CUES["majorness"].deviation
        mode = "" if self._key is None else self._key[1]
        low, high = (0 if mode == "major" else -MOST), (0 if mode == "minor" else MOST)
        return float(np.clip(missing, low, high)) * apart
