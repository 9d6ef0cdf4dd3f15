"""A checkpoint folder in, a model that composes out: without torch on a CPU, with it elsewhere."""

from importlib import import_module
from pathlib import Path
from typing import cast

from musegen.compiled import VARIABLE
from musegen.errors import SettingError
from musegen.model import plain
from musegen.model.compiling import arithmetic, compile_kernels
from musegen.model.light import LightModel
from musegen.model.paths import Arithmetic, ComposingModel
from musegen.model.stored import read_checkpoint
from musegen.model.torched import has_torch, need_torch

COMPILED, NUMPY = "compiled", "numpy"


def composing_device(name: str) -> str:
    """The device to compose on; "auto" takes a GPU where torch is there and finds one."""
    if name == "cpu" or (name == "auto" and not has_torch()):
        return "cpu"
    need_torch(f"--device {name}")
    device: str = import_module("musegen.model.devices").pick_device(name)
    return device


def load_model(
    folder: str | Path, device: str = "cpu", precision: str = "int8", much: bool = False
) -> ComposingModel:
    """The model of a checkpoint, ready to compose on `device`.

    precision: how weights are kept where no torch is used, "int8" or "float32". much: so much is to
    be composed that it pays to wait some ten seconds, once, for kernels to be compiled; in numpy
    all of it takes ten times as long. CheckpointError where the checkpoint cannot be used,
    SettingError for another precision.
    """
    if device == "cpu":
        if much:
            compile_kernels(precision)
        return LightModel(read_checkpoint(folder), precision, arithmetic(precision))
    return _with_torch(folder, device)


def computed_by(model: ComposingModel) -> str:
    """In which numbers a model computes, and with what: "int8, compiled" or "int8, numpy"; with
    torch also its version.

    Numbers are added up in another order by each, so that a piece may come out otherwise.
    """
    if not isinstance(model, LightModel):
        return model.computed
    return f"{model.computed}, {NUMPY if model.arithmetic is plain else COMPILED}"


def load_as(folder: str | Path, device: str, computed: str) -> ComposingModel:
    """The model of a checkpoint that computes as `computed` says, in the words of `computed_by`.

    Where nothing is said it is `load_model`'s. Waits for machine code to be compiled where it is
    needed. SettingError where this machine cannot compute so.
    """
    precision, *rest = computed.split(", ")
    if any(word.startswith("torch") for word in rest):
        return _with_torch(folder, device)
    if device != "cpu" or not rest:
        return load_model(folder, device, precision or "int8")
    stored = read_checkpoint(folder)
    if rest == [NUMPY]:
        return LightModel(stored, precision, cast(Arithmetic, plain))
    if rest != [COMPILED]:
        raise SettingError(f"no way to compute is called {computed!r}")
    if not compile_kernels(precision):
        raise SettingError(
            "it was computed by machine code, and none can be kept here: name a folder that can be "
            f"written, with {VARIABLE}"
        )
    return LightModel(stored, precision, arithmetic(precision))


def _with_torch(folder: str | Path, device: str) -> ComposingModel:
    need_torch(f"device {device}")
    with_torch = import_module("musegen.model.checkpoint")  # only where it is used
    model: ComposingModel = with_torch.load_checkpoint(folder, device)
    return model
