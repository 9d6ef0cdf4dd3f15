"""The Score: notes, tracks, tempo, meter, key and markers in integer ticks, immutable.

Everything in musegen that is music is a Score. Its notes are read-only int32 arrays, so that whole
collections can be handled without an object for each note, nor for each track: a Score is made of
tracks, or of `Parts`, and gives the other when it is asked for. Knows no file, no token.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate, chain, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

NoteArray = NDArray[np.int32]  # (N, 4): onset, duration, pitch, velocity

ONSET, DURATION, PITCH, VELOCITY = range(4)

MICROSECONDS_PER_MINUTE = 60_000_000


class Note(NamedTuple):
    """One sounding note. Onset and duration in ticks, pitch and velocity in 0..127."""

    onset: int
    duration: int
    pitch: int
    velocity: int


class Pedal(NamedTuple):
    """One press of the sustain pedal: from `down` on what is struck sounds on, until `up`."""

    down: int
    up: int


class Tempo(NamedTuple):
    """A tempo that holds from `tick` on, exact as MIDI keeps it: microseconds per quarter note."""

    tick: int
    microseconds: int

    @property
    def bpm(self) -> float:
        """Quarter notes per minute."""
        return MICROSECONDS_PER_MINUTE / self.microseconds

    @classmethod
    def from_bpm(cls, tick: int, bpm: float) -> "Tempo":
        """The tempo nearest to `bpm` quarter notes per minute that MIDI can hold."""
        return cls(tick, round(MICROSECONDS_PER_MINUTE / bpm))


class Meter(NamedTuple):
    """A time signature that holds from `tick` on."""

    tick: int
    numerator: int
    denominator: int


class Key(NamedTuple):
    """A key that holds from `tick` on. Tonic as pitch class (C = 0), mode "major" or "minor"."""

    tick: int
    tonic: int
    mode: str


class Marker(NamedTuple):
    """A named place, such as the start of a section."""

    tick: int
    text: str


class Repair(NamedTuple):
    """What was put right when a damaged file was read, in words, and how often."""

    what: str
    times: int


def note_array(notes: Iterable[Iterable[int]] | NDArray[Any]) -> NoteArray:
    """Notes as a read-only (N, 4) int32 array, sorted by onset, pitch, duration, velocity."""
    rows = notes if isinstance(notes, np.ndarray) else list(notes)
    array = np.array(rows, dtype=np.int32).reshape(-1, 4)
    order = np.lexsort((array[:, VELOCITY], array[:, DURATION], array[:, PITCH], array[:, ONSET]))
    array = array[order]
    array.setflags(write=False)
    return array


NO_NOTES = note_array([])
NO_PRESSES = np.empty((0, 2), dtype=np.int32)


def presses(rows: Iterable[tuple[int, int]], end: int = 2**31 - 1) -> tuple[Pedal, ...]:
    """Presses of the pedal in order, from 0 to `end` at most; such as overlap are one.

    A pedal that is let go and pressed again at one tick is pressed twice.

    >>> presses([(90, 120), (0, 48), (24, 72), (72, 90)], end=100)
    (Pedal(down=0, up=72), Pedal(down=72, up=90), Pedal(down=90, up=100))
    """
    kept: list[Pedal] = []
    for down, up in sorted((max(0, int(down)), min(int(up), end)) for down, up in rows):
        if kept and down < kept[-1].up:
            kept[-1] = Pedal(kept[-1].down, max(kept[-1].up, up))
        elif down < up:
            kept.append(Pedal(down, up))
    return tuple(kept)


@dataclass(frozen=True, eq=False)
class Track:
    """One instrument's notes. `program` is the General MIDI program, or the kit of a drum track.

    `pedals` are as `presses` gives them. Notes are as long as their keys are held, pedal or not.
    """

    program: int
    is_drum: bool = False
    name: str = ""
    notes: NoteArray = field(default_factory=lambda: NO_NOTES)
    pedals: tuple[Pedal, ...] = ()

    def __post_init__(self) -> None:
        if self.pedals:
            assert all(press.down < press.up for press in self.pedals)
            assert all(press.up <= following.down for press, following in pairwise(self.pedals))

    @classmethod
    def ending(
        cls,
        end: int,
        program: int,
        is_drum: bool,
        name: str,
        notes: NoteArray,
        pedals: tuple[Pedal, ...] = (),
    ) -> "Track":
        """A track of which is known already where it ends; pedals are as `presses` gives them.

        Made in a quarter of the time: a folder of music has hundreds of thousands of tracks.
        """
        track = object.__new__(cls)
        track.__dict__.update(
            program=program, is_drum=is_drum, name=name, notes=notes, pedals=pedals, end=end
        )
        return track

    def __iter__(self) -> Iterator[Note]:
        return (Note(*row) for row in self.notes.tolist())

    def __len__(self) -> int:
        return len(self.notes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Track):
            return NotImplemented
        return (
            (self.program, self.is_drum, self.name) == (other.program, other.is_drum, other.name)
            and self.pedals == other.pedals
            and self.notes.shape == other.notes.shape
            and bool((self.notes == other.notes).all())
        )

    def __hash__(self) -> int:
        return hash((self.program, self.is_drum, self.name, self.notes.tobytes(), self.pedals))

    @cached_property
    def end(self) -> int:
        """The tick at which the last note is released; 0 for an empty track."""
        if not len(self.notes):
            return 0
        return int((self.notes[:, ONSET] + self.notes[:, DURATION]).max())


class Parts(NamedTuple):
    """The tracks of a piece in one, track after track.

    notes: (N, 4), read-only; lengths: (T,), how many notes each track has. Of each track, too:
    sounds, whether it is drums, and its program; ends, where its last note is released, 0 without
    notes; names. presses: (P, 2), where the pedal goes down and up; press_counts: (T,), how many
    presses each track has. No object for a press: a folder of piano music has millions.
    """

    notes: NoteArray
    lengths: NDArray[np.int64]
    sounds: Sequence[tuple[bool, int]]
    ends: Sequence[int]
    names: Sequence[str]
    presses: NDArray[np.int32] = NO_PRESSES
    press_counts: NDArray[np.int64] | None = None
    """None where nobody presses a pedal."""

    @classmethod
    def of(cls, tracks: Sequence[Track]) -> "Parts":
        """The parts that these tracks are."""
        notes = np.concatenate([NO_NOTES, *(track.notes for track in tracks)])
        notes.setflags(write=False)
        return cls(
            notes,
            np.array([len(track.notes) for track in tracks], dtype=np.int64),
            [(track.is_drum, track.program) for track in tracks],
            [track.end for track in tracks],
            [track.name for track in tracks],
            *_in_one([track.pedals for track in tracks]),
        )

    def tracks(self) -> tuple[Track, ...]:
        """The tracks that these parts are."""
        made, first = [], 0
        columns = zip(*self[1:5], self.pedals(), strict=True)
        for length, (is_drum, program), end, name, pedals in columns:
            notes = self.notes[first : first + length]
            made.append(Track.ending(end, program, is_drum, name, notes, pedals))
            first += length
        return tuple(made)

    def pedals(self) -> Sequence[tuple[Pedal, ...]]:
        """The presses of each track, as `Track` has them."""
        if self.press_counts is None:
            return ((),) * len(self.sounds)
        rows, counts = map(Pedal._make, self.presses.tolist()), self.press_counts.tolist()
        return [tuple(islice(rows, count)) for count in counts]

    def rearranged(self, places: Sequence[int]) -> "Parts":
        """Parts without pedals in another order: first that at places[0]."""
        assert self.press_counts is None
        lines = [0, *accumulate(self.lengths.tolist())]
        notes = np.concatenate([self.notes[lines[p] : lines[p + 1]] for p in places])
        notes.setflags(write=False)
        return Parts(
            notes,
            self.lengths[places],
            [self.sounds[place] for place in places],
            [self.ends[place] for place in places],
            [self.names[place] for place in places],
        )

    def sounding(self) -> "Parts":
        """Those that have notes."""
        if 0 not in self.lengths.tolist():
            return self
        return Parts.of([track for track in self.tracks() if len(track.notes)])


def _in_one(
    pedals: Sequence[tuple[Pedal, ...]],
) -> tuple[NDArray[np.int32], NDArray[np.int64] | None]:
    """`presses` and `press_counts` of tracks with these pedals."""
    if not any(pedals):
        return NO_PRESSES, None
    together = np.array(list(chain.from_iterable(pedals)), dtype=np.int32).reshape(-1, 2)
    return together, np.array([len(some) for some in pedals], dtype=np.int64)


@dataclass(frozen=True)
class Score:
    """A piece of music. All times are integer ticks, `ticks_per_quarter` of them to a quarter note.

    `end` is the tick at which the piece is over: never before the last note is released, and past
    it where the piece closes with silence. Left at 0 it becomes the last release. `repairs` is what
    had to be put right in the file that it was read from; it does not count in comparisons.
    """

    ticks_per_quarter: int
    tracks: tuple[Track, ...] = field(default_factory=tuple)
    tempos: tuple[Tempo, ...] = (Tempo(0, 500_000),)
    meters: tuple[Meter, ...] = (Meter(0, 4, 4),)
    keys: tuple[Key, ...] = ()
    markers: tuple[Marker, ...] = ()
    end: int = 0
    repairs: tuple[Repair, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        last = max([track.end for track in self.tracks], default=0)
        object.__setattr__(self, "end", max(self.end, last))

    @classmethod
    def of_parts(
        cls,
        ticks_per_quarter: int,
        parts: Parts,
        tempos: tuple[Tempo, ...],
        meters: tuple[Meter, ...],
        end: int,
        keys: tuple[Key, ...] = (),
        markers: tuple[Marker, ...] = (),
        repairs: tuple[Repair, ...] = (),
    ) -> "Score":
        """The piece whose tracks are these parts; `end` is not before the last release."""
        score = object.__new__(cls)
        score.__dict__.update(
            ticks_per_quarter=ticks_per_quarter, parts=parts, tempos=tempos, meters=meters,
            keys=keys, markers=markers, end=end, repairs=repairs,
        )  # fmt: skip
        return score

    @cached_property
    def parts(self) -> Parts:
        """Its tracks in one."""
        return Parts.of(self.tracks)

    if not TYPE_CHECKING:  # else every name would be an attribute

        def __getattr__(self, name: str) -> tuple[Track, ...]:
            """The tracks of a score that was made of parts, once somebody wants them."""
            if name != "tracks" or "parts" not in self.__dict__:
                raise AttributeError(f"a Score has no {name}")
            made = self.parts.tracks()
            self.__dict__["tracks"] = made
            return made

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: the notes once."""
        state = dict(self.__dict__)
        if "tracks" in state:
            state.pop("parts", None)
        return state

    @property
    def note_count(self) -> int:
        """How many notes all tracks hold together."""
        if "parts" in self.__dict__:
            return len(self.parts.notes)
        return sum([len(track.notes) for track in self.tracks])

    def with_tracks(self, tracks: Iterable[Track]) -> "Score":
        """The same piece with other tracks."""
        return replace(self, tracks=tuple(tracks))

    def to_pretty_midi(self) -> "PrettyMIDI":
        """The same piece as a `pretty_midi.PrettyMIDI`, every note at its tick."""
        from musegen.music.pretty import to_pretty_midi

        return to_pretty_midi(self)

    @classmethod
    def from_pretty_midi(cls, made: "PrettyMIDI") -> "Score":
        """The piece in a `pretty_midi.PrettyMIDI`, in its own ticks."""
        from musegen.music.pretty import from_pretty_midi

        return from_pretty_midi(made)
