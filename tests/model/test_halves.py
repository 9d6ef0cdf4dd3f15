"""A processor that trains in bfloat16 computes what the model says, to the rounding of that."""

import pytest
import torch
import torch.nn.functional as F

from musegen.corpus.windows import scored_rows
from musegen.model import halves
from musegen.model.config import ModelConfig
from musegen.model.loss import row_loss
from musegen.model.transformer import Block, MusicModel, rotary_angles
from tests.corpus.pieces import made_piece
from tests.model.tiny import TINY, as_tensors, tiny_model

BF16 = 2**-8


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """How far two tensors are from each other, as a share of their size."""
    size, away = other.detach().norm(), (one.detach() - other.detach()).norm()
    return float(away / size if away else away)


@pytest.mark.parametrize("kv_heads", [0, 2, 1])
@pytest.mark.parametrize("time", [1, halves.BLOCK, 2 * halves.BLOCK + 37])
def test_a_layer_and_its_gradients(time: int, kv_heads: int) -> None:
    """However many blocks of queries there are, and who shares keys and values."""
    torch.manual_seed(1)
    config = ModelConfig(layers=1, width=48, heads=4, hidden=64, context=512, kv_heads=kv_heads)
    block = Block(config)
    x = torch.randn(2, time, config.width, requires_grad=True)
    at = torch.arange(time).expand(2, time)
    cos, sin = (part[:, None] for part in rotary_angles(config, at, 5 * at))
    wanted = torch.randn_like(x)
    inputs = [x, *block.parameters()]
    exact = block(x, cos, sin)
    exact_moves = torch.autograd.grad(exact, inputs, wanted)
    with torch.autocast("cpu", torch.bfloat16):
        assert halves.in_halves(x)
        found = block(x, cos, sin)
    assert apart(found, exact) < 2 * BF16
    for move, exact_move in zip(
        torch.autograd.grad(found, inputs, wanted), exact_moves, strict=True
    ):
        assert apart(move, exact_move) < 6 * BF16 or float(exact_move.norm()) < 1e-5


def test_no_row_sees_a_later_one() -> None:
    """Inside a block and across blocks."""
    torch.manual_seed(2)
    time, heads = halves.BLOCK + 30, 2
    qkv = torch.randn(1, time, 3 * 32, dtype=torch.bfloat16)
    cos, sin = torch.ones(1, 1, time, 8), torch.zeros(1, 1, time, 8)
    before = halves.attended(qkv, cos, sin, 16, heads)
    for row in (40, halves.BLOCK + 3):
        changed = qkv.clone()
        changed[:, row:] = 7
        after = halves.attended(changed, cos, sin, 16, heads)
        assert torch.equal(after[:, :row], before[:, :row])


def learned(model: MusicModel, bf16: bool) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of a piece, and the gradient of every parameter."""
    rows = made_piece(3, bars=6, notes_per_bar=8)
    scored = torch.from_numpy(scored_rows(rows))[None]
    model.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = row_loss(model, *as_tensors(rows), scored)
    torch.autograd.backward(loss.total)
    moves = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return loss.total.item(), moves


def test_the_loss_and_its_gradients() -> None:
    """Of the whole model, with every kind of row and its decoder."""
    model = tiny_model()
    exact, exact_moves = learned(model, bf16=False)
    found, moves = learned(model, bf16=True)
    assert found == pytest.approx(exact, rel=BF16)
    assert moves.keys() == exact_moves.keys()
    for name, move in moves.items():
        assert apart(move, exact_moves[name]) < 8 * BF16, name


def test_what_is_dropped_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient goes through the same parts of a field's answer that were kept."""
    kept = torch.rand(16, TINY.width) < 0.5
    monkeypatch.setattr(torch, "native_dropout", lambda x, p, train: (x * kept / (1 - p), kept))
    monkeypatch.setattr(F, "dropout", lambda x, p, train: x * kept / (1 - p))
    model = tiny_model(config=ModelConfig(**{**TINY.__dict__, "dropout": 0.5})).train()
    decoder, full = model.decoder, model.embedding.full().detach()
    torch.manual_seed(4)
    h = torch.randn(16, TINY.width, requires_grad=True)
    ids = torch.randint(1, len(full), (16, 3))
    inputs = [h, decoder.up["CHORD"], decoder.down["CHORD"], decoder.norms["CHORD"]]
    said = {}
    for bf16 in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out = decoder.foreseen(full, "CHORD", h, ids, ids[:, 1:]).float()
        said[bf16] = out, *torch.autograd.grad(out.square().sum(), inputs)
    for found, exact in zip(said[True], said[False], strict=True):
        assert apart(found, exact) < 6 * BF16
