"""The engines, each behind the same few functions.

An engine is imported in the process that runs it only, by its name here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from indexer.model import Story

from ..queries import Query
from ..works import Answer, Work

#: Runs one query once; what it returns is read by `Searcher.answer`, off the clock.
Run = Callable[[], Any]


class Searcher(Protocol):
    """An open index."""

    def prepare(self, work: Work, query: Query) -> Run:
        """Build the query, so that only running it is timed."""

    def answer(self, work: Work, found: Any) -> Answer:
        """What a run has found."""

    def facts(self) -> dict[str, int]:
        """Numbers that describe the index, as segments."""


class Engine(Protocol):
    """The functions of a module of this package."""

    TITLE: str
    #: Does not run a query in reasonable time on more stories than this, unless asked.
    MOST_STORIES: int

    def version(self) -> str:
        """Of the library."""

    def layout(self) -> str:
        """Changes whenever an index that was built before cannot be used any more."""

    def build(self, stories: Iterable[Story], folder: Path) -> None:
        """Write an index into an empty folder."""

    def open_searcher(self, folder: Path) -> Searcher:
        """Open an index that was built before."""


_MODULES = {
    "storydex": "storydex",
    "tantivy": "tantivy_py",
    "whoosh": "stock_whoosh",
    "fts5": "sqlite_fts5",
}
ENGINES = tuple(_MODULES)
#: Those that also sort by date and read what they found.
READERS = ("storydex", "tantivy")
#: Built for the size of their indexes only: as an engine, but with whole stories stored,
#: as storydex stores them.
WHOLE = {"tantivy": "tantivy_whole"}
#: The size of such an index among the bytes of the engine, by kind of file.
WHOLE_STORIES = "whole stories"


def load_engine(name: str) -> Engine:
    """Import an engine, one of `ENGINES` or of the values of `WHOLE`."""
    return cast(Engine, import_module(f".{_MODULES.get(name, name)}", __package__))
