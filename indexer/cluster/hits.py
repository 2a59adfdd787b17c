"""Stories of a page, with which of their articles match, for the highlighter to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ..errors import ClusterError, IndexCorrupt
from ..highlight.hits import Highlighter
from ..languages import ENGLISH, Language
from ..model import Hit, SearchRequest, Story
from ..query.nodes import Fuzzy, Node
from ..search.nearness import WEIGHED
from .clauses import EVERY, NONE
from .documents import story_of
from .find import Ask, Found, Searcher, replaced
from .mapping import MOST_ARTICLES

#: Stories of an export that are read at a time, and how long the cluster keeps its place.
_AT_A_TIME, _KEEP = 100, "5m"
#: Rows that are told of at first; room for more costs a cluster as much as if there were more.
_ROWS = 100
_INNER: dict[str, Any] = {"_source": False, "size": _ROWS}


class Stored(NamedTuple):
    """A story as the cluster gave it, its rows and what they score."""

    story: Story
    rows: list[tuple[int, float]]


class Page:
    """Some stories that were found, by number: what hits read themselves from."""

    def __init__(self, found: Found, stored: Sequence[Stored], where: str) -> None:
        self._found = found
        self._stored = stored
        self._where = where

    @property
    def node(self) -> Node:
        """The tree that was searched."""
        return self._found.node

    def near(self, leaf: Fuzzy) -> frozenset[str]:
        """The folded words of the index that a near spelling stands for."""
        return self._found.near(leaf)

    def matching(self, doc_id: int) -> list[tuple[int, float]]:
        """The related articles of a story that match, by number, and their scores; best first."""
        if not self._found.plan.telling:
            return []
        enough = self._found.enough
        found = [
            (row - 1, score)
            for row, score in self._stored[doc_id].rows
            if row and score > 0 and score >= enough
        ]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    @property
    def language(self) -> Language:
        """The language of its texts."""
        return ENGLISH

    def also_in(self, doc_id: int) -> tuple[int, ...]:
        """No stories: here each stands for itself alone."""
        return ()

    def lead(self, doc_id: int) -> Story:
        """A story."""
        return self._stored[doc_id].story

    def related(self, doc_id: int) -> list[msgspec.Raw]:
        """The related articles of a story, as an index folder stores them."""
        articles = self._stored[doc_id].story.related
        return [msgspec.Raw(msgspec.msgpack.encode(article)) for article in articles]

    def damaged(self, doc_id: int, error: object) -> IndexCorrupt:
        """The error to raise if what is stored of a story makes no sense."""
        return IndexCorrupt(self._where, self._stored[doc_id].story.id, str(error))


class Reader:
    """Reads stories of an index; safe to share between threads."""

    def __init__(self, searcher: Searcher, where: str) -> None:
        self._searcher = searcher
        self._where = where

    def hits(self, found: Found) -> Iterator[Hit]:
        """The hits of what was found."""
        return self.hits_of(found, found.ids, found.scores)

    def hits_of(self, found: Found, ids: Sequence[str], scores: Sequence[float]) -> Iterator[Hit]:
        """Stories as hits, whether they were found or not."""
        stored = self.read(found, ids)
        known = [
            (stored[one], score) for one, score in zip(ids, scores, strict=True) if one in stored
        ]
        page = Page(found, [one for one, _ in known], self._where)
        return Highlighter(page).hits(page, range(len(known)), [score for _, score in known])

    def read(self, found: Found, ids: Sequence[str]) -> dict[str, Stored]:
        """Stories by the ids of their documents, and what their rows score."""
        if not ids:
            return {}
        return {hit["_id"]: self._stored(found, hit) for hit in self._hits(found, ids, _ROWS)}

    def _hits(self, found: Found, ids: Sequence[str], rows: int) -> list[dict[str, Any]]:
        scored = found.plan.rows(inner_hits=_INNER | {"size": rows})
        should = [] if scored is NONE else [scored]
        query = {"bool": {"filter": [{"ids": {"values": list(ids)}}], "should": should}}
        body = {"query": query, "size": len(ids)}
        hits: list[dict[str, Any]] = self._searcher.search(body)["hits"]["hits"]
        return hits

    def all_hits(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of a whole result, in order, as the index is now."""
        found = self._searcher.find(replaced(request, offset=0), WEIGHED)
        yield from self.hits(found)
        first = set(found.ids)
        ranked = request.sort == "relevance" and found.parsed.scored
        body = self._searcher.body(found, Ask(request, 0, 0, ranked), inner_hits=_INNER)
        body |= {"size": _AT_A_TIME, "track_scores": True, "track_total_hits": False}
        if found.filters.others() is not EVERY:
            body["post_filter"] = found.filters.others()
        with self._searcher.point_in_time(_KEEP) as point:
            while True:
                body["pit"] = {"id": point, "keep_alive": _KEEP}
                answer = self._searcher.search(body)
                hits = [hit for hit in answer["hits"]["hits"] if hit["_id"] not in first]
                stored = [self._stored(found, hit) for hit in hits]
                scores = [(hit["_score"] or 0.0) if ranked else 0.0 for hit in hits]
                page = Page(found, stored, self._where)
                yield from Highlighter(page).hits(page, range(len(stored)), scores)
                if answer["timed_out"]:
                    raise ClusterError(self._where, "too busy to export the whole result")
                if not answer["hits"]["hits"]:
                    return
                body["search_after"] = answer["hits"]["hits"][-1]["sort"]

    def _stored(self, found: Found, hit: dict[str, Any]) -> Stored:
        inner = hit.get("inner_hits", {}).get("rows", {}).get("hits", {"hits": []})
        if len(inner["hits"]) < inner.get("total", {}).get("value", 0):
            (again,) = self._hits(found, [hit["_id"]], MOST_ARTICLES)
            inner = again["inner_hits"]["rows"]["hits"]
        rows = [(one["_nested"]["offset"], one["_score"]) for one in inner["hits"]]
        try:
            return Stored(story_of(hit["_source"]), rows)
        except (KeyError, msgspec.ValidationError) as error:
            raise IndexCorrupt(self._where, hit["_id"], str(error)) from error
