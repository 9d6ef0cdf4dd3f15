"""What a step of training has to multiply: the operations of its matrix products, by arithmetic.

In: a model and a batch. Out: a number. Measures nothing.
"""

from musegen.corpus.batches import Batch
from musegen.model.transformer import LEANS, MusicModel
from musegen.tokens.fields import TABLE


def step_flops(model: MusicModel, batch: Batch) -> float:
    """Operations of the matrix products of one step: 2 a weight forward, and twice that backward.

    The transformer sees every row with its padding; attention counts the causal half; the nested
    decoder sees the scored rows, each with the weights of its kind.
    """
    config, decoder = model.config, model.decoder
    examples, width = batch.rows.shape[0], batch.rows.shape[1]
    rows = examples * width
    weights = model.seen.weight.numel()
    weights += sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)
    forward: float = 2 * rows * weights
    forward += 2 * 2 * examples * config.layers * config.width * width * (width + 1) / 2
    targets = batch.rows[:, 1:, 0][batch.scored[:, 1:]]
    forward += 2 * len(targets) * config.width * len(TABLE.kinds)
    for number, kind in enumerate(TABLE.kinds):
        if kind.name not in decoder.up:
            continue
        inner = decoder.up[kind.name].numel() + decoder.down[kind.name].numel()
        if kind.own_from:
            inner += decoder.own.weight.numel()
        outputs = sum(TABLE.fields[name].size for name in kind.fields) * config.width
        outputs += sum(
            p.numel()
            for name, p in model.named_parameters()
            if name.startswith(f"{LEANS}{kind.name}_") and p.ndim == 2
        )
        forward += 2 * int((targets == number).sum()) * (inner + outputs)
    return 3 * forward
