"""The model: sizes, what it may look at, and where time and place enter."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from musegen.corpus.windows import row_times
from musegen.errors import SettingError
from musegen.model.transformer import ModelConfig, MusicModel, rotary_angles
from musegen.tokens.fields import BAR, CHORD, FIELDS, KINDS, NOTE, TABLE, as_rows, row
from tests.corpus.pieces import made_piece
from tests.model.tiny import TINY, tiny_model


def shown(count: int = 60, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """The first rows of a piece and their times, as a batch of one."""
    rows = made_piece(seed, bars=8)[:count]
    return torch.from_numpy(rows)[None], torch.from_numpy(row_times(rows))[None]


@torch.no_grad()
def test_nothing_is_known_of_what_comes_after() -> None:
    """The state at a row stays the same, whatever music follows it."""
    model = tiny_model()
    full = model.embedding.full()
    rows, times = shown()
    other, other_times = shown(seed=1)
    place = 40
    mixed = torch.cat([rows[:, :place], other[:, place:]], dim=1)
    mixed_times = torch.cat([times[:, :place], other_times[:, place:] + 999], dim=1)
    here, there = model(full, rows, times), model(full, mixed, mixed_times)
    assert torch.equal(here[:, :place], there[:, :place])
    assert not torch.allclose(here[:, place], there[:, place])


@torch.no_grad()
def test_everything_before_is_known() -> None:
    """A change of the first row is felt at the last."""
    model = tiny_model()
    full = model.embedding.full()
    rows, times = shown()
    changed = rows.clone()
    changed[0, 0, 1] = 2
    assert not torch.allclose(model(full, rows, times)[0, -1], model(full, changed, times)[0, -1])


@torch.no_grad()
def test_pieces_of_a_batch_do_not_hear_each_other() -> None:
    """What stands beside a piece in a batch changes nothing of it."""
    model = tiny_model()
    full = model.embedding.full()
    (one, one_times), (two, two_times) = shown(), shown(seed=1)
    both = model(full, torch.cat([one, two]), torch.cat([one_times, two_times]))
    torch.testing.assert_close(both[:1], model(full, one, one_times))


@torch.no_grad()
def test_time_matters_and_only_its_differences() -> None:
    """The same rows later in the piece mean the same; with more time between them they do not."""
    model = tiny_model()
    full = model.embedding.full()
    rows, times = shown()
    states = model(full, rows, times)
    torch.testing.assert_close(model(full, rows, times + 960), states, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(model(full, rows, times * 2), states, rtol=1e-3, atol=1e-3)


def test_half_of_each_head_turns_with_time() -> None:
    """With a time share of one half, half of the angles follow time and half the row number."""
    places, times = torch.arange(5), torch.zeros(5, dtype=torch.int32)
    still = rotary_angles(TINY, places, times)[0]
    turned = rotary_angles(TINY, places, times + 17)[0]
    assert still.shape == (5, TINY.width // TINY.heads // 2)
    half = still.shape[1] // 2
    assert torch.equal(still[:, :half], turned[:, :half])
    assert not torch.allclose(still[:, half:], turned[:, half:])


def test_unused_columns_add_nothing() -> None:
    """A kind is embedded by its own fields alone: rubbish in other columns is not read."""
    model = tiny_model()
    full = model.embedding.full()
    clean = as_rows([row(CHORD, onset=24, chord=5)])
    dirty = clean.copy()
    dirty[0, 3:] = 7
    x = [model.embed(full, torch.from_numpy(rows)[None]) for rows in (clean, dirty)]
    assert torch.equal(*x)


def test_one_table_for_all_values() -> None:
    """Every value of every field has its own vector, and no two fields share one."""
    embedding = tiny_model().embedding
    ids = set()
    for kind in (BAR, CHORD, NOTE):
        for place, name in enumerate(KINDS[kind].fields, start=1):
            cells = np.zeros((FIELDS[name].size, TABLE.columns), dtype=np.int16)
            cells[:, 0], cells[:, place] = kind, np.arange(FIELDS[name].size)
            found = embedding.global_ids(torch.from_numpy(cells))[:, place]
            assert len(set(found.tolist())) == FIELDS[name].size
            ids |= set(found.tolist())
    used = {name for kind in (BAR, CHORD, NOTE) for name in KINDS[kind].fields}
    assert len(ids) == sum(FIELDS[name].size for name in used)
    assert 0 not in ids
    assert max(ids) < len(embedding.weight)


def test_presets_have_the_sizes_that_they_say() -> None:
    """Every number that training sets is counted, and none of the buffers is saved."""
    model = tiny_model()
    assert model.parameter_count() == sum(p.numel() for p in model.parameters())
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}
    assert [type(block).__name__ for block in model.stack()] == ["Block", "Block"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "must be at least 1"),
        ({"width": 36}, "multiple of four times model.heads"),
        ({"context": 32}, "at least 64 rows"),
        ({"dropout": 1.0}, "dropout"),
        ({"time_share": 1.5}, "time_share"),
        ({"time_share": float("nan")}, "time_share"),
    ],
)
def test_sizes_that_cannot_be(change: dict[str, float], message: str) -> None:
    """Sizes are checked when they are set, not when a matrix does not fit."""
    with pytest.raises(SettingError, match=message):
        replace(TINY, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_any_share_of_time(share: float) -> None:
    """A model that knows only row numbers, or only time, works, too."""
    model = tiny_model(config=replace(TINY, time_share=share))
    rows, times = shown()
    assert torch.isfinite(model(model.embedding.full(), rows, times)).all()


def test_dropout_is_for_training() -> None:
    """Dropout changes states while training, and never while composing."""
    model = MusicModel(TABLE, replace(TINY, dropout=0.5))
    full = model.embedding.full()
    rows, times = shown()
    assert not torch.equal(model(full, rows, times), model(full, rows, times))
    model.eval()
    assert torch.equal(model(full, rows, times), model(full, rows, times))


def test_a_config_is_a_value() -> None:
    """Two equal sets of sizes are equal."""
    assert ModelConfig() == ModelConfig(layers=8)
