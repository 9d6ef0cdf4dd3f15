"""Settings of a training run: frozen, checked when made, read strictly from presets and TOML.

A run has three sections: `model` (sizes), `batches` (which examples), `train` (how long, how fast).
`--config run.toml` and `--set model.layers=6` change single settings; an unknown key is an error.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from musegen.corpus.batches import BatchSettings
from musegen.errors import SettingError, unknown
from musegen.model.config import ModelConfig

S = TypeVar("S")


@dataclass(frozen=True)
class TrainSettings:
    """How long, how fast and how carefully to train.

    steps, minutes: where training ends, whichever comes first; 0 minutes: no limit of time.
    learning_rate rises over `warmup` steps, holds, and falls linearly to a twentieth of itself
    over the last `decay` share of the steps (warmup-stable-decay: Hu et al. 2024, MiniCPM).
    long_share: the last share of the steps that trains on windows of the model's whole context;
    before it windows are `short_rows` long.
    evaluate_every, save_every, log_every: in steps; saved is also after `save_minutes`, and
    whenever the held-out loss is the best so far. keep: so many states are kept to go on from.
    patience: stop after so many evaluations without a better held-out loss (0: never).
    precision: "auto", "bf16" or "fp32". accumulate: batches in a step, over all processes.
    workers: processes that draw batches ahead of time, -1: some where a GPU would wait for them.
    compile: "auto", "on" or "off": whether torch.compile makes kernels of the layers, which takes
    some twenty seconds before the first step; "auto" does so on a GPU, where it can.
    """

    steps: int = 2000
    minutes: float = 0.0
    learning_rate: float = 2e-3
    warmup: int = 100
    decay: float = 0.3
    weight_decay: float = 0.05
    clip: float = 1.0
    beta2: float = 0.98
    short_rows: int = 512
    long_share: float = 0.25
    evaluate_every: int = 200
    evaluate_pieces: int = 64
    save_every: int = 200
    save_minutes: float = 10.0
    log_every: int = 10
    keep: int = 2
    patience: int = 0
    precision: str = "auto"
    accumulate: int = 1
    workers: int = -1
    compile: str = "auto"

    def __post_init__(self) -> None:
        for name in (
            "steps", "evaluate_every", "save_every", "log_every", "keep", "accumulate",
            "evaluate_pieces",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise SettingError(f"train.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("minutes", "save_minutes", "warmup", "weight_decay", "patience"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SettingError(f"train.{name} must be a number that is not negative")
        if not self.clip > 0:
            raise SettingError(f"train.clip {self.clip} must be more than 0")
        if not 0 <= self.beta2 < 1:
            raise SettingError(f"train.beta2 {self.beta2} must be at least 0 and below 1")
        for name in ("decay", "long_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingError(f"train.{name} must be between 0 and 1")
        if not 0 < self.learning_rate <= 1:
            raise SettingError(f"train.learning_rate {self.learning_rate} must be in (0, 1]")
        if self.workers < -1:
            raise SettingError(f"train.workers must be at least 0, or -1, not {self.workers}")
        for name, known in (
            ("precision", ("auto", "bf16", "fp32")), ("compile", ("auto", "on", "off")),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise SettingError(unknown(f"train.{name}", getattr(self, name), known))


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides how a run goes, beside the data and the seed."""

    model: ModelConfig = field(default_factory=ModelConfig)
    batches: BatchSettings = field(default_factory=BatchSettings)
    train: TrainSettings = field(default_factory=TrainSettings)

    def as_dict(self) -> dict[str, Any]:
        """Plain dictionaries and numbers, as JSON and TOML hold them."""
        return asdict(self)


