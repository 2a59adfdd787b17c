"""Hits that read themselves: story, highlights, the related articles that match; layer 9.

The index says at which positions a term stands, which are numbers of words. The record of
a story says how many words each title and excerpt of a related article has, which gives
the articles that match. A text is cut into words only when somebody reads its highlights,
and only to see where in it those words stand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from math import log

import numpy as np
from whoosh import query as wq
from whoosh.query.terms import MultiTerm

from .analysis import POSITION_GAP
from .codec.read import SegmentArrays
from .codec.terms import TermEntry
from .evaluate import posting_of
from .execute import Kernels
from .marks import Span, WordFinder, cut_words, find_phrase, mark, positive_leaves, snippet
from .model import Article, Hit, RelatedHit, Story
from .schema import TEXT_FIELDS, Record
from .snapshot import Snapshot

_K1 = 1.2
_TITLE_WEIGHT = 2.0

#: Says of an article, from the bits of the leaves it has, whether the query holds for it.
_Rule = Callable[[int], bool]


class _StoredHit:
    """A story of a snapshot, read when it is asked for."""

    def __init__(self, highlighter: Highlighter, doc_id: int) -> None:
        self._highlighter = highlighter
        self._doc_id = doc_id

    @cached_property
    def _record(self) -> Record:
        return self._highlighter.snapshot.record(self._doc_id)

    def story(self) -> Story:
        """The story."""
        return self._record.story

    def related(self) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first."""
        return self._highlighter.related(self._doc_id, self._record)

    def highlights(self) -> Mapping[str, str]:
        """Escaped HTML by field name."""
        return self._highlighter.story(self._doc_id, self._record.story)


