"""What nobody wished for is laid out as in a piece that was learned from: a precedent.

A checkpoint carries the HEAD of some of its pieces: mood, key, tempo, meter, how busy and loud
they are, and their instruments with their registers. One that is near to the wishes is drawn, and
says what the wishes do not. Notes, chords and sections stay the model's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musegen.errors import WishError
from musegen.tokens.controls import Controls, TrackPlan
from musegen.tokens.fields import STYLE, Rows
from musegen.tokens.head import read_head
from musegen.tokens.limits import Limits

NEAR = {
    "valence": 0.1, "arousal": 0.1, "tempo": 0.1, "density": 0.25, "polyphony": 0.25,
    "loudness": 6.0, "bars": 1.0,
}  # fmt: skip
"""How far off a precedent may be to be three fifths as likely as one that is there: points of mood,
octaves of tempo, density, polyphony and bars, steps of velocity."""

_OCTAVES = ("tempo", "density", "polyphony", "bars")

OTHER_MODE, OTHER_METER, OTHER_TRACK, UNKNOWN = 4.0, 6.0, 1.0, 1.0
"""What each of these takes from the logarithm of a precedent's odds."""


@dataclass(frozen=True)
class Precedents:
    """The precedents of a checkpoint, as the controls that were measured of them."""

    pieces: tuple[Controls, ...]

    @classmethod
    def of(cls, rows: Rows | None, genres: Sequence[str]) -> "Precedents":
        """Those that HEAD rows (N, COLUMNS) hold, each from its STYLE row on."""
        if rows is None or not len(rows):
            return cls(())
        starts = np.flatnonzero(rows[:, 0] == STYLE)
        return cls(tuple(read_head(head, genres) for head in np.split(rows, starts[1:])))

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
        filled = filled_in(wishes, found)
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
        able = [piece for piece in self.pieces if _can_serve(piece, wishes)]
        if not able:
            return None
        scores = np.array([_nearness(piece, wishes) for piece in able])
        odds = np.exp(scores - scores.max())
        return able[int(chance.choice(len(able), p=odds / odds.sum()))]


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
    tracks = tuple(_moved(track, shift) for track in precedent.tracks)
    if wishes.tracks:
        taken["tracks"] = _like(wishes.tracks, tracks)
    elif not sectioned and tracks:
        taken["tracks"] = tracks
        taken["track_count"] = len(precedent.tracks)
        taken["drums"] = any(track.is_drum for track in precedent.tracks)
    return replace(wishes, **taken)


def _can_serve(piece: Controls, wishes: Controls) -> bool:
    """Whether nothing that must be kept speaks against a precedent."""
    if wishes.genre is not None and piece.genre != wishes.genre:
        return False
    if wishes.tracks:
        return True
    drums = any(track.is_drum for track in piece.tracks)
    if wishes.drums is not None and drums != wishes.drums:
        return False
    return wishes.track_count is None or len(piece.tracks) == wishes.track_count


def _nearness(piece: Controls, wishes: Controls) -> float:
    """The logarithm of how likely a precedent is, from 0 down."""
    score = 0.0
    for name, near in NEAR.items():
        asked, there = getattr(wishes, name), getattr(piece, name)
        if asked is None:
            continue
        if there is None:
            score -= UNKNOWN
            continue
        if name in _OCTAVES:
            asked, there = (float(np.log2(max(number, 1e-3))) for number in (asked, there))
        score -= 0.5 * ((asked - there) / near) ** 2
    if wishes.key is not None:
        if piece.key is None:
            score -= UNKNOWN
        elif piece.key[1] != wishes.key[1]:
            score -= OTHER_MODE
    if wishes.meter is not None and piece.meter != wishes.meter:
        score -= OTHER_METER
    if wishes.tracks:
        asked_for, there_are = (
            {(track.program, track.is_drum) for track in tracks}
            for tracks in (wishes.tracks, piece.tracks)
        )
        score -= OTHER_TRACK * len(asked_for ^ there_are)
    return score


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


def _moved(track: TrackPlan, shift: int) -> TrackPlan:
    if track.is_drum or track.low is None or track.high is None:
        return track
    low, high = (int(np.clip(pitch + shift, 0, 127)) for pitch in (track.low, track.high))
    return replace(track, low=low, high=high)
