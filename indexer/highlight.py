"""Hits that read themselves: story, highlights, the related articles that match; layer 9."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from threading import local
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq

from .codec.read import SegmentArrays
from .execute import Kernels
from .explain import Explained, Explainer, found_in, terms_of
from .model import Article, Hit, RelatedHit, Story
from .schema import OWN_TEXTS, TEXT_FIELDS
from .snapshot import Snapshot

_Numbers = npt.NDArray[np.int64]

#: Bytes of HTML and articles for which there is room from the beginning.
_ROOM, _ROOM_ARTICLES = 1 << 18, 1 << 10


class Highlighter:
    """Makes hits of stories that a query matches."""

    def __init__(self, query: wq.Query, snapshot: Snapshot, kernels: Kernels) -> None:
        self.snapshot = snapshot
        if kernels.loaded:
            from . import marking

            self.explainer: Explainer = CompiledExplainer(query, snapshot, marking)
        else:
            self.explainer = Explainer(query, snapshot)

    def hit(self, doc_id: int, score: float) -> Hit:
        """The hit of a story; reading it later may raise `IndexCorrupt`."""
        return Hit(score, _StoredHit(self, doc_id))


class _StoredHit:
    """A story of a snapshot, read when it is asked for."""

    __slots__ = ("_doc_id", "_explained", "_highlighter", "_related", "_story", "_texts")

    def __init__(self, highlighter: Highlighter, doc_id: int) -> None:
        self._highlighter = highlighter
        self._doc_id = doc_id
        self._texts: bytes | None = None
        self._explained: Explained | None = None
        self._story: Story | None = None

    def _read_texts(self) -> bytes:
        if self._texts is None:
            self._texts = self._highlighter.snapshot.texts(self._doc_id)
        return self._texts

    def _explain(self) -> Explained:
        if self._explained is None:
            self._explained = self._highlighter.explainer.explain(self._doc_id, self._read_texts())
        return self._explained

    def story(self) -> Story:
        """The story."""
        if self._story is None:
            self._story = self._highlighter.snapshot.story(self._doc_id, self._read_texts())
        return self._story

    def highlights(self) -> Mapping[str, str]:
        """Escaped HTML by field name."""
        explained = self._explain()
        try:
            return explained.story()
        except UnicodeDecodeError as error:
            raise self._highlighter.snapshot.damaged(self._doc_id, error) from error

    def related(self) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first."""
        ranked = self._explain().ranked
        return tuple([RelatedHit(one[1], self, place) for place, one in enumerate(ranked)])

    def article(self, place: int) -> Article:
        """A related article that matches."""
        return self.story().related[self._explain().ranked[place][0]]

    def article_highlights(self, place: int) -> Mapping[str, str]:
        """Escaped HTML of a related article that matches, by field name."""
        explained = self._explained or self._explain()
        try:
            return explained.article(place)
        except UnicodeDecodeError as error:
            raise self._highlighter.snapshot.damaged(self._doc_id, error) from error


class _Segment(NamedTuple):
    """What the loops need of a segment: its postings, and those of the query's terms."""

    arrays: tuple[Any, ...]
    bounds: _Numbers


