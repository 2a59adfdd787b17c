"""An engine without the stories that are not published; used by `connection`.

Whatever an app answers comes from its engine, so this is the one place where such stories
are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice

from msgspec.structs import replace

from indexer import (
    DateCounts,
    Engine,
    Explanation,
    FacetRows,
    Hit,
    IndexInfo,
    QueryError,
    ResultPage,
    SearchRequest,
    Story,
    StoryNotFound,
)

#: Excluded and not only unwanted: counts of a facet ignore what is wanted of itself.
_UNPUBLISHED = "-false"


class PublishedEngine:
    """What the front end asks of an engine, see `indexer.Engine`, for published stories alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counted: tuple[IndexInfo, int, int] | None = None
        self.warm_up = engine.warm_up
        self.reload = engine.reload
        self.close = engine.close

    @property
    def generation(self) -> int:
        """The number of the generation being searched."""
        return self._engine.generation

    @property
    def edition(self) -> str:
        """Another one whenever answers may be."""
        return self._engine.edition

    def answer(self, request: SearchRequest) -> ResultPage:
        """Answer a request; raises `QueryError` for one that asks for unpublished stories."""
        page = self._engine.answer(_published(request))
        facets = {
            facet: FacetRows([row for row in rows if row.value != _UNPUBLISHED], beyond=rows.beyond)
            if facet == "published"
            else rows
            for facet, rows in page.facets.items()
        }
        respelled = cache(lambda: self._spelt(page.suggestion))
        return replace(page, request=request, facets=facets, respelled=respelled)

    def _spelt(self, suggestion: str | None) -> str | None:
        """A better spelling, if it finds anything that is published."""
        return suggestion if suggestion and self._finds(suggestion) else None

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order."""
        return self._engine.export(_published(request))

    def values_of(
        self, request: SearchRequest, facet: str, text: str = "", sort: str = "count"
    ) -> FacetRows:
        """The values of a facet that begin so and that stories found have."""
        return self._engine.values_of(_published(request), facet, text, sort)

    def histogram(self, request: SearchRequest) -> DateCounts:
        """How many of the stories found were published when."""
        return self._engine.histogram(_published(request))

    def suggest(self, text: str) -> tuple[str, ...]:
        """Ways to finish what is typed that find a story, or go on with a field."""
        found = self._engine.suggest(text)
        return tuple(one for one in found if one.endswith(":") or self._finds(one))

    def more_like(self, story_id: str, *, limit: int = 5) -> tuple[Hit, ...]:
        """Stories that resemble this one; raises `StoryNotFound`."""
        if self.get(story_id) is None:
            raise StoryNotFound(story_id)
        asked = limit
        while True:
            found = self._engine.more_like(story_id, limit=asked)
            published = tuple(islice((hit for hit in found if hit.story.published), limit))
            if len(published) == limit or len(found) < asked:
                return published
            asked *= 2

    def explain_page(self, page: ResultPage) -> dict[str, Explanation]:
        """What the scores on a page are made of, by story id."""
        return self._engine.explain_page(replace(page, request=_published(page.request)))

    def get(self, story_id: str) -> Story | None:
        """The story with this id, or None."""
        story = self._engine.get(story_id)
        return story if story is not None and story.published else None

    def hit_of(self, story_id: str, query: str) -> Hit | None:
        """The story with this id as a hit of a query, or None."""
        hit = self._engine.hit_of(story_id, query)
        return hit if hit is not None and hit.story.published else None

    def info(self) -> IndexInfo:
        """Describe the generation; `stories` and `articles` are those of published stories."""
        whole = self._engine.info()
        counted = self._counted
        if counted is None or counted[0] != whole:
            everything = SearchRequest(sort="newest", collapse=False)
            counts = [len(hit.story.related) for hit in self.export(everything)]
            self._counted = counted = (whole, len(counts), sum(counts))
        return replace(whole, stories=counted[1], articles=counted[2], published_only=True)

    def _finds(self, query: str) -> bool:
        """Whether a story has all of this."""
        request = SearchRequest(query=query, facets=(), limit=0, spelling=False)
        return self._engine.answer(_published(request)).complete > 0


def _published(request: SearchRequest) -> SearchRequest:
    values = request.filters.get("published", ())
    if "false" in values:
        raise QueryError("published", "only published stories are served here: leave it out")
    return replace(request, filters={**request.filters, "published": (*values, _UNPUBLISHED)})
