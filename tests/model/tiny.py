"""A model small enough for tests, with random weights, and rows for it to read."""

import torch

from musegen.model.checkpoint import Checkpoint
from musegen.model.transformer import ModelConfig, MusicModel
from musegen.tokens.fields import TABLE

TINY = ModelConfig(layers=2, width=32, heads=2, hidden=64, context=128, field_width=32)


def tiny_model(seed: int = 0, config: ModelConfig = TINY) -> MusicModel:
    """Random weights, always the same; the other users of torch's chance notice nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MusicModel(TABLE, config).eval()


def tiny_checkpoint(genres: tuple[str, ...] = ("folk", "jazz")) -> Checkpoint:
    """The tiny model as if it had been loaded."""
    return Checkpoint(tiny_model(), genres, "")
