"""What numba has no loops for: 64 comparisons at once, and bits counted by position.

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
# Elements that are looked at together.
_LANES = 64


def _comparison(element: Any, compare: Any) -> Any:
    """Intrinsic (values, at, bound) → uint64: bit i tells how values[at + i] compares."""
    vector = ir.VectorType(element, _LANES)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = make_array(signature.args[0])(context, builder, arguments[0])
        first = builder.gep(values.data, [arguments[1]])
        loaded = builder.load(builder.bitcast(first, vector.as_pointer()), align=1)
        place = ir.Constant(ir.IntType(32), 0)
        one = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], place)
        shuffle = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        bounds = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), shuffle)
        return builder.bitcast(compare(builder, loaded, bounds), ir.IntType(_LANES))

    def typed(context: Any, values: Any, at: Any, bound: Any) -> Any:
        return nb.uint64(values, nb.int64, values.dtype), generate

    return _intrinsic(typed)


@_intrinsic  # type: ignore[untyped-decorator]
def clear(context: Any, values: Any, at: Any) -> Any:
    """Set 64 values from `at` on to 0; a loop becomes a call of the C library, which is dear."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(target, builder, arguments[0])
        vector = ir.VectorType(array.data.type.pointee, _LANES)
        first = builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.as_pointer())
        builder.store(ir.Constant(vector, None), first, align=1)
        return target.get_dummy_value()

    return nb.void(values, nb.int64), generate


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


def _class_of_bytes(test: Any) -> Any:
    """Intrinsic (text uint8[≥ at + 64], at) → uint64.

    Of the result, bit i tells whether byte text[at + i] satisfies `test`.
    """
    byte = ir.IntType(8)
    vector = ir.VectorType(byte, _LANES)

    def all_of(value: int) -> Any:
        return ir.Constant(vector, [value] * _LANES)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text = make_array(signature.args[0])(context, builder, arguments[0])
        first = builder.bitcast(builder.gep(text.data, [arguments[1]]), vector.as_pointer())
        loaded = builder.load(first, align=1)
        return builder.bitcast(test(builder, loaded, all_of), ir.IntType(_LANES))

    def typed(context: Any, text: Any, at: Any) -> Any:
        return nb.uint64(text, nb.int64), generate

    return _intrinsic(typed)


def _is_alphanumeric(builder: Any, text: Any, all_of: Any) -> Any:
    lower = builder.sub(builder.or_(text, all_of(0x20)), all_of(ord("a")))
    digit = builder.sub(text, all_of(ord("0")))
    return builder.or_(
        builder.icmp_unsigned("<", lower, all_of(26)), builder.icmp_unsigned("<", digit, all_of(10))
    )


def bytes_among(characters: str, beyond: int = 0xFF) -> Any:
    """An intrinsic as `alphanumeric`: which bytes are one of these, or `beyond` or more.

    UTF-8 has no 0xFF.
    """

    def test(builder: Any, text: Any, all_of: Any) -> Any:
        found = builder.icmp_unsigned(">=", text, all_of(beyond))
        for character in characters:
            same = builder.icmp_unsigned("==", text, all_of(ord(character)))
            found = builder.or_(found, same)
        return found

    return _class_of_bytes(test)


@_intrinsic  # type: ignore[untyped-decorator]
def copy(context: Any, source: Any, begin: Any, target: Any, at: Any) -> Any:
    """Copy the 64 bytes of `source` from `begin` on to target[at:at + 64]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), _LANES).as_pointer()
        here, there = (
            builder.bitcast(
                builder.gep(
                    make_array(signature.args[i])(context, builder, arguments[i]).data,
                    [arguments[i + 1]],
                ),
                vector,
            )
            for i in (0, 2)
        )
        builder.store(builder.load(here, align=1), there, align=1)
        return context.get_dummy_value()

    return nb.void(source, nb.int64, target, nb.int64), generate


#: (text uint8[≥ at + 64], at) → uint64, bit i set if text[at + i] is an ASCII letter or digit.
alphanumeric = _class_of_bytes(_is_alphanumeric)
#: The same for bytes of UTF-8 that do not begin a character.
continuing = _class_of_bytes(
    lambda builder, text, all_of: builder.icmp_unsigned(
        "==", builder.and_(text, all_of(0xC0)), all_of(0x80)
    )
)
#: (values float32[≥ at + 64], at, bound) → uint64, bit i set if values[at + i] > bound.
bits_above = _comparison(ir.FloatType(), lambda b, x, y: b.fcmp_ordered(">", x, y))
#: (values uint8[≥ at + 64], at, value) → uint64, bit i set if values[at + i] == value.
bits_equal = _comparison(ir.IntType(8), lambda b, x, y: b.icmp_unsigned("==", x, y))


@_intrinsic  # type: ignore[untyped-decorator]
def sum_bytes(context: Any, values: Any, at: Any, count: Any) -> Any:
    """The sum of values[at:at + count], count ≤ 32; 32 bytes are read wherever it ends."""
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
        kept = builder.zext(builder.select(wanted, loaded, ir.Constant(lanes, None)), wide)
        kind = ir.FunctionType(ir.IntType(16), [wide])
        name = f"llvm.vector.reduce.add.v{size}i16"
        reduce = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.zext(builder.call(reduce, [kept]), _INDEX)

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
