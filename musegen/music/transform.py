"""A Score becomes another Score: on the grid, transposed, trimmed, its tracks merged.

`quantise` brings any Score to the grid of `timing.GRID` and reports everything that it moved,
merged or left out; `ongrid` says what the grid is. Knows no file, no token.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np

from musegen.errors import MidiError, WishError
from musegen.music import timing
from musegen.music.folding import fold
from musegen.music.machine import KERNELS
from musegen.music.ongrid import is_on_grid, track_order
from musegen.music.score import (
    DURATION,
    ONSET,
    PITCH,
    Key,
    Meter,
    Parts,
    Score,
    Tempo,
    note_array,
    presses,
)
from musegen.music.settling import Snapped, snap
from musegen.music.snapping import FLOOR_LENGTH, LONGEST, GridTime, grid_time, without_overlaps
from musegen.music.timing import GRID, Ints

Change = TypeVar("Change", Meter, Tempo, Key)

SLOWEST, FASTEST = GRID.tempo_bpm
_WHOLE = {bpm: Tempo.from_bpm(0, bpm).microseconds for bpm in range(SLOWEST, FASTEST + 1)}
"""Microseconds a quarter note of every whole tempo."""


class Quantised(NamedTuple):
    """What bringing a piece to the grid changed, in numbers.

    shift: how far onsets moved, in milliseconds and in steps. lengths_raised: shorter than a step;
    lengths_snapped: between two lengths of the grid; lengths_cut: past its longest.
    tempo_error_max_bpm: a bar's mean tempo against the whole tempo that it now has.
    """

    notes_in: int = 0
    notes_out: int = 0
    tracks_in: int = 0
    tracks_out: int = 0
    shift_mean_ms: float = 0.0
    shift_max_ms: float = 0.0
    shift_mean_steps: float = 0.0
    shift_max_steps: float = 0.0
    notes_merged: int = 0
    overlaps_cut: int = 0
    lengths_raised: int = 0
    lengths_snapped: int = 0
    lengths_cut: int = 0
    velocities_rounded: int = 0
    empty_tracks_left_out: int = 0
    drum_tracks_merged: int = 0
    tracks_merged: int = 0
    tracks_merged_across_programs: int = 0
    kits_replaced: int = 0
    meters_replaced: int = 0
    meters_moved: int = 0
    bars_cut_short: int = 0
    tempos_averaged: int = 0
    tempo_error_max_bpm: float = 0.0
    bars_trimmed: int = 0
    pedals_left_out: int = 0
    names_left_out: int = 0
    keys_left_out: int = 0
    markers_left_out: int = 0

    @property
    def changes(self) -> dict[str, int | float]:
        """What is not as it was, by name: nothing for a piece that was on the grid."""
        counts = ("notes_in", "notes_out", "tracks_in", "tracks_out")
        found = self._asdict().items()
        return {name: number for name, number in found if number and name not in counts}


def quantise(score: Score, *, keep_silence: bool = False) -> tuple[Score, Quantised]:
    """The same music on the grid, and the report of what that changed.

    Onsets and releases go to the nearest step, tempi to one whole number a bar: the bar's mean, so
    that a ritardando stays. Whole empty bars before the first note and after the last are left out,
    unless `keep_silence`, which keeps bar numbers as they are. Rows have no pedal: it is left out,
    and notes stay as long as their keys were held.
    """
    parts = score.parts.sounding()
    if not len(parts.notes):
        raise MidiError("the score", "holds no notes")
    time = grid_time(score)
    folding = fold(parts)
    places = [(drum, nearest_kit(sound) if drum else sound) for drum, sound in parts.sounds]
    homes = sorted(set(folding.into), key=places.__getitem__)
    snapped = snap(score, parts, [homes.index(home) for home in folding.into], time)

    lines = _lines(time, score, snapped.last, keep_silence)
    first = 0
    if not keep_silence and snapped.first >= lines[1]:
        first = int(lines.searchsorted(snapped.first, "right")) - 1
        lines = lines[first:]
    start = int(lines[0])
    end = int(lines[-1]) - start
    tempos, averaged, error_bpm = _tempos(score, time, lines)
    sounds = [places[home] for home in homes]
    made = _in_order(snapped, sounds, start)
    meters = _held_from(time.meters, start, end)
    result = Score.of_parts(GRID.steps_per_quarter, made, tempos, meters, end)
    is_on_grid.tell(result, True)
    if not start:
        timing.bar_lines.tell(result, lines)

    report = Quantised(
        notes_in=score.note_count,
        notes_out=len(snapped.rows),
        tracks_in=len(score.parts.lengths),
        tracks_out=len(homes),
        shift_mean_ms=1000 * snapped.mean_s,
        shift_max_ms=1000 * snapped.farthest_s,
        shift_mean_steps=snapped.mean,
        shift_max_steps=snapped.farthest,
        notes_merged=snapped.merged,
        overlaps_cut=snapped.overlaps_cut,
        lengths_raised=snapped.lengths_raised,
        lengths_snapped=snapped.lengths_snapped,
        lengths_cut=snapped.lengths_cut,
        velocities_rounded=snapped.velocities_rounded,
        empty_tracks_left_out=len(score.parts.lengths) - len(parts.lengths),
        drum_tracks_merged=folding.drums_merged,
        tracks_merged=folding.same_program_merged,
        tracks_merged_across_programs=folding.other_program_merged,
        kits_replaced=sum([parts.sounds[home] != places[home] for home in homes]),
        meters_replaced=time.replaced,
        meters_moved=time.moved,
        bars_cut_short=time.cut_short,
        tempos_averaged=averaged,
        tempo_error_max_bpm=error_bpm,
        bars_trimmed=first,
        pedals_left_out=len(score.parts.presses),
        names_left_out=sum(map(bool, score.parts.names)),
        keys_left_out=len(score.keys),
        markers_left_out=len(score.markers),
    )
    return result, report


def _lines(time: GridTime, score: Score, end: int, keep_silence: bool) -> Ints:
    """The grid's bar lines, from 0 to the first at or after the `end` of the notes."""
    if keep_silence:
        steps, _ = time.to_steps(np.array([score.end], dtype=np.int64))
        end = max(end, int(steps[0]))
    return timing.lines_of(time.meters, GRID.steps_per_quarter, end)


