"""A Score becomes the Score that a file holds: what `write` then spells out in messages.

480 ticks a quarter, every track with notes and a name of its own, tempo, meter, key and marker at
the beginning, changes where a DAW looks for them, the end on a bar line. Knows no MIDI library.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from musegen.errors import OutputError
from musegen.music import timing
from musegen.music.instruments import printable, says_drums, track_names
from musegen.music.keys import find_key
from musegen.music.score import (
    DURATION,
    MICROSECONDS_PER_MINUTE,
    ONSET,
    PITCH,
    VELOCITY,
    Key,
    Marker,
    Meter,
    NoteArray,
    Pedal,
    Score,
    Tempo,
    Track,
    presses,
)
from musegen.music.snapping import without_overlaps
from musegen.music.timing import Ints

TICKS_PER_QUARTER = 480
"""What DAWs themselves export, and 20 ticks to a grid step."""

SHORTEST = TICKS_PER_QUARTER // 48
"""No note is written shorter, and no pitch struck again sooner: players skip what is."""

MAX_TICK = 2**28 - 1
"""The longest time that MIDI can put between two events."""

MAX_MELODIC = 15
"""MIDI has sixteen channels, and one of them is the drums'."""

DENOMINATORS = tuple(2**power for power in range(8))
MAX_NUMERATOR = 255

FASTEST_NAMED_BPM = 999
"""Up to here a tempo that misses a whole number of beats a minute by a cut-off microsecond is taken
for that number; the microseconds of faster ones are whole numbers of beats anyway."""

CONDUCTOR = "Conductor"
"""The name of the track of tempo, meter and markers; no other track may have it."""

OPENING = "Start"
"""The marker at the beginning of a piece that has none there."""


def exported(score: Score, *, stems: bool = False) -> Score:
    """The score as a file holds it; the same again for what this gave.

    Times are rounded to the nearest of 480 ticks a quarter, exact where the score's own ticks go
    into 480. Notes shorter than a 48th of a quarter get that length; a pitch struck again sooner is
    one note; notes of one pitch that overlap are cut. A pedal that is let go and pressed again at
    one tick is pressed a tick later; it is up at the end. Drum tracks become one, tracks without
    notes are left out. Without a key at the beginning the one found in the notes stands there.
    Markers move to the nearest bar line. Raises OutputError for what MIDI cannot hold, and without
    notes; more tracks than MIDI has channels are held by `stems` alone.
    """
    score = _one_drum_track(score)
    _check(score, MAX_MELODIC if not stems else len(score.tracks))
    tracks = [_named_by_what_it_is(track) for track in score.tracks]
    tracks = [replace(t, notes=_clean(t.notes, score.ticks_per_quarter)) for t in tracks]
    names = track_names(score.with_tracks(tracks), taken=(CONDUCTOR,))
    whole = Score(
        TICKS_PER_QUARTER,
        tuple(replace(t, name=name) for t, name in zip(tracks, names, strict=True)),
        _tempos(score),
        _meters(score),
        end=_tick(score.end, score),
    )
    last = _tick(max(ticks_of_changes(score), default=0), score)
    lines = timing.bar_lines(replace(whole, end=max(whole.end, last)))
    while lines[-1] != whole.end:  # a meter that changes past the end makes bars of its own
        whole = replace(whole, end=int(lines[-1]))
        lines = timing.bar_lines(whole)
    tracks = [replace(t, pedals=_pressed(t.pedals, score, whole.end)) for t in whole.tracks]
    return replace(whole, tracks=tuple(tracks), keys=_keys(score), markers=_on_lines(score, lines))


def _one_drum_track(score: Score) -> Score:
    """The score without empty tracks, its drum tracks made one: they share MIDI's drum channel."""
    tracks = [track for track in score.tracks if len(track)]
    drums = [track for track in tracks if track.is_drum]
    if len(drums) > 1:
        largest = max(drums, key=len)
        pedals = presses(press for track in drums for press in track.pedals)
        notes = np.concatenate([track.notes for track in drums])
        whole = replace(largest, notes=notes, pedals=pedals)
        tracks = [whole if track is largest else track for track in tracks]
        tracks = [track for track in tracks if not track.is_drum or track is whole]
    return score.with_tracks(tracks)


