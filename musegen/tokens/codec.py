"""Score and Controls to event rows and back: exact inverses for everything on the grid.

`encode(score, controls, genres)` lays a grid Score and its plan out as rows; `decode` reads them
back. Quantising is not done here (`music.transform.quantise`), files are not known here.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musegen.errors import MusegenError
from musegen.music.score import Meter, Score, Tempo, Track, note_array
from musegen.music.timing import bar_lines
from musegen.tokens import scales
from musegen.tokens.controls import (
    LIKENESS,
    BarPlan,
    Chord,
    Controls,
    SectionPlan,
)
from musegen.tokens.fields import (
    BAR,
    CHORD,
    COLUMNS,
    DRUM_BASE,
    END,
    FORM,
    KINDS,
    MAX_BACK,
    NOTE,
    SECTION,
    STYLE,
    TRACK,
    UNSET,
    Rows,
    as_rows,
    column,
    fingerprint,
    row,
)
from musegen.tokens.fitting import DURATION_INDEX, check_plan, check_score
from musegen.tokens.head import head_rows, read_head, track_row
from musegen.tokens.ids import (
    chord_id,
    chord_of,
    from_level,
    instrument_id,
    instrument_of,
    level,
    running_numbers,
)
from musegen.tokens.machine import KERNELS, MOST_STEPS

_DURATIONS = np.array(scales.DURATION, dtype=np.int32)
_SHIFTS = np.array([1 << 29, 1 << 7, 1 << 18, 1])
_ONSET, _INSTRUMENT, _NUMBER, _PITCH, _DURATION, _VELOCITY = (
    column(NOTE, name)
    for name in ("onset", "instrument", "number", "pitch", "duration", "velocity")
)
_METER, _TEMPO = column(BAR, "meter"), column(BAR, "tempo")
_METER_INDEX = {meter: i + 1 for i, meter in enumerate(scales.METERS)}


class Tokenizer:
    """Turns Scores into event rows and back, with one list of genres."""

    def __init__(self, genres: Sequence[str] = ()) -> None:
        self.genres = tuple(genres)

    @property
    def fingerprint(self) -> str:
        """Changes when the meaning of a row changes."""
        return fingerprint()

    def encode(self, score: Score, controls: Controls | None = None) -> Rows:
        """Rows (N, 8) of a grid Score with its controls; see `encode`."""
        return encode(score, controls or Controls(), self.genres)

    def decode(self, rows: Rows) -> tuple[Score, Controls]:
        """The grid Score and controls of rows; see `decode`."""
        return decode(rows, self.genres)


def section_row(section: SectionPlan) -> list[int]:
    """The SECTION row that opens a section."""
    return row(
        SECTION,
        letter=1 + scales.LETTERS.index(section.letter) if section.letter else UNSET,
        section_bars=section.bars if 1 <= section.bars <= 32 else UNSET,
        valence=level(scales.VALENCE, section.valence),
        arousal=level(scales.AROUSAL, section.arousal),
        density=level(scales.DENSITY, section.density),
        loudness=level(scales.LOUDNESS, section.loudness),
    )


def encode(score: Score, controls: Controls, genres: Sequence[str] = ()) -> Rows:
    """A grid Score with its controls as event rows (N, COLUMNS), HEAD first and END last.

    Raises MusegenError where the Score is not on the grid or the plan is not this Score's, and
    LabelError for an unknown genre.
    """
    lines = bar_lines(score)
    bars = len(lines) - 1
    check_score(score, lines)
    check_plan(controls, score, lines)
    parts = score.parts
    identities = [instrument_id(program, is_drum) for is_drum, program in parts.sounds]
    numbers = running_numbers(identities)
    bare = map(_bare_track, identities, numbers)
    told = map(track_row, controls.tracks, numbers) if controls.tracks else bare
    head = as_rows([*head_rows(controls, genres), *told])

    # At one tick a section comes first, then the bar, a chord, the notes.
    bar_table = _bar_rows(score, controls, lines)
    inner = [c for c in controls.chords if c.onset > 0]
    plan, ticks = bar_table, lines[:bars]
    if controls.sections or inner:
        sections = as_rows([section_row(s) for s in controls.sections])
        chords = as_rows(
            [row(CHORD, onset=c.onset, chord=chord_id(c.root, c.quality)) for c in inner]
        )
        ticks = np.concatenate(
            [
                lines[[s.bar for s in controls.sections]],
                ticks,
                lines[[c.bar for c in inner]] + np.array([c.onset for c in inner], dtype=np.int64),
            ]
        )
        order = np.argsort(ticks, kind="stable")
        plan, ticks = np.concatenate([sections, bar_table, chords])[order], ticks[order]
        ticks.setflags(write=False)
    bases = [DRUM_BASE if is_drum else 0 for is_drum, _ in parts.sounds]
    tracks = np.array([identities, numbers, bases], dtype=np.int16)
    if KERNELS.loaded is not None and lines[-1] <= MOST_STEPS:
        laid_out: Rows = KERNELS.loaded.lay_out(
            *parts[:2], tracks, lines, head, plan, ticks, DURATION_INDEX
        )
        return laid_out
    note_rows, note_ticks = _note_rows(score, tracks, lines)
    rows = np.empty((len(head) + len(plan) + len(note_rows) + 1, COLUMNS), dtype=np.int16)
    rows[: len(head)] = head
    rows[-1] = row(END)
    body = rows[len(head) : -1]
    places = np.searchsorted(note_ticks, ticks) + np.arange(len(ticks))
    is_note = np.ones(len(body), dtype=np.bool_)
    is_note[places] = False
    body[places] = plan
    body[is_note] = note_rows
    return rows


@lru_cache(maxsize=1024)
def _bare_track(identity: int, number: int) -> list[int]:
    """The TRACK row of a track of which nothing is wished; not to be changed."""
    return row(TRACK, instrument=identity, number=number)


def _bar_rows(score: Score, controls: Controls, lines: NDArray[np.int64]) -> Rows:
    table = _bars(len(lines) - 1).copy()
    meters = [_METER_INDEX[m.numerator, m.denominator] for m in score.meters]
    tempos = [_tempo_level(tempo.microseconds) for tempo in score.tempos]
    table[:, _METER] = _held([m.tick for m in score.meters], meters, lines)
    table[:, _TEMPO] = _held([t.tick for t in score.tempos], tempos, lines)
    if controls.plan:
        table[:, column(BAR, "back")] = [_back_id(p) for p in controls.plan]
        table[:, column(BAR, "likeness")] = [
            UNSET if p.likeness is None else 1 + LIKENESS.index(p.likeness) for p in controls.plan
        ]
        table[:, column(BAR, "density")] = [level(scales.DENSITY, p.density) for p in controls.plan]
    for chord in controls.chords:
        if chord.onset == 0:
            table[chord.bar, column(BAR, "chord")] = chord_id(chord.root, chord.quality)
    return table


@lru_cache(maxsize=512)
def _bars(bars: int) -> Rows:
    """So many BAR rows that say how many bars are left, and nothing else; not to be changed."""
    table = np.zeros((bars, COLUMNS), dtype=np.int16)
    table[:, 0] = BAR
    table[:, column(BAR, "bars_left")] = scales.bars_left_indices(bars)[::-1]
    table.setflags(write=False)
    return table


@lru_cache(maxsize=512)
def _tempo_level(microseconds: int) -> int:
    """The tempo field's value for so many microseconds a quarter note."""
    return level(scales.TEMPO_BPM, Tempo(0, microseconds).bpm)


