"""A request → the stories of a cluster that it asks for, in order, with totals and counts.

Which words must be there, when some may be left out, and what comes first is decided as in an
index folder (`search.find`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from heapq import nlargest
from itertools import pairwise
from math import log
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import ClusterError, QueryError
from ..languages import ENGLISH
from ..model import Facet, Notice, SearchRequest
from ..query.nodes import (
    Address,
    All,
    Alternatives,
    Compound,
    Either,
    Fuzzy,
    Near,
    Node,
    Phrase,
    TextNode,
    Without,
    Word,
    all_of,
    leaves,
)
from ..query.parser import ParsedQuery, parse
from ..query.synonyms import Synonyms, with_synonyms
from ..query.write import text_of
from ..ranking import FUNCTION_WEIGHT, LEAD_WEIGHT
from ..search.find import BONUS, ENOUGH, FIRST_UP_TO, MATCHING
from ..search.histogram import DAY
from ..search.joined import with_joined
from ..search.nearness import MOST_NEIGHBOURS, REACH, WEIGHED, WORTH
from ..search.plan import (
    FEW,
    HEAVIEST,
    LEAST_SHARE,
    MAX_WORDS,
    SHORT,
    TELLING,
    Plain,
    divide,
    is_function,
)
from .clauses import EVERY, NONE, Clauses, Query, every, neighbours, nested, some, without
from .client import Cluster
from .mapping import DEEPEST
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


class Leaf(NamedTuple):
    """A part of a query that scores: what it is, the stories that have it, what rows score.

    words: the folded words of one that is words with the same stem, as typed
    """

    label: str
    stories: Query
    scores: list[Query]
    weight: float
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is looked for.

    words: of which all must be there, or some with `least` set, which is what they must weigh
    rest: what else must be there
    leaves: all that scores
    """

    words: tuple[Leaf, ...]
    rest: Query
    leaves: tuple[Leaf, ...]
    telling: bool = True
    kept: tuple[Plain, ...] = ()
    least: float | None = None

    @property
    def lead(self) -> float:
        """What the score of a lead is multiplied by."""
        return LEAD_WEIGHT if self.least is None else 1.0

    @property
    def complete(self) -> Query:
        """The stories that have all the words."""
        return every([*(leaf.stories for leaf in self.words), self.rest])

    @property
    def stories(self) -> Query:
        """The stories that are listed."""
        if self.least is None:
            return self.complete
        held = [
            {"constant_score": {"filter": leaf.stories, "boost": leaf.weight}}
            for leaf in self.words if leaf.weight > 0
        ]  # fmt: skip
        enough = {
            "function_score": {
                "query": {"bool": {"should": held, "minimum_should_match": 1}},
                "functions": [],
                "min_score": self.least * (1 - 1e-6),
            }
        }
        return every([some([leaf.stories for leaf in self.words]), self.rest, enough])

    def widened(self) -> Plan | None:
        """The plan that any of the words suffices for; None if there is only one."""
        if len(self.words) < 2:
            return None
        heaviest = nlargest(HEAVIEST, [leaf.weight for leaf in self.words])
        return replace(self, least=LEAST_SHARE * sum(heaviest))

    def rows(self, **inner: Any) -> Query:
        """What scores stories: their best row."""
        scores = [score for leaf in self.leaves for score in leaf.scores]
        if not scores:
            return NONE
        lead = {"filter": {"term": {"rows.lead": True}}, "weight": self.lead}
        query = {"function_score": {"query": {"bool": {"should": scores}}, "functions": [lead]}}
        return {"nested": {"path": "rows", "query": query, "score_mode": "max", **inner}}


