"""A model small enough for tests, with random weights, and rows for it to read."""

import torch

from musegen.corpus.links import row_links
from musegen.corpus.windows import row_times
from musegen.model.checkpoint import Checkpoint
from musegen.model.config import ModelConfig
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import TABLE, Rows

TINY = ModelConfig(layers=2, width=32, heads=2, hidden=64, context=128, field_width=32)


def tiny_model(seed: int = 0, config: ModelConfig = TINY) -> MusicModel:
    """Random weights, always the same; the other users of torch's chance notice nothing.

    What starts at zero, so that training begins without it, is random here: it must be right, too.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MusicModel(TABLE, config).eval()
        with torch.no_grad():
            for parameter in (model.seen.weight, model.decoder.own.weight):
                parameter.normal_(std=0.1)
            for gate in model.decoder.gates.values():
                gate.normal_(std=0.5)
            for lean in model.decoder.leans.parameters():
                lean.normal_(std=0.1)
        return model


def as_tensors(rows: Rows) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows with their times and links, as a batch of one."""
    parts = rows.copy(), row_times(rows), row_links(rows)
    return tuple(torch.from_numpy(part)[None] for part in parts)  # type: ignore[return-value]


def tiny_checkpoint(
    genres: tuple[str, ...] = ("folk", "jazz"), config: ModelConfig = TINY
) -> Checkpoint:
    """The tiny model as if it had been loaded."""
    return Checkpoint(tiny_model(config=config), genres, "")
