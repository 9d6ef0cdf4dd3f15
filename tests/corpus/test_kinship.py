"""Arrangements of one melody and editions of one piece are kin; pieces of one style are not."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.corpus import kinship
from musegen.corpus.kinship import Kinship
from musegen.corpus.sketches import MELODY_HASHES, NOTE_HASHES, _smallest, sketch_of
from musegen.music.score import Meter, Score, Tempo, Track, note_array
from musegen.music.transform import transpose
from tests.strategies import grid_scores

SCALE = (0, 2, 4, 5, 7, 9, 11)
LOOP = (0, 7, 12, 16, 12, 7, 12, 16)  # a broken chord that any number of songs are built on

Notes = list[tuple[int, int, int, int]]


def tune(seed: int, notes: int = 60, step: int = 12) -> Notes:
    """A singing line: steps in C major, some leaps, some longer notes."""
    rng = random.Random(seed)
    place, onset, line = 7, 0, []
    for _ in range(notes):
        place = min(max(place + rng.choice((-3, -2, -1, -1, 1, 1, 2, 4)), 0), 14)
        length = rng.choice((step, step, 2 * step))
        line.append((onset, length, 60 + 12 * (place // 7) + SCALE[place % 7], 80))
        onset += length
    return line


def backing(notes: int = 256) -> list[Track]:
    """The same accompaniment under everything: broken chords, a bass, drums."""
    chords = [(12 * i, 12, 55 + LOOP[i % 8] + 5 * (i // 8 % 2), 60) for i in range(notes)]
    bass = [(48 * i, 48, 36 + 5 * (i // 2 % 2), 70) for i in range(notes // 4)]
    drums = [(24 * i, 6, (36, 42, 38, 42)[i % 4], 80) for i in range(notes // 2)]
    return [made(24, chords), made(33, bass), Track(0, True, "", note_array(drums))]


def made(program: int, notes: Notes) -> Track:
    """A pitched track."""
    return Track(program, False, "", note_array(notes))


def song(*tracks: Track, bpm: int = 120) -> Score:
    """Tracks as a score on the grid."""
    return Score(24, tracks, (Tempo.from_bpm(0, bpm),), (Meter(0, 4, 4),))


def kin(scores: Sequence[Score]) -> list[tuple[int, int]]:
    """The pairs of scores that are tied."""
    found = Kinship()
    for score in scores:
        found.add(sketch_of(score))
    return found.ties()


def swung(notes: Notes) -> Notes:
    """Off-beat eighths come late."""
    return [(o + 4 * (o % 24 == 12), d, p, v) for o, d, p, v in notes]


@pytest.mark.parametrize("seed", range(20))
def test_a_melody_is_known_in_any_dress(seed: int) -> None:
    """Another key, octave, tempo, swing, half the speed, another backing, a second chorus, none of
    the intro: each is tied to the plain tune.
    """
    line = tune(seed)
    plain = song(made(0, line))
    end = line[-1][0] + line[-1][1]
    dresses = {
        "transposed": transpose(plain, 5),
        "an octave down": transpose(plain, -12),
        "another tempo": song(made(40, line), bpm=71),
        "with a band": song(made(73, line), *backing()),
        "in another key with a band": transpose(song(made(73, line), *backing()), -4),
        "swung": song(made(65, swung(line)), *backing()),
        "twice as slow": song(made(0, [(2 * o, 2 * d, p, v) for o, d, p, v in line])),
        "two choruses": song(made(0, line + [(o + end, d, p, v) for o, d, p, v in line])),
        "later": song(made(0, [(o + 192, d, p, v) for o, d, p, v in line]), *backing()),
        "without its upbeat": song(made(0, line[4:])),
        "with repeated notes": song(
            made(
                0,
                [n for o, d, p, v in line for n in ((o, 6, p, v), (o + 6, d - 6, p, v))[: d // 12]],
            )
        ),
        "over block chords": song(
            made(0, line), made(0, [(o, 96, p, 60) for o in range(0, end, 96) for p in (48, 52)])
        ),
    }
    for name, dress in dresses.items():
        assert kin([plain, dress]) == [(0, 1)], name


def test_arrangements_of_a_tune_that_is_not_there_are_tied() -> None:
    """Two bands that play one tune are kin, though nobody has the lead sheet."""
    first = song(made(73, tune(1)), *backing())
    second = transpose(song(made(56, swung(tune(1))), made(52, tune(2)[:20])), 3)
    assert kin([first, second]) == [(0, 1)]


def test_editions_are_tied() -> None:
    """One in ten notes of a two-handed piece is different in another edition; no hand sings."""
    rng = random.Random(3)
    right = [(6 * i, 6, rng.choice((60, 67, 72, 79, 84, 64)), 80) for i in range(400)]
    left = [(24 * i, 24, rng.choice((36, 43, 48, 52)), 80) for i in range(100)]
    edited = [n if i % 30 else (n[0], n[1], n[2] + 1, n[3]) for i, n in enumerate(right)]
    one = song(made(0, right), made(0, left))
    other = transpose(song(made(0, edited + left), bpm=80), 2)
    assert not sketch_of(one).melodies
    assert kin([one, other]) == [(0, 1)]


def test_other_melodies_are_not_tied() -> None:
    """Two hundred tunes over one accompaniment, and the accompaniment alone, are not kin."""
    scores = [song(made(73, tune(seed)), *backing()) for seed in range(100)]
    scores += [song(made(0, tune(seed))) for seed in range(100, 200)]
    scores += [song(*backing(count)) for count in (128, 200, 256)]
    assert kin(scores) == []


def test_what_everybody_plays_ties_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A riff that more sketches have than may is no sign of kinship."""
    monkeypatch.setattr(kinship, "COMMON", 5)
    riff = made(0, tune(7, 40))
    few, many = [song(riff)] * 5, [song(riff)] * 6
    assert len(kin(few)) == 10
    assert kin(many) == []


