"""Vectors times matrices, as machine code: float32 numbers plainly, whole ones in blocks.

A matrix of whole numbers lies as `packing` says. Vectors become whole numbers, too, with a scale
each; products are added up as integers, so that no order of adding changes a result: a piece gets
the same numbers alone as beside others.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from musegen.model.packing import BLOCK, GROUP
from musegen.model.plain import FINE

F = np.float32

FAST: Any = {
    "fastmath": {"contract", "reassoc", "nsz"},
    "error_model": "numpy",
    "nogil": True,
}
"""Sums may be taken in any order, several at a time; numbers that are not finite stay so."""

TOGETHER = 4
"""How many vectors share what is loaded of a matrix."""

BLOCKS = 4
"""How many blocks share what is loaded of a vector, where there is one."""

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_LOADED = BLOCK * GROUP // 2  # numbers that are multiplied at once: 32, of 8 outputs
_EVEN, _ODD = (
    ir.Constant(ir.VectorType(_I32, _LOADED // 2), list(range(first, _LOADED, 2)))
    for first in (0, 1)
)


def _dots(blocks: int, vectors: int, at_once: int) -> Any:
    """A function that fills y (B, out) for so many blocks of outputs and vectors, from some on.

    at_once: how many groups of inputs are added up apart from each other, so that none waits.
    Pairs of products are added in one instruction (pmaddwd, or with its sum vpdpwssd): LLVM knows
    it by the sum of the even and the odd ones, and takes others where a processor has no such one.
    """
    sums, wide = ir.VectorType(_I32, _LOADED // 2), ir.VectorType(_I32, _LOADED)
    real = ir.VectorType(ir.FloatType(), BLOCK)
    repeated = ir.Constant(wide, [place % GROUP for place in range(_LOADED)])
    each_half = [(block, half) for block in range(blocks) for half in range(2)]

    def paired(builder: Any, one: Any, two: Any) -> Any:
        even, odd = (builder.shuffle_vector(one, two, mask) for mask in (_EVEN, _ODD))
        return builder.add(even, odd)

    def load(builder: Any, pointer: Any, place: Any, kind: Any, align: int) -> Any:
        there = builder.bitcast(builder.gep(pointer, [place]), kind.as_pointer())
        return builder.load(there, align=align)

    def row(builder: Any, array: Any, number: Any) -> Any:
        columns = builder.extract_value(array.shape, 1)
        return builder.gep(array.data, [builder.mul(number, columns)])

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        first_block, first_vector, groups = given[5:]
        numbers, scale, x, x_scale, y = (
            context.make_array(kind)(context, builder, array)
            for kind, array in zip(signature.args[:5], given[:5], strict=True)
        )
        block_numbers = [builder.add(first_block, _I64(block)) for block in range(blocks)]
        vector_numbers = [builder.add(first_vector, _I64(vector)) for vector in range(vectors)]
        matrix = [row(builder, numbers, number) for number in block_numbers]
        inputs = [row(builder, x, number) for number in vector_numbers]
        found = [
            {
                (vector, *place): cgutils.alloca_once(builder, sums)
                for vector in range(vectors)
                for place in each_half
            }
            for _ in range(at_once)
        ]
        for sum_ in (sum_ for each in found for sum_ in each.values()):
            builder.store(ir.Constant(sums, [0] * BLOCK), sum_)

        def add(group: Any, into: Any) -> None:
            first = builder.mul(group, _I64(2 * _LOADED))
            weights = {}
            for block, half in each_half:
                place = builder.add(first, _I64(half * _LOADED))
                loaded = load(builder, matrix[block], place, ir.VectorType(_I8, _LOADED), 1)
                weights[block, half] = builder.sext(loaded, wide)
            for vector, pointer in enumerate(inputs):
                place = builder.mul(group, _I64(GROUP))
                four = load(builder, pointer, place, ir.VectorType(_I16, GROUP), 2)
                none = ir.Constant(four.type, ir.Undefined)
                factor = builder.sext(builder.shuffle_vector(four, none, repeated), wide)
                for which, weight in weights.items():
                    products = builder.mul(weight, factor)
                    more = paired(builder, products, ir.Constant(wide, ir.Undefined))
                    sum_ = into[(vector, *which)]
                    builder.store(builder.add(builder.load(sum_), more), sum_)

        whole = builder.mul(builder.sdiv(groups, _I64(at_once)), _I64(at_once))
        with cgutils.for_range_slice(builder, _I64(0), whole, _I64(at_once)) as (group, _):
            for place, into in enumerate(found):
                add(builder.add(group, _I64(place)), into)
        if at_once > 1:
            with cgutils.for_range_slice(builder, whole, groups, _I64(1)) as (group, _):
                add(group, found[0])
        none = ir.Constant(real, ir.Undefined)
        each_one = ir.Constant(ir.VectorType(_I32, BLOCK), [0] * BLOCK)
        for vector, number in enumerate(vector_numbers):
            one = builder.load(builder.gep(x_scale.data, [number]))
            one = builder.shuffle_vector(builder.insert_element(none, one, _I32(0)), none, each_one)
            for block, place in enumerate(block_numbers):
                totals = []
                for half in range(2):
                    total = builder.load(found[0][vector, block, half])
                    for each in found[1:]:
                        total = builder.add(total, builder.load(each[vector, block, half]))
                    totals.append(total)
                first = builder.mul(place, _I64(BLOCK))
                product = builder.sitofp(paired(builder, *totals), real)
                product = builder.fmul(product, load(builder, scale.data, first, real, 4))
                there = builder.gep(row(builder, y, number), [first])
                there = builder.bitcast(there, real.as_pointer())
                builder.store(builder.fmul(product, one), there, align=4)
        return context.get_dummy_value()

    @intrinsic
    def dots(typing, numbers, scale, x, x_scale, y, block, b, groups):
        where = (types.intp,) * 3
        return types.void(numbers, scale, x, x_scale, y, *where), generate

    return dots


dots_of_one, dots_of_four = _dots(1, 1, 2), _dots(1, TOGETHER, 1)
dots_of_blocks = _dots(BLOCKS, 1, 1)


@njit(**FAST)
def largest(x):
    """The largest size of the numbers of a vector, at least 1e-20.

    Compared as integers, which floats above 0 follow in order: that vectorises, and a number that
    is none counts as the largest.
    """
    bits, most = x.view(np.int32), np.int32(0)
    for i in range(len(x)):
        size = np.int32(bits[i] & 0x7FFFFFFF)
        most = size if size > most else most
    return max(np.int32(most).view(np.float32), F(1e-20))


@njit(**FAST)
def in_whole(x, most, numbers):
    """The scale of the vector x; `numbers` (int16) hold x by that scale, as much as they can."""
    size = largest(x)
    enlarge = F(most) / size
    inner = min(len(x), len(numbers))
    for i in range(inner):
        numbers[i] = np.int16(np.rint(x[i] * enlarge))
    for i in range(inner, len(numbers)):
        numbers[i] = 0
    return size / F(most)


def product(x, numbers, scale, y):
    """y (B, out or more) = x (B, in or more) times the matrix (out, in), with a scale by output.

    Whole numbers lie in blocks as `packing` has them, and y has room for all their outputs.
    """
    raise NotImplementedError("only what is compiled calls it")


def _product_whole(x, numbers, scale, y):
    batch = len(x)
    groups = numbers.shape[1] // (BLOCK * GROUP)
    whole, x_scale = np.empty((batch, groups * GROUP), dtype=np.int16), np.empty(batch, dtype=F)
    for b in range(batch):
        x_scale[b] = in_whole(x[b], FINE, whole[b])
    blocks = numbers.shape[0] // BLOCKS * BLOCKS if batch == 1 else 0
    for block in range(0, blocks, BLOCKS):
        dots_of_blocks(numbers, scale, whole, x_scale, y, block, 0, groups)
    for block in range(blocks, numbers.shape[0]):
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
