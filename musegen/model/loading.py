"""A checkpoint folder in, a model that composes out: without torch on a CPU, with it elsewhere."""

from importlib import import_module
from pathlib import Path

from musegen.model.compiling import arithmetic
from musegen.model.light import LightModel
from musegen.model.paths import ComposingModel
from musegen.model.stored import read_checkpoint
from musegen.model.torched import has_torch, need_torch


def composing_device(name: str) -> str:
    """The device to compose on; "auto" takes a GPU where torch is there and finds one."""
    if name == "cpu" or (name == "auto" and not has_torch()):
        return "cpu"
    need_torch(f"--device {name}")
    device: str = import_module("musegen.model.devices").pick_device(name)
    return device


def load_model(folder: str | Path, device: str = "cpu", precision: str = "int8") -> ComposingModel:
    """The model of a checkpoint, ready to compose on `device`.

    precision: how weights are kept where no torch is used, "int8" or "float32". CheckpointError
    where the checkpoint cannot be used, SettingError for another precision.
    """
    if device == "cpu":
        return LightModel(read_checkpoint(folder), precision, arithmetic(precision))
    need_torch(f"device {device}")
    with_torch = import_module("musegen.model.checkpoint")  # only where it is used
    model: ComposingModel = with_torch.load_checkpoint(folder, device)
    return model
