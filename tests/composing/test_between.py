"""A wish between two levels is seen as so much of both, in either way to compute."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musegen.model.checkpoint import save_checkpoint
from musegen.model.light import LightModel
from musegen.model.paths import ComposingModel
from musegen.model.sampling import Sampling
from musegen.model.stored import read_checkpoint
from musegen.tokens import scales
from musegen.tokens.controls import Controls
from musegen.tokens.fields import STYLE, as_rows, column
from musegen.tokens.head import beside_levels, head_rows
from tests.composing.busy import GENRES, busy_composer
from tests.model.tiny import tiny_checkpoint, tiny_model

NOTHING = np.zeros(2, dtype=np.int32), np.full((2, 6), -1, dtype=np.int32)
SCALES = (scales.VALENCE, scales.DENSITY, scales.POLYPHONY, scales.LOUDNESS)


@pytest.fixture(params=["torch", "light"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> ComposingModel:
    """The tiny model, computed in one of two ways."""
    if request.param == "torch":
        return tiny_checkpoint()
    save_checkpoint(tmp_path / "tiny", tiny_model(), GENRES, "", dtype=torch.float32)
    return LightModel(read_checkpoint(tmp_path / "tiny"), "float32")


def state(model: ComposingModel, wishes: Controls) -> np.ndarray:
    """What the model knows after HEAD."""
    rows = as_rows(head_rows(wishes, GENRES))
    found = model.stepper(1).prefill(0, rows, *NOTHING, beside_levels(wishes))
    return np.array(found)


def test_half_way_is_the_same_from_both_sides(model: ComposingModel) -> None:
    """What lies a hair below and a hair above the middle of two levels is seen alike."""
    levels = [state(model, Controls(valence=v, density=2.0)) for v in (0.2, 0.4)]
    below, above = (state(model, Controls(valence=v, density=2.0)) for v in (0.29999, 0.30001))
    assert np.abs(below - above).max() < 1e-3
    assert all(np.abs(below - level).max() > 1e-2 for level in levels)


def test_every_level_counts(model: ComposingModel) -> None:
    """Each wish on a scale is seen where it is, and where it lies on a step nothing is added."""
    plain = Controls(valence=0.2, arousal=0.4, polyphony=3.0, loudness=68.0)
    assert not beside_levels(plain).any()
    for name, number in {"arousal": 0.45, "polyphony": 3.2, "loudness": 70.0}.items():
        moved = replace(plain, **{name: number})
        assert head_rows(moved, GENRES) == head_rows(plain, GENRES)
        assert np.abs(state(model, moved) - state(model, plain)).max() > 1e-4, name


@given(st.sampled_from(SCALES), st.floats(-200, 200))
def test_beside_a_level(scale: scales.Scale, number: float) -> None:
    """Level and share together are the number; outside the scale it is its end."""
    at, share = scale.index(number), scale.beside(number)
    assert -0.5 <= share <= 0.5
    inside = min(max(number, scale.values[0]), scale.values[-1])
    there = scale.values[at]
    if share:
        there += abs(share) * (scale.values[at + (1 if share > 0 else -1)] - there)
    assert there == pytest.approx(inside, abs=1e-6)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_composing_says_it(monkeypatch: pytest.MonkeyPatch, guidance: float) -> None:
    """What was wished reaches the model, in the context anew, too, and is told to none but it."""
    composer = busy_composer()
    told: list[np.ndarray | None] = []
    stepper = composer.checkpoint.stepper

    def watched(slots: int) -> object:
        made = stepper(slots)
        prefill = made.prefill

        def seen(slot: int, rows: np.ndarray, times: object, links: object, beside: object = None):  # type: ignore[no-untyped-def]
            if rows[0, column(STYLE, "valence")]:
                told.append(beside)  # type: ignore[arg-type]
            return prefill(slot, rows, times, links, beside)  # type: ignore[arg-type]

        made.prefill = seen  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(type(composer.checkpoint), "stepper", lambda _, slots: watched(slots))
    wishes = Controls(valence=0.25, bars=20, meter=(4, 4))
    composer.compose(wishes, Sampling(guidance=guidance), seed=3)
    assert len(told) > 1, "longer than the context"
    for one in told:
        assert one is not None
        assert one[column(STYLE, "valence")] == pytest.approx(0.25)
