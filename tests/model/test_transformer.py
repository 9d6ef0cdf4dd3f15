"""The model: sizes, what it may look at, and where time and place enter."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from musegen.errors import SettingError
from musegen.model.config import ModelConfig
from musegen.model.transformer import MusicModel, linked, rotary_angles
from musegen.tokens.fields import BAR, CHORD, FIELDS, KINDS, NOTE, SEEN_LINKS, TABLE, as_rows, row
from tests.corpus.pieces import made_piece
from tests.model.tiny import TINY, as_tensors, tiny_model

Shown = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def shown(count: int = 60, seed: int = 0) -> Shown:
    """The first rows of a piece, their times and links, as a batch of one."""
    return as_tensors(made_piece(seed, bars=8)[:count])


def states_of(model: MusicModel, piece: Shown) -> torch.Tensor:
    """The hidden states (1, T, width) of a piece."""
    return model(model.embedding.full(), *piece)[0]  # type: ignore[no-any-return]


@torch.no_grad()
def test_nothing_is_known_of_what_comes_after() -> None:
    """The state at a row stays the same, whatever music follows it."""
    model = tiny_model()
    piece, other = shown(), shown(seed=1)
    place = 40
    rows, times, links = (
        torch.cat([one[:, :place], two[:, place:]], dim=1)
        for one, two in zip(piece, other, strict=True)
    )
    times[:, place:] += 999
    here, there = states_of(model, piece), states_of(model, (rows, times, links))
    assert torch.equal(here[:, :place], there[:, :place])
    assert not torch.allclose(here[:, place], there[:, place])


@torch.no_grad()
def test_everything_before_is_known() -> None:
    """A change of the first row is felt at the last."""
    model = tiny_model()
    rows, times, links = shown()
    changed = rows.clone()
    changed[0, 0, 1] = 2
    here, there = (states_of(model, (r, times, links)) for r in (rows, changed))
    assert not torch.allclose(here[0, -1], there[0, -1])


@torch.no_grad()
def test_a_link_is_another_way_to_know() -> None:
    """A row that is pointed to is felt at once; a link to nothing adds nothing."""
    model = tiny_model()
    rows, times, links = shown()
    none = torch.full_like(links, -1)
    one = none.clone()
    one[0, 50, 5] = 30
    without, with_one = states_of(model, (rows, times, none)), states_of(model, (rows, times, one))
    assert torch.equal(without[:, :50], with_one[:, :50])
    assert not torch.allclose(without[:, 50], with_one[:, 50])
    embedded = model.embed(model.embedding.full(), rows)
    seen = linked(embedded, one[..., : len(SEEN_LINKS)])
    assert torch.equal(seen[0, 50, 5], embedded[0, 30])
    seen[0, 50, 5] = 0
    assert not seen.any()


@torch.no_grad()
def test_pieces_of_a_batch_do_not_hear_each_other() -> None:
    """What stands beside a piece in a batch changes nothing of it."""
    model = tiny_model()
    one, two = shown(), shown(seed=1)
    rows, times, links = (torch.cat(parts) for parts in zip(one, two, strict=True))
    both = states_of(model, (rows, times, links))
    torch.testing.assert_close(both[:1], states_of(model, one))
    torch.testing.assert_close(both[1:], states_of(model, two))


@torch.no_grad()
def test_time_matters_and_only_its_differences() -> None:
    """The same rows later in the piece mean the same; with more time between them they do not."""
    model = tiny_model()
    rows, times, links = shown()
    states = states_of(model, (rows, times, links))
    later = states_of(model, (rows, times + 960, links))
    torch.testing.assert_close(later, states, rtol=1e-3, atol=1e-3)
    slower = states_of(model, (rows, times * 2, links))
    assert not torch.allclose(slower, states, rtol=1e-3, atol=1e-3)


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
        ({"kv_heads": 3}, "kv_heads 3 must divide model.heads"),
        ({"kv_heads": -1}, "kv_heads -1"),
        ({"heads": 4, "width": 64, "kv_heads": 3}, "kv_heads 3 must divide"),
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
    assert torch.isfinite(states_of(model, shown())).all()


def test_dropout_is_for_training() -> None:
    """Dropout changes states while training, and never while composing."""
    model = MusicModel(TABLE, replace(TINY, dropout=0.5))
    piece = shown()
    assert not torch.equal(states_of(model, piece), states_of(model, piece))
    model.eval()
    assert torch.equal(states_of(model, piece), states_of(model, piece))


def test_a_config_is_a_value() -> None:
    """Two equal sets of sizes are equal."""
    assert ModelConfig() == ModelConfig(layers=8)
