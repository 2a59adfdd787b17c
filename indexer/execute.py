"""A query tree run over a snapshot → the stories that match; layer 5."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq
from whoosh.query.terms import MultiTerm
from whoosh.searching import SearchContext

from .errors import QueryError
from .snapshot import Snapshot

#: The most terms that the patterns of one query may stand for.
MAX_EXPANDED_TERMS = 10_000


class Matches(NamedTuple):
    """Stories that match a query.

    doc_ids: uint32[n], strictly increasing; scores: float64[n], BM25F, parallel.
    """

    doc_ids: npt.NDArray[np.uint32]
    scores: npt.NDArray[np.float64]


def match(query: wq.Query, snapshot: Snapshot) -> Matches:
    """Every story that matches, with its score.

    Raises `QueryError` if patterns stand for more than `MAX_EXPANDED_TERMS` terms.
    Cost: proportional to the postings of the query's terms.
    """
    _refuse_wide_patterns(query, snapshot)
    doc_ids: list[int] = []
    scores: list[float] = []
    for searcher, base in snapshot.searcher.leaf_searchers():
        matcher = query.matcher(searcher, SearchContext(weighting=snapshot.searcher.weighting))
        while matcher.is_active():
            doc_ids.append(matcher.id() + base)
            scores.append(matcher.score())
            matcher.next()
    return Matches(np.array(doc_ids, np.uint32), np.array(scores, np.float64))


def _leaves(query: wq.Query) -> Iterator[wq.Query]:
    if query.is_leaf():
        yield query
    for child in query.children():
        yield from _leaves(child)


def _refuse_wide_patterns(query: wq.Query, snapshot: Snapshot) -> None:
    left = MAX_EXPANDED_TERMS
    for leaf in _leaves(query):
        if isinstance(leaf, MultiTerm):
            terms = leaf._btexts(snapshot.reader)
            left -= sum(1 for _ in islice(terms, left + 1))
            if left < 0:
                raise QueryError(
                    "q", f"the pattern {leaf.text!r} stands for more than "
                    f"{MAX_EXPANDED_TERMS:,} terms: give more letters",
                )  # fmt: skip
