"""The optimisers of a run: Muon for the matrices in the network, AdamW for all other numbers."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from musegen.model.transformer import MusicModel

QUINTIC = (3.4445, -4.7750, 2.0315)
"""a, b, c of x -> a x + b x^3 + c x^5, which takes every singular value near 1 in a few steps."""

QUINTIC_STEPS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrices (..., rows, columns) with their singular values near 1: in about 0.7 to 1.2.

    The Newton-Schulz iteration of Jordan et al. 2024 ("Muon: an optimizer for hidden layers in
    neural networks"), done on the small Gram matrix: the product of the steps' polynomials is
    found first, and meets the long matrix once. That squares the singular values, so it needs
    float32: in bfloat16 the small ones would be lost.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    long = matrix.mT if tall else matrix
    x = long / (torch.linalg.matrix_norm(long, keepdim=True) + 1e-7)
    gram = x @ x.mT
    a, b, c = QUINTIC
    product: Tensor | None = None
    for step in range(QUINTIC_STEPS):
        polynomial = b * gram + c * (gram @ gram)
        polynomial.diagonal(dim1=-2, dim2=-1).add_(a)
        product = polynomial if product is None else polynomial @ product
        if step + 1 < QUINTIC_STEPS:
            gram = polynomial @ (polynomial @ gram)
    assert product is not None
    moved: Tensor = product @ x
    return moved.mT if tall else moved


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
            alike = defaultdict(list)  # by shape: those are moved together
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape].append(matrix)
            for matrices in alike.values():
                self._move(matrices, group)

    def _move(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        """Matrices of one shape have moved."""
        momentum, rate = group["momentum"], group["lr"]
        for matrix in matrices:
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        buffers = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        ahead = torch.stack(torch._foreach_lerp(gradients, buffers, momentum))
        moves = orthogonal(ahead.float()).to(ahead.dtype)
        torch._foreach_mul_(matrices, 1 - rate * group["weight_decay"])
        scale = -0.2 * rate * math.sqrt(max(matrices[0].shape))
        torch._foreach_add_(matrices, list(moves), alpha=scale)


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