def _held(ticks: list[int], values: list[int], lines: NDArray[np.int64]) -> NDArray[np.int64] | int:
    """The value that holds in each bar, of those that hold from each tick on."""
    if len(values) == 1:
        return values[0]
    return np.array(values)[np.searchsorted(ticks, lines[:-1], side="right") - 1]


def _back_id(plan: BarPlan) -> int:
    return UNSET if plan.back is None or plan.back > MAX_BACK else 1 + plan.back


def _note_rows(
    score: Score, tracks: NDArray[np.int16], lines: NDArray[np.int64]
) -> tuple[Rows, NDArray[np.int64]]:
    """NOTE rows of all tracks in time order (then track, then pitch), and their ticks.

    `tracks` (3, T): instrument, running number, and what is added to each pitch.
    """
    # One int64 sorts faster than columns: 31 bits onset, 4 track, 7 pitch, 11 duration, 7 velocity.
    packed = np.concatenate([_packed(t, number) for number, t in enumerate(score.tracks)])
    packed.sort()
    ticks = packed >> 29
    track = packed >> 25 & 15
    first = np.searchsorted(ticks, lines)
    instrument, running, base = tracks
    table = np.zeros((len(packed), COLUMNS), dtype=np.int16)
    table[:, 0] = NOTE
    table[:, _ONSET] = ticks - np.repeat(lines[:-1], first[1:] - first[:-1])
    table[:, _INSTRUMENT] = instrument[track]
    table[:, _NUMBER] = running[track]
    table[:, _PITCH] = (packed >> 18 & 127) + base[track]
    table[:, _DURATION] = DURATION_INDEX[packed >> 7 & 2**11 - 1]
    table[:, _VELOCITY] = packed >> 2 & 31
    return table, ticks


