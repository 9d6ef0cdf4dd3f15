"""Whether rows can hold a Score and its plan: what does not fit is refused, with words.

In: a Score, its bar lines, Controls. Out: nothing, or a MusegenError. Written for speed, a few
operations on all notes at once; `music.ongrid` says the same of a Score note by note.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musegen.errors import MusegenError, WishError
from musegen.music.ongrid import is_on_grid
from musegen.music.score import Score, Tempo
from musegen.tokens import scales
from musegen.tokens.controls import LIKENESS, Controls
from musegen.tokens.machine import KERNELS

DURATION_INDEX = np.full(scales.MAX_DURATION + 1, -1, dtype=np.int16)
DURATION_INDEX[list(scales.DURATION)] = np.arange(len(scales.DURATION))
"""Number of the duration field for a length in steps; -1 where there is none."""

_METERS, _KITS = frozenset(scales.METERS), frozenset(scales.DRUM_KITS)

NOT_FROM_0 = "meters and tempi do not begin at tick 0 and ascend"


def check_score(score: Score, lines: NDArray[np.int64]) -> None:
    """Rows can hold the Score exactly; else a MusegenError says what is in the way."""
    if is_on_grid.known(score):  # such as what was just quantised
        return
    reason = _off_bars(score, lines) or _off_tracks(score) or _off_notes(score)
    if reason:
        raise MusegenError(f"the score is not on the grid ({reason}): quantise it first")


def _off_bars(score: Score, lines: NDArray[np.int64]) -> str:
    if score.ticks_per_quarter != scales.STEPS_PER_QUARTER:
        return f"{score.ticks_per_quarter} ticks to a quarter, not {scales.STEPS_PER_QUARTER}"
    if score.keys or score.markers or any(track.name for track in score.tracks):
        return "rows hold no keys, markers or track names"
    if lines[-1] != score.end:
        return f"its end {score.end} is not a bar line"
    for meter in score.meters:
        if meter[1:] not in _METERS:
            return f"no row can hold a meter of {meter.numerator}/{meter.denominator}"
    for tempo in score.tempos:
        if not _is_whole(tempo.microseconds):
            return f"a tempo of {tempo.bpm:.6g}"
    if len(score.meters) == len(score.tempos) == 1 and score.meters[0].tick == 0:
        return "" if score.tempos[0].tick == 0 else NOT_FROM_0
    starts = set(lines[:-1].tolist())
    for changes in (score.meters, score.tempos):
        ticks = [change.tick for change in changes]
        if not ticks or ticks[0] != 0 or any(a >= b for a, b in pairwise(ticks)):
            return NOT_FROM_0
        if any(a[1:] == b[1:] for a, b in pairwise(changes)):
            return "a meter or tempo repeats the one that holds"
        if not starts.issuperset(ticks):
            return "a meter or tempo changes inside a bar or at the end"
    whole = all(
        (b.tick - a.tick) % scales.bar_steps(*a[1:]) == 0 for a, b in pairwise(score.meters)
    )
    return "" if whole else "a meter changes inside a bar"


@lru_cache(maxsize=512)
def _is_whole(microseconds: int) -> bool:
    """Whether a tempo is a whole number of beats per minute that rows can hold."""
    tempo = Tempo(0, microseconds)
    bpm = round(tempo.bpm)
    return scales.TEMPO_BPM.snap(bpm) == bpm and tempo == Tempo.from_bpm(0, bpm)


def _off_tracks(score: Score) -> str:
    places = [(track.is_drum, track.program) for track in score.tracks]
    kits = [program for is_drum, program in places if is_drum]
    if not places or not all(len(track.notes) for track in score.tracks):
        return "it has no tracks, or empty ones"
    if len(kits) > 1 or len(places) - len(kits) > scales.MAX_TRACKS - 1:
        return f"{len(kits)} drum tracks and {len(places) - len(kits)} others"
    if not _KITS.issuperset(kits) or not all(0 <= p <= 127 for _, p in places):
        return "a program or drum kit that does not exist"
    return "" if places == sorted(places) else "its tracks are not in order of program, drums last"


def _off_notes(score: Score) -> str:
    notes, lengths = score.parts[:2]
    if KERNELS.loaded is not None and KERNELS.loaded.fits(notes, lengths, DURATION_INDEX):
        return ""
    onset, duration, pitch, velocity = notes.T.astype(np.int64, order="C")
    if onset.min() < 0 or int(pitch.view(np.uint64).max()) > 127:
        return "a note begins before 0, or its pitch is not in 0 to 127"
    # Of 0 to 127 those that are 2 more than a multiple of 4; any other has a bit that is not so.
    if (velocity & ~124 != 2).any():
        return "a velocity that the grid has not"
    lengths_known = DURATION_INDEX.take(duration, mode="clip")
    if lengths_known.min() < 0 or duration.max() > scales.MAX_DURATION:
        return "a note length that the grid has not"
    # Strings (a pitch of a track) lie further apart than a note is long: one subtraction tells.
    span = int(onset.max()) + scales.MAX_DURATION + 1
    start = np.repeat(np.arange(len(lengths), dtype=np.int64) * span, lengths)
    start += onset
    in_order = start << 7 | pitch
    if (in_order[1:] <= in_order[:-1]).any():
        return "notes are not in order of onset and pitch, or double each other"
    start += pitch * (span * len(lengths))
    packed = start << 11 | duration
    packed.sort()
    start = packed >> 11
    if (start[1:] - start[:-1] < packed[:-1] & 2**11 - 1).any():
        return "notes of one pitch overlap"
    return ""


def check_plan(controls: Controls, score: Score, lines: NDArray[np.int64]) -> None:
    """Rows can hold the plan beside this Score; else a MusegenError says what is in the way."""
    bars = len(lines) - 1
    if controls.tracks and [(t.program, t.is_drum) for t in controls.tracks] != [
        (t.program, t.is_drum) for t in score.tracks
    ]:
        raise MusegenError("the controls' tracks are not the score's tracks")
    if controls.plan and len(controls.plan) != bars:
        raise MusegenError(f"the plan has {len(controls.plan)} bars, the score {bars}")
    for number, plan in enumerate(controls.plan):
        if plan.back is not None and not 0 <= plan.back <= number:
            raise WishError(f"bar {number} cannot repeat the bar {plan.back} bars before it")
        if plan.likeness not in (None, *LIKENESS):
            raise WishError(f"bar {number}: likeness {plan.likeness!r} is none of {LIKENESS}")
    _check_sections(controls, bars)
    _check_chords(controls, lines)


def _check_sections(controls: Controls, bars: int) -> None:
    expected = 0
    for section in controls.sections:
        if section.bar != expected or section.bars < 1:
            raise WishError(
                f"a section begins at bar {section.bar}, but the ones before it end at bar "
                f"{expected}: sections follow each other from bar 0 without gaps"
            )
        if section.letter and section.letter not in scales.LETTERS:
            raise WishError(f"section letter {section.letter!r} is none of {scales.LETTERS}")
        expected += section.bars
    if controls.sections and expected != bars:
        raise WishError(f"the sections last {expected} bars, the score {bars}")


def _check_chords(controls: Controls, lines: NDArray[np.int64]) -> None:
    if not controls.chords:
        return
    lengths = np.diff(lines).tolist()
    before = (-1, 0)
    for chord in controls.chords:
        bar, onset = place = (chord.bar, chord.onset)
        if not 0 <= bar < len(lengths) or not 0 <= onset < lengths[bar] or place <= before:
            raise WishError(
                f"a chord at step {onset} of bar {bar} is outside of the piece, or not after the "
                "one before it"
            )
        before = place
