"""Augmentation and control dropout: the same music in another key, tempo or loudness, with fewer
tracks, and with fewer wishes said. In: rows. Out: other legal rows. All is arithmetic on columns;
chance comes from the generator that is handed in.
"""

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields

import numpy as np
from numpy.typing import NDArray

from musegen.errors import SettingError
from musegen.tokens import fields, scales
from musegen.tokens.fields import (
    BAR,
    CHORD,
    DRUM_BASE,
    FIRST_CHORD,
    FORM,
    NOTE,
    SECTION,
    STYLE,
    TRACK,
    UNSET,
    Rows,
    column,
)

_QUALITIES = len(scales.CHORD_QUALITIES)
_REGISTER_STEP = scales.REGISTER[1] - scales.REGISTER[0]
_BINS_PER_LOUDNESS = 2  # a step of loudness is 8, a bin of velocity is 4
_FEWEST_NOTES = 8


@dataclass(frozen=True)
class Augment:
    """How often and how far examples are changed. Probabilities are per example.

    `drop_head` unsets every wish of HEAD at once; otherwise each field of STYLE and FORM is unset
    with `drop_style`, the genre with `drop_genre`, and the plan of each track with `drop_track`.
    `drop_section` unsets mood, or density and loudness, of all sections (two draws), and
    `drop_letter` their names and lengths. `drop_chords` removes the chord plan, `drop_repeats` the
    repeats, `drop_bar_density` the density of all bars. Bars left, meter and tempo of a bar always
    stay.
    """

    transpose_down: int = 5
    transpose_up: int = 6
    tempo: float = 0.1
    velocity_bins: int = 2
    drop_tracks: float = 0.1
    drop_head: float = 0.1
    drop_style: float = 0.3
    drop_genre: float = 0.15
    drop_track: float = 0.5
    drop_section: float = 0.3
    drop_letter: float = 0.1
    drop_chords: float = 0.1
    drop_repeats: float = 0.1
    drop_bar_density: float = 0.3

    def __post_init__(self) -> None:
        for field in dataclass_fields(self):
            number = getattr(self, field.name)
            if field.name.startswith("drop_") and not 0 <= number <= 1:
                raise SettingError(f"augment.{field.name} is {number}: it must be from 0 to 1")
        if not (0 <= self.transpose_down <= 11 and 0 <= self.transpose_up <= 11):
            raise SettingError("augment.transpose_down and transpose_up must be from 0 to 11")
        if not 0 <= self.tempo <= 0.5:
            raise SettingError(f"augment.tempo is {self.tempo}: it must be from 0 to 0.5")
        if not 0 <= self.velocity_bins <= 16:
            raise SettingError("augment.velocity_bins must be from 0 to 16")

    @classmethod
    def off(cls) -> "Augment":
        """No change at all: for judging."""
        return cls(**{field.name: 0 for field in dataclass_fields(cls)})


HEAD_WISHES = {
    STYLE: fields.KINDS[STYLE].fields,
    FORM: fields.KINDS[FORM].fields,
    TRACK: ("low", "high", "density", "polyphony", "loudness"),
}
"""The fields of HEAD that can be left unsaid."""


def _of(rows: Rows, kind: int) -> NDArray[np.intp]:
    return np.flatnonzero(rows[:, 0] == kind)


def _unset(rows: Rows, kind: int, names: tuple[str, ...]) -> None:
    where = _of(rows, kind)
    for name in names:
        rows[where, column(kind, name)] = UNSET


def track_numbers(rows: Rows) -> NDArray[np.int64]:
    """For each NOTE or TRACK row which TRACK row of HEAD it belongs to; -1 for other rows."""
    of_track = np.full(len(rows), -1, dtype=np.int64)
    tracks = _of(rows, TRACK)
    table = np.full((fields.ALL_INSTRUMENTS + 1, scales.MAX_TRACKS), -1, dtype=np.int64)
    for kind in (TRACK, NOTE):
        where = tracks if kind == TRACK else _of(rows, NOTE)
        instrument = rows[where, column(kind, "instrument")]
        number = rows[where, column(kind, "number")]
        if kind == TRACK:
            table[instrument, number] = np.arange(len(tracks))
        of_track[where] = table[instrument, number]
    return of_track


