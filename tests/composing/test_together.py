"""A piece does not depend on the pieces that are composed beside it."""

from pathlib import Path

import numpy as np
import pytest

from musegen.composing import composer as composing
from musegen.composing.composer import Composer
from musegen.model import plain
from musegen.model.compiling import arithmetic
from musegen.model.light import LightModel
from musegen.model.sampling import Sampling
from musegen.model.stored import Stored
from musegen.tokens.controls import Controls


@pytest.mark.parametrize("precision", ["int8", "float32"])
@pytest.mark.parametrize("way", ["compiled", "numpy"])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_piece_is_the_same_alone(
    uneven: Stored,
    compiled: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    way: str,
    guidance: float,
) -> None:
    """Six side by side are, to the last row, the six that are composed one after another."""
    model = LightModel(uneven, precision, arithmetic(precision) if way == "compiled" else plain)  # type: ignore[arg-type]
    composer, wishes = Composer(model), Controls(bars=5)
    sampling = Sampling(guidance=guidance)
    together = composer.compose(wishes, sampling, seed=1, count=6, workers=1)
    monkeypatch.setattr(composing, "TOGETHER", 1)
    alone = composer.compose(wishes, sampling, seed=1, count=6, workers=1)
    assert len({len(piece.rows) for piece in together}) > 1
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.rows, other.rows), f"piece {one.number}"
