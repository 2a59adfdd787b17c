"""A compiled reader of packed codes of forms; see `codes`."""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numba as nb

from ..kernels.jit import inner, readonly


@inner(nb.int64(readonly(nb.uint8), nb.int64, nb.int64))
def code_of(codes, place, posting):
    """Which of its term's forms a posting has. place: see `codes.code_place`; it was checked."""
    shift = place & 3
    bit = (place >> 2) + (posting << shift)
    return (nb.int64(codes[bit >> 3]) >> (bit & 7)) & ((1 << (1 << shift)) - 1)
