"""Which device to compute on, and in which precision."""

import torch

from musegen.errors import SettingError


def pick_device(name: str) -> str:
    """The device to train or compose on; "auto" takes the fastest that is there."""
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingError("--device cuda: torch finds no CUDA GPU here; use auto, cpu or mps")
    if name == "mps" and not torch.backends.mps.is_available():
        raise SettingError("--device mps: torch finds no Apple GPU here; use auto, cpu or cuda")
    return name


def pick_bf16(precision: str, device: str) -> bool:
    """Whether to compute in bfloat16: "auto" does where the hardware has it."""
    if precision != "auto":
        return precision == "bf16"
    if device == "cpu":
        capability = torch.backends.cpu.get_cpu_capability()
        return "AVX512" in capability and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return device.startswith("cuda") and torch.cuda.is_bf16_supported()
