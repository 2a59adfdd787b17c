"""A request → the stories it asks for, in order, with totals and facet counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from math import inf
from typing import Any

import msgspec

from ..codec.format import I64
from ..dates import first_instant, last_instant
from ..model import FACETS, Notice, SearchRequest
from ..query.nodes import Fuzzy, Node, Plain
from ..query.parsed import ParsedQuery
from ..query.parser import parse
from ..query.synonyms import NO_SYNONYMS, Synonyms, with_synonyms
from .amounts import with_amounts
from .answer import NO_RANKS, Answer, FacetWish, Ordering
from .breadth import NO_WEIGHTS, Weights, worth_of
from .executor import Executor
from .facets import Choice, Filters
from .inflected import with_inflected
from .joined import with_joined
from .nearness import WEIGHED, nearness
from .plan import MAX_WORDS, Plan, plan_of
from .select import Selector
from .values import Values, with_unknown
from .words import Lexicon

#: Where fewer stories have all the words, those with some of them are listed, too.
ENOUGH = 10
#: In queries of so many words, stories with all of them come before all others; in longer
#: ones their scores are multiplied.
FIRST_UP_TO, BONUS = 3, 1.1
#: Choices of filters whose stories are remembered, a byte each: their pages have them in common.
_REMEMBERED = 16

#: Related articles of a story, by number, and what each scores.
Matching = list[tuple[int, float]]


class Searcher:
    """Finds what requests ask for in a snapshot; safe to share between threads."""

    def __init__(self, executor: Executor, synonyms: Synonyms = NO_SYNONYMS) -> None:
        self.executor = executor
        self._synonyms = synonyms
        self.selector = Selector(executor.snapshot, executor.fast)
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
        """The stories of a request from its offset on, `limit` of them; raises `QueryError`."""
        found = self._find(request, limit)
        self._last = _whole(request), found.answer
        return found

    def _find(self, request: SearchRequest, limit: int) -> Found:
        snapshot = self.executor.snapshot
        parsed = read_query(request, self._synonyms, snapshot, self.selector.dictionary)
        chosen = tuple([(facet, tuple(values)) for facet, values in request.filters.items()])
        filters = self._filters(chosen, *span_of(request))
        wishes = [filters.wish(facet) for facet in request.facets]
        ranked = request.sort == "relevance" and parsed.scored
        sort = "newest" if request.sort == "relevance" else request.sort
        ranks = NO_RANKS if ranked else snapshot.ranks(sort)
        groups = snapshot.groups if request.collapse else None
        ordering = Ordering(filters.failed, ranks, groups=groups or None)
        plan = plan_of(self.selector, parsed)
        last = request.offset + limit if limit else 0
        held = max(last, WEIGHED) if ranked and last else last
        answer = self.executor.run(plan, ordering, held, wishes)
        answer = answer._replace(complete=answer.total)
        if not answer.matched and (alone := parsed.address_alone()):
            parsed, plan = alone, plan_of(self.selector, alone)
            answer = self.executor.run(plan, ordering, held, wishes)._replace(complete=0)
        # Whether words are left out must not depend on the filters: a facet's count would
        # then not be what choosing its value gives.
        if parsed.plain and answer.matched < (ENOUGH if ranked else 1):
            plan, ordering, answer = self._widened(plan, ordering, answer, held, wishes)
        weights = NO_WEIGHTS
        if ranked:
            whole = answer.complete if ordering.first else 0
            answer, weights = self._weighed(parsed.plain, answer, whole)
        page = slice(request.offset, last)
        answer = answer._replace(doc_ids=answer.doc_ids[page], scores=answer.scores[page])
        return Found(parsed, plan, answer, filters, ordering.bonus, weights, searcher=self)

    def _weighed(
        self, plain: tuple[Plain, ...], answer: Answer, whole: int
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
        return answer._replace(doc_ids=ids, scores=values), Weights(docs, near, broad)

    def _widened(
        self, plan: Plan, ordering: Ordering, answer: Answer, limit: int, wishes: list[FacetWish]
    ) -> tuple[Plan, Ordering, Answer]:
        """The same with stories that have some of the words, if there are more."""
        wider = plan.widened()
        if wider is None:
            return plan, ordering, answer
        first = wider.required <= FIRST_UP_TO
        others = ordering._replace(first=first, bonus=1.0 if first else BONUS)
        found = self.executor.run(wider, others, limit, wishes)
        if found.matched == answer.matched:
            return plan, ordering, answer
        return wider, others, found

    def like(self, node: Node, limit: int) -> Found:
        """The first `limit` stories that a tree selects, best first, without filters."""
        parsed = ParsedQuery.of(node)
        plan = plan_of(self.selector, parsed)
        filters = Filters(self.executor.snapshot, (), None, None)
        answer = self.executor.run(plan, Ordering(filters.failed), limit)
        return Found(parsed, plan, answer, filters, searcher=self)


def _whole(request: SearchRequest) -> SearchRequest:
    """The same request for all that it lists: pages and facets have the same search."""
    since, until = span_of(request)
    return msgspec.structs.replace(
        request, facets=(), facet_limit=0, offset=0, limit=0, spelling=True, since=since,
        until=until,
    )  # fmt: skip


def span_of(request: SearchRequest) -> tuple[datetime | None, datetime | None]:
    """The ends of its span in UTC: the two hours of a change of clocks are equal in local time."""
    since = None if request.since is None else first_instant(request.since)
    return since, None if request.until is None else last_instant(request.until)


def read_query(
    request: SearchRequest, synonyms: Synonyms, values: Values, lexicon: Lexicon
) -> ParsedQuery:
    """What is looked for, in the words of an index; raises `QueryError`."""
    parsed = with_synonyms(parse(request.query), synonyms, lexicon.language)
    if "published" not in request.filters:  # what is hidden must not be told
        parsed = with_unknown(parsed, values, request.filters)
    parsed = with_joined(with_amounts(parsed, lexicon), lexicon)
    return with_inflected(parsed, lexicon)


@dataclass(frozen=True)
class Outcome:
    """What was found for a request, and by which plan, in a folder or on a cluster.

    bonus: what the scores of stories with all words were multiplied by; weights: what those of
        the first stories were, for nearness and for breadth
    """

    parsed: ParsedQuery
    plan: Any
    answer: Any
    filters: Choice
    bonus: float = 1.0
    weights: Weights = NO_WEIGHTS

    @property
    def node(self) -> Node:
        """The tree that was searched: of a long text, its most telling words."""
        parsed = self.parsed
        if len(parsed.plain) <= MAX_WORDS:
            return parsed.node
        return parsed.with_parts(self.plan.kept, parsed.rest).node

    @property
    def relaxed(self) -> bool:
        """Whether stories are listed that lack some of the words."""
        return bool(self.answer.total > self.answer.complete)

    @property
    def known(self) -> bool:
        """Whether stories have all that was typed, be it that filters leave none."""
        return bool(self.answer.matched) and not self.plan.wide

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What of the query was not understood."""
        return self.parsed.notices

    def matching_of(self, stories: Iterable[Iterable[tuple[int, float]]]) -> list[Matching]:
        """Of the rows of stories, in order, and their scores, the related articles that match.

        The lead is row 0, the articles are numbered from 0; best first. One that has only
        function words, or little of what the query weighs, does not count, unless nothing of
        its story scores more.
        """
        return [self._matching_of(list(rows)) for rows in stories]

    def _matching_of(self, rows: list[tuple[int, float]]) -> Matching:
        if not self.plan.telling:
            return []
        least = min(self.plan.enough, max((score for _, score in rows), default=inf))
        kept = [(row - 1, score) for row, score in rows if row and score >= least and score > 0]
        return sorted(kept, key=lambda one: -one[1])


@dataclass(frozen=True)
class Found(Outcome):
    """What a searcher found in a snapshot."""

    plan: Plan
    answer: Answer
    searcher: Searcher = field(kw_only=True)

    def matching(self, doc_ids: Sequence[int]) -> list[Matching]:
        """The related articles of each of some stories that match, and their scores; best first."""
        scores = self.searcher.executor.score_rows(self.plan, doc_ids)
        return self.matching_of(enumerate(some.tolist()) for some in scores)

    def also_in(self, doc_id: int) -> tuple[int, ...]:
        """The stories with the same lead that a story listed stands for, too."""
        groups, passed = self.searcher.executor.snapshot.groups, self.answer.passed
        return () if passed is None else groups.others(doc_id, passed)

    def near(self, leaf: Fuzzy) -> frozenset[str]:
        """The folded words of the index that a near spelling stands for."""
        return self.searcher.selector.expander.texts(leaf)
