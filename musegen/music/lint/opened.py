"""What a DAW learns when it opens a file: bar lines, names, notes. Also places, in words.

Events go in; facts that several points ask for come out, each reckoned once. Judges nothing.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from musegen.music import timing
from musegen.music.lint.events import (
    END,
    KEY,
    MARKER,
    META,
    METER,
    NAME,
    TEMPO,
    TEXT,
    Event,
    EventFile,
)
from musegen.music.score import Meter, Score
from musegen.music.timing import Ints

STEM = "musegen stem"
"""The text event of a stem begins so: a stem keeps the silence before its first note."""

SEVERAL_BARS = 100_000
"""A file with more bars than this is not given bar lines past them: its meter is nonsense."""


class Finding(NamedTuple):
    """Something that a point is against: what, in which track (0: the first) and at which tick.

    `bar` counts from 1. Where the whole file is meant, track, tick and bar are None.
    """

    point: int
    words: str
    track: int | None = None
    track_name: str = ""
    tick: int | None = None
    bar: int | None = None

    def __str__(self) -> str:
        track = "" if self.track is None else f"track {self.track}"
        track += f" ({self.track_name})" if self.track_name else ""
        place = "" if self.tick is None else f"bar {self.bar}, tick {self.tick}"
        where = ", ".join(part for part in (track, place) if part)
        return f"{where}: {self.words}" if where else self.words


class Sounding(NamedTuple):
    """A note of a file: its release is None where it never comes."""

    onset: int
    release: int | None
    channel: int
    pitch: int
    velocity: int


@dataclass(frozen=True, eq=False)
class Opened:
    """A file, and what follows from its events."""

    file: EventFile

    @cached_property
    def meters(self) -> tuple[Meter, ...]:
        """The meters of all tracks, by tick; a denominator past 128 is none."""
        found = [
            Meter(event.tick, event.content[0], 2 ** event.content[1])
            for event in self.metas(METER)
            if len(event.content) >= 2 and event.content[0] and event.content[1] < 8
        ]
        return tuple(sorted(found, key=lambda meter: meter.tick))

    @cached_property
    def ticks_per_quarter(self) -> int:
        """As the header says; 480 where it counts frames of film or nothing."""
        return self.file.division if 0 < self.file.division < 2**15 else 480

    @cached_property
    def end(self) -> int:
        """The tick of the last event of any track."""
        return max((track[-1].tick for track in self.file.tracks if track), default=0)

    @cached_property
    def lines(self) -> Ints:
        """The bar lines, the final one at or after the end."""
        shortest = min(
            [timing.bar_ticks(*m[1:], self.ticks_per_quarter) for m in self.meters],
            default=self.ticks_per_quarter,
        )
        end = min(self.end, SEVERAL_BARS * shortest)
        return timing.bar_lines(Score(self.ticks_per_quarter, meters=self.meters, end=end))

    @cached_property
    def notes(self) -> tuple[tuple[Sounding, ...], ...]:
        """Every track's notes in the order of their releases; of two on one pitch the first ends
        first, as players have it. Those without a release come last.
        """
        return tuple(_notes(track) for track in self.file.tracks)

    @cached_property
    def note_tracks(self) -> tuple[int, ...]:
        """The tracks that hold notes."""
        tracks = enumerate(self.file.tracks)
        return tuple(n for n, track in tracks if any(event.strikes for event in track))

    @cached_property
    def channels(self) -> tuple[tuple[int, ...], ...]:
        """The channels that every track's notes are on, in ascending order."""
        return tuple(tuple(sorted({note.channel for note in notes})) for notes in self.notes)

    @cached_property
    def names(self) -> tuple[bytes, ...]:
        """Every track's first name, as it stands in the file; empty without one."""
        return tuple(
            next((e.content for e in track if (e.status, e.kind) == (META, NAME)), b"")
            for track in self.file.tracks
        )

    @cached_property
    def is_stem(self) -> bool:
        """Whether the file says that it is one of several that sound together."""
        return any(
            (event.status, event.kind) == (META, TEXT) and event.content.startswith(STEM.encode())
            for event in self.file.tracks[0]
        )

    def metas(self, kind: int, track: int | None = None) -> list[Event]:
        """The meta events of one kind, of one track or of all."""
        tracks = self.file.tracks if track is None else (self.file.tracks[track],)
        return [e for events in tracks for e in events if (e.status, e.kind) == (META, kind)]

    def finding(self, words: str, track: int | None = None, tick: int | None = None) -> Finding:
        """What is wrong, with its place; `points` fills in the point."""
        name = "" if track is None else shown(self.names[track])
        bar = None if tick is None else int(np.searchsorted(self.lines, tick, side="right"))
        return Finding(0, words, track, name, tick, bar)


CHANGES = {TEMPO: "tempo", METER: "meter", KEY: "key", MARKER: "marker", NAME: "name", END: "end"}
"""What a musician calls these meta events."""


def shown(name: bytes) -> str:
    """A name as it can be printed, at most 40 characters of it."""
    text = name.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text).strip()[:40]


def _notes(track: tuple[Event, ...]) -> tuple[Sounding, ...]:
    sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
    notes = []
    for event in track:
        place = event.channel, event.content[0] if event.content else 0
        if event.strikes:
            sounding.setdefault(place, []).append((event.tick, event.content[1]))
        elif event.releases and sounding.get(place):
            onset, velocity = sounding[place].pop(0)
            notes.append(Sounding(onset, event.tick, *place, velocity))
    hanging = [
        Sounding(onset, None, *place, velocity)
        for place, struck in sounding.items()
        for onset, velocity in struck
    ]
    return (*notes, *hanging)