PRESETS: dict[str, RunSettings] = {
    "tiny": RunSettings(
        ModelConfig(layers=4, width=128, heads=4, hidden=352, context=512, field_width=128),
        BatchSettings(max_rows=512, rows_per_step=4096),
        TrainSettings(
            steps=600, learning_rate=3e-3, warmup=40, short_rows=256, evaluate_every=100,
            save_every=100, evaluate_pieces=32,
        ),
    ),
    "small": RunSettings(
        ModelConfig(layers=6, width=192, heads=4, hidden=512, context=1024, field_width=192),
        BatchSettings(max_rows=1024, rows_per_step=2048, masked=0.2),
        TrainSettings(
            steps=8000, learning_rate=3e-3, warmup=200, decay=0.4, long_share=0.15,
            evaluate_every=800, save_every=400, evaluate_pieces=96,
        ),
    ),
    "medium": RunSettings(
        ModelConfig(layers=8, width=384, heads=6, hidden=1024, context=2048, field_width=256),
        BatchSettings(max_rows=2048, rows_per_step=32_768, masked=0.3),
        TrainSettings(steps=20_000, learning_rate=1.5e-3, warmup=400, short_rows=1024),
    ),
}  # fmt: skip


def run_settings(
    preset: "str | RunSettings" = "small",
    config: str | Path | None = None,
    changes: Mapping[str, str] | None = None,
) -> RunSettings:
    """A preset, changed by a TOML file, changed by single `section.name=value` settings.

    preset: its name, or settings of one's own. Raises SettingError for an unknown preset or key
    (naming near ones) and for a wrong value.
    """
    if isinstance(preset, str) and preset not in PRESETS:
        raise SettingError(unknown("preset", preset, PRESETS))
    settings = PRESETS[preset] if isinstance(preset, str) else preset
    if config is not None:
        settings = from_dict(settings, _read_toml(Path(config)), str(config))
    together: dict[str, Any] = {}  # all at once: model.heads alone may not fit the preset's width
    for path, text in (changes or {}).items():
        _nest(together, path, text)
    return from_dict(settings, together, "--set")


def from_dict(settings: S, entries: Mapping[str, Any], place: str) -> S:
    """`settings` with the given entries in place of its own, section by section."""
    known = {f.name: getattr(settings, f.name) for f in fields(settings)}  # type: ignore[arg-type]
    changed: dict[str, Any] = {}
    for name, value in entries.items():
        if name not in known:
            raise SettingError(f"{place}: {unknown('setting', name, known)}")
        if is_dataclass(known[name]):
            if not isinstance(value, Mapping):
                raise SettingError(f"{place}: {name} is a section of settings, not a value")
            changed[name] = from_dict(known[name], value, place)
        else:
            changed[name] = _like(known[name], value, f"{place}: {name}")
    return replace(settings, **changed)  # type: ignore[type-var]


def _like(example: Any, value: Any, place: str) -> Any:
    """`value` as the type that the setting has; text from --set is converted."""
    try:
        if isinstance(example, bool):
            if str(value).lower() not in ("true", "false"):
                raise ValueError
            return str(value).lower() == "true"
        if isinstance(example, int):
            if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
                raise ValueError
            return int(value)
        if isinstance(example, float):
            if isinstance(value, bool):
                raise ValueError
            return float(value)
        if isinstance(example, Mapping):
            if isinstance(value, str):
                pairs = (pair.partition("=") for pair in value.split(",") if pair)
                return {name.strip(): float(number) for name, _, number in pairs}
            return {str(k): float(v) for k, v in dict(value).items()}
    except (TypeError, ValueError, OverflowError):  # infinity is no whole number
        raise SettingError(
            f"{place} cannot be {value!r}: it must be of the kind of {example!r}"
        ) from None
    return str(value)


def _nest(entries: dict[str, Any], path: str, text: str) -> None:
    """`entries` says `text` at the place that `path` names."""
    *sections, name = path.split(".")
    if not sections:
        raise SettingError(f"--set {path}: name a section and a setting, such as model.layers=6")
    for section in sections:
        entries = entries.setdefault(section, {})
        if not isinstance(entries, dict):
            raise SettingError(f"--set {path}: {section} is a setting and has none inside")
    entries[name] = text


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path} is not valid TOML: {error}") from None
