"""Worker processes that die, hang or raise."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from musegen.corpus.guarded import ONE_THREAD, Died, guarded_map

ROOT = Path(__file__).parents[2]


def double(number: int) -> int:
    """Twice the number; 13 kills the process, 99 never ends, 7 raises."""
    if number == 13:
        os._exit(3)
    if number == 99:
        while True:
            time.sleep(0.01)
    if number == 7:
        raise ValueError("seven")
    return 2 * number


def test_in_this_process() -> None:
    """Without workers the results come in order."""
    assert list(guarded_map(double, range(5), workers=0)) == [0, 2, 4, 6, 8]


def test_items_are_asked_for_as_they_are_needed() -> None:
    """Without workers no item is drawn before its turn."""
    drawn: list[int] = []
    for number, result in enumerate(guarded_map(double, map(drawn_into(drawn), range(5)), 0)):
        assert (result, len(drawn)) == (2 * number, number + 1)


def drawn_into(drawn: list[int]) -> Callable[[int], int]:
    """Notes each number that passes."""

    def note(number: int) -> int:
        drawn.append(number)
        return number

    return note


def threads(_: int) -> list[str | None]:
    """How many threads this process may take for arithmetic."""
    return [os.environ.get(name) for name in ONE_THREAD]


@pytest.mark.slow
def test_a_worker_calculates_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the user says otherwise; and this process stays as it is."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    assert list(guarded_map(threads, [0], workers=1)) == [["1", "1", "3"]]
    assert threads(0) == [None, None, "3"]


@pytest.mark.slow
def test_many_items_are_drawn_as_workers_need_them() -> None:
    """Of endless items only so many are drawn as are waited for, even after a death."""
    drawn: list[int] = []
    results = guarded_map(double, map(drawn_into(drawn), count(10)), workers=2, chunk=2)
    for number, result in zip(range(10, 30), results, strict=False):
        assert isinstance(result, Died) if number == 13 else result == 2 * number
    assert len(drawn) < 60


@pytest.mark.slow
def test_an_item_that_kills_its_worker_costs_only_itself() -> None:
    """All others have their results, in order, whatever lay beside it."""
    items = [*range(14, 60), 13, *range(60, 70), 13, 13, 1]
    results = list(guarded_map(double, items, workers=2, chunk=4))
    expected = [2 * i for i in items if i != 13]
    assert [r for r in results if not isinstance(r, Died)] == expected
    assert [isinstance(r, Died) for r in results] == [i == 13 for i in items]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no alarm on this system")
def test_an_item_that_takes_too_long_is_given_up() -> None:
    """An endless item is ended after the limit, and the rest goes on."""
    results = list(guarded_map(double, [1, 99, 2], workers=1, limit_s=0.5))
    assert (results[0], results[2]) == (2, 4)
    assert isinstance(results[1], Died)
    assert "longer than 0.5 s" in results[1].reason


@pytest.mark.slow
def test_what_the_function_raises_is_raised() -> None:
    """An exception is no death: it reaches the one who asked."""
    with pytest.raises(ValueError, match="seven"):
        list(guarded_map(double, [1, 7], workers=1))


@pytest.mark.slow
def test_workers_that_cannot_start_are_one_error(tmp_path: Path) -> None:
    """A script without a guard, whose workers would start it over and over, is told so at once."""
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from musegen.corpus.guarded import guarded_map\n"
        "print(list(guarded_map(abs, range(100), workers=2)))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "MusegenError: worker processes cannot be started here" in done.stderr
