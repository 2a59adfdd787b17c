"""A request → the stories it asks for, in order, with totals and facet counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, partial

import msgspec
import numpy as np

from ..codec.format import I64
from ..dates import first_instant, last_instant
from ..model import FACETS, SearchRequest
from ..query.nodes import Address, Fuzzy, Node, Plain, all_of, leaves
from ..query.parsed import ParsedQuery
from ..query.parser import parse
from ..query.synonyms import NO_SYNONYMS, Synonyms, with_synonyms
from .amounts import with_amounts
from .answer import NO_RANKS, Answer, FacetWish, Ordering
from .breadth import NO_WEIGHTS, Weights, worth_of
from .executor import Executor
from .facets import Filters
from .inflected import with_inflected
from .joined import with_joined
from .nearness import WEIGHED, nearness
from .plan import MAX_WORDS, Plan, Planner
from .select import Selector
from .values import with_unknown
from .words import is_word

#: Where fewer stories have all the words, those with some of them are listed, too.
ENOUGH = 10
#: In queries of so many words, stories with all of them come before all others; in longer
#: ones their scores are multiplied.
FIRST_UP_TO, BONUS = 3, 1.1
#: What a related article must score to count as a match, as a part of the query's weight.
MATCHING = 0.15
#: Choices of filters whose stories are remembered, a byte each: their pages have them in common.
_REMEMBERED = 16


class Searcher:
    """Finds what requests ask for in a snapshot; safe to share between threads."""

    def __init__(self, executor: Executor, synonyms: Synonyms = NO_SYNONYMS) -> None:
        self.executor = executor
        self._synonyms = synonyms
        self.selector = Selector(executor.snapshot, executor.fast)
        self.planner = Planner(self.selector)
        self._filters = lru_cache(_REMEMBERED)(partial(Filters, executor.snapshot))
        self._last: tuple[SearchRequest, Answer] | None = None

    def warm_up(self) -> None:
        """Work out what the first search, or the first slip in one, would have to."""
        self.find(SearchRequest(facets=FACETS), 0)
        self.selector.warm_up()

    def listed(self, request: SearchRequest) -> I64:
        """int64[total]: all stories that a request lists, in any order.

        If the last search was the same, its answer is used: a page shows hits and dates of one.
        """
        last = self._last
        if last is None or last[0] != _whole(request):
            return self.find(_whole(request), 0).answer.listed()
        return last[1].listed()

    def find(self, request: SearchRequest, limit: int) -> Found:
        """The first `limit` stories of a request; raises `QueryError`, `QueryTooCostly`."""
        found = self._find(request, limit)
        self._last = _whole(request), found.answer
        return found

    def _find(self, request: SearchRequest, limit: int) -> Found:
        parsed = with_synonyms(
            parse(request.query), self._synonyms, self.executor.snapshot.language
        )
        dictionary = self.selector.dictionary
        if "published" not in request.filters:  # what is hidden must not be told
            parsed = with_unknown(parsed, self.executor.snapshot, request.filters)
        parsed = with_joined(with_amounts(parsed, dictionary), dictionary)
        parsed = with_inflected(parsed, dictionary)
        chosen = tuple([(facet, tuple(values)) for facet, values in request.filters.items()])
        filters = self._filters(chosen, *_span_of(request))
        wishes = [filters.wish(facet) for facet in request.facets]
        ranked = request.sort == "relevance" and parsed.scored
        sort = "newest" if request.sort == "relevance" else request.sort
        ranks = NO_RANKS if ranked else self.executor.snapshot.ranks(sort)
        groups = self.executor.snapshot.groups if request.collapse else None
        ordering = Ordering(filters.failed, ranks, groups=groups or None)
        if parsed.plain:
            plan = self.planner.words(parsed.plain, parsed.rest)
        else:
            plan = self.planner.plan(parsed.node)
        held = max(limit, WEIGHED) if ranked and limit else limit
        answer = self.executor.run(plan, ordering, held, wishes)
        answer = answer._replace(complete=answer.total)
        if not answer.matched and parsed.plain and parsed.rest and has_address(parsed.rest):
            # What stands round an address need not be found.
            plan = self.planner.plan(parsed.rest)
            parsed = parsed._replace(node=parsed.rest, plain=())
            answer = self.executor.run(plan, ordering, held, wishes)._replace(complete=0)
        # Whether words are left out must not depend on the filters: a facet's count would
        # then not be what choosing its value gives.
        if parsed.plain and answer.matched < (ENOUGH if ranked else 1):
            plan, ordering, answer = self._widened(plan, ordering, answer, held, wishes)
        weights = NO_WEIGHTS
        if ranked:
            whole = answer.complete if ordering.first else 0
            answer, weights = self._weighed(parsed.plain, answer, whole, limit)
        return Found(self, parsed, plan, answer, filters, ordering.bonus, weights)

    def _weighed(
        self, plain: tuple[Plain, ...], answer: Answer, whole: int, limit: int
    ) -> tuple[Answer, Weights]:
        """The answer once its first stories are weighed by nearness and breadth; their weights.

        whole: how many stories have all words and come before all others
        """
        docs, scores = answer.doc_ids[:WEIGHED], answer.scores
        near = nearness(self.executor, self.selector.dictionary, plain, docs)
        broad = [worth_of(breadth) for breadth in answer.breadths[:WEIGHED]]
        order = sorted(
            [(at >= whole, -scores[at] * near[at] * broad[at], doc) for at, doc in enumerate(docs)]
        )
        ids = [doc for _, _, doc in order] + answer.doc_ids[WEIGHED:]
        values = [-score for _, score, _ in order] + scores[WEIGHED:]
        answer = answer._replace(doc_ids=ids[:limit], scores=values[:limit])
        return answer, Weights(docs, near, broad)

    def _widened(
        self, plan: Plan, ordering: Ordering, answer: Answer, limit: int, wishes: list[FacetWish]
    ) -> tuple[Plan, Ordering, Answer]:
        """The same with stories that have some of the words, if there are more."""
        wider = plan.widened()
        if wider is None or wider.words is None:
            return plan, ordering, answer
        first = len(wider.steps[wider.words].parts) <= FIRST_UP_TO
        others = ordering._replace(first=first, bonus=1.0 if first else BONUS)
        found = self.executor.run(wider, others, limit, wishes)
        if found.matched == answer.matched:
            return plan, ordering, answer
        return wider, others, found

    def like(self, node: Node, limit: int) -> Found:
        """The first `limit` stories that a tree selects, best first, without filters."""
        plan = self.planner.plan(node)
        filters = Filters(self.executor.snapshot, (), None, None)
        answer = self.executor.run(plan, Ordering(filters.failed), limit)
        parsed = ParsedQuery(node, (), node, True, ())
        return Found(self, parsed, plan, answer, filters)


def _whole(request: SearchRequest) -> SearchRequest:
    """The same request for all that it lists: pages and facets have the same search."""
    since, until = _span_of(request)
    return msgspec.structs.replace(
        request, facets=(), facet_limit=0, offset=0, limit=0, spelling=True, since=since,
        until=until,
    )  # fmt: skip


def _span_of(request: SearchRequest) -> tuple[datetime | None, datetime | None]:
    """The ends of its span in UTC: the two hours of a change of clocks are equal in local time."""
    since = None if request.since is None else first_instant(request.since)
    return since, None if request.until is None else last_instant(request.until)


def has_address(node: Node) -> bool:
    """Whether there is an address in a tree."""
    return any(isinstance(leaf, Address) for leaf in leaves(node))


def searched(parsed: ParsedQuery, kept: Iterable[Node]) -> Node:
    """The tree that is searched: of a long text, its most telling words, which were kept."""
    if len(parsed.plain) <= MAX_WORDS:
        return parsed.node
    return all_of([*kept, *([] if parsed.rest is None else [parsed.rest])])


@dataclass(frozen=True)
class Found:
    """What was found for a request, and by which plan.

    bonus: what the scores of stories with all words were multiplied by; weights: what those of
        the first stories were, for nearness and for breadth
    """

    searcher: Searcher
    parsed: ParsedQuery
    plan: Plan
    answer: Answer
    filters: Filters
    bonus: float = 1.0
    weights: Weights = NO_WEIGHTS

    @property
    def node(self) -> Node:
        """The tree that was searched."""
        return searched(self.parsed, self.plan.kept)

    @property
    def relaxed(self) -> bool:
        """Whether stories are listed that lack some of the words."""
        return self.answer.total > self.answer.complete

    @property
    def known(self) -> bool:
        """Whether stories have all that was typed, be it that filters leave none."""
        return self.answer.matched > 0 and self.plan.counted is None

    @cached_property
    def _enough(self) -> float:
        """What a related article must score to count as a match."""
        weight = sum(leaf.weight for leaf in self.plan.leaves if is_word(leaf))
        return float(np.float32(MATCHING * weight))

    def matching(self, doc_ids: Sequence[int]) -> list[list[tuple[int, float]]]:
        """The related articles of each of some stories that match, and their scores; best first.

        One that has only function words, or little of what the query weighs, does not count.
        """
        if not self.plan.telling:
            return [[] for _ in doc_ids]
        least, matching = self._enough, []
        for scores in self.searcher.executor.score_rows(self.plan, doc_ids):
            rows = enumerate(scores.tolist()[1:])
            found = [(number, score) for number, score in rows if score >= least and score > 0]
            matching.append(sorted(found, key=lambda one: -one[1]))
        return matching

    def also_in(self, doc_id: int) -> tuple[int, ...]:
        """The stories with the same lead that a story listed stands for, too."""
        groups, passed = self.searcher.executor.snapshot.groups, self.answer.passed
        return () if passed is None else groups.others(doc_id, passed)

    def near(self, leaf: Fuzzy) -> frozenset[str]:
        """The folded words of the index that a near spelling stands for."""
        return self.searcher.selector.expansion(leaf)
