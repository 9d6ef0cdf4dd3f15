"""Vectors times matrices, as machine code: float32 numbers plainly, whole ones in blocks.

A matrix of whole numbers lies as `packing` says. Vectors become whole numbers, too, with a scale
each; products are added up as integers, so that no order of adding changes a result: a piece gets
the same numbers alone as beside others.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from musegen.model.packing import BLOCK, GROUP
from musegen.model.plain import FINE

F = np.float32

FAST: dict[str, Any] = {
    "fastmath": {"contract", "reassoc", "nsz"},
    "error_model": "numpy",
    "nogil": True,
}
"""Sums may be taken in any order, several at a time; numbers that are not finite stay so."""

TOGETHER = 4
"""How many vectors share what is loaded of a matrix."""

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_LOADED = BLOCK * GROUP // 2  # numbers that are multiplied at once: 32, of 8 outputs
_EVEN, _ODD = (
    ir.Constant(ir.VectorType(_I32, _LOADED // 2), list(range(first, _LOADED, 2)))
    for first in (0, 1)
)


def _dots(vectors: int, at_once: int) -> Any:
    """A function that fills y (B, out) for one block of outputs and so many vectors from b on.

    at_once: how many groups of inputs are added up apart from each other, so that none waits.
    Pairs of products are added in one instruction (pmaddwd, or with its sum vpdpwssd): LLVM knows
    it by the sum of the even and the odd ones, and takes others where a processor has no such one.
    """
    sums, wide = ir.VectorType(_I32, _LOADED // 2), ir.VectorType(_I32, _LOADED)
    real = ir.VectorType(ir.FloatType(), BLOCK)
    none = ir.Constant(wide, ir.Undefined)
    repeated = ir.Constant(wide, [place % GROUP for place in range(_LOADED)])

    def paired(builder: Any, products: Any, more: Any) -> Any:
        return builder.add(
            builder.shuffle_vector(products, more, _EVEN),
            builder.shuffle_vector(products, more, _ODD),
        )

    @intrinsic
    def dots(typing, numbers, scale, x, x_scale, y, block, b, groups):  # type: ignore[misc]
        where = (types.intp,) * 3
        signature = types.void(numbers, scale, x, x_scale, y, *where)

        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            block, b, groups = given[5:]
            numbers, scale, x, x_scale, y = (
                context.make_array(kind)(context, builder, array)
                for kind, array in zip(signature.args[:5], given[:5], strict=True)
            )

            def row(array: Any, number: Any) -> Any:
                columns = builder.extract_value(array.shape, 1)
                return builder.gep(array.data, [builder.mul(number, columns)])

            def load(pointer: Any, place: Any, kind: Any, align: int) -> Any:
                there = builder.gep(pointer, [place])
                return builder.load(builder.bitcast(there, kind.as_pointer()), align=align)

            matrix = row(numbers, block)
            places = [builder.add(b, _I64(v)) for v in range(vectors)]
            inputs = [row(x, place) for place in places]
            found = [
                [[cgutils.alloca_once(builder, sums) for _ in range(2)] for _ in range(vectors)]
                for _ in range(at_once)
            ]
            for sum_ in (s for each in found for pair in each for s in pair):
                builder.store(ir.Constant(sums, [0] * (_LOADED // 2)), sum_)

            def add(group: Any, into: Any) -> None:
                halves = []
                for half in range(2):
                    place = builder.add(
                        builder.mul(group, _I64(2 * _LOADED)), _I64(half * _LOADED)
                    )
                    loaded = load(matrix, place, ir.VectorType(_I8, _LOADED), 1)
                    halves.append(builder.sext(loaded, wide))
                for vector, pair in zip(inputs, into, strict=True):
                    four = load(
                        vector, builder.mul(group, _I64(GROUP)), ir.VectorType(_I16, GROUP), 2
                    )
                    spread = builder.shuffle_vector(
                        four, ir.Constant(four.type, ir.Undefined), repeated
                    )
                    factor = builder.sext(spread, wide)
                    for half, sum_ in zip(halves, pair, strict=True):
                        more = paired(builder, builder.mul(half, factor), none)
                        builder.store(builder.add(builder.load(sum_), more), sum_)

            whole = builder.mul(builder.sdiv(groups, _I64(at_once)), _I64(at_once))
            with cgutils.for_range_slice(builder, _I64(0), whole, _I64(at_once)) as (group, _):
                for place, into in enumerate(found):
                    add(builder.add(group, _I64(place)), into)
            if at_once > 1:
                with cgutils.for_range_slice(builder, whole, groups, _I64(1)) as (group, _):
                    add(group, found[0])
            first = builder.mul(block, _I64(BLOCK))
            scales = load(scale.data, first, real, 4)
            for v, place in enumerate(places):
                halves = []
                for half in range(2):
                    total = builder.load(found[0][v][half])
                    for each in found[1:]:
                        total = builder.add(total, builder.load(each[v][half]))
                    halves.append(total)
                product = builder.fmul(builder.sitofp(paired(builder, *halves), real), scales)
                undefined = ir.Constant(real, ir.Undefined)
                one = builder.insert_element(
                    undefined, builder.load(builder.gep(x_scale.data, [place])), _I32(0)
                )
                each_one = ir.Constant(ir.VectorType(_I32, BLOCK), [0] * BLOCK)
                product = builder.fmul(product, builder.shuffle_vector(one, undefined, each_one))
                there = builder.gep(row(y, place), [first])
                builder.store(product, builder.bitcast(there, real.as_pointer()), align=4)
            return context.get_dummy_value()

        return signature, generate

    return dots


dots_of_one, dots_of_four = _dots(1, 2), _dots(TOGETHER, 1)


@njit(**FAST)
def in_whole(x, most, numbers):
    """The scale of the vector x; `numbers` (int16) are what they hold of x by it, up to `most`."""
    largest = F(1e-20)
    for i in range(len(x)):
        largest = max(largest, abs(x[i]))
    enlarge = F(most) / largest
    inner = min(len(x), len(numbers))
    for i in range(inner):
        numbers[i] = np.int16(np.rint(x[i] * enlarge))
    for i in range(inner, len(numbers)):
        numbers[i] = 0
    return largest / F(most)


def product(x, numbers, scale, y):
    """y (B, out or more) = x (B, in or more) times the matrix (out, in) with a scale for each output.

    Whole numbers lie in blocks as `packing` has them, and y has room for all their outputs.
    """
    raise NotImplementedError("only what is compiled calls it")


def _product_whole(x, numbers, scale, y):
    batch = len(x)
    groups = numbers.shape[1] // (BLOCK * GROUP)
    whole, x_scale = np.empty((batch, groups * GROUP), dtype=np.int16), np.empty(batch, dtype=F)
    for b in range(batch):
        x_scale[b] = in_whole(x[b], FINE, whole[b])
    for block in range(numbers.shape[0]):
        b = 0
        while b + TOGETHER <= batch:
            dots_of_four(numbers, scale, whole, x_scale, y, block, b, groups)
            b += TOGETHER
        while b < batch:
            dots_of_one(numbers, scale, whole, x_scale, y, block, b, groups)
            b += 1


def _product_real(x, numbers, scale, y):
    batch, inner = len(x), numbers.shape[1]
    for o in range(numbers.shape[0]):
        row = numbers[o]
        for b in range(batch):  # each by itself: sums must not depend on how many there are
            s = F(0)
            for i in range(inner):
                s += F(row[i]) * x[b, i]
            y[b, o] = s * scale[o]


@overload(product, jit_options=FAST)
def _product(x, numbers, scale, y):
    return _product_whole if numbers.dtype is types.int8 else _product_real
