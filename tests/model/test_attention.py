"""What attention reads of a head's cache, wherever rows end and however wide a head is."""

from pathlib import Path

import numpy as np
import pytest

from musegen.model import plain
from musegen.model.compiling import arithmetic
from musegen.model.packing import BLOCK, cache_shapes, fill_cache, move_cache
from musegen.model.plain import LEVELS, in_levels

HEADS, CONTEXT = 3, 200


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def attended(way: object, width: int, count: int, share: int, sign: int = 0) -> np.ndarray:
    """What queries see of so many rows, of which one is far larger; all values are as large as can
    be, and all rows count alike, where there is a sign.
    """
    q, k, v = (normal(count, n, width, seed=n) for n in (HEADS * share, HEADS, HEADS))
    k[count // 2] *= 30
    q[-1] *= 1e-12
    if sign:
        k[:], v[:] = 0, sign
    compact = way is not plain
    *shapes, scales = cache_shapes(HEADS, width, CONTEXT, compact)
    caches = [np.zeros(shape, dtype=np.int8 if compact else np.float32) for shape in shapes]
    scale = np.zeros((2, *scales), dtype=np.float32)
    (k, scale[0, :, :count].T[:]), (v, scale[1, :, :count].T[:]) = (
        in_levels(part, LEVELS) for part in (k, v)
    )
    fill_cache(*caches, k, v)
    found: np.ndarray = way.attend(q, caches[0], scale[0], caches[1], scale[1], LEVELS)  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("width", [4, 16, 24, 64, 80, 128])
@pytest.mark.parametrize("count", [1, 7, 8, 64, 65, 200])
def test_machine_code_sees_what_numpy_sees(width: int, count: int, compiled: Path) -> None:
    """To the same bit."""
    for share in (1, 2):
        one = attended(arithmetic("int8"), width, count, share)
        np.testing.assert_array_equal(one, attended(plain, width, count, share))
        assert np.isfinite(one).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sums_are_right(sign: int, compiled: Path) -> None:
    """All rows count alike, and all numbers of all values are the largest."""
    for way in (arithmetic("int8"), plain):
        np.testing.assert_allclose(attended(way, 64, CONTEXT, 1, sign), sign, rtol=1e-3)


def test_caches_do_not_begin_a_power_of_two_apart() -> None:
    """Whatever the context: their beginnings would share a few sets of the processor's caches."""
    for context in (100, 2000, 2048, 4096):
        keys, values, scales = cache_shapes(HEADS, 64, context, compact=True)
        assert context <= scales[1] < context + 2 * BLOCK
        for shape in (keys, values):
            assert np.prod(shape[1:]) == scales[1] * 64
            assert np.prod(shape[1:]) // (BLOCK * 64) % 2


@pytest.mark.parametrize("width", [16, 80])
def test_a_cache_moves_to_another_slot(width: int) -> None:
    """With as many rows as it has; the slot that it came from stays what it was."""
    keys, values, _ = cache_shapes(HEADS, width, CONTEXT, compact=True)
    caches, alone = (
        [np.zeros((2, slots, *shape), dtype=np.int8) for shape in (keys, values)]
        for slots in (2, 1)
    )
    longer, shorter = (
        [in_levels(normal(count, HEADS, width, seed=n), LEVELS)[0] for n in (0, 1)]
        for count in (90, 70)
    )
    for layer in range(2):
        fill_cache(*(cache[layer, 0] for cache in caches), *longer)
        fill_cache(*(cache[layer, 1] for cache in caches), *shorter)
        fill_cache(*(cache[layer, 0] for cache in alone), *shorter)
    before = [cache[:, 1].copy() for cache in caches]
    move_cache(*caches, 1, 0, 70)
    for cache, kept, expected in zip(caches, before, alone, strict=True):
        assert np.array_equal(cache[:, 1], kept)
        used = expected[:, 0] != 0
        assert used.any()
        assert np.array_equal(cache[:, 0][used], expected[:, 0][used])
