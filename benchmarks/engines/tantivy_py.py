"""tantivy-py: terms as the project makes them, positions, stored texts, one segment.

A document is a whole story. Providers are a multi-valued fast text field, counted by a terms
aggregation that returns the most frequent: of what tantivy-py offers this is the fastest. Returning
them all takes half as long again, a fast field of numbers twice as long, a facet field and a
histogram longer too, and tantivy's own facet collector is not exposed. The aggregation is a
second pass over the matches. Of a full page it does only that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur, Query

from indexer.model import Story

from .. import corpus
from ..queries import Query as LogQuery
from ..works import TOP, VALUES, Answer, Work
from . import Run

TITLE = "tantivy-py"
MOST_STORIES = 1_000_000_000

#: Enough for one segment of 100,000 stories; tantivy takes no more for a thread.
_HEAP = 4_000_000_000
_TERM = "freq"
#: What is shown of each hit, as stored.
_LINES = ("shown_title", "shown_provider", "published")


def version() -> str:
    """Of the library."""
    return version_of("tantivy")


def layout() -> str:
    """Changes whenever an index that was built before cannot be used any more."""
    return f"{version()}-4"


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in corpus.TEXT_FIELDS:
        builder.add_text_field(field, tokenizer_name="whitespace")
    builder.add_text_field("provider", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_date_field("published", stored=True, fast=True)
    builder.add_bytes_field("shown_title", stored=True, indexed=False)
    builder.add_bytes_field("shown_provider", stored=True, indexed=False)
    builder.add_bytes_field("display", stored=True, indexed=False)
    return builder.build()


def _index(folder: Path, *, reuse: bool) -> tantivy.Index:
    index = tantivy.Index(_schema(), path=str(folder), reuse=reuse)
    splitter = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("whitespace", splitter)
    return index


def build(
    stories: Iterable[Story],
    folder: Path,
    stored: Callable[[Story], bytes] = corpus.display_text,
) -> None:
    """Write an index into an empty folder; `stored` gives what is stored of a story."""
    index = _index(folder, reuse=False)
    writer = index.writer(heap_size=_HEAP, num_threads=1)
    for story in stories:
        document = tantivy.Document()
        for field, texts in corpus.terms_by_part(story).items():
            for text in texts:
                document.add_text(field, text)
        for provider in corpus.providers_of(story):
            document.add_text("provider", provider)
        document.add_bytes("shown_title", story.title.encode())
        if story.provider is not None:
            document.add_bytes("shown_provider", story.provider.name.encode())
        if story.published_at is not None:
            document.add_date("published", story.published_at)
        document.add_bytes("display", stored(story))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def open_searcher(folder: Path) -> Searcher:
    """Open an index that was built before."""
    return Searcher(folder)


class Searcher:
    """An open index."""

    def __init__(self, folder: Path) -> None:
        self._index = _index(folder, reuse=True)
        self._index.reload()
        self._schema = self._index.schema
        self._searcher = self._index.searcher()

    def prepare(self, work: Work, query: LogQuery) -> Run:
        """Build the query, so that only running it is timed."""
        built = self._build(query)
        search, count = self._searcher.search, self._searcher.aggregate
        if work.newest:
            return lambda: (search(built, limit=TOP, order_by_field="published"), None)
        if not work.facet:
            return lambda: (search(built, limit=TOP, count=work.total), None)
        terms = {"providers": {"terms": {"field": "provider", "size": VALUES}}}
        if work.read != "lines":
            return lambda: (search(built, limit=TOP), count(built, terms))
        return lambda: (self._read(search(built, limit=TOP)), count(built, terms))

    def _read(self, result: tantivy.SearchResult) -> tantivy.SearchResult:
        """Read title, provider and date of every hit."""
        for _, address in result.hits:
            document = self._searcher.doc(address)
            assert [document.get_first(name) for name in _LINES]
        return result

    def answer(self, work: Work, found: Any) -> Answer:
        """What a run has found."""
        result, counts = found
        buckets = counts["providers"]["buckets"] if counts else ()
        return Answer(
            hits=len(result.hits),
            total=result.count if work.total else None,
            counted=sum(bucket["doc_count"] for bucket in buckets) if counts else None,
        )

    def facts(self) -> dict[str, int]:
        """Numbers that describe the index."""
        return {"segments": self._searcher.num_segments}

    def _build(self, query: LogQuery) -> Query:
        if query.form == "any":
            # One flat union: the form in which tantivy can skip blocks.
            words = _any(part for term in query.terms for part in self._in_fields(term))
        elif query.form == "all":
            words = _all(_any(self._in_fields(term)) for term in query.terms)
        elif query.form == "phrase":
            words = _any(
                self._boosted(field, self._phrase(field, query)) for field in corpus.BOOSTS
            )
        else:
            pattern = query.terms[0] + ".*"
            words = _any(Query.regex_query(self._schema, field, pattern) for field in corpus.BOOSTS)
        return words if query.provider is None else self._filtered(words, query.provider)

    def _in_fields(self, term: str) -> Iterable[Query]:
        for field in corpus.BOOSTS:
            yield self._boosted(field, Query.term_query(self._schema, field, term, _TERM))

    def _phrase(self, field: str, query: LogQuery) -> Query:
        return Query.phrase_query(self._schema, field, list(query.terms))

    @staticmethod
    def _boosted(field: str, query: Query) -> Query:
        return Query.boost_query(query, corpus.BOOSTS[field])

    def _filtered(self, words: Query, provider: str) -> Query:
        term = Query.term_query(self._schema, "provider", provider, "basic")
        return _all([words, Query.const_score_query(term, 0.0)])


def _any(queries: Iterable[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _all(queries: Iterable[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, query) for query in queries])
