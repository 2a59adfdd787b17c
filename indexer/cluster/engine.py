"""The engine over an index on a cluster. See `engine.Engine` for what its methods do."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec

from ..analysis import fold, iter_words
from ..engine import Engine
from ..errors import ClusterError, EngineClosed, IndexMissing, StoryNotFound
from ..model import (
    DateCounts,
    Explanation,
    FacetRows,
    Hit,
    IndexInfo,
    ResultPage,
    SearchRequest,
    Story,
)
from ..query.request import check, check_values, checked_limit, checked_text
from ..query.synonyms import synonyms_beside
from ..search.facets import beginning, listed
from ..search.find import ENOUGH
from ..search.histogram import day_of, in_best_unit
from ..search.respell import respell
from ..search.suggest import RESEMBLANCE, complete, resembling
from .client import Cluster, Gone
from .explain import explain
from .find import Searcher
from .hits import Reader
from .location import Location
from .names import document_id, story_of
from .selector import ClusterSelector, ClusterSpeller
from .state import State, read_state
from .values import ClusterValues
from .words import Words

T = TypeVar("T")


class _View(NamedTuple):
    """An index as it was opened, and what searches it."""

    state: State
    searcher: Searcher
    selector: ClusterSelector
    reader: Reader


class ClusterEngine(Engine):
    """Searches an index on a cluster; safe to share between threads."""

    def __init__(self, location: Location) -> None:
        self._cluster: Cluster | None = Cluster(location)
        self._where = str(location)
        self._view = self._open()

    def _open(self) -> _View:
        cluster = self._connected()
        state = read_state(cluster)
        self._check_health(cluster, state.index)
        words, values = Words(cluster, state), ClusterValues(cluster, state.index)
        # The folder of the stories may be on another machine.
        seeds = state.meta.seeds if os.path.isdir(state.meta.seeds) else ""
        synonyms = synonyms_beside(seeds, words.language)
        searcher = Searcher(cluster, state, words, values, synonyms)
        return _View(state, searcher, ClusterSelector(searcher), Reader(searcher, self._where))

    def _connected(self) -> Cluster:
        if self._cluster is None:
            raise EngineClosed
        return self._cluster

    def _asked(self, question: Callable[[_View], T]) -> T:
        """What an index answers; where it was removed meanwhile, what the newest does."""
        self._connected()
        try:
            return question(self._view)
        except Gone:
            self._view = self._open()
        try:
            return question(self._view)
        except Gone:
            raise IndexMissing(self._where) from None

    def warm_up(self) -> None:
        """See that the cluster can be asked, and read the facet that every page shows."""
        view = self._view
        self._check_health(self._connected(), view.state.index)
        self._asked(lambda view: view.searcher.values.facet("provider"))

    def _check_health(self, cluster: Cluster, index: str) -> None:
        found = cluster.call(
            cluster.client.cat.indices, index=index, format="json", h="health", tries=2
        )
        if any(one["health"] == "red" for one in found):
            raise ClusterError(self._where, "red: part of the index is on nodes that do not answer")

    @property
    def generation(self) -> int:
        """The number of the generation being searched."""
        self._connected()
        return self._view.state.meta.generation

    def answer(self, request: SearchRequest) -> ResultPage:
        """The same as `search`, for a request that was built before."""
        started = time.perf_counter()
        request = check(request)
        return self._asked(lambda view: self._answer(view, request, started))

    def _answer(self, view: _View, request: SearchRequest, started: float) -> ResultPage:
        found = view.searcher.find(request, request.limit)
        better = respell(
            view.selector, request.query, found.parsed.words,
            few=found.complete < ENOUGH, speller=ClusterSpeller,
        )  # fmt: skip
        corrected, notices = None, found.notices
        if better and better.sure and request.spelling and not found.complete:
            meant = msgspec.structs.replace(request, query=better.text)
            other = view.searcher.find(meant, request.limit)
            if other.complete:
                found, corrected = other, better.text
        return ResultPage(
            request=request,
            total=found.total,
            complete=found.complete,
            hits=tuple(view.reader.hits(found)),
            facets=found.filters.rows_of_each(view.searcher.values, request, found.counts),
            relaxed=found.relaxed,
            respelled=lambda: better and better.text,
            took_ms=(time.perf_counter() - started) * 1000,
            generation=view.state.meta.generation,
            corrected=corrected,
            notices=notices,
        )

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order; offset, limit and facets are ignored."""
        request = msgspec.structs.replace(check(request), facets=())
        hits = self._asked(lambda view: view.reader.all_hits(request))
        try:
            yield from hits
        except Gone:
            raise ClusterError(self._where, "the index was removed during the export") from None

    def values_of(
        self, request: SearchRequest, facet: str, text: str = "", sort: str = "count"
    ) -> FacetRows:
        """The same as `facet_values`, at most `facet_limit` values of such a request."""
        request = check_values(request, facet, sort)
        (wanted,) = request.facets

        def ask(view: _View) -> FacetRows:
            found = view.searcher.find(request, 0)
            fitting = beginning(view.searcher.values, wanted, checked_text("text", text))
            values, counts = view.searcher.values.facet(wanted), found.counts[0] * fitting
            return listed(values, counts, request.facet_limit, by_name=sort == "name")

        return self._asked(ask)

    def histogram(self, request: SearchRequest) -> DateCounts:
        """How many of the stories found were published when, by day, month or year."""
        request = check(request)

        def ask(view: _View) -> DateCounts:
            days, undated = view.searcher.days(request)
            months: Counter[str] = Counter()
            for day, count in days.items():
                months[day_of(day)[:7]] += count
            return in_best_unit(dict(sorted(months.items())), undated, lambda: days)

        return self._asked(ask)

    def suggest(self, text: str, *, limit: int = 8) -> tuple[str, ...]:
        """Ways to finish the last word of `text`, or the value of its last field, best first."""
        wanted = checked_text("text", text), checked_limit(limit)
        return self._asked(lambda view: complete(view.selector, *wanted, ClusterSpeller))

    def more_like(self, story_id: str, *, limit: int = 5) -> tuple[Hit, ...]:
        """Stories that resemble this one, best first, or none; raises `StoryNotFound`."""
        wanted = checked_limit(limit)
        return self._asked(lambda view: self._more_like(view, story_id, wanted))

    def _more_like(self, view: _View, story_id: str, limit: int) -> tuple[Hit, ...]:
        story = self._story(view, story_id)
        if story is None:
            raise StoryNotFound(story_id)
        texts = [story.title, story.excerpt, *(article.title for article in story.related)]
        view.searcher.words.fetch(fold(word.text) for text in texts for word in iter_words(text))
        node = resembling(view.selector, story)
        if node is None:
            return ()
        found = view.searcher.like(node, limit + 1)
        # The story itself comes first, or what resembles it more than it does itself.
        floor = RESEMBLANCE * max(found.scores, default=0.0)
        others = (
            hit
            for hit in view.reader.hits(found)
            if hit.story.id != story.id and hit.score >= floor
        )
        return tuple(islice(others, limit))

    def explained(self, request: SearchRequest, story_ids: list[str]) -> dict[str, Explanation]:
        """What the scores of those stories that there are in such a search are made of."""
        request = msgspec.structs.replace(check(request), facets=(), sort="relevance", offset=0)

        def ask(view: _View) -> dict[str, Explanation]:
            found = view.searcher.find(request, max(request.limit, 1))
            stories = {one: self._story(view, one) for one in story_ids}
            return {
                one: explain(view.searcher, found, story)
                for one, story in stories.items()
                if story is not None
            }

        return self._asked(ask)

    def get(self, story_id: str) -> Story | None:
        """The story with this id, or None."""
        return self._asked(lambda view: self._story(view, story_id))

    def _story(self, view: _View, story_id: str) -> Story | None:
        cluster = self._connected()
        one = document_id(checked_text("story_id", story_id))
        found = cluster.call(cluster.client.mget, index=view.state.index, body={"ids": [one]})
        (answer,) = found["docs"]
        if "error" in answer:
            raise Gone(self._where, "an index was removed meanwhile")
        return story_of(answer["_source"]) if answer["found"] else None

    def hit_of(self, story_id: str, query: str) -> Hit | None:
        """The story with this id as a hit of a query, whether that finds it or not, or None."""
        request = check(SearchRequest(query=query, facets=()))

        def ask(view: _View) -> Hit | None:
            found = view.searcher.find(request, 0)
            one = document_id(checked_text("story_id", story_id))
            return next(view.reader.hits_of(found, [one], [0.0]), None)

        return self._asked(ask)

    def info(self) -> IndexInfo:
        """Describe the generation being searched."""
        return self._asked(self._info)

    def _info(self, view: _View) -> IndexInfo:
        cluster, meta = self._connected(), view.state.meta
        both = f"{view.state.index},{view.state.words}"
        stats = cluster.call(cluster.client.indices.stats, index=both, metric="store,segments")
        terms = cluster.call(
            cluster.client.count, index=view.state.words,
            body={"query": {"exists": {"field": "stories"}}},
        )  # fmt: skip
        primaries = stats["_all"]["primaries"]
        return IndexInfo(
            location=self._where,
            stories=meta.stories,
            articles=meta.articles,
            terms=terms["count"],
            bytes=primaries["store"]["size_in_bytes"],
            generation=meta.generation,
            segments=primaries["segments"]["count"],
            built_at=meta.built_at,
            seeds=meta.seeds,
            published_only=meta.published_only,
            language=meta.language,
        )

    def reload(self) -> bool:
        """Switch to the newest generation; true if it was not the one being searched."""
        cluster = self._connected()
        if read_state(cluster) == self._view.state:
            return False
        self._view = self._open()
        return True

    def close(self) -> None:
        """Release what the engine holds; calls after this raise `EngineClosed`."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.client.close()
