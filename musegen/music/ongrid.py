"""What it means for a Score to be on the grid, and in which order its tracks then stand.

Scores go in, and what is wrong with them comes out in words. Changes nothing; knows no file, no
token. `transform.quantise` makes any Score so.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from musegen.music import timing
from musegen.music.remembering import remembered
from musegen.music.score import (
    DURATION,
    ONSET,
    PITCH,
    VELOCITY,
    NoteArray,
    Score,
    Tempo,
    Track,
    note_array,
)
from musegen.music.timing import GRID

_LENGTHS = np.array(GRID.durations)
_VELOCITIES = np.array(GRID.velocities)


@remembered
def is_on_grid(score: Score) -> bool:
    """Whether rows can hold the score exactly."""
    return next(off_grid(score), None) is None


def track_order(track: Track) -> tuple[bool, int, float, bytes]:
    """The key that tracks on the grid are sorted by: drums last, then program, high before low."""
    mean_pitch = float(track.notes[:, PITCH].sum()) / max(1, len(track))
    return (track.is_drum, track.program, -mean_pitch, track.notes.tobytes())


def off_grid(score: Score) -> Iterator[str]:
    """All that keeps a score from the grid, in words; nothing where it is on it."""
    if score.ticks_per_quarter != GRID.steps_per_quarter:
        yield (
            f"a quarter note has {score.ticks_per_quarter} ticks; the grid has "
            f"{GRID.steps_per_quarter}"
        )
        return
    if score.keys or score.markers or any(track.name for track in score.tracks):
        yield "it has keys, markers or track names"
    if any(track.pedals for track in score.tracks):
        yield "it has a pedal"
    yield from _off_bars(score)
    yield from _off_tracks(score)
    for place, track in enumerate(score.tracks):
        for reason in _off_notes(track.notes):
            yield f"track {place}: {reason}"


def _off_bars(score: Score) -> Iterator[str]:
    wrong = [f"{n}/{d}" for _, n, d in score.meters if (n, d) not in GRID.meter_set]
    if wrong:
        yield f"its meters {', '.join(wrong)} are not among those of the grid"
        return
    for what, changes in (("meter", score.meters), ("tempo", score.tempos)):
        ticks = [change.tick for change in changes]
        if not ticks or ticks[0] != 0 or ticks != sorted(set(ticks)):
            yield f"its {what} changes do not begin at tick 0 and ascend"
            return
        if any(a[1:] == b[1:] for a, b in pairwise(changes)):
            yield f"its {what} changes repeat what holds"
    lines = timing.bar_lines(score)
    if lines[-1] != score.end:
        yield f"its end {score.end} is not a bar line"
    steps = 4 * GRID.steps_per_quarter * np.divide(*timing.bar_meters(score))
    if not np.array_equal(np.diff(lines), steps):
        yield "a meter changes inside a bar"
    for tempo in score.tempos:
        whole = round(tempo.bpm)
        low, high = GRID.tempo_bpm
        if not low <= whole <= high or tempo != Tempo.from_bpm(tempo.tick, whole):
            yield f"its tempo of {tempo.bpm:.6g} bpm is not a whole number from {low} to {high}"
    if not np.isin([tempo.tick for tempo in score.tempos], lines[:-1]).all():
        yield "a tempo changes inside a bar, or at the end"
    if score.meters[-1].tick >= score.end:
        yield "a meter changes at the end"


def _off_tracks(score: Score) -> Iterator[str]:
    drums = [track for track in score.tracks if track.is_drum]
    melodic = len(score.tracks) - len(drums)
    if not score.tracks or not all(len(track) for track in score.tracks):
        yield "it has no tracks, or empty ones"
    if len(drums) > 1 or melodic > GRID.max_tracks - 1:
        yield f"it has {len(drums)} drum tracks and {melodic} others; allowed are 1 and 15"
    if any(track.program not in GRID.kits for track in drums):
        yield "its drum track has no kit of the grid"
    if any(not 0 <= track.program <= 127 for track in score.tracks):
        yield "a program is not in 0 to 127"
    if list(score.tracks) != sorted(score.tracks, key=track_order):
        yield "its tracks are not in the grid's order"


def _off_notes(notes: NoteArray) -> Iterator[str]:
    if not np.array_equal(notes, note_array(notes)):
        yield "its notes are not in order"
    if not np.isin(notes[:, DURATION], _LENGTHS).all():
        yield "a note has a length that the grid has not"
    if not np.isin(notes[:, VELOCITY], _VELOCITIES).all():
        yield "a note has a velocity that the grid has not"
    if (notes[:, ONSET] < 0).any() or (notes[:, PITCH] < 0).any() or (notes[:, PITCH] > 127).any():
        yield "a note begins before 0, or its pitch is not in 0 to 127"
    order = np.lexsort((notes[:, ONSET], notes[:, PITCH]))
    onset, pitch = notes[order, ONSET], notes[order, PITCH]
    release = onset + notes[order, DURATION]
    if ((pitch[1:] == pitch[:-1]) & (onset[1:] < release[:-1])).any():
        yield "two notes of one pitch overlap"