def without_tracks(rows: Rows, rng: np.random.Generator) -> Rows:
    """The piece without one to half of its tracks; what was measured of all tracks is unset.

    A piece of one or two tracks, and one of which too few notes would be left, stays as it is.
    """
    tracks = _of(rows, TRACK)
    if len(tracks) <= 2:
        return rows
    count = int(rng.integers(1, len(tracks) // 2 + 1))
    dropped = np.zeros(len(tracks) + 1, dtype=bool)  # the last entry is for rows of no track
    dropped[rng.choice(len(tracks), count, replace=False)] = True
    of_track = track_numbers(rows)
    kept = rows[~dropped[of_track]]
    if np.count_nonzero(kept[:, 0] == NOTE) < _FEWEST_NOTES:
        return rows
    instruments = rows[tracks, column(TRACK, "instrument")]
    number, seen = np.zeros(len(tracks), dtype=np.int16), dict[int, int]()
    for place in np.flatnonzero(~dropped[:-1]):
        instrument = int(instruments[place])
        number[place] = seen.get(instrument, 0)
        seen[instrument] = int(number[place]) + 1
    of_kept = of_track[~dropped[of_track]]
    for kind in (TRACK, NOTE):
        where = _of(kept, kind)
        kept[where, column(kind, "number")] = number[of_kept[where]]
    form = _of(kept, FORM)
    said = kept[form, column(FORM, "tracks")] != UNSET
    kept[form, column(FORM, "tracks")] = np.where(said, len(tracks) - count, UNSET)
    drums = 1 + bool((instruments[~dropped[:-1]] >= DRUM_BASE).any())
    said = kept[form, column(FORM, "drums")] != UNSET
    kept[form, column(FORM, "drums")] = np.where(said, drums, UNSET)
    _unset(kept, STYLE, ("density", "polyphony", "loudness"))
    _unset(kept, SECTION, ("density", "loudness"))
    _unset(kept, BAR, ("density", "back", "likeness"))
    return kept


def track_ranges(rows: Rows) -> NDArray[np.int64]:
    """Lowest and highest pitch of each TRACK row's notes, (tracks, 2); drums and silence: -1."""
    notes = rows[rows[:, 0] == NOTE]
    pitches = notes[:, column(NOTE, "pitch")]
    instrument = notes[:, column(NOTE, "instrument")]
    number = notes[:, column(NOTE, "number")]
    ranges = np.full((len(_of(rows, TRACK)), 2), -1, dtype=np.int64)
    for place, track in enumerate(rows[_of(rows, TRACK)]):
        program = track[column(TRACK, "instrument")]
        if program >= DRUM_BASE:
            continue
        of_track = (instrument == program) & (number == track[column(TRACK, "number")])
        own = pitches[of_track]
        if len(own):
            ranges[place] = own.min(), own.max()
    return ranges


def transposed(rows: Rows, ranges: NDArray[np.int64], semitones: int) -> Rows:
    """The rows `semitones` higher: notes, key, chords and track ranges; drums stay.

    `ranges` are the tracks' pitches before, as `track_ranges` gives them for the whole piece. The
    shift is lessened where a pitch of them would leave 0 to 127.
    """
    known = ranges[ranges[:, 0] >= 0]
    if len(known):
        semitones = int(np.clip(semitones, -known[:, 0].min(), 127 - known[:, 1].max()))
    if semitones == 0:
        return rows
    rows = rows.copy()
    where, place = _of(rows, NOTE), column(NOTE, "pitch")
    pitch = rows[where, place]
    rows[where, place] = np.where(pitch < DRUM_BASE, pitch + semitones, pitch)
    where, place = _of(rows, STYLE), column(STYLE, "key")
    key = rows[where, place]
    mode, tonic = np.divmod(key - 1, 12)
    rows[where, place] = np.where(key == UNSET, UNSET, 1 + 12 * mode + (tonic + semitones) % 12)
    for kind in (BAR, CHORD):
        where, place = _of(rows, kind), column(kind, "chord")
        chord = rows[where, place]
        root, quality = np.divmod(chord - FIRST_CHORD, _QUALITIES)
        moved = FIRST_CHORD + (root + semitones) % 12 * _QUALITIES + quality
        rows[where, place] = np.where(chord < FIRST_CHORD, chord, moved)
    where = _of(rows, TRACK)
    for name, side in (("low", 0), ("high", 1)):
        old = rows[where, column(TRACK, name)]
        new = 1 + (ranges[:, side] + semitones) // _REGISTER_STEP
        moved = np.where(ranges[:, side] < 0, UNSET, new)
        drums = rows[where, column(TRACK, "instrument")] >= DRUM_BASE
        rows[where, column(TRACK, name)] = np.where((old == UNSET) | drums, old, moved)
    return rows


def at_other_tempo(rows: Rows, factor: float) -> Rows:
    """The rows with every tempo times `factor`, within what a row can hold."""
    rows = rows.copy()
    slowest = scales.TEMPO_BPM.values[0]
    for kind in (FORM, BAR):
        where, place = _of(rows, kind), column(kind, "tempo")
        tempo = rows[where, place]
        bpm = (tempo + (slowest - 1)) * factor
        moved = np.clip(np.rint(bpm) - (slowest - 1), 1, len(scales.TEMPO_BPM))
        rows[where, place] = np.where(tempo == UNSET, UNSET, moved)
    return rows


def louder(rows: Rows, bins: int) -> Rows:
    """The rows with every velocity `bins` higher, clipped; loudness moves along.

    Loudness has half the resolution: it becomes unset where `bins` is odd.
    """
    if bins == 0:
        return rows
    rows = rows.copy()
    where, place = _of(rows, NOTE), column(NOTE, "velocity")
    rows[where, place] = np.clip(rows[where, place] + bins, 0, len(scales.VELOCITY) - 1)
    steps, odd = divmod(bins, _BINS_PER_LOUDNESS)
    for kind in (STYLE, TRACK, SECTION):
        where, place = _of(rows, kind), column(kind, "loudness")
        level = rows[where, place]
        moved = np.clip(level + steps, 1, len(scales.LOUDNESS))
        rows[where, place] = np.where((level == UNSET) | bool(odd), UNSET, moved)
    return rows


def changed(rows: Rows, piece: Rows, augment: Augment, rng: np.random.Generator) -> Rows:
    """These rows of `piece` in a random key, tempo and loudness, as far as `augment` allows."""
    shift = int(rng.integers(-augment.transpose_down, augment.transpose_up + 1))
    speed = float(rng.uniform(-1, 1))
    bins = int(rng.integers(-augment.velocity_bins, augment.velocity_bins + 1))
    if shift:
        rows = transposed(rows, track_ranges(piece), shift)
    if augment.tempo:
        rows = at_other_tempo(rows, float(np.exp(speed * np.log1p(augment.tempo))))
    return louder(rows, bins)


def without_head(rows: Rows) -> Rows:
    """The rows with no wish said in HEAD; which instruments sound stays."""
    rows = rows.copy()
    for kind, names in HEAD_WISHES.items():
        _unset(rows, kind, names)
    return rows


def without_chords(rows: Rows) -> Rows:
    """The rows without their chord plan."""
    rows = rows[rows[:, 0] != CHORD]
    _unset(rows, BAR, ("chord",))
    return rows


def with_fewer_wishes(rows: Rows, augment: Augment, rng: np.random.Generator) -> Rows:
    """The rows with wishes of HEAD, SECTION and BAR unset at random; chords are not touched."""
    rows = rows.copy()
    if rng.random() < augment.drop_head:
        rows = without_head(rows)
    for kind in (STYLE, FORM):
        for name in HEAD_WISHES[kind]:
            chance = augment.drop_genre if name == "genre" else augment.drop_style
            if rng.random() < chance:
                _unset(rows, kind, (name,))
    tracks = _of(rows, TRACK)
    silent = tracks[rng.random(len(tracks)) < augment.drop_track]
    for name in HEAD_WISHES[TRACK]:
        rows[silent, column(TRACK, name)] = UNSET
    for kind, names, chance in (
        (SECTION, ("valence", "arousal"), augment.drop_section),
        (SECTION, ("density", "loudness"), augment.drop_section),
        (SECTION, ("letter", "section_bars"), augment.drop_letter),
        (BAR, ("back", "likeness"), augment.drop_repeats),
        (BAR, ("density",), augment.drop_bar_density),
    ):
        if rng.random() < chance:
            _unset(rows, kind, names)
    return rows