def _packed(track: Track, number: int) -> NDArray[np.int64]:
    """The notes of a track, each as one number: onset, track, pitch, duration, velocity."""
    notes = track.notes.astype(np.int64)
    packed: NDArray[np.int64] = notes @ _SHIFTS
    packed += number << 25
    return packed


def decode(rows: Rows, genres: Sequence[str] = ()) -> tuple[Score, Controls]:
    """The grid Score and the controls that these rows stand for; the inverse of `encode`.

    Raises MusegenError where the rows are not a whole piece (no STYLE, FORM, BAR or TRACK row).
    """
    kinds = rows[:, 0]
    found = {kind: rows[kinds == kind] for kind in (STYLE, FORM, TRACK, SECTION, BAR)}
    for kind, name in ((STYLE, "STYLE"), (FORM, "FORM"), (TRACK, "TRACK"), (BAR, "BAR")):
        if not len(found[kind]):
            raise MusegenError(f"these rows are not a piece: they hold no {name} row")
    bar_table = found[BAR]
    meters = [scales.METERS[m - 1] for m in bar_table[:, column(BAR, "meter")].tolist()]
    lengths = np.array([scales.bar_steps(n, d) for n, d in meters], dtype=np.int64)
    lines = np.concatenate([[0], np.cumsum(lengths)])
    bar_of_row = np.cumsum(kinds == BAR) - 1
    score = Score(
        scales.STEPS_PER_QUARTER,
        _tracks(rows, found[TRACK], lines, bar_of_row),
        _tempos(bar_table, lines),
        _meters(meters, lines),
        end=int(lines[-1]),
    )
    return score, _controls(rows, found, bar_of_row, len(lengths), genres)


def _tracks(
    rows: Rows, track_rows: Rows, lines: NDArray[np.int64], bar_of_row: NDArray[np.int64]
) -> tuple[Track, ...]:
    is_note = rows[:, 0] == NOTE
    notes = rows[is_note].astype(np.int32)
    onsets = notes[:, column(NOTE, "onset")] + lines[bar_of_row[is_note]]
    pitches = notes[:, column(NOTE, "pitch")] % DRUM_BASE
    durations = _DURATIONS[notes[:, column(NOTE, "duration")]]
    velocities = notes[:, column(NOTE, "velocity")] * 4 + 2
    table = np.stack([onsets, durations, pitches, velocities], axis=1)
    owner = notes[:, column(NOTE, "instrument")] * 16 + notes[:, column(NOTE, "number")]
    tracks = []
    for track in track_rows.tolist():
        identity, number = track[1], track[2]
        program, is_drum = instrument_of(identity)
        tracks.append(
            Track(program, is_drum, "", note_array(table[owner == identity * 16 + number]))
        )
    return tuple(tracks)


