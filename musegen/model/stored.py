"""A checkpoint folder, read without torch: its sizes, labels, facts and weights as numpy arrays.

Everything is checked before memory is spent on it, and what is wrong is said. `checkpoint` writes
such folders, and says what lies in them.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors import SafetensorError

from musegen.errors import CheckpointError, MusegenError
from musegen.model.config import ModelConfig
from musegen.model.header import check_header
from musegen.model.layout import Layout
from musegen.tokens.fields import (
    FORM,
    MAX_GENRES,
    SEEN_LINKS,
    STYLE,
    TABLE,
    TRACK,
    Rows,
    Table,
    fingerprint,
)

SCHEMA = 2
MAX_PARAMETERS = 2_000_000_000
MAX_LAYERS = 1000
WEIGHTS = "model.safetensors"
PRECEDENTS = "precedents"
"""The tensor beside the weights that holds rows and no weights."""

HEAD = (STYLE, FORM, TRACK)
LARGEST_REST = 4 << 20
"""Bytes that the file of the weights may have beside them."""
LARGEST_JSON = 16 << 20

Array = NDArray[np.float32]


SORTS = {"BF16": "<u2", "F16": "<f2", "F32": "<f4"}
"""How numbers may be stored, and how each is read; bfloat16 is the upper half of a float32."""


class Weights(Mapping[str, Array]):
    """Tensors by name, float32 when they are asked for: as they are stored they take half the room.

    tensors: as safetensors has them, of SORTS.
    """

    def __init__(self, tensors: Mapping[str, Mapping[str, Any]]) -> None:
        self._tensors = tensors

    def __getitem__(self, name: str) -> Array:
        tensor = self._tensors[name]
        numbers = np.frombuffer(tensor["data"], dtype=SORTS[tensor["dtype"]])
        if tensor["dtype"] == "BF16":
            numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
        return numbers.astype(np.float32, copy=tensor["dtype"] == "F32").reshape(tensor["shape"])

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


LATER: Mapping[str, Any] = {"kv_heads": 0}
"""Sizes that checkpoints of before do not name, and what they were."""


@dataclass(frozen=True)
class Stored:
    """A checkpoint as it lies on the disk. `weights` are float32, by the name of the parameter.

    `precedents` are the HEAD rows (N, COLUMNS) of some of the pieces that it learned from, or None.
    """

    config: ModelConfig
    weights: Mapping[str, Array]
    genres: tuple[str, ...]
    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    precedents: Rows | None = None


def read_checkpoint(folder: str | Path) -> Stored:
    """What a checkpoint folder holds.

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
    sizes = _sizes(place / "config.json", config)
    weights, digest, precedents = _weights(place / WEIGHTS, config, weight_shapes(TABLE, sizes))
    facts = config.get("facts")
    facts = facts if isinstance(facts, dict) else {}
    return Stored(sizes, weights, tuple(genres), digest, facts, precedents)


def model_config(entries: Mapping[str, Any], place: str) -> ModelConfig:
    """A ModelConfig from JSON; an unknown or missing size is a CheckpointError."""
    known = {f.name for f in fields(ModelConfig)}
    entries = {**LATER, **entries}
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


