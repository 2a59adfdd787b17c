"""Searching in rising arrays: by doubling steps (Bentley and Yao, 1976), or by halving."""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numba as nb

from .jit import inner, readonly

_DOCS = readonly(nb.uint16)
_U32 = readonly(nb.uint32)


@inner(nb.int64(_DOCS, nb.int64, nb.int64, nb.int64))
def gallop(docs, low, high, place):
    """The first posting in low … high whose document is not before `place`.

    Fast when it is near `low`.
    """
    step = 1
    while low + step < high and docs[low + step] < place:
        low += step
        step <<= 1
    high = min(high, low + step)
    while low < high:
        middle = (low + high) >> 1
        if docs[middle] < place:
            low = middle + 1
        else:
            high = middle
    return low


@inner(nb.int64(_U32, nb.int64))
def first_from(values, wanted):
    """The first place in rising `values` of one that is `wanted` or more."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
