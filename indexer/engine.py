"""What every engine offers, whatever stores its index; layer 1.

The command line, the web front end and embedding programs know only this protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Protocol

from .model import Hit, IndexInfo, ResultPage, SearchRequest, Story


class Engine(Protocol):
    """A searchable index, safe to share between threads.

    An engine sees one generation of its index from when it was opened until
    `reload` returns true. It is a context manager that closes itself.
    """

    @property
    def generation(self) -> int:
        """The number of the generation being searched."""

    def search(
        self,
        query: str = "",
        *,
        filters: Mapping[str, Sequence[str]] | None = None,
        since: date | datetime | str | None = None,
        until: date | datetime | str | None = None,
        facets: Sequence[str] = ("provider",),
        sort: str = "relevance",
        offset: int = 0,
        limit: int = 10,
    ) -> ResultPage:
        """Answer a query; raises `QueryError` naming the parameter past a limit or unknown."""

    def answer(self, request: SearchRequest) -> ResultPage:
        """The same as `search`, for a request that was built before."""

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order; offset, limit and facets are ignored."""

    def suggest(self, text: str, *, limit: int = 8) -> tuple[str, ...]:
        """Completions of the last word of `text`, the most frequent first."""

    def more_like(self, story_id: str, *, limit: int = 5) -> tuple[Hit, ...]:
        """Stories that resemble this one, best first; raises `StoryNotFound`."""

    def get(self, story_id: str) -> Story | None:
        """The story with this id, or None."""

    def info(self) -> IndexInfo:
        """Describe the generation being searched."""

    def warm_up(self) -> None:
        """Load what searches need, so that the first is as fast as the rest.

        Takes about a second in a process, and nothing when it was done before.
        """

    def reload(self) -> bool:
        """Switch to the newest generation; true if it was not the one being searched."""

    def close(self) -> None:
        """Release what the engine holds; calls after this raise `EngineClosed`."""

    def __enter__(self) -> Engine: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
