"""Where in a text a query matches, and which related articles do; layer 8.

The texts of a hit are short and are cut into words again. The related articles are not:
the index says at which positions of the `related` field a term stands, and the record
how many words each title and excerpt has, which gives the articles that match. Only
those are looked at, and only when somebody reads their highlights.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import accumulate
from math import log
from typing import NamedTuple

from markupsafe import escape
from whoosh import query as wq
from whoosh.query.terms import MultiTerm
from whoosh.support.levenshtein import levenshtein

from .analysis import POSITION_GAP, iter_words, stem
from .evaluate import posting_of
from .model import Article, Hit, RelatedHit, Story
from .schema import TEXT_FIELDS, Record
from .snapshot import Snapshot

SNIPPET_LENGTH = 280
_K1 = 1.2
_TITLE_WEIGHT = 2.0


class _Words(NamedTuple):
    """The words of a text: their terms, where they start and where they end."""

    terms: list[str]
    starts: list[int]
    ends: list[int]


_Span = tuple[int, int]
#: Finds where a leaf of the query matches: spans of word numbers, both included.
_Finder = Callable[[list[str]], list[_Span]]


class _Leaf(NamedTuple):
    find: _Finder
    weight: float


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
        self._leaves: dict[str, dict[wq.Query, _Leaf]] = {name: {} for name in TEXT_FIELDS}
        for leaf in _positive_leaves(query):
            if leaf.field() in self._leaves:
                self._leaves[leaf.field()][leaf] = _Leaf(_finder(leaf), _weight(leaf, snapshot))

    def hit(self, doc_id: int, score: float) -> Hit:
        """The hit of a story; reading it later may raise `IndexCorrupt`."""
        return Hit(score, _StoredHit(self, doc_id))

    def story(self, story: Story) -> dict[str, str]:
        """Escaped HTML of title and excerpt, and a snippet of the body if there is one."""
        marked = {
            "title": self._mark("title", story.title),
            "excerpt": self._mark("excerpt", story.excerpt),
        }
        if story.body:
            marked["body"] = self._snippet("body", story.body)
        return marked

    def related(self, doc_id: int, record: Record) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first.

        Those that match the whole query by themselves, or where none does, because
        its words are spread over several, those that match some of it.
        """
        story = record.story
        frequencies: dict[int, dict[wq.Query, float]] = {}
        for query in self._leaves["related"]:
            for number, frequency in self._articles(query, doc_id, record).items():
                frequencies.setdefault(number, {})[query] = frequency
        scored = [(self._score(found), number, found) for number, found in frequencies.items()]
        whole = [item for item in scored if _holds(self._query, set(item[2])) is True]
        best = sorted(whole or scored, key=lambda item: (-item[0], item[1]))
        return tuple(self._hit(story.related[number], score) for score, number, _ in best)

    def _articles(self, query: wq.Query, doc_id: int, record: Record) -> dict[int, float]:
        """How often a leaf is in each article that has it; once in a title counts twice."""
        if isinstance(query, MultiTerm):
            return self._articles_by_text(query, record.story)
        terms = query.words if isinstance(query, wq.Phrase) else [query.text]
        places = [self._positions(term, doc_id) for term in terms]
        ends = _phrase_ends(places, query.slop) if len(places) > 1 else places[0]
        found: dict[int, float] = defaultdict(float)
        owners = _part_owners(record.story)
        starts = _part_starts(record.parts)
        for place in ends:
            number, weight = owners[bisect_right(starts, place) - 1]
            found[number] += weight
        return found

    def _articles_by_text(self, query: wq.Query, story: Story) -> dict[int, float]:
        find = self._leaves["related"][query].find
        found = {}
        for number, article in enumerate(story.related):
            title, excerpt = _cut(article.title).terms, _cut(article.excerpt).terms
            frequency = _TITLE_WEIGHT * len(find(title)) + len(find(excerpt))
            if frequency:
                found[number] = frequency
        return found

    def _positions(self, term: str, doc_id: int) -> list[int]:
        segment, doc = self.snapshot.locate(doc_id)
        entry = segment.find_term("related", term.encode())
        posting = None if entry is None else posting_of(segment, entry, doc)
        return [] if posting is None else segment.positions(posting)

    def _score(self, found: Mapping[wq.Query, float]) -> float:
        leaves = self._leaves["related"]
        return sum(leaves[query].weight * tf / (tf + _K1) for query, tf in found.items())

    def _hit(self, article: Article, score: float) -> RelatedHit:
        def highlight() -> Mapping[str, str]:
            return {
                "title": self._mark("related", article.title),
                "excerpt": self._mark("related", article.excerpt),
            }

        return RelatedHit(article, score, highlight)

    def _spans(self, field: str, words: _Words) -> list[_Span]:
        """Where the text matches: character ranges, in order, merged where they touch."""
        spans = sorted(
            (words.starts[first], words.ends[last])
            for leaf in self._leaves[field].values()
            for first, last in leaf.find(words.terms)
        )
        merged: list[_Span] = []
        for start, end in spans:
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def _mark(self, field: str, text: str) -> str:
        return _marked(text, self._spans(field, _cut(text)), 0, len(text))

    def _snippet(self, field: str, text: str) -> str:
        """The stretch of a long text with the most matches, cut between words."""
        words = _cut(text)
        spans = self._spans(field, words)
        start, end = _window(text, spans, words)
        head, tail = "… " if start else "", " …" if end < len(text) else ""
        return head + _marked(text, spans, start, end) + tail


