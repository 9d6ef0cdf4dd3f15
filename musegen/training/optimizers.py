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

STEPS_AT_ONCE = {torch.float32: (5,), torch.bfloat16: (3, 2)}
"""How many steps are taken on one Gram matrix before the matrix is looked at again."""


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrices (..., rows, columns) with their singular values near 1: in about 0.7 to 1.2.

    The Newton-Schulz iteration of Jordan et al. 2024 ("Muon: an optimizer for hidden layers in
    neural networks"), done on the small Gram matrix: the product of the steps' polynomials is
    found first, and then meets the long matrix. That squares the singular values: in float32 all
    five steps can be taken so, in bfloat16 the small ones would be lost after the third.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    long = matrix.mT if tall else matrix
    x: Tensor = (long / (torch.linalg.matrix_norm(long.float(), keepdim=True) + 1e-7)).to(
        matrix.dtype
    )
    moved = x.view(-1, *x.shape[-2:])  # (matrices, rows, columns)
    for steps in STEPS_AT_ONCE[matrix.dtype]:
        moved = _product(moved @ moved.mT, steps) @ moved
    moved = moved.view(x.shape)
    return moved.mT if tall else moved


def _product(gram: Tensor, steps: int) -> Tensor:
    """What matrices with these Gram matrices are to be multiplied by to be so many steps on."""
    a, b, c = QUINTIC
    product: Tensor | None = None
    for step in range(steps):
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal(dim1=-2, dim2=-1).add_(a)
        product = polynomial if product is None else polynomial @ product
        if step + 1 < steps:
            gram = polynomial @ (polynomial @ gram)
    assert product is not None
    return product


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are made orthogonal (Jordan et al. 2024), for matrices.

    Steps are scaled as in Liu et al. 2025 ("Muon is scalable for LLM training"), so that rate and
    decay are those of AdamW. torch.optim.Muon does the same, but always iterates in bfloat16, at
    which a processor without bfloat16 products is fifty times slower than at float32.
    """

    def __init__(
        self,
        matrices: Iterable[Tensor],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        bf16: bool = False,
    ) -> None:
        self._iterated = torch.bfloat16 if bf16 else torch.float32
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
        moves = orthogonal(ahead.to(self._iterated)).to(ahead.dtype)
        torch._foreach_mul_(matrices, 1 - rate * group["weight_decay"])
        scale = -0.2 * rate * math.sqrt(max(matrices[0].shape))
        torch._foreach_add_(matrices, list(moves), alpha=scale)


def optimizers_of(
    model: MusicModel, rate: float, weight_decay: float, beta2: float, bf16: bool = False
) -> tuple[torch.optim.Optimizer, ...]:
    """Every parameter of the model has one optimiser; bf16: matrices are multiplied in that."""
    matrices = model.matrices()
    inside = {id(parameter) for parameter in matrices}
    others = [p for p in model.parameters() if id(p) not in inside]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    return (
        Muon(matrices, rate, weight_decay, bf16=bf16),
        torch.optim.AdamW(groups, lr=rate, betas=(0.9, beta2), fused=True),
    )
