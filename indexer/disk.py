"""Write files so that they survive a power cut, whole, before anybody relies on them.

A file's bytes survive once the file is synced, its name survives once its folder is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import StorydexError

#: The suffix of a file that is not finished.
UNFINISHED = ".new"

#: How an address begins, a slash short or in capitals too.
_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.-]*):/", re.IGNORECASE)
#: How a path begins that is no address, whatever comes later.
_PATHS = ("/", "./", "../")


def local_folder(location: str | os.PathLike[str], what: str = "an index") -> str:
    """The folder that a location names; raises `StorydexError` for anything else.

    An address may hold a password, so no more of it is told than how it begins.
    """
    folder = os.fsdecode(location)
    address = _ADDRESS.match(folder)
    if address or ("://" in folder and not folder.startswith(_PATHS)):
        scheme = f"{address[1].lower()}:// addresses" if address else "addresses"
        raise StorydexError(f"{what} is a folder: {scheme} cannot be used, give a path")
    if not folder or "\0" in folder:
        raise StorydexError(f"{what} is a folder: give its name")
    return folder


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Wait until the names in a folder are on the disk; costs one fsync."""
    with naming(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_file(path: str, data: bytes) -> None:
    """Write a file and wait until its bytes, though not its name, are on the disk."""
    with naming(path), open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def publish_file(folder: str, name: str, data: bytes) -> None:
    """Make a file appear whole or not at all. When this returns, it survives a power cut."""
    path = os.path.join(folder, name)
    write_file(path + UNFINISHED, data)
    os.replace(path + UNFINISHED, path)
    sync_folder(folder)


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """An `OSError` raised in the block gets the path, if it does not name a file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise
