"""Several processes compose what one composes, and none is left when something goes wrong."""

import multiprocessing
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musegen.composing import crew
from musegen.composing.composer import Commission, Composer, Composition, Wanted
from musegen.composing.crew import composed, workers_for
from musegen.composing.draft import Draft
from musegen.composing.writing import counting, written
from musegen.errors import MusegenError, SettingError, WishError
from musegen.model.compiling import arithmetic
from musegen.model.light import LightModel
from musegen.model.sampling import Sampling
from musegen.model.stored import Stored
from musegen.tokens.controls import Controls
from musegen.tokens.head import beside_levels
from musegen.tokens.limits import Limits
from tests.composing.busy import blind_composer

WISHES = Controls(bars=3, meter=(3, 4), track_count=2)

forked = pytest.mark.skipif(not crew.FORKS, reason="processes cannot be forked here")


def same(one: list[Composition], other: list[Composition]) -> None:
    """Two runs gave the same pieces in the same order."""
    assert [piece.number for piece in one] == [piece.number for piece in other]
    for here, there in zip(one, other, strict=True):
        assert np.array_equal(here.rows, there.rows)
        assert here.score == there.score
        assert here.controls == there.controls


@forked
@pytest.mark.parametrize("together", [1, 16])
def test_it_does_not_matter_who_composes(
    uneven: Stored, compiled: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """Seven pieces of three processes are those of one, and each bar is reported as often."""
    composer = Composer(LightModel(uneven, "int8", arithmetic("int8")))
    reported: list[Counter[tuple[int, int, int | None]]] = [Counter(), Counter()]
    alone = composer.compose(
        WISHES, seed=4, count=7, workers=1, watch=lambda *said: reported[0].update([said])
    )
    monkeypatch.setattr("musegen.composing.composer.TOGETHER", together)
    several = composer.compose(
        WISHES, seed=4, count=7, workers=3, watch=lambda *said: reported[1].update([said])
    )
    same(alone, several)
    assert reported[0] == reported[1]
    assert not multiprocessing.active_children()


@forked
@pytest.mark.parametrize("workers", [1, 2])
def test_pieces_with_wishes_of_their_own(uneven: Stored, compiled: Path, workers: int) -> None:
    """Each is the piece of its seed and number, as it is alone; they are counted as they come."""
    composer = Composer(LightModel(uneven, "int8", arithmetic("int8")))
    wanted = [
        Wanted(WISHES, 4, 2),
        Wanted(Controls(bars=2), 9),
        Wanted(replace(WISHES, bars=5), 4, 1),
        Wanted(WISHES, 4),
    ]
    counted: list[tuple[int, int]] = []
    watch = counting(lambda done, count: counted.append((done, count)), len(wanted))
    together = composer.compose_each(wanted, watch=watch, workers=workers)
    same(
        together,
        [
            composer.compose(one.wishes, seed=one.seed, count=3, workers=1)[one.number]
            for one in wanted
        ],
    )
    assert [piece.seed for piece in together] == [4, 9, 4, 4]
    assert counted == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert composer.compose_each([]) == []


def test_a_wish_that_cannot_be_is_refused_before_any_is_composed(uneven: Stored) -> None:
    """Of several, the last one contradicts itself."""
    seen: list[object] = []
    with pytest.raises(WishError):
        Composer(LightModel(uneven)).compose_each(
            [Wanted(WISHES), Wanted(Controls(bars=2, track_count=17))],
            watch=lambda *said: seen.append(said),
            workers=1,
        )
    assert not seen


@pytest.mark.slow
def test_processes_that_begin_anew(uneven: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where processes cannot be forked, they load the model and compose the same."""
    monkeypatch.setattr(crew, "FORKS", False)
    composer = Composer(LightModel(uneven))
    same(
        composer.compose(WISHES, seed=4, count=2, workers=1),
        composer.compose(WISHES, seed=4, count=2, workers=2),
    )


def commission(uneven: Stored) -> Commission:
    """What would be composed."""
    limits = replace(Limits.of(WISHES), max_bars=4, steady=True, all_sound=False)
    model = LightModel(uneven)
    return Commission(model, WISHES, limits, beside_levels(WISHES), Sampling(), 1, None)


def test_a_slot_is_taken_over(uneven: Stored) -> None:
    """Six pieces of which two are written at a time are those that are written side by side."""
    order = commission(uneven)

    def rows(slots: int) -> dict[int, list[list[int]]]:
        drafts = map(order.begun, range(6))
        done = written(drafts, slots, order.checkpoint, order.sampling)
        return {draft.number: draft.rows for draft in done}

    assert rows(2) == rows(6)


class Contradicting(Commission):
    """Its third piece cannot be begun."""

    def begun(self, number: int) -> Draft:
        if number == 2:
            raise WishError("two wishes contradict each other")
        return super().begun(number)


class Deadly(Commission):
    """Its third piece is too much for whoever begins it."""

    def begun(self, number: int) -> Draft:
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().begun(number)


@forked
@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (Contradicting, WishError, "contradict each other"),
        (Deadly, MusegenError, "ended from outside, perhaps for want of memory"),
    ],
)
def test_what_goes_wrong_in_one_of_them(
    uneven: Stored, kind: type[Commission], error: type[Exception], message: str, together: int
) -> None:
    """It is said here, and the others are ended."""
    order = kind(**vars(commission(uneven)))
    with pytest.raises(error, match=message):
        composed(order, 5, 2, together)
    assert not multiprocessing.active_children()


@forked
def test_whoever_watches_can_stop_it(uneven: Stored) -> None:
    """What `watch` raises, as Ctrl-C would be, ends all of them."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Composer(LightModel(uneven)).compose(WISHES, count=4, workers=2, watch=stop)
    assert not multiprocessing.active_children()


def test_how_many_there_are(uneven: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each core and no more than pieces; none where torch computes or forks are dear."""
    model = LightModel(uneven)
    monkeypatch.setattr(crew, "cores", lambda: 8)
    monkeypatch.setattr(crew, "FORKS", True)
    assert [workers_for(None, model, pieces) for pieces in (1, 2, 20)] == [1, 2, 8]
    assert [workers_for(asked, model, 20) for asked in (0, 1, 3)] == [1, 1, 3]
    assert workers_for(4, blind_composer().checkpoint, 20) == 1
    monkeypatch.setattr(crew, "FORKS", False)
    assert workers_for(None, model, 20) == 1
    assert workers_for(4, model, 20) == 4
    with pytest.raises(SettingError, match="workers -1 is negative"):
        workers_for(-1, model, 20)
