"""Hits that read themselves: story, highlights, the related articles that match."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Protocol, TypeVar, overload

import msgspec

from ..errors import IndexCorrupt
from ..languages import Language
from ..model import Article, Hit, RelatedHit, Spans, Story
from ..query.nodes import Fuzzy, Node
from ..schema import read_article
from .html import mark, snippet
from .marks import Marker, Place, Span

V = TypeVar("V")

#: A body is looked through in stretches of so many characters, until one has a match; each
#: goes on for some more, so that no phrase is cut.
_STRETCH, _MORE = 1 << 16, 1 << 10
_WITHOUT_BODY = ("title", "excerpt")
_WITH_BODY = (*_WITHOUT_BODY, "body")


class Answered(Protocol):
    """A query that was answered, as far as its hits need it."""

    @property
    def node(self) -> Node:
        """The tree that was searched."""

    def matching(self, doc_id: int) -> Sequence[tuple[int, float]]:
        """The related articles of a story that match, by number, and scores; best first."""

    def also_in(self, doc_id: int) -> Sequence[int]:
        """The stories with the same lead that a story stands for, too."""

    def near(self, leaf: Fuzzy) -> frozenset[str]:
        """The folded words of the index that a fuzzy leaf stands for."""


class ByField(Mapping[str, V]):
    """A value of each of some fields, found when first looked at: few pages show all."""

    __slots__ = ("_fields", "_find", "_found")

    def __init__(self, fields: tuple[str, ...], find: Callable[[str], V]) -> None:
        self._fields = fields
        self._find = find
        self._found: dict[str, V] = {}

    def __getitem__(self, field: str) -> V:
        if field not in self._found:
            if field not in self._fields:
                raise KeyError(field)
            self._found[field] = self._find(field)
        return self._found[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(dict(self))


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
        for doc_id, score in zip(doc_ids, scores, strict=True):
            yield Hit(score, _Source(self._snapshot, found, marker, doc_id))


class _Source:
    """A story of a snapshot, from which a hit and its related articles are read.

    marker: gives what marks the words of the query, made when first asked for
    """

    __slots__ = ("_articles", "_doc_id", "_found", "_marker", "_snapshot")

    def __init__(
        self, snapshot: Archive, found: Answered, marker: Callable[[], Marker], doc_id: int
    ) -> None:
        self._snapshot = snapshot
        self._found = found
        self._marker = marker
        self._doc_id = doc_id
        self._articles: list[msgspec.Raw] | None = None

    def story(self) -> Story:
        """The story, of which the related articles are not read yet."""
        return self._snapshot.lead(self._doc_id)

    def related(self) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first; none of them is read."""
        matching = self._found.matching(self._doc_id)
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

    def spans(self, text: Story | Article) -> Spans:
        """Where in its fields words match."""
        story = isinstance(text, Story)

        def find(field: str) -> tuple[Span, ...]:
            if field == "body":
                return _spans_of_body(text.body, self._marker().spans)  # type: ignore[union-attr]
            place: Place = "related" if not story else "title" if field == "title" else "excerpt"
            return tuple(self._marker().spans(getattr(text, field), place))

        return ByField(_fields_of(text), find)

    def highlights(self, text: Story | Article, spans: Spans) -> Mapping[str, str]:
        """Its fields as escaped HTML, of a body a snippet."""

        def show(field: str) -> str:
            return (snippet if field == "body" else mark)(getattr(text, field), spans[field])

        return ByField(_fields_of(text), show)


def _fields_of(text: Story | Article) -> tuple[str, ...]:
    return _WITH_BODY if isinstance(text, Story) and text.body else _WITHOUT_BODY


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


def _spans_of_body(body: str, find: Callable[[str, Place], list[Span]]) -> tuple[Span, ...]:
    """Where words match in the first stretch of a body that has any.

    A snippet shows no more, and to mark every word of 4 MiB would take seconds.
    """
    for cut in range(0, len(body), _STRETCH):
        # From a blank on, so that no word is cut.
        begin = max(body.rfind(" ", 0, cut) + 1, cut - _MORE, 0)
        found = find(body[begin : cut + _STRETCH + _MORE], "body")
        if found:
            return tuple([(begin + start, begin + end) for start, end in found])
    return ()
