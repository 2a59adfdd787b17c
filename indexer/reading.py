"""Story files → stories, in worker processes where it pays; layer 3."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import wait
from typing import NamedTuple

from .manifest import digest_of
from .model import FieldWarning, Rejection, Story
from .seeds import SeedFile, load_file, parse_story

#: Files handed to a worker at a time, and the fewest worth starting workers for.
_CHUNK = 16
WORTH_WORKERS = 64


class Read(NamedTuple):
    """What came of a story file, and the digest of its bytes."""

    file: SeedFile
    digest: bytes
    story: Story | None
    rejection: Rejection | None
    warnings: tuple[FieldWarning, ...]


def _read_file(file: SeedFile) -> Read:
    data = load_file(file.path, file.id)
    if isinstance(data, Rejection):
        return Read(file, b"", None, data, ())
    story, rejection, warnings = parse_story(data, file.id)
    return Read(file, digest_of(data), story, rejection, warnings)


@contextmanager
def mapper(workers: int, lock: int | None) -> Iterator[Callable[[list[SeedFile]], Iterable[Read]]]:
    """A map over files: in this process, or in `workers` others where that is safe.

    Processes are forked, so that a program need not guard its main module; a program
    with other threads reads in its own process instead, for a fork could copy a lock
    that one of them holds.
    """
    fork = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    if workers <= 1 or not fork:
        yield lambda files: map(_read_file, files)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, _prepare_worker, (lock,)) as pool:

        def in_turn(files: list[SeedFile]) -> Iterator[Read]:
            # Chunks are handed out a few ahead, so that memory stays bounded.
            waiting = iter(files)
            batches = iter(lambda: list(islice(waiting, _CHUNK)), [])
            pending = [pool.submit(_read_batch, batch) for batch in islice(batches, 4 * workers)]
            while pending:
                yield from pending.pop(0).result()
                pending += [pool.submit(_read_batch, batch) for batch in islice(batches, 1)]

        try:
            yield in_turn
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _prepare_worker(lock: int | None) -> None:
    """See to it that a worker neither outlives the writer nor keeps its lock."""
    if lock is not None:
        os.close(lock)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the writer stops its workers itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _read_batch(files: list[SeedFile]) -> list[Read]:
    return [_read_file(file) for file in files]
