"""Small pieces written out by hand, on the grid of 24 steps to a quarter note."""

from collections.abc import Iterable, Sequence

from musegen.music.score import Meter, Score, Tempo, Track, note_array

QUARTER = 24
BAR = 4 * QUARTER

Rows = Iterable[tuple[int, int, int, int]]


def piece(
    *tracks: Rows,
    drums: Rows | None = None,
    bars: int = 1,
    meter: tuple[int, int] = (4, 4),
    bpm: float = 120,
) -> Score:
    """A score of piano tracks of (onset, duration, pitch, velocity) that lasts `bars` bars."""
    played = [Track(0, notes=note_array(rows)) for rows in tracks]
    if drums is not None:
        played.append(Track(0, is_drum=True, notes=note_array(drums)))
    numerator, denominator = meter
    return Score(
        QUARTER,
        tuple(played),
        tempos=(Tempo.from_bpm(0, bpm),),
        meters=(Meter(0, numerator, denominator),),
        end=bars * BAR * numerator // denominator,
    )


def line(
    pitches: Sequence[int], *, start: int = 0, step: int = QUARTER, length: int = 0, loud: int = 78
) -> list[tuple[int, int, int, int]]:
    """Notes one after the other, `step` steps apart, each `length` long (as long as it can be)."""
    return [(start + i * step, length or step, pitch, loud) for i, pitch in enumerate(pitches)]


def chord(
    pitches: Iterable[int], *, start: int = 0, length: int = BAR, loud: int = 78
) -> list[tuple[int, int, int, int]]:
    """Notes that sound together."""
    return [(start, length, pitch, loud) for pitch in pitches]


def up(rows: Rows, semitones: int) -> list[tuple[int, int, int, int]]:
    """The same notes, transposed."""
    return [(onset, length, pitch + semitones, loud) for onset, length, pitch, loud in rows]


def later(rows: Rows, bars: int) -> list[tuple[int, int, int, int]]:
    """The same notes, some 4/4 bars later."""
    return [(onset + bars * BAR, length, pitch, loud) for onset, length, pitch, loud in rows]
