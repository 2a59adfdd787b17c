"""A request → the stories of a cluster that it asks for, in order, with totals and counts.

Which words must be there, when some may be left out, and what comes first is decided as in an
index folder (`search.find`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from ..codec.format import I64
from ..errors import ClusterError, QueryError
from ..model import Facet, Notice, SearchRequest
from ..query.nodes import Fuzzy, Node
from ..query.parsed import ParsedQuery
from ..query.synonyms import Synonyms
from ..search.breadth import Weights, worth_of
from ..search.find import BONUS, ENOUGH, FIRST_UP_TO, Outcome, read_query
from ..search.nearness import REACH, WEIGHED, WORTH, neighbours_of
from ..search.select import DAY
from .clauses import EVERY, NONE, Clauses, Query, every, nested, some, terms, without
from .client import Cluster
from .folding import FOLDED, GROUP, Folding
from .mapping import DEEPEST
from .plans import Plan, plan_of
from .scores import Leaves
from .state import State
from .values import MOST_VALUES, ClusterFilters, ClusterValues
from .words import Words

#: How long a cluster may look for stories before it answers with what it has.
BUDGET = "10s"
_PARTIAL = (
    "the cluster had no time to look at all stories: totals and counts are too low; "
    "ask for less, or again later"
)
_ORDERS: dict[str, list[Any]] = {
    "relevance": [{"_score": "desc"}],
    "newest": [{"published_at": {"order": "desc", "missing": "_last"}}],
    "oldest": [{"published_at": {"order": "asc", "missing": "_last"}}],
    "quality": [{"quality": {"order": "desc", "missing": "_last"}}],
}


class Ask(NamedTuple):
    """Which part of a result is wanted, and whether by score."""

    request: SearchRequest
    offset: int
    limit: int
    ranked: bool

    @property
    def least(self) -> int:
        """Where fewer stories have all the words, some may be left out."""
        return ENOUGH if self.ranked else 1


class Answer(NamedTuple):
    """What the stories of a request are.

    matched: how many match, before those with the same lead are one and, where few are left, before
        filters; total: those listed; complete: of these, how many have all the words
    ids, scores: of those from `offset` on, best first
    counts: int64[values] for each facet asked for
    partial: the cluster had no time to look at all stories
    groups: those of `ids`, by which stories with the same lead are told
    also: of some stories the others, with the same lead, that they stand for
    """

    matched: int = 0
    total: int = 0
    complete: int = 0
    ids: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    counts: tuple[I64, ...] = ()
    partial: bool = False
    groups: tuple[str, ...] = ()
    also: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True)
class Found(Outcome):
    """What a searcher found on a cluster."""

    plan: Plan
    answer: Answer
    filters: ClusterFilters
    words: Words = field(kw_only=True)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What of the query was not understood, and whether the answer lacks something."""
        if not self.answer.partial:
            return self.parsed.notices
        return (*self.parsed.notices, Notice("", 0, 0, _PARTIAL))

    def near(self, leaf: Fuzzy) -> frozenset[str]:
        """The folded words of the index that a near spelling stands for."""
        return frozenset(self.words.expand(leaf))


