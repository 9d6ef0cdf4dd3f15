"""The one table of event fields: what a row can be and what each of its columns can say.

A row is `COLUMNS` int16 values: the kind of event, then that kind's fields in the order in which
they are drawn; columns that a kind does not use hold 0. Ids, names, the grammar's masks, the
model's embedding sizes, the fingerprint and the docs page all come from this table.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from musegen.tokens import scales
from musegen.tokens.relations import Relation, Sizes, relations

UNSET = 0
"""In an optional field: not said, the model chooses."""

MAX_GENRES = 64
DRUM_BASE = 128
"""First instrument id of a drum kit, and first pitch id of a drum."""

ALL_INSTRUMENTS = DRUM_BASE + len(scales.DRUM_KITS)
"""In a HOLE row: every track of the bar is hidden."""

MAX_BACK = 64
NEW, VARIED, EXACT = 1, 2, 3
"""Likeness of a bar to the earlier bar that `back` points to."""

NO_CHORD = 1
FIRST_CHORD = 2
MAX_HOLES = 128

Part = Callable[[int], int]


@dataclass(frozen=True)
class Field:
    """One field: `size` values, of which 0 means "unset" when `optional`.

    `parts` name coarser views of a value (the beat of an onset, the pitch class of a pitch); the
    model adds an embedding for each, so that what is alike starts out alike.
    """

    name: str
    size: int
    meaning: str
    optional: bool = False
    parts: tuple[Part, ...] = ()

    @cached_property
    def part_tables(self) -> tuple[NDArray[np.int64], ...]:
        """For each part, the part id of every value: arrays of shape (size,)."""
        return tuple(
            np.array([part(value) for value in range(self.size)], dtype=np.int64)
            for part in self.parts
        )


@dataclass(frozen=True)
class Kind:
    """One kind of event and its fields, in the order in which they are drawn.

    A kind that is not `drawn` is only ever given: wishes stand in it, and no loss is taken on it.
    From the field `own_from` on, the row's track is known, and what the rows of that track say
    (OWN_LINKS) can be seen.
    """

    name: str
    fields: tuple[str, ...]
    meaning: str
    drawn: bool = True
    own_from: str = ""


def _pitch_class(pitch: int) -> int:
    return pitch % 12 + 1 if pitch < DRUM_BASE else 0


def _octave(pitch: int) -> int:
    return pitch // 12 + 1 if pitch < DRUM_BASE else 0


def _family(instrument: int) -> int:
    return min(instrument, DRUM_BASE) // 8 if instrument < ALL_INSTRUMENTS else 17


def _log_bin(value: int) -> int:
    """0 for 0, then two bins to an octave: 1, 2, 3, 4, 6, 8, 12, 16 ..."""
    return 0 if value == 0 else 1 + int(np.floor(2 * np.log2(value) + 1e-9))


def _length(index: int) -> int:
    return _log_bin(scales.DURATION[index])


def _tempo(value: int) -> int:
    if value == UNSET:
        return 0
    return 1 + int(np.floor(8 * np.log2(scales.TEMPO_BPM.values[value - 1] / 16)))


def _meter_length(value: int) -> int:
    return 0 if value == UNSET else scales.bar_steps(*scales.METERS[value - 1]) // 3


def _meter_beats(value: int) -> int:
    return 0 if value == UNSET else scales.METERS[value - 1][0]


def _chord_root(value: int) -> int:
    return 0 if value < FIRST_CHORD else 1 + (value - FIRST_CHORD) // len(scales.CHORD_QUALITIES)


def _chord_quality(value: int) -> int:
    return 0 if value < FIRST_CHORD else 1 + (value - FIRST_CHORD) % len(scales.CHORD_QUALITIES)


def _tonic(value: int) -> int:
    return 0 if value == UNSET else 1 + (value - 1) % 12


def _mode(value: int) -> int:
    return 0 if value == UNSET else 1 + (value - 1) // 12


_FIELDS = (
    Field("genre", 1 + MAX_GENRES, "index in the checkpoint's list of genres", optional=True),
    Field("valence", 1 + len(scales.VALENCE), "from unpleasant to pleasant", optional=True),
    Field("arousal", 1 + len(scales.AROUSAL), "from quiet to excited", optional=True),
    Field("key", 1 + 24, "12 major keys from C, then 12 minor", True, (_tonic, _mode)),
    Field("density", 1 + len(scales.DENSITY), "notes per quarter note", optional=True),
    Field("polyphony", 1 + len(scales.POLYPHONY), "pitched notes at once, mean", optional=True),
    Field("loudness", 1 + len(scales.LOUDNESS), "mean velocity", optional=True),
    Field("bars", 1 + scales.MAX_BARS_WISH, "length of the piece", True, (_log_bin,)),
    Field("meter", 1 + len(scales.METERS), "time signature", True, (_meter_length, _meter_beats)),
    Field("tempo", 1 + len(scales.TEMPO_BPM), "quarter notes per minute", True, (_tempo,)),
    Field("tracks", 1 + scales.MAX_TRACKS, "how many tracks", optional=True),
    Field("drums", 3, "unset, without, with", optional=True),
    Field(
        "instrument",
        ALL_INSTRUMENTS + 1,
        "General MIDI program, drum kit, or (HOLE only) all",
        parts=(_family,),
    ),
    Field("number", scales.MAX_TRACKS, "running number among tracks of one instrument"),
    Field("low", 1 + len(scales.REGISTER), "lowest pitch of the track", optional=True),
    Field("high", 1 + len(scales.REGISTER), "highest pitch of the track", optional=True),
    Field("letter", 1 + len(scales.LETTERS), "name of the section", optional=True),
    Field("section_bars", 1 + 32, "bars in the section", optional=True),
    Field(
        "bars_left",
        scales.EXACT_BARS_LEFT + 1 + len(scales.BARS_LEFT_BINS),
        "bars after this one, exact up to 64",
        parts=(_log_bin, lambda left: left % 4 if left <= scales.EXACT_BARS_LEFT else 4),
    ),
    Field(
        "chord",
        FIRST_CHORD + 12 * len(scales.CHORD_QUALITIES),
        "unset, none, or root and quality",
        True,
        (_chord_root, _chord_quality),
    ),
    Field("back", 2 + MAX_BACK, "unset, 1: new, else 1 + how many bars back", optional=True),
    Field("likeness", 4, "unset, new, varied, exact repeat", optional=True),
    Field(
        "onset",
        scales.MAX_BAR_STEPS,
        "steps from the bar line",
        parts=(lambda step: step % 24, lambda step: step // 24),
    ),
    Field("pitch", 2 * DRUM_BASE, "pitch, or 128 + drum", parts=(_pitch_class, _octave)),
    Field("duration", len(scales.DURATION), "note length", parts=(_length,)),
    Field("velocity", len(scales.VELOCITY), "loudness of the note"),
    Field("hole", MAX_HOLES, "running number of the bar with something hidden"),
)

FIELDS: dict[str, Field] = {field.name: field for field in _FIELDS}

KINDS = (
    Kind("PAD", (), "nothing; never drawn", drawn=False),
    Kind(
        "STYLE",
        ("genre", "valence", "arousal", "key", "density", "polyphony", "loudness"),
        "HEAD: what kind of music",
        drawn=False,
    ),
    Kind(
        "FORM",
        ("bars", "meter", "tempo", "tracks", "drums"),
        "HEAD: its outline",
        drawn=False,
    ),
    Kind(
        "TRACK",
        ("instrument", "number", "low", "high", "density", "polyphony", "loudness"),
        "HEAD: one track that sounds in the piece, in score order",
    ),
    Kind(
        "SECTION",
        ("letter", "section_bars", "valence", "arousal", "density", "loudness"),
        "a section begins with the next bar",
    ),
    Kind(
        "BAR",
        ("bars_left", "meter", "tempo", "back", "likeness", "chord", "density"),
        "a bar begins; its plan; its first chord",
    ),
    Kind("CHORD", ("onset", "chord"), "the chord changes inside the bar"),
    Kind(
        "NOTE",
        ("onset", "instrument", "number", "pitch", "duration", "velocity"),
        "a note; notes of a bar are ordered by onset, track, pitch",
        own_from="pitch",
    ),
    Kind(
        "HOLE",
        ("hole", "instrument", "number"),
        "this track is hidden in this bar",
        drawn=False,
    ),
    Kind("ANSWER", ("hole",), "the hidden notes of that bar follow"),
    Kind("END", (), "the piece, or the answer, is complete"),
)

PAD, STYLE, FORM, TRACK, SECTION, BAR, CHORD, NOTE, HOLE, ANSWER, END = range(len(KINDS))

SEEN_LINKS = {
    "style": "the STYLE row",
    "form": "the FORM row",
    "section": "the SECTION row in force",
    "bar": "the BAR row of the row's own bar",
    "chord": "the newest CHORD row of the bar, or its BAR row",
    "echo": "the matching place of the bar that is repeated or varied, or else of the bar before: "
    "the first note there that comes after this place in the bar, or the next BAR row",
}
"""Earlier rows that a row points to once it is there, for the row after it to be foretold with.

