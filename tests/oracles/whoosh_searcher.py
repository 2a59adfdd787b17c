"""What Whoosh's own searcher finds in the same files."""

from __future__ import annotations

from whoosh import query as wq
from whoosh.scoring import BM25F
from whoosh.searching import SearchContext, Searcher

from indexer.search.snapshot import Snapshot


def ask_whoosh(
    snapshot: Snapshot, query: wq.Query, unions: int = wq.Or.DEFAULT_MATCHER
) -> dict[int, float]:
    """Document number → score, as Whoosh's own searcher finds them, in order of number.

    Disjunctions use Whoosh's plain matcher if not told otherwise, since that for small
    indexes loses documents that score nothing. Deleted documents, which its negation
    lets through after its last match, are left out.
    """
    found = {}
    searcher = Searcher(snapshot.reader, weighting=BM25F())
    chosen, wq.Or.matcher_type = wq.Or.matcher_type, unions
    try:
        for leaf, base in searcher.leaf_searchers():
            matcher = query.matcher(leaf, SearchContext(weighting=searcher.weighting))
            while matcher.is_active():
                if not leaf.reader().is_deleted(matcher.id()):
                    found[base + matcher.id()] = matcher.score()
                matcher.next()
    finally:
        wq.Or.matcher_type = chosen
    return found
