"""Rebuild whenever the folder of story files has changed and come to rest."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import watchfiles

from ..disk import local_folder
from ..errors import SeedError, StorydexError
from ..model import BuildReport
from ..seeds import SUFFIXES
from .rebuild import Progress, rebuild
from .tuning import TUNING, Tuning


def watch(
    seeds: str | os.PathLike[str],
    index: str | os.PathLike[str],
    *,
    full: bool = False,
    published_only: bool = False,
    strict: bool = False,
    prune: bool = False,
    workers: int | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    failed: Callable[[StorydexError], None] | None = None,
    tuning: Tuning = TUNING,
) -> Iterator[BuildReport]:
    """Rebuild now, and again after each change; yields each report until `stop` is set.

    A rebuild that fails is told to `failed` and tried again after the next change, or
    after a while; without `failed` the error is raised. `full` and `prune` are for the first
    rebuild that succeeds. The folder may be moved away and replaced. Ends also when
    interrupted. `tuning` is for tests.
    """
    folder = local_folder(seeds, "an archive")
    own = os.path.realpath(local_folder(index))
    if not os.path.isdir(folder):
        raise SeedError(folder, "no such folder: give the folder of story files")
    changes = _changes(folder, own, stop or threading.Event(), tuning)
    # The watch begins with the first item; what changes while rebuilding then waits in it.
    changed = next(changes, False)
    pause, due, told = tuning.first_pause, float("inf"), ""
    while True:
        try:
            yield rebuild(
                seeds, index, full=full, published_only=published_only, strict=strict,
                prune=prune, workers=workers, progress=progress, tuning=tuning,
            )  # fmt: skip
        except StorydexError as error:
            if failed is None:
                raise
            # Report again if a file changed and it still fails; stay quiet if only the
            # retry timer fired.
            if changed or str(error) != told:
                failed(error)
            told = str(error)
            due, pause = time.monotonic() + pause, min(2 * pause, tuning.longest_pause)
        else:
            full = prune = False
            pause, due, told = tuning.first_pause, float("inf"), ""
        for changed in changes:
            if changed or time.monotonic() >= due:
                break
        else:
            return


def _changes(seeds: str, index: str, stop: threading.Event, tuning: Tuning) -> Iterator[bool]:
    """Whether story files have changed since the last item, several times a second.

    A folder that comes, goes or is replaced has changed. What is written into the folder
    of the index, which may lie in that of the stories, has not.
    """

    def matters(_: watchfiles.Change, path: str) -> bool:
        parent, name = os.path.split(os.path.realpath(path))
        of_index = parent == index and not name.lower().endswith(SUFFIXES)
        return not of_index and os.path.join(parent, name) != index

    watched: object = None
    while not stop.is_set():
        before, watched = watched, _identity(seeds)
        if watched is None:
            yield before is not None
            stop.wait(tuning.look_up_ms / 1000)
            continue
        try:
            items = watchfiles.watch(
                seeds, stop_event=stop, debounce=tuning.longest_wait_ms, step=tuning.quiet_ms,
                watch_filter=matters, yield_on_timeout=True, rust_timeout=tuning.look_up_ms,
                raise_interrupt=True,
            )  # fmt: skip
            next(items, None)
            yield True
            for found in items:
                if _identity(seeds) != watched:
                    break
                # Empty items say that nothing has changed for a while.
                yield bool(found)
        except FileNotFoundError:
            continue  # it went before it could be watched


def _identity(folder: str) -> tuple[int, int] | None:
    """What tells a folder from another of the same name; None if there is none."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino
