"""Batches that worker processes draw ahead are those that would have been drawn on the spot."""

import multiprocessing
from collections import Counter

import numpy as np
import pytest

from musegen.corpus.batches import Batches, BatchSettings
from musegen.training.feeding import MOST_WORKERS, Fed, Feed, parts, workers_for
from tests.training.runs import pieces

SETTINGS = BatchSettings(max_rows=128, rows_per_step=256, steps_per_group=3)


def feed(workers: int) -> Feed:
    """Two streams of batches."""
    streams = [Batches(pieces(), SETTINGS, 5, stream) for stream in range(2)]
    return Feed(streams, workers)


def same(one: list[Fed], other: list[Fed]) -> bool:
    """Whether two steps see the same."""
    return all(
        np.array_equal(a.batch.rows, b.batch.rows)
        and np.array_equal(a.batch.links, b.batch.links)
        and np.array_equal(a.known.at, b.known.at)
        and a.known.counts == b.known.counts
        for a, b in zip(one, other, strict=True)
    )


def test_workers_draw_the_same() -> None:
    """In order, after a leap ahead and a step back, and after the workers were sent away."""
    here, ahead = feed(0), feed(2)
    for step in (0, 1, 2, 3, 4, 20, 21, 5, 6):
        assert same(here.step(step), ahead.step(step)), step
    ahead.close()
    assert same(here.step(7), ahead.step(7))
    ahead.close()
    assert not same(here.step(7), here.step(8))


@pytest.mark.parametrize("rows", [1, 300, 10_000])
def test_parts_hold_what_the_batch_holds(rows: int) -> None:
    """Every example once, in order, and what is to be foretold of it."""
    whole = feed(0).step(0)[0]
    found = parts(whole, rows)
    assert np.array_equal(np.concatenate([part.batch.rows for part in found]), whole.batch.rows)
    assert all(part.batch.times.size <= rows or len(part.batch.times) == 1 for part in found)
    counts: Counter[str] = Counter()
    for part in found:
        counts.update(part.known.counts)
    assert {k: n for k, n in counts.items() if n} == {
        k: n for k, n in whole.known.counts.items() if n
    }


@pytest.mark.parametrize(
    ("asked", "device", "cores", "expected"),
    [(-1, "cpu", 16, 0), (-1, "cuda", 16, MOST_WORKERS), (-1, "cuda:1", 3, 2), (-1, "cuda", 1, 0),
     (3, "cpu", 1, 3), (0, "cuda", 16, 0)],
)  # fmt: skip
def test_as_many_workers_as_pay(asked: int, device: str, cores: int, expected: int) -> None:
    """None on a CPU, which would only take its cores away."""
    assert workers_for(asked, device, cores) == expected


def test_none_where_nothing_can_be_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows batches are drawn on the spot, whatever was asked."""
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert workers_for(-1, "cuda", 16) == workers_for(4, "cuda", 16) == 0