def _tempos(score: Score, time: GridTime, lines: Ints) -> tuple[tuple[Tempo, ...], int, float]:
    """Whole tempi at bar lines, how many changes came inside a bar, the largest error in bpm."""
    changes = timing.tempos_in_order(score)
    if len(changes) == 1:
        tempo, error_bpm = _whole_tempo(changes[0].microseconds)
        return (tempo,), 0, error_bpm
    kernels = KERNELS.loaded
    if kernels is None:
        rows, inside, worst_bpm = _whole_tempos(score, time, lines)
    else:
        rows, inside, worst_bpm = kernels.whole_tempos(
            lines, *timing.paces(score.tempos, score.ticks_per_quarter),
            time.ticks_per_quarter, time.ticks, time.steps, SLOWEST, FASTEST,
        )  # fmt: skip
    tempos = tuple([Tempo(line, _WHOLE[bpm]) for line, bpm in rows.tolist()])
    return tempos, inside, round(worst_bpm, 6)


def _whole_tempos(score: Score, time: GridTime, lines: Ints) -> tuple[Ints, int, float]:
    """What machine code says in `kernel_tempos`, in numpy."""
    changes = timing.tempos_in_order(score)
    places = time.to_ticks(lines)
    bpms = np.diff(lines) / GRID.steps_per_quarter * 60
    bpms /= np.diff(timing.seconds_at(score, places))
    whole = np.clip(np.rint(bpms), SLOWEST, FASTEST).astype(np.int64)
    starts = np.flatnonzero(np.append(True, whole[1:] != whole[:-1]))
    written = 60e6 / np.rint(60e6 / whole)
    inside = {t.tick for t in changes if places[0] < t.tick < places[-1]}
    averaged = len(inside.difference(np.rint(places).astype(int).tolist()))
    rows = np.stack([lines[starts] - lines[0], whole[starts]], axis=1)
    return rows, averaged, float(np.abs(bpms - written).max())


@lru_cache(maxsize=512)
def _whole_tempo(microseconds: int) -> tuple[Tempo, float]:
    """The whole tempo nearest to one that holds from the beginning, and the error in bpm."""
    bpm = Tempo(0, microseconds).bpm if microseconds > 0 else float(FASTEST)
    tempo = Tempo(0, _WHOLE[min(max(round(bpm), SLOWEST), FASTEST)])
    return tempo, round(abs(bpm - tempo.bpm), 6)


def _held_from(changes: Sequence[Change], start: int, length: int) -> tuple[Change, ...]:
    """The changes that hold from `start` on, for `length` ticks, counted from there."""
    if len(changes) == 1 and changes[0].tick == 0 and length > 0:
        return tuple(changes)
    held: dict[int, Change] = {}
    for change in changes:
        tick = max(0, change.tick - start)
        if tick < length:
            held[tick] = change._replace(tick=tick)
    return tuple(held.values())


@lru_cache(maxsize=128)
def nearest_kit(program: int) -> int:
    """The kit of the grid that stands for a drum track's program.

    Makers number variations after their kit (9 is another room kit), so it is the nearest kit
    below, and the standard kit for what lies past the last family.
    """
    return max(kit for kit in GRID.kits if kit <= program) if program < 64 else 0


