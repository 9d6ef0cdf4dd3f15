"""What a TRACK row may say: the instruments asked for, in order, and what was wished of each.

Holds no music; the tracks that are there already belong to `sounding`.
"""

import numpy as np

from musegen.music.instruments import DRUMS, FIRST_DRUM
from musegen.tokens import scales
from musegen.tokens.controls import TrackPlan
from musegen.tokens.fields import (
    ALL_INSTRUMENTS,
    DRUM_BASE,
    FIELDS,
    TRACK,
    UNSET,
    column,
)
from musegen.tokens.ids import instrument_id, level
from musegen.tokens.limits import Limits
from musegen.tokens.sounding import PITCHES, Mask, Sounding, only

_STEP = scales.REGISTER[1] - scales.REGISTER[0]


class Heads:
    """The law of TRACK rows."""

    def __init__(self, limits: Limits, sounding: Sounding) -> None:
        self._limits = limits
        self._sounding = sounding

    @property
    def may_end(self) -> bool:
        """Whether the tracks that are there are enough."""
        limits, here = self._limits, len(self._sounding.tracks)
        wanted = self._wanted
        enough = here > 0 and (wanted is None or here >= wanted)
        return enough and not (limits.drums and not self._has_drums())

    @property
    def may_go_on(self) -> bool:
        """Whether there may be one more track."""
        wanted = self._wanted
        more = wanted is None or len(self._sounding.tracks) < wanted
        return more and bool(self.instruments().any())

    def mask(self, name: str, chosen: list[int]) -> Mask:
        """Which values a field may take: (size,) bool. chosen: the values of those before it."""
        if name == "instrument":
            return self.instruments()
        size = FIELDS[name].size
        if name == "number":
            same = sum(instrument == chosen[0] for instrument, _ in self._sounding.tracks)
            return only(size, same)
        if self._limits.reading:
            return self._rising(name, chosen, np.ones(size, dtype=bool))
        if name in ("low", "high", "polyphony") and chosen[0] >= DRUM_BASE:
            return only(size, UNSET)  # drums have no pitches
        plan = self._plan()
        if name in scales.LEVELS and (wish := getattr(plan, name, None)) is not None:
            return only(size, level(scales.LEVELS[name], wish))
        legal = np.ones(size, dtype=bool)
        if plan is not None and name in ("low", "high"):
            legal = _register(plan, name)
        return self._rising(name, chosen, legal)

    def instruments(self) -> Mask:
        """Which instruments the next track may be."""
        legal = np.zeros(FIELDS["instrument"].size, dtype=bool)
        here = len(self._sounding.tracks)
        limits = self._limits
        if limits.instruments:
            if here < len(limits.instruments):
                legal[instrument_id(*limits.instruments[here])] = True
            return legal
        last = self._sounding.tracks[-1][0] if here else 0
        if (here and last >= DRUM_BASE) or here == scales.MAX_TRACKS:
            return legal
        left = None if limits.track_count is None else limits.track_count - here
        pitched = here < scales.MAX_TRACKS - 1 and not (limits.drums and left == 1)
        if pitched and self._sounding.owed_fits:
            legal[last:DRUM_BASE] = True
        # A drum track is the last one: only where no further track is owed.
        if limits.drums is not False and left in (None, 1):
            legal[DRUM_BASE:ALL_INSTRUMENTS] = True
        return legal

    def add(self, row: list[int]) -> None:
        """A TRACK row was written: the track is there, with the pitches that it may strike."""
        plan = self._plan()
        self._sounding.add_track(
            row[1],
            row[2],
            owed=self._is_owed(row[1]),
            within=self._pitches(row, plan),
            cap=None if plan is None else plan.max_polyphony,
        )

    @property
    def _wanted(self) -> int | None:
        limits = self._limits
        return len(limits.instruments) if limits.instruments else limits.track_count

    def _plan(self) -> TrackPlan | None:
        """What was wished of the track whose row comes next."""
        here = len(self._sounding.tracks)
        return self._limits.tracks[here] if here < len(self._limits.tracks) else None

    def _rising(self, name: str, chosen: list[int], legal: Mask) -> Mask:
        if name == "high":
            legal[1 : chosen[2]] = False
        return legal

    def _is_owed(self, instrument: int) -> bool:
        """Whether a track must sound: it was asked for, or every track counts."""
        limits = self._limits
        named = bool(limits.instruments) and not limits.suggested
        asked = named or limits.track_count is not None
        return asked or limits.all_sound or (bool(limits.drums) and instrument >= DRUM_BASE)

    def _has_drums(self) -> bool:
        return any(instrument >= DRUM_BASE for instrument, _ in self._sounding.tracks)

    def _pitches(self, row: list[int], plan: TrackPlan | None) -> Mask:
        """The pitches (128,) that a track may strike: what its row and the wishes allow.

        Drums are those that General MIDI 2 names, as are 9,995 of 10,000 in real pieces.
        """
        within = np.zeros(PITCHES, dtype=bool)
        if self._limits.reading:
            return ~within
        drum = row[column(TRACK, "instrument")] >= DRUM_BASE
        if drum:
            within[FIRST_DRUM : FIRST_DRUM + len(DRUMS)] = True
        else:
            low, high = row[column(TRACK, "low")], row[column(TRACK, "high")]
            lowest = scales.REGISTER[low - 1] if low else 0
            within[lowest : scales.REGISTER[high - 1] + _STEP if high else PITCHES] = True
        if plan is not None and plan.span is not None:
            within[: plan.span[0]] = within[plan.span[1] + 1 :] = False
        if self._limits.scale and not drum:
            within &= np.isin(np.arange(PITCHES) % 12, list(self._limits.scale))
        return within


def _register(plan: TrackPlan, name: str) -> Mask:
    """Which values "low" or "high" may take, so that the range asked for is not left."""
    legal = np.ones(FIELDS[name].size, dtype=bool)
    wish = plan.low if name == "low" else plan.high
    if plan.span is not None:
        # The row must leave the wished pitches all of their room: it may not promise less.
        wish = plan.span[0] if name == "low" else plan.span[1]
    if wish is not None:
        return only(FIELDS[name].size, 1 + wish // _STEP)
    if name == "low" and plan.high is not None:
        legal[2 + plan.high // _STEP :] = False
    return legal