def test_a_short_quotation_is_not_kinship() -> None:
    """Fourteen notes of one tune in the middle of another tie nothing."""
    other = tune(11)
    quoted = [(o + 2000, d, p, v) for o, d, p, v in tune(10)[:14]]
    rest = [(o + 4000, d, p, v) for o, d, p, v in tune(12)]
    assert kin([song(made(0, tune(10))), song(made(0, other + quoted + rest))]) == []


def test_portions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs counted a few at a time are the pairs counted at once."""
    scores = [song(made(0, tune(seed % 7))) for seed in range(40)]
    at_once = kin(scores)
    assert len(at_once) == sum(1 for a in range(40) for b in range(a) if (a - b) % 7 == 0)
    for size in (1, 50, 1000):
        monkeypatch.setattr(kinship, "AT_ONCE", size)
        assert kin(scores) == at_once


@given(grid_scores(), st.integers(-5, 5))
def test_a_key_never_matters(score: Score, up: int) -> None:
    """The sketch of a transposed score is the same sketch, and it is small and in order."""
    low = min((int(t.notes[:, 2].min()) for t in score.tracks if not t.is_drum), default=60)
    high = max((int(t.notes[:, 2].max()) for t in score.tracks if not t.is_drum), default=60)
    up = min(max(up, -low), 127 - high)
    one, other = sketch_of(score), sketch_of(transpose(score, up))
    assert one.notes.tobytes() == other.notes.tobytes()
    for hashes in (one.notes, *one.melodies):
        assert (hashes[1:] > hashes[:-1]).all()
    assert len(one.notes) <= NOTE_HASHES
    assert all(len(hashes) <= MELODY_HASHES for hashes in one.melodies)


def test_drums_alone_have_no_sketch() -> None:
    """There is no melody and no pitch to know them by."""
    assert len(sketch_of(song(backing()[-1]))) == 0
    assert kin([song(backing()[-1])] * 2) == []
    assert Kinship().ties() == []


def test_far_along_nothing_overflows() -> None:
    """A tune that crosses the step at which a 32-bit sorting key ends has the sketch it has."""
    score, late = (
        song(made(0, [(o + start, d, p, v) for o, d, p, v in tune(1)]))
        for start in (0, 2**24 - 300)
    )
    assert np.array_equal(sketch_of(score).notes, sketch_of(late).notes)


@given(st.lists(st.integers(-4, 4), max_size=400), st.integers(1, 8), st.integers(1, 40))
def test_the_smallest_hashes_are_kept(moves: list[int], turns: int, most: int) -> None:
    """However many are kept, they are the first of all: so sketches of long pieces agree."""
    line = np.array(moves, dtype=np.int64)
    every = _smallest(line, turns, 10_000)
    assert np.array_equal(_smallest(line, turns, most), every[:most])
