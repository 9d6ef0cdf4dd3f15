"""A checkpoint is a folder: weights in safetensors, everything else in JSON that a person can read.

    model.safetensors   the weights, and HEAD rows of some pieces that it learned from
    config.json         schema version, sizes of the model, SHA-256 of the weights
    vocabulary.json     fingerprint of the event table, and the table itself
    labels.json         the genres that it knows, in the order of their ids
    README.md           the model card

Written beside its place and renamed into it. No pickle. Read back as a torch model here, and
without torch in `stored`, which checks it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from musegen.folders import whole_folder
from musegen.model.config import ModelConfig
from musegen.model.decode import Stepper
from musegen.model.stored import PRECEDENTS, SCHEMA, WEIGHTS, read_checkpoint
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import TABLE, Rows, Table, fingerprint


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint. `facts` is whatever training wrote down about how it was made."""

    model: MusicModel
    genres: tuple[str, ...]
    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    precedents: Rows | None = None

    @property
    def config(self) -> ModelConfig:
        """The sizes of the model."""
        return self.model.config

    @property
    def device(self) -> str:
        """Where it computes."""
        return next(self.model.parameters()).device.type

    @property
    def computed(self) -> str:
        """In which numbers it computes, and with what."""
        return f"float32, torch {torch.__version__}, {torch.get_num_threads()} threads"

    def stepper(self, slots: int) -> Stepper:
        """Room for so many pieces that are written side by side."""
        return Stepper(self.model, slots)


def save_checkpoint(
    folder: str | Path,
    model: MusicModel,
    genres: tuple[str, ...],
    card: str,
    facts: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.bfloat16,
    force: bool = True,
    precedents: Rows | None = None,
) -> None:
    """The folder holds the model, its labels and its card, complete and synced, or is unchanged."""
    with whole_folder(folder, force) as staging:
        write_model(staging, model, genres, facts, dtype, precedents)
        (staging / "README.md").write_text(card, encoding="utf-8")


def write_model(
    staging: Path,
    model: MusicModel,
    genres: tuple[str, ...],
    facts: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.bfloat16,
    precedents: Rows | None = None,
) -> None:
    """Write everything but the card into an existing folder.

    precedents: HEAD rows (N, COLUMNS) of pieces that it learned from, for composing to look at.
    """
    weights = {name: p.detach().to(dtype).contiguous() for name, p in model.named_parameters()}
    if precedents is not None:
        weights[PRECEDENTS] = torch.tensor(precedents.tolist(), dtype=torch.int16)
    content = save(weights)  # not save_file: it hides a full disk behind an error of its own
    (staging / WEIGHTS).write_bytes(content)
    config = {
        "schema": SCHEMA,
        "model": asdict(model.config),
        "parameters": model.parameter_count(),
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "facts": dict(facts or {}),
    }
    _write_json(staging / "config.json", config)
    _write_json(staging / "vocabulary.json", _vocabulary(model.table))
    _write_json(staging / "labels.json", {"genres": list(genres)})


def load_checkpoint(folder: str | Path, device: str = "cpu") -> Checkpoint:
    """The model in a checkpoint folder, in float32 on `device`, ready to compose.

    Raises CheckpointError where it cannot be used, as `read_checkpoint` does.
    """
    stored = read_checkpoint(folder)
    model = MusicModel(TABLE, stored.config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(stored.weights[name]))
    return Checkpoint(
        model.to(device).eval(), stored.genres, stored.sha256, stored.facts, stored.precedents
    )


def _vocabulary(table: Table) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint(),
        "kinds": [{"name": k.name, "fields": list(k.fields)} for k in table.kinds],
        "fields": {f.name: f.size for f in table.fields.values()},
    }


def _write_json(path: Path, entries: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(entries, indent=1, sort_keys=False) + "\n", encoding="utf-8")
