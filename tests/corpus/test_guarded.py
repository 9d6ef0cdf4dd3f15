"""Worker processes that die, hang or raise."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from musegen.corpus.guarded import Died, guarded_map

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