def _cut(text: str) -> _Words:
    words = list(iter_words(text))
    return _Words(
        [stem(word.text) for word in words],
        [word.start for word in words],
        [word.end for word in words],
    )


def _marked(text: str, spans: list[_Span], start: int, end: int) -> str:
    parts = []
    at = start
    for first, last in spans:
        if first >= start and last <= end:
            parts += [escape(text[at:first]), "<mark>", escape(text[first:last]), "</mark>"]
            at = last
    parts.append(escape(text[at:end]))
    return "".join(map(str, parts))


def _window(text: str, spans: list[_Span], words: _Words) -> _Span:
    if len(text) <= SNIPPET_LENGTH:
        return 0, len(text)
    best, most = 0, 0
    for start, _ in spans:
        inside = sum(
            1 for first, last in spans if start <= first and last <= start + SNIPPET_LENGTH
        )
        if inside > most:
            best, most = start, inside
    # A little of what stands before the first match, from the start of a word.
    begin = max((s for s in words.starts if s <= max(0, best - SNIPPET_LENGTH // 5)), default=0)
    begin = 0 if begin < SNIPPET_LENGTH // 5 else begin
    end = max((e for e in words.ends if e <= begin + SNIPPET_LENGTH), default=begin)
    if end <= begin:
        end = min(len(text), begin + SNIPPET_LENGTH)
    return begin, len(text) if end == words.ends[-1] else end


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


def _positive_leaves(query: wq.Query) -> Iterator[wq.Query]:
    """The leaves that can make a story match, so not what NOT excludes or filters say."""
    if isinstance(query, wq.Not) or (isinstance(query, wq.ConstantScoreQuery) and not query.score):
        return
    if isinstance(query, wq.ConstantScoreQuery):
        yield from _positive_leaves(query.child)
    elif isinstance(query, wq.AndNot):
        yield from _positive_leaves(query.a)
    elif isinstance(query, wq.Term | wq.Phrase | MultiTerm):
        yield query
    else:
        for child in query.children():
            yield from _positive_leaves(child)


def _holds(query: wq.Query, found: set[wq.Query]) -> bool | None:
    """Whether a query holds for an article; None if it says nothing about articles."""
    if isinstance(query, wq.Term | wq.Phrase | MultiTerm):
        return query in found if query.field() == "related" else None
    if isinstance(query, wq.AndNot):
        return _holds(query.a, found)
    if isinstance(query, wq.ConstantScoreQuery):
        return _holds(query.child, found) if query.score else None
    if not isinstance(query, wq.And | wq.Or):
        return None
    answers = [_holds(child, found) for child in query.subqueries]
    known = [answer for answer in answers if answer is not None]
    if not known:
        return None
    return all(known) if isinstance(query, wq.And) else any(known)


def _weight(leaf: wq.Query, snapshot: Snapshot) -> float:
    """The inverse document frequency, as in BM25; patterns count as rare as one story."""
    if isinstance(leaf, MultiTerm):
        frequency = 1
    else:
        terms = leaf.words if isinstance(leaf, wq.Phrase) else [leaf.text]
        frequency = min(snapshot.doc_frequency(leaf.field(), term) for term in terms)
    return float(leaf.boost) * log(1 + snapshot.size / (frequency + 1))


def _finder(leaf: wq.Query) -> _Finder:
    if isinstance(leaf, wq.Phrase):
        return lambda terms: _find_phrase(terms, leaf.words, leaf.slop)
    accepts = _acceptor(leaf)
    return lambda terms: [(i, i) for i, term in enumerate(terms) if accepts(term)]


def _acceptor(leaf: wq.Query) -> Callable[[str], bool]:
    text = leaf.text
    if isinstance(leaf, wq.Prefix):
        return lambda term: term.startswith(text)
    if isinstance(leaf, wq.Wildcard):
        parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
        pattern = re.compile("".join(parts))
        return lambda term: pattern.fullmatch(term) is not None
    if isinstance(leaf, wq.FuzzyTerm):
        near = lru_cache(1 << 12)(
            lambda term: levenshtein(text, term, leaf.maxdist) <= leaf.maxdist
        )
        return lambda term: abs(len(term) - len(text)) <= leaf.maxdist and near(term)
    return lambda term: term == text


def _find_phrase(terms: list[str], wanted: list[str], slop: int) -> list[_Span]:
    """Runs of the wanted terms in order, each at most `slop` after the one before."""
    found = []
    for first, term in enumerate(terms):
        if term != wanted[0]:
            continue
        at = first
        for follower in wanted[1:]:
            reach = terms[at + 1 : at + 1 + slop]
            if follower not in reach:
                break
            at += 1 + reach.index(follower)
        else:
            found.append((first, at))
    return found
