"""The optimisers of a run: Muon for the matrices in the network, AdamW for all other numbers."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from musegen.model.transformer import MusicModel

QUINTIC = (3.4445, -4.7750, 2.0315)
"""a, b, c of x -> a x + b x^3 + c x^5, which takes every singular value near 1 in a few steps."""

QUINTIC_STEPS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix (rows, columns) with its singular values near 1: in about 0.7 to 1.2.

    The Newton-Schulz iteration of Jordan et al. 2024 ("Muon: an optimizer for hidden layers in
    neural networks"), done on the small Gram matrix: the product of the steps' polynomials is
    found first, and meets the long matrix once. That squares the singular values, so it needs
    float32: in bfloat16 the small ones would be lost.
    """
    long = matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix
    x = long / (long.norm() + 1e-7)
    gram = x @ x.T
    a, b, c = QUINTIC
    product: Tensor | None = None
    for step in range(QUINTIC_STEPS):
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal().add_(a)
        product = polynomial if product is None else polynomial @ product
        if step + 1 < QUINTIC_STEPS:
            gram = polynomial @ (polynomial @ gram)
    assert product is not None
    moved: Tensor = product @ x
    return moved.mT if matrix.shape[0] > matrix.shape[1] else moved


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are made orthogonal (Jordan et al. 2024), for matrices.

    Steps are scaled as in Liu et al. 2025 ("Muon is scalable for LLM training"), so that rate and
    decay are those of AdamW. torch.optim.Muon does the same, but iterates in bfloat16, at which a
    processor without bfloat16 products is fifty times slower than at float32.
    """

    def __init__(
        self,
        matrices: Iterable[Tensor],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        super().__init__(
            list(matrices), {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Every matrix that has a gradient moves once."""
        for group in self.param_groups:
            momentum, rate = group["momentum"], group["lr"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                buffer = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
                ahead = matrix.grad.lerp(buffer, momentum)
                move = orthogonal(ahead.float()).to(matrix.dtype)
                matrix.mul_(1 - rate * group["weight_decay"])
                matrix.add_(move, alpha=-0.2 * rate * math.sqrt(max(matrix.shape)))


def optimizers_of(
    model: MusicModel, rate: float, weight_decay: float, beta2: float
) -> tuple[torch.optim.Optimizer, ...]:
    """Every parameter of the model has one optimiser."""
    matrices = model.matrices()
    inside = {id(parameter) for parameter in matrices}
    others = [p for p in model.parameters() if id(p) not in inside]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    return (
        Muon(matrices, rate, weight_decay),
        torch.optim.AdamW(groups, lr=rate, betas=(0.9, beta2), fused=True),
    )
