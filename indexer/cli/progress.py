"""How far a long command is, on a terminal only."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from ..model import BuildProgress

#: Seconds between two looks of the bar.
_REFRESH = 0.1


class _CountColumn(ProgressColumn):
    """Steps done and to be done."""

    def render(self, task: Task) -> Text:
        """Both numbers, nothing while the second is unknown."""
        known = task.total is not None
        return Text(f"{task.completed:,.0f}/{task.total:,.0f}" if known else "")


class _RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """The speed of the last few seconds, nothing while it is unknown."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


class Meter:
    """A progress bar on standard error: appears when first told of progress.

    Away from a terminal it shows nothing at all.
    """

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._title = ""
        self._next_look = 0.0
        self._visible = sys.stderr.isatty()

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def build(self, progress: BuildProgress) -> None:
        """Show how far a rebuild is."""
        self.update(progress.phase, progress.done, progress.total)

    def update(self, title: str, done: int, total: int) -> None:
        """Show `done` of `total` steps; another title starts another bar."""
        if not self._visible:
            return
        if self._bar is None or title != self._title:
            self.clear()
            self._start(title, total)
        assert self._bar is not None
        self._bar.update(self._bar.task_ids[0], completed=done, total=total or None)
        if time.monotonic() >= self._next_look:
            self._bar.refresh()
            self._next_look = time.monotonic() + _REFRESH

    def clear(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _start(self, title: str, total: int) -> None:
        self._title = title
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _CountColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            # Rich's own refreshing runs in a thread; a rebuild may fork only without.
            auto_refresh=False,
        )
        self._bar.add_task(title.capitalize(), total=total or None)
        self._bar.start()
