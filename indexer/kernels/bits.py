"""What numba has no loops for: bits counted by position, sums of bytes, reading ahead.

Intrinsics for compiled code, written for vectors that the processor may or may not have:
where it has shorter ones the compiler uses several.

**Counting by position.** A row is a set of up to 64 · width values, one bit each. How many
rows have each bit is kept in slices: bit v of slice i is bit i of the count of v. Adding
a row is then an addition with carry over whole vectors, and eight rows cost seven full
adders and, on average, two half ones: Klarqvist, Muła and Lemire, Efficient Computation
of Positional Population Counts Using SIMD Instructions (2021).
"""

from __future__ import annotations

from typing import Any

import numba as nb
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

#: Slices of a count: more than enough for the documents of a segment.
SLICES = 33
#: Rows that are added at once.
BATCH = 8

_intrinsic: Any = intrinsic
_INDEX = ir.IntType(64)
# Rows are not aligned to more than a word.
_ALIGNED = 8


@_intrinsic  # type: ignore[untyped-decorator]
def prefetch(context: Any, values: Any, at: Any) -> Any:
    """Ask the processor for values[at], which will be read soon; any `at` is safe."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(target, builder, arguments[0])
        byte = ir.IntType(8).as_pointer()
        short = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, short, short, short])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), byte)
        builder.call(function, [place, *(ir.Constant(short, n) for n in (0, 3, 1))])
        return target.get_dummy_value()

    return nb.void(values, nb.int64), generate


@_intrinsic  # type: ignore[untyped-decorator]
def sum_top_bits(context: Any, values: Any, at: Any, count: Any) -> Any:
    """The sum of values[at:at + count] >> 5, and 256 more for each of these that is 7.

    count ≤ 32; 32 bytes are read wherever it ends.
    """
    size = 32
    lanes = ir.VectorType(ir.IntType(8), size)
    wide = ir.VectorType(ir.IntType(16), size)

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(target, builder, arguments[0])
        first = builder.bitcast(builder.gep(array.data, [arguments[1]]), lanes.as_pointer())
        loaded = builder.load(first, align=1)
        place = ir.Constant(ir.IntType(32), 0)
        limit = builder.trunc(arguments[2], ir.IntType(8))
        one = builder.insert_element(ir.Constant(lanes, ir.Undefined), limit, place)
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), size), [0] * size)
        limits = builder.shuffle_vector(one, ir.Constant(lanes, ir.Undefined), zeros)
        numbers = ir.Constant(lanes, list(range(size)))
        wanted = builder.icmp_unsigned("<", numbers, limits)
        kept = builder.select(wanted, loaded, ir.Constant(lanes, None))
        tops = builder.lshr(kept, ir.Constant(lanes, [5] * size))
        full = builder.icmp_unsigned("==", tops, ir.Constant(lanes, [7] * size))
        fulls = builder.shl(builder.zext(full, wide), ir.Constant(wide, [8] * size))
        parts = builder.add(builder.zext(tops, wide), fulls)
        kind = ir.FunctionType(ir.IntType(16), [wide])
        name = f"llvm.vector.reduce.add.v{size}i16"
        reduce = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.zext(builder.call(reduce, [parts]), _INDEX)

    return nb.int64(values, nb.int64, nb.int64), generate


def adder(width: int) -> Any:
    """A function for compiled code that adds rows[docs[at]] … rows[docs[at + 7]] to slices.

    Called as add(rows, docs, at, slices): rows uint64[N, width], docs int64[≥ at + 8],
    slices uint64[SLICES, width]. The sums must stay below 2^SLICES.
    """
    vector = ir.VectorType(ir.IntType(64), width)
    whole = ir.IntType(64 * width)

    def rows_of(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        first = builder.bitcast(make_array(kind)(context, builder, value).data, vector.as_pointer())
        return lambda number: builder.gep(first, [number])

    def full_add(builder: Any, total: Any, one: Any, other: Any) -> tuple[Any, Any]:
        """Sum and carry of three vectors of bits."""
        half = builder.xor(total, one)
        carry = builder.or_(builder.and_(total, one), builder.and_(half, other))
        return builder.xor(half, other), carry

    def batch(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
        row = rows_of(context, builder, signature.args[0], arguments[0])
        docs = make_array(signature.args[1])(context, builder, arguments[1]).data
        places = (builder.add(arguments[2], ir.Constant(_INDEX, i)) for i in range(BATCH))
        numbers = [builder.load(builder.gep(docs, [place])) for place in places]
        return [builder.load(row(number), align=_ALIGNED) for number in numbers]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        slice_at = rows_of(context, builder, signature.args[3], arguments[3])
        low = [slice_at(ir.Constant(_INDEX, i)) for i in range(3)]
        ones, twos, fours = (builder.load(place, align=_ALIGNED) for place in low)
        rows = batch(context, builder, signature, arguments)
        carried_twos = []
        for i in range(0, BATCH, 2):
            ones, carry = full_add(builder, ones, rows[i], rows[i + 1])
            carried_twos.append(carry)
        twos, first = full_add(builder, twos, *carried_twos[:2])
        twos, second = full_add(builder, twos, *carried_twos[2:])
        fours, eights = full_add(builder, fours, first, second)
        for place, value in zip(low, (ones, twos, fours), strict=True):
            builder.store(value, place, align=_ALIGNED)
        ripple(builder, slice_at, eights)
        return context.get_dummy_value()

    def ripple(builder: Any, slice_at: Any, carry: Any) -> None:
        """Add a carry to the slices from the fourth on, until nothing is left of it."""
        before = builder.block
        loop = builder.function.append_basic_block("ripple")
        done = builder.function.append_basic_block("rippled")

        def go_on(left: Any) -> None:
            some = builder.icmp_unsigned("!=", builder.bitcast(left, whole), ir.Constant(whole, 0))
            builder.cbranch(some, loop, done)

        go_on(carry)
        builder.position_at_end(loop)
        number, left = builder.phi(_INDEX), builder.phi(vector)
        number.add_incoming(ir.Constant(_INDEX, 3), before)
        left.add_incoming(carry, before)
        place = slice_at(number)
        value = builder.load(place, align=_ALIGNED)
        builder.store(builder.xor(value, left), place, align=_ALIGNED)
        rest = builder.and_(value, left)
        number.add_incoming(builder.add(number, ir.Constant(_INDEX, 1)), loop)
        left.add_incoming(rest, loop)
        go_on(rest)
        builder.position_at_end(done)

    def typed(context: Any, rows: Any, docs: Any, at: Any, slices: Any) -> Any:
        return nb.void(rows, docs, at, slices), generate

    return _intrinsic(typed)
