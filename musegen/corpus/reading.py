"""One labelled file becomes a `Reading`: its rows, what they hash to, and what else is kept of it.

In: a path and a label. Out: a `Reading`, or the reason why the file is left out. This is what the
workers run; knows no other file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musegen.corpus.archives import entry_bytes, located
from musegen.corpus.barring import with_real_bars, with_steady_grid
from musegen.corpus.described import MoodFrom, controls_of
from musegen.corpus.labels import Label
from musegen.corpus.shards import LeftOut
from musegen.corpus.sketches import NO_SKETCH, Sketch, sketch_of
from musegen.errors import MidiError, MusegenError, SettingError
from musegen.music.read import read_midi
from musegen.music.score import DURATION, ONSET, PITCH, Repair, Score
from musegen.music.source import DEFAULT_LIMITS, Limits
from musegen.music.steadiness import steadiness
from musegen.music.timing import bar_lines
from musegen.music.transform import quantise
from musegen.tokens import fields, machine
from musegen.tokens.codec import encode
from musegen.tokens.controls import Controls
from musegen.tokens.fields import Rows

UNREADABLE = "cannot be read"
TOO_SHORT = "too short"
PERFORMED = "performed freely"
BUG = "error in musegen"

READING = 3
"""Raised when the same file gives another `Reading`: what was kept is then read anew."""

UNCOUNTED = "pedals_left_out"

FREE_BELOW = 0.3
"""A piece that is less steady than this has no beat that could be learned from: 87 in 100 of known
performances lie below, 1 in 861 of known scores (docs/decisions/0006)."""

LEAST_ONSETS = 48
"""Of fewer onsets nothing is said: chance alone makes them look steady."""

_DRUM_OFFSET = 256  # drums are told from pitches when notes are hashed


@dataclass(frozen=True)
class PrepareSettings:
    """What is taken into a collection.

    `held_out` is the share of pieces kept back to judge with. Pieces of fewer than `least_notes`
    notes or `least_bars` bars are left out. `mood` is "measured" or "labels": whether valence and
    arousal on a label win over what is measured. `find_bars` moves a piece onto its grid and its
    bar lines onto the music where the file has them elsewhere (`barring`). `keep_performed` takes
    music that was played freely past its beats, too. A file that takes longer than `limit_s`, or
    that is larger than `limits`, is left out.
    """

    held_out: float = 0.03
    least_notes: int = 16
    least_bars: int = 2
    mood: MoodFrom = "measured"
    find_bars: bool = True
    keep_performed: bool = False
    limit_s: float = 60.0
    limits: Limits = DEFAULT_LIMITS

    def __post_init__(self) -> None:
        if not 0 <= self.held_out <= 0.5:
            raise SettingError(f"held_out is {self.held_out}: it must be from 0 to 0.5")
        if self.mood not in ("measured", "labels"):
            raise SettingError(f"mood is {self.mood!r}: it must be measured or labels")
        if self.least_notes < 1 or self.least_bars < 1:
            raise SettingError("least_notes and least_bars must be at least 1")
        if self.limit_s <= 0:
            raise SettingError(f"limit_s is {self.limit_s}: it must be more than 0")


@dataclass(frozen=True, eq=False)
class Reading:
    """What a worker makes of one file. The STYLE row's genre is still unset."""

    rows: Rows
    notes: int
    bars: int
    identity: str
    lowest: int
    quantised: dict[str, int | float]
    sketch: Sketch

    @classmethod
    def of_duplicate(cls, identity: str, lowest: int) -> "Reading":
        """All that is known of a piece whose notes another has: no rows."""
        none = np.zeros((0, fields.COLUMNS), dtype=np.int16)
        return cls(none, 0, 0, identity, lowest, {}, NO_SKETCH)


