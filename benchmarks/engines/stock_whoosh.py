"""Whoosh as it comes: its standard codec, matchers and collectors, the project's terms."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from whoosh import fields, index
from whoosh import query as wq
from whoosh.analysis import SpaceSeparatedTokenizer
from whoosh.codec import default_codec
from whoosh.sorting import Count, FieldFacet

from indexer.model import Story

from .. import corpus
from ..queries import Query
from ..works import TOP, VALUES, Answer, Work
from . import Run

TITLE = "stock Whoosh"
#: A query takes a second and more here already.
MOST_STORIES = 20_000

_MEGABYTES = 512
#: Between two parts of a field, so that no phrase spans them.
_PART = " ¶ "


def version() -> str:
    """Of the library."""
    return version_of("whoosh3")


def layout() -> str:
    """Changes whenever an index that was built before cannot be used any more."""
    return f"{version()}-3"


def _schema() -> fields.Schema:
    schema = fields.Schema(provider=fields.KEYWORD(commas=True), display=fields.STORED())
    for field in corpus.TEXT_FIELDS:
        schema.add(field, fields.TEXT(analyzer=SpaceSeparatedTokenizer(), phrase=True))
    return schema


def build(stories: Iterable[Story], folder: Path) -> None:
    """Write an index into an empty folder."""
    made = index.create_in(str(folder), _schema())
    writer = made.writer(codec=default_codec(), limitmb=_MEGABYTES)
    for story in stories:
        terms = corpus.terms_by_part(story)
        texts = {field: _PART.join(parts) for field, parts in terms.items() if parts}
        writer.add_document(
            provider=",".join(corpus.providers_of(story)),
            display=corpus.display_text(story),
            **texts,
        )
    writer.commit(optimize=True)


def open_searcher(folder: Path) -> Searcher:
    """Open an index that was built before."""
    return Searcher(folder)


class Searcher:
    """An open index."""

    def __init__(self, folder: Path) -> None:
        self._searcher = index.open_dir(str(folder)).searcher()

    def prepare(self, work: Work, query: Query) -> Run:
        """Build the query, so that only running it is timed."""
        built = text_query(query)
        chosen = None if query.provider is None else wq.Term("provider", query.provider)
        providers = FieldFacet("provider", allow_overlap=True, maptype=Count)
        groups = {"provider": providers} if work.facet else None

        def run() -> Any:
            results = self._searcher.search(built, limit=TOP, filter=chosen, groupedby=groups)
            return results, (len(results) if work.total else None)

        return run

    def answer(self, work: Work, found: Any) -> Answer:
        """What a run has found."""
        results, total = found
        # With groups, Whoosh keeps the scores of all matches.
        best = results.top_n[:TOP]
        counts = results.groups("provider").values() if work.facet else ()
        return Answer(
            hits=len(best),
            total=total,
            counted=sum(sorted(counts)[-VALUES:]) if work.facet else None,
        )

    def facts(self) -> dict[str, int]:
        """Numbers that describe the index."""
        return {"segments": len(self._searcher.leaf_searchers())}


def text_query(query: Query) -> wq.Query:
    """A query of the log, without its filter, as a tree of Whoosh queries."""
    if query.form == "any":
        return wq.Or([part for term in query.terms for part in _in_fields(term)])
    if query.form == "all":
        return wq.And([wq.Or(_in_fields(term)) for term in query.terms])
    if query.form == "phrase":
        words = list(query.terms)
        return wq.Or([wq.Phrase(f, words, boost=boost) for f, boost in corpus.BOOSTS.items()])
    prefix = query.terms[0]
    return wq.Or(
        [
            wq.ConstantScoreQuery(wq.Prefix(field, prefix), boost)
            for field, boost in corpus.BOOSTS.items()
        ]
    )


def _in_fields(term: str) -> list[wq.Query]:
    return [wq.Term(field, term, boost=boost) for field, boost in corpus.BOOSTS.items()]
