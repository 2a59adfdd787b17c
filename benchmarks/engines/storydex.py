"""storydex as programs use it: text that was typed → `Engine.search` → a page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import indexer
from indexer.build.stories import build_stories
from indexer.codec.format import FORMAT_VERSION
from indexer.model import ResultPage, Story

from ..queries import Query
from ..works import PAGE_ARTICLES, PAGE_FACETS, TOP, VALUES, Answer, Work
from . import Run

TITLE = "storydex"
MOST_STORIES = 1_000_000_000

_FACETS = {"nothing": ("provider",), "lines": ("provider",), "page": PAGE_FACETS}


def version() -> str:
    """Of the library."""
    return "this tree"


def layout() -> str:
    """Changes whenever an index that was built before cannot be used any more."""
    return str(FORMAT_VERSION)


def build(stories: Iterable[Story], folder: Path) -> None:
    """Write an index into an empty folder."""
    build_stories(stories, folder)


def open_searcher(folder: Path) -> Searcher:
    """Open an index that was built before."""
    return Searcher(folder)


class Searcher:
    """An open index."""

    def __init__(self, folder: Path) -> None:
        self._engine = indexer.open_index(folder)
        # Compiled loops are an import, of the compiler and of what it has made before.
        self._engine.warm_up()

    def prepare(self, work: Work, query: Query) -> Run:
        """The search as a program would call it; all but its arguments is timed."""
        search, text = self._engine.search, query.text
        filters = {"provider": [query.provider]} if query.provider else None
        facets = _FACETS[work.read] if work.facet else ()
        sort = "newest" if work.newest else "relevance"

        def run() -> ResultPage:
            # The peers list each story, too.
            return search(
                text, filters=filters, facets=facets, facet_limit=VALUES, sort=sort, limit=TOP,
                collapse=False,
            )  # fmt: skip

        if work.read == "lines":
            return lambda: _lines(run())
        if work.read == "page":
            return lambda: _whole(run())
        return run

    def answer(self, work: Work, found: object) -> Answer:
        """What a run has found: of words, those that have all."""
        page = cast(ResultPage, found)
        counts = page.facets["provider"] if work.facet and not page.relaxed else None
        return Answer(
            hits=min(page.complete, len(page.hits)),
            total=page.complete if work.total else None,
            counted=None if counts is None else sum(row.count for row in counts),
        )

    def facts(self) -> dict[str, int]:
        """Numbers that describe the index."""
        return {"segments": self._engine.info().segments}


def _lines(page: ResultPage) -> ResultPage:
    """Read title, provider and date of every hit."""
    for hit in page.hits:
        story = hit.story
        assert all((story.title, story.provider, story.published_at))
    return page


def _whole(page: ResultPage) -> ResultPage:
    """Read what a page shows: every hit marked, and the first of its matching articles."""
    hits = _lines(page).hits
    articles = [article for hit in hits for article in hit.related[:PAGE_ARTICLES]]
    indexer.mark_together([*hits, *articles])
    assert all(hit.highlights for hit in hits)
    assert all(all((one.highlights, one.title, one.provider)) for one in articles)
    return page
