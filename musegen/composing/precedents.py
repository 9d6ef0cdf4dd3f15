"""What nobody wished for is laid out as in a piece that was learned from: a precedent.

A checkpoint carries the HEAD of some of its pieces: mood, key, tempo, meter, how busy and loud
they are, and their instruments with their registers. One that is near to the wishes is drawn, and
says what the wishes do not. Notes, chords and sections stay the model's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musegen.composing.moving import in_register, moved_to_wishes
from musegen.errors import WishError
from musegen.tokens import scales
from musegen.tokens.controls import MODES, Controls, TrackPlan
from musegen.tokens.fields import (
    DRUM_BASE,
    FORM,
    KINDS,
    STYLE,
    TRACK,
    UNSET,
    Rows,
    as_rows,
    column,
)
from musegen.tokens.head import read_head
from musegen.tokens.ids import from_level, instrument_id
from musegen.tokens.limits import Limits

NEAR = {
    "valence": 0.1, "arousal": 0.1, "tempo": 0.1, "density": 0.25, "polyphony": 0.25,
    "loudness": 6.0,
}  # fmt: skip
"""How far off a precedent may be to be three fifths as likely as one that is there: points of mood,
octaves of tempo, density and polyphony, steps of velocity. Not how long it is: sixteen bars are
mostly meant as a passage, and whole pieces of sixteen bars are of a few kinds."""

_OCTAVES = ("tempo", "density", "polyphony")

_MEANT = {
    name: np.array([from_level(scale, value) for value in range(len(scale) + 1)], dtype=float)
    for name, scale in {**scales.LEVELS, "tempo": scales.TEMPO_BPM}.items()
}
_MEANT["tempo"] = np.trunc(_MEANT["tempo"])
"""What each value of these fields stands for, not a number where it stands for nothing."""

OTHER_MODE, OTHER_METER, OTHER_TRACK, UNKNOWN = 4.0, 6.0, 1.0, 1.0
"""What each of these takes from the logarithm of a precedent's odds."""