def _tempos(bar_table: Rows, lines: NDArray[np.int64]) -> tuple[Tempo, ...]:
    values = bar_table[:, column(BAR, "tempo")].tolist()
    return tuple(
        Tempo.from_bpm(int(lines[b]), scales.TEMPO_BPM.value(value - 1))
        for b, value in enumerate(values)
        if b == 0 or value != values[b - 1]
    )


def _meters(meters: list[tuple[int, int]], lines: NDArray[np.int64]) -> tuple[Meter, ...]:
    return tuple(
        Meter(int(lines[b]), *meter)
        for b, meter in enumerate(meters)
        if b == 0 or meter != meters[b - 1]
    )


def _controls(
    rows: Rows,
    found: dict[int, Rows],
    bar_of_row: NDArray[np.int64],
    bars: int,
    genres: Sequence[str],
) -> Controls:
    return replace(
        read_head(np.concatenate([found[kind] for kind in (STYLE, FORM, TRACK)]), genres),
        sections=_sections(rows, bar_of_row, bars),
        plan=_plan(found[BAR]),
        chords=_chords(rows, bar_of_row),
    )


def _sections(rows: Rows, bar_of_row: NDArray[np.int64], bars: int) -> tuple[SectionPlan, ...]:
    places = np.flatnonzero(rows[:, 0] == SECTION)
    starts = [int(bar_of_row[p]) + 1 for p in places]
    ends = [*starts[1:], bars][: len(starts)]
    sections = []
    for place, start, end in zip(places, starts, ends, strict=True):
        value = dict(zip(KINDS[SECTION].fields, rows[place, 1:].tolist(), strict=False))
        sections.append(
            SectionPlan(
                start,
                scales.LETTERS[value["letter"] - 1] if value["letter"] else "",
                end - start,
                valence=from_level(scales.VALENCE, value["valence"]),
                arousal=from_level(scales.AROUSAL, value["arousal"]),
                density=from_level(scales.DENSITY, value["density"]),
                loudness=from_level(scales.LOUDNESS, value["loudness"]),
            )
        )
    return tuple(sections)


def _plan(bar_table: Rows) -> tuple[BarPlan, ...]:
    back = bar_table[:, column(BAR, "back")].tolist()
    likeness = bar_table[:, column(BAR, "likeness")].tolist()
    density = bar_table[:, column(BAR, "density")].tolist()
    plans = tuple(
        BarPlan(
            back=b - 1 if b else None,
            likeness=LIKENESS[like - 1] if like else None,
            density=from_level(scales.DENSITY, d),
        )
        for b, like, d in zip(back, likeness, density, strict=True)
    )
    return plans if any(plan != BarPlan() for plan in plans) else ()


def _chords(rows: Rows, bar_of_row: NDArray[np.int64]) -> tuple[Chord, ...]:
    chord_in_bar, chord_in_row = column(BAR, "chord"), column(CHORD, "chord")
    chords = []
    places = np.flatnonzero(np.isin(rows[:, 0], (BAR, CHORD)))
    for place in places.tolist():
        opening = rows[place, 0] == BAR
        identity = int(rows[place, chord_in_bar if opening else chord_in_row])
        if identity == UNSET:
            continue
        onset = 0 if opening else int(rows[place, column(CHORD, "onset")])
        chords.append(Chord(int(bar_of_row[place]), onset, *chord_of(identity)))
    return tuple(chords)
