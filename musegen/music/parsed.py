"""What symusic parsed becomes a Score: sorted notes, sane changes, and what had to be put right.

In: symusic's score and the bodies of the tracks. Out: a Score within limits, or a MidiError. Knows
symusic's arrays, not symusic.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musegen.errors import MidiError
from musegen.music import timing
from musegen.music.pedals import SUSTAIN, pedals_of
from musegen.music.score import (
    DURATION,
    ONSET,
    PITCH,
    VELOCITY,
    Key,
    Marker,
    Meter,
    NoteArray,
    Repair,
    Score,
    Tempo,
    Track,
    note_array,
    presses,
)
from musegen.music.source import Limits
from musegen.music.texts import Charsets, conductor

GAP = 2**26
"""Ticks from the end of a track to the releases that are put behind it: what lasts so long was
never released."""

QUARTERS_AN_HOUR = 25_000
MAX_TICK = 2**31 - 1
MAX_DENOMINATOR = 64
MAX_SILENCE_QUARTERS = 256
"""A file's own end counts as the end of the piece where it follows the last note this soon."""

MAX_HELD_QUARTERS = 4
LONG_QUARTERS = 64

NEVER_RELEASED = "notes that are never released were given an end"
BAD_TEMPO = "tempi that cannot be were left out"
BAD_METER = "meters that cannot be were left out"
BAD_KEY = "keys that do not exist were left out"
SHORTENED = "silences and notes of more than 64 beats were shortened"


@dataclass(frozen=True)
class Parsed:
    """symusic's score, and of each part that has notes their columns as arrays."""

    score: Any
    parts: tuple[tuple[Any, dict[str, Any]], ...]

    @classmethod
    def of(cls, score: Any) -> "Parsed":
        """The parts of a score that have notes."""
        parts = ((part, part.notes.numpy()) for part in score.tracks if len(part.notes))
        return cls(score, tuple(parts))

    @property
    def held(self) -> bytes:
        """The pitches of notes that are never released."""
        found: set[int] = set()
        for _, arrays in self.parts:
            if arrays["duration"].max() >= GAP:
                found.update(arrays["pitch"][arrays["duration"] >= GAP].tolist())
        return bytes(sorted(found))


def score_of(
    parsed: Parsed,
    bodies: Sequence[bytes],
    microseconds: int | None,
    repairs: Counter[str],
    path: str,
    limits: Limits,
) -> Score:
    """The Score; `repairs` and what is put right here is said in it.

    `microseconds` is the tempo where the file cannot know one. Raises MidiError for a piece that
    lasts too long, however much its silences are shortened.
    """
    repairs, name = Counter(repairs), Charsets(bodies)
    told, per_quarter, tracks = parsed.score, int(parsed.score.tpq), []
    for part, arrays in parsed.parts:
        notes = _notes(arrays, per_quarter, repairs, path)
        tracks.append(Track(part.program & 127, part.is_drum, name(part.name), notes))
    tempos = tempos_of(_rows(told.tempos, "time", "mspq"), repairs)
    score = Score(
        ticks_per_quarter=per_quarter,
        tracks=tuple(tracks),
        tempos=tempos if microseconds is None else (Tempo(0, microseconds),),
        meters=meters_of(_rows(told.time_signatures, "time", "numerator", "denominator"), repairs),
        keys=keys_of(_rows(told.key_signatures, "time", "key", "tonality"), repairs),
        markers=tuple(
            Marker(marker.time, text)
            for marker in told.markers
            if marker.time >= 0 and (text := name(marker.text))
        ),
    )
    told_end = conductor(bodies[0])[1] if bodies else 0
    if score.end < told_end <= score.end + MAX_SILENCE_QUARTERS * per_quarter:
        score = replace(score, end=told_end)
    if any(len(part.controls) for part, _ in parsed.parts):
        reach = max(score.end, told_end)
        score = _with_pedals(score, [part.controls for part, _ in parsed.parts], reach)
    trouble = too_long(score, limits)
    if trouble:
        score = _shortened(score)
        repairs[SHORTENED] += 1
        if too_long(score, limits):
            raise MidiError(path, trouble)
    if not repairs.total():
        return score
    return replace(score, repairs=tuple(Repair(what, n) for what, n in repairs.items() if n))


def too_long(score: Score, limits: Limits) -> str:
    """Why the piece is longer than allowed; "" where it is not."""
    quarters = score.end / score.ticks_per_quarter
    slowest = max([tempo.microseconds for tempo in score.tempos])
    most = QUARTERS_AN_HOUR * limits.hours
    if quarters <= most and quarters * slowest <= 3600e6 * limits.hours:  # it cannot be
        return ""
    hours = timing.length_s(score) / 3600
    if hours > limits.hours:
        return f"lasts {hours:,.1f} hours; at most {limits.hours:g} are read"
    if quarters > most:
        return f"is {quarters:,.0f} quarter notes long; at most {most:,.0f} are read"
    return ""


