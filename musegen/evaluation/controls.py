"""Learned wishes: what was asked for against what is measured, between a floor and a ceiling.

Compositions are asked for one control at a time, with a genre, and measured as training pieces
are. Floor: the same measures against wishes dealt to other pieces. Ceiling: held-out real pieces,
whose first bars are measured and held against what is measured of the whole piece.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musegen.composing.composer import Composer, Wanted
from musegen.composing.writing import counting
from musegen.corpus.collection import Collection
from musegen.corpus.described import controls_of
from musegen.evaluation.exact import beat_ticks
from musegen.evaluation.hearing import GenreJudge, told_right
from musegen.model.sampling import Sampling
from musegen.music.chords import chord_pitch_classes
from musegen.music.measure import measure
from musegen.music.score import Score
from musegen.music.timing import bar_lines
from musegen.music.transform import trim
from musegen.tokens.codec import decode
from musegen.tokens.controls import MODES, Chord, Controls

Floats = NDArray[np.float64]

KINDS = ("mood", "key", "density", "polyphony", "loudness", "chords")
"""What is asked for of any model, one after another."""

NUMBERS = ("valence", "arousal", "density", "polyphony", "loudness")
PROGRESSIONS = (
    ((0, ""), (7, ""), (9, "m"), (5, "")),
    ((9, "m"), (5, ""), (0, ""), (7, "")),
    ((0, ""), (5, ""), (7, ""), (0, "")),
    ((2, "m"), (7, "7"), (0, "M7"), (9, "m")),
)
DRAWS = 1000
"""Bootstrap samples of a confidence interval (Efron 1979)."""


@dataclass(frozen=True)
class Answer:
    """One control: how well it is obeyed. Each number with the ends of its 95 % interval.

    asked, heard: what was wished and measured, for numbers; empty where that is no number.
    """

    control: str
    measure: str
    pieces: int
    composed: tuple[float, float, float]
    floor: float
    ceiling: float | None
    asked: Floats
    heard: Floats


def ranks(values: Floats) -> Floats:
    """Ranks from 0, ties sharing their mean: (N,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    shared: Floats = (last - (counts - 1) / 2)[inverse]
    return shared


def spearman(one: Floats, other: Floats) -> float:
    """Rank correlation, -1 to 1; 0 where one of them does not vary (Spearman 1904)."""
    a, b = ranks(one), ranks(other)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale else 0.0


def controls_report(
    composer: Composer,
    collection: Collection,
    each: int = 40,
    bars: int = 16,
    sampling: Sampling | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """Every learned control, asked for in `each` compositions of `bars` bars.

    Genre only where enough held-out pieces of two genres are there to know them by.
    """
    chance = np.random.default_rng(seed)
    real = _real(collection, composer.genres, bars, most=300)
    judge = GenreJudge.of([(controls.genre, score) for controls, score in real])
    total = each * (len(KINDS) + (judge is not None))

    def composed(place: int, asked: list[Controls]) -> list[Score]:
        wanted = [Wanted(one, seed + 1000 * place + number) for number, one in enumerate(asked)]

        def shown(done: int, _: int) -> None:
            if progress is not None:
                progress(place * each + done, total)

        pieces = composer.compose_each(wanted, sampling, counting(shown, each))
        return [piece.score for piece in pieces]

    answers: list[Answer] = []
    for place, kind in enumerate(KINDS):
        asked = [_wish(kind, chance, real, bars) for _ in range(each)]
        answers += _answers(kind, asked, composed(place, asked), real, chance)
    if judge is not None:
        genres = judge.genres
        asked = [Controls(genre=genres[number % len(genres)], bars=bars) for number in range(each)]
        answers.append(_genres(judge, asked, composed(len(KINDS), asked), chance))
    return answers


def _genres(
    judge: GenreJudge, asked: list[Controls], scores: list[Score], chance: np.random.Generator
) -> Answer:
    """Whether pieces are heard as the genre that was asked for."""
    names = [str(wishes.genre) for wishes in asked]
    heard = judge.hear(scores)
    right = np.array([h == name for h, name in zip(heard, names, strict=True)], dtype=float)
    dealt = [names[place] for place in chance.permutation(len(names)).tolist()]
    shuffled = [float(h == name) for h, name in zip(heard, dealt, strict=True)]
    answer = _share("genre", "heard as asked", right, shuffled, [judge.ceiling], chance)
    _, low, high = answer.composed
    return replace(answer, composed=(told_right(heard, names), low, high))


def _real(
    collection: Collection, genres: Sequence[str], bars: int, most: int
) -> list[tuple[Controls, Score]]:
    """Held-out pieces: what is measured of the whole, and its first bars."""
    found = []
    for piece in collection.judging[:most].tolist():
        score, told = decode(collection.rows(piece), genres)
        if not score.note_count:
            continue
        controls = replace(controls_of(score), genre=told.genre)
        if len(bar_lines(score)) - 1 > bars:
            score = trim(score, 0, bars)
        if score.note_count:
            found.append((controls, score))
    return found


def _wish(
    kind: str, chance: np.random.Generator, real: list[tuple[Controls, Score]], bars: int
) -> Controls:
    """One wish, of numbers such as a held-out piece has; mood and key from all that there are."""
    like = real[int(chance.integers(len(real)))][0]
    wishes = Controls(genre=like.genre, bars=bars)
    if kind == "mood":
        valence, arousal = chance.uniform(-0.9, 0.9, 2).tolist()
        return replace(wishes, valence=valence, arousal=arousal)
    if kind == "key":
        return replace(wishes, key=(int(chance.integers(12)), MODES[int(chance.integers(2))]))
    if kind == "chords":
        tonic = int(chance.integers(12))
        cycle = PROGRESSIONS[int(chance.integers(len(PROGRESSIONS)))]
        chords = tuple(
            Chord(bar, 0, (tonic + cycle[bar % 4][0]) % 12, cycle[bar % 4][1])
            for bar in range(bars)
        )
        return replace(wishes, chords=chords)
    values = [value for controls, _ in real if (value := getattr(controls, kind)) is not None]
    return replace(wishes, **{kind: values[int(chance.integers(len(values)))]})


def _answers(
    kind: str,
    asked: list[Controls],
    scores: list[Score],
    real: list[tuple[Controls, Score]],
    chance: np.random.Generator,
) -> list[Answer]:
    dealt = chance.permutation(len(asked)).tolist()
    if kind == "chords":
        kept = np.array([chord_share(s, w) for s, w in zip(scores, asked, strict=True)])
        shuffled = [chord_share(s, asked[d]) for s, d in zip(scores, dealt, strict=True)]
        true = [chord_share(s, replace(c, chords=_of(c, s))) for c, s in real if c.chords]
        return [_share("chords", "notes on beats in the chord", kept, shuffled, true, chance)]
    if kind == "key":
        keys = [_key(score) for score in scores]
        same = np.array([k == w.key for k, w in zip(keys, asked, strict=True)], dtype=float)
        shuffled = [float(k == asked[d].key) for k, d in zip(keys, dealt, strict=True)]
        true = [float(_key(s) == c.key) for c, s in real if c.key is not None]
        return [_share("key", "tonic and mode right", same, shuffled, true, chance)]
    heard = [controls_of(score) for score in scores]
    names = ("valence", "arousal") if kind == "mood" else (kind,)
    answers = [_number(name, asked, heard, dealt, real, chance) for name in names]
    if kind == "mood":
        right = np.array([_quadrant(h) == _quadrant(w) for h, w in zip(heard, asked, strict=True)])
        shuffled = [
            float(_quadrant(h) == _quadrant(asked[d])) for h, d in zip(heard, dealt, strict=True)
        ]
        true = [float(_quadrant(controls_of(s)) == _quadrant(c)) for c, s in real]
        answers.append(
            _share("mood", "quadrant right", right.astype(float), shuffled, true, chance)
        )
    return answers


def _number(
    name: str,
    asked: list[Controls],
    heard: list[Controls],
    dealt: list[int],
    real: list[tuple[Controls, Score]],
    chance: np.random.Generator,
) -> Answer:
    told = np.array([getattr(w, name) for w in asked], dtype=float)
    found = np.array([getattr(h, name) or 0.0 for h in heard], dtype=float)
    pairs = [
        (value, getattr(controls_of(s), name) or 0.0)
        for c, s in real
        if (value := getattr(c, name)) is not None
    ]
    labels, firsts = np.array(pairs, dtype=float).reshape(-1, 2).T
    picks = chance.integers(len(told), size=(DRAWS, len(told)))
    drawn = [spearman(told[p], found[p]) for p in picks]
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return Answer(
        name,
        "Spearman's rho",
        len(told),
        (spearman(told, found), low, high),
        spearman(told[dealt], found),
        spearman(labels, firsts) if len(labels) > 1 else None,
        told,
        found,
    )


def _share(
    control: str,
    measure: str,
    kept: Floats,
    shuffled: Sequence[float],
    true: Sequence[float],
    chance: np.random.Generator,
) -> Answer:
    means = kept[chance.integers(len(kept), size=(DRAWS, len(kept)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    ceiling = float(np.mean(true)) if true else None
    empty: Floats = np.zeros(0)
    share = (float(kept.mean()), low, high)
    return Answer(
        control, measure, len(kept), share, float(np.mean(shuffled)), ceiling, empty, empty
    )


def chord_share(score: Score, wishes: Controls) -> float:
    """The share of pitched notes struck on beats that are tones of the chord asked for there.

    1 where no note is struck on a beat or under a chord.
    """
    lines = bar_lines(score)
    ticks = np.array([int(lines[c.bar]) + c.onset for c in wishes.chords])
    tones = [
        None if c.root is None else frozenset(chord_pitch_classes(c.root, c.quality))
        for c in wishes.chords
    ]
    beats = set(beat_ticks(score, lines).tolist())
    total = inside = 0
    for track in score.tracks:
        for onset, _, pitch, _ in [] if track.is_drum else track.notes.tolist():
            place = int(np.searchsorted(ticks, onset, side="right")) - 1
            if onset in beats and place >= 0 and (chord := tones[place]) is not None:
                total += 1
                inside += pitch % 12 in chord
    return inside / total if total else 1.0


def _of(controls: Controls, score: Score) -> tuple[Chord, ...]:
    """The chords of the bars that the score has."""
    bars = len(bar_lines(score)) - 1
    return tuple(chord for chord in controls.chords if chord.bar < bars)


def _key(score: Score) -> tuple[int, str] | None:
    """The likeliest key, however unclear (Krumhansl and Schmuckler's profiles)."""
    found = measure(score).key
    return None if found is None else found.name


def _quadrant(controls: Controls) -> tuple[bool, bool]:
    return (controls.valence or 0) >= 0, (controls.arousal or 0) >= 0


def controls_page(answers: Sequence[Answer]) -> str:
    """The answers as a table in Markdown."""
    lines = [
        "| control | measured as | pieces | composed (95 %) | wishes dealt anew | real pieces |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for a in answers:
        value, low, high = a.composed
        ceiling = "" if a.ceiling is None else f"{a.ceiling:.2f}"
        lines.append(
            f"| {a.control} | {a.measure} | {a.pieces} | {value:.2f} ({low:.2f} to {high:.2f}) "
            f"| {a.floor:.2f} | {ceiling} |"
        )
    return "\n".join(lines)
