"""The engine over an index on a cluster. See `engine.Engine` for what its methods do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..engine import Engine, View
from ..errors import ClusterError, IndexMissing
from ..model import DateCounts, Explanation, Hit, IndexInfo, SearchRequest, Story
from ..query.synonyms import synonyms_beside
from ..search.find import ENOUGH
from ..search.histogram import in_best_unit, month_of
from ..search.respell import Respelling, respell
from .client import Cluster, Gone
from .explain import explain
from .find import Found, Searcher
from .hits import Reader
from .location import Location
from .names import document_id, story_of
from .selector import ClusterSelector
from .state import read_state
from .values import ClusterValues
from .words import Words

T = TypeVar("T")


class _View(Reader, View):
    """An index as it was opened, and what searches it."""

    searcher: Searcher

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.state = state = read_state(cluster)
        self.generation = state.meta.generation
        self.check_health()
        words, self.values = Words(cluster, state), ClusterValues(cluster, state.index)
        # The folder of the stories may be on another machine.
        seeds = state.meta.seeds if os.path.isdir(state.meta.seeds) else ""
        self.synonyms = synonyms_beside(seeds, words.language)
        searcher = Searcher(cluster, state, words, self.values, self.synonyms)
        super().__init__(searcher, str(cluster.location))
        self.selector = ClusterSelector(searcher)

    def check_health(self) -> None:
        """Raise `ClusterError` if part of the index does not answer."""
        client = self._cluster.client
        found = self._cluster.call(
            client.cat.indices, index=self.state.index, format="json", h="health", tries=2
        )
        if any(one["health"] == "red" for one in found):
            where = str(self._cluster.location)
            raise ClusterError(where, "red: part of the index is on nodes that do not answer")

    def respelling(self, query: str, found: Found) -> Callable[[], Respelling | None]:
        """Looked for at once: later the index may be gone."""
        few = found.answer.complete < ENOUGH
        better = respell(self.selector, query, found.parsed.words, few=few)
        return lambda: better

    def hit(self, found: Found, story_id: str) -> Hit | None:
        return next(self.hits_of(found, [document_id(story_id)], [0.0]), None)

    def dates(self, request: SearchRequest) -> DateCounts:
        days, undated = self.searcher.days(request)
        months: Counter[int] = Counter()
        for day, count in days.items():
            months[month_of(day)] += count
        return in_best_unit(months, undated, lambda: days)

    def story(self, story_id: str) -> Story | None:
        body = {"ids": [document_id(story_id)]}
        found = self._cluster.call(self._cluster.client.mget, index=self.state.index, body=body)
        (answer,) = found["docs"]
        if "error" in answer:
            raise Gone(self.where, "an index was removed meanwhile")
        return story_of(answer["_source"]) if answer["found"] else None

    def explain(self, found: Found, story_id: str) -> Explanation | None:
        story = self.story(story_id)
        return None if story is None else explain(self.searcher, found, story)

    def info(self) -> IndexInfo:
        cluster, state, meta = self._cluster, self.state, self.state.meta
        both = f"{state.index},{state.words}"
        stats = cluster.call(cluster.client.indices.stats, index=both, metric="store,segments")
        terms = cluster.call(
            cluster.client.count, index=state.words,
            body={"query": {"exists": {"field": "stories"}}},
        )  # fmt: skip
        primaries = stats["_all"]["primaries"]
        return IndexInfo(
            location=self.where,
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


class ClusterEngine(Engine):
    """Searches an index on a cluster; safe to share between threads."""

    def __init__(self, location: Location) -> None:
        self._cluster = Cluster(location)
        self._view = _View(self._cluster)

    def _asked(self, question: Callable[[View], T]) -> T:
        """Where an index was removed meanwhile, the newest is asked."""
        try:
            return question(self._opened())
        except Gone:
            view = self._view = _View(self._cluster)
        try:
            return question(view)
        except Gone:
            raise IndexMissing(view.where) from None

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order; offset, limit and facets are ignored."""
        try:
            yield from super().export(request)
        except Gone as error:
            where = str(self._cluster.location)
            raise ClusterError(where, "the index was removed during the export") from error

    def warm_up(self) -> None:
        """See that the cluster can be asked, and read the facet that every page shows."""
        self._opened().check_health()
        self._asked(lambda view: view.values.facet("provider"))

    def reload(self) -> bool:
        """Switch to the newest generation; true if it was not the one being searched."""
        if read_state(self._cluster) == self._opened().state:
            return False
        self._view = _View(self._cluster)
        return True

    def close(self) -> None:
        """Release what the engine holds; calls after this raise `EngineClosed`."""
        if self._view is not None:
            super().close()
            self._cluster.client.close()
