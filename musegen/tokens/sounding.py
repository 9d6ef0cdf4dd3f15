"""What sounds in a piece being written, and what may be struck next: the masks of CHORD and NOTE.

Holds the tracks, until when each of them holds which pitch, and how far the open bar is filled.
`grammar` says where bars begin and which is the last one; nothing is known of wishes or of HEAD.
Sets of pitches are whole numbers with a bit for each pitch: they are asked for at every row.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from musegen.tokens.fields import DRUM_BASE, FIELDS

Mask = NDArray[np.bool_]

PITCHES = 128
_ALL = (1 << PITCHES) - 1
_OCTAVES = sum(1 << pitch for pitch in range(0, PITCHES, 12))


class Sounding:
    """The tracks of a piece and its open bar. Steps count from the bar line.

    `max_rows`: a bar holds at most so many notes and chords, None: any number. Where tracks have
    their last chance to sound, so many are kept free. `cap`: so many pitched notes sound at once,
    None: any number; one is kept free for each track that has still to sound.
    """

    def __init__(self, max_rows: int | None = None, cap: int | None = None) -> None:
        self.max_rows = max_rows
        self.cap = cap
        self.tracks: list[tuple[int, int]] = []  # (instrument, number) in score order
        self.owed: set[int] = set()  # indices of tracks that have not sounded yet, and must
        self.bar_length = 0
        self.due: set[int] = set()  # of those owed, the tracks for which this bar is the last
        self._anything = False  # whether any track has sounded
        self._something_due = False  # whether this bar is the last for any music at all
        self.rows = 0  # notes and chords in the open bar
        self._until: list[dict[int, int]] = []  # per track: of pitches that sound, when they end
        self._within: list[int] = []  # per track: the pitches of its range
        self._caps: list[int | None] = []  # per track: the most notes at once
        self._silent: frozenset[int] = frozenset()  # tracks that may not strike in this bar
        self._beats: frozenset[int] = frozenset()  # onsets at which only chord tones are struck
        self._chord: int | None = None  # the tones of the chord in force, None: all
        self._onset = 0  # of the last CHORD or NOTE
        self._chord_onset = 0
        self._track = -1  # of the last NOTE at `_onset`, -1: none there yet
        self._pitch = -1
        self._opened: dict[int, list[int]] = {}  # by onset, what was found since the last change
        self._onsets: Mask | None = None  # likewise

    # What has happened

    def add_track(
        self,
        instrument: int,
        number: int,
        owed: bool = True,
        within: Mask | None = None,
        cap: int | None = None,
    ) -> None:
        """One more track, after those that are there.

        owed: it must sound in the piece. within: (128,) the pitches that it may strike, None: all.
        cap: the most notes that it may hold at once, None: any number.
        """
        if owed:
            self.owed.add(len(self.tracks))
        self.tracks.append((instrument, number))
        self._until.append({})
        self._within.append(_ALL if within is None else _bits(within))
        self._caps.append(cap)
        self._changed()

    def open_bar(
        self,
        length: int,
        last: Callable[[int | None], bool],
        silent: frozenset[int] = frozenset(),
        beats: frozenset[int] = frozenset(),
    ) -> None:
        """A bar of `length` steps begins; what is held from the one before sounds on.

        last: whether this is the last chance of an instrument (None: of any music) to sound.
        silent: instruments that may not strike in this bar. beats: onsets at which only tones of
        the chord in force are struck.
        """
        self._until = [
            {pitch: end - self.bar_length for pitch, end in until.items() if end > self.bar_length}
            for until in self._until
        ]
        self.bar_length = length
        self.due = {track for track in self.owed if last(self.tracks[track][0])}
        self._something_due = not self._anything and last(None)
        self._silent = frozenset(
            track for track, (instrument, _) in enumerate(self.tracks) if instrument in silent
        )
        self._beats = beats
        self.rows = 0
        self._onset = self._chord_onset = 0
        self._track = self._pitch = -1
        self._changed()

    def set_chord(self, tones: frozenset[int]) -> None:
        """These pitch classes are the chord in force; none: all are."""
        self._chord = sum(_OCTAVES << tone for tone in tones) & _ALL if tones else None
        self._changed()

    def take_chord(self, onset: int) -> None:
        """The chord changes at `onset`."""
        self._onset = self._chord_onset = onset
        self._track = self._pitch = -1
        self.rows += 1
        self._changed()

    def take_note(self, onset: int, instrument: int, number: int, pitch: int, length: int) -> None:
        """A track strikes a pitch at `onset` and holds it for `length` steps."""
        self._onset, self._pitch = onset, pitch % DRUM_BASE
        self._track = self.tracks.index((instrument, number))
        until = self._until[self._track]
        self._until[self._track] = {p: end for p, end in until.items() if end > onset}
        self._until[self._track][self._pitch] = onset + length
        self.owed.discard(self._track)
        self.due.discard(self._track)
        self._anything, self._something_due = True, False
        self.rows += 1
        self._changed()

    # What may come next

    @property
    def overhang(self) -> int:
        """Steps from the end of the open bar to the last release of what sounds; never below 0."""
        last = max((max(until.values(), default=0) for until in self._until), default=0)
        return max(last - self.bar_length, 0)

    @property
    def must_sound(self) -> bool:
        """Whether a track, or any music at all, is owed and only this bar is left for it."""
        return bool(self.due) or self._something_due

    @property
    def complete(self) -> bool:
        """Whether something has sounded, and every track that must."""
        return self._anything and not self.owed

    @property
    def owed_fits(self) -> bool:
        """Whether one more pitched track could be owed without breaking the cap."""
        return self.cap is None or self._owed_pitched() < self.cap

    @property
    def full(self) -> bool:
        """Whether the bar holds as many rows as it may."""
        return self.max_rows is not None and self.rows >= self.max_rows

    def note_possible(self) -> bool:
        """Whether any track may still strike a note in this bar."""
        return self._onset < self.bar_length and some(self.onsets([]))

    def chord_possible(self) -> bool:
        """Whether the chord may still change in this bar."""
        return self._first_chord_onset() < self.bar_length and not self._hurried()

    def chord_onsets(self, chosen: list[int]) -> Mask:
        """Where the chord may change: after the last change, before the notes of its onset."""
        legal = np.zeros(FIELDS["onset"].size, dtype=bool)
        legal[self._first_chord_onset() : self.bar_length] = True
        return legal

    def onsets(self, chosen: list[int]) -> Mask:
        """Where a note may be struck: where any track has a pitch to strike."""
        if self._onsets is None:
            self._onsets = self._found_onsets()
        return self._onsets.copy()

    def _found_onsets(self) -> Mask:
        legal = np.zeros(FIELDS["onset"].size, dtype=bool)
        first = self._onset
        legal[first : self.bar_length] = True
        if self._track >= 0 and first < self.bar_length:
            legal[first] = bool(self._open_tracks(first))
            first += 1
        # Off the beat, where something may be struck it may be from there on: notes only end.
        for onset in range(first, self.bar_length):
            if self._chord is None or onset not in self._beats:
                if self._open_tracks(onset):
                    break
                legal[onset] = False
        if self._chord is not None:
            for onset in self._beats:
                if onset >= first:
                    legal[onset] = bool(self._open_tracks(onset))
        return legal

    def instruments(self, chosen: list[int]) -> Mask:
        """Which instruments may strike at the onset chosen."""
        legal = np.zeros(FIELDS["instrument"].size, dtype=bool)
        for track in self._open_tracks(chosen[0]):
            legal[self.tracks[track][0]] = True
        return legal

    def numbers(self, chosen: list[int]) -> Mask:
        """Which of the tracks with the instrument chosen may strike."""
        legal = np.zeros(FIELDS["number"].size, dtype=bool)
        onset, wanted = chosen
        for track in self._open_tracks(onset):
            instrument, number = self.tracks[track]
            if instrument == wanted:
                legal[number] = True
        return legal

    def pitches(self, chosen: list[int]) -> Mask:
        """Which pitches the track chosen may strike: none that it holds or has just struck."""
        onset, instrument, number = chosen
        legal = np.zeros(FIELDS["pitch"].size, dtype=bool)
        first = DRUM_BASE if instrument >= DRUM_BASE else 0
        free = self._free(self.tracks.index((instrument, number)), onset)
        as_bytes = np.frombuffer(free.to_bytes(PITCHES // 8, "little"), dtype=np.uint8)
        legal[first : first + PITCHES] = np.unpackbits(as_bytes, bitorder="little")
        return legal

    def _changed(self) -> None:
        """What was found of the state before holds no longer."""
        self._opened = {}
        self._onsets = None

    def _hurried(self) -> bool:
        """Whether every row that the bar may still hold belongs to a track that must sound."""
        if self.max_rows is None or not self.must_sound:
            return False
        return self.rows + max(len(self.due), 1) >= self.max_rows

    def _first_chord_onset(self) -> int:
        after_notes = self._onset + 1 if self._track >= 0 else self._onset
        return max(after_notes, self._chord_onset + 1)

    def _free(self, track: int, onset: int) -> int:
        """The pitches that `track` may strike at `onset`."""
        held = self._held(track, onset)
        free = self._within[track] & ~held
        pitched = self.tracks[track][0] < DRUM_BASE
        if pitched and self._chord is not None and onset in self._beats:
            free &= self._chord
        cap = self._caps[track]
        if cap is not None and held.bit_count() >= cap:
            return 0
        if self.cap is not None and pitched and self._sounding(onset, but=track) >= self.cap:
            return 0
        if onset == self._onset:
            if track < self._track:
                return 0
            if track == self._track:
                free = free >> (self._pitch + 1) << (self._pitch + 1)
        return free

    def _held(self, track: int, onset: int) -> int:
        """The pitches of a track that still sound at `onset`."""
        held = 0
        for pitch, end in self._until[track].items():
            if end > onset:
                held |= 1 << pitch
        return held

    def _owed_pitched(self, but: int = -1) -> int:
        """How many pitched tracks other than `but` must still sound."""
        return sum(t != but and self.tracks[t][0] < DRUM_BASE for t in self.owed)

    def _sounding(self, onset: int, but: int) -> int:
        """Pitched notes that sound at `onset`, and those kept free for tracks other than `but`."""
        held = sum(
            self._held(track, onset).bit_count()
            for track, (instrument, _) in enumerate(self.tracks)
            if instrument < DRUM_BASE
        )
        return held + self._owed_pitched(but)

    def _open_tracks(self, onset: int) -> list[int]:
        """Tracks that may strike a note at `onset`, so that every track that must can still sound.

        At the last step of their last bar they sound in order, and none is passed over.
        """
        found = self._opened.get(onset)
        if found is None:
            found = self._opened[onset] = self._found_tracks(onset)
        return found

    def _found_tracks(self, onset: int) -> list[int]:
        last = len(self.tracks) - 1
        if self.due and onset == self.bar_length - 1:
            last = min(self.due)
        first = self._track if onset == self._onset and self._track >= 0 else 0
        tracks = [
            t for t in range(first, last + 1) if t not in self._silent and self._free(t, onset)
        ]
        return [t for t in tracks if t in self.due] if self.due and self._hurried() else tracks


def _bits(pitches: Mask) -> int:
    """Pitches (128,) as a whole number, that of pitch 0 its lowest bit."""
    return int.from_bytes(np.packbits(pitches, bitorder="little").tobytes(), "little")


def some(mask: Mask) -> bool:
    """Whether a mask allows anything; numpy's own `any` takes twenty times as long."""
    return 1 in mask.tobytes()


def only(size: int, value: int) -> Mask:
    """A mask (size,) that allows one value."""
    legal = np.zeros(size, dtype=bool)
    legal[value] = True
    return legal
