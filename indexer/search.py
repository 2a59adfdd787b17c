"""The embeddable engine: parse → execute → page; layer 9."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import NamedTuple, cast

import numpy as np
from whoosh import query as wq

from . import manifest as mf
from .dates import parse_day
from .engine import Engine
from .errors import EngineClosed, QueryError, StorydexError, StoryNotFound
from .evaluate import Matches
from .execute import KERNELS, NO_FILTERS, NO_KERNELS, Executor, Kernels
from .facets import Filters, filter_keys
from .highlight import Highlighter
from .model import (
    FACETS,
    SORTS,
    Facet,
    FacetCount,
    Hit,
    IndexInfo,
    ResultPage,
    SearchRequest,
    Sort,
    Story,
)
from .parse import ParsedQuery, parse
from .snapshot import Snapshot, open_snapshot
from .suggest import complete, resembling, respell

MAX_LIMIT = 1000


def open_index(location: str | os.PathLike[str], *, compiled: bool = True) -> Engine:
    """Open the newest generation of an index for searching.

    Searches run compiled code from when it is loaded, about a second after the first
    search, or after `Engine.warm_up`; a program that searches once says `compiled=False`
    and spares itself the loading. Raises `IndexMissing` or `IndexCorrupt`.
    """
    location = os.fspath(location)
    if location.startswith(("opensearch://", "opensearch+https://")):
        raise StorydexError(f"{location.split('@')[-1]}: this version searches folders only")
    return LocalEngine(location, compiled=compiled)


class _View(NamedTuple):
    """A snapshot and what runs queries over it."""

    snapshot: Snapshot
    executor: Executor
    kernels: Kernels
    published: tuple[int, int] | None


class _Result(NamedTuple):
    """The stories that match a request, by segment, before its filters."""

    query: wq.Query
    parsed: ParsedQuery
    relaxed: bool
    found: list[Matches]
    filters: Filters

    @property
    def nothing(self) -> bool:
        """Whether no story matches the query, whatever the filters."""
        return not any(len(part.doc_ids) for part in self.found)


class LocalEngine:
    """The engine over an index folder. See `engine.Engine` for what its methods do."""

    def __init__(self, folder: str, *, compiled: bool = True) -> None:
        self._folder = folder
        self._kernels = KERNELS if compiled else NO_KERNELS
        self._compiled = compiled
        self._view: _View | None = self._open()

    def _open(self) -> _View:
        published = mf.published(self._folder)
        snapshot = open_snapshot(self._folder)
        executor = Executor(snapshot, self._kernels)
        return _View(snapshot, executor, self._kernels, published)

    def warm_up(self) -> None:
        """Load the compiled loops now, so that the first search need not do without."""
        if self._compiled:
            self._kernels.load()

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def generation(self) -> int:
        """The number of the generation being searched."""
        return self._current().snapshot.manifest.generation

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
        return self.answer(
            SearchRequest(
                query=query,
                filters=cast(
                    "Mapping[Facet, tuple[str, ...]]",
                    {facet: _values(facet, values) for facet, values in (filters or {}).items()},
                ),
                since=parse_day(since, "since") if isinstance(since, str) else since,
                until=parse_day(until, "until", end=True) if isinstance(until, str) else until,
                facets=cast("tuple[Facet, ...]", tuple(facets)),
                sort=cast("Sort", sort),
                offset=offset,
                limit=limit,
            )
        )

    def answer(self, request: SearchRequest) -> ResultPage:
        """The same as `search`, for a request that was built before."""
        started = time.perf_counter()
        _check(request)
        if self._compiled:
            self._kernels.load_in_background()
        view = self._current()
        result = _find(request, view)
        total, doc_ids, scores = _ordered(request, result, view, request.offset + request.limit)
        counts: dict[str, tuple[FacetCount, ...]] = {
            facet: result.filters.count(view.executor, result.found, facet)
            for facet in request.facets
        }
        suggestion = None
        if result.relaxed or result.nothing:
            suggestion = respell(view.snapshot, request.query, result.parsed.words)
        return ResultPage(
            request=request,
            total=total,
            hits=_hits(doc_ids[request.offset :], scores[request.offset :], result.query, view),
            facets=counts,
            relaxed=result.relaxed,
            suggestion=suggestion,
            took_ms=(time.perf_counter() - started) * 1000,
            generation=view.snapshot.manifest.generation,
        )

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order; offset, limit and facets are ignored."""
        _check(request)
        view = self._current()
        result = _find(request, view)
        _, doc_ids, scores = _ordered(request, result, view, view.snapshot.size)
        highlighter = Highlighter(result.query, view.snapshot, view.kernels)
        return (
            highlighter.hit(doc_id, score) for doc_id, score in zip(doc_ids, scores, strict=True)
        )

    def suggest(self, text: str, *, limit: int = 8) -> tuple[str, ...]:
        """Completions of the last word of `text`, the most frequent first."""
        return complete(self._current().snapshot, text, limit)

    def more_like(self, story_id: str, *, limit: int = 5) -> tuple[Hit, ...]:
        """Stories that resemble this one, best first; raises `StoryNotFound`."""
        view = self._current()
        doc_id = view.snapshot.doc_id(story_id)
        if doc_id is None:
            raise StoryNotFound(story_id)
        query = resembling(view.snapshot, view.snapshot.story(doc_id))
        if query is None:
            return ()
        found = view.executor.match(query)
        none = [NO_FILTERS] * len(found)
        _, doc_ids, scores = view.executor.top(found, none, limit + 1)
        others = [pair for pair in zip(doc_ids, scores, strict=True) if pair[0] != doc_id][:limit]
        return _hits([doc for doc, _ in others], [score for _, score in others], query, view)

    def get(self, story_id: str) -> Story | None:
        """The story with this id, or None."""
        snapshot = self._current().snapshot
        doc_id = snapshot.doc_id(story_id)
        return None if doc_id is None else snapshot.story(doc_id)

    def info(self) -> IndexInfo:
        """Describe the generation being searched."""
        snapshot = self._current().snapshot
        manifest = snapshot.manifest
        return IndexInfo(
            location=self._folder,
            stories=manifest.stories,
            articles=manifest.articles,
            terms=snapshot.term_count(),
            bytes=sum(entry.size for entry in manifest.files.values()),
            generation=manifest.generation,
            segments=len(snapshot.segments),
            built_at=manifest.built_at,
            seeds=manifest.seeds,
            published_only=manifest.published_only,
        )

    def reload(self) -> bool:
        """Switch to the newest generation; true if it was not the one being searched.

        Hits and exports of the old generation stay usable.
        """
        if mf.published(self._folder) == self._current().published:
            return False
        view = self._open()
        self._current()
        self._view = view
        return True

    def close(self) -> None:
        """Release what the engine holds; calls after this raise `EngineClosed`."""
        self._view = None

    def _current(self) -> _View:
        view = self._view
        if view is None:
            raise EngineClosed
        return view


