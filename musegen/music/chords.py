"""Chords: what harmony a piece has, and chord names to pitch classes and back.

A Score on the grid goes in, a list of chord changes comes out: one or more a bar, on half bars.
Found by template, kept by reluctance to change. Knows no token and no wish.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musegen.errors import WishError, unknown
from musegen.music.measure import Pool, pool
from musegen.music.score import Score
from musegen.music.timing import bar_lines, bar_meters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ChordFound = tuple[int, int, int | None, str]
"""Bar, steps from its bar line, root as pitch class (None: no chord), quality."""

QUALITY_TONES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "7": (0, 4, 7, 10),
    "M7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7-5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "5": (0, 7),
}
"""Each quality's tones above the root, root first, by pychord's names."""

CHORD_QUALITIES = tuple(QUALITY_TONES)

RELUCTANCE = {
    "": 0.0, "m": 0.0, "7": 0.03, "m7": 0.05, "M7": 0.05, "dim": 0.05, "m7-5": 0.06, "dim7": 0.06,
    "aug": 0.08, "sus4": 0.11, "6": 0.07, "m6": 0.07, "sus2": 0.14, "5": 0.17,
}  # fmt: skip
"""How much better than a plain triad a quality must fit before it is named."""

BASS_BONUS = 0.25
"""What it is worth that the bass plays nothing but the root."""

BASS_REACH = 12
"""Semitones above the lowest note of a half bar within which a note still counts as bass."""

CHANGE_COST = 0.12
MID_BAR_COST = 0.05
"""What a change of chord costs at a bar line, and what it costs more inside a bar."""

NO_CHORD_FIT = 0.62
"""Fit below which no chord is named."""

ENOUGH_TONES = 2.5
"""Pitch classes that must sound, in effect, for a half bar to have its full say."""

SHORTEST_HALVED_QUARTERS = 3
"""Bars of simple meter up to this length have one chord, longer ones one to each half note."""

_PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "b": -1}

_QUALITY_COUNT = len(CHORD_QUALITIES)
NO_CHORD_STATE = 12 * _QUALITY_COUNT


def _templates() -> Floats:
    """Every chord's tones as a vector of length 1, roots from C and qualities in order."""
    rows = np.zeros((12, _QUALITY_COUNT, 12))
    for root in range(12):
        for place, tones in enumerate(QUALITY_TONES.values()):
            rows[root, place, [(root + tone) % 12 for tone in tones]] = len(tones) ** -0.5
    return rows.reshape(-1, 12)


_TEMPLATES = _templates()
_COSTS = np.tile([RELUCTANCE[quality] for quality in CHORD_QUALITIES], 12)


def find_chords(score: Score) -> list[ChordFound]:
    """The chords of a piece: every bar's first at onset 0, others only where the chord changes."""
    lines = bar_lines(score)
    starts, bars = _segments(score, lines)
    bass, profile = _profiles(pool(score).pitched, starts, score.end)
    states = _keep(_fit(profile, bass), starts == lines[bars])
    shown = (starts == lines[bars]) | np.concatenate([[True], states[1:] != states[:-1]])
    places = zip(
        bars[shown].tolist(),
        (starts - lines[bars])[shown].tolist(),
        states[shown].tolist(),
        strict=True,
    )
    return [(bar, onset, *_state_chord(state)) for bar, onset, state in places]


def _state_chord(state: int) -> tuple[int | None, str]:
    if state == NO_CHORD_STATE:
        return None, ""
    return state // _QUALITY_COUNT, CHORD_QUALITIES[state % _QUALITY_COUNT]


@lru_cache(maxsize=512)
def chord_places(numerator: int, denominator: int, steps_per_quarter: int) -> tuple[int, ...]:
    """Steps in a bar of this meter at which a chord may begin.

    4/4: both halves. 3/4 and shorter: the bar line. 6/8, 9/8: every dotted quarter. 12/8: both
    halves. Longer bars: every half note, and what is left over belongs to the last one.
    """
    unit = 4 * steps_per_quarter // denominator
    length = numerator * unit
    if numerator > 3 and numerator % 3 == 0:
        part = 3 * unit if numerator % 2 or numerator == 6 else 6 * unit
        return tuple(range(0, length, part)) if 3 * unit > steps_per_quarter else (0,)
    if length <= SHORTEST_HALVED_QUARTERS * steps_per_quarter:
        return (0,)
    half = 2 * steps_per_quarter
    return tuple(range(0, length - half + 1, half))


def _segments(score: Score, lines: Ints) -> tuple[Ints, Ints]:
    """Where each stretch that may have a chord of its own begins, and in which bar it lies."""
    meters = zip(*(column.tolist() for column in bar_meters(score)), strict=True)
    places = [chord_places(n, d, score.ticks_per_quarter) for n, d in meters]
    bars = np.repeat(np.arange(len(places)), [len(p) for p in places])
    offsets = np.array([onset for place in places for onset in place], dtype=np.int64)
    return lines[bars] + offsets, bars


