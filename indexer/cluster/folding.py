"""Stories with the same lead are listed as one, which names the others; see `search.groups`.

Each story has the name of its group, and those that are not alone in theirs say so. Only these
cost anything: how often totals and counts have one of them too many is asked for apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..codec.format import I64
from ..model import Facet
from ..search.select import DAY
from .clauses import EVERY, Query, every
from .mapping import DEEPEST
from .values import MOST_VALUES

if TYPE_CHECKING:
    from .find import Answer, Ask, Found, Searcher

#: The fields of a story's group, and of whether others are in it.
GROUP, FOLDED = "group", "folded"
#: Groups that are asked for at a time where facets are counted: each has some values.
_AT_A_TIME = 1_000
#: Values of a facet within a group, and stories of the groups of a page, at most.
_MOST_SHARED, _MOST_MEMBERS = 10_000, 10_000


class Folding:
    """Folds what a searcher finds; safe to share between threads.

    groups: how many there are with more than one story
    """

    def __init__(self, searcher: Searcher, groups: int) -> None:
        self._searcher = searcher
        self._groups = groups
        self.any = groups > 0

    def folded(
        self, found: Found, answer: Answer, ask: Ask, only: Query, hits: list[dict[str, Any]]
    ) -> Answer:
        """An answer with one story for each group, the first or the last of the first."""
        answer = self._counted(found, answer, ask, only)
        groups = tuple([hit["fields"][GROUP][0] for hit in hits])
        shared = [
            group for group, hit in zip(groups, hits, strict=True) if hit["fields"].get(FOLDED)
        ]
        first, also = self.members(found, ask, shared, only)
        ids = tuple([first.get(group, one) for group, one in zip(groups, answer.ids, strict=True)])
        return answer._replace(ids=ids, groups=groups, also=also)

    def members(
        self, found: Found, ask: Ask, groups: list[str], only: Query = EVERY
    ) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
        """Of each group the story to list, and of each such story the others that were found."""
        if not groups:
            return {}, {}
        first, also = {}, {}
        for best, hits in self._best(found, ask, {"terms": {GROUP: groups}}, _MOST_MEMBERS, only):
            one = first[best["fields"][GROUP][0]] = best["_id"]
            others = sorted(hits, key=lambda hit: hit["sort"][-1])
            also[one] = tuple([hit["_id"] for hit in others if hit["_id"] != one])
        return first, also

    def days(self, found: Found, ask: Ask) -> Iterator[int]:
        """The day of each story that is listed for a group, numbered from the year 1."""
        for best, _ in self._best(found, ask, {"term": {FOLDED: True}}, DEEPEST):
            for instant in best["fields"].get("published_at", ()):
                yield instant // DAY

    def _best(
        self, found: Found, ask: Ask, among: Query, most: int, only: Query = EVERY
    ) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Of each group among some stories the one that is listed, and all that were found.

        Of those that score the same it is the last one.
        """
        body = self._searcher.body(found, ask)
        listed = {"constant_score": {"filter": only, "boost": 0.0, "_name": "listed"}}
        query = {"bool": {"must": [body["query"]], "filter": [among], "should": [listed]}}
        body |= {
            "query": query, "size": most, "_source": False, "track_total_hits": False,
            "docvalue_fields": [GROUP, "published_at"], "post_filter": found.filters.others(),
        }  # fmt: skip
        groups: dict[str, list[dict[str, Any]]] = {}
        for hit in self._searcher.search(body)["hits"]["hits"]:
            groups.setdefault(hit["fields"][GROUP][0], []).append(hit)
        for hits in groups.values():
            some = [hit for hit in hits if "listed" in hit.get("matched_queries", ())]
            # In this order, those that are as good go on by their ids.
            best = [hit for hit in some if hit["sort"][:-1] == some[0]["sort"][:-1]]
            if best:
                yield best[-1 if ask.ranked else 0], hits

    def _counted(self, found: Found, answer: Answer, ask: Ask, only: Query) -> Answer:
        """The same with each group counted once."""
        plan, filters, facets = found.plan, found.filters, ask.request.facets
        parts = -(-self._groups // (_AT_A_TIME if facets else MOST_VALUES))
        total, complete, partial = answer.total, answer.complete, answer.partial
        counts = list(answer.counts)
        for part in range(parts):
            groups: Query = {"field": GROUP, "size": MOST_VALUES, "min_doc_count": 2}
            if parts > 1:
                groups["include"] = {"partition": part, "num_partitions": parts}
            body: Query = {
                "query": every([plan.stories, filters.always, {"term": {FOLDED: True}}]),
                "size": 0,
                "aggs": {"listed": _by(groups, every([filters.others(), only]))},
            }
            if plan.wide:
                body["aggs"]["complete"] = _by(groups, every([plan.complete, filters.others()]))
            for facet in facets:
                body["aggs"][facet] = _by(groups, filters.others(facet), facet)
            told = self._searcher.search(body)
            counted = told["aggregations"]
            total -= _surplus(counted["listed"])
            if plan.wide:
                complete -= _surplus(counted["complete"])
            for at, facet in enumerate(facets):
                counts[at] = counts[at] - self._surplus_of(facet, counted[facet])
            partial = partial or told["timed_out"]
        return answer._replace(
            total=total, complete=complete, partial=partial, counts=tuple(counts)
        )

    def _surplus_of(self, facet: Facet, counted: dict[str, Any]) -> I64:
        """int64[values]: how often stories have a value that one of their group has."""
        surplus = np.zeros(len(self._searcher.values.facet(facet).keys), np.int64)
        for group in counted["groups"]["buckets"]:
            each = self._searcher.counts(facet, group["values"])
            surplus += np.maximum(each - 1, 0)
        return surplus


def _by(groups: Query, among: Query, facet: Facet | None = None) -> Query:
    """Counts the stories of each group among some, and the values that they share."""
    counting: Query = {"terms": groups}
    if facet is not None:
        shared = {"field": facet, "size": _MOST_SHARED, "min_doc_count": 2}
        counting["aggs"] = {"values": {"terms": shared}}
    return {"filter": among, "aggs": {"groups": counting}}


def _surplus(counted: dict[str, Any]) -> int:
    buckets: Iterable[dict[str, Any]] = counted["groups"]["buckets"]
    return sum(bucket["doc_count"] - 1 for bucket in buckets)