@dataclass(frozen=True)
class Reader:
    """Reads one labelled file below `root`; this is what the workers run.

    Where it is to read `many`, it does so by machine code as soon as that is there.
    """

    root: Path
    settings: PrepareSettings
    many: bool = False

    def __call__(self, item: tuple[str, Label]) -> Reading | LeftOut:
        taken = self.take(item)
        return taken if isinstance(taken, LeftOut) else taken.reading

    def take(self, item: tuple[str, Label]) -> "Taken | LeftOut":
        """Everything that is made of one file, or why it is left out."""
        path, label = item
        try:
            return self._take(path, label)
        except MidiError as error:
            return LeftOut(path, UNREADABLE, error.reason)
        except MusegenError as error:
            return LeftOut(path, UNREADABLE, str(error))
        except Exception as error:  # noqa: BLE001 - a bug in musegen must not cost the whole run
            return LeftOut(path, BUG, f"{type(error).__name__}: {error}")

    def _take(self, path: str, label: Label) -> "Taken | LeftOut":
        settings, adrift, moved = self.settings, False, False
        if self.many:
            machine.load_soon()
        file, name = located(self.root, path)
        limits = settings.limits
        score = read_midi(entry_bytes(file, name, limits) if name else file, limits)
        repairs = score.repairs
        if score.note_count < settings.least_notes:
            return LeftOut(
                path, TOO_SHORT, f"{score.note_count} notes; {settings.least_notes} are needed"
            )
        if not settings.keep_performed and (free := played_freely(score)):
            return LeftOut(path, PERFORMED, free)
        if settings.find_bars:
            score, adrift = with_steady_grid(score)
        score, report = quantise(score)
        if settings.find_bars:
            score, moved = with_real_bars(score, trusted=not adrift)
        bars = len(bar_lines(score)) - 1
        if score.note_count < settings.least_notes:
            return LeftOut(
                path, TOO_SHORT, f"{score.note_count} notes; {settings.least_notes} are needed"
            )
        if bars < settings.least_bars:
            return LeftOut(path, TOO_SHORT, f"{bars} bars; {settings.least_bars} are needed")
        controls = controls_of(score, Label(None, label.valence, label.arousal), settings.mood)
        identity, lowest = identity_of(score)
        rows = encode(score, controls)
        changes = {
            name: round(value, 6)
            for name, value in report.changes.items()
            if name != UNCOUNTED  # counting it would have every collection read anew
        }
        changes |= {"grids_moved": 1} if adrift else {}
        changes |= {"bar_lines_moved": 1} if moved else {}
        sketch = sketch_of(score)
        reading = Reading(rows, score.note_count, bars, identity, lowest, changes, sketch)
        return Taken(reading, score, controls, repairs)


@dataclass(frozen=True, eq=False)
class Taken:
    """A file that is used: its reading, its score on the grid, what was measured and repaired."""

    reading: Reading
    score: Score
    controls: Controls
    repairs: tuple[Repair, ...]


def played_freely(score: Score) -> str:
    """Why a piece has no usable beat, in words; "" where it has, or where nothing can be said."""
    steady, onsets = steadiness(score)
    if onsets < LEAST_ONSETS or steady >= FREE_BELOW:
        return ""
    return (
        f"its notes keep to no beat of the file (steadiness {steady:.2f}; {FREE_BELOW} is needed)"
    )


def identity_of(score: Score) -> tuple[str, int]:
    """A hash that is equal for pieces with the same notes in whatever key, and the lowest pitch.

    It is made of the times between onsets, the intervals, and the lengths of all notes; drums
    count with their own pitch. Instruments, tempo, loudness and silence before do not count.
    """
    notes = np.concatenate([track.notes for track in score.tracks])
    is_drum = np.repeat([t.is_drum for t in score.tracks], [len(t) for t in score.tracks])
    pitch = notes[:, PITCH]
    lowest = int(pitch[~is_drum].min()) if not is_drum.all() else 0
    relative = np.where(is_drum, pitch + _DRUM_OFFSET, pitch - lowest)
    onset = notes[:, ONSET] - notes[:, ONSET].min()
    order = np.lexsort((notes[:, DURATION], relative, onset))
    table = np.stack([onset, relative, notes[:, DURATION]])[:, order].astype("<i4")
    return hashlib.blake2b(table.tobytes(), digest_size=16).hexdigest(), lowest
