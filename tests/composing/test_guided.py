"""Guidance: at 1 the model as it is, above it what the wishes change counts for more."""

import numpy as np
import pytest

from musegen.composing.composer import Composer
from musegen.composing.guided import GuidedSteps
from musegen.errors import SettingError
from musegen.model.sampling import Sampling
from musegen.tokens.controls import Controls, TrackPlan
from musegen.tokens.fields import as_rows
from musegen.tokens.head import head_rows
from tests.composing.busy import GENRES, busy_composer
from tests.tokens.laws import kept

WISHES = Controls(genre="jazz", valence=-1.0, bars=3, meter=(4, 4), tracks=(TrackPlan(0),))


def kinds(guidance: float, wishes: Controls, composer: Composer) -> np.ndarray:
    """Log odds of the kind of the first row after HEAD."""
    steps = GuidedSteps(composer.checkpoint, 1, guidance)
    rows = as_rows(head_rows(wishes, GENRES))
    steps.prefill(0, rows, np.zeros(2, dtype=np.int32), np.full((2, 6), -1, dtype=np.int32))
    return steps.draw(0).kind_logits()


def test_the_difference_that_wishes_make_is_multiplied() -> None:
    """With 0 the wishes count for nothing, with 1 for what they are, with 3 for three times it."""
    composer = busy_composer()
    without, plain, thrice = (kinds(g, WISHES, composer) for g in (0.0, 1.0, 3.0))
    nothing = kinds(1.0, Controls(bars=3, meter=(4, 4)), composer)
    assert np.allclose(without, nothing, atol=1e-4)
    assert np.abs(plain - without).max() > 1e-3, "the wish is seen"
    assert np.allclose(thrice - without, 3 * (plain - without), atol=1e-4)


def test_guided_pieces_keep_the_law_and_their_seed() -> None:
    """Longer than the context, several side by side: legal, and the same alone as together."""
    sampling = Sampling(guidance=2.0)
    wishes = Controls(genre="jazz", bars=16, meter=(4, 4), tracks=(TrackPlan(0),))
    together = busy_composer().compose(wishes, sampling, seed=4, count=2)
    (alone,) = busy_composer().compose(wishes, sampling, seed=4)
    assert max(len(found.rows) for found in together) > 128
    assert np.array_equal(alone.rows, together[0].rows)
    for found in together:
        kept(found.score, wishes)


def test_guidance_out_of_range() -> None:
    """A negative guidance would turn wishes round."""
    with pytest.raises(SettingError, match="guidance"):
        Sampling(guidance=-1.0)
