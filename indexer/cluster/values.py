"""The values of facets in an index, and filters by them as queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..codec.format import I64
from ..model import Facet, SearchRequest
from ..search.facets import Choice
from ..search.find import span_of
from ..search.values import Values
from .clauses import EVERY, Query, between, every, terms, without
from .client import Cluster
from .mapping import whole_micros

#: Values that are asked for at a time.
_PAGE = 10_000
#: The most values of a facet that are counted: a cluster gives no more buckets at a time.
MOST_VALUES = 30_000


class ClusterValues(Values):
    """The values of all facets, as an index had them when they were first asked for."""

    def __init__(self, cluster: Cluster, index: str) -> None:
        super().__init__()
        self._cluster = cluster
        self._index = index
        self._counts: dict[str, dict[str, int]] = {}

    def _keys(self, facet: Facet) -> tuple[list[str], list[npt.NDArray[np.intp]]]:
        return sorted(self._counted(facet)), []

    def facet_counts(self, facet: Facet) -> I64:
        """int64[keys]: in how many stories each value of a facet is."""
        counts = self._counted(facet)
        return np.array([counts[key] for key in self.facet(facet).keys], np.int64)

    def prefixed(self, field: str, prefix: str) -> dict[str, int]:
        """The terms of a field that begin so, and in how many stories each is."""
        counts = self._counted(field)
        return {term: count for term, count in counts.items() if term.startswith(prefix)}

    def _counted(self, field: str) -> dict[str, int]:
        if field not in self._counts:
            self._counts[field] = dict(self._read(field))
        return self._counts[field]

    def _read(self, field: str) -> Iterator[tuple[str, int]]:
        composite: dict[str, Any] = {
            "size": _PAGE, "sources": [{"value": {"terms": {"field": field}}}],
        }  # fmt: skip
        body = {"size": 0, "track_total_hits": False, "aggs": {"values": {"composite": composite}}}
        while True:
            answer = self._cluster.call(self._cluster.client.search, index=self._index, body=body)
            found = answer["aggregations"]["values"]
            for bucket in found["buckets"]:
                yield bucket["key"]["value"], bucket["doc_count"]
            if "after_key" not in found or len(found["buckets"]) < _PAGE:
                return
            composite["after"] = found["after_key"]


class ClusterFilters(Choice):
    """The filters of a request as queries.

    always: what no facet's count does without; each facet's own filter is apart
    """

    def __init__(self, values: Values, request: SearchRequest) -> None:
        super().__init__(values, request.filters.items())
        first, last = map(whole_micros, span_of(request))
        always = [EVERY if first is None and last is None else between("published_at", first, last)]
        always += [without(EVERY, terms(facet, keys)) for facet, keys in self.unwanted.items()]
        own = {facet: terms(facet, keys) for facet, keys in self.wanted.items()}
        always += [query for facet, query in own.items() if facet not in request.facets]
        self.always = every(always)
        self._own: Mapping[str, Query] = {
            facet: query for facet, query in own.items() if facet in request.facets
        }

    @property
    def narrowing(self) -> bool:
        """Whether there are any filters."""
        return self.always is not EVERY or bool(self._own)

    def others(self, facet: str | None = None) -> Query:
        """The filters of the facets that are counted, but for one's own."""
        return every([query for name, query in self._own.items() if name != facet])
