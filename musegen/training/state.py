"""What a run needs to go on: float32 weights, the optimiser's moments, where it stood, its history.

Lies in a folder of its own as safetensors and JSON, with SHA256SUMS over both, as `sha256sum -c`
reads it. What does not fit its sums is never gone on from.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from musegen.errors import CheckpointError
from musegen.model.header import check_header
from musegen.model.transformer import MusicModel

TENSORS, FACTS, SUMS = "state.safetensors", "state.json", "SHA256SUMS"
LARGEST_FACTS = 64 << 20


@dataclass
class Progress:
    """Where a run stands. `history` holds one entry for each evaluation.

    skipped, bad_in_a_row: steps that could not be made, in all and lately; rate_factor: what the
    learning rate is lowered to because of them.
    """

    step: int = 0
    seconds: float = 0.0
    rows: int = 0
    best: float | None = None
    best_step: int = 0
    since_best: int = 0
    skipped: int = 0
    bad_in_a_row: int = 0
    rate_factor: float = 1.0
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class State:
    """A state as it was read: `about` is whatever the run said of itself (settings, seed ...)."""

    progress: Progress
    about: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]
    folder: Path


def write_state(
    folder: Path,
    model: MusicModel,
    optimizers: Sequence[torch.optim.Optimizer],
    progress: Progress,
    about: Mapping[str, Any],
) -> None:
    """The new folder `folder` holds everything to go on from here."""
    folder.mkdir()
    tensors = {f"weight.{name}": p.detach().contiguous() for name, p in model.named_parameters()}
    names: dict[torch.Tensor, str] = {p: name for name, p in model.named_parameters()}
    for optimizer in optimizers:
        for parameter, moments in optimizer.state.items():
            for moment, value in moments.items():
                tensor = value if torch.is_tensor(value) else torch.tensor(float(value))
                tensors[f"{moment}.{names[parameter]}"] = tensor.detach().contiguous().cpu()
    entries = {"progress": asdict(progress), "about": dict(about)}
    contents = {
        TENSORS: save(tensors),
        FACTS: (json.dumps(entries, indent=1) + "\n").encode(),
    }
    sums = [f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in contents.items()]
    for name, content in {**contents, SUMS: "".join(sums).encode()}.items():
        (folder / name).write_bytes(content)


def read_state(folder: Path) -> State:
    """What `write_state` left, every byte of it; CheckpointError where anything is amiss."""
    sums = _sums(folder / SUMS)
    contents = {}
    for name, largest in ((FACTS, LARGEST_FACTS), (TENSORS, None)):
        path = folder / name
        try:
            if largest is None:
                check_header(path)
            elif path.stat().st_size > largest:
                raise CheckpointError(f"{path} is larger than anything that training writes")
            contents[name] = path.read_bytes()
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
        if hashlib.sha256(contents[name]).hexdigest() != sums.get(name):
            raise CheckpointError(f"{path} is damaged: its SHA-256 is not the one in {SUMS}")
    try:
        entries = json.loads(contents[FACTS])
        progress, about = Progress(**entries["progress"]), dict(entries["about"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{folder / FACTS} was written by another version: {error}") from None
    try:
        tensors = load(contents[TENSORS])
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{folder / TENSORS} cannot be read: {error}") from None
    return State(progress, about, tensors, folder)


def load_tensors(
    state: State, model: MusicModel, optimizers: Sequence[torch.optim.Optimizer]
) -> None:
    """Weights and moments are those of the state."""
    moments: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in state.tensors.items():
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
                f"{state.folder / TENSORS} does not fit the model's settings ({name}); resume with "
                "the settings that the run was started with"
            )
        with torch.no_grad():
            parameter.copy_(weight)
        if found:
            optimizer_of[parameter].state[parameter] = {
                moment: value.to(parameter.device) for moment, value in found.items()
            }


def _sums(path: Path) -> dict[str, str]:
    try:
        lines = path.read_bytes()[:4096].decode("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    pairs = (line.partition("  ") for line in lines)
    return {name: digest for digest, _, name in pairs}
