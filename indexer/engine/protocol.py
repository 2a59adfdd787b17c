"""What every engine does, whatever its index is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Protocol, cast

import msgspec

from ..dates import parse_day
from ..errors import StoryNotFound
from ..model import (
    DateCounts,
    Explanation,
    Facet,
    FacetRows,
    Hit,
    IndexInfo,
    ResultPage,
    SearchRequest,
    Story,
)


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
        facet_limit: int = 20,
        sort: str = "relevance",
        offset: int = 0,
        limit: int = 10,
        spelling: bool = True,
        collapse: bool = True,
    ) -> ResultPage:
        """Answer a query; raises `QueryError` naming the parameter past a limit or unknown."""
        request = as_request(query, filters, since, until)
        request = msgspec.structs.replace(
            request, facets=facets, facet_limit=facet_limit, sort=sort,
            offset=offset, limit=limit, spelling=spelling, collapse=collapse,
        )  # fmt: skip
        return self.answer(request)

    def answer(self, request: SearchRequest) -> ResultPage:
        """The same as `search`, for a request that was built before."""

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order; offset, limit and facets are ignored."""

    def facet_values(
        self,
        facet: str,
        text: str = "",
        *,
        query: str = "",
        filters: Mapping[str, Sequence[str]] | None = None,
        since: date | datetime | str | None = None,
        until: date | datetime | str | None = None,
        sort: str = "count",
        limit: int = 20,
    ) -> FacetRows:
        """The values of a facet whose label or value has a word that begins with `text`.

        Only those that stories found have, with the counts that a search would give; sorted
        by count or by name.
        """
        request = as_request(query, filters, since, until)
        request = msgspec.structs.replace(request, facet_limit=limit)
        return self.values_of(request, facet, text, sort)

    def values_of(
        self, request: SearchRequest, facet: str, text: str = "", sort: str = "count"
    ) -> FacetRows:
        """The same as `facet_values`, at most `facet_limit` values of such a request."""

    def histogram(self, request: SearchRequest) -> DateCounts:
        """How many of the stories found were published when, by day, month or year."""

    def suggest(self, text: str, *, limit: int = 8) -> tuple[str, ...]:
        """Ways to finish the last word of `text`, or the value of its last field, best first."""

    def more_like(self, story_id: str, *, limit: int = 5) -> tuple[Hit, ...]:
        """Stories that resemble this one, best first, or none; raises `StoryNotFound`."""

    def explain(
        self,
        query: str,
        story_id: str,
        *,
        filters: Mapping[str, Sequence[str]] | None = None,
        since: date | datetime | str | None = None,
        until: date | datetime | str | None = None,
    ) -> Explanation:
        """What a story's score in such a search is made of; raises `StoryNotFound`."""
        explained = self.explained(as_request(query, filters, since, until), [story_id])
        if not explained:
            raise StoryNotFound(story_id)
        return explained[story_id]

    def explain_page(self, page: ResultPage) -> dict[str, Explanation]:
        """What the scores on a page are made of, by story id."""
        request = msgspec.structs.replace(page.request, query=page.corrected or page.query)
        return self.explained(request, [hit.story.id for hit in page.hits])

    def explained(self, request: SearchRequest, story_ids: list[str]) -> dict[str, Explanation]:
        """What the scores of those stories that there are in such a search are made of."""

    def get(self, story_id: str) -> Story | None:
        """The story with this id, or None."""

    def hit_of(self, story_id: str, query: str) -> Hit | None:
        """The story with this id as a hit of a query, whether that finds it or not, or None."""

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

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def as_request(
    query: str,
    filters: Mapping[str, Sequence[str]] | None,
    since: date | datetime | str | None,
    until: date | datetime | str | None,
) -> SearchRequest:
    """What is searched, from values as callers write them."""
    return SearchRequest(
        query=query,
        filters=cast("Mapping[Facet, tuple[str, ...]]", filters or {}),
        since=parse_day(since, "since") if isinstance(since, str) else since,
        until=parse_day(until, "until", end=True) if isinstance(until, str) else until,
    )
