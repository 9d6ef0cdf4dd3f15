"""What the tests of the model share: a checkpoint folder."""

from pathlib import Path

import pytest

from musegen.model.checkpoint import save_checkpoint
from tests.model.tiny import tiny_model


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has learned nothing."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    save_checkpoint(folder, tiny_model(), ("folk", "jazz"), "# tiny\n")
    return folder