def _in_order(snapped: Snapped, sounds: Sequence[tuple[bool, int]], start: int) -> Parts:
    """The notes from step `start` on as parts of these ascending sounds, in the grid's order of
    tracks.
    """
    rows = snapped.rows
    if start:
        rows[:, ONSET] -= start
    rows.setflags(write=False)
    ends = [end - start for end, _ in snapped.about]
    count = len(sounds)
    made = Parts(rows, snapped.lengths, sounds, ends, ("",) * count)
    if len(set(sounds)) == count:  # in order already
        return made
    columns = zip(sounds, snapped.about, snapped.lengths.tolist(), strict=True)
    order = [(*sound, -pitches / length) for sound, (_, pitches), length in columns]
    if all(one < other for one, other in pairwise(order)):
        return made
    ways = sorted(range(count), key=order.__getitem__)
    if len(set(order)) < count:  # alike but for their notes
        return Parts.of(sorted(made.tracks(), key=track_order))
    return made.rearranged(ways)


def transpose(score: Score, semitones: int) -> Score:
    """The same music `semitones` higher, drums apart: keys move along, nothing is left out."""
    melodic = [track.notes[:, PITCH] for track in score.tracks if not track.is_drum and len(track)]
    if melodic:
        lowest = min(int(pitch.min()) for pitch in melodic)
        highest = max(int(pitch.max()) for pitch in melodic)
        if lowest + semitones < 0 or highest + semitones > 127:
            raise WishError(
                f"the piece cannot be transposed by {semitones:+d} semitones: its pitches "
                f"{lowest} to {highest} allow {-lowest:+d} to {127 - highest:+d}"
            )
    move = np.array([0, 0, semitones, 0], dtype=np.int32)
    return replace(
        score,
        tracks=tuple(
            track if track.is_drum else replace(track, notes=note_array(track.notes + move))
            for track in score.tracks
        ),
        keys=tuple(key._replace(tonic=(key.tonic + semitones) % 12) for key in score.keys),
    )


def trim(score: Score, first_bar: int, end_bar: int) -> Score:
    """Bars `first_bar` up to, not including, `end_bar`, counted from 0, as a piece of their own.

    Notes that begin in them stay, cut at the last line, and so does the pedal; the tempo, meter and
    key that hold at the first line hold from the beginning. A piece on the grid stays on it.
    """
    lines = timing.bar_lines(score)
    bars = len(lines) - 1
    if not 0 <= first_bar < end_bar <= bars:
        raise WishError(f"bars {first_bar + 1} to {end_bar} cannot be taken: it has 1 to {bars}")
    start, stop = int(lines[first_bar]), int(lines[end_bar])
    tracks = []
    for track in score.tracks:
        inside = (track.notes[:, ONSET] >= start) & (track.notes[:, ONSET] < stop)
        notes = track.notes[inside] - np.array([start, 0, 0, 0], dtype=np.int32)
        room = stop - start - notes[:, ONSET].astype(np.int64)
        past = notes[:, DURATION] > room
        if score.ticks_per_quarter == GRID.steps_per_quarter:
            room = FLOOR_LENGTH[np.minimum(room, LONGEST)]
        notes[past, DURATION] = room[past]
        if len(notes):
            pedals = presses((max(d, start) - start, u - start) for d, u in track.pedals)
            pedals = presses(pedals, stop - start)
            tracks.append(replace(track, notes=note_array(notes), pedals=pedals))
    length = stop - start
    inside_markers = [marker for marker in score.markers if start <= marker.tick < stop]
    markers = tuple(marker._replace(tick=marker.tick - start) for marker in inside_markers)
    if is_on_grid(score):
        tracks.sort(key=track_order)
    return replace(
        score,
        tracks=tuple(tracks),
        tempos=_held_from(timing.tempos_in_order(score), start, length),
        meters=_held_from(timing.meters_in_order(score), start, length),
        keys=_held_from(score.keys, start, length),
        markers=markers,
        end=length,
    )


def merge_tracks(score: Score, places: Collection[int]) -> Score:
    """The score with the tracks at `places` made one, under the instrument of the first of them.

    A note still sounding when its pitch is struck again ends there; notes that begin together on
    one pitch become one. The pedal is down where any of theirs was. A piece on the grid stays on
    it.
    """
    wrong = [place for place in places if not 0 <= place < len(score.tracks)]
    if wrong or not places:
        raise WishError(
            f"tracks {list(places)} cannot be merged: it has 0 to {len(score.tracks) - 1}"
        )
    first = min(places)
    if len({score.tracks[place].is_drum for place in places}) > 1:
        raise WishError(f"tracks {sorted(places)} cannot be merged: some are drums, some are not")
    notes = np.concatenate([score.tracks[place].notes for place in places])
    pedals = presses(press for place in places for press in score.tracks[place].pedals)
    whole = replace(score.tracks[first], notes=without_overlaps(notes), pedals=pedals)
    merged = score.with_tracks(
        whole if place == first else track
        for place, track in enumerate(score.tracks)
        if place == first or place not in places
    )
    return quantise(merged, keep_silence=True)[0] if is_on_grid(score) else merged
