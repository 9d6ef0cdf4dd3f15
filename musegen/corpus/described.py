"""What a piece is, said as the controls that a composer could have asked for.

In: a Score on the grid and its label. Out: `Controls` in which everything that can be measured is
measured: the plan that a model learns to follow. Knows no file and no row.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musegen.corpus.labels import Label
from musegen.music.chords import find_chords
from musegen.music.form import recurrence, sections
from musegen.music.likeness import compare_bars
from musegen.music.measure import Measured, measure
from musegen.music.mood import mood, section_moods
from musegen.music.score import ONSET, VELOCITY, Score
from musegen.music.timing import bar_lines, bar_meters
from musegen.tokens import scales
from musegen.tokens.controls import LIKENESS, BarPlan, Chord, Controls, SectionPlan, TrackPlan

MoodFrom = Literal["measured", "labels"]

CLEAR_KEY_STRENGTH = 0.7
CLEAR_KEY_MARGIN = 0.05
"""A key is said when its profile correlates so well, and so much better than the next one's."""


def controls_of(
    score: Score, label: Label | None = None, mood_from: MoodFrom = "measured"
) -> Controls:
    """Everything that is known of a piece on the grid: measured from its notes, or on its label.

    The genre is the label's. Valence and arousal are measured, unless `mood_from` is "labels" and
    the label gives both. The tempo is the one that holds at the middle of the piece's time when
    its bars are ordered by tempo (the weighted median), the meter the one most bars have. What a
    field cannot hold (more than 512 bars) is left unsaid.
    """
    label = label or Label()
    found = measure(score)
    lines = bar_lines(score)
    bars = len(lines) - 1
    feeling: tuple[float | None, float | None] = (label.valence, label.arousal)
    if mood_from == "measured" or None in feeling:
        feeling = mood(score)
    clear = (
        found.key is not None
        and found.key.strength >= CLEAR_KEY_STRENGTH
        and found.key.margin >= CLEAR_KEY_MARGIN
    )
    compared = compare_bars(score)
    back, how = recurrence(score, compared)
    return Controls(
        genre=label.genre,
        valence=feeling[0],
        arousal=feeling[1],
        key=found.key.name if clear and found.key is not None else None,
        density=found.density,
        polyphony=found.polyphony if found.pitched_count else None,
        loudness=found.loudness,
        bars=bars if bars <= scales.MAX_BARS_WISH else None,
        meter=_main_meter(score),
        tempo=_main_tempo(score),
        track_count=len(score.tracks),
        drums=any(track.is_drum for track in score.tracks),
        tracks=_tracks(score, found),
        sections=_sections(score, lines, sections(score, compared)),
        plan=tuple(
            BarPlan(b, LIKENESS[h], density)
            for b, h, density in zip(
                back.tolist(), how.tolist(), found.bar_density.tolist(), strict=True
            )
        ),
        chords=tuple(Chord(*found_chord) for found_chord in find_chords(score)),
    )


def _main_meter(score: Score) -> tuple[int, int]:
    """The meter that most bars have; of two equally frequent the earlier."""
    numerators, denominators = (column.tolist() for column in bar_meters(score))
    counts: dict[tuple[int, int], int] = {}
    for meter in zip(numerators, denominators, strict=True):
        counts[meter] = counts.get(meter, 0) + 1
    return max(counts, key=lambda meter: counts[meter])


def _main_tempo(score: Score) -> int:
    """The weighted median of the tempi, by how long each holds."""
    starts = [tempo.tick for tempo in score.tempos]
    lengths = np.diff([*starts, max(score.end, starts[-1] + 1)])
    bpm = np.array([round(tempo.bpm) for tempo in score.tempos])
    order = np.argsort(bpm, kind="stable")
    middle = int(np.searchsorted(np.cumsum(lengths[order]), lengths.sum() / 2))
    return int(bpm[order][middle])


def _tracks(score: Score, found: Measured) -> tuple[TrackPlan, ...]:
    return tuple(
        TrackPlan(
            track.program,
            track.is_drum,
            low=None if track.is_drum else measured.low,
            high=None if track.is_drum else measured.high,
            density=measured.density,
            polyphony=None if track.is_drum else measured.polyphony,
            loudness=measured.loudness,
        )
        for track, measured in zip(score.tracks, found.tracks, strict=True)
    )


def _sections(
    score: Score, lines: NDArray[np.int64], parts: Sequence[tuple[int, int, str]]
) -> tuple[SectionPlan, ...]:
    """The sections with what is measured in each; one in which nothing begins has no mood."""
    firsts = [bar for bar, _, _ in parts]
    edges = np.append(lines[firsts], lines[-1])
    notes = np.concatenate([track.notes for track in score.tracks])
    section = np.searchsorted(edges, notes[:, ONSET], side="right") - 1
    counts = np.bincount(section, minlength=len(parts))
    loud = np.bincount(section, weights=notes[:, VELOCITY], minlength=len(parts))
    density = counts / np.diff(edges) * score.ticks_per_quarter
    loudness = loud / np.maximum(counts, 1)
    feelings = section_moods(score, firsts)
    plans = []
    for place, (bar, bars, letter) in enumerate(parts):
        valence, arousal = feelings[place]
        plan = SectionPlan(
            bar, letter, bars, valence, arousal, float(density[place]), float(loudness[place])
        )
        silent = SectionPlan(bar, letter, bars, density=0.0)
        plans.append(plan if counts[place] else silent)
    return tuple(plans)
