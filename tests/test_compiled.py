"""Machine code is kept where the user keeps such things, is loaded whole or not at all."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from musegen import compiled as shelf
from musegen.compiled import READY, cache_folder, compiled_in, without_scipy
from musegen.model import plain
from musegen.model.compiling import KERNELS, arithmetic, compile_kernels


def test_what_is_there_is_used(compiled: Path) -> None:
    """Compiled once, kernels are found, and nobody compiles again."""
    assert arithmetic("int8") is not plain
    before = (KERNELS.folder / READY).stat().st_mtime_ns
    assert compile_kernels()
    assert (KERNELS.folder / READY).stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["cut", "gone", "more", "no list", "broken list"])
def test_what_is_damaged_is_not_loaded(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """Where a file is not the one that was compiled, numpy computes instead."""
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path))
    for path in compiled.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(compiled)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    folder = KERNELS.folder
    ready, code = folder / READY, sorted(folder.rglob("*.nbc"))
    assert compiled_in(folder) == ["int8", "float32"]
    if damage == "cut":
        code[0].write_bytes(code[0].read_bytes()[:-1])
    elif damage == "gone":
        code[0].unlink()
    elif damage == "more":
        code[0].with_name("other.nbc").write_bytes(b"")
    elif damage == "no list":
        ready.unlink()
    else:
        ready.write_text("[1")
    assert arithmetic("int8") is plain


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place for machine code nothing is compiled, and numpy computes."""
    monkeypatch.setenv("MUSEGEN_CACHE", os.devnull)
    assert not compile_kernels()
    assert arithmetic("int8") is plain


def test_one_compiles_at_a_time(tmp_path: Path) -> None:
    """While somebody compiles nobody else begins; who was broken off is not waited for."""
    assert shelf.begin(tmp_path)
    assert not shelf.begin(tmp_path)
    assert shelf.is_being_made(tmp_path)
    os.utime(tmp_path / shelf.MAKING, (0, 0))
    assert not shelf.is_being_made(tmp_path)
    assert shelf.begin(tmp_path)


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """MUSEGEN_CACHE names the folder, else the system's place for caches does."""
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("MUSEGEN_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "musegen"


def test_other_settings_of_numba_have_their_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code that looks at every place is slow, and is not loaded by who did not ask."""
    usual = KERNELS.folder
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert KERNELS.folder != usual


def test_scipy_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is hidden from numba while it loads is there afterwards."""
    monkeypatch.delitem(sys.modules, "scipy", raising=False)
    with without_scipy(), pytest.raises(ImportError):
        __import__("scipy")
    assert "scipy" not in sys.modules


COMPILES_MORE = """
import sys
from musegen.model.compiling import arithmetic
assert arithmetic("int8").__name__ == "musegen.model.kernels"
print("numba.np.linalg" in sys.modules, end=" ")
import numpy as np
from numba import njit
print(njit(lambda x: np.linalg.norm(x))(np.array([3.0, 4.0])))
"""


def test_what_is_loaded_does_not_get_ready_to_compile(compiled: Path) -> None:
    """Which takes half a second; whoever compiles something else in the same process still can."""
    words = [sys.executable, "-c", COMPILES_MORE]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split() == ["False", "5.0"]


def test_what_cannot_be_loaded_so_is_loaded_as_ever(
    compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever numba raises where it is not ready to compile."""

    @contextmanager
    def broken() -> Iterator[None]:
        yield
        raise NotImplementedError

    monkeypatch.setattr(shelf, "loading", broken)
    assert arithmetic("int8") is not plain
