"""Batches: pure in seed and step, balanced, little padding, legal rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.corpus.augment import Augment
from musegen.corpus.batches import (
    Batches,
    BatchSettings,
    deal,
    held_out_windows,
    piece_weights,
)
from musegen.corpus.collection import Collection, collect
from musegen.corpus.windows import row_times
from musegen.errors import CorpusError, SettingError
from musegen.tokens.fields import ANSWER, END, PAD, SECTION, STYLE, UNSET, column
from tests.corpus.pieces import is_legal, made_piece

SETTINGS = BatchSettings(max_rows=256, rows_per_step=2048, steps_per_group=8)


@pytest.fixture(scope="module")
def collection() -> Collection:
    """Sixty pieces of many lengths, every tenth held out."""
    rng = np.random.default_rng(0)
    pieces = [
        made_piece(i, int(rng.integers(2, 60)), int(rng.integers(1, 6)), genre=i % 3)
        for i in range(60)
    ]
    return collect(
        pieces,
        source=["made" if i % 2 else "found" for i in range(60)],
        held_out=[i % 10 == 0 for i in range(60)],
    )


def test_a_batch_depends_on_seed_and_step_alone(collection: Collection) -> None:
    """Any step can be asked for first, and comes out the same."""
    forward = Batches(collection, SETTINGS, seed=7)
    told = [forward.batch(step) for step in range(9)]
    for step in (8, 3, 0, 5):
        again = Batches(collection, SETTINGS, seed=7).batch(step)
        for name in ("rows", "times", "scored", "lengths", "pieces"):
            assert (getattr(again, name) == getattr(told[step], name)).all(), (step, name)


def test_other_seeds_streams_and_steps_give_other_batches(collection: Collection) -> None:
    """Nothing is drawn twice alike."""
    batches = [
        Batches(collection, SETTINGS, seed, stream).batch(step)
        for seed, stream, step in ((1, 0, 0), (1, 1, 0), (2, 0, 0), (1, 0, 1), (1, 0, 4))
    ]
    told = {batch.rows.tobytes() for batch in batches}
    assert len(told) == len(batches)


def test_batches_are_legal_and_evenly_full(collection: Collection) -> None:
    """Every example is legal rows; padding is last, not scored, and little of all."""
    batches = Batches(collection, SETTINGS, seed=3)
    padded = held = 0
    for step in range(24):
        batch = batches.batch(step)
        size = batch.rows[..., 0].size
        assert 0.7 * SETTINGS.rows_per_step < size < 1.2 * SETTINGS.rows_per_step
        assert batch.rows.dtype == np.int16
        padded += round(batch.padding * size)
        held += size
        for rows, times, scored, length, piece in zip(
            batch.rows, batch.times, batch.scored, batch.lengths.tolist(), batch.pieces, strict=True
        ):
            assert length <= SETTINGS.max_rows
            assert (rows[:length, 0] != PAD).all()
            assert not rows[length:].any()
            assert not scored[length:].any()
            assert rows[0, 0] == STYLE
            assert not collection.held_out[piece]
            assert is_legal(rows[:length])
            assert (times[:length] == row_times(rows[:length])).all()
    assert padded / held < 0.05


def test_rewrites_come_up_as_often_as_asked(collection: Collection) -> None:
    """With `masked` 0 no example is a rewrite, with 1 nearly all are."""
    for share, least, most in ((0.0, 0.0, 0.0), (1.0, 0.9, 1.0), (0.25, 0.1, 0.4)):
        chosen = BatchSettings(256, 2048, 4, masked=share)
        batch = Batches(collection, chosen, seed=1)
        rows = [r for step in range(12) for r in batch.batch(step).rows]
        found = np.mean([(r[:, 0] == ANSWER).any() for r in rows])
        assert least <= found <= most


def test_context_is_not_scored(collection: Collection) -> None:
    """The section row that tells a window where it is is given, not asked for."""
    batches = Batches(collection, BatchSettings(256, 2048, 4, masked=0, start=0), seed=1)
    given = 0
    for step in range(8):
        batch = batches.batch(step)
        first = batch.rows[..., 0] == SECTION
        first &= np.cumsum(first, axis=1) == 1
        given += int(np.count_nonzero(first & ~batch.scored))
    assert given > 5


def test_weights_are_the_documented_product(collection: Collection) -> None:
    """min(rows, cap) ** 0.5 * genre count ** -0.3 * source factor, and 0 where held out."""
    chosen = BatchSettings(256, 2048, row_cap=300, source_weights={"made": 0.5})
    weights = piece_weights(collection, chosen)
    for piece in (0, 1, 2, 5, 17):
        genre = np.count_nonzero(
            (collection.genre == collection.genre[piece]) & ~collection.held_out
        )
        factor = 0.5 if collection.source[piece] == "made" else 1.0
        expected = min(int(collection.count[piece]), 300) ** 0.5 * genre**-0.3 * factor
        assert weights[piece] == pytest.approx(0 if collection.held_out[piece] else expected)


def test_a_source_of_weight_zero_is_never_drawn(collection: Collection) -> None:
    """Sources can be left out by weight."""
    chosen = BatchSettings(256, 2048, 4, source_weights={"made": 0.0})
    batches = Batches(collection, chosen, seed=1)
    drawn = {int(p) for step in range(20) for p in batches.batch(step).pieces}
    assert {collection.source[p] for p in drawn} == {"found"}
    assert len(drawn) == np.count_nonzero(~collection.held_out[::2])


def test_nothing_to_train_on_is_an_error(collection: Collection) -> None:
    """A collection whose every piece is held out or weightless cannot be trained on."""
    with pytest.raises(CorpusError, match="no piece"):
        Batches(collection, BatchSettings(source_weights={"made": 0.0, "found": 0.0}), seed=0)
    with pytest.raises(CorpusError, match="no piece"):
        Batches(collect([made_piece()], held_out=[True]), BatchSettings(), seed=0)


def test_one_short_piece_is_enough_to_train() -> None:
    """A collection of one piece fills batches of one width."""
    batch = Batches(collect([made_piece(bars=2)]), BatchSettings(256, 1024), seed=0).batch(0)
    assert batch.rows[..., 0].size > 800


def test_judging_takes_the_opening_of_each_held_out_piece(collection: Collection) -> None:
    """Every held-out piece comes once, unchanged, and always in the same order."""
    told = [list(held_out_windows(collection, 200, 1024)) for _ in range(2)]
    for one, two in zip(*told, strict=True):
        assert (one.rows == two.rows).all()
        assert (one.pieces == two.pieces).all()
    seen = [int(p) for batch in told[0] for p in batch.pieces]
    assert sorted(seen) == collection.judging.tolist()
    for batch in told[0]:
        assert batch.rows[..., 0].size <= 1024
        for rows, length, piece in zip(batch.rows, batch.lengths, batch.pieces, strict=True):
            assert (rows[:length] == collection.rows(int(piece))[:200]).all()
    scored = sum(int(batch.scored.sum()) for batch in told[0])
    assert scored == sum(min(len(collection.rows(int(p))), 200) - 2 for p in seen)


def test_judging_can_leave_every_wish_unsaid(collection: Collection) -> None:
    """With `unset_head` no genre is told, and the notes are the same."""
    for batch in held_out_windows(collection, 200, 1024, unset_head=True):
        assert set(batch.rows[:, 0, column(STYLE, "genre")].tolist()) == {UNSET}
        for rows, length, piece in zip(batch.rows, batch.lengths, batch.pieces, strict=True):
            original = collection.rows(int(piece))[:200]
            head = int(np.argmax(original[:, 0] >= SECTION))
            assert (rows[head:length] == original[head:]).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=4, max_size=60), st.integers(1, 4))
def test_dealing_gives_every_example_one_place(lengths: list[int], batches: int) -> None:
    """Runs follow on each other, none is empty, and there are as many as asked for."""
    ordered = sorted(lengths, reverse=True)
    runs = deal(ordered, batches)
    assert len(runs) == batches
    assert [i for run in runs for i in run] == list(range(len(ordered)))
    assert all(len(run) for run in runs)


def test_without_augmentation_examples_are_the_piece(collection: Collection) -> None:
    """With everything off a window is the piece's own rows."""
    chosen = BatchSettings(256, 2048, 4, start=1, ending=0, masked=0, augment=Augment.off())
    batches = Batches(collection, chosen, seed=0)
    for step in range(4):
        batch = batches.batch(step)
        for rows, length, piece in zip(batch.rows, batch.lengths, batch.pieces, strict=True):
            assert (rows[:length] == collection.rows(int(piece))[:256]).all()
            assert length == 256 or rows[length - 1, 0] == END


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_rows": 10},
        {"rows_per_step": 100},
        {"masked": 2.0},
        {"start": 0.8, "ending": 0.5},
        {"source_weights": {"made": -1.0}},
        {"steps_per_group": 0},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    """A setting out of range is an error that names it."""
    with pytest.raises(SettingError, match="|".join([*wrong, "made"])):
        BatchSettings(**wrong)  # type: ignore[arg-type]
