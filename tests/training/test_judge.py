"""Held-out likelihood: the same sums, however the pieces are put together."""

import pytest

from musegen.corpus.batches import held_out_windows
from musegen.corpus.collection import collect
from musegen.training.judge import likelihood, summarise
from tests.corpus.pieces import made_piece
from tests.model.tiny import tiny_model

PIECES = collect(
    [made_piece(seed, bars=3, notes_per_bar=5) for seed in range(4)], held_out=[True] * 4
)


def test_batches_do_not_matter() -> None:
    """One by one or all at once, the pieces have the same nats."""
    model = tiny_model()
    alone = likelihood(model, held_out_windows(PIECES, 128, 1))
    together = likelihood(model, held_out_windows(PIECES, 128, 9999))
    assert alone.notes == together.notes == 4 * 3 * 5
    assert alone.rows == together.rows
    assert together.per_note == pytest.approx(alone.per_note, rel=1e-4)
    assert set(together.by_field) == set(alone.by_field)


@pytest.mark.parametrize("training", [True, False])
def test_judging_leaves_the_model_as_it_was(training: bool) -> None:
    """A model in training goes on training; one that composes goes on composing."""
    model = tiny_model().train(training)
    likelihood(model, held_out_windows(PIECES, 128, 9999))
    assert model.training is training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_sums_by_hand() -> None:
    """Nats per note are all nats over the notes; those of a field over the rows that have it."""
    found = summarise(
        {"kind": 6.0, "NOTE.onset": 4.0, "BAR.tempo": 2.0},
        {"kind": 3, "NOTE.onset": 2, "BAR.tempo": 1},
    )
    assert found.per_note == 6.0
    assert found.note_fields == 2.0
    assert found.by_field == {"BAR.tempo": 2.0, "NOTE.onset": 2.0, "kind": 2.0}
    assert (found.notes, found.rows) == (2, 3)
    assert summarise({}, {}).per_note == 0


def test_finer_is_not_far() -> None:
    """In bfloat16 the judgement is nearly the same."""
    model = tiny_model()
    fine = likelihood(model, held_out_windows(PIECES, 128, 9999))
    coarse = likelihood(model, held_out_windows(PIECES, 128, 9999), bf16=True)
    assert coarse.per_note == pytest.approx(fine.per_note, rel=0.02)
