"""A checkpoint is a folder: weights in safetensors, everything else in JSON that a person can read.

    model.safetensors   the weights
    config.json         schema version, sizes of the model, SHA-256 of the weights
    vocabulary.json     fingerprint of the event table, and the table itself
    labels.json         the genres that it knows, in the order of their ids
    README.md           the model card

Written beside its place and renamed into it; checked before memory is spent on it. No pickle.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from musegen.errors import CheckpointError, MusegenError
from musegen.folders import whole_folder
from musegen.model.transformer import ModelConfig, MusicModel
from musegen.tokens.fields import MAX_GENRES, TABLE, Table, fingerprint

SCHEMA = 1
MAX_PARAMETERS = 2_000_000_000
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint. `facts` is whatever training wrote down about how it was made."""

    model: MusicModel
    genres: tuple[str, ...]
    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def save_checkpoint(
    folder: str | Path,
    model: MusicModel,
    genres: tuple[str, ...],
    card: str,
    facts: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.bfloat16,
    force: bool = True,
) -> None:
    """The folder holds the model, its labels and its card, complete and synced, or is unchanged."""
    with whole_folder(folder, force) as staging:
        write_model(staging, model, genres, facts, dtype)
        (staging / "README.md").write_text(card, encoding="utf-8")


def write_model(
    staging: Path,
    model: MusicModel,
    genres: tuple[str, ...],
    facts: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.bfloat16,
) -> None:
    """Write everything but the card into an existing folder."""
    weights = {name: p.detach().to(dtype).contiguous() for name, p in model.named_parameters()}
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

    Raises CheckpointError where the folder, its JSON, its vocabulary or its weights are missing,
    damaged, or made by another version; the message says which and what to do.
    """
    place = Path(folder)
    if not place.is_dir():
        raise CheckpointError(
            f"{place} is not a checkpoint folder; train one: musegen train FOLDER --out {place}"
        )
    config = _read_json(place / "config.json")
    if config.get("schema") != SCHEMA:
        raise CheckpointError(
            f"{place}: made with checkpoint schema {config.get('schema')!r}, this version reads "
            f"{SCHEMA}; train again, or use the version of musegen that made it"
        )
    vocabulary = _read_json(place / "vocabulary.json")
    if vocabulary.get("fingerprint") != fingerprint():
        raise CheckpointError(
            f"{place}: its event table has fingerprint {vocabulary.get('fingerprint')!r}, this "
            f"musegen has {fingerprint()!r}; train again, or use the version that made it"
        )
    genres = _read_json(place / "labels.json").get("genres")
    if not isinstance(genres, list) or not all(isinstance(g, str) for g in genres):
        raise CheckpointError(f"{place / 'labels.json'}: must hold a list of names as 'genres'")
    if len(genres) > MAX_GENRES or len(set(genres)) < len(genres):
        raise CheckpointError(
            f"{place / 'labels.json'}: must name at most {MAX_GENRES} genres, each once"
        )
    model = _empty_model(place, config)
    digest = _load_weights(place / WEIGHTS, config, model)
    facts = config.get("facts")
    return Checkpoint(
        model.to(device).eval(), tuple(genres), digest, facts if isinstance(facts, dict) else {}
    )


def model_config(entries: Mapping[str, Any], place: str) -> ModelConfig:
    """A ModelConfig from JSON; an unknown or missing size is a CheckpointError."""
    known = {f.name for f in fields(ModelConfig)}
    if set(entries) != known:
        wrong = ", ".join(sorted(set(entries) ^ known))
        raise CheckpointError(f"{place}: the model's sizes are not those of this version: {wrong}")
    for f in fields(ModelConfig):
        whole, entry = isinstance(f.default, int), entries[f.name]
        if isinstance(entry, bool) or not isinstance(entry, int if whole else (int, float)):
            sort = "whole number" if whole else "number"
            raise CheckpointError(f"{place}: {f.name} must be a {sort}, not {entry!r}")
    try:
        return ModelConfig(**entries)
    except MusegenError as error:
        raise CheckpointError(f"{place}: {error}") from None


def _empty_model(place: Path, config: Mapping[str, Any]) -> MusicModel:
    sizes = config.get("model")
    if not isinstance(sizes, dict):
        raise CheckpointError(f"{place / 'config.json'}: holds no 'model' sizes")
    shape = model_config(sizes, str(place / "config.json"))
    rough = shape.layers * shape.width * (4 * shape.width + 3 * shape.hidden)
    if rough + shape.width * shape.field_width * 64 > MAX_PARAMETERS or shape.context > 1 << 20:
        raise CheckpointError(
            f"{place / 'config.json'}: asks for a model of more than {MAX_PARAMETERS:,} numbers, "
            "or an absurd context; refused"
        )
    return MusicModel(TABLE, shape)


def _load_weights(path: Path, config: Mapping[str, Any], model: MusicModel) -> str:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing")
    expected = sum(p.numel() for p in model.parameters()) * 4 + (1 << 20)
    if path.stat().st_size > expected:
        raise CheckpointError(f"{path} is larger than the model that config.json describes")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != config.get("weights_sha256"):
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 is not the one in config.json; fetch or train it again"
        )
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from None
    parameters = dict(model.named_parameters())
    if set(weights) != set(parameters):
        raise CheckpointError(f"{path} does not hold the weights that config.json describes")
    for name, parameter in parameters.items():
        weight = weights[name]
        if weight.shape != parameter.shape:
            raise CheckpointError(f"{path}: {name} has shape {tuple(weight.shape)}")
        if not torch.isfinite(weight).all():
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite")
        with torch.no_grad():
            parameter.copy_(weight)
    return digest


def _vocabulary(table: Table) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint(),
        "kinds": [{"name": k.name, "fields": list(k.fields)} for k in table.kinds],
        "fields": {f.name: f.size for f in table.fields.values()},
    }


def _write_json(path: Path, entries: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(entries, indent=1, sort_keys=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    try:
        entries = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(entries, dict):
        raise CheckpointError(f"{path} must hold a JSON object")
    return entries
