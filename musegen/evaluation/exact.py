"""Whether a Score keeps every wish that is kept exactly. Written without the grammar: it checks it.

In: a composed Score and the Controls that it was composed for. Out: what was broken, in words.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from musegen.music.chords import chord_pitch_classes
from musegen.music.score import DURATION, ONSET, PITCH, Score, Track
from musegen.music.timing import bar_lines, bar_meters
from musegen.tokens.controls import Controls

Ints = NDArray[np.int64]


def broken_wishes(score: Score, wishes: Controls) -> tuple[str, ...]:
    """Every exact wish that the Score breaks; empty where it keeps them all.

    Tracks are told apart by instrument; of several with one instrument each must keep a plan.
    """
    lines = bar_lines(score)
    return tuple(
        reason
        for check in (_course, _instruments, _pitches, _polyphony, _sections, _chords)
        for reason in check(score, wishes, lines)
    )


def _course(score: Score, wishes: Controls, lines: Ints) -> Iterator[str]:
    bars = len(lines) - 1
    if score.end != lines[-1]:
        yield f"the piece ends at {score.end}, not on the last bar line"
    onsets = [int(track.notes[:, ONSET].min()) for track in score.tracks if len(track)]
    if not onsets or min(onsets) >= lines[min(2, bars)]:
        yield "no note begins in the first two bars"
    for track in score.tracks:
        if len(track) and track.end > score.end:
            yield f"{track.program} sounds after the end"
    if wishes.bars is not None and bars != wishes.bars:
        yield f"{bars} bars, not {wishes.bars}"
    starts = lines[:-1]
    meters = list(zip(*(column.tolist() for column in bar_meters(score)), strict=True))
    tempo_at = np.searchsorted([t.tick for t in score.tempos], starts, side="right") - 1
    tempos = [round(score.tempos[i].bpm) for i in tempo_at.tolist()]
    for name, found, first, changes in (
        ("meter", meters, wishes.meter, wishes.meter_changes),
        ("tempo", tempos, wishes.tempo, wishes.tempo_changes),
    ):
        if first is None:
            continue
        asked = dict(((0, first), *changes))
        held = first
        for bar in range(bars):
            held = asked.get(bar, held)
            if found[bar] != held:
                yield f"bar {bar + 1} has {name} {found[bar]}, not {held}"
    if wishes.tempo is not None and any(t.tick not in set(starts.tolist()) for t in score.tempos):
        yield "the tempo changes inside a bar"


def _instruments(score: Score, wishes: Controls, lines: Ints) -> Iterator[str]:
    heard = Counter((t.program, t.is_drum) for t in score.tracks if len(t))
    asked = Counter((t.program, t.is_drum) for t in wishes.tracks)
    if asked and heard != asked:
        yield f"instruments {sorted(heard.elements())}, not {sorted(asked.elements())}"
    if wishes.track_count is not None and heard.total() != wishes.track_count:
        yield f"{heard.total()} tracks, not {wishes.track_count}"
    drums = any(is_drum for _, is_drum in heard)
    if wishes.drums is not None and drums != wishes.drums:
        yield "drums sound" if drums else "no drums sound"


def _pitches(score: Score, wishes: Controls, lines: Ints) -> Iterator[str]:
    for track in score.tracks:
        plans = [
            p for p in wishes.tracks if (p.program, p.is_drum) == (track.program, track.is_drum)
        ]
        pitches = track.notes[:, PITCH]
        if plans and len(pitches):
            low, high = int(pitches.min()), int(pitches.max())
            spans = [plan.span for plan in plans]
            if all(span is not None and not span[0] <= low <= high <= span[1] for span in spans):
                yield f"program {track.program} plays {low} to {high}, not within {spans}"
        if wishes.scale and not track.is_drum:
            strange = set((pitches % 12).tolist()) - set(wishes.scale)
            if strange:
                yield f"program {track.program} plays {sorted(strange)}, outside of the scale"


def _polyphony(score: Score, wishes: Controls, lines: Ints) -> Iterator[str]:
    pitched = [t for t in score.tracks if not t.is_drum and len(t)]
    if wishes.max_polyphony is not None and pitched:
        most = most_at_once(pitched)
        if most > wishes.max_polyphony:
            yield f"{most} notes at once, not {wishes.max_polyphony} at most"
    for track in score.tracks:
        caps = [
            p.max_polyphony
            for p in wishes.tracks
            if (p.program, p.is_drum) == (track.program, track.is_drum)
        ]
        if caps and len(track) and all(c is not None and most_at_once([track]) > c for c in caps):
            yield f"program {track.program}: {most_at_once([track])} notes at once, not {caps}"


def most_at_once(tracks: list[Track]) -> int:
    """The most notes of these tracks that sound at one moment."""
    notes = np.concatenate([track.notes for track in tracks]).astype(np.int64)
    edges = np.concatenate(
        [
            np.stack([notes[:, ONSET], np.ones(len(notes), dtype=np.int64)], axis=1),
            np.stack(
                [notes[:, ONSET] + notes[:, DURATION], -np.ones(len(notes), dtype=np.int64)], axis=1
            ),
        ]
    )
    order = np.lexsort((edges[:, 1], edges[:, 0]))  # what ends is gone before what begins
    return int(np.cumsum(edges[order, 1]).max(initial=0))


def _sections(score: Score, wishes: Controls, lines: Ints) -> Iterator[str]:
    first: dict[str, int] = {}
    for section in wishes.sections:
        begin, end = int(lines[section.bar]), int(lines[section.bar + section.bars])
        again = first.setdefault(section.letter, section.bar)
        for track in score.tracks:
            inside = _between(track, begin, end)
            name = (track.program, track.is_drum)
            held = (
                (track.notes[:, ONSET] < end)
                & (track.notes[:, ONSET] + track.notes[:, DURATION] > begin)
            ).any()
            if section.instruments and name not in section.instruments and held:
                yield f"program {track.program} sounds in section {section.letter}"
            if section.repeat == "exact":
                before = int(lines[again])
                earlier = _between(track, before, int(lines[again + section.bars]))
                if not np.array_equal(_moved(inside, begin), _moved(earlier, before)):
                    yield f"section {section.letter} at bar {section.bar + 1} is no exact repeat"


def _chords(score: Score, wishes: Controls, lines: Ints) -> Iterator[str]:
    if not wishes.chord_tones or not wishes.chords:
        return
    ticks = np.array([int(lines[c.bar]) + c.onset for c in wishes.chords])
    tones = [
        set(range(12)) if c.root is None else set(chord_pitch_classes(c.root, c.quality))
        for c in wishes.chords
    ]
    beats = set(beat_ticks(score, lines).tolist())
    for track in score.tracks:
        if track.is_drum:
            continue
        for onset, _, pitch, _ in track.notes.tolist():
            place = int(np.searchsorted(ticks, onset, side="right")) - 1
            if onset in beats and place >= 0 and pitch % 12 not in tones[place]:
                yield f"pitch {pitch} at {onset} is no tone of the chord there"


def beat_ticks(score: Score, lines: Ints) -> Ints:
    """Every tick on a beat: three units in compound meters faster than quarters, else the unit."""
    ticks: list[int] = []
    for line, numerator, denominator in zip(
        lines[:-1].tolist(), *(column.tolist() for column in bar_meters(score)), strict=True
    ):
        unit = 4 * score.ticks_per_quarter // denominator
        compound = denominator > 4 and numerator > 3 and numerator % 3 == 0
        ticks += range(line, line + numerator * unit, 3 * unit if compound else unit)
    return np.array(ticks, dtype=np.int64)


def _between(track: Track, begin: int, end: int) -> NDArray[np.int32]:
    onsets = track.notes[:, ONSET]
    found: NDArray[np.int32] = track.notes[(onsets >= begin) & (onsets < end)]
    return found


def _moved(notes: NDArray[np.int32], begin: int) -> NDArray[np.int32]:
    moved = notes.copy()
    moved[:, ONSET] -= begin
    return moved
