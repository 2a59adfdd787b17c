"""Arrays handed to compiled loops by address, many at once.

To pass an array costs Python as much as scoring a hundred postings, and a search needs
some twenty. So those that stay are put into a table once, and the loops take them out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

_intrinsic: Any = intrinsic
#: What compiled functions take: int64[n, 3], address and shape of each array.
TABLE = nb.int64[:, ::1]


class Handles:
    """A table of arrays of one or two dimensions, which live as long as it does.

    table: int64[n, 3]; arrays that may not be written may be taken out as readonly only
    """

    def __init__(self, arrays: Iterable[npt.NDArray[Any]]) -> None:
        self._arrays = [np.ascontiguousarray(array) for array in arrays]
        self.table = np.array(
            [(array.ctypes.data, *array.shape, 1)[:3] for array in self._arrays], np.int64
        ).reshape(-1, 3)


@_intrinsic  # type: ignore[untyped-decorator]
def array_at(context: Any, table: Any, number: Any, kind: Any) -> Any:
    """Array `number` of a table; `kind` is its type, which nothing checks.

    Lives no longer than the `Handles`.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = make_array(signature.args[0])(target, builder, arguments[0])
        word = ir.IntType(64)
        row = builder.mul(arguments[1], ir.Constant(word, 3))
        address, *shape = (
            builder.load(builder.gep(source.data, [builder.add(row, ir.Constant(word, i))]))
            for i in range(1 + made.ndim)
        )
        array = make_array(made)(target, builder)
        item = target.get_abi_sizeof(target.get_data_type(made.dtype))
        strides = [ir.Constant(word, item)]
        if made.ndim > 1:
            strides.insert(0, builder.mul(shape[1], ir.Constant(word, item)))
        populate_array(
            array,
            data=builder.inttoptr(address, array.data.type),
            shape=cgutils.pack_array(builder, shape),
            strides=cgutils.pack_array(builder, strides),
            itemsize=ir.Constant(word, item),
            meminfo=None,
        )
        return array._getvalue()

    made = kind.instance_type if isinstance(kind, nb.types.TypeRef) else kind
    return made(table, nb.int64, kind), generate
