"""Hits that read themselves: story, highlights, the related articles that match."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count, repeat
from typing import TYPE_CHECKING

from whoosh import query as wq

from ..errors import IndexCorrupt
from ..model import Article, Hit, RelatedHit, Story
from ..search.executor import CompiledLoops
from ..search.snapshot import Snapshot
from .explain import Explained, Explainer

if TYPE_CHECKING:
    from .fast.stories import WordMarks

# Stories that are explained by one call of compiled loops.
_BATCH_SIZE = 16


class Highlighter:
    """Makes hits of stories of a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot, loops: CompiledLoops) -> None:
        self._snapshot = snapshot
        self._loops = loops
        self._marks: WordMarks | None = None

    def hits(
        self, query: wq.Query, doc_ids: Sequence[int], scores: Sequence[float]
    ) -> Iterator[Hit]:
        """The hits of stories that a query matches; reading them may raise `IndexCorrupt`.

        The first to be asked for its highlights explains those next to it as well.
        """
        size = _BATCH_SIZE if self._loops.loaded else 1
        explainer = cache(lambda: self._explainer(query))
        for begin in range(0, len(doc_ids), size):
            batch = _Batch(explainer, self._snapshot, doc_ids[begin : begin + size])
            for place, score in enumerate(scores[begin : begin + size]):
                yield Hit(score, batch, place)

    def _explainer(self, query: wq.Query) -> Explainer:
        if not self._loops.loaded:
            return Explainer(query, self._snapshot)
        if self._marks is None:
            from .fast.stories import WordMarks

            self._marks = WordMarks(self._snapshot)
        return self._marks.explainer(query)


class _Batch:
    """Stories of a snapshot, each read when it is asked for; explained all together."""

    __slots__ = ("_doc_ids", "_explained", "_explainer", "_snapshot", "_stories", "_texts")

    def __init__(
        self, explainer: Callable[[], Explainer], snapshot: Snapshot, doc_ids: Sequence[int]
    ) -> None:
        self._explainer = explainer
        self._snapshot = snapshot
        self._doc_ids = doc_ids
        self._texts: list[bytes] | None = None
        self._explained: Sequence[Explained | None] | None = None
        self._stories: dict[int, Story] = {}

    def story(self, place: int) -> Story:
        """The story."""
        story = self._stories.get(place)
        if story is None:
            texts = self._texts_of(place)
            story = self._stories[place] = self._snapshot.story(self._doc_ids[place], texts)
        return story

    def highlights(self, place: int) -> Mapping[str, str]:
        """Escaped HTML by field name."""
        return self._explain(place).highlights

    def related(self, place: int) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first."""
        explained = self._explain(place)
        return tuple(
            map(
                RelatedHit, explained.scores, explained.related, repeat(self), repeat(place),
                count(),
            )
        )  # fmt: skip

    def article(self, place: int, number: int) -> Article:
        """A related article that matches."""
        return self.story(place).related[self._explain(place).articles[number]]

    def _explain(self, place: int) -> Explained:
        found = self._explained
        if found is None:
            self._texts = texts = list(map(self._read, self._doc_ids))
            self._explained = found = self._explainer().explain(self._doc_ids, texts)
        explained = found[place]
        if explained is None:
            self._texts_of(place)
            raise self._damaged(place, "its texts are not what they should be")
        return explained

    def _read(self, doc_id: int) -> bytes:
        try:
            return self._snapshot.texts(doc_id)
        except IndexCorrupt:
            return b""  # which must not keep the others from being read

    def _texts_of(self, place: int) -> bytes:
        # Those that are damaged are read again, to say so.
        texts = self._texts
        return (texts and texts[place]) or self._snapshot.texts(self._doc_ids[place])

    def _damaged(self, place: int, error: object) -> IndexCorrupt:
        return self._snapshot.damaged(self._doc_ids[place], error)