A change of what a link means makes every checkpoint wrong: count `checkpoint.SCHEMA` up.
"""

OWN_LINKS = {
    "prior": "the last row of the same kind",
    "track": "of a note: the TRACK row of its track",
    "before": "of a note: the last note of its track before it in time",
}
"""Earlier rows that a row points to while it is drawn; those of its track once that is known."""

LINK_PLACE = {name: place for place, name in enumerate([*SEEN_LINKS, *OWN_LINKS])}
"""The column of each link."""

COLUMNS = 1 + max(len(kind.fields) for kind in KINDS)


@dataclass(frozen=True)
class Table:
    """Kinds, fields and relations: all that a model needs to know about the rows it reads."""

    fields: dict[str, Field]
    kinds: tuple[Kind, ...]
    relations: tuple[Relation, ...] = ()

    @cached_property
    def columns(self) -> int:
        """Width of a row: the kind, then the most fields that any kind has."""
        return 1 + max(len(kind.fields) for kind in self.kinds)


RELATIONS = relations(
    Sizes(
        keys=FIELDS["key"].size,
        pitches=FIELDS["pitch"].size,
        first_drum=DRUM_BASE,
        chords=FIELDS["chord"].size,
        first_chord=FIRST_CHORD,
        qualities=len(scales.CHORD_QUALITIES),
        onsets=FIELDS["onset"].size,
        instruments=FIELDS["instrument"].size,
        durations=FIELDS["duration"].size,
        velocities=FIELDS["velocity"].size,
    )
)

TABLE = Table(FIELDS, KINDS, RELATIONS)
"""The table of musegen's own rows."""

