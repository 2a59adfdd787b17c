"""How loops over arrays are compiled: options, array types, bit tricks.

Importing this module imports the compiler (numba), which takes about half a second; only
modules of compiled loops do so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb
from numba.core import cgutils
from numba.extending import intrinsic

from .cache import CodeCache, code_folder

# Typed so closely that what is given at run time does not fit.
_njit: Any = nb.njit
_intrinsic: Any = intrinsic
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def inner(
    signature: Any, *, allocates: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `compiled`, for a function that other compiled ones alone call.

    To compile it takes half as long, since nothing translates its arguments from Python's.

    allocates: whether it makes arrays. If not, it counts no references: for each array that
        is named or handed on, that takes two atomic operations, longer than to read a posting.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return compile_for(
            signature, function, code_folder(), _nrt=allocates, no_cpython_wrapper=True,
            no_cfunc_wrapper=True,
        )  # fmt: skip

    return decorate


def compiled(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function now for these argument types, from the cache where there is one.

    The code runs without the global interpreter lock, checks no bounds and divides as
    arrays do (by zero → inf).
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return compile_for(signature, function, code_folder())

    return decorate


def compile_for(
    signature: Any, function: Callable[..., Any], folder: Path | None, **options: bool
) -> Callable[..., Any]:
    """As `compiled`, with the code kept in a folder, or nowhere."""
    dispatcher = _njit(**_OPTIONS, **options)(function)
    if folder is not None:
        dispatcher._cache = CodeCache(folder, function)
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher  # type: ignore[no-any-return]


def readonly(kind: Any, dimensions: int = 1) -> Any:
    """The type of an array that is mapped from a file; arrays that may be written fit too."""
    return nb.types.Array(kind, dimensions, "C", readonly=True)


@_intrinsic  # type: ignore[untyped-decorator]
def count_ones(context: Any, number: Any) -> Any:
    """How many bits of a uint64 are set: one machine instruction."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return nb.uint64(nb.uint64), generate


@_intrinsic  # type: ignore[untyped-decorator]
def lowest_one(context: Any, number: Any) -> Any:
    """The place of the lowest bit that is set in a uint64, which must not be 0."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.true_bit)

    return nb.uint64(nb.uint64), generate
