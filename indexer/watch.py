"""Rebuild whenever the folder of story files has changed and come to rest; layer 6."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import watchfiles

from .build import Progress, rebuild
from .errors import SeedError, StorydexError
from .model import BuildReport

#: How long the folder must be quiet before it is read, in milliseconds.
QUIET_MS = 500
#: Never waits longer than this while changes keep coming, in milliseconds.
_LONGEST_WAIT_MS = 10_000
#: How often to look whether to stop, in milliseconds.
_LOOK_UP_MS = 250


def watch(
    seeds: str | os.PathLike[str],
    index: str | os.PathLike[str],
    *,
    full: bool = False,
    published_only: bool = False,
    strict: bool = False,
    workers: int | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    failed: Callable[[StorydexError], None] | None = None,
) -> Iterator[BuildReport]:
    """Rebuild now, and again after each change; yields each report until `stop` is set.

    A rebuild that fails is told to `failed` and tried again after the next change;
    without `failed` the error is raised. Ends also when interrupted.
    """
    if not os.path.isdir(seeds):
        raise SeedError(os.fspath(seeds), "no such folder: give the folder of story files")
    changes = watchfiles.watch(
        os.fspath(seeds), stop_event=stop, debounce=_LONGEST_WAIT_MS, step=QUIET_MS,
        watch_filter=None, yield_on_timeout=True, rust_timeout=_LOOK_UP_MS, raise_interrupt=True,
    )  # fmt: skip
    # The watch begins with the first item; what changes while rebuilding then waits in it.
    next(changes, None)
    while True:
        try:
            yield rebuild(
                seeds, index, full=full, published_only=published_only, strict=strict,
                workers=workers, progress=progress,
            )  # fmt: skip
        except StorydexError as error:
            if failed is None:
                raise
            failed(error)
        else:
            full = False
        # Empty items say that nothing has changed for a while.
        if not any(changes):
            return