Rows = NDArray[np.int16]  # (N, COLUMNS)


@cache
def column(kind: int, field: str) -> int:
    """The column that holds `field` in rows of `kind`."""
    return 1 + KINDS[kind].fields.index(field)


def row(kind: int, **values: int) -> list[int]:
    """One row; fields that are not given hold 0.

    >>> row(CHORD, onset=48, chord=2)
    [6, 48, 2, 0, 0, 0, 0, 0]
    """
    cells = [kind] + [0] * (COLUMNS - 1)
    for name, value in values.items():
        cells[column(kind, name)] = value
    return cells


def as_rows(cells: Sequence[Sequence[int]]) -> Rows:
    """Rows as one (N, COLUMNS) int16 array."""
    return np.array(cells, dtype=np.int16).reshape(-1, COLUMNS)


@cache
def fingerprint() -> str:
    """Sixteen hex digits that change when the meaning of a row changes."""
    table = {
        "fields": [
            [f.name, f.size, f.optional, [t.tolist() for t in f.part_tables]] for f in _FIELDS
        ],
        "kinds": [[k.name, list(k.fields)] for k in KINDS],
        "scales": [
            scales.STEPS_PER_QUARTER,
            list(scales.DENSITY.values),
            list(scales.POLYPHONY.values),
            list(scales.LOUDNESS.values),
            list(scales.VALENCE.values),
            list(scales.TEMPO_BPM.values),
            list(scales.VELOCITY),
            list(scales.REGISTER),
            list(scales.DURATION),
            [list(m) for m in scales.METERS],
            list(scales.BARS_LEFT_BINS),
            list(scales.CHORD_QUALITIES),
            list(scales.DRUM_KITS),
        ],
    }
    return hashlib.sha256(json.dumps(table).encode()).hexdigest()[:16]
