"""One writer at a time; layer 2.

The lock belongs to the kernel and dies with its process, however that ends. The
file's text, the holder's process id, only serves the message to the second writer.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import IndexLocked

LOCK_NAME = ".storydex-lock"


@contextmanager
def writer_lock(folder: str) -> Iterator[int]:
    """Hold the writer's lock of an index folder; raises `IndexLocked` at once if taken.

    Yields the descriptor that holds it, which a forked process has to close: it would
    go on holding the lock when this one is gone.
    """
    descriptor = os.open(os.path.join(folder, LOCK_NAME), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).strip()
            raise IndexLocked(folder, int(holder) if holder.isdigit() else None) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield descriptor
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
