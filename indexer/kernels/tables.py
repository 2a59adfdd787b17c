"""Declared tables: many arrays handed to compiled loops as one argument.

To pass an array costs Python as much as scoring a hundred postings, and a search needs
some thirty. So the arrays that stay are put into a table once. A table is declared as a
subclass that says the type of each array:

    class Lists(Table, docs=readonly(nb.uint16), tfs=readonly(nb.uint8)): …

`Lists.fill(docs=…, tfs=…)` checks the arrays and makes a table of them; a loop whose
signature says `Lists.type` finds them as `lists.docs` and `lists.tfs`.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import numpy as np
from numba.core import cgutils, types
from numba.core.datamodel import models, register_default
from numba.core.extending import lower_getattr_generic
from numba.core.imputils import impl_ret_borrowed
from numba.experimental import structref
from numba.extending import intrinsic
from numba.np.numpy_support import as_dtype

from .jit import compiled

#: Which word of numba's description of a block of memory has the address of what is in it.
_DATA_AT = cgutils.intp_t(3)


@structref.register
class _Struct(types.StructRef):  # type: ignore[misc]
    """What arrays of a table are set by."""


class TableType(_Struct):
    """What the compiler calls a table: the names and types of its arrays."""


register_default(TableType)(models.StructRefModel)


@lower_getattr_generic(TableType)  # type: ignore[untyped-decorator]
def _column(context: Any, builder: Any, table: TableType, value: Any, name: str) -> Any:
    """An array of a table, as numba has it for structs, but also where it counts no references."""
    block = cgutils.create_struct_proxy(table)(context, builder, value=value).meminfo
    place = builder.gep(builder.bitcast(block, cgutils.voidptr_t.as_pointer()), [_DATA_AT])
    kind = context.data_model_manager[table.get_data_type()].get_value_type()
    data = builder.bitcast(builder.load(place), kind.as_pointer())
    arrays = cgutils.create_struct_proxy(table.get_data_type())(context, builder, ref=data)
    return impl_ret_borrowed(context, builder, table.field_dict[name], getattr(arrays, name))


@intrinsic  # type: ignore[untyped-decorator]
def _set_all(context: Any, table: TableType, arrays: types.Tuple) -> Any:
    """Put arrays into a new table: setting one by one takes twice as long to compile."""

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        block = cgutils.create_struct_proxy(table)(target, builder, value=values[0]).meminfo
        kind = target.data_model_manager[table.get_data_type()].get_value_type()
        data = builder.bitcast(target.nrt.meminfo_data(builder, block), kind.as_pointer())
        held = cgutils.create_struct_proxy(table.get_data_type())(target, builder, ref=data)
        for place, (name, array) in enumerate(table.field_dict.items()):
            value = builder.extract_value(values[1], place)
            target.nrt.incref(builder, array, value)
            setattr(held, name, value)
        return target.get_dummy_value()

    return types.void(table, arrays), generate


class Table(structref.StructRefProxy):  # type: ignore[misc]
    """Arrays with names, which live as long as the table does. Compiled loops alone read it."""

    __slots__ = ()
    #: The type of a table, for signatures of compiled functions.
    type: ClassVar[TableType]
    #: The arrays by name.
    columns: ClassVar[dict[str, types.Array]]
    _make: ClassVar[Any]

    def __init_subclass__(cls, **columns: types.Array) -> None:
        """Declare a table with these arrays."""
        cls.columns = columns
        cls.type = TableType(list(columns.items()))
        # The cache of compiled code finds the class by its name, so that must be known now.
        setattr(sys.modules[cls.__module__], cls.__name__, cls)
        kind = cls.type

        def make(arrays: Any) -> Any:
            table = structref.new(kind)
            _set_all(table, arrays)
            return table

        make.__qualname__ = f"make_{cls.__module__}.{cls.__name__}"
        made = compiled(cls.type(types.Tuple(tuple(columns.values()))))(make)
        cls._make = staticmethod(made)

    @classmethod
    def fill(cls, **arrays: Any) -> Table:
        """A table of these arrays; raises TypeError where one is not as it was declared."""
        if arrays.keys() != cls.columns.keys():
            wrong = sorted(arrays.keys() ^ cls.columns.keys())
            raise TypeError(f"{cls.__name__}: missing or unknown: {', '.join(wrong)}")
        for name, declared in cls.columns.items():
            _check(f"{cls.__name__}.{name}", arrays[name], declared)
        return cls.of(*(arrays[name] for name in cls.columns))

    @classmethod
    def of(cls, *arrays: Any) -> Table:
        """As `fill`, by place, for tables that are made for each search: 2 µs in place of 15.

        Arrays that are not as declared raise TypeError, too, without a name.
        """
        made: Table = cls._make(arrays)
        return made


structref.define_boxing(TableType, Table)


def _check(name: str, array: np.ndarray[Any, Any], declared: types.Array) -> None:
    dtype = as_dtype(declared.dtype)
    if array.dtype != dtype or array.ndim != declared.ndim:
        raise TypeError(
            f"{name}: {dtype} in {declared.ndim} dimensions expected, "
            f"not {array.dtype} in {array.ndim}"
        )
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise TypeError(f"{name}: an array in one piece expected")
    if declared.mutable and not array.flags.writeable:
        raise TypeError(f"{name}: an array that may be written expected")
