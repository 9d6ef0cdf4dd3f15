"""Arrays on large pages are arrays like others."""

import mmap

import numpy as np
import pytest

from musegen.model import pages


class Refusing(mmap.mmap):
    """Memory of a system without large pages."""

    def madvise(self, *_: int) -> None:
        """It says no."""
        raise OSError(22, "Invalid argument")


@pytest.fixture(params=["as it is", "unknown to the system", "refused by the kernel"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system that has large pages or has none."""
    if request.param == "unknown to the system":
        monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    if request.param == "refused by the kernel":
        monkeypatch.setattr(mmap, "mmap", Refusing)
    return str(request.param)


@pytest.mark.parametrize("rows", [1, 700, 70_000])
def test_zeros(system: str, rows: int) -> None:
    """They are zeros in one piece that can be written to, whatever the system has."""
    array = pages.zeros((rows, 3, 320), np.float32)
    assert array.shape == (rows, 3, 320)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.flags.aligned
    assert not array.any()
    array[-1, -1, -1] = 1


def test_arrays_that_share_pages(system: str) -> None:
    """They hold what they held, of every kind and size, and none lies over another."""
    chance = np.random.default_rng(0)
    arrays = [
        chance.integers(-127, 128, size=(900, 33, 7)).astype(np.int8),
        np.empty((0, 5), dtype=np.float32),
        chance.normal(size=(1, 700_000)).astype(np.float32),
        chance.integers(0, 9, size=13),
    ]
    moved = pages.together(arrays)
    for before, after in zip(arrays, moved, strict=True):
        assert after.dtype == before.dtype
        assert after.shape == before.shape
        assert np.array_equal(after, before)
        assert after.ctypes.data % 16 == 0
        assert after.flags.c_contiguous
