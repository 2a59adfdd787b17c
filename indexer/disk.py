"""What the system does with files: opened without a trap, written so that they survive.

Files of an index or beside stories may come from anybody. What is written is whole and survives
a power cut before anybody relies on it: a file's bytes survive once the file is synced, its name
survives once its folder is.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from .errors import IndexCorrupt, IndexUnreadable, SeedError, StorydexError, archive_fault

#: How large a file beside the stories may be.
_MAX_BESIDE = 1 << 20
#: The suffix of a file that is not finished.
UNFINISHED = ".new"

#: What syncing a folder fails with where that means nothing.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF)
#: How an address begins, a slash short or in capitals too.
_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.-]*):/", re.IGNORECASE)
#: How a path begins that is no address, whatever comes later.
_PATHS = ("/", "./", "../")


def local_folder(location: str | os.PathLike[str], what: str = "an index") -> str:
    """The folder that a location names; raises `StorydexError` for anything else.

    An address may hold a password, so no more of it is told than how it begins.
    """
    try:
        folder = os.fsdecode(location)
        os.fsencode(folder)
    except (TypeError, UnicodeError):
        raise StorydexError(f"{what} is a folder: {location!r:.40} is no path") from None
    address = _ADDRESS.match(folder)
    if address or ("://" in folder and not folder.startswith(_PATHS)):
        scheme = f"{address[1].lower()}:// addresses" if address else "addresses"
        raise StorydexError(f"{what} is a folder: {scheme} cannot be used, give a path")
    if not folder or "\0" in folder:
        raise StorydexError(f"{what} is a folder: give its name")
    return folder


def open_plain(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to read it, if it is a plain one; raises `OSError`.

    A link is not followed, a pipe not waited for, a device not read: an index may come from
    anybody.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENXIO, "not a plain file", os.fspath(path))
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_beside(path: str) -> bytes | None:
    """The bytes of a file with settings or synonyms beside the stories; None without one.

    Raises `SeedError`, which names the file and the remedy.
    """
    try:
        with open_plain(path) as file:
            data = file.read(_MAX_BESIDE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SeedError(path, archive_fault(error)) from None
    if len(data) > _MAX_BESIDE:
        raise SeedError(path, "over 1 MiB: shorten it")
    return data


#: What is wrong with the file itself. Anything else (no permission, too many open files, no
#: memory, a disk that fails) says nothing of what is in it.
_OF_THE_FILE = frozenset(
    {
        errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG,
        errno.EINVAL,
    }
)  # fmt: skip


def index_error(folder: str, name: str, error: OSError) -> IndexCorrupt | IndexUnreadable:
    """The error to raise where a file of an index could not be opened or read."""
    if error.errno not in _OF_THE_FILE:
        return IndexUnreadable(folder, name, error)
    reason = "a link, not a plain file" if error.errno == errno.ELOOP else error.strerror
    return IndexCorrupt(folder, name, reason or str(error))


def make_folder(folder: str) -> None:
    """Make a folder and those above it that are missing, so that their names survive."""
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder.rstrip("/")) or "."
    make_folder(above)
    with suppress(FileExistsError):
        os.mkdir(folder)
        sync_folder(above)
    if not os.path.isdir(folder):
        raise NotADirectoryError(errno.ENOTDIR, "is a file, not a folder", folder)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Wait until the names in a folder are on the disk; costs one fsync.

    Some file systems, mostly on a network, cannot sync a folder; there nothing is done.
    """
    with naming(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(descriptor)


def write_file(path: str, data: bytes) -> None:
    """Write a file and wait until its bytes, though not its name, are on the disk."""
    with naming(path), open(path, "wb", opener=_open_new) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def publish_file(folder: str, name: str, data: bytes) -> None:
    """Make a file appear whole or not at all. When this returns, it survives a power cut."""
    path = os.path.join(folder, name)
    write_file(path + UNFINISHED, data)
    os.replace(path + UNFINISHED, path)
    sync_folder(folder)


def _open_new(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """An `OSError` raised in the block gets the path, if it does not name a file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise
