"""Hits that read themselves: story, highlights, the related articles that match."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Protocol, overload

import msgspec

from ..errors import IndexCorrupt
from ..languages import Language
from ..model import Article, Hit, Marks, RelatedHit, Story
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


class Highlighter:
    """Makes hits of the stories of a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Archive) -> None:
        self._snapshot = snapshot

    def hits(
        self, found: Answered, doc_ids: Sequence[int], scores: Sequence[float]
    ) -> Iterator[Hit]:
        """The hits of stories that were found; reading them may raise `IndexCorrupt`.

        They read the snapshot for as long as they live.
        """
        marker = cache(lambda: Marker(found.node, found.near, self._snapshot.language))
        for first in range(0, len(doc_ids), _TOGETHER):
            some = doc_ids[first : first + _TOGETHER]
            matching = cache(lambda some=some: found.matching(some))
            for place, doc_id in enumerate(some):
                source = _Source(self._snapshot, found, marker, doc_id, matching, place)
                yield Hit(scores[first + place], source)


class _Source:
    """A story of a snapshot, from which a hit and its related articles are read.

    marker: gives what marks the words of the query, made when first asked for
    matching: gives the articles that match of this story, at `place`, and of some others
    """

    __slots__ = ("_articles", "_doc_id", "_found", "_marker", "_matching", "_place", "_snapshot")

    def __init__(
        self,
        snapshot: Archive,
        found: Answered,
        marker: Callable[[], Marker],
        doc_id: int,
        matching: Callable[[], Sequence[Matching]],
        place: int,
    ) -> None:
        self._snapshot = snapshot
        self._found = found
        self._marker = marker
        self._doc_id = doc_id
        self._matching = matching
        self._place = place
        self._articles: list[msgspec.Raw] | None = None

    def story(self) -> Story:
        """The story, of which the related articles are not read yet."""
        return self._snapshot.lead(self._doc_id)

    def related(self) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first; none of them is read."""
        matching = self._matching()[self._place]
        return tuple([RelatedHit(score, self, number) for number, score in matching])

    def also_in(self) -> Sequence[Story]:
        """The stories that this one stands for, each read when looked at."""
        return _Leads(self._snapshot, self._found.also_in(self._doc_id))

    def article(self, number: int) -> Article:
        """A related article of the story, and no other, decoded."""
        if self._articles is None:
            self._articles = self._snapshot.related(self._doc_id)
        try:
            return read_article(self._articles[number])
        except (ValueError, IndexError) as error:
            raise self._snapshot.damaged(self._doc_id, error) from error

    def mark(self, texts: Sequence[Story | Article]) -> list[Marks]:
        """Where words match in the fields of some texts, and these as escaped HTML."""
        marker = self._marker()
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


class _Leads(Sequence[Story]):
    """Stories, read from a snapshot when looked at."""

    def __init__(self, archive: Archive, doc_ids: Sequence[int]) -> None:
        self._archive = archive
        self._doc_ids = doc_ids

    def __len__(self) -> int:
        return len(self._doc_ids)

    @overload
    def __getitem__(self, at: int) -> Story: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Story]: ...

    def __getitem__(self, at: int | slice) -> Story | Sequence[Story]:
        if isinstance(at, slice):
            return _Leads(self._archive, self._doc_ids[at])
        return self._archive.lead(self._doc_ids[at])

    def __repr__(self) -> str:
        return repr(list(self))


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
