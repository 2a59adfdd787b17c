"""Hits that read themselves: story, highlights, the related articles that match; layer 8.

The texts of a hit are short and are cut into words again. The related articles are not:
the index says at which positions of the `related` field a term stands, and the record
how many words each title and excerpt has, which gives the articles that match. Only
those are looked at, and only when somebody reads their highlights.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import accumulate
from math import log

from whoosh import query as wq
from whoosh.query.terms import MultiTerm

from .analysis import POSITION_GAP
from .evaluate import posting_of
from .marks import Marker, positive_leaves
from .model import Article, Hit, RelatedHit, Story
from .schema import Record
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
        return self._highlighter.story(self._record.story)


class Highlighter:
    """Finds and marks what a query matches in the stories of a snapshot."""

    def __init__(self, query: wq.Query, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._query = query

    @cached_property
    def _leaves(self) -> list[wq.Query]:
        return list(dict.fromkeys(positive_leaves(self._query)))

    @cached_property
    def _markers(self) -> dict[str, Marker]:
        fields = ("title", "excerpt", "body", "related")
        return {
            name: Marker(leaf for leaf in self._leaves if leaf.field() == name) for name in fields
        }

    @cached_property
    def _related_leaves(self) -> list[tuple[wq.Query, float]]:
        """The leaves that match in related articles, and the weight of each."""
        return [
            (leaf, _weight(leaf, self.snapshot))
            for leaf in self._leaves
            if leaf.field() == "related"
        ]

    @cached_property
    def _rule(self) -> _Rule | None:
        bits = {leaf: 1 << number for number, (leaf, _) in enumerate(self._related_leaves)}
        return _rule(self._query, bits)

    def hit(self, doc_id: int, score: float) -> Hit:
        """The hit of a story; reading it later may raise `IndexCorrupt`."""
        return Hit(score, _StoredHit(self, doc_id))

    def story(self, story: Story) -> dict[str, str]:
        """Escaped HTML of title and excerpt, and a snippet of the body if there is one."""
        markers = self._markers
        marked = {
            "title": markers["title"].mark(story.title),
            "excerpt": markers["excerpt"].mark(story.excerpt),
        }
        if story.body:
            marked["body"] = markers["body"].snippet(story.body)
        return marked

    def related(self, doc_id: int, record: Record) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first.

        Those that match the whole query by themselves, or where none does, because
        its words are spread over several, those that match some of it.
        """
        scores: dict[int, float] = {}
        found: dict[int, int] = {}
        for number, (leaf, weight) in enumerate(self._related_leaves):
            for article, frequency in self._articles(leaf, doc_id, record).items():
                score = weight * frequency / (frequency + _K1)
                scores[article] = scores.get(article, 0.0) + score
                found[article] = found.get(article, 0) | 1 << number
        rule = self._rule
        whole = [article for article, bits in found.items() if rule is None or rule(bits)]
        best = sorted(whole or found, key=lambda article: (-scores[article], article))
        articles = record.story.related
        return tuple(self._hit(articles[article], scores[article]) for article in best)

    def _articles(self, leaf: wq.Query, doc_id: int, record: Record) -> Mapping[int, float]:
        """How often a leaf is in each article that has it; once in a title counts twice."""
        owners = _part_owners(record.story)
        if isinstance(leaf, MultiTerm):
            # A pattern may stand for thousands of terms; the texts have fewer.
            return dict(_counted(Marker([leaf]), record.story))
        terms = leaf.words if isinstance(leaf, wq.Phrase) else [leaf.text]
        places = [self._positions(term, doc_id) for term in terms]
        ends = _phrase_ends(places, leaf.slop) if len(places) > 1 else places[0]
        starts = _part_starts(record.parts)
        found: dict[int, float] = {}
        for place in ends:
            article, weight = owners[bisect_right(starts, place) - 1]
            found[article] = found.get(article, 0.0) + weight
        return found

    def _positions(self, term: str, doc_id: int) -> list[int]:
        segment, doc = self.snapshot.locate(doc_id)
        entry = segment.find_term("related", term.encode())
        posting = None if entry is None else posting_of(segment, entry, doc)
        return [] if posting is None else segment.positions(posting)

    def _hit(self, article: Article, score: float) -> RelatedHit:
        marker = self._markers["related"]
        return RelatedHit(
            article,
            score,
            lambda: {"title": marker.mark(article.title), "excerpt": marker.mark(article.excerpt)},
        )


def _counted(marker: Marker, story: Story) -> Iterator[tuple[int, float]]:
    for number, article in enumerate(story.related):
        frequency = _TITLE_WEIGHT * marker.count(article.title) + marker.count(article.excerpt)
        if frequency:
            yield number, frequency


def _part_owners(story: Story) -> list[tuple[int, float]]:
    """Of each part of the `related` field, its article and what a word in it counts."""
    return [
        (number, weight)
        for number, article in enumerate(story.related)
        for text, weight in ((article.title, _TITLE_WEIGHT), (article.excerpt, 1.0))
        if text
    ]


def _part_starts(sizes: list[int]) -> list[int]:
    """The position at which each part begins, from the number of words of each."""
    return list(accumulate((size + POSITION_GAP for size in sizes[:-1]), initial=0))


def _phrase_ends(places: list[list[int]], slop: int) -> list[int]:
    """Where phrases end whose words stand at these places, each at most `slop` further on."""
    ends = set(places[0])
    for following in places[1:]:
        ends = {p for p in following if any(p - gap in ends for gap in range(1, slop + 1))}
    return sorted(ends)


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
