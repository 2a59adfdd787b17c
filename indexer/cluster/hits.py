"""Stories of a page, with which of their articles match, for the highlighter to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

import msgspec

from ..errors import ClusterError, IndexCorrupt
from ..highlight.hits import make_hits
from ..model import Hit, SearchRequest, Story
from ..search.nearness import WEIGHED
from .clauses import EVERY, NONE
from .find import Ask, Found, Searcher
from .folding import FOLDED, GROUP
from .mapping import MOST_ARTICLES
from .names import story_of

#: Stories of an export that are read at a time, and how long the cluster keeps its place.
_AT_A_TIME, _KEEP = 100, "5m"
#: Rows that are told of at first; room for more costs a cluster as much as if there were more.
_ROWS = 100
_INNER: dict[str, Any] = {"_source": False, "size": _ROWS}


class Stored(NamedTuple):
    """A story as the cluster gave it, the id of its document, its rows and what they score."""

    id: str
    story: Story
    rows: list[tuple[int, float]]


class Page:
    """Some stories that were found, by number: what hits read themselves from."""

    def __init__(self, found: Found, stored: Sequence[Stored], reader: Reader) -> None:
        self._found = found
        self._stored = stored
        self._reader = reader
        self.node, self.near, self.language = found.node, found.near, found.words.language
        # Stories that those of the page stand for are numbered after these.
        others = [one for each in stored for one in found.answer.also.get(each.id, ())]
        self._others = dict(zip(others, count(len(stored)), strict=False))

    def matching(self, doc_ids: Sequence[int]) -> list[list[tuple[int, float]]]:
        """The related articles of some stories that match, and their scores; best first."""
        return self._found.matching_of(sorted(self._stored[doc_id].rows) for doc_id in doc_ids)

    def also_in(self, doc_id: int) -> tuple[int, ...]:
        """The stories with the same lead that a story stands for, too."""
        others = self._found.answer.also.get(self._stored[doc_id].id, ())
        return tuple([self._others[one] for one in others])

    @cached_property
    def _read(self) -> list[Story]:
        stored = self._reader.read(self._found, list(self._others))
        return [stored[one].story for one in self._others]

    def lead(self, doc_id: int) -> Story:
        """A story."""
        if doc_id < len(self._stored):
            return self._stored[doc_id].story
        return self._read[doc_id - len(self._stored)]

    def related(self, doc_id: int) -> list[msgspec.Raw]:
        """The related articles of a story, as an index folder stores them."""
        articles = self._stored[doc_id].story.related
        return [msgspec.Raw(msgspec.msgpack.encode(article)) for article in articles]

    def damaged(self, doc_id: int, error: object) -> IndexCorrupt:
        """The error to raise if what is stored of a story makes no sense."""
        return IndexCorrupt(self._reader.where, self.lead(doc_id).id, str(error))


class Reader:
    """Reads stories of an index; safe to share between threads."""

    def __init__(self, searcher: Searcher, where: str) -> None:
        self.searcher = searcher
        self.where = where

    def hits(self, found: Found) -> Iterator[Hit]:
        """The hits of what was found."""
        return self.hits_of(found, found.answer.ids, found.answer.scores)

    def hits_of(self, found: Found, ids: Sequence[str], scores: Sequence[float]) -> Iterator[Hit]:
        """Stories as hits, whether they were found or not."""
        stored = self.read(found, ids)
        known = [
            (stored[one], score) for one, score in zip(ids, scores, strict=True) if one in stored
        ]
        page = Page(found, [one for one, _ in known], self)
        return make_hits(page, page, range(len(known)), [score for _, score in known])

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
        hits: list[dict[str, Any]] = self.searcher.search(body)["hits"]["hits"]
        return hits

    def all_hits(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of a whole result, in order, as the index is now."""
        found = self.searcher.find(request, WEIGHED)
        yield from self.hits(found)
        listed, seen = set(found.answer.ids), set(found.answer.groups)
        ask = Ask(request, 0, 0, request.sort == "relevance" and found.parsed.scored)
        body = self.searcher.body(found, ask, inner_hits=_INNER)
        body |= {"size": _AT_A_TIME, "track_scores": True, "track_total_hits": False}
        body["docvalue_fields"] = [GROUP, FOLDED]
        if found.filters.others() is not EVERY:
            body["post_filter"] = found.filters.others()
        with self.searcher.point_in_time(_KEEP) as point:
            while True:
                body["pit"] = {"id": point, "keep_alive": _KEEP}
                answer = self.searcher.search(body)
                hits = [hit for hit in answer["hits"]["hits"] if hit["_id"] not in listed]
                if request.collapse:
                    hits = self._first_of_groups(hits, seen)
                yield from self._exported(found, ask, hits)
                if answer["timed_out"]:
                    raise ClusterError(self.where, "too busy to export the whole result")
                if not answer["hits"]["hits"]:
                    return
                body["search_after"] = answer["hits"]["hits"][-1]["sort"]

    def _exported(self, found: Found, ask: Ask, hits: list[dict[str, Any]]) -> Iterator[Hit]:
        """Stories of an export, each as that of its group which is listed."""
        stored = [self._stored(found, hit) for hit in hits]
        if ask.request.collapse:
            shared = [hit["fields"][GROUP][0] for hit in hits if hit["fields"].get(FOLDED)]
            first, also = self.searcher.folding.members(found, ask, shared)
            found = replace(found, answer=found.answer._replace(also=also))
            others = {one for one in first.values() if one not in {each.id for each in stored}}
            instead = self.read(found, list(others))
            of = [first.get(hit["fields"][GROUP][0], hit["_id"]) for hit in hits]
            stored = [instead.get(one, each) for one, each in zip(of, stored, strict=True)]
        scores = [(hit["_score"] or 0.0) if ask.ranked else 0.0 for hit in hits]
        page = Page(found, stored, self)
        yield from make_hits(page, page, range(len(stored)), scores)

    @staticmethod
    def _first_of_groups(hits: list[dict[str, Any]], seen: set[str]) -> list[dict[str, Any]]:
        """Those of whose groups no story came before."""
        found = []
        for hit in hits:
            group = hit["fields"][GROUP][0]
            if group not in seen:
                found.append(hit)
                seen.add(group)
        return found

    def _stored(self, found: Found, hit: dict[str, Any]) -> Stored:
        inner = hit.get("inner_hits", {}).get("rows", {}).get("hits", {"hits": []})
        if len(inner["hits"]) < inner.get("total", {}).get("value", 0):
            (again,) = self._hits(found, [hit["_id"]], MOST_ARTICLES)
            inner = again["inner_hits"]["rows"]["hits"]
        rows = [(one["_nested"]["offset"], one["_score"]) for one in inner["hits"]]
        try:
            return Stored(hit["_id"], story_of(hit["_source"]), rows)
        except (KeyError, msgspec.ValidationError) as error:
            raise IndexCorrupt(self.where, hit["_id"], str(error)) from error
