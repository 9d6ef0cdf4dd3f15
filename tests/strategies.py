"""What Hypothesis draws: scores on the grid, and scores of any kind, with few notes each.

The rules of the grid are written out here a second time, on purpose: a test of `quantise` that
built its pieces with `quantise` would prove nothing.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from math import prod
from typing import Any

from hypothesis import strategies as st

from musegen.music.score import (
    Key,
    Marker,
    Meter,
    Pedal,
    Score,
    Tempo,
    Track,
    note_array,
    presses,
)
from musegen.music.timing import GRID

COMMON_METERS = ((4, 4), (3, 4), (2, 4), (6, 8), (5, 4), (7, 8), (1, 4), (3, 32), (4, 1), (2, 2))

PITCHES = (*range(59, 65), *range(128)) + (60, 62, 64) * 20
"""Every pitch, a few of them so often that notes meet."""

DRUM_PITCHES = (36, 38, 42, 46, 49, 0, 127)
WORDS = st.text("abc Öß♯ト", max_size=6)


@st.composite
def grid_scores(draw: st.DrawFn, max_bars: int = 8, max_tracks: int = 4) -> Score:
    """A score on the grid: any meters and tempi, empty bars, notes across bar lines."""
    meter = st.sampled_from(COMMON_METERS * 9 + GRID.meters)
    tempo = st.sampled_from((120, 90, 60, 16, 133, 300, 299))
    stretches = draw(
        st.lists(
            st.tuples(st.integers(1, max(1, max_bars // 3)), meter, tempo), min_size=1, max_size=3
        )
    )
    meters, tempos, end = [], [], 0
    for bars, (numerator, denominator), bpm in stretches:
        if not meters or meters[-1][1:] != (numerator, denominator):
            meters.append(Meter(end, numerator, denominator))
        if not tempos or round(tempos[-1].bpm) != bpm:
            tempos.append(Tempo.from_bpm(end, bpm))
        end += bars * numerator * 96 // denominator
    programs = draw(
        st.lists(st.sampled_from((0, 0, 24, 33, 40, 127)), min_size=1, max_size=max_tracks)
    )
    parts = [(program, False, draw(_grid_notes(end, PITCHES))) for program in programs]
    if len(parts) > 1 and draw(st.booleans()):
        kit = draw(st.sampled_from(GRID.kits))
        parts[-1] = (kit, True, draw(_grid_notes(end, DRUM_PITCHES)))
    tracks = [Track(program, drum, "", note_array(notes)) for program, drum, notes in parts]
    tracks.sort(key=grid_order)
    return Score(GRID.steps_per_quarter, tuple(tracks), tuple(tempos), tuple(meters), end=end)


def grid_order(track: Track) -> tuple[bool, int, float, bytes]:
    """Drums last, others by program; of one program the higher first, then by their notes."""
    pitches = [note.pitch for note in track]
    return track.is_drum, track.program, -sum(pitches) / len(pitches), track.notes.tobytes()


@st.composite
def _grid_notes(
    draw: st.DrawFn, end: int, pitches: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    """Notes of the grid, of which no two of one pitch overlap. One number makes a note: fast."""
    steps = (*range(0, end, 24), *range(0, end, 12), *range(end))
    lengths = (*(1, 6, 12, 24, 48, 96) * 10, *GRID.durations)
    columns = (steps, lengths, pitches, GRID.velocities)
    sounding: dict[int, list[tuple[int, int]]] = {}
    notes = []
    for number in draw(
        st.lists(st.integers(0, prod(map(len, columns)) - 1), min_size=1, max_size=8)
    ):
        onset, wanted, pitch, velocity = _mixed(number, columns)
        duration = max(d for d in GRID.durations if d <= min(wanted, end - onset))
        others = sounding.setdefault(pitch, [])
        if all(onset + duration <= start or stop <= onset for start, stop in others):
            others.append((onset, onset + duration))
            notes.append((onset, duration, pitch, velocity))
    return notes


def _mixed(number: int, columns: Sequence[Sequence[int]]) -> list[int]:
    """One value from each column, as the digits of a number of mixed radix."""
    values = []
    for column in columns:
        number, place = divmod(number, len(column))
        values.append(column[place])
    return values


@st.composite
def scores(draw: st.DrawFn, max_tracks: int = 4) -> Score:
    """A score of any kind: off the grid, odd meters inside bars, notes on top of each other."""
    ppq = draw(st.sampled_from((480, 24, 96, 1, 7, 100, 220, 1024, 15360)))
    tick = st.one_of(
        st.integers(0, 40 * ppq), st.integers(0, 40).map(lambda quarter: quarter * ppq)
    )
    meter = st.tuples(
        st.one_of(st.integers(1, 12), st.integers(1, 255)),
        st.sampled_from((4, 8, 2, 1, 16, 32, 64)),
    )
    onsets = (range(0, 40 * ppq, ppq), range(40 * ppq))
    lengths = (range(1, ppq + 2), range(1, 90 * ppq))
    kinds = [(on, length, PITCHES, range(1, 128)) for on in onsets for length in lengths]
    sizes = [prod(map(len, kind)) for kind in kinds]
    note = st.integers(0, len(kinds) * max(sizes) - 1).map(
        lambda number: _mixed(number // len(kinds), kinds[number % len(kinds)])
    )
    notes = st.lists(note, min_size=1, max_size=8)
    pedals = st.lists(st.tuples(tick, tick), max_size=3).map(presses)
    part = st.tuples(st.integers(0, 127), st.booleans(), WORDS, notes.map(note_array), pedals)
    parts = draw(st.lists(part, min_size=1, max_size=max_tracks))
    microseconds = st.one_of(st.integers(200_000, 1_500_000), st.integers(1, 2**24 - 1))
    return Score(
        ticks_per_quarter=ppq,
        tracks=tuple(Track(*columns) for columns in parts),
        tempos=_changes(draw(st.lists(st.tuples(tick, microseconds), max_size=4)), Tempo),
        meters=_changes(
            [(at, *m) for at, m in draw(st.lists(st.tuples(tick, meter), max_size=4))], Meter
        ),
        keys=_changes(
            draw(
                st.lists(
                    st.tuples(tick, st.integers(0, 11), st.sampled_from(("major", "minor"))),
                    max_size=2,
                )
            ),
            Key,
        ),
        markers=_changes(draw(st.lists(st.tuples(tick, WORDS), max_size=2)), Marker),
        end=draw(tick),
    )


def _changes(rows: list[Any], kind: Callable[..., Any]) -> tuple[Any, ...]:
    """Rows in order of time, one at a tick."""
    return tuple(kind(*next(same)) for _, same in groupby(sorted(rows), key=lambda row: row[0]))


@st.composite
def written_scores(draw: st.DrawFn) -> Score:
    """A score as a MIDI file holds it: what is written and read again is the same.

    480 ticks a quarter; a tempo, a meter, a key and a marker at 0, none that repeats what holds;
    names without a second of their kind; no overlaps, nothing shorter than a 48th; pedals that are
    up before they are pressed again; the end on a bar line.
    """
    ppq = 480
    bars = draw(st.integers(1, 6))
    numerator, denominator = draw(st.sampled_from(((4, 4), (3, 4), (6, 8), (5, 4), (2, 2))))
    bar = numerator * 4 * ppq // denominator
    end = bars * bar
    names = draw(st.lists(st.text("abcÖß♯ト", min_size=1, max_size=5), unique=True, max_size=15))
    tracks = []
    for place, name in enumerate(names or ["a"]):
        row = st.tuples(
            st.integers(0, end - ppq // 48),
            st.integers(ppq // 48, end),
            st.sampled_from(PITCHES),
            st.integers(1, 127),
        )
        rows = draw(st.lists(row, min_size=1, max_size=4, unique_by=lambda row: row[2]))
        notes = note_array([(on, min(long, end - on), p, v) for on, long, p, v in rows])
        ticks = sorted(draw(st.lists(st.integers(0, end), unique=True, max_size=6)))
        pedals = tuple(Pedal(*pair) for pair in zip(ticks[::2], ticks[1::2], strict=False))
        tracks.append(Track(draw(st.integers(0, 127)), place == 3, name, notes, pedals))
    tempos = [(0, draw(st.integers(1, 2**24 - 1).filter(not_cut_off)))]
    if bars > 1:
        tempos.append((bar + 1, tempos[0][1] % 999 + 1000))
    return Score(
        ppq,
        tuple(tracks),
        tuple(Tempo(*row) for row in tempos if row[0] == 0 or row[1] != tempos[0][1]),
        (Meter(0, numerator, denominator),),
        (Key(0, draw(st.integers(0, 11)), draw(st.sampled_from(("major", "minor")))),),
        draw(
            st.sampled_from(((Marker(0, "Start"),), (Marker(0, "Verse"), Marker(bar, "Refrän ♯"))))
        ),
        end=end,
    )


def not_cut_off(microseconds: int) -> bool:
    """Whether a tempo is none that a program cut off to whole microseconds, as 618,556 for 97."""
    exact = 60_000_000 / max(1, round(60_000_000 / microseconds))
    return not (microseconds < exact and round(exact) == microseconds + 1)
