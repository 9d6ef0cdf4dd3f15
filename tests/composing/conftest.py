"""A checkpoint on the disk, for whatever composes without torch."""

import pytest
import torch

from musegen.model.checkpoint import save_checkpoint
from musegen.model.config import ModelConfig
from musegen.model.stored import Stored, read_checkpoint
from tests.composing.busy import GENRES
from tests.model.tiny import tiny_model

UNEVEN = ModelConfig(layers=2, width=104, heads=2, hidden=201, context=128, field_width=52)
"""No size is a multiple of what kernels take at once; a piece is longer than the context."""


@pytest.fixture(scope="session")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A model with random weights as it lies on the disk."""
    folder = tmp_path_factory.mktemp("together") / "uneven"
    save_checkpoint(folder, tiny_model(config=UNEVEN), GENRES, "", dtype=torch.float32)
    return read_checkpoint(folder)
