"""What every engine does, whatever its index is: check → find → page."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from types import TracebackType
from typing import Any, NoReturn, TypeVar, cast

from msgspec.structs import replace

from ..dates import parse_day
from ..errors import EngineClosed, StoryNotFound
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
from ..query.parser import as_pasted
from ..query.request import check, check_values, checked_limit, checked_text
from ..query.synonyms import Synonyms
from ..search.facets import beginning, listed
from ..search.respell import Respelling
from ..search.select import Selector
from ..search.suggest import RESEMBLANCE, complete, resembling
from ..search.values import Values

T = TypeVar("T")


class View(ABC):
    """A generation of an index as it was opened, and what searches it.

    Its `searcher` finds what is called `found`: by `find(request, limit)` the stories of a request
    from its offset on, by `like(node, limit)` those that a tree selects, without filters.
    """

    generation: int
    searcher: Any
    selector: Selector
    synonyms: Synonyms
    values: Values

    @cached_property
    def edition(self) -> str:
        """Another one for another generation, and for other synonyms."""
        said = repr(sorted(self.synonyms.items())).encode()
        return f"{self.generation} {blake2b(said, digest_size=8).hexdigest()}"

    @abstractmethod
    def respelling(self, query: str, found: Any) -> Callable[[], Respelling | None]:
        """Gives a better spelling of what was searched."""

    @abstractmethod
    def hits(self, found: Any) -> Iterator[Hit]:
        """The stories found."""

    @abstractmethod
    def hit(self, found: Any, story_id: str) -> Hit | None:
        """A story, whether it was found or not; None if there is none."""

    @abstractmethod
    def all_hits(self, request: SearchRequest) -> Iterator[Hit]:
        """All that a request asks for, in order."""

    @abstractmethod
    def dates(self, request: SearchRequest) -> DateCounts:
        """How many of the stories found were published when."""

    @abstractmethod
    def story(self, story_id: str) -> Story | None:
        """The story with this id, or None."""

    @abstractmethod
    def explain(self, found: Any, story_id: str) -> Explanation | None:
        """What the score of a story is made of; None if there is no such story."""

    @abstractmethod
    def info(self) -> IndexInfo:
        """Describe the generation."""


class Engine(ABC):
    """A searchable index, safe to share between threads.

    An engine sees one generation of its index from when it was opened until
    `reload` returns true. It is a context manager that closes itself.
    """

    #: The `View` that is searched, None once that is closed.
    _view: Any

    def __reduce__(self) -> NoReturn:
        raise TypeError("an engine has files open: hand over its location, and open it there")

    def _opened(self) -> Any:
        view = self._view
        if view is None:
            raise EngineClosed
        return view

    @abstractmethod
    def _asked(self, question: Callable[[View], T]) -> T:
        """What a question about it is answered, once it is known that it can be."""

    @property
    def generation(self) -> int:
        """The number of the generation being searched."""
        generation: int = self._opened().generation
        return generation

    @property
    def edition(self) -> str:
        """Another one whenever answers may be: with a generation, and with other synonyms."""
        edition: str = self._opened().edition
        return edition

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
        request = replace(
            _request(query, filters, since, until), facets=facets, facet_limit=facet_limit,
            sort=sort, offset=offset, limit=limit, spelling=spelling, collapse=collapse,
        )  # fmt: skip
        return self.answer(request)

    def answer(self, request: SearchRequest) -> ResultPage:
        """The same as `search`, for a request that was built before."""
        started = time.perf_counter()
        request = check(request)
        return self._asked(lambda view: _page(view, request, started))

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order; offset, limit and facets are ignored."""
        request = replace(check(request), facets=(), offset=0)
        return self._asked(lambda view: view.all_hits(request))

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
        request = replace(_request(query, filters, since, until), facet_limit=limit)
        return self.values_of(request, facet, text, sort)

    def values_of(
        self, request: SearchRequest, facet: str, text: str = "", sort: str = "count"
    ) -> FacetRows:
        """The same as `facet_values`, at most `facet_limit` values of such a request."""
        request = check_values(request, facet, sort)
        (wanted,) = request.facets
        text = checked_text("text", text)

        def ask(view: View) -> FacetRows:
            (counts,) = view.searcher.find(request, 0).answer.counts
            counts = counts * beginning(view.values, wanted, text)
            by_name = sort == "name"
            return listed(view.values.facet(wanted), counts, request.facet_limit, by_name=by_name)

        return self._asked(ask)

    def histogram(self, request: SearchRequest) -> DateCounts:
        """How many of the stories found were published when, by day, month or year."""
        request = check(request)
        return self._asked(lambda view: view.dates(request))

    def suggest(self, text: str, *, limit: int = 8) -> tuple[str, ...]:
        """Ways to finish the last word of `text`, or the value of its last field, best first."""
        wanted = checked_text("text", text), checked_limit(limit)
        return self._asked(lambda view: complete(view.selector, *wanted))

    def more_like(self, story_id: str, *, limit: int = 5) -> tuple[Hit, ...]:
        """Stories that resemble this one, best first, or none; raises `StoryNotFound`."""
        story_id, limit = checked_text("story_id", story_id), checked_limit(limit)
        return self._asked(lambda view: _resembling(view, story_id, limit))

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
        explained = self.explained(_request(query, filters, since, until), [story_id])
        if not explained:
            raise StoryNotFound(story_id)
        return explained[story_id]

    def explain_page(self, page: ResultPage) -> dict[str, Explanation]:
        """What the scores on a page are made of, by story id."""
        request = replace(page.request, query=page.corrected or page.query)
        return self.explained(request, [hit.story.id for hit in page.hits])

    def explained(self, request: SearchRequest, story_ids: list[str]) -> dict[str, Explanation]:
        """What the scores of those stories that there are in such a search are made of."""
        request = replace(check(request), facets=(), sort="relevance", offset=0)
        story_ids = [checked_text("story_id", one) for one in story_ids]

        def ask(view: View) -> dict[str, Explanation]:
            found = view.searcher.find(request, max(request.limit, 1))
            told = {one: view.explain(found, one) for one in story_ids}
            return {one: parts for one, parts in told.items() if parts is not None}

        return self._asked(ask)

    def get(self, story_id: str) -> Story | None:
        """The story with this id, or None."""
        story_id = checked_text("story_id", story_id)
        return self._asked(lambda view: view.story(story_id))

    def hit_of(self, story_id: str, query: str) -> Hit | None:
        """The story with this id as a hit of a query, whether that finds it or not, or None."""
        story_id = checked_text("story_id", story_id)
        request = check(SearchRequest(query=query, facets=()))
        return self._asked(lambda view: view.hit(view.searcher.find(request, 0), story_id))

    def info(self) -> IndexInfo:
        """Describe the generation being searched."""
        return self._asked(lambda view: view.info())

    @abstractmethod
    def warm_up(self) -> None:
        """Load what searches need, so that the first is as fast as the rest.

        Takes about a second in a process, and nothing when it was done before.
        """

    @abstractmethod
    def reload(self) -> bool:
        """Switch to the newest generation; true if it was not the one being searched."""

    def close(self) -> None:
        """Release what the engine holds; calls after this raise `EngineClosed`."""
        self._view = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _page(view: View, request: SearchRequest, started: float) -> ResultPage:
    """What is found for a request, as it was surely meant where that finds nothing."""
    found = view.searcher.find(request, request.limit)
    better = view.respelling(request.query, found)
    corrected, notices = None, found.notices
    lacking = not (found.answer.complete or found.known)
    if request.spelling and lacking and (spelt := better()) and spelt.sure:
        other = view.searcher.find(replace(request, query=spelt.text), request.limit)
        if other.answer.complete:
            found, corrected = other, spelt.text
    if request.spelling and not found.answer.matched and (words := as_pasted(request.query)):
        other = view.searcher.find(replace(request, query=words), request.limit)
        if other.answer.total:
            found, corrected = other, words
    return ResultPage(
        request=request,
        total=found.answer.total,
        complete=found.answer.complete,
        hits=tuple(view.hits(found)),
        facets=found.filters.rows_of_each(view.values, request, found.answer.counts),
        relaxed=found.relaxed,
        respelled=lambda: (spelt := better()) and spelt.text,
        took_ms=(time.perf_counter() - started) * 1000,
        generation=view.generation,
        corrected=corrected,
        notices=notices,
    )


def _resembling(view: View, story_id: str, limit: int) -> tuple[Hit, ...]:
    story = view.story(story_id)
    if story is None:
        raise StoryNotFound(story_id)
    node = resembling(view.selector, story)
    if node is None:
        return ()
    found = view.searcher.like(node, limit + 1)
    # The story itself comes first, or what resembles it more than it does itself.
    floor = RESEMBLANCE * max(found.answer.scores, default=0.0)
    others = (hit for hit in view.hits(found) if hit.score >= floor and hit.story.id != story.id)
    return tuple(islice(others, limit))


def _request(
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