class Highlighter:
    """Finds and marks what a query matches in the stories of a snapshot."""

    def __init__(self, query: wq.Query, snapshot: Snapshot, kernels: Kernels) -> None:
        self.snapshot = snapshot
        self._query = query
        self._kernels = kernels.module
        self._entries: dict[tuple[SegmentArrays, str, str], TermEntry | None] = {}

    @cached_property
    def _leaves(self) -> dict[str, list[wq.Query]]:
        """The leaves that can make a story match, by field, each once."""
        leaves: dict[str, list[wq.Query]] = {name: [] for name in TEXT_FIELDS}
        for leaf in dict.fromkeys(positive_leaves(self._query)):
            if leaf.field() in leaves:
                leaves[leaf.field()].append(leaf)
        return leaves

    @cached_property
    def _finders(self) -> dict[str, WordFinder]:
        """For the fields that patterns are searched in: a pattern may stand for thousands
        of terms, a text has few words."""
        patterns = {
            name: [leaf for leaf in leaves if isinstance(leaf, MultiTerm)]
            for name, leaves in self._leaves.items()
        }
        return {name: WordFinder(found) for name, found in patterns.items() if found}

    @cached_property
    def _weights(self) -> list[float]:
        return [_weight(leaf, self.snapshot) for leaf in self._leaves["related"]]

    @cached_property
    def _rule(self) -> _Rule | None:
        return _rule(self._query, {leaf: 1 << n for n, leaf in enumerate(self._leaves["related"])})

    def hit(self, doc_id: int, score: float) -> Hit:
        """The hit of a story; reading it later may raise `IndexCorrupt`."""
        return Hit(score, _StoredHit(self, doc_id))

    def story(self, doc_id: int, story: Story) -> dict[str, str]:
        """Escaped HTML of title and excerpt, and a snippet of the body if there is one."""
        marked = {
            "title": mark(story.title, self._found("title", doc_id, story.title), self._cut),
            "excerpt": mark(
                story.excerpt, self._found("excerpt", doc_id, story.excerpt), self._cut
            ),
        }
        if story.body:
            found = self._found("body", doc_id, story.body)
            marked["body"] = snippet(story.body, found, self._cut)
        return marked

    def _found(self, field: str, doc_id: int, text: str) -> list[Span]:
        """Spans of the words that match in a field that is one text."""
        found = self._finders[field].find(text) if field in self._finders else []
        for leaf in self._leaves[field]:
            found += self._spans(leaf, doc_id)
        return found

    def related(self, doc_id: int, record: Record) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first.

        Those that match the whole query by themselves, or where none does, because
        its words are spread over several, those that match some of it.
        """
        matches: dict[int, _Match] = {}
        parts = _Parts(record)
        for number, leaf in enumerate(self._leaves["related"]):
            for part, first, last in self._in_parts(leaf, doc_id, parts):
                match = matches.setdefault(parts.articles[part], _Match())
                match.add(number, part in parts.titles, first, last)
        rule = self._rule
        scores = {
            article: match.score(self._weights)
            for article, match in matches.items()
            if rule is None or rule(match.leaves)
        } or {article: match.score(self._weights) for article, match in matches.items()}
        best = sorted(scores, key=lambda article: (-scores[article], article))
        articles = record.story.related
        return tuple(
            self._hit(articles[article], scores[article], matches[article]) for article in best
        )

    def _in_parts(
        self, leaf: wq.Query, doc_id: int, parts: _Parts
    ) -> Iterator[tuple[int, int, int]]:
        """Where a leaf matches: number of the part, first and last word in it."""
        if isinstance(leaf, MultiTerm):
            find = WordFinder([leaf]).find
            for part, text in enumerate(parts.texts):
                for first, last in find(text):
                    yield part, first, last
        else:
            starts = parts.starts
            for first, last in self._spans(leaf, doc_id):
                part = bisect_right(starts, first) - 1
                yield part, first - starts[part], last - starts[part]

    def _spans(self, leaf: wq.Query, doc_id: int) -> list[Span]:
        """The positions at which a term or a phrase stands in a story: first and last."""
        if isinstance(leaf, MultiTerm):
            return []
        if not isinstance(leaf, wq.Phrase):
            return [(place, place) for place in self._positions(leaf.field(), leaf.text, doc_id)]
        places = [self._positions(leaf.field(), word, doc_id) for word in leaf.words]
        return find_phrase(places, leaf.slop)

    def _positions(self, field: str, term: str, doc_id: int) -> list[int]:
        segment, doc = self.snapshot.locate(doc_id)
        key = (segment, field, term)
        if key not in self._entries:
            self._entries[key] = segment.find_term(field, term.encode())
        entry = self._entries[key]
        if entry is None:
            return []
        if self._kernels is None or segment.chunk_count > 1:
            posting = posting_of(segment, entry, doc)
            return [] if posting is None else segment.positions(posting)
        positions = self._kernels.positions_in(
            segment.docs, *segment.position_arrays, entry.start, entry.end, doc
        )
        return positions.tolist()  # type: ignore[no-any-return]

    def _cut(self, text: str) -> tuple[Sequence[int], Sequence[int]]:
        if self._kernels is None or not text.isascii():
            return cut_words(text)
        _, starts, ends = self._kernels.ascii_words(np.frombuffer(text.encode(), np.uint8))
        return starts, ends

    def _hit(self, article: Article, score: float, match: _Match) -> RelatedHit:
        return RelatedHit(
            article,
            score,
            lambda: {
                "title": mark(article.title, match.title, self._cut),
                "excerpt": mark(article.excerpt, match.excerpt, self._cut),
            },
        )


class _Match:
    """What of a query a related article has, and at which words of its two texts."""

    __slots__ = ("excerpt", "frequencies", "leaves", "title")

    def __init__(self) -> None:
        self.leaves = 0
        self.title: list[Span] = []
        self.excerpt: list[Span] = []
        self.frequencies: dict[int, float] = {}

    def add(self, leaf: int, in_title: bool, first: int, last: int) -> None:
        """Note a match of a leaf; one in a title counts twice."""
        self.leaves |= 1 << leaf
        (self.title if in_title else self.excerpt).append((first, last))
        weight = _TITLE_WEIGHT if in_title else 1.0
        self.frequencies[leaf] = self.frequencies.get(leaf, 0.0) + weight

    def score(self, weights: list[float]) -> float:
        """As BM25 without lengths: rare leaves and frequent ones weigh more."""
        return sum(weights[leaf] * tf / (tf + _K1) for leaf, tf in self.frequencies.items())


class _Parts:
    """The texts that make up the `related` field of a story."""

    def __init__(self, record: Record) -> None:
        self.texts: list[str] = []
        self.articles: list[int] = []
        self.titles: set[int] = set()
        for number, article in enumerate(record.story.related):
            for text in (article.title, article.excerpt):
                if text:
                    if text is article.title:
                        self.titles.add(len(self.texts))
                    self.texts.append(text)
                    self.articles.append(number)
        #: The position at which each begins, from the number of words of each.
        gaps = (size + POSITION_GAP for size in record.parts[:-1])
        self.starts = list(accumulate(gaps, initial=0))


def _rule(query: wq.Query, bits: Mapping[wq.Query, int]) -> _Rule | None:
    """Whether a query holds for an article; None if it says nothing about articles."""
    if query in bits:
        bit = bits[query]
        return lambda found: bool(found & bit)
    if isinstance(query, wq.AndNot):
        return _rule(query.a, bits)
    if isinstance(query, wq.ConstantScoreQuery):
        return _rule(query.child, bits) if query.score else None
    if not isinstance(query, wq.And | wq.Or):
        return None
    rules = [rule for child in query.subqueries if (rule := _rule(child, bits)) is not None]
    if len(rules) < 2:
        return rules[0] if rules else None
    if isinstance(query, wq.And):
        return lambda found: all(rule(found) for rule in rules)
    return lambda found: any(rule(found) for rule in rules)


def _weight(leaf: wq.Query, snapshot: Snapshot) -> float:
    """The inverse document frequency, as in BM25; patterns count as rare as one story."""
    if isinstance(leaf, MultiTerm):
        frequency = 1
    else:
        terms = leaf.words if isinstance(leaf, wq.Phrase) else [leaf.text]
        frequency = min(snapshot.doc_frequency(leaf.field(), term) for term in terms)
    return float(leaf.boost) * log(1 + snapshot.size / (frequency + 1))
