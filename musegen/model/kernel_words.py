"""A vector times a matrix of four-bit numbers, as machine code: what attention does with a cache.

The numbers are odd and lie in words as `packing.in_words` says. A vector of whole numbers meets
them as 0 to 15, which takes a mask: products are added up as integers, so that no order of adding
changes a result, and doubled; what that is too much is the same for all outputs.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from musegen.compiled import EXACT
from musegen.model.kernel_products import LANES, REALS, SUMS, load, paired, repeated
from musegen.model.packing import BLOCK, COARSE, EIGHT, LANE

_BITS, _IN_WORD = 4, 4
_WORDS = 2 * LANE  # of a lane's eight inputs
_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_LOADED, _SPREAD = ir.VectorType(_I16, _WORDS), ir.VectorType(_I32, _WORDS)
_TWO = ir.VectorType(_I16, 2)
_REPEATED = ir.Constant(_SPREAD, [place % 2 for place in range(_WORDS)])
_LANES_OF_BLOCK = BLOCK // LANE


def _every(number: int) -> Any:
    return ir.Constant(_LOADED, [number] * _WORDS)


def _fetch(builder: Any, pointer: Any) -> None:
    """What lies there comes from memory to the second-level cache meanwhile."""
    arguments = [_I8.as_pointer(), _I32, _I32, _I32]
    kind = ir.FunctionType(ir.VoidType(), arguments)
    fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    reading, level, data = _I32(0), _I32(1), _I32(1)
    builder.call(fetch, [builder.bitcast(pointer, arguments[0]), reading, level, data])


def _dots(lanes: int) -> Any:
    """A function that fills y (out,) for so many lanes of outputs.

    lane: the first; its words begin at `start`, and `stride` later those of the next inputs.
    minus: what is taken from twice each sum.

    Of the four numbers of a word only the highest, which would have a sign, is moved to the lowest
    bits; of the others the sum of products is, in the end.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lane, start, stride, groups, minus, x_scale = given[5:]
        words, scale, x, y, ahead = (
            context.make_array(kind)(context, builder, array)
            for kind, array in zip(signature.args[:5], given[:5], strict=True)
        )
        matrix = builder.gep(words.data, [start])
        coming = builder.gep(ahead.data, [start])
        sums = [
            [cgutils.alloca_once(builder, SUMS) for _ in range(_IN_WORD - 1)] for _ in range(lanes)
        ]
        for sum_ in (sum_ for of_lane in sums for sum_ in of_lane):
            builder.store(ir.Constant(SUMS, [0] * LANE), sum_)
        with cgutils.for_range_slice(builder, _I64(0), groups, _I64(1)) as (group, _):
            factors = []
            for place in range(_IN_WORD):
                there = builder.add(builder.mul(group, _I64(EIGHT)), _I64(2 * place))
                two = load(builder, x.data, there, _TWO, 2)
                none = ir.Constant(_TWO, ir.Undefined)
                factors.append(builder.sext(builder.shuffle_vector(two, none, _REPEATED), _SPREAD))
            first = builder.mul(group, stride)
            for number, of_lane in enumerate(sums):
                there = builder.add(first, _I64(number * _WORDS))
                loaded = load(builder, matrix, there, _LOADED, 2)
                _fetch(builder, builder.gep(coming, [there]))
                for place, factor in enumerate(factors):
                    if place < _IN_WORD - 1:
                        bits = builder.and_(loaded, _every(COARSE << _BITS * place))
                    else:
                        bits = builder.lshr(loaded, _every(_BITS * place))
                    product = builder.mul(builder.zext(bits, _SPREAD), factor)
                    more = paired(builder, product, ir.Constant(_SPREAD, ir.Undefined))
                    sum_ = of_lane[place % (_IN_WORD - 1)]
                    builder.store(builder.add(builder.load(sum_), more), sum_)
        minus, x_scale = repeated(builder, minus, SUMS), repeated(builder, x_scale, REALS)
        for number, of_lane in enumerate(sums):
            total = ir.Constant(SUMS, [0] * LANE)
            for place, sum_ in enumerate(of_lane):
                more = builder.ashr(builder.load(sum_), ir.Constant(SUMS, [_BITS * place] * LANE))
                total = builder.add(total, more)
            total = builder.sub(builder.add(total, total), minus)
            output = builder.mul(builder.add(lane, _I64(number)), _I64(LANE))
            product = builder.sitofp(total, REALS)
            product = builder.fmul(product, load(builder, scale.data, output, REALS, 4))
            product = builder.fmul(product, x_scale)
            there = builder.bitcast(builder.gep(y.data, [output]), REALS.as_pointer())
            builder.store(product, there, align=4)
        return context.get_dummy_value()

    @intrinsic
    def dots(typing, words, scale, x, y, ahead, lane, start, stride, groups, minus, x_scale):
        where = (types.intp,) * 4
        return types.void(words, scale, x, y, ahead, *where, types.int32, types.float32), generate

    return dots


_one_lane, _lanes = _dots(1), _dots(LANES)


@njit(**EXACT)
def multiplied_words(x, x_scale, words, groups, scale, y, ahead):
    """y (outputs,) = x (whole numbers, and their scale) times a matrix in words, of whose inputs so
    many eights count, with a scale for each output.

    ahead: the matrix that is read next, as large as this one. Meanwhile it is fetched: a head's
    cache is so short that a processor by itself has hardly begun to read ahead at its end.
    """
    lanes, inputs = words.shape[0], words.shape[1] * _IN_WORD // LANE
    summed = np.int32(0)
    for i in range(groups * EIGHT):
        summed += np.int32(x[i])
    minus = np.int32(COARSE * summed)
    for block in range(0, lanes, _LANES_OF_BLOCK):
        wide = min(_LANES_OF_BLOCK, lanes - block)
        start, stride = block * inputs * LANE // _IN_WORD, wide * _WORDS
        lane = 0
        while lane + LANES <= wide:
            _lanes(
                words, scale, x, y, ahead, block + lane, start + lane * _WORDS, stride, groups,
                minus, x_scale,
            )  # fmt: skip
            lane += LANES
        while lane < wide:
            _one_lane(
                words, scale, x, y, ahead, block + lane, start + lane * _WORDS, stride, groups,
                minus, x_scale,
            )  # fmt: skip
            lane += 1


@njit(**EXACT)
def put(number, words, place, part):
    """A number of a cache becomes part 0, 2, 4 or 6 of the word at `place`."""
    bits = _BITS // 2 * part
    cleared = np.int64(words[place]) & ~(np.int64((1 << _BITS) - 1) << bits)
    words[place] = np.uint16(cleared | ((np.int64(number) + COARSE) >> 1 << bits))
