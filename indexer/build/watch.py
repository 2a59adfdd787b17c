"""Rebuild whenever the folder of story files has changed and come to rest."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Literal

import watchfiles

from ..disk import local_folder
from ..errors import SeedError, StorydexError
from ..model import BuildReport
from ..seeds import SUFFIXES, refuse_missing
from .rebuild import check_options, rebuild
from .tuning import TUNING, Tuning

#: Files have changed; time to look whether they have; nothing for a while.
_Seen = Literal["changed", "look", ""]


def watch(
    seeds: str | os.PathLike[str],
    index: str | os.PathLike[str],
    *,
    poll: float | None = None,
    stop: threading.Event | None = None,
    failed: Callable[[StorydexError], None] | None = None,
    tuning: Tuning = TUNING,
    elsewhere: Callable[..., BuildReport] | None = None,
    **options: Any,
) -> Iterator[BuildReport]:
    """Rebuild now, and again after each change; yields each report until `stop` is set.

    The kernel tells of changes, and every ten minutes the folder is looked through in any case.
    With `poll` that is done so many seconds after the last look, and the kernel not asked: it
    knows nothing of what other machines change on a network mount. Where it cannot watch, be it
    that a folder may not be read or that its limits are reached, `failed` is told, and the
    folder looked through every few seconds. A look that finds nothing yields no report.

    A rebuild that fails is told to `failed` and tried again after the next change, or
    after a while; without `failed` the error is raised. The other options are those of
    `rebuild`, `full` and `prune` for the first that succeeds. The folder may be moved away and
    replaced. Ends also when interrupted. `tuning` is for tests; `elsewhere` rebuilds an index
    that is no folder.
    """
    folder = local_folder(seeds, "an archive")
    own = "" if elsewhere else os.path.realpath(local_folder(index))
    build = elsewhere or rebuild
    refuse_missing(folder)
    check_options(options)  # which no change of a file puts right
    changes = _changes(folder, own, stop or threading.Event(), poll, failed or _warn, tuning)
    # The watch begins with the first item; what changes while rebuilding then waits in it.
    seen, generation = next(changes, ""), None
    pause, due, told = tuning.first_pause, float("inf"), ""
    while True:
        try:
            report = build(seeds, index, tuning=tuning, **options)
        except StorydexError as error:
            if failed is None:
                raise
            # Report again if a file changed and it still fails; stay quiet if only the
            # retry timer fired.
            if seen == "changed" or str(error) != told:
                failed(error)
            told = str(error)
            due, pause = time.monotonic() + pause, min(2 * pause, tuning.longest_pause)
        else:
            if seen == "changed" or told or report.generation != generation:
                yield report
            generation, options = report.generation, options | {"full": False, "prune": False}
            pause, due, told = tuning.first_pause, float("inf"), ""
        for seen in changes:
            if seen or time.monotonic() >= due:
                break
        else:
            return


def _warn(error: StorydexError) -> None:
    warnings.warn(str(error), RuntimeWarning, stacklevel=3)


def _changes(
    seeds: str,
    index: str,
    stop: threading.Event,
    poll: float | None,
    failed: Callable[[StorydexError], None],
    tuning: Tuning,
) -> Iterator[_Seen]:
    """What has been seen since the last item, several times a second if the kernel watches.

    A folder that comes, goes or is replaced has changed.
    """
    watched: object = None
    told = False
    while not stop.is_set():
        before, watched = watched, _identity(seeds)
        if watched is None:
            yield "" if before is None else "changed"
            stop.wait(tuning.look_up_ms / 1000)
            continue
        # What went on between two watches is found by looking.
        first: _Seen = "look" if watched == before else "changed"
        if poll is None:
            try:
                yield from _watched(seeds, index, stop, first, tuning)
                continue
            except FileNotFoundError:
                continue  # it went before it could be watched
            except (OSError, RuntimeError) as error:
                if not told:
                    failed(_unwatched(seeds, error, tuning))
                told = True
        until = time.monotonic() + tuning.rescan
        yield first
        while not stop.wait(poll or tuning.look_through) and _identity(seeds) == watched:
            yield "look"
            if poll is None and time.monotonic() >= until:
                break  # perhaps the kernel can watch now


def _watched(
    seeds: str, index: str, stop: threading.Event, first: _Seen, tuning: Tuning
) -> Iterator[_Seen]:
    """What the kernel tells of, until another folder is in the place of this.

    What is written into the folder of the index, which may lie in that of the stories, is no
    change.
    """

    def matters(_: watchfiles.Change, path: str) -> bool:
        parent, name = os.path.split(os.path.realpath(path))
        of_index = parent == index and not name.lower().endswith(SUFFIXES)
        return not of_index and os.path.join(parent, name) != index

    watched = _identity(seeds)
    items = watchfiles.watch(
        seeds, stop_event=stop, debounce=tuning.longest_wait_ms, step=tuning.quiet_ms,
        watch_filter=matters, yield_on_timeout=True, rust_timeout=tuning.look_up_ms,
        raise_interrupt=True,
    )  # fmt: skip
    next(items, None)
    yield first
    due = time.monotonic() + tuning.rescan
    for found in items:
        if _identity(seeds) != watched:
            return
        if found or time.monotonic() >= due:
            due = time.monotonic() + tuning.rescan
            yield "changed" if found else "look"
        else:
            yield ""  # the empty items say that nothing has changed for a while


def _unwatched(seeds: str, error: Exception, tuning: Tuning) -> StorydexError:
    """Why the kernel does not watch a folder, and what to do about it."""
    if isinstance(error, PermissionError):
        reason = f"{error}: allow that folder to be read"
    elif "limit" in str(error) or "Too many open files" in str(error):
        reason = (
            "the kernel's limit of watches is reached: "
            "raise fs.inotify.max_user_watches or fs.inotify.max_user_instances"
        )
    else:
        reason = str(error)
    return SeedError(
        seeds,
        f"cannot be watched, so it is looked through every {tuning.look_through:g} s ({reason})",
    )


def _identity(folder: str) -> tuple[int, int] | None:
    """What tells a folder from another of the same name; None if there is none."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino
