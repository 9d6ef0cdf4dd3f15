"""Composers with random weights, for tests: one as it comes, one that likes many notes."""

from functools import cache

import torch

from musegen.composing.composer import Composer
from musegen.model.checkpoint import Checkpoint
from musegen.tokens.fields import NOTE
from tests.model.tiny import tiny_checkpoint, tiny_model

GENRES = ("folk", "jazz")


@cache
def blind_composer() -> Composer:
    """It has learned nothing."""
    return Composer(tiny_checkpoint(GENRES))


@cache
def busy_composer() -> Composer:
    """It has learned nothing but to write many notes, one soon after the other."""
    model = tiny_model()
    with torch.no_grad():
        model.decoder.kind_bias[NOTE] += 5
        model.decoder.bias["NOTE_onset"] -= 0.25 * torch.arange(384)
    return Composer(Checkpoint(model, GENRES, ""))