def _check(score: Score, max_melodic: int) -> None:
    """Refuses what MIDI has no place for, in words."""
    if not score.tracks:
        raise OutputError("the score holds no notes: there is nothing to write")
    melodic = sum(not track.is_drum for track in score.tracks)
    if melodic > max_melodic:
        raise OutputError(
            f"the score has {melodic} tracks beside the drums, and one file has channels for "
            f"{MAX_MELODIC}: write stems, one file for each track, or merge some "
            "(music.transform has merge_tracks; quantise does it by itself)"
        )
    if not 1 <= score.ticks_per_quarter < 2**15:
        raise OutputError(f"{score.ticks_per_quarter} ticks per quarter do not fit a MIDI file")
    last = max(score.end, *ticks_of_changes(score), 0)
    if last * TICKS_PER_QUARTER > MAX_TICK * score.ticks_per_quarter:
        quarters = MAX_TICK // TICKS_PER_QUARTER
        raise OutputError(
            f"the score lasts {last // score.ticks_per_quarter:,} quarter notes, and a MIDI file "
            f"holds {quarters:,} ({MAX_TICK:,} ticks)"
        )
    for track in score.tracks:
        low, high = track.notes.min(axis=0), track.notes.max(axis=0)
        fits = low[ONSET] >= 0 and low[PITCH] >= 0 and high[PITCH] <= 127
        if not (fits and low[VELOCITY] >= 1 and high[VELOCITY] <= 127 and 0 <= track.program < 128):
            raise OutputError(
                "the score holds what MIDI does not: onsets are at least 0, pitches and programs "
                "0 to 127, velocities 1 to 127"
            )
    for _, microseconds in score.tempos:
        if not 1 <= microseconds <= timing.MAX_MICROSECONDS:
            raise OutputError(f"a tempo of {microseconds} microseconds a quarter does not fit MIDI")
    for _, numerator, denominator in score.meters:
        if not 1 <= numerator <= MAX_NUMERATOR or denominator not in DENOMINATORS:
            raise OutputError(f"a meter of {numerator}/{denominator} does not fit a MIDI file")


def ticks_of_changes(score: Score) -> list[int]:
    """Where the score's tempo, meter and key change, and where its markers are."""
    kinds: tuple[Sequence[Tempo | Meter | Key | Marker], ...]
    kinds = (score.tempos, score.meters, score.keys, score.markers)
    return [change.tick for kind in kinds for change in kind]