class Searcher:
    """Finds what requests ask for in an index; safe to share between threads."""

    def __init__(
        self,
        cluster: Cluster,
        state: State,
        words: Words,
        values: ClusterValues,
        synonyms: Synonyms,
    ) -> None:
        self._cluster = cluster
        self.index = state.index
        self.stories = state.meta.stories
        self.words = words
        self.values = values
        self._synonyms = synonyms
        self.clauses = Clauses(words, values.meant)
        self._leaves = Leaves(words, self.clauses)
        self.folding = Folding(self, state.meta.groups)

    def find(self, request: SearchRequest, limit: int) -> Found:
        """The stories of a request from its offset on, `limit` of them; raises `QueryError`."""
        parsed = read_query(request, self._synonyms, self.values, self.words)
        filters = ClusterFilters(self.values, request)
        ask = Ask(request, request.offset, limit, request.sort == "relevance" and parsed.scored)
        found = self._all_of(parsed, filters, ask)
        matched = found.answer.matched
        if not matched and (alone := parsed.address_alone()):
            found = self._all_of(alone, filters, ask)
            return replace(found, answer=found.answer._replace(complete=0))
        wide = found.plan.widened() if matched < ask.least else None
        if wide is not None and self.count(wide.stories) > matched:
            first = wide.required <= FIRST_UP_TO
            found = replace(found, plan=wide, bonus=1.0 if first else BONUS)
            return self._weighed(found, ask, first=first)
        return found

    def _all_of(self, parsed: ParsedQuery, filters: ClusterFilters, ask: Ask) -> Found:
        """The stories of a query all of whose words must be there."""
        plan = plan_of(self._leaves, parsed)
        found = Found(parsed, plan, Answer(), filters, words=self.words)
        found = self._weighed(found, ask, first=False)
        answer = found.answer
        if filters.narrowing and answer.matched < (ask.least if parsed.plain else 1):
            # Whether words are left out must not depend on the filters.
            answer = answer._replace(matched=self.count(plan.complete))
        return replace(found, answer=answer._replace(complete=answer.total))

    def _weighed(self, found: Found, ask: Ask, *, first: bool) -> Found:
        """The same with its first stories weighed by nearness and breadth."""
        begun = ask.limit > 0 and ask.offset < WEIGHED and ask.ranked
        wider = ask
        if begun:
            wider = ask._replace(offset=0, limit=max(WEIGHED, ask.offset + ask.limit))
        answer = self._whole_first(found, wider) if first else self.ask(found, wider)
        if not begun:
            return replace(found, answer=answer)
        weights = self._weights(found, answer.ids[:WEIGHED])
        factors = zip(answer.scores, weights.near, weights.broad, strict=False)
        weighed = [score * near * broad for score, near, broad in factors]
        whole = answer.complete if first else 0
        order = sorted(range(len(weighed)), key=lambda at: (at >= whole, -weighed[at], at))
        order += range(len(weighed), len(answer.ids))
        kept = order[ask.offset : ask.offset + ask.limit]
        scores = [*weighed, *answer.scores[len(weighed) :]]
        answer = answer._replace(
            ids=tuple([answer.ids[at] for at in kept]), scores=tuple([scores[at] for at in kept])
        )
        return replace(found, answer=answer, weights=weights)

    def _whole_first(self, found: Found, ask: Ask) -> Answer:
        """Stories with some of the words, after those, fewer than ten, with all of them."""
        complete = found.plan.complete
        top = ask._replace(request=structs.replace(ask.request, facets=()), offset=0, limit=ENOUGH)
        whole = self.ask(found, top, complete)
        count = whole.total
        before = max(0, count - ask.offset)
        beyond = ask._replace(offset=max(0, ask.offset - count), limit=max(0, ask.limit - before))
        listed = some([complete, terms(GROUP, set(whole.groups))])
        others = self.ask(found, beyond, without(EVERY, listed))
        kept = slice(ask.offset, ask.offset + ask.limit)
        return others._replace(
            total=count + others.total, complete=count,
            ids=whole.ids[kept] + others.ids, scores=whole.scores[kept] + others.scores,
            partial=whole.partial or others.partial,
            groups=whole.groups[kept] + others.groups, also={**whole.also, **others.also},
        )  # fmt: skip

    def ask(self, found: Found, ask: Ask, only: Query = EVERY) -> Answer:
        """Have the cluster look; `only`: of what it finds, and what facets count, these alone."""
        if ask.offset + ask.limit > DEEPEST:
            raise QueryError("offset", f"results go on to {DEEPEST:,}: export the whole result")
        body = self.body(found, ask) | {"from": ask.offset, "size": ask.limit, "_source": False}
        body["post_filter"] = every([found.filters.others(), only])
        facets = ask.request.facets
        body["aggs"] = {facet: self._counting(found, facet) for facet in facets}
        if found.plan.wide:
            complete = every([found.plan.complete, found.filters.others()])
            body["aggs"]["complete"] = {"filter": complete}
        folding = ask.request.collapse and self.folding.any
        if folding:
            body |= {"collapse": {"field": GROUP}, "docvalue_fields": [FOLDED]}
        told = self.search(body)
        hits, counted = told["hits"], told.get("aggregations", {})
        total = hits["total"]["value"]
        answer = Answer(
            matched=total,
            total=total,
            complete=counted.get("complete", {}).get("doc_count", 0),
            ids=tuple([hit["_id"] for hit in hits["hits"]]),
            scores=tuple([hit["_score"] or 0.0 for hit in hits["hits"]]),
            counts=tuple([self.counts(facet, counted[facet]["values"]) for facet in facets]),
            partial=told["timed_out"],
        )
        return self.folding.folded(found, answer, ask, only, hits["hits"]) if folding else answer

    def body(self, found: Found, ask: Ask, **inner: Any) -> dict[str, Any]:
        """What finds the stories of a plan, in order; `inner` is for the rows that score."""
        plan = found.plan
        query = every([plan.stories, found.filters.always])
        should = [plan.scored] if ask.ranked else []
        if inner:
            # To be told of, whether its words count or not; of no weight by itself.
            should.append(plan.rows(**inner, boost=0.0))
        if should:
            should = [part for part in should if part is not NONE]
            query = {"bool": {"filter": [query], "should": should}}
        if found.bonus != 1 and ask.ranked:
            more = [{"filter": plan.complete, "weight": found.bonus}]
            query = {"function_score": {"query": query, "functions": more}}
        sort = ask.request.sort
        order = _ORDERS["newest" if sort == "relevance" and not ask.ranked else sort]
        return {"query": query, "sort": [*order, {"id": "asc"}], "track_total_hits": True}

    def _counting(self, found: Found, facet: Facet) -> Query:
        size = max(1, min(MOST_VALUES, len(self.values.facet(facet).keys)))
        values = {"values": {"terms": {"field": facet, "size": size}}}
        return {"filter": found.filters.others(facet), "aggs": values}

    def counts(self, facet: Facet, counted: dict[str, Any]) -> I64:
        """int64[values]: the stories of each value."""
        values = self.values.facet(facet)
        counts = np.zeros(len(values.keys), np.int64)
        for bucket in counted["buckets"]:
            key = bucket.get("key_as_string", bucket["key"])
            place = values.place(key)
            if place is not None:
                counts[place] = bucket["doc_count"]
        return counts

    def _weights(self, found: Found, ids: Sequence[str]) -> Weights:
        """What to multiply the scores of some stories by; see `search.nearness`, `breadth`."""
        words = neighbours_of(found.parsed.plain, self.words.language)
        near = [
            {"constant_score": {"filter": rows, "boost": 1.0}}
            for rows in (self.clauses.neighbours(words, REACH - 1) if len(words) > 1 else ())
        ]
        wanted = [found.plan.scored, found.plan.summed]
        if near:
            wanted.append(nested({"bool": {"should": near}}, score_mode="max"))
        best, summed, *most = self._scores_of(ids, wanted)
        broad = [worth_of(summed[one] / best[one] if best.get(one) else 0.0) for one in ids]
        together = most[0] if near else {}
        return Weights(
            ids, [1 + WORTH * together.get(one, 0.0) / max(1, len(words) - 1) for one in ids], broad
        )

    def _scores_of(self, ids: Sequence[str], queries: Sequence[Query]) -> list[dict[str, float]]:
        """What some stories score by each of some queries; none if they do not match."""
        stories = [{"ids": {"values": list(ids)}}]
        bodies = [
            {
                "query": {"bool": {"must": [query], "filter": stories}},
                "size": len(ids),
                "_source": False,
            }
            for query in queries
        ]
        answers = self.search_each(bodies) if ids else []
        found = [answer["hits"]["hits"] for answer in answers] or [[] for _ in queries]
        return [{hit["_id"]: hit["_score"] for hit in hits} for hits in found]

    def days(self, request: SearchRequest) -> tuple[Counter[int], int]:
        """How many of the stories listed are of each day, from the year 1, and how many of none."""
        found = self.find(structs.replace(request, facets=(), offset=0, limit=0), 0)
        stories = every([found.plan.stories, found.filters.always, found.filters.others()])
        folding = request.collapse and self.folding.any
        if folding:
            stories = without(stories, {"term": {FOLDED: True}})
        by_day = {"histogram": {"field": "published_at", "interval": DAY, "min_doc_count": 1}}
        body = {"query": stories, "size": 0, "track_total_hits": False, "aggs": {"days": by_day}}
        buckets = self.search(body)["aggregations"]["days"]["buckets"]
        days = Counter({round(bucket["key"]) // DAY: bucket["doc_count"] for bucket in buckets})
        if folding:
            ranked = request.sort == "relevance" and found.parsed.scored
            days.update(self.folding.days(found, Ask(request, 0, 0, ranked)))
        return days, found.answer.total - days.total()

    def count(self, query: Query) -> int:
        """How many stories a query selects."""
        body = {"query": query, "size": 0, "track_total_hits": True}
        total: int = self.search(body)["hits"]["total"]["value"]
        return total

    def search(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the cluster answers; all shards must answer, if not in full."""
        where: dict[str, Any] = {}
        if "pit" not in body:
            where = {"index": self.index, "allow_partial_search_results": False}
        answer: dict[str, Any] = self._cluster.call(
            self._cluster.client.search, body=body | {"timeout": BUDGET}, **where
        )
        return answer

    def search_each(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the cluster answers to each of some searches, sent together."""
        where = {"index": self.index, "allow_partial_search_results": False}
        lines = [line for body in bodies for line in (where, body | {"timeout": BUDGET})]
        answers = self._cluster.call(self._cluster.client.msearch, body=lines)["responses"]
        # What failed is asked again alone, with patience.
        return [
            self.search(body) if "error" in answer else answer
            for body, answer in zip(bodies, answers, strict=True)
        ]

    @contextmanager
    def point_in_time(self, keep: str) -> Iterator[str]:
        """Hold the index as it is now, to be read part by part."""
        client, call = self._cluster.client, self._cluster.call
        point = call(client.create_pit, index=self.index, keep_alive=keep)["pit_id"]
        try:
            yield point
        finally:
            with suppress(ClusterError):
                call(client.delete_pit, body={"pit_id": [point]})

    def like(self, node: Node, limit: int) -> Found:
        """The first `limit` stories that a tree selects, best first, without filters."""
        request = SearchRequest(facets=(), collapse=False)
        parsed = ParsedQuery.of(node)
        filters = ClusterFilters(self.values, request)
        found = Found(parsed, plan_of(self._leaves, parsed), Answer(), filters, words=self.words)
        return replace(found, answer=self.ask(found, Ask(request, 0, limit, True)))
