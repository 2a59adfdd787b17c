"""A request → the stories it asks for, in order, with totals and facet counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq

from ..model import SearchRequest, Sort
from ..query.parser import ParsedQuery, parse
from .answer import Answer
from .executor import Executor
from .facets import Filters, filter_keys


class Result(NamedTuple):
    """What was found for a request: by which query, and what of it was asked for."""

    query: wq.Query
    parsed: ParsedQuery
    relaxed: bool
    answer: Answer
    filters: Filters


def find(request: SearchRequest, executor: Executor, limit: int) -> Result:
    """The first `limit` stories of a request; raises `QueryError`, `QueryTooCostly`."""
    parsed = parse(request.query)
    keys = {facet: filter_keys(facet, values) for facet, values in request.filters.items()}
    filters = Filters(executor, keys, request.since, request.until)
    answer = _answer(request, parsed.query, parsed.scored, filters, executor, limit)
    # Whether words are dropped must not depend on the filters: a facet's count would
    # then not be what choosing its value gives.
    if not answer.matched and parsed.relaxed is not None:
        some = _answer(request, parsed.relaxed, parsed.scored, filters, executor, limit)
        if some.matched:
            return Result(parsed.relaxed, parsed, True, some, filters)
    return Result(parsed.query, parsed, False, answer, filters)


def _answer(
    request: SearchRequest,
    query: wq.Query,
    scored: bool,
    filters: Filters,
    executor: Executor,
    limit: int,
) -> Answer:
    """The first `limit` stories in the order asked for, totals and facet counts.

    Ties are in order of document number; stories without a value to sort by come last.
    """
    wishes = [filters.wish(facet) for facet in request.facets]
    sort: Sort = request.sort
    if sort == "relevance":
        if scored:
            return executor.search(query, filters.failed, limit, wishes)
        sort = "newest"
    found = executor.match(query)
    doc_ids, scores = executor.passing(found, filters.failed)
    order = _first(executor.snapshot.ranks(sort)[doc_ids], limit)
    counts = [executor.count(found, filters.failed, wish.facet, wish.own) for wish in wishes]
    matched = sum(len(part.doc_ids) for part in found)
    return Answer(matched, len(doc_ids), doc_ids[order].tolist(), scores[order].tolist(), counts)


def _first(ranks: npt.NDArray[np.int32], limit: int) -> npt.NDArray[np.intp]:
    """Where the lowest ranks are, lowest first; all are different."""
    if limit >= len(ranks):
        return np.argsort(ranks)
    nearest = np.argpartition(ranks, limit)[:limit]
    return nearest[np.argsort(ranks[nearest])]
