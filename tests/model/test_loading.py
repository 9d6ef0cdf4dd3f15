"""A checkpoint computes as it is asked to, and says how."""

import os
from pathlib import Path

import pytest

from musegen.errors import SettingError
from musegen.model import loading, plain
from musegen.model.checkpoint import Checkpoint
from musegen.model.light import LightModel
from musegen.model.loading import computed_by, load_as, load_model


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_machine_code_and_numpy_are_told_apart(checkpoint: Path, precision: str) -> None:
    """What is said of a model makes one that computes the same way, whatever is ready meanwhile."""
    ready = load_model(checkpoint, precision=precision)
    assert computed_by(ready) == f"{precision}, compiled"
    for way in ("compiled", "numpy"):
        model = load_as(checkpoint, "cpu", f"{precision}, {way}")
        assert isinstance(model, LightModel)
        assert (model.arithmetic is plain) == (way == "numpy")
        assert computed_by(model) == f"{precision}, {way}"


def test_torch_computes_again_where_it_did(checkpoint: Path) -> None:
    """On a CPU, too; its version and threads are said."""
    model = load_as(checkpoint, "cpu", "float32, torch 2.0.0, 7 threads")
    assert isinstance(model, Checkpoint)
    assert computed_by(model).startswith("float32, torch 2.")


@pytest.mark.parametrize("said", ["", "float32"])
def test_where_nothing_is_said_of_the_way(checkpoint: Path, said: str) -> None:
    """Whatever is ready computes, in the precision that is said."""
    assert load_as(checkpoint, "cpu", said).computed == (said or "int8")


def test_what_cannot_be_done_here(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No place for machine code, an unknown way: an error in words."""
    with pytest.raises(SettingError, match="no way to compute is called 'int8, abacus'"):
        load_as(checkpoint, "cpu", "int8, abacus")
    monkeypatch.setenv("MUSEGEN_CACHE", os.devnull)
    with pytest.raises(SettingError, match=r"computed by machine code.*MUSEGEN_CACHE"):
        load_as(checkpoint, "cpu", "int8, compiled")


@pytest.mark.parametrize(("much", "asked"), [(True, ["int8"]), (False, [])])
def test_much_is_worth_waiting_for(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, much: bool, asked: list[str]
) -> None:
    """Where many pieces are to come the kernels are compiled first; for one nobody waits."""
    compiled: list[str] = []
    monkeypatch.setattr(loading, "compile_kernels", compiled.append)
    load_model(checkpoint, much=much)
    assert compiled == asked
