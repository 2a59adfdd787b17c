"""One writer at a time.

The lock belongs to the kernel and dies with its process, however that ends. The
file's text, the holder's process id, only serves the message to the second writer.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..disk import naming
from ..errors import BuildError, IndexLocked

LOCK_NAME = ".storydex-lock"
#: Seconds to wait for a holder whose id is unknown or dead, and seconds between two tries.
_GRACE, _PAUSE = 5.0, 0.02
_FOREIGN_LOCK = "{} is a link or no plain file, not a lock of storydex: remove it"
#: Descriptors that hold a lock.
_held: set[int] = set()


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


# A forked child inherits the descriptor: it would hold the lock after its parent died.
os.register_at_fork(after_in_child=_let_go)


def _open_lock(path: str) -> int:
    """Open the file of the lock; what a link leads to would be emptied."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise BuildError(_FOREIGN_LOCK.format(path)) from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise BuildError(_FOREIGN_LOCK.format(path))
    return descriptor


def _acquire(descriptor: int, folder: str) -> None:
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            text = os.pread(descriptor, 32, 0).strip()
            holder = int(text) if text.isdigit() else None
            # A new holder has not written its id yet. A holder that was just killed may
            # have forked another that has not yet let go.
            if (holder is not None and _is_alive(holder)) or waited > _GRACE:
                raise IndexLocked(folder, holder) from None
        time.sleep(_PAUSE)
        waited += _PAUSE


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but there
    return True


@contextmanager
def writer_lock(folder: str) -> Iterator[None]:
    """Hold the writer's lock of an index folder; raises `IndexLocked` if it is taken."""
    path = os.path.join(folder, LOCK_NAME)
    descriptor = _open_lock(path)
    _held.add(descriptor)
    try:
        _acquire(descriptor, folder)
        with naming(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            with suppress(OSError):  # only a text
                os.ftruncate(descriptor, 0)
    finally:
        _held.discard(descriptor)
        os.close(descriptor)
