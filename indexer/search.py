"""The embeddable engine: parse → execute → page; layer 7."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
from whoosh import query as wq

from . import facets as fc
from . import manifest as mf
from .dates import parse_day
from .engine import Engine
from .errors import EngineClosed, QueryError, StorydexError, StoryNotFound
from .execute import Matches, match
from .highlight import Highlighter
from .model import FACETS, SORTS, Facet, Hit, IndexInfo, ResultPage, SearchRequest, Sort, Story
from .parse import ParsedQuery, parse
from .snapshot import NO_DATE, Snapshot, open_snapshot
from .suggest import complete, resembling, respell

MAX_LIMIT = 1000


def open_index(location: str | os.PathLike[str]) -> Engine:
    """Open the newest generation of an index for searching.

    Raises `IndexMissing` or `IndexCorrupt`.
    """
    location = os.fspath(location)
    if location.startswith(("opensearch://", "opensearch+https://")):
        raise StorydexError(f"{location.split('@')[-1]}: this version searches folders only")
    return LocalEngine(location)


class _Found(NamedTuple):
    """The stories that match, before and after filters."""

    query: wq.Query
    parsed: ParsedQuery
    relaxed: bool
    matches: Matches
    allowed: fc.Mask
    filters: dict[Facet, fc.Mask]
    keys: dict[Facet, frozenset[str]]
    passed: npt.NDArray[np.intp]  # indexes into matches


class LocalEngine:
    """The engine over an index folder. See `engine.Engine` for what its methods do."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        # Whoosh's readers are not made for use by several threads at once.
        self._reading = threading.RLock()
        self._snapshot: Snapshot | None = open_snapshot(folder)

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
        return self._current().manifest.generation

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
        with self._reading:
            snapshot = self._current()
            found = _find(request, snapshot)
            order = _ordered(request.sort, found, snapshot, request.offset + request.limit)
            hits = _hits(found, order[request.offset :], snapshot)
            counts = fc.count_facets(
                snapshot, found.matches.doc_ids, found.allowed, found.filters, found.keys,
                request.facets,
            )  # fmt: skip
            suggestion = None
            if found.relaxed or not len(found.matches.doc_ids):
                suggestion = respell(snapshot, request.query, found.parsed.words)
        return ResultPage(
            request=request,
            total=len(found.passed),
            hits=hits,
            facets=counts,
            relaxed=found.relaxed,
            suggestion=suggestion,
            took_ms=(time.perf_counter() - started) * 1000,
            generation=snapshot.manifest.generation,
        )

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order; offset, limit and facets are ignored."""
        _check(request)
        with self._reading:
            snapshot = self._current()
            found = _find(request, snapshot)
            order = _ordered(request.sort, found, snapshot, len(found.passed))
            highlighter = Highlighter(found.query, snapshot)

        def hits() -> Iterator[Hit]:
            for i in order:
                with self._reading:
                    story = snapshot.story(int(found.matches.doc_ids[i]))
                yield _hit(story, float(found.matches.scores[i]), highlighter)

        return hits()

    def suggest(self, text: str, *, limit: int = 8) -> tuple[str, ...]:
        """Completions of the last word of `text`, the most frequent first."""
        with self._reading:
            return complete(self._current(), text, limit)

    def more_like(self, story_id: str, *, limit: int = 5) -> tuple[Hit, ...]:
        """Stories that resemble this one, best first; raises `StoryNotFound`."""
        with self._reading:
            snapshot = self._current()
            doc_id = snapshot.doc_id(story_id)
            if doc_id is None:
                raise StoryNotFound(story_id)
            query = resembling(snapshot, snapshot.story(doc_id))
            if query is None:
                return ()
            doc_ids, scores = match(query, snapshot)
            order = [i for i in _best_first(scores)[: limit + 1] if doc_ids[i] != doc_id]
            highlighter = Highlighter(query, snapshot)
            return tuple(
                _hit(snapshot.story(int(doc_ids[i])), float(scores[i]), highlighter)
                for i in order[:limit]
            )

    def get(self, story_id: str) -> Story | None:
        """The story with this id, or None."""
        with self._reading:
            snapshot = self._current()
            doc_id = snapshot.doc_id(story_id)
            return None if doc_id is None else snapshot.story(doc_id)

    def info(self) -> IndexInfo:
        """Describe the generation being searched."""
        with self._reading:
            snapshot = self._current()
            manifest = snapshot.manifest
            return IndexInfo(
                location=self._folder,
                stories=manifest.stories,
                articles=manifest.articles,
                terms=snapshot.term_count(),
                bytes=sum(entry.size for entry in manifest.files.values()),
                generation=manifest.generation,
                segments=len(snapshot.reader.leaf_readers()),
                built_at=manifest.built_at,
                seeds=manifest.seeds,
                published_only=manifest.published_only,
            )

    def reload(self) -> bool:
        """Switch to the newest generation; true if it was not the one being searched.

        Hits and exports of the old generation stay usable.
        """
        current = self._current().manifest.generation
        if mf.newest_generation(self._folder) == current:
            return False
        snapshot = open_snapshot(self._folder)
        with self._reading:
            self._current()
            self._snapshot = snapshot
        return snapshot.manifest.generation != current

    def close(self) -> None:
        """Release what the engine holds; calls after this raise `EngineClosed`."""
        with self._reading:
            self._snapshot = None

    def _current(self) -> Snapshot:
        snapshot = self._snapshot
        if snapshot is None:
            raise EngineClosed
        return snapshot


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


def _find(request: SearchRequest, snapshot: Snapshot) -> _Found:
    parsed = parse(request.query)
    query, relaxed = parsed.query, False
    matches = match(query, snapshot)
    # Whether words are dropped must not depend on the filters: a facet's count would
    # then not be what choosing its value gives.
    if not len(matches.doc_ids) and parsed.relaxed is not None:
        some = match(parsed.relaxed, snapshot)
        if len(some.doc_ids):
            query, relaxed, matches = parsed.relaxed, True, some
    allowed = np.ones(snapshot.size, np.bool_)
    if request.since is not None or request.until is not None:
        allowed = fc.stories_between(snapshot, request.since, request.until)
    keys = {facet: fc.filter_keys(facet, values) for facet, values in request.filters.items()}
    keys = {facet: wanted for facet, wanted in keys.items() if wanted}
    filters = {
        facet: fc.stories_with(snapshot.facet(facet), wanted, snapshot.size)
        for facet, wanted in keys.items()
    }
    passes = np.logical_and.reduce([allowed, *filters.values()])
    passed = np.flatnonzero(passes[matches.doc_ids])
    return _Found(query, parsed, relaxed, matches, allowed, filters, keys, passed)


def _best_first(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")


def _ordered(sort: Sort, found: _Found, snapshot: Snapshot, limit: int) -> npt.NDArray[np.intp]:
    """The first `limit` of the matches that passed, as indexes into them.

    Ties are in order of document number; stories without a value come last.
    """
    passed = found.passed
    doc_ids = found.matches.doc_ids[passed]
    rank: npt.NDArray[np.generic]
    if sort == "quality":
        rank = -snapshot.numbers("quality")[doc_ids]  # NaN sorts last
    elif sort == "oldest":
        rank = snapshot.dates[doc_ids]
    elif sort == "newest" or not found.parsed.scored:
        dates = snapshot.dates[doc_ids]
        rank = np.where(dates == NO_DATE, NO_DATE, -dates)
    else:
        rank = -found.matches.scores[passed]
    return passed[np.argsort(rank, kind="stable")[:limit]]


def _hits(found: _Found, order: npt.NDArray[np.intp], snapshot: Snapshot) -> tuple[Hit, ...]:
    highlighter = Highlighter(found.query, snapshot)
    return tuple(
        _hit(
            snapshot.story(int(found.matches.doc_ids[i])),
            float(found.matches.scores[i]),
            highlighter,
        )
        for i in order
    )


def _hit(story: Story, score: float, highlighter: Highlighter) -> Hit:
    return Hit(story, score, lambda: highlighter.related(story), lambda: highlighter.story(story))
