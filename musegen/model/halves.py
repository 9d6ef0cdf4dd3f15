"""What a processor that trains in bfloat16 computes by its own: parts of a layer, with gradients.

On a CPU torch's products of bfloat16 matrices are fast, and most of what lies between them is not:
a norm is nine passes over its rows, attention is told to multiply matrices too small to be worth
it. Here the same is done in few passes, and attention in blocks of products. Knows no music.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from musegen.model.config import NORM_EPSILON

BLOCK = 128
"""Queries that are asked together: what lies behind the last of them is not computed."""


def in_halves(x: Tensor) -> bool:
    """Whether x is on a processor that is to compute in bfloat16."""
    if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return False
    return bool(torch.get_autocast_dtype("cpu") is torch.bfloat16)


def normed(x: Tensor, weight: Tensor) -> Tensor:
    """Rows x (..., width) by the root of their mean square, times a weight: in bfloat16."""
    return _of(_Normed, x, weight)


def norm(written: nn.RMSNorm, x: Tensor) -> Tensor:
    """What the module makes of x, in bfloat16 where that is to be computed in."""
    if in_halves(x):
        return normed(x, written.weight)
    out: Tensor = written(x)
    return out


def looked_up(ids: Tensor, vectors: Tensor) -> Tensor:
    """The vectors (N, width) that ids (N,) name, in bfloat16; gradients add up in float32."""
    return _of(_LookedUp, ids, vectors)


def gated(both: Tensor) -> Tensor:
    """SwiGLU: silu of the first half of (..., 2 hidden), times the second."""
    return _of(_Gated, both)


def attended(qkv: Tensor, cos: Tensor, sin: Tensor, head_width: int, key_heads: int) -> Tensor:
    """Causal attention of rotated queries and keys: (B, T, width) from qkv (B, T, qkv width).

    Its last 2 * key_heads heads are keys and values, which the others share in equal groups.
    cos, sin: (B, 1, T, head_width / 2).
    """
    heads = qkv.shape[-1] // head_width - 2 * key_heads
    if key_heads < heads:
        q, kv = qkv.tensor_split([heads * head_width], -1)
        shared = kv.view(*kv.shape[:-1], 2, key_heads, head_width)
        shared = shared.repeat_interleave(heads // key_heads, -2)
        qkv = torch.cat([q, shared.flatten(-3)], -1)
    return _of(_Attended, qkv, cos, sin, heads)


def foreseen(
    h: Tensor, own: Tensor | None, full: Tensor, norms: Tensor, gates: Tensor, up: Tensor,
    down: Tensor, chosen: Tensor, prior: Tensor, first: int, dropout: float,
) -> Tensor:  # fmt: skip
    """What the fields of a kind say before their logits: (fields, N, width).

    As `RowDecoder.states` and `hidden` have it. h: (N, width); own: (N, width), added from field
    `first` on; full: (ids, width); the kind's norms and gates (fields, 1, width), up and down;
    chosen, prior: (fields, N) ids.
    """
    return _of(_Foreseen, h, own, full, norms, gates, up, down, chosen, prior, first, dropout)


def _of(function: type[torch.autograd.Function], *inputs: Any) -> Tensor:
    out: Tensor = function.apply(*inputs)  # type: ignore[no-untyped-call]
    return out


class _Normed(torch.autograd.Function):
    """`normed`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        factor = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        factor = factor.square_().div_(x.shape[-1]).add_(NORM_EPSILON).rsqrt_()
        ctx.save_for_backward(x, weight, factor)
        normal: Tensor = x * factor
        return normal.mul_(weight).bfloat16()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, moved: Tensor) -> tuple[Tensor, Tensor]:
        x, weight, factor = ctx.saved_tensors
        whole = x * factor
        back = moved.to(torch.float32, copy=True)
        of_weight = (back * whole).flatten(0, -2).sum(0)
        back.mul_(weight)
        along = torch.linalg.vecdot(back, whole).div_(-x.shape[-1])[..., None]
        return back.addcmul_(whole, along).mul_(factor).to(x.dtype), of_weight


