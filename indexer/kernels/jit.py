"""How loops over arrays are compiled: options, array types, bit tricks.

Importing this module imports the compiler (numba), which takes about half a second; only
modules of compiled loops do so.
"""

# numba is not typed.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.extending import intrinsic

from .cache import CodeCache, code_folder

# Typed so closely that what is given at run time does not fit.
_njit: Any = nb.njit
_intrinsic: Any = intrinsic
_OPTIONS = {"nogil": True, "error_model": "numpy"}


class _LinkedOnly(JITCodeLibrary):
    """Code that is part of other code alone: neither optimised nor loaded for itself."""

    def _optimize_final_module(self) -> None:
        """What it becomes a part of is optimised as one."""

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """None: nothing is loaded."""
        return 0

    @property
    def codegen(self) -> Any:
        """Who is told the environment of what is loaded."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing is loaded that has one."""


class _InnerCompiler(Compiler):
    """Compiles what is linked only."""

    def __init__(self, typing: Any, target: Any, library: Any, *settings: Any) -> None:
        library = _LinkedOnly(target.codegen(), "linked only")
        super().__init__(typing, target, library, *settings)


def inner(
    signature: Any, *, allocates: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `compiled`, for a function that other compiled ones alone call.

    It is compiled when the first that calls it is, and not at all where those come from the
    cache. That takes half of the time, since its code is optimised as a part of theirs only.

    allocates: whether it makes arrays. If not, it counts no references: for each array that
        is named or handed on, that takes two atomic operations, longer than to read a posting.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        dispatcher = _njit(
            **_OPTIONS, _nrt=allocates, no_cpython_wrapper=True, no_cfunc_wrapper=True,
            pipeline_class=_InnerCompiler,
        )(function)  # fmt: skip

        def first_called(*types: Any) -> Any:
            dispatcher.compile(signature)
            dispatcher.disable_compile()
            del dispatcher.get_call_template
            return dispatcher.get_call_template(*types)

        dispatcher.get_call_template = first_called
        dispatcher.signature = signature
        return dispatcher  # type: ignore[no-any-return]

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
    signature: Any, function: Callable[..., Any], folder: Path | None
) -> Callable[..., Any]:
    """As `compiled`, with the code kept in a folder, or nowhere."""
    dispatcher = _njit(**_OPTIONS)(function)
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
