"""Muon moves matrices as torch's own Muon does; each parameter has one optimiser."""

import pytest
import torch

from musegen.model.config import ModelConfig
from musegen.model.transformer import MusicModel
from musegen.tokens.fields import TABLE
from musegen.training.optimizers import Muon, optimizers_of, orthogonal

SHAPES = [(24, 24), (40, 16), (16, 40), (1, 9)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("smallest", [1.0, 0.2])
def test_singular_values_come_near_one(shape: tuple[int, int], smallest: float) -> None:
    """And the singular vectors stay."""
    torch.manual_seed(3)
    count = min(shape)
    u, _ = torch.linalg.qr(torch.randn(shape[0], count))
    v, _ = torch.linalg.qr(torch.randn(shape[1], count))
    matrix = u @ torch.diag(torch.linspace(1, smallest, count)) @ v.T * 37
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert 0.65 < float(values.min()) <= float(values.max()) < 1.25
    same_way = torch.linalg.svdvals(u.T @ orthogonal(matrix) @ v)
    assert float((same_way - values[:count]).abs().max()) < 1e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_in_bfloat16_small_values_are_not_lost(shape: tuple[int, int]) -> None:
    """Singular values that fall to a fortieth end where they do in float32, or near it."""
    torch.manual_seed(3)
    count = min(shape)
    u, _ = torch.linalg.qr(torch.randn(shape[0], count))
    v, _ = torch.linalg.qr(torch.randn(shape[1], count))
    matrix = u @ torch.diag(1 / torch.arange(1, count + 1)) @ v.T * 37
    exact = orthogonal(matrix)
    assert float((orthogonal(matrix.bfloat16()) - exact).norm() / exact.norm()) < 0.15


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_zero_gradient_moves_nothing(dtype: torch.dtype) -> None:
    """No division by zero."""
    assert float(orthogonal(torch.zeros(5, 7, dtype=dtype)).abs().max()) == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_moves_as_torch(shape: tuple[int, int]) -> None:
    """Four steps of momentum, decay and scale."""
    torch.manual_seed(5)
    start = torch.randn(shape)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    muon = Muon([ours], 0.02, 0.1)
    torchs = torch.optim.Muon([theirs], 0.02, 0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        gradient = torch.randn(shape)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        muon.step()
        torchs.step()
    moved, apart = (theirs - start).norm().item(), (ours - theirs).norm().item()
    assert apart < 0.1 * moved  # torch's are rounded to bfloat16 on the way


def test_every_parameter_has_one_optimiser() -> None:
    """None is left out, none moves twice."""
    model = MusicModel(TABLE, ModelConfig(layers=2, width=16, heads=2, hidden=16, context=64))
    held = [
        id(p)
        for optimizer in optimizers_of(model, 1e-3, 0.1, 0.99)
        for group in optimizer.param_groups
        for p in group["params"]
    ]
    assert sorted(held) == sorted(id(p) for p in model.parameters())
