"""Close: a piece that ends comes to rest in its last bar.

The model counts down to the last bar and then often plays on as in any other: of real pieces two
thirds strike nothing in the second half of their last bar. Here the end is fed back: the logits of
the density that is planned for the last bar lean to less, and in it those of a note's onset away
from the second half, and those of what comes next to the end. Knows no model.
"""

import numpy as np

from musegen.composing.colour import Leaning
from musegen.composing.heed import OCTAVES
from musegen.tokens import scales
from musegen.tokens.fields import BAR, END, FIELDS, KINDS, NOTE, column

LATE = -1.0
"""What is added to the logit of an onset in the second half of the last bar."""

REST = 1.0
"""What is added to that of the end, once something has sounded in the last bar."""

SPARSE = -1.8
"""What is added to that of the last bar's planned density for each octave that it is higher."""

_LEFT, _METER, _ONSET = column(BAR, "bars_left"), column(BAR, "meter"), column(NOTE, "onset")
_PLANNED = column(BAR, "density")

_SPARSE: Leaning = np.float32(SPARSE) * OCTAVES
_END = np.zeros(len(KINDS), dtype=np.float32)
_END[END] = REST


class Close:
    """Follows the bars of a piece, and says how its last one should lean."""

    def __init__(self) -> None:
        self._onsets: Leaning | None = None  # of the last bar, once it is open
        self._sounded = False

    def take(self, row: list[int]) -> None:
        """Take one more row of the piece into account."""
        if row[0] == BAR and row[_LEFT] == 0:
            self._onsets = np.zeros(FIELDS["onset"].size, dtype=np.float32)
            self._onsets[(int(scales.BAR_STEPS[row[_METER]]) + 1) // 2 :] = LATE
        elif row[0] == NOTE and self._onsets is not None:
            self._sounded = True

    def leaning(self, row: list[int]) -> Leaning | None:
        """What to add to the logits of a row's kind, or of the next field of a row that is begun:
        (size,); None for nothing. row: nothing, or the kind and what is drawn of it so far.
        """
        if row and row[0] == BAR:
            return _SPARSE if len(row) == _PLANNED and row[_LEFT] == 0 else None
        if self._onsets is None:
            return None
        if not row:
            return _END if self._sounded else None
        return self._onsets if row[0] == NOTE and len(row) == _ONSET else None
