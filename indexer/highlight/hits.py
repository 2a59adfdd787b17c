"""Hits that read themselves: story, highlights, the related articles that match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

import msgspec

from ..errors import IndexCorrupt
from ..languages import Language
from ..model import Article, Hit, Lazy, Marks, RelatedHit, Story
from ..query.nodes import Fuzzy, Node
from ..schema import read_article
from .html import mark, snippet
from .marks import Marker, Place, Span

#: The related articles of a story that match, by number, and scores; best first.
Matching = Sequence[tuple[int, float]]

#: The articles that match are found out for so many stories at a time.
_TOGETHER = 16
#: A body is looked through in stretches of so many characters, until one has a match; each
#: goes on for some more, so that no phrase is cut.
_STRETCH, _MORE = 1 << 16, 1 << 10


class Answered(Protocol):
    """A query that was answered, as far as its hits need it."""

    @property
    def node(self) -> Node:
        """The tree that was searched."""

    def matching(self, doc_ids: Sequence[int]) -> Sequence[Matching]:
        """The related articles of each of some stories that match."""

    def also_in(self, doc_id: int) -> Sequence[int]:
        """The stories with the same lead that a story stands for, too."""

    def near(self, leaf: Fuzzy) -> frozenset[str]:
        """The folded words of the index that a fuzzy leaf stands for."""


class Archive(Protocol):
    """What has the stories that were found, by number; reading them may raise `IndexCorrupt`."""

    @property
    def language(self) -> Language:
        """The language of its texts."""

    def lead(self, doc_id: int) -> Story:
        """A story."""

    def related(self, doc_id: int) -> list[msgspec.Raw]:
        """The related articles of a story, each still to be read."""

    def damaged(self, doc_id: int, error: object) -> IndexCorrupt:
        """The error to raise if what is stored of a story makes no sense."""


def make_hits(
    archive: Archive, found: Answered, doc_ids: Sequence[int], scores: Sequence[float]
) -> Iterator[Hit]:
    """The hits of stories that were found; reading them may raise `IndexCorrupt`.

    They read the archive for as long as they live.
    """
    query = _Query(found, archive)
    for first in range(0, len(doc_ids), _TOGETHER):
        some = doc_ids[first : first + _TOGETHER]
        matching: list[Matching] = []  # found out together
        for place in range(len(some)):
            yield Hit(scores[first + place], _Source(query, some, matching, place))


class _Query:
    """A query that was answered, and what marks its words."""

    def __init__(self, found: Answered, archive: Archive) -> None:
        self.found = found
        self.archive = archive

    @cached_property
    def marker(self) -> Marker:
        """What marks the words."""
        return Marker(self.found.node, self.found.near, self.archive.language)


class _Source:
    """A story that was found, from which a hit and its related articles are read.

    matching: the articles that match of some stories, of which this one is at a place; empty until
        they are found out
    """

    __slots__ = ("_articles", "_doc_ids", "_matching", "_place", "_query")

    def __init__(
        self, query: _Query, doc_ids: Sequence[int], matching: list[Matching], place: int
    ) -> None:
        self._query = query
        self._doc_ids = doc_ids
        self._matching = matching
        self._place = place
        self._articles: list[msgspec.Raw] | None = None

    @property
    def _doc_id(self) -> int:
        return self._doc_ids[self._place]

    @property
    def _archive(self) -> Archive:
        return self._query.archive

    def story(self) -> Story:
        """The story, of which the related articles are not read yet."""
        return self._archive.lead(self._doc_id)

    def related(self) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first; none of them is read."""
        if not self._matching:
            self._matching[:] = self._query.found.matching(self._doc_ids)
        matching = self._matching[self._place]
        return tuple([RelatedHit(score, self, number) for number, score in matching])

    def also_in(self) -> Sequence[Story]:
        """The stories that this one stands for, each read when looked at."""
        archive, others = self._archive, self._query.found.also_in(self._doc_id)
        return Lazy(len(others), lambda at: archive.lead(others[at]))

    def article(self, number: int) -> Article:
        """A related article of the story, and no other, decoded."""
        if self._articles is None:
            self._articles = self._archive.related(self._doc_id)
        try:
            return read_article(self._articles[number])
        except (ValueError, IndexError) as error:
            raise self._archive.damaged(self._doc_id, error) from error

    def mark(self, texts: Sequence[Story | Article]) -> list[Marks]:
        """Where words match in the fields of some texts, and these as escaped HTML."""
        marker = self._query.marker
        sought: list[tuple[str, Place]] = []
        for text in texts:
            story = isinstance(text, Story)
            sought += (
                (text.title, "title" if story else "related"),
                (text.excerpt, "excerpt" if story else "related"),
            )
        found = iter(marker.spans(sought))
        marked = []
        for text, title, excerpt in zip(texts, found, found, strict=True):
            marks = Marks(
                {"title": title, "excerpt": excerpt},
                {"title": mark(text.title, title), "excerpt": mark(text.excerpt, excerpt)},
            )
            if isinstance(text, Story) and text.body:
                marks.spans["body"] = _spans_of_body(text.body, marker)
                marks.highlights["body"] = snippet(text.body, marks.spans["body"])
            marked.append(marks)
        return marked


def _spans_of_body(body: str, marker: Marker) -> tuple[Span, ...]:
    """Where words match in the first stretch of a body that has any.

    A snippet shows no more, and to mark every word of 4 MiB would take seconds.
    """
    for cut in range(0, len(body), _STRETCH):
        # From a blank on, so that no word is cut.
        begin = max(body.rfind(" ", 0, cut) + 1, cut - _MORE, 0)
        (found,) = marker.spans([(body[begin : cut + _STRETCH + _MORE], "body")])
        if found:
            return tuple([(begin + start, begin + end) for start, end in found])
    return ()