def _shortened(score: Score) -> Score:
    """The piece with no wait between two onsets, and no note, of more than `LONG_QUARTERS`."""
    most = LONG_QUARTERS * score.ticks_per_quarter
    onsets = np.unique(np.concatenate([[0], *(track.notes[:, ONSET] for track in score.tracks)]))
    onsets = onsets.astype(np.int64)
    nearer = np.append(0, np.cumsum(np.minimum(np.diff(onsets), most)))

    def moved(tick: int) -> int:
        return int(np.interp(tick, onsets, nearer)) + min(max(0, tick - int(onsets[-1])), most)

    tracks = []
    for track in score.tracks:
        notes = track.notes.copy()
        notes[:, ONSET] = nearer[np.searchsorted(onsets, notes[:, ONSET])]
        notes[:, DURATION] = np.minimum(notes[:, DURATION], most)
        pedals = presses((moved(down), moved(up)) for down, up in track.pedals)
        tracks.append(replace(track, notes=note_array(notes), pedals=pedals))
    return replace(
        score,
        tracks=tuple(tracks),
        tempos=tuple(tempo._replace(tick=moved(tempo.tick)) for tempo in score.tempos),
        meters=tuple(meter._replace(tick=moved(meter.tick)) for meter in score.meters),
        keys=tuple(key._replace(tick=moved(key.tick)) for key in score.keys),
        markers=tuple(marker._replace(tick=moved(marker.tick)) for marker in score.markers),
        end=0,
    )


def _notes(
    arrays: dict[str, Any], ticks_per_quarter: int, repairs: Counter[str], path: str
) -> NoteArray:
    """Notes as `note_array` would give them, sorted by one packed key where that is enough."""
    notes = np.empty((len(arrays["time"]), 4), dtype=np.int32)
    for column, name in enumerate(("time", "duration", "pitch", "velocity")):
        notes[:, column] = arrays[name]
    np.maximum(notes[:, DURATION], 1, out=notes[:, DURATION])
    if notes[:, DURATION].max() >= GAP:
        _release(notes, ticks_per_quarter, repairs)
    onset = notes[:, ONSET].astype(np.int64)
    # A time past 2**31 ticks wraps round to a negative one.
    if onset.min() < 0 or (onset + notes[:, DURATION]).max() > MAX_TICK:
        raise MidiError(path, f"is longer than {MAX_TICK:,} ticks")
    np.minimum(notes[:, 2:], 127, out=notes[:, 2:])
    np.maximum(notes[:, VELOCITY], 1, out=notes[:, VELOCITY])
    key = onset << 7 | notes[:, PITCH]
    if (key[1:] > key[:-1]).all():
        notes.setflags(write=False)
        return notes
    order = np.argsort(key, kind="stable")
    if (np.diff(key[order]) == 0).any():
        return note_array(notes)
    notes = notes[order]
    notes.setflags(write=False)
    return notes


def _with_pedals(score: Score, controls: Sequence[Any], reach: int) -> Score:
    """The score with the pedals that the parts' controllers tell of, as far as `reach`; the end
    lets go of what nothing else does.

    symusic's own list of presses will not do: its first begins with the file, and one that is never
    let go is none.
    """
    tracks = []
    for track, changes in zip(score.tracks, controls, strict=True):
        if len(changes):
            arrays = changes.numpy()
            sustain = np.flatnonzero(arrays["number"] == SUSTAIN)
            if len(sustain):
                columns = (arrays[name][sustain].tolist() for name in ("time", "value"))
                told = zip(*columns, strict=True)
                track = replace(track, pedals=pedals_of(told, score.end, reach))
        tracks.append(track)
    return score.with_tracks(tracks)


def _release(notes: NoteArray, ticks_per_quarter: int, repairs: Counter[str]) -> None:
    """What is never released sounds until its pitch is struck again, at most a bar."""
    held = np.flatnonzero(notes[:, DURATION] >= GAP)
    key = notes[:, PITCH].astype(np.int64) << 32 | notes[:, ONSET]
    struck = np.unique(key)
    place = np.searchsorted(struck, key[held], side="right")
    again = np.append(struck, np.iinfo(np.int64).max)[place] - key[held]
    notes[held, DURATION] = np.minimum(again, MAX_HELD_QUARTERS * ticks_per_quarter)
    repairs[NEVER_RELEASED] += len(held)


def _rows(changes: Any, *names: str) -> list[tuple[int, ...]]:
    """A list of symusic's as rows of whole numbers."""
    arrays = changes.numpy()
    return list(zip(*(arrays[name].tolist() for name in names), strict=True))


def tempos_of(rows: Sequence[Sequence[int]], repairs: Counter[str]) -> tuple[Tempo, ...]:
    """Tempi from ticks and microseconds a quarter, by tick."""
    kept = tuple(
        Tempo(tick, us) for tick, us in rows if tick >= 0 and 0 < us <= timing.MAX_MICROSECONDS
    )
    if len(kept) < len(rows):
        repairs[BAD_TEMPO] += len(rows) - len(kept)
    return timing.ordered_tempos(kept)


def meters_of(rows: Sequence[Sequence[int]], repairs: Counter[str]) -> tuple[Meter, ...]:
    """Meters from ticks, numerators and denominators, by tick."""
    kept = tuple(
        Meter(tick, n, d)
        for tick, n, d in rows
        if tick >= 0 and n > 0 and 0 < d <= MAX_DENOMINATOR and d & (d - 1) == 0
    )
    if len(kept) < len(rows):
        repairs[BAD_METER] += len(rows) - len(kept)
    return timing.ordered_meters(kept)


def keys_of(rows: Sequence[Sequence[int]], repairs: Counter[str]) -> tuple[Key, ...]:
    """Keys from ticks, sharps (flats below 0), each of them a fifth higher, and 1 for minor.

    Careful files repeat the key in every track: of several at one tick the first counts.
    """
    first: dict[int, Key] = {}
    for tick, sharps, minor in rows:
        if tick >= 0 and -7 <= sharps <= 7 and minor in (0, 1):
            key = Key(tick, (7 * sharps + 9 * minor) % 12, "minor" if minor else "major")
            first.setdefault(tick, key)
        else:
            repairs[BAD_KEY] += 1
    return tuple(first[tick] for tick in sorted(first))
