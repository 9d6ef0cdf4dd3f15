"""The optimisers of a run: Muon for the matrices in the network, AdamW for all other numbers."""

import torch

from musegen.model.transformer import MusicModel


def optimizers_of(
    model: MusicModel, rate: float, weight_decay: float, beta2: float
) -> tuple[torch.optim.Optimizer, ...]:
    """Every parameter of the model has one optimiser.

    Muon is momentum whose steps are made orthogonal (Jordan et al. 2024, "Muon: an optimizer for
    hidden layers in neural networks"); its steps are scaled as in Liu et al. 2025 ("Muon is
    scalable for LLM training"), so that both take the rate and the decay of AdamW.
    """
    matrices = model.matrices()
    inside = {id(parameter) for parameter in matrices}
    others = [p for p in model.parameters() if id(p) not in inside]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    return (
        torch.optim.Muon(
            matrices, lr=rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(groups, lr=rate, betas=(0.9, beta2), fused=True),
    )