@dataclass(frozen=True)
class Found:
    """What was found for a request.

    ids, scores: of the stories from `offset` on, best first
    bonus: what the scores of stories with all words were multiplied by; together: what those of
        stories whose words stand together were
    """

    parsed: ParsedQuery
    plan: Plan
    filters: ClusterFilters
    words: Words
    total: int = 0
    complete: int = 0
    ids: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    counts: tuple[npt.NDArray[np.int64], ...] = ()
    bonus: float = 1.0
    together: dict[str, float] = field(default_factory=dict)
    partial: bool = False

    @property
    def node(self) -> Node:
        """The tree that was searched: of a long text, its most telling words."""
        if len(self.parsed.plain) <= MAX_WORDS:
            return self.parsed.node
        rest = [] if self.parsed.rest is None else [self.parsed.rest]
        return all_of([*self.plan.kept, *rest])

    @property
    def relaxed(self) -> bool:
        """Whether stories are listed that lack some of the words."""
        return self.total > self.complete

    @property
    def enough(self) -> float:
        """What a related article must score to count as a match."""
        return MATCHING * sum(leaf.weight for leaf in self.plan.leaves if leaf.words)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What of the query was not understood, and whether the answer lacks something."""
        if not self.partial:
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

    # Plans

    def plan(self, node: Node) -> Plan:
        """The plan of a tree."""
        self.words.fetch(_forms_in([node]))
        return Plan((), self.clauses.stories(node), tuple(self._leaves(node)))

    def plan_words(self, plain: Sequence[Plain], rest: Node | None) -> Plan:
        """The plan of plain words, all of which must match, as `rest` must."""
        self.words.fetch(_forms_in([*plain, *([] if rest is None else [rest])]))
        wanted, others = divide(plain, rest, ENGLISH)
        if len(wanted) > MAX_WORDS:
            wanted, others = self._most_telling(wanted), []
        leaves = [self._leaf(group) for group in wanted]
        besides = self._leaves(rest) if rest is not None else []
        kept = tuple(dict.fromkeys(node for group in wanted for node in group))
        heaviest = max((leaf.weight for leaf in (*leaves, *besides) if leaf.words), default=0.0)
        also = self._also(others, len(leaves), heaviest)
        return Plan(
            words=tuple(leaves),
            rest=EVERY if rest is None else self.clauses.stories(rest),
            leaves=(*leaves, *besides, *also),
            telling=rest is not None or not all(is_function(group[0], ENGLISH) for group in wanted),
            kept=kept,
        )

    def _most_telling(self, groups: list[list[Plain]]) -> list[list[Plain]]:
        weights = [self.clauses.weight(group[0]) * (1 + log(len(group))) for group in groups]
        best = nlargest(MAX_WORDS, range(len(groups)), key=weights.__getitem__)
        return [groups[place] for place in sorted(best)]

    def _leaves(self, node: Node) -> list[Leaf]:
        """The leaves of a tree that are words; those that are unwanted score nothing."""
        if isinstance(node, All | Either):
            return [leaf for part in node.parts for leaf in self._leaves(part)]
        if isinstance(node, Without):
            unwanted = [leaf._replace(scores=[]) for leaf in self._leaves(node.unwanted)]
            return [*self._leaves(node.wanted), *unwanted]
        return [self._leaf([node])] if isinstance(node, TextNode) else []

    def _leaf(self, group: Sequence[TextNode]) -> Leaf:
        """The leaf of a node, or of words that have the same stem."""
        first = group[0]
        texts: tuple[str, ...] = ()
        scores = self.clauses.scores(first)
        if isinstance(first, Word) and not (first.acronym or first.field or first.exact):
            texts = tuple([word.text for word in group if isinstance(word, Word)])
            scores = self.words.scores(texts, first.weight)
        weight = self.clauses.weight(first)
        return Leaf(text_of(first), self.clauses.stories(first), scores, weight, texts)

    def _also(self, words: list[Word], required: int, heaviest: float) -> list[Leaf]:
        """Function words that add to scores, unless they weigh next to nothing."""
        short = required + len(words) <= SHORT and required <= FEW
        factor = 1.0 if short else FUNCTION_WEIGHT
        found = []
        for text, count in Counter(word.text for word in words).items():
            weight = self.words.stem_weight(text)
            if weight and weight * factor >= TELLING * heaviest:
                scores = self.words.scores([text] * count, factor)
                found.append(Leaf(text, EVERY, scores, weight, (text,)))
        return found

    # Searching

    def find(self, request: SearchRequest, limit: int) -> Found:
        """The stories of a request from its offset on, `limit` of them; raises `QueryError`."""
        parsed = with_synonyms(parse(request.query), self._synonyms)
        if len(parsed.plain) > 1:
            typed = [node.text for node in parsed.plain if isinstance(node, Word)]
            joined = [one + other for one, other in pairwise(typed)]
            self.words.fetch([*typed, *joined])
            parsed = with_joined(parsed, cast("Any", self.words))
        filters = ClusterFilters(self.values, request)
        ask = Ask(request, request.offset, limit, request.sort == "relevance" and parsed.scored)
        if not parsed.plain:
            return self._all_of(Found(parsed, self.plan(parsed.node), filters, self.words), ask)
        plan = self.plan_words(parsed.plain, parsed.rest)
        found = self._all_of(Found(parsed, plan, filters, self.words), ask)
        matched, least = found.total, ENOUGH if ask.ranked else 1
        if matched < least and filters.narrowing:
            # Whether words are left out must not depend on the filters.
            matched = self.count(plan.complete)
        if not matched and parsed.rest is not None and _has_address(parsed.rest):
            # What stands round an address need not be found.
            alone = parsed._replace(node=parsed.rest, plain=())
            only = Found(alone, self.plan(parsed.rest), filters, self.words)
            return replace(self._all_of(only, ask), complete=0)
        wide = plan.widened() if matched < least else None
        if wide is not None and self.count(wide.stories) > matched:
            first = len(wide.words) <= FIRST_UP_TO
            found = replace(found, plan=wide, bonus=1.0 if first else BONUS)
            return self._weighed(found, ask, first=first)
        return found

    def _all_of(self, found: Found, ask: Ask) -> Found:
        """The stories of a plan all of whose words must be there."""
        if found.parsed.plain and ask.ranked:
            found = self._weighed(found, ask, first=False)
        else:
            found = self.ask(found, ask)
        return replace(found, complete=found.total)

    def _weighed(self, found: Found, ask: Ask, *, first: bool) -> Found:
        """The same with its first stories weighed by how near the words stand."""
        begun = ask.limit > 0 and ask.offset < WEIGHED and ask.ranked
        wider = ask
        if begun:
            wider = ask._replace(offset=0, limit=max(WEIGHED, ask.offset + ask.limit))
        found = self._whole_first(found, wider) if first else self.ask(found, wider)
        if not begun:
            return found
        near = self._nearness(found)
        weighed = [score * factor for score, factor in zip(found.scores, near, strict=False)]
        whole = found.complete if first else 0
        order = sorted(range(len(near)), key=lambda at: (at >= whole, -weighed[at], at))
        ids = [found.ids[at] for at in order] + list(found.ids[len(near) :])
        scores = [weighed[at] for at in order] + list(found.scores[len(near) :])
        kept = slice(ask.offset, ask.offset + ask.limit)
        return replace(
            found, ids=tuple(ids[kept]), scores=tuple(scores[kept]),
            together=dict(zip(found.ids, near, strict=False)),
        )  # fmt: skip

    def _whole_first(self, found: Found, ask: Ask) -> Found:
        """Stories with some of the words, after those, fewer than ten, with all of them."""
        complete = found.plan.complete
        top = ask._replace(request=replaced(ask.request, facets=()), offset=0, limit=ENOUGH)
        whole = self.ask(found, top, complete)
        count = whole.total
        before = max(0, count - ask.offset)
        beyond = ask._replace(offset=max(0, ask.offset - count), limit=max(0, ask.limit - before))
        others = self.ask(found, beyond, without(EVERY, complete))
        kept = slice(ask.offset, ask.offset + ask.limit)
        return replace(
            others, total=count + others.total, complete=count,
            ids=whole.ids[kept] + others.ids, scores=whole.scores[kept] + others.scores,
            partial=whole.partial or others.partial,
        )  # fmt: skip

    def ask(self, found: Found, ask: Ask, only: Query = EVERY) -> Found:
        """Have the cluster look; `only`: of what it finds, and what facets count, these alone."""
        if ask.offset + ask.limit > DEEPEST:
            raise QueryError("offset", f"results go on to {DEEPEST:,}: export the whole result")
        body = self.body(found, ask) | {"from": ask.offset, "size": ask.limit, "_source": False}
        body["post_filter"] = every([found.filters.others(), only])
        facets = ask.request.facets
        body["aggs"] = {facet: self._counting(found, facet) for facet in facets}
        if found.plan.least is not None:
            complete = every([found.plan.complete, found.filters.others()])
            body["aggs"]["complete"] = {"filter": complete}
        answer = self.search(body)
        hits, counted = answer["hits"], answer.get("aggregations", {})
        return replace(
            found,
            total=hits["total"]["value"],
            complete=counted.get("complete", {}).get("doc_count", 0),
            ids=tuple([hit["_id"] for hit in hits["hits"]]),
            scores=tuple([hit["_score"] or 0.0 for hit in hits["hits"]]),
            counts=tuple([self._counts(facet, counted[facet]) for facet in facets]),
            partial=answer["timed_out"],
        )

    def body(self, found: Found, ask: Ask, **inner: Any) -> dict[str, Any]:
        """What finds the stories of a plan, in order; `inner` is for the rows that score."""
        plan = found.plan
        query = every([plan.stories, found.filters.always])
        if ask.ranked or inner:
            rows = plan.rows(**inner)
            query = {"bool": {"filter": [query], "should": [] if rows is NONE else [rows]}}
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

    def _counts(self, facet: Facet, counted: dict[str, Any]) -> npt.NDArray[np.int64]:
        """int64[values]: the stories of each value."""
        values = self.values.facet(facet)
        counts = np.zeros(len(values.keys), np.int64)
        for bucket in counted["values"]["buckets"]:
            key = bucket.get("key_as_string", bucket["key"])
            place = values.place(key)
            if place is not None:
                counts[place] = bucket["doc_count"]
        return counts

    def _nearness(self, found: Found) -> list[float]:
        """What to multiply the scores of the first stories by; see `search.nearness`."""
        ids = found.ids[:WEIGHED]
        words = [
            node.text
            for node in found.parsed.plain
            if isinstance(node, Word) and not (is_function(node, ENGLISH) or node.field)
        ][:MOST_NEIGHBOURS]
        if len(set(words)) < 2 or not ids:
            return [1.0] * len(ids)
        near = [
            {"constant_score": {"filter": rows, "boost": 1.0}}
            for rows in neighbours(words, REACH - 1)
        ]
        rows = nested({"bool": {"should": near}}, score_mode="max")
        query = {"bool": {"must": [rows], "filter": [{"ids": {"values": list(ids)}}]}}
        hits = self.search({"query": query, "size": len(ids), "_source": False})["hits"]["hits"]
        most = {hit["_id"]: hit["_score"] for hit in hits}
        return [1 + WORTH * most.get(one, 0.0) / (len(words) - 1) for one in ids]

    def days(self, found: Found) -> dict[int, int]:
        """How many of the stories found are of each day, numbered from the year 1."""
        stories = every([found.plan.stories, found.filters.always, found.filters.others()])
        days = {"histogram": {"field": "published_at", "interval": DAY, "min_doc_count": 1}}
        body = {"query": stories, "size": 0, "track_total_hits": False, "aggs": {"days": days}}
        buckets = self.search(body)["aggregations"]["days"]["buckets"]
        return {round(bucket["key"]) // DAY: bucket["doc_count"] for bucket in buckets}

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
        request = SearchRequest(facets=())
        parsed = ParsedQuery(node, (), node, True, ())
        filters = ClusterFilters(self.values, request)
        found = Found(parsed, self.plan(node), filters, self.words)
        return self.ask(found, Ask(request, 0, limit, True))


def replaced(request: SearchRequest, **fields: Any) -> SearchRequest:
    """The request with other fields."""
    return msgspec.structs.replace(request, **fields)


def _has_address(node: Node) -> bool:
    return any(isinstance(leaf, Address) for leaf in leaves(node))


def _forms_in(nodes: Iterable[Node]) -> Iterator[str]:
    """The folded words of trees, without patterns."""
    for node in nodes:
        if isinstance(node, All | Either | Alternatives):
            yield from _forms_in(node.parts)
        elif isinstance(node, Without):
            yield from _forms_in([node.wanted, node.unwanted])
        elif isinstance(node, Near):
            yield from _forms_in([node.left, node.right])
        elif isinstance(node, Word | Compound):
            yield node.text
            yield from node.parts if isinstance(node, Compound) else ()
        elif isinstance(node, Phrase):
            yield from (word for word in node.words if "*" not in word and "?" not in word)