def _values(facet: str, values: Sequence[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise QueryError(facet, f"give a list of values, as in [{values!r}]")
    return tuple(values)


def _check(request: SearchRequest) -> None:
    """Refuse what cannot be answered; the checks of the query itself are `parse`'s."""
    for facet in (*request.filters, *request.facets):
        if facet not in FACETS:
            raise QueryError("facet", f"{facet!r} is none of {', '.join(FACETS)}")
    if request.sort not in SORTS:
        raise QueryError("sort", f"{request.sort!r} is none of {', '.join(SORTS)}")
    if request.offset < 0:
        raise QueryError("offset", f"{request.offset} is less than 0")
    if not 0 <= request.limit <= MAX_LIMIT:
        raise QueryError("limit", f"{request.limit} is not between 0 and {MAX_LIMIT}")


def _find(request: SearchRequest, view: _View) -> _Result:
    parsed = parse(request.query)
    query, relaxed = parsed.query, False
    found = view.executor.match(query)
    # Whether words are dropped must not depend on the filters: a facet's count would
    # then not be what choosing its value gives.
    if parsed.relaxed is not None and not any(len(part.doc_ids) for part in found):
        some = view.executor.match(parsed.relaxed)
        if any(len(part.doc_ids) for part in some):
            query, relaxed, found = parsed.relaxed, True, some
    keys = {facet: filter_keys(facet, values) for facet, values in request.filters.items()}
    filters = Filters(view.snapshot, keys, request.since, request.until)
    return _Result(query, parsed, relaxed, found, filters)


def _ordered(
    request: SearchRequest, result: _Result, view: _View, limit: int
) -> tuple[int, list[int], list[float]]:
    """How many stories pass the filters, and the first `limit`: doc ids and scores.

    Ties are in order of document number; stories without a value come last.
    """
    sort = request.sort
    if sort == "relevance":
        if result.parsed.scored:
            return view.executor.top(result.found, result.filters.failed, limit)
        sort = "newest"
    doc_ids, scores = view.executor.passing(result.found, result.filters.failed)
    ranks = view.snapshot.ranks(sort)[doc_ids]
    if limit < len(ranks):
        nearest = np.argpartition(ranks, limit)[:limit]
        order = nearest[np.argsort(ranks[nearest])]
    else:
        order = np.argsort(ranks)
    return len(doc_ids), doc_ids[order].tolist(), scores[order].tolist()


def _hits(doc_ids: list[int], scores: list[float], query: wq.Query, view: _View) -> tuple[Hit, ...]:
    highlighter = Highlighter(query, view.snapshot, view.kernels)
    return tuple(
        highlighter.hit(doc_id, score) for doc_id, score in zip(doc_ids, scores, strict=True)
    )
