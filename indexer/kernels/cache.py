"""Where compiled code is kept between starts, so that only the first one compiles.

Code is kept in a folder of its own, named by a digest of all it was made from: the sources
of the compiled modules, the versions of Python, numba and NumPy, and the processor. So a
folder never holds code of another version. It lies in NUMBA_CACHE_DIR if that is set, else
in the user's folder for caches. Nobody but the user or root may write there, since what it
holds is run.

A file holds the code of one function, after a SHA-256 digest of it: a damaged file is
removed, and its function is compiled again.
"""

# numba is not typed.
# mypy: allow-untyped-calls

from __future__ import annotations

import functools
import hashlib
import logging
import os
import pickle
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

_PACKAGE = Path(__file__).parent.parent
_IMPORT = re.compile(rb"^from (\.+)([\w.]+) import", re.MULTILINE)
_DIGEST_SIZE = hashlib.sha256().digest_size
#: Folders that are kept, of those used last: several versions may be in use by turns, and
#: each takes some 1.5 MB.
KEPT_FOLDERS = 4
_HOUR = 3600
# Whether compiled code has an address of this process in it.
_has_address = attrgetter("library.has_dynamic_globals")
#: How long to wait for another process that compiles, in seconds.
_LONGEST = 120
_log = logging.getLogger("storydex")
# What each file has been used for: functions made by another must be given names of their
# own, since numba tells those of one name apart only within a process.
_functions: dict[Path, Callable[..., Any]] = {}


class CodeCache(NullCache):
    """Keeps the code of one function in a folder, a file for each signature."""

    def __init__(self, folder: Path, function: Callable[..., Any]) -> None:
        self._folder = folder
        self._function = function
        self._name = f"{function.__module__}.{function.__qualname__}"

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code for a signature, or None if there is none that is whole."""
        target_context.refresh()
        path = self._path(sig)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        digest, code = data[:_DIGEST_SIZE], data[_DIGEST_SIZE:]
        if hashlib.sha256(code).digest() != digest:
            with suppress(OSError):
                path.unlink()
            return None
        return CompileResult._rebuild(target_context, *pickle.loads(code))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code for a signature, if anything can be written and no address is in it."""
        if _has_address(data):
            return
        code = dumps(data._reduce())
        path = self._path(sig)
        unfinished = path.with_suffix(f".{os.getpid()}")
        try:
            unfinished.write_bytes(hashlib.sha256(code).digest() + code)
            unfinished.replace(path)
        except OSError:  # a full disk: the next start compiles again
            with suppress(OSError):
                unfinished.unlink()

    def _path(self, sig: Any) -> Path:
        name = hashlib.sha256(f"{self._name}{sig}".encode()).hexdigest()
        path = self._folder / f"{name}.code"
        if _functions.setdefault(path, self._function) is not self._function:
            raise RuntimeError(f"two functions to compile are both {self._name}")
        return path


@functools.cache
def code_folder() -> Path | None:
    """The folder of the code of this version; None, said once, where nothing can be kept."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    own = AppDirs("storydex", appauthor=False).user_cache_dir
    base = Path(chosen, "storydex").absolute() if chosen else Path(own)
    folder = None
    if base.is_absolute():  # without a home it begins with a tilde
        folder = open_folder(base, digest_of(compiled_sources(_PACKAGE)))
    if folder is None:
        _log.warning(
            "compiled code cannot be kept in %s: every start compiles it again, for up to a "
            "minute. Set NUMBA_CACHE_DIR to a folder of this user's own", base,
        )  # fmt: skip
    return folder


@contextmanager
def compiling_beside(*modules: str) -> Iterator[None]:
    """While the block compiles, compile other modules in a process of their own.

    Only where nothing is compiled yet and there is another core: that takes hardly more than
    half the time. What the process does not get done is compiled when it is imported here.
    """
    folder, other = code_folder(), None
    python = Path(sys.executable or "")  # a server that runs Python may name itself
    spare = (os.cpu_count() or 1) > 1 and python.name.startswith("python")
    if folder is not None and spare and not any(folder.glob("*.code")):
        code = f"import sys; sys.path[:] = {sys.path!r}; import {', '.join(modules)}"
        none = subprocess.DEVNULL
        with suppress(OSError):
            other = subprocess.Popen([python, "-c", code], stdin=none, stdout=none, stderr=none)
    try:
        yield
    finally:
        if other is not None:
            with suppress(subprocess.TimeoutExpired):
                other.wait(_LONGEST)


def open_folder(base: Path, digest: str) -> Path | None:
    """The private folder for a digest in `base`, made if there is none; forgets old ones.

    None where it cannot be written or might have been written by somebody else.
    """
    folder = base / f"compiled-{digest}"
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not (_is_private(base.stat()) and _is_private(folder.lstat())):
            return None
        with suppress(PermissionError):  # where root has compiled for everybody
            os.utime(folder)
        _remove_unfinished(folder)
        others = [path for path in base.glob("compiled-*") if _is_private(path.lstat())]
        for path in sorted(others, key=lambda path: -path.lstat().st_mtime)[KEPT_FOLDERS:]:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return None
    return folder


def _remove_unfinished(folder: Path) -> None:
    """Remove what processes left that were killed while they wrote."""
    for path in folder.iterdir():
        if path.suffix != ".code" and path.lstat().st_mtime < time.time() - _HOUR:
            with suppress(OSError):
                path.unlink()


def _is_private(found: os.stat_result) -> bool:
    """Whether this is a folder of this user or of root, where nobody else may write."""
    if sys.platform == "win32":
        return stat.S_ISDIR(found.st_mode)
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid in (os.geteuid(), 0)
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def compiled_sources(package: Path) -> list[Path]:
    """The modules of a package that compile, and those they import constants from."""
    texts = {path: path.read_bytes() for path in package.rglob("*.py")}
    found = {path for path, text in texts.items() if b"jit import " in text}
    found |= {path for path in texts if path.parent == package / "kernels"}
    constants = {used for path in found for used in _imported(path, texts[path])}
    return sorted(found | constants & texts.keys())


def _imported(path: Path, text: bytes) -> Iterable[Path]:
    """The modules that a module imports names from."""
    for dots, module in _IMPORT.findall(text):
        yield path.parents[len(dots) - 1].joinpath(*module.decode().split(".")).with_suffix(".py")


def digest_of(sources: Iterable[Path]) -> str:
    """What names the code made from these modules by this program, for this processor."""
    checked = os.environ.get("NUMBA_BOUNDSCHECK")
    made_by = (sys.version, nb.__version__, np.__version__, checked)
    processor = cpu_target.target_context.codegen().magic_tuple()
    digest = hashlib.sha256(repr((made_by, processor)).encode())
    for path in sources:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
