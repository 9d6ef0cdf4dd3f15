"""What a run needs to go on: float32 weights, the optimiser's moments, where it stood, its history.

Lies in the folder `training/` of a checkpoint, as safetensors and JSON, written with it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from musegen.errors import CheckpointError
from musegen.model.transformer import MusicModel

FOLDER = "training"


@dataclass
class Progress:
    """Where a run stands. `history` holds one entry for each evaluation."""

    step: int = 0
    seconds: float = 0.0
    rows: int = 0
    best: float | None = None
    since_best: int = 0
    skipped: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


def save_state(
    checkpoint: Path,
    model: MusicModel,
    optimizers: Sequence[torch.optim.Optimizer],
    progress: Progress,
    settings: dict[str, Any],
) -> None:
    """The folder `training/` inside `checkpoint` holds everything to go on from here."""
    folder = checkpoint / FOLDER
    folder.mkdir()
    tensors = {f"weight.{name}": p.detach().contiguous() for name, p in model.named_parameters()}
    names: dict[torch.Tensor, str] = {p: name for name, p in model.named_parameters()}
    for optimizer in optimizers:
        for parameter, moments in optimizer.state.items():
            for moment, value in moments.items():
                tensor = value if torch.is_tensor(value) else torch.tensor(float(value))
                tensors[f"{moment}.{names[parameter]}"] = tensor.detach().contiguous().cpu()
    (folder / "state.safetensors").write_bytes(save(tensors))
    entries = {"progress": asdict(progress), "settings": settings}
    (folder / "state.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    lines = [json.dumps(entry) + "\n" for entry in progress.history]
    (folder / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")


def has_state(checkpoint: Path) -> bool:
    """Whether training can go on from this checkpoint."""
    return (checkpoint / FOLDER / "state.json").is_file()


def read_progress(checkpoint: Path) -> tuple[Progress, dict[str, Any]]:
    """Where the run stood, and the settings that it ran with."""
    path = checkpoint / FOLDER / "state.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return Progress(**entries["progress"]), entries["settings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}); start anew without --resume, or restore the folder"
        ) from None


def load_tensors(
    checkpoint: Path, model: MusicModel, optimizers: Sequence[torch.optim.Optimizer]
) -> None:
    """Weights and moments are those that were saved."""
    path = checkpoint / FOLDER / "state.safetensors"
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    moments: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        moment, _, name = key.partition(".")
        moments.setdefault(name, {})[moment] = value
    optimizer_of = {
        parameter: optimizer
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    for name, parameter in model.named_parameters():
        found = moments.get(name, {})
        weight = found.pop("weight", None)
        if weight is None or weight.shape != parameter.shape:
            raise CheckpointError(
                f"{path} does not fit the model's settings ({name}); resume with the settings "
                "that the run was started with"
            )
        with torch.no_grad():
            parameter.copy_(weight)
        if found:
            optimizer_of[parameter].state[parameter] = {
                moment: value.to(parameter.device) for moment, value in found.items()
            }