def weight_shapes(table: Table, config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter of a model of these sizes, by its name."""
    layout = Layout(table)
    width, inner = config.width, config.field_width
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (len(layout.part_ids), width),
        "embedding.part_weight": (layout.part_count, width),
        "seen.weight": (width, len(SEEN_LINKS) * width),
        "norm.weight": (width,),
        "decoder.kind_norm.weight": (width,),
        "decoder.kind_bias": (len(table.kinds),),
        "decoder.own.weight": (width, 3 * width),
    }
    for layer in range(config.layers):
        for name, shape in (
            ("attention_norm", (width,)),
            ("qkv", (config.qkv_width, width)),
            ("out", (width, width)),
            ("mlp_norm", (width,)),
            ("gate_up", (2 * config.hidden, width)),
            ("down", (width, config.hidden)),
        ):
            shapes[f"blocks.{layer}.{name}.weight"] = shape
    for kind in table.kinds:
        count = len(kind.fields)
        if not count or not kind.drawn:
            continue
        shapes[f"decoder.gates.{kind.name}"] = (count, 1, width)
        shapes[f"decoder.norms.{kind.name}"] = (count, 1, width)
        shapes[f"decoder.up.{kind.name}"] = (count, width, inner)
        shapes[f"decoder.down.{kind.name}"] = (count, inner, width)
        for name in kind.fields:
            shapes[f"decoder.bias.{kind.name}_{name}"] = (table.fields[name].size,)
    for related in chain(*layout.related.values()):
        shapes[f"decoder.leans.{related.name}.weight"] = (related.count, width)
        shapes[f"decoder.leans.{related.name}.bias"] = (related.count,)
    return shapes


def _sizes(path: Path, config: Mapping[str, Any]) -> ModelConfig:
    sizes = config.get("model")
    if not isinstance(sizes, dict):
        raise CheckpointError(f"{path}: holds no 'model' sizes")
    shape = model_config(sizes, str(path))
    if shape.layers > MAX_LAYERS:
        raise CheckpointError(f"{path}: asks for {shape.layers:,} layers; refused")
    rough = shape.layers * shape.width * (4 * shape.width + 3 * shape.hidden)
    if rough + shape.width * shape.field_width * 64 > MAX_PARAMETERS or shape.context > 1 << 20:
        raise CheckpointError(
            f"{path}: asks for a model of more than {MAX_PARAMETERS:,} numbers, "
            "or an absurd context; refused"
        )
    return shape


def _weights(
    path: Path, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Weights, str, Rows | None]:
    """The weights, the SHA-256 of their file, and the precedents in it."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing")
    expected = sum(math.prod(shape) for shape in shapes.values()) * 4 + LARGEST_REST
    if path.stat().st_size > expected:
        raise CheckpointError(f"{path} is larger than the model that config.json describes")
    check_header(path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != config.get("weights_sha256"):
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 is not the one in config.json; fetch or train it again"
        )
    try:
        found = dict(safetensors.deserialize(content))  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from None
    precedents = _precedents(found.pop(PRECEDENTS, None), path)
    if set(found) != set(shapes):
        raise CheckpointError(f"{path} does not hold the weights that config.json describes")
    for name, shape in shapes.items():
        tensor = found[name]
        if tuple(tensor["shape"]) != shape:
            raise CheckpointError(f"{path}: {name} has shape {tuple(tensor['shape'])}")
        if tensor["dtype"] not in SORTS:
            raise CheckpointError(
                f"{path}: {name} is stored as {tensor['dtype']}; allowed are {', '.join(SORTS)}"
            )
    weights = Weights(found)
    for name in shapes:
        if not np.isfinite(weights[name]).all():
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite")
    return weights, digest, precedents


def _precedents(tensor: Mapping[str, Any] | None, path: Path) -> Rows | None:
    """HEAD rows that can be nothing else, or a CheckpointError."""
    if tensor is None:
        return None
    wrong = CheckpointError(f"{path}: its precedents are not rows of STYLE, FORM and TRACK")
    shape = tuple(tensor["shape"])
    if tensor["dtype"] != "I16" or len(shape) != 2 or shape[1] != TABLE.columns:
        raise wrong
    rows = np.frombuffer(tensor["data"], dtype="<i2").reshape(shape)
    kinds = rows[:, 0]
    if not np.isin(kinds, HEAD).all():
        raise wrong
    begins = np.append(kinds == STYLE, True)  # each has its FORM after it, and then its tracks
    if not begins[0] or not np.array_equal(begins[:-1], np.append(kinds == FORM, False)[1:]):
        raise wrong
    sizes = np.ones((len(TABLE.kinds), TABLE.columns), dtype=np.int64)
    for number in HEAD:
        for place, name in enumerate(TABLE.kinds[number].fields, start=1):
            sizes[number, place] = TABLE.fields[name].size
    if (rows < 0).any() or (rows[:, 1:] >= sizes[kinds, 1:]).any():
        raise wrong
    return rows


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise CheckpointError(f"{path} is larger than {LARGEST_JSON:,} bytes; refused")
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
