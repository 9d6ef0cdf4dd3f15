"""Where to compute, and how finely."""

import pytest
import torch

from musegen.errors import SettingError
from musegen.model.devices import pick_bf16, pick_device


def test_auto_is_what_is_there() -> None:
    """ "auto" names a device that a tensor can be made on."""
    assert torch.zeros(1, device=pick_device("auto")).item() == 0
    assert pick_device("cpu") == "cpu"


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is asked for and absent is an error that names what else there is."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("auto") == "cpu"
    for name in ("cuda", "mps"):
        with pytest.raises(SettingError, match="use auto, cpu or"):
            pick_device(name)


def test_precision_can_be_said() -> None:
    """What is asked for is done; "auto" asks the hardware."""
    assert pick_bf16("bf16", "cpu") is True
    assert pick_bf16("fp32", "cpu") is False
    assert pick_bf16("auto", "cpu") in (True, False)
    assert pick_bf16("auto", "mps") is False
