"""Floors that compose, and real pieces made wrong: legal music of the right shape."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from musegen.composing.composer import Composer
from musegen.corpus.collection import collect
from musegen.corpus.windows import scored_rows
from musegen.errors import CorpusError, SettingError
from musegen.evaluation.ngram import NGram
from musegen.evaluation.players import Player, five_grams
from musegen.evaluation.sets import asked, composed, held_out, others
from musegen.evaluation.shuffled import with_bars_shuffled, with_pitches_shuffled
from musegen.music.likeness import compare_bars
from musegen.music.score import ONSET, PITCH, Score
from musegen.music.timing import bar_lines
from musegen.tokens.codec import decode
from musegen.tokens.controls import Controls
from tests.corpus.pieces import made_piece
from tests.render.pieces import piece
from tests.tokens.laws import kept

GENRES = ("folk", "jazz")


def real(seed: int, bars: int = 12) -> Score:
    """A piece as it comes back from its rows."""
    return decode(made_piece(seed, bars=bars), GENRES)[0]


@pytest.mark.parametrize("order", [1, 2, 5])
def test_odds_are_what_nats_say(order: int) -> None:
    """The odds of every value after some others are those that judging uses; they sum to 1."""
    chance = np.random.default_rng(0)
    model = NGram([chance.integers(0, 5, 40) for _ in range(6)], 7, order)
    for before in ([], [3], [1, 2, 0, 4, 4, 1], [6, 5, 6]):
        follow = [np.array([*before, value]) for value in range(7)]
        last = np.cumsum([len(sequence) for sequence in follow]) - 1
        odds = model.odds(before)
        assert odds.sum() == pytest.approx(1)
        assert -np.log(odds) == pytest.approx(model.nats(follow)[last])


def test_floors_compose_legal_pieces() -> None:
    """With and without counts, several side by side, of different lengths; wishes are kept."""
    pieces = [(rows, scored_rows(rows)) for rows in (made_piece(s, bars=8) for s in range(4))]
    wishes = Controls(genre="jazz", bars=9, meter=(4, 4))
    counted = {}
    for name, models in {"uniform": None, "5-gram": five_grams(pieces)}.items():
        found = Composer(Player(GENRES, models)).compose(wishes, seed=2, count=3)
        for one in found:
            kept(one.score, wishes)
        counted[name] = sum(one.score.note_count for one in found)
        again = Composer(Player(GENRES, models)).compose(wishes, seed=2)
        assert np.array_equal(again[0].rows, found[0].rows), "alone as together"
    assert counted["5-gram"] > counted["uniform"], "it has learned that bars have notes"


def test_a_floor_knows_its_context() -> None:
    """A slot that is full says so, and can be begun anew."""
    steps = Player(GENRES).stepper(1)
    rows = np.zeros((1024, 8), dtype=np.int16)
    steps.prefill(0, rows, np.zeros(1024), np.zeros((1024, 6)))
    assert steps.room(0) == 0
    with pytest.raises(SettingError, match="full"):
        steps.step(rows[:1], np.zeros(1), np.zeros((1, 6)))
    steps.clear(0)
    assert steps.room(0) == 1024


def test_shuffled_bars_are_the_same_bars() -> None:
    """Every bar is still there, in its own meter, and seldom in its place."""
    score = real(1)
    mixed = with_bars_shuffled(score, np.random.default_rng(0))
    assert mixed.note_count == score.note_count
    assert bar_lines(mixed).tolist() == bar_lines(score).tolist()
    assert mixed.end == score.end
    before, after = (Counter(_onsets(s)) for s in (score, mixed))
    assert before == after
    places = zip(_onsets(score), _onsets(mixed), strict=True)
    assert sum(one == other for one, other in places) < 6


def _onsets(score: Score) -> list[tuple[tuple[int, ...], ...]]:
    """What begins in each bar: onset in the bar, track, pitch."""
    lines = bar_lines(score)
    return [
        tuple(
            (int(onset - start), number, int(pitch))
            for number, track in enumerate(score.tracks)
            for onset, _, pitch, _ in track.notes
            if start <= onset < end
        )
        for start, end in pairwise(lines.tolist())
    ]


def test_shuffled_pitches_keep_rhythm_and_drums() -> None:
    """Each track has its pitches at its onsets, in another order; drums are as they were."""
    score = piece(8, tracks=2)
    mixed = with_pitches_shuffled(score, np.random.default_rng(0))
    for one, other in zip(score.tracks, mixed.tracks, strict=True):
        assert (one.notes[:, ONSET] == other.notes[:, ONSET]).all()
        assert sorted(one.notes[:, PITCH]) == sorted(other.notes[:, PITCH])
        assert (one == other) == one.is_drum
    assert len(compare_bars(mixed)) == 8


def test_real_pieces_are_cut_and_sorted() -> None:
    """Held-out pieces of nine bars and more, cut; as many others of their genres, none twice."""
    rows = [made_piece(s, bars=4 + 3 * s, genre=1 + s % 2) for s in range(8)]
    collection = collect(rows, held_out=[s % 4 < 2 for s in range(8)])
    like = held_out(collection, GENRES, 10)
    assert [p.origin for p in like] == [4, 5], "0 and 1 are shorter than nine bars"
    assert [p.bars for p in like] == [10, 10]
    assert all(len(bar_lines(p.whole)) - 1 > 15 for p in like)
    more = others(collection, GENRES, like, 10, 0)
    assert sorted(p.genre or "" for p in more) == ["folk", "jazz"]
    assert {p.origin for p in more} <= {2, 3, 6, 7}
    with pytest.raises(CorpusError, match="too few"):
        held_out(collect(rows, held_out=[s == 0 for s in range(8)]), GENRES, 10)


def test_compositions_follow_the_real_pieces() -> None:
    """Genres and lengths of the real pieces, equally often; asked for by nothing else."""
    rows = [made_piece(s, bars=9 + s % 2, genre=1 + s % 2) for s in range(4)]
    like = held_out(collect(rows, held_out=[True] * 4), GENRES, 16)
    short, long = like[0].bars, like[1].bars
    assert long == short + 1
    assert list(asked(like, 4)) == [("folk", short, 2), ("jazz", long, 2)]
    assert sum(number for _, _, number in asked(like, 6)) == 6
    done: list[int] = []
    made = composed(Composer(Player(GENRES)), like, 8, 5, progress=lambda n, _: done.append(n))
    assert [(p.genre, p.bars) for p in made] == [("folk", short)] * 4 + [("jazz", long)] * 4
    assert len({p.origin for p in made}) == 8
    assert done[-1] == 8
