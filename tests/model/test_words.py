"""Keys and values of four bits: what they lose, how they lie, and what attention reads."""

from pathlib import Path

import numpy as np
import pytest

from musegen.model import plain
from musegen.model.compiling import arithmetic
from musegen.model.packing import COARSE, cache_shapes, fill_cache, in_words, move_cache
from musegen.model.plain_numbers import LEVELS, TIGHT, coarse, spread, spread_size

HEADS, CONTEXT = 3, 200


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def attended(way: object, width: int, count: int, share: int = 1, seed: int = 0) -> np.ndarray:
    """What queries see of the keys and values of so many rows, one of them far larger."""
    q, k, v = (normal(count, n, width, seed=seed + n) for n in (HEADS * share, HEADS, HEADS))
    k[count // 2] *= 30
    q[-1] *= 1e-12
    compact = way is not plain
    keys, values, scales = cache_shapes(HEADS, width, CONTEXT, compact)
    sort = np.uint16 if compact else np.float32
    caches = [np.zeros(shape, dtype=sort) for shape in (keys, values)]
    scale = [np.zeros(scales, dtype=np.float32) for _ in range(2)]
    (k, k_scale), (v, v_scale) = coarse(k, LEVELS), coarse(v, LEVELS)
    fill_cache(*caches, k, v)
    for whole, some in zip(scale, (k_scale, v_scale), strict=True):
        whole[:, :count] = some.T
    found: np.ndarray = way.attend(q, caches[0], scale[0], caches[1], scale[1], LEVELS)  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("width", [4, 16, 24, 64, 80, 128])
@pytest.mark.parametrize("count", [1, 7, 8, 64, 65, 200])
def test_machine_code_reads_words_as_numpy_reads_numbers(
    width: int, count: int, compiled: Path
) -> None:
    """To the same bit, whatever the width of a head and wherever the rows end."""
    for share in (1, 2):
        one = attended(arithmetic("int8"), width, count, share)
        np.testing.assert_array_equal(one, attended(plain, width, count, share))
        assert np.isfinite(one).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sums_fit_into_32_bits(sign: int, compiled: Path) -> None:
    """Each row counts as much as the others, and all numbers of all values are the largest."""
    zeros = np.zeros((CONTEXT, HEADS, 64), dtype=np.float32)
    v = zeros.copy()
    v[..., 0] = sign
    for way in (arithmetic("int8"), plain):
        keys, values, scales = cache_shapes(HEADS, 64, CONTEXT, way is not plain)
        sort = np.uint16 if way is not plain else np.float32
        caches = np.zeros(keys, dtype=sort), np.zeros(values, dtype=sort)
        (k, k_scale), (numbers, v_scale) = coarse(zeros, LEVELS), coarse(v, LEVELS)
        assert (numbers == sign * COARSE).all()
        fill_cache(*caches, k, numbers)
        scale = np.zeros((2, *scales), dtype=np.float32)
        scale[0, :, :CONTEXT], scale[1, :, :CONTEXT] = k_scale.T, v_scale.T
        seen = way.attend(zeros, caches[0], scale[0], caches[1], scale[1], LEVELS)
        np.testing.assert_allclose(seen, v * TIGHT, atol=1e-3)


def test_attention_in_few_bits_is_near_to_attention() -> None:
    """Beside the same in float32, by a tenth of what values vary."""
    q, k, v = (normal(CONTEXT, HEADS, 64, seed=n) for n in range(3))
    scores = np.einsum("qhd,khd->hqk", q, k) / 8
    scores[:, np.triu(np.ones((CONTEXT, CONTEXT), dtype=bool), 1)] = -np.inf
    odds = np.exp(scores - scores.max(axis=2, keepdims=True))
    exact = np.einsum("hqk,khd->qhd", odds / odds.sum(axis=2, keepdims=True), v)
    (keys, key_scale), (values, value_scale) = coarse(k, LEVELS), coarse(v, LEVELS)
    found = plain.attend(
        q, keys.transpose(1, 2, 0), key_scale.T, values.transpose(1, 2, 0), value_scale.T, LEVELS
    )
    assert np.sqrt(np.square(found - exact).mean()) < 0.1


@pytest.mark.parametrize(("width", "size"), [(64, 64), (80, 16), (24, 8), (7, 1)])
def test_spreading_is_undone_by_spreading(width: int, size: int) -> None:
    """Products of two vectors are kept, but for the size; one number is over all of its part."""
    one, two = normal(2, 5, width)
    assert spread_size(width) == size
    np.testing.assert_allclose(spread(spread(one)), one * size, rtol=1e-5, atol=1e-4)
    products = (spread(one) * spread(two)).sum(axis=1)
    np.testing.assert_allclose(products, (one * two).sum(axis=1) * size, rtol=1e-4, atol=1e-3)
    single = np.zeros(width, dtype=np.float32)
    single[0] = 1
    assert np.array_equal(np.abs(spread(single)), [1] * size + [0] * (width - size))


def test_what_four_bits_lose() -> None:
    """Odd numbers; nobody is further off than a step, but for the largest, which are cut off."""
    x = normal(50, HEADS, 64)
    numbers, scale = coarse(x, LEVELS)
    assert set(np.unique(numbers)) == set(range(-COARSE, COARSE + 1, 2))
    far = np.abs(numbers * scale[..., None] - spread(x))
    largest = np.abs(spread(x)).max(axis=2, keepdims=True)
    inside = np.abs(spread(x)) <= largest * TIGHT
    assert (far <= scale[..., None] * 1.001)[inside].all()
    assert (far <= largest * (1 - TIGHT) * 1.001 + scale[..., None]).all()
    kept, ones = coarse(x, 0)
    assert kept is x
    assert (ones == 1).all()


def test_where_numbers_lie() -> None:
    """Two words for eight inputs of an output: even ones, then odd, from the lowest bits."""
    numbers = np.array([[1, 3, 5, 7, 9, 11, 13, 15], [-15] * 8])
    words = in_words(numbers).reshape(-1)
    assert [hex(word) for word in words[:4]] == ["0xeca8", "0xfdb9", "0x0", "0x0"]


@pytest.mark.parametrize("width", [16, 80])
def test_a_cache_moves_to_another_slot(width: int) -> None:
    """With as many rows as it has; the others stay what they were."""
    keys, values, _ = cache_shapes(HEADS, width, CONTEXT, compact=True)
    caches = [np.zeros((2, 2, *shape), dtype=np.uint16) for shape in (keys, values)]
    first, second = ((normal(n, HEADS, width), normal(n, HEADS, width, seed=1)) for n in (90, 70))
    for slot, (k, v) in ((0, first), (1, second)):
        for layer in range(2):
            fill_cache(
                *(cache[layer, slot] for cache in caches),
                *(coarse(part, LEVELS)[0] for part in (k, v)),
            )
    before = [cache[:, 1].copy() for cache in caches]
    move_cache(*caches, 1, 0, 70)
    for cache, kept in zip(caches, before, strict=True):
        assert np.array_equal(cache[:, 1], kept)
    alone = [np.zeros_like(cache[:, :1]) for cache in caches]
    for layer in range(2):
        fill_cache(
            *(cache[layer, 0] for cache in alone), *(coarse(part, LEVELS)[0] for part in second)
        )
    for cache, kept in zip(caches, alone, strict=True):
        used = kept[:, 0] != 0
        assert np.array_equal(cache[:, 0][used], kept[:, 0][used])