@dataclass(frozen=True, eq=False)
class Precedents:
    """The precedents of a checkpoint: HEAD rows (N, COLUMNS), each piece from its STYLE row on.

    They are compared as columns, and only the one that is drawn is read.
    """

    rows: Rows
    genres: Sequence[str] = ()

    @classmethod
    def of(cls, rows: Rows | None, genres: Sequence[str]) -> "Precedents":
        """Those that HEAD rows hold; none where there are no rows."""
        return cls(as_rows([]) if rows is None else rows, genres)

    def __len__(self) -> int:
        return len(self._starts)

    def piece(self, number: int) -> Controls:
        """What was measured of piece `number`."""
        ends = np.append(self._starts[1:], len(self.rows))
        return read_head(self.rows[self._starts[number] : ends[number]], self.genres)

    def limits(
        self, wishes: Controls, limits: Limits, chance: np.random.Generator
    ) -> tuple[Controls, Limits]:
        """The wishes and what a precedent adds to them, and the limits that both set.

        limits: those of the wishes. What the precedent adds gives way where it contradicts them.
        Nothing is added where no piece of the genre, or none with or without drums, is known.
        """
        found = self.draw(wishes, chance)
        if found is None:
            return wishes, limits
        filled = filled_in(wishes, moved_to_wishes(found, wishes))
        added = limits
        if not limits.meters and filled.meter is not None:
            added = replace(added, meters=((0, filled.meter),))
        if not limits.tempos and filled.tempo is not None:
            added = replace(added, tempos=((0, filled.tempo),))
        if filled.tracks:
            added = replace(added.with_tracks(filled.tracks), suggested=not wishes.tracks)
        try:
            added.check()
        except WishError:
            return wishes, limits
        return filled, added

    def draw(self, wishes: Controls, chance: np.random.Generator) -> Controls | None:
        """A precedent, the likelier the nearer it is to the wishes; None where none can serve."""
        able = np.flatnonzero(self._can_serve(wishes)) if len(self) else ()
        if not len(able):
            return None
        scores = self._nearness(wishes)[able]
        odds = np.exp(scores - scores.max())
        return self.piece(int(able[chance.choice(len(able), p=odds / odds.sum())]))

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.rows[:, 0] == STYLE)

    @cached_property
    def _style(self) -> Rows:
        return self.rows[self._starts]

    @cached_property
    def _form(self) -> Rows:
        found: Rows = self.rows[self.rows[:, 0] == FORM]
        return found

    @cached_property
    def _players(self) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """The piece and the instrument of each TRACK row."""
        places = np.flatnonzero(self.rows[:, 0] == TRACK)
        pieces = np.searchsorted(self._starts, places, side="right") - 1
        return pieces, self.rows[places, column(TRACK, "instrument")].astype(np.int64)

    def _can_serve(self, wishes: Controls) -> NDArray[np.bool_]:
        """Of each piece, whether nothing that must be kept speaks against it: (N,)."""
        able = np.ones(len(self), dtype=bool)
        if wishes.genre is not None:
            known = list(self.genres)
            wished = 1 + known.index(wishes.genre) if wishes.genre in known else -1
            able &= self._style[:, column(STYLE, "genre")] == wished
        if wishes.tracks:
            return able
        pieces, instruments = self._players
        if wishes.drums is not None:
            able &= self._that_have(instruments >= DRUM_BASE) == wishes.drums
        if wishes.track_count is not None:
            able &= np.bincount(pieces, minlength=len(self)) == wishes.track_count
        return able

    def _that_have(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Of each piece, whether it has one of these TRACK rows: (N,)."""
        found = np.zeros(len(self), dtype=bool)
        found[self._players[0][which]] = True
        return found

    def _nearness(self, wishes: Controls) -> NDArray[np.float64]:
        """The logarithm of how likely each piece is, from 0 down: (N,)."""
        score = np.zeros(len(self))
        for name, near in NEAR.items():
            asked = getattr(wishes, name)
            if asked is None:
                continue
            kind = FORM if name in KINDS[FORM].fields else STYLE
            values = (self._form if kind == FORM else self._style)[:, column(kind, name)]
            there = _MEANT[name][values]
            if name in _OCTAVES:
                asked, there = np.log2(np.maximum(asked, 1e-3)), np.log2(np.maximum(there, 1e-3))
            off = 0.5 * ((asked - there) / near) ** 2
            score -= np.where(np.isnan(there), UNKNOWN, off)
        if wishes.key is not None:
            keys = self._style[:, column(STYLE, "key")]
            other = (keys - 1) // 12 != MODES.index(wishes.key[1])
            score -= np.where(keys == UNSET, UNKNOWN, np.where(other, OTHER_MODE, 0.0))
        if wishes.meter is not None:
            meters = self._form[:, column(FORM, "meter")]
            wished = [1 + n for n, meter in enumerate(scales.METERS) if meter == wishes.meter]
            score -= np.where(np.isin(meters, wished), 0.0, OTHER_METER)
        if wishes.tracks:
            asked_for = {instrument_id(track.program, track.is_drum) for track in wishes.tracks}
            pairs = np.unique(np.stack(self._players), axis=1)
            others = ~np.isin(pairs[1], list(asked_for))
            missing = len(asked_for) - np.bincount(pairs[0][~others], minlength=len(self))
            extra = np.bincount(pairs[0][others], minlength=len(self))
            score -= OTHER_TRACK * (missing + extra)
        return score


def filled_in(wishes: Controls, precedent: Controls) -> Controls:
    """The wishes, and what the precedent says of everything that is not wished.

    Tracks are moved with the key by at most half an octave. A track that is wished plays as the
    precedent's of its instrument does, where there is one and nothing else is wished of it.
    """
    taken = {
        name: getattr(precedent, name)
        for name in ("genre", "valence", "arousal", "density", "polyphony", "loudness")
        if getattr(wishes, name) is None
    }
    if wishes.key is None and not wishes.chords and not wishes.scale:
        taken["key"] = precedent.key
    if wishes.meter is None and not wishes.meter_changes:
        taken["meter"] = precedent.meter
    if wishes.tempo is None and not wishes.tempo_changes:
        taken["tempo"] = precedent.tempo
    sectioned = any(section.instruments for section in wishes.sections)
    shift = _shift(wishes, precedent)
    tracks = tuple(in_register(track, shift) for track in precedent.tracks)
    if wishes.tracks:
        taken["tracks"] = _like(wishes.tracks, tracks)
    elif not sectioned and tracks:
        taken["tracks"] = tracks
        taken["track_count"] = len(precedent.tracks)
        taken["drums"] = any(track.is_drum for track in precedent.tracks)
    return replace(wishes, **taken)


def _like(wished: Sequence[TrackPlan], tracks: Sequence[TrackPlan]) -> tuple[TrackPlan, ...]:
    """The wished tracks; one of which only the instrument is said is as the first of `tracks` with
    it that serves no other.
    """
    left = list(tracks)
    found = []
    for track in wished:
        bare = track == TrackPlan(track.program, track.is_drum)
        same = [t for t in left if (t.program, t.is_drum) == (track.program, track.is_drum)]
        if bare and same:
            left.remove(same[0])
            track = same[0]
        found.append(track)
    return tuple(found)


def _shift(wishes: Controls, precedent: Controls) -> int:
    """By how many semitones a precedent's tracks move to the key that is wished."""
    if wishes.key is None or precedent.key is None:
        return 0
    return (wishes.key[0] - precedent.key[0] + 6) % 12 - 6
