"""Vectors times matrices, as machine code: float32 numbers plainly, whole ones in blocks.

A matrix of whole numbers lies as `packing` says. Vectors become whole numbers, too, with a scale
each; products are added up as integers, so that no order of adding changes a result: a piece gets
the same numbers alone as beside others.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from musegen.compiled import EXACT
from musegen.model.packing import BLOCK, GROUP, LANE
from musegen.model.plain import FINE

F = np.float32

FAST: Any = {**EXACT, "fastmath": {"contract", "reassoc", "nsz"}}
"""Sums may be taken in any order, several at a time; numbers that are not finite stay so."""

_WIDE = bool(get_host_cpu_features().get("avx512f"))
LANES, TOGETHER = (4, 2) if _WIDE else (2, 1)
"""How many lanes of outputs, and how many vectors, are multiplied at once: as registers allow."""

_LANES_OF_BLOCK = BLOCK // LANE
_BYTES = LANE * GROUP  # of a lane's group of inputs
_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_LOADED = _BYTES // 2  # numbers that are multiplied at once: 32, of 8 outputs
_SUMS, _SPREAD = ir.VectorType(_I32, LANE), ir.VectorType(_I32, _LOADED)
_REALS = ir.VectorType(ir.FloatType(), LANE)
_EVEN, _ODD = (ir.Constant(_SUMS, list(range(first, _LOADED, 2))) for first in (0, 1))
_REPEATED = ir.Constant(_SPREAD, [place % GROUP for place in range(_LOADED)])


def _paired(builder: Any, one: Any, two: Any) -> Any:
    """Every number of two vectors and its neighbour are added up."""
    even, odd = (builder.shuffle_vector(one, two, mask) for mask in (_EVEN, _ODD))
    return builder.add(even, odd)


def _load(builder: Any, pointer: Any, place: Any, kind: Any, align: int) -> Any:
    there = builder.bitcast(builder.gep(pointer, [place]), kind.as_pointer())
    return builder.load(there, align=align)


def _row(builder: Any, array: Any, number: Any) -> Any:
    columns = builder.extract_value(array.shape, 1)
    return builder.gep(array.data, [builder.mul(number, columns)])


def _fetch(builder: Any, pointer: Any) -> None:
    """What lies there comes from memory to the second-level cache meanwhile."""
    arguments = [_I8.as_pointer(), _I32, _I32, _I32]
    kind = ir.FunctionType(ir.VoidType(), arguments)
    fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    reading, level, data = _I32(0), _I32(1), _I32(1)
    builder.call(fetch, [pointer, reading, level, data])


def _dots(lanes: int, vectors: int, at_once: int) -> Any:
    """A function that fills y (B, out) for so many lanes of outputs and so many vectors from b on.

    lane: the first; its numbers begin at `start`, and `stride` later those of the next inputs.
    at_once: how many groups of inputs are added up apart from each other, so that none waits.
    ahead: None, or a matrix of which the same places are fetched meanwhile.

    Pairs of products are added in one instruction (pmaddwd, or with its sum vpdpwssd): LLVM knows
    it by the sum of the even and the odd ones, and takes others where a processor has no such one.
    """
    halves = [(lane, half) for lane in range(lanes) for half in range(2)]

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lane, start, stride, b, groups = given[6:]
        numbers, scale, x, x_scale, y, *ahead = (
            context.make_array(kind)(context, builder, array)
            for kind, array in zip(signature.args[:6], given[:6], strict=True)
            if kind is not types.none
        )
        matrix, *coming = (builder.gep(array.data, [start]) for array in (numbers, *ahead))
        places = [builder.add(b, _I64(vector)) for vector in range(vectors)]
        inputs = [_row(builder, x, place) for place in places]
        found = [
            {
                (vector, *which): cgutils.alloca_once(builder, _SUMS)
                for vector in range(vectors)
                for which in halves
            }
            for _ in range(at_once)
        ]
        for sum_ in (sum_ for each in found for sum_ in each.values()):
            builder.store(ir.Constant(_SUMS, [0] * LANE), sum_)

        def add(group: Any, into: Any) -> None:
            first = builder.mul(group, stride)
            weights = {}
            for place, half in halves:
                there = builder.add(first, _I64(place * _BYTES + half * _LOADED))
                for pointer in coming if half == 0 else ():
                    _fetch(builder, builder.gep(pointer, [there]))
                loaded = _load(builder, matrix, there, ir.VectorType(_I8, _LOADED), 1)
                weights[place, half] = builder.sext(loaded, _SPREAD)
            for vector, pointer in enumerate(inputs):
                there = builder.mul(group, _I64(GROUP))
                four = _load(builder, pointer, there, ir.VectorType(_I16, GROUP), 2)
                none = ir.Constant(four.type, ir.Undefined)
                factor = builder.sext(builder.shuffle_vector(four, none, _REPEATED), _SPREAD)
                for which, weight in weights.items():
                    product = builder.mul(weight, factor)
                    more = _paired(builder, product, ir.Constant(_SPREAD, ir.Undefined))
                    sum_ = into[(vector, *which)]
                    builder.store(builder.add(builder.load(sum_), more), sum_)

        whole = builder.mul(builder.sdiv(groups, _I64(at_once)), _I64(at_once))
        with cgutils.for_range_slice(builder, _I64(0), whole, _I64(at_once)) as (group, _):
            for place, into in enumerate(found):
                add(builder.add(group, _I64(place)), into)
        if at_once > 1:
            with cgutils.for_range_slice(builder, whole, groups, _I64(1)) as (group, _):
                add(group, found[0])
        none = ir.Constant(_REALS, ir.Undefined)
        for vector, place in enumerate(places):
            one = builder.load(builder.gep(x_scale.data, [place]))
            one = builder.insert_element(none, one, _I32(0))
            one = builder.shuffle_vector(one, none, ir.Constant(_SUMS, [0] * LANE))
            for more in range(lanes):
                totals = []
                for half in range(2):
                    total = builder.load(found[0][vector, more, half])
                    for each in found[1:]:
                        total = builder.add(total, builder.load(each[vector, more, half]))
                    totals.append(total)
                output = builder.mul(builder.add(lane, _I64(more)), _I64(LANE))
                product = builder.sitofp(_paired(builder, *totals), _REALS)
                product = builder.fmul(product, _load(builder, scale.data, output, _REALS, 4))
                there = builder.gep(_row(builder, y, place), [output])
                there = builder.bitcast(there, _REALS.as_pointer())
                builder.store(builder.fmul(product, one), there, align=4)
        return context.get_dummy_value()

    @intrinsic
    def dots(typing, numbers, scale, x, x_scale, y, ahead, lane, start, stride, b, groups):
        where = (types.intp,) * 5
        return types.void(numbers, scale, x, x_scale, y, ahead, *where), generate

    return dots


_one_lane, _lanes, _lanes_together = _dots(1, 1, 2), _dots(LANES, 1, 1), _dots(LANES, TOGETHER, 1)


@njit(**EXACT)
def multiplied(x, x_scale, numbers, inputs, groups, scale, y, ahead):
    """y (B, outputs) = x (B, whole numbers) times a packed matrix, of whose `inputs` so many groups
    count.

    ahead: None, or the matrix that is read next, as large as this one, which is fetched meanwhile:
    a head's cache is so short that a processor by itself has hardly begun to read ahead at its end.
    """
    batch, lanes = len(x), numbers.shape[0]
    for block in range(0, lanes, _LANES_OF_BLOCK):
        wide = min(_LANES_OF_BLOCK, lanes - block)
        start, stride = block * LANE * inputs, wide * _BYTES
        lane = 0
        while lane + LANES <= wide:
            b = 0
            while b + TOGETHER <= batch:
                _lanes_together(
                    numbers, scale, x, x_scale, y, ahead, block + lane, start + lane * _BYTES,
                    stride, b, groups,
                )  # fmt: skip
                b += TOGETHER
            while b < batch:
                _lanes(
                    numbers, scale, x, x_scale, y, ahead, block + lane, start + lane * _BYTES,
                    stride, b, groups,
                )  # fmt: skip
                b += 1
            lane += LANES
        while lane < wide:
            for b in range(batch):
                _one_lane(
                    numbers, scale, x, x_scale, y, ahead, block + lane, start + lane * _BYTES,
                    stride, b, groups,
                )  # fmt: skip
            lane += 1


@njit(**EXACT)
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


@njit(**EXACT)
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


@njit(**FAST)
def dot(one, two):
    """The sum of the products of two vectors."""
    s = F(0)
    for i in range(len(one)):
        s += one[i] * two[i]
    return s


@njit(**FAST)
def total(x):
    """The sum of a vector, added up in float64: rounded, it is the same in any order."""
    s = 0.0
    for i in range(len(x)):
        s += np.float64(x[i])
    return F(s)


@njit(**FAST)
def wide_dot(one, two):
    """The sum of the products of two vectors, added up like `total`."""
    s = 0.0
    for i in range(len(one)):
        s += np.float64(one[i]) * np.float64(two[i])
    return F(s)


def product(x, numbers, scale, y):
    """y (B, out or more) = x (B, in or more) times the matrix (out, in), with a scale by output.

    Whole numbers lie in blocks as `packing` has them, and y has room for all their outputs.
    """
    raise NotImplementedError("only what is compiled calls it")


def _product_whole(x, numbers, scale, y):
    batch = len(x)
    inputs = numbers.shape[1] // LANE
    whole, x_scale = np.empty((batch, inputs), dtype=np.int16), np.empty(batch, dtype=F)
    for b in range(batch):
        x_scale[b] = in_whole(x[b], FINE, whole[b])
    multiplied(whole, x_scale, numbers, inputs, inputs // GROUP, scale, y, None)


def _product_real(x, numbers, scale, y):
    batch, inner = len(x), numbers.shape[1]
    for o in range(numbers.shape[0]):
        row = numbers[o]
        for b in range(batch):  # each by itself: sums must not depend on how many there are
            y[b, o] = dot(row, x[b, :inner]) * scale[o]


@overload(product, jit_options=EXACT)
def _product(x, numbers, scale, y):
    return _product_whole if numbers.dtype is types.int8 else _product_real
