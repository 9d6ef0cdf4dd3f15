"""The 15 points that a MIDI file must keep to open well in a DAW, as a table, and their findings.

A file goes in; a report in words comes out: for every point what is against it, and where. What
each program does with a file that breaks a point was measured: docs/decisions/0007.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from musegen.music.lint import of_file, of_tracks
from musegen.music.lint.events import read_events
from musegen.music.lint.opened import Finding, Opened

Check = Callable[[Opened], Iterator[Finding]]


@dataclass(frozen=True)
class Point:
    """One point: its number, what must be so, why, and the function that finds what is not."""

    number: int
    title: str
    reason: str
    check: Check


POINTS = tuple(
    Point(number, *row)
    for number, row in enumerate(
        (
            (
                "format 1, a truthful header",
                "format 0 becomes one clip with all instruments in it",
                of_file.header,
            ),
            (
                "ticks that every DAW takes",
                "with 220 ticks a quarter, triplets and 32nds fall between ticks",
                of_file.resolution,
            ),
            (
                "a conductor track of its own",
                "tempo, meter and markers elsewhere are lost, and so is the first track's name",
                of_file.conductor,
            ),
            (
                "tempo and meter at the beginning, exact, once",
                "what is missing becomes 120 and 4/4; a microsecond cut off drifts",
                of_file.tempo_and_meter,
            ),
            (
                "a key at the beginning of every track",
                "MuseScore reads it in the tracks with notes and nowhere else",
                of_file.key,
            ),
            (
                "section markers on bar lines",
                "they become the arranger's sections, which begin on bars",
                of_file.markers,
            ),
            (
                "a name for each track",
                "nameless tracks become Track 0, letters that are not UTF-8 are garbled",
                of_tracks.names,
            ),
            (
                "one channel a track, one track a channel",
                "Live merges channels in a track, FL Studio and LMMS tracks of a channel",
                of_tracks.channels,
            ),
            (
                "drums on channel 10, and only drums",
                "drums elsewhere play a piano",
                of_tracks.drums,
            ),
            (
                "one program change, before the notes",
                "a bank that comes after it, or a late one, gives the wrong sound",
                of_tracks.programs,
            ),
            (
                "a release for every note",
                "a note without one hangs; overlaps are cut in ways that differ",
                of_tracks.releases,
            ),
            (
                "no note shorter than a 48th of a beat",
                "notes of no length hang or vanish",
                of_tracks.lengths,
            ),
            (
                "pedal up and bend centred at the end",
                "what is left on stays on when the piece is played again",
                of_tracks.controllers,
            ),
            (
                "all tracks end together on a bar line",
                "clips of different lengths do not loop together",
                of_file.end,
            ),
            (
                "no empty tracks, at most 16, music soon",
                "empty tracks and bars must be cleared away by hand",
                of_file.tracks,
            ),
        ),
        1,
    )
)


@dataclass(frozen=True)
class Report:
    """What was found in a file, point by point in order."""

    findings: tuple[Finding, ...]

    @cached_property
    def failed(self) -> tuple[Point, ...]:
        """The points that something is against."""
        numbers = {finding.point for finding in self.findings}
        return tuple(point for point in POINTS if point.number in numbers)

    @property
    def passed(self) -> int:
        """How many of the points are kept."""
        return len(POINTS) - len(self.failed)


def lint(source: str | Path | bytes) -> Report:
    """What the 15 points find in a MIDI file, or in a MIDI file's bytes.

    Raises MidiError for what is no MIDI file.
    """
    opened = Opened(read_events(source))
    return Report(
        tuple(
            finding._replace(point=point.number)
            for point in POINTS
            for finding in point.check(opened)
        )
    )