def _profiles(notes: Pool, starts: Ints, end: int) -> tuple[Floats, Floats]:
    """Weights of bass and of all pitch classes in each stretch: two of shape (S, 12).

    A note weighs the square root of how long it sounds in the stretch, so that a held note does
    not drown the others.
    """
    S = len(starts)
    if not len(notes.onset):
        nothing: Floats = np.zeros((S, 12))
        return nothing, nothing
    release = notes.onset + notes.duration
    first = np.searchsorted(starts, notes.onset, side="right") - 1
    last = np.searchsorted(starts, release, side="left") - 1
    spread = last - first + 1
    which = np.repeat(np.arange(len(first)), spread)
    begun = np.cumsum(spread) - spread
    segment = first[which] + np.arange(len(which)) - begun[which]
    stops = np.append(starts[1:], end)
    inside = np.minimum(release[which], stops[segment]) - np.maximum(
        notes.onset[which], starts[segment]
    )
    weight = np.sqrt(inside)
    pitch = notes.pitch[which]
    cell = segment * 12 + pitch % 12
    profile = np.bincount(cell, weights=weight, minlength=S * 12)
    order = np.argsort(segment, kind="stable")
    present, begins = np.unique(segment[order], return_index=True)
    lowest = np.zeros(S, dtype=np.int64)
    lowest[present] = np.minimum.reduceat(pitch[order], begins)
    depth = np.maximum(1 - (pitch - lowest[segment]) / BASS_REACH, 0)
    bass = np.bincount(cell, weights=weight * depth, minlength=S * 12)
    return bass.reshape(S, 12).astype(np.float64), profile.reshape(S, 12).astype(np.float64)


def _fit(profile: Floats, bass: Floats) -> Floats:
    """How well each chord fits each stretch, 0 to about 1.2; the last column is "no chord".

    The fit is the cosine of profile and chord. Where few pitch classes sound, all chords move
    towards "no chord" together, so that one passing note does not change the chord.
    """
    length = np.linalg.norm(profile, axis=1, keepdims=True)
    silent = length[:, 0] == 0
    length[silent] = 1
    low = bass.sum(axis=1, keepdims=True)
    fit = (profile / length) @ _TEMPLATES.T - _COSTS
    fit += BASS_BONUS * np.repeat(bass / np.where(low, low, 1), _QUALITY_COUNT, axis=1)
    tones = (profile.sum(axis=1, keepdims=True) / length) ** 2
    fit -= NO_CHORD_FIT
    fit *= np.minimum(tones / ENOUGH_TONES, 1)
    return np.concatenate([fit, np.where(silent, 1.0, 0.0)[:, None]], axis=1)


def _keep(fit: Floats, at_bar_line: NDArray[np.bool_]) -> Ints:
    """The best chord for each stretch, when every change of chord has its price: Viterbi.

    As every change costs the same, the best way into a stretch is either to stay or to come from
    the best state of all, and a step takes time linear in the number of chords.
    """
    S, states = fit.shape
    stayed = np.zeros((S, states), dtype=bool)
    best_before = np.zeros(S, dtype=np.int64)
    cost = np.where(at_bar_line, CHANGE_COST, CHANGE_COST + MID_BAR_COST).tolist()
    total = fit[0].copy()
    for s in range(1, S):
        top = total.argmax()
        best_before[s] = top
        change = total[top] - cost[s]
        np.greater_equal(total, change, out=stayed[s])
        np.maximum(total, change, out=total)
        total += fit[s]
    path = np.zeros(S, dtype=np.int64)
    state = int(total.argmax())
    for s in range(S - 1, -1, -1):
        path[s] = state
        if not stayed[s, state]:
            state = int(best_before[s])
    return path


def chord_pitch_classes(root: int, quality: str) -> tuple[int, ...]:
    """The pitch classes of a chord, root first. (9, "m") is (9, 0, 4)."""
    if quality not in QUALITY_TONES:
        raise WishError(unknown("chord quality", quality, CHORD_QUALITIES))
    return tuple((root + tone) % 12 for tone in QUALITY_TONES[quality])


def chord_name(root: int | None, quality: str) -> str:
    """The chord as musicians write it: (9, "m7") is "Am7", None is "N.C."."""
    return "N.C." if root is None else f"{_PITCH_NAMES[root % 12]}{quality}"


NO_CHORD_NAMES = ("N.C.", "NC", "N", "none", "-")


def parse_chord(name: str) -> tuple[int | None, str]:
    """Root and quality of a chord name; a bass after a slash is dropped, rich chords simplified.

    "Am7/G" is (9, "m7"); "F#m7b5" is (6, "m7-5"); "C9" becomes the nearest that is known, (0, "7");
    "N.C." is (None, "").
    """
    from pychord import Chord  # here, because few runs need it and it takes time to import

    text = name.strip()
    if text in NO_CHORD_NAMES:
        return None, ""
    try:
        chord = Chord(text.split("/")[0].replace("°", "dim"))
    except ValueError as error:
        raise WishError(
            f"unknown chord {name!r} ({error}); write a root and a quality, such as C, Am, F#m7 "
            f"or Bb7; qualities: {', '.join(q or 'major' for q in CHORD_QUALITIES)}"
        ) from error
    root = _LETTERS[chord.root[0]] + sum(_ACCIDENTALS[mark] for mark in chord.root[1:])
    tones = {(tone - root) % 12 for tone in chord.components(visible=False)}
    return root % 12, _nearest_quality(tones)


def _nearest_quality(tones: set[int]) -> str:
    """The quality that shares most tones: as many as can be, with as few that are not there."""

    def unlikeness(quality: str) -> tuple[int, int]:
        known = set(QUALITY_TONES[quality])
        return 2 * len(known - tones) + len(tones - known), len(known)

    return min(CHORD_QUALITIES, key=unlikeness)
