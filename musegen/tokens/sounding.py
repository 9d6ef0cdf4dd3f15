"""What sounds in a piece being written, and what may be struck next: the masks of CHORD and NOTE.

Holds the tracks, until when each of them holds which pitch, and how far the open bar is filled.
`grammar` says where bars begin and which is the last one; nothing is known of wishes or of HEAD.
"""

import numpy as np
from numpy.typing import NDArray

from musegen.tokens.fields import DRUM_BASE, FIELDS

Mask = NDArray[np.bool_]

PITCHES = 128


class Sounding:
    """The tracks of a piece and its open bar. Steps count from the bar line.

    `max_rows`: a bar holds at most so many notes and chords, None: any number. In the last bar
    that many are kept free as tracks have still to sound.
    """

    def __init__(self, max_rows: int | None = None) -> None:
        self.max_rows = max_rows
        self.tracks: list[tuple[int, int]] = []  # (instrument, number) in score order
        self.owed: set[int] = set()  # indices of tracks that have not sounded yet, and must
        self.bar_length = 0
        self._anything = False  # whether any track has sounded
        self.last_bar = False  # whether the open bar is the last of the piece
        self.rows = 0  # notes and chords in the open bar
        self._free_at: list[NDArray[np.int64]] = []  # per track (128,): when each pitch is free
        self._within: list[Mask] = []  # per track (128,): the pitches of its range
        self._onset = 0  # of the last CHORD or NOTE
        self._chord_onset = 0
        self._track = -1  # of the last NOTE at `_onset`, -1: none there yet
        self._pitch = -1

    # What has happened

    def add_track(
        self,
        instrument: int,
        number: int,
        owed: bool = True,
        lowest: int = 0,
        highest: int = PITCHES - 1,
    ) -> None:
        """One more track, after those that are there, with the pitches `lowest` to `highest`.

        `owed`: it must sound in the piece.
        """
        if owed:
            self.owed.add(len(self.tracks))
        self.tracks.append((instrument, number))
        self._free_at.append(np.zeros(PITCHES, dtype=np.int64))
        within = np.zeros(PITCHES, dtype=bool)
        within[lowest : highest + 1] = True
        self._within.append(within)

    def open_bar(self, length: int, last: bool) -> None:
        """A bar of `length` steps begins; what is held from the one before sounds on."""
        for free_at in self._free_at:
            np.maximum(free_at - self.bar_length, 0, out=free_at)
        self.bar_length = length
        self.last_bar = last
        self.rows = 0
        self._onset = self._chord_onset = 0
        self._track = self._pitch = -1

    def take_chord(self, onset: int) -> None:
        """The chord changes at `onset`."""
        self._onset = self._chord_onset = onset
        self._track = self._pitch = -1
        self.rows += 1

    def take_note(self, onset: int, instrument: int, number: int, pitch: int, length: int) -> None:
        """A track strikes a pitch at `onset` and holds it for `length` steps."""
        self._onset, self._pitch = onset, pitch % DRUM_BASE
        self._track = self.tracks.index((instrument, number))
        self._free_at[self._track][self._pitch] = onset + length
        self.owed.discard(self._track)
        self._anything = True
        self.rows += 1

    # What may come next

    @property
    def overhang(self) -> int:
        """Steps from the end of the open bar to the last release of what sounds; never below 0."""
        last = max((int(free_at.max()) for free_at in self._free_at), default=0)
        return max(last - self.bar_length, 0)

    @property
    def must_sound(self) -> bool:
        """Whether a track, or any music at all, is owed and only this bar is left for it."""
        return self.last_bar and not self.complete

    @property
    def complete(self) -> bool:
        """Whether something has sounded, and every track that must."""
        return self._anything and not self.owed

    @property
    def full(self) -> bool:
        """Whether the bar holds as many rows as it may."""
        return self.max_rows is not None and self.rows >= self.max_rows

    def note_possible(self) -> bool:
        """Whether any track may still strike a note in this bar."""
        return self._onset < self.bar_length and bool(self.onsets([]).any())

    def chord_possible(self) -> bool:
        """Whether the chord may still change in this bar."""
        return self._first_chord_onset() < self.bar_length and not self._hurried()

    def chord_onsets(self, chosen: list[int]) -> Mask:
        """Where the chord may change: after the last change, before the notes of its onset."""
        legal = np.zeros(FIELDS["onset"].size, dtype=bool)
        legal[self._first_chord_onset() : self.bar_length] = True
        return legal

    def onsets(self, chosen: list[int]) -> Mask:
        """Where a note may be struck."""
        legal = np.zeros(FIELDS["onset"].size, dtype=bool)
        legal[self._onset : self.bar_length] = True
        # An onset is illegal only where no track has a pitch to strike. At the present one that
        # happens often, at others only while some track holds all the pitches of its range.
        holds_all = (
            bool((free_at[within] > self._onset).all())
            for free_at, within in zip(self._free_at, self._within, strict=True)
        )
        if any(holds_all):
            for onset in np.flatnonzero(legal).tolist():
                legal[onset] = bool(self._open_tracks(onset))
        elif self._track >= 0 and self._onset < self.bar_length:
            legal[self._onset] = bool(self._open_tracks(self._onset))
        return legal

    def instruments(self, chosen: list[int]) -> Mask:
        """Which instruments may strike at the onset chosen."""
        legal = np.zeros(FIELDS["instrument"].size, dtype=bool)
        legal[[self.tracks[track][0] for track in self._open_tracks(chosen[0])]] = True
        return legal

    def numbers(self, chosen: list[int]) -> Mask:
        """Which of the tracks with the instrument chosen may strike."""
        legal = np.zeros(FIELDS["number"].size, dtype=bool)
        onset, wanted = chosen
        for track in self._open_tracks(onset):
            instrument, number = self.tracks[track]
            legal[number] |= instrument == wanted
        return legal

    def pitches(self, chosen: list[int]) -> Mask:
        """Which pitches the track chosen may strike: none that it holds or has just struck."""
        onset, instrument, number = chosen
        legal = np.zeros(FIELDS["pitch"].size, dtype=bool)
        first = DRUM_BASE if instrument >= DRUM_BASE else 0
        free = self._free(self.tracks.index((instrument, number)), onset)
        legal[first : first + PITCHES] = free
        return legal

    def _hurried(self) -> bool:
        """Whether every row that the bar may still hold belongs to a track that must sound."""
        if self.max_rows is None or not self.must_sound:
            return False
        return self.rows + max(len(self.owed), 1) >= self.max_rows

    def _first_chord_onset(self) -> int:
        after_notes = self._onset + 1 if self._track >= 0 else self._onset
        return max(after_notes, self._chord_onset + 1)

    def _free(self, track: int, onset: int) -> Mask:
        """Pitches (128,) that `track` may strike at `onset`."""
        free: Mask = (self._free_at[track] <= onset) & self._within[track]
        if onset == self._onset:
            if track < self._track:
                free = np.zeros(PITCHES, dtype=bool)
            elif track == self._track:
                free[: self._pitch + 1] = False
        return free

    def _open_tracks(self, onset: int) -> list[int]:
        """Tracks that may strike a note at `onset`, so that every track that must can still sound.

        At the last step of the piece they sound in order, and none is passed over.
        """
        last = len(self.tracks) - 1
        if self.must_sound and self.owed and onset == self.bar_length - 1:
            last = min(self.owed)
        first = self._track if onset == self._onset and self._track >= 0 else 0
        tracks = [t for t in range(first, last + 1) if self._free(t, onset).any()]
        return [t for t in tracks if t in self.owed] if self.owed and self._hurried() else tracks
