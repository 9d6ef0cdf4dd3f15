"""The colour of a piece: pitches lean to major where it is to sound happier than it has so far.

What mode a piece is in is told to the model by its key, but not how plainly it is in that mode,
which tells happy music from sad more than all else (`music.mood`). So the wish is fed back: what
has sounded is compared with it, and the logits of pitches lean towards the tones that make up for
the difference. Knows no model.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen.music.keys import brightening, majorness
from musegen.music.mood import CUES, majorness_for
from musegen.tokens import scales
from musegen.tokens.fields import BAR, DRUM_BASE, FIELDS, NOTE, SECTION, column

Leaning = NDArray[np.float32]

SLACK_QUARTERS = 16.0
"""Quarters of notes after which what has sounded is trusted by half."""

MOST = 1.5
"""Deviations of majorness beyond which what is missing counts no more."""

_PITCH, _DURATION = column(NOTE, "pitch"), column(NOTE, "duration")


class Colour:
    """Follows the pitch classes of a piece, and says towards which it should lean.

    valence: the wish for the piece; sections: those for its sections, in order, None where none is
    made. mode: of the key that is wished, "major" or "minor"; nothing leans away from it.
    """

    def __init__(
        self,
        valence: float | None = None,
        sections: Sequence[float | None] = (),
        mode: str | None = None,
    ) -> None:
        self._whole = valence
        self._sections = list(sections)
        self._mode = mode
        self._wish = valence  # in force
        self._sounded = np.zeros(12)  # quarters of each pitch class
        self._leaning: Leaning | None = None

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

    def leaning(self) -> Leaning | None:
        """What to add to the logits of a pitch in the open bar: (size,); None for nothing."""
        return self._leaning

    def _found(self) -> Leaning | None:
        total = self._sounded.sum()
        if self._wish is None or not total:
            return None
        heard = float(majorness(self._sounded))
        missing = (majorness_for(self._wish) - heard) / CUES["majorness"].deviation
        low, high = (0 if self._mode == "major" else -MOST), (0 if self._mode == "minor" else MOST)
        trusted = total / (total + SLACK_QUARTERS)
        tones = trusted * np.clip(missing, low, high) * brightening(self._sounded)
        found = np.zeros(FIELDS["pitch"].size, dtype=np.float32)
        found[:DRUM_BASE] = tones[np.arange(DRUM_BASE) % 12]
        return found
