"""storydex: the executor for the bare works, the engine as programs use it for the others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from whoosh import query as wq

import indexer
from indexer.build.stories import build_stories
from indexer.codec.format import FORMAT_VERSION
from indexer.engine import COMPILED
from indexer.model import Facet, ResultPage, Story
from indexer.query import clauses
from indexer.schema import SCHEMA_VERSION, TEXT_FIELDS
from indexer.search.answer import FacetWish
from indexer.search.executor import NO_FILTERS, Executor, Failed
from indexer.search.facets import Filters
from indexer.search.snapshot import open_snapshot

from ..queries import Query
from ..works import PAGE_FACETS, PAGE_VALUES, TOP, Answer, Work
from . import Run
from .stock_whoosh import text_query

TITLE = "storydex"
MOST_STORIES = 1_000_000_000

_FACET: Facet = "provider"

# Compiled loops are an import, of the compiler and of what it has made before.
COMPILED.load()


def version() -> str:
    """Of the library."""
    return "this tree"


def layout() -> str:
    """Changes whenever an index that was built before cannot be used any more."""
    return f"{FORMAT_VERSION}-{SCHEMA_VERSION}"


def build(stories: Iterable[Story], folder: Path) -> None:
    """Write an index into an empty folder."""
    build_stories(stories, folder)


def open_searcher(folder: Path) -> Searcher:
    """Open an index that was built before."""
    return Searcher(folder)


def count_postings(folder: Path, queries: Iterable[Query]) -> dict[str, int]:
    """The postings of the words of each query, over all text fields."""
    snapshot = open_snapshot(str(folder))
    return {
        query.id: sum(
            snapshot.doc_frequency(field, term) for field in TEXT_FIELDS for term in query.terms
        )
        for query in queries
    }


class Searcher:
    """An open index."""

    def __init__(self, folder: Path) -> None:
        self._engine = indexer.open_index(folder)
        self._snapshot = open_snapshot(str(folder))
        self._executor = Executor(self._snapshot, COMPILED)
        self._all = [NO_FILTERS] * len(self._snapshot.segments)

    def prepare(self, work: Work, query: Query) -> Run:
        """Build the query, so that only running it is timed."""
        if work.name == "page":
            return lambda: self._page(query.text)
        if work.name == "stories":
            return lambda: self._stories(query.text)
        if work.name == "search":
            return lambda: self._engine.search(query.text)
        prepared, run = self._executor.prepare(_tree(query)), self._executor.run
        if query.provider is not None:
            keys = {_FACET: frozenset([query.provider])}
            return lambda: run(prepared, self._filters(keys), TOP)
        wishes = [FacetWish(_FACET)] if work.facet else []
        return lambda: run(prepared, self._all, TOP, wishes)

    def answer(self, work: Work, found: Any) -> Answer:
        """What a run has found."""
        if isinstance(found, ResultPage):
            return _answer_of_page(found)
        return Answer(
            hits=len(found.doc_ids),
            total=found.total if work.total else None,
            counted=int(found.counts[0].sum()) if work.facet else None,
            scores=tuple(found.scores),
        )

    def facts(self) -> dict[str, int]:
        """Numbers that describe the index."""
        return {"segments": len(self._snapshot.segments)}

    def _filters(self, keys: dict[Facet, frozenset[str]]) -> list[Failed]:
        """The filters of a request, which are worked out for each anew."""
        return Filters(self._executor, keys, None, None).failed

    def _page(self, text: str) -> ResultPage:
        """A result page with its facets, highlights and related articles read."""
        page = self._engine.search(text, facets=PAGE_FACETS, facet_limit=PAGE_VALUES, limit=TOP)
        for hit in page.hits:
            assert hit.highlights
            for related in hit.related:
                assert related.highlights
        return page

    def _stories(self, text: str) -> ResultPage:
        """The same, and every whole story."""
        page = self._page(text)
        for hit in page.hits:
            assert hit.story.title
        return page


def _tree(query: Query) -> wq.Query:
    """A query of the log, without its filter, as the parser makes it of what is typed."""
    if query.form == "phrase":
        return clauses.words(" ".join(query.words))
    if query.form == "prefix":
        return text_query(query)
    words = [clauses.words(word) for word in query.words]
    return words[0] if len(words) == 1 else (wq.Or if query.form == "any" else wq.And)(words)


def _answer_of_page(page: ResultPage) -> Answer:
    """What a page says of its query; a relaxed one answers another query."""
    if page.relaxed:
        return Answer(hits=0, total=0)
    return Answer(
        hits=len(page.hits),
        total=page.total,
        scores=tuple(hit.score for hit in page.hits),
    )