class CompiledExplainer(Explainer):
    """Explains a query by compiled loops, all of a story in one call."""

    def __init__(self, query: wq.Query, snapshot: Snapshot, loops: ModuleType) -> None:
        super().__init__(query, snapshot)
        self._loops = loops
        self._segments: dict[SegmentArrays, _Segment] = {}

    def explain(self, doc_id: int, data: bytes) -> Explained:
        """What matches in a story, given its stored texts; raises `IndexCorrupt`."""
        segment, doc = self.snapshot.locate(doc_id)
        if segment not in self._segments:
            self._segments[segment] = self._prepare(segment)
        arrays, bounds = self._segments[segment]
        leaves, weights, rule = self._query_arrays
        arguments = (
            *arrays, bounds, doc, leaves, weights, rule, self._patterns(doc_id, data),
            self._loops.CLASSES, np.frombuffer(data, np.uint8),
        )  # fmt: skip
        room = _own_room()
        count, size = self._loops.explain(*arguments, *room)
        if count > len(room.scores) or size > len(room.html):
            room = _make_room(size, count)
            self._loops.explain(*arguments, *room)
        if count < 0:
            raise self.snapshot.damaged(doc_id, "its texts are not what they should be")
        return _Compiled(room, count)

    @cached_property
    def _query_arrays(self) -> tuple[_Numbers, npt.NDArray[np.float64], _Numbers]:
        """The query as `marking.explain` takes it."""
        rows, row = [], 0
        for leaf in self.leaves:
            terms = len(terms_of(leaf))
            slop = leaf.slop if isinstance(leaf, wq.Phrase) else 0
            rows.append((TEXT_FIELDS.index(leaf.fieldname), row, row + terms, slop))
            row += terms
        return (
            np.array(rows, np.int64).reshape(-1, 4),
            np.array(self.weights, np.float64),
            np.array(self.rule, np.int64),
        )

    def _prepare(self, segment: SegmentArrays) -> _Segment:
        entries = [
            self.entry(segment, leaf.fieldname, term)
            for leaf in self.leaves
            for term in terms_of(leaf)
        ]
        bounds = np.zeros((len(entries), segment.chunk_count + 1), np.int64)
        there = [number for number, entry in enumerate(entries) if entry is not None]
        bounds[there] = segment.chunk_bounds([entry for entry in entries if entry is not None])
        arrays = segment.docs, *segment.position_arrays
        return _Segment(arrays, bounds)

    def _patterns(self, doc_id: int, data: bytes) -> _Numbers:
        """int64[n, 4]: what patterns match: leaf, number of the text, first and last word."""
        if not self.finders:
            return _NO_PATTERNS
        texts = self._read(doc_id, data)
        found = [
            (leaf, text, *span)
            for leaf, finder in self.finders.items()
            for text, span in found_in(
                finder, TEXT_FIELDS.index(self.leaves[leaf].fieldname), texts
            )
        ]
        return np.array(found, np.int64).reshape(-1, 4)


class _Room(NamedTuple):
    """What the loops write into."""

    html: npt.NDArray[np.uint8]
    numbers: _Numbers
    scores: npt.NDArray[np.float64]


def _make_room(size: int, articles: int) -> _Room:
    numbers = np.empty(OWN_TEXTS + 3 * articles, np.int64)
    return _Room(np.empty(size, np.uint8), numbers, np.empty(articles, np.float64))


_rooms = local()


def _own_room() -> _Room:
    """Room for what most stories need; one for each thread, used by one after the other."""
    try:
        return _rooms.room  # type: ignore[no-any-return]
    except AttributeError:
        _rooms.room = _make_room(_ROOM, _ROOM_ARTICLES)
        return _rooms.room  # type: ignore[no-any-return]


class _Compiled:
    """What matches in one story, as `marking.explain` says; raises `UnicodeDecodeError`."""

    __slots__ = ("_ends", "_html", "ranked")

    def __init__(self, room: _Room, count: int) -> None:
        texts = OWN_TEXTS + 2 * count
        numbers = room.numbers[: texts + count].tolist()
        self._ends = numbers
        self._html = room.html[: numbers[texts - 1]].tobytes()
        self.ranked = list(zip(numbers[texts:], room.scores[:count].tolist(), strict=True))

    def story(self) -> dict[str, str]:
        title, excerpt, body = self._ends[:OWN_TEXTS]
        html = self._html
        marked = {"title": html[:title].decode(), "excerpt": html[title:excerpt].decode()}
        if body > excerpt:
            marked["body"] = html[excerpt:body].decode()
        return marked

    def article(self, place: int) -> dict[str, str]:
        at = OWN_TEXTS + 2 * place
        begin, title, excerpt = self._ends[at - 1 : at + 2]
        html = self._html
        return {"title": html[begin:title].decode(), "excerpt": html[title:excerpt].decode()}


_NO_PATTERNS: _Numbers = np.empty((0, 4), np.int64)