class _LookedUp(torch.autograd.Function):
    """`looked_up`."""

    @staticmethod
    def forward(ctx: Any, ids: Tensor, vectors: Tensor) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.shape = vectors.shape
        return vectors.bfloat16().index_select(0, ids)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, moved: Tensor) -> tuple[None, Tensor]:
        (ids,) = ctx.saved_tensors
        back = moved.new_zeros(ctx.shape, dtype=torch.float32)
        return None, back.index_add_(0, ids, moved.float())


class _Gated(torch.autograd.Function):
    """`gated`. What silu gave is kept: it costs more than the rest."""

    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        gate, up = both.chunk(2, dim=-1)
        opened = F.silu(gate)
        ctx.save_for_backward(both, opened)
        return opened * up

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, moved: Tensor) -> Tensor:
        both, opened = ctx.saved_tensors
        gate, up = both.chunk(2, dim=-1)
        back = torch.empty_like(both)
        of_gate, of_up = back.chunk(2, dim=-1)
        torch.mul(moved, opened, out=of_up)
        torch.ops.aten.silu_backward.grad_input(moved * up, gate, grad_input=of_gate)
        return back


class _Attended(torch.autograd.Function):
    """`attended`. Queries are asked block by block; the odds of each block are kept."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor, heads: int) -> Tensor:
        batch, time, _ = qkv.shape
        parts = qkv.view(batch, time, 3, heads, -1).permute(2, 0, 3, 1, 4)
        scale = parts.shape[-1] ** -0.5
        cos, sin = (
            torch.stack([part * scale, part]).bfloat16()  # (2, B, 1, T, head_width)
            for part in (torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1))
        )
        turned = _turned(parts[:2].contiguous(), cos, sin)
        q, k = turned.flatten(1, 2).unbind(0)  # (B H, T, head_width)
        v = parts[2].reshape(q.shape)
        attended = torch.empty_like(q)
        later = q.new_full((BLOCK, BLOCK), -torch.inf).triu(1)
        odds: list[Tensor] = []
        with torch.autocast("cpu", enabled=False):
            for first in range(0, time, BLOCK):
                last = min(first + BLOCK, time)
                scores = torch.bmm(q[:, first:last], k[:, :last].mT)
                scores[:, :, first:] += later[: last - first, : last - first]
                odds.append(torch.softmax(scores, -1))
                torch.bmm(odds[-1], v[:, :last], out=attended[:, first:last])
        ctx.save_for_backward(q, k, v, attended, cos, sin, *odds)
        ctx.heads = heads
        return attended.view(batch, heads, time, -1).transpose(1, 2).flatten(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, moved: Tensor) -> tuple[Tensor, None, None, None]:
        q, k, v, attended, cos, sin, *odds = ctx.saved_tensors
        batch, time, width = moved.shape
        back = moved.view(batch, time, ctx.heads, -1).transpose(1, 2).reshape(q.shape)
        mean = (back * attended).sum(-1, keepdim=True)
        of_turned = q.new_empty(2, *q.shape)
        of_k, of_v = (torch.zeros(k.shape) for _ in range(2))  # float32: blocks add up
        for first, said in zip(range(0, time, BLOCK), odds, strict=True):
            last = min(first + BLOCK, time)
            here = back[:, first:last]
            of_v[:, :last] += torch.bmm(said.mT, here)
            of_scores = torch.bmm(here, v[:, :last].mT).sub_(mean[:, first:last]).mul_(said)
            torch.bmm(of_scores, k[:, :last], out=of_turned[0, :, first:last])
            of_k[:, :last] += torch.bmm(of_scores.mT, q[:, first:last])
        of_turned[1] = of_k
        of_qkv = moved.new_empty(batch, time, 3 * width)
        parts = of_qkv.view(batch, time, 3, ctx.heads, -1).permute(2, 0, 3, 1, 4)
        parts[:2] = _turned(of_turned.view(parts[:2].shape), cos, sin, back=True)
        parts[2] = of_v.view(parts[2].shape)
        return of_qkv, None, None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor, back: bool = False) -> Tensor:
    """x (2, B, H, T, head_width), changed by it, turned by angles: cosines twice, -sines, sines."""
    left, right = x.chunk(2, dim=-1)
    other = torch.cat([right, left], -1)
    return x.mul_(cos).addcmul_(other, sin, value=-1 if back else 1)


class _Foreseen(torch.autograd.Function):
    """`foreseen`, field by field, so that what is looked at is small."""

    @staticmethod
    def forward(
        ctx: Any, h: Tensor, own: Tensor | None, full: Tensor, norms: Tensor, gates: Tensor,
        up: Tensor, down: Tensor, chosen: Tensor, prior: Tensor, first: int, dropout: float,
    ) -> Tensor:  # fmt: skip
        fields, (count, width) = len(chosen), h.shape
        so_far = h.to(torch.float32, copy=True)
        up, down = up.bfloat16(), down.bfloat16()
        whole, said = (h.new_empty(fields, count, width, dtype=torch.bfloat16) for _ in range(2))
        inner = up.new_empty(fields, count, up.shape[-1])
        factors = full.new_empty(fields, count, 1)
        kept: list[Tensor] = []
        with torch.autocast("cpu", enabled=False):
            for i in range(fields):
                so_far += F.embedding(chosen[i], full)
                state = torch.addcmul(so_far, F.embedding(prior[i], full), gates[i])
                if own is not None and i >= first:
                    state += own
                torch.linalg.vector_norm(state, dim=-1, keepdim=True, out=factors[i])
                factors[i].square_().div_(width).add_(NORM_EPSILON).rsqrt_()
                whole[i] = state.mul_(factors[i])
                x = state.mul_(norms[i]).bfloat16()
                torch.mm(x, up[i], out=inner[i])
                added = F.silu(inner[i]) @ down[i]
                if dropout:
                    added, mask = torch.native_dropout(added, dropout, True)
                    kept.append(mask)
                torch.add(x, added, out=said[i])
        ctx.save_for_backward(
            full, norms, gates, up, down, chosen, prior, whole, inner, factors, *kept
        )
        ctx.first, ctx.dropout, ctx.with_own = first, dropout, own is not None
        return said

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, moved: Tensor) -> tuple[Tensor | None, ...]:
        full, norms, gates, up, down, chosen, prior, whole, inner, factors, *kept = (
            ctx.saved_tensors
        )
        fields, count, width = whole.shape
        of_full, of_h = torch.zeros_like(full), full.new_zeros(count, width)
        of_norms, of_gates = torch.empty_like(norms), torch.empty_like(gates)
        of_up, of_down = torch.empty_like(up), torch.empty_like(down)
        of_own = None
        for i in reversed(range(fields)):
            of_added = moved[i]
            if ctx.dropout:
                of_added = of_added * kept[i] / (1 - ctx.dropout)
            torch.mm(F.silu(inner[i]).T, of_added, out=of_down[i])
            of_inner = torch.ops.aten.silu_backward(of_added @ down[i].T, inner[i])
            state = whole[i].float()
            torch.mm((state * norms[i]).bfloat16().T, of_inner, out=of_up[i])
            back = torch.addmm(moved[i], of_inner, up[i].T).float()
            of_norms[i] = (back * state).sum(0)
            back.mul_(norms[i])
            along = torch.linalg.vecdot(back, state).div_(-width)[:, None]
            back.addcmul_(state, along).mul_(factors[i])
            of_h += back
            if ctx.with_own and i == ctx.first:
                of_own = of_h.clone()
            of_gates[i] = (back * F.embedding(prior[i], full)).sum(0)
            of_full.index_add_(0, prior[i], back.mul_(gates[i]))
            of_full.index_add_(0, chosen[i], of_h)
        weights = of_norms, of_gates, of_up.float(), of_down.float()
        return of_h, of_own, of_full, *weights, None, None, None, None