def written_tick(tick: int, ticks_per_quarter: int) -> int:
    """The nearest of the ticks that are written, of two equally near the later; never below 0."""
    return max(0, (2 * TICKS_PER_QUARTER * tick + ticks_per_quarter) // (2 * ticks_per_quarter))


def _tick(tick: int, score: Score) -> int:
    return written_tick(tick, score.ticks_per_quarter)


def _tempos(score: Score) -> tuple[Tempo, ...]:
    rows = tuple(Tempo(_tick(t.tick, score), rounded_tempo(t.microseconds)) for t in score.tempos)
    return timing.tempos_in_order(Score(TICKS_PER_QUARTER, tempos=rows))


def rounded_tempo(microseconds: int) -> int:
    """The tempo, put right where a program cut a whole number of beats a minute off, not rounded.

    97 beats a minute are 618,556.70 microseconds each: 618,556 becomes 618,557.
    """
    whole = round(MICROSECONDS_PER_MINUTE / microseconds)
    nearest = round(MICROSECONDS_PER_MINUTE / whole)
    cut_off = microseconds == MICROSECONDS_PER_MINUTE // whole
    return nearest if cut_off and whole <= FASTEST_NAMED_BPM else microseconds


def _meters(score: Score) -> tuple[Meter, ...]:
    rows = tuple(meter._replace(tick=_tick(meter.tick, score)) for meter in score.meters)
    return timing.meters_in_order(Score(TICKS_PER_QUARTER, meters=rows))


def _keys(score: Score) -> tuple[Key, ...]:
    """The score's keys in order, the first at the beginning; none repeats the one that holds."""
    latest = {0: _opening_key(score)}
    for key in sorted(score.keys, key=lambda change: change.tick):
        tick = _tick(key.tick, score)
        latest[tick] = Key(tick, key.tonic % 12, "minor" if key.mode == "minor" else "major")
    changes: list[Key] = []
    for key in latest.values():
        if not changes or key[1:] != changes[-1][1:]:
            changes.append(key)
    return tuple(changes)


def _opening_key(score: Score) -> Key:
    """The key of the notes; C major, which means nothing in MIDI, where nothing tells."""
    sounding = np.zeros(12)
    for track in score.tracks:
        if not track.is_drum:
            weights = track.notes[:, DURATION].astype(np.float64)
            sounding += np.bincount(track.notes[:, PITCH] % 12, weights=weights, minlength=12)
    found = find_key(sounding)
    return Key(0, 0, "major") if found is None else Key(0, *found.name)


def _moved(markers: Iterable[Marker], score: Score) -> tuple[Marker, ...]:
    return tuple(marker._replace(tick=_tick(marker.tick, score)) for marker in markers)


def _on_lines(score: Score, lines: Ints) -> tuple[Marker, ...]:
    """The markers at the bar lines nearest to them, the first at the beginning, none nameless."""
    markers = []
    for tick, text in sorted(_moved(score.markers, score), key=lambda marker: marker.tick):
        clean = printable(text)
        if clean:
            place = int(np.abs(lines - tick).argmin())
            markers.append(Marker(int(lines[place]), clean))
    if not markers or markers[0].tick > 0:
        markers.insert(0, Marker(0, OPENING))
    return tuple(dict.fromkeys(markers))


def _named_by_what_it_is(track: Track) -> Track:
    """The track, without its name where that says "drums" of what is none."""
    wrong = not track.is_drum and says_drums(track.name)
    return replace(track, name="") if wrong else track


def _clean(notes: NoteArray, ticks_per_quarter: int) -> NoteArray:
    """Notes in the ticks that are written, each with its sound and its release."""
    rows = notes.astype(np.int64)
    release = rows[:, ONSET] + rows[:, DURATION]
    times = np.stack([rows[:, ONSET], release])
    onset, release = (2 * TICKS_PER_QUARTER * times + ticks_per_quarter) // (2 * ticks_per_quarter)
    rows[:, ONSET] = onset
    rows[:, DURATION] = np.maximum(release - onset, SHORTEST)
    return without_overlaps(_apart(rows).astype(np.int32))


def _pressed(pedals: Iterable[Pedal], score: Score, end: int) -> tuple[Pedal, ...]:
    """The presses in the ticks that are written, each a tick after the one before it at least."""
    made: list[Pedal] = []
    for down, up in presses(((_tick(d, score), _tick(u, score)) for d, u in pedals), end):
        after = max(down, made[-1].up + 1) if made else down
        if after < up:
            made.append(Pedal(after, up))
    return tuple(made)


def _apart(rows: Ints) -> Ints:
    """Notes (N, 4) of which none strikes a pitch again within `SHORTEST`: such are one, the first.

    It sounds to the later release, as loud as the louder.
    """
    rows = rows[np.lexsort((rows[:, ONSET], rows[:, PITCH]))]
    again = (np.diff(rows[:, PITCH]) == 0) & (np.diff(rows[:, ONSET]) < SHORTEST)
    if not again.any():
        return rows
    kept: list[list[int]] = []
    for onset, duration, pitch, velocity in rows.tolist():
        if kept and kept[-1][PITCH] == pitch and onset - kept[-1][ONSET] < SHORTEST:
            first = kept[-1]
            first[DURATION] = max(first[DURATION], onset + duration - first[ONSET])
            first[VELOCITY] = max(first[VELOCITY], velocity)
        else:
            kept.append([onset, duration, pitch, velocity])
    return np.array(kept, dtype=np.int64)
