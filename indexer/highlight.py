"""Where in a text a query matches, and which related articles do; layer 6.

A query is compiled once into a `Highlighter`, which then needs no index: it can be
used from any thread, also after the snapshot it came from is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import log
from typing import NamedTuple

from markupsafe import escape
from whoosh import query as wq
from whoosh.query.terms import MultiTerm
from whoosh.support.levenshtein import levenshtein

from .analysis import iter_words, stem
from .model import Article, RelatedHit, Story
from .schema import TEXT_FIELDS
from .snapshot import Snapshot

SNIPPET_LENGTH = 280
_K1 = 1.2
_TITLE_WEIGHT = 2.0


class _Words(NamedTuple):
    """The words of a text: their terms, where they start and end, and their positions."""

    terms: list[str]
    starts: list[int]
    ends: list[int]


_Span = tuple[int, int]
#: Finds where a leaf of the query matches: spans of word numbers, both included.
_Finder = Callable[[list[str]], list[_Span]]


class _Leaf(NamedTuple):
    find: _Finder
    weight: float


class Highlighter:
    """Finds and marks what a query matches in a text."""

    def __init__(self, query: wq.Query, snapshot: Snapshot) -> None:
        self._leaves: dict[str, dict[wq.Query, _Leaf]] = {name: {} for name in TEXT_FIELDS}
        for leaf in _positive_leaves(query):
            if leaf.field() in self._leaves:
                self._leaves[leaf.field()][leaf] = _Leaf(_finder(leaf), _weight(leaf, snapshot))
        self._query = query

    def story(self, story: Story) -> dict[str, str]:
        """Escaped HTML of title and excerpt, and a snippet of the body if there is one."""
        marked = {
            "title": self._mark("title", story.title),
            "excerpt": self._mark("excerpt", story.excerpt),
        }
        if story.body:
            marked["body"] = self._snippet("body", story.body)
        return marked

    def related(self, story: Story) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first.

        Those that match the whole query by themselves, or where none does, because
        its words are spread over several, those that match some of it.
        """
        if not self._leaves["related"]:
            return ()
        scored = [(article, *self._judge(article)) for article in story.related]
        whole = [(score, article) for article, score, matches in scored if matches]
        some = [(score, article) for article, score, _ in scored if score > 0]
        best = sorted(whole or some, key=lambda pair: -pair[0])
        return tuple(self._hit(article, score) for score, article in best)

    def _hit(self, article: Article, score: float) -> RelatedHit:
        def highlight() -> Mapping[str, str]:
            return {
                "title": self._mark("related", article.title),
                "excerpt": self._mark("related", article.excerpt),
            }

        return RelatedHit(article, score, highlight)

    def _judge(self, article: Article) -> tuple[float, bool]:
        """The score of an article and whether the query as a whole matches it."""
        title, excerpt = _cut(article.title).terms, _cut(article.excerpt).terms
        score = 0.0
        found: set[wq.Query] = set()
        for query, leaf in self._leaves["related"].items():
            frequency = _TITLE_WEIGHT * len(leaf.find(title)) + len(leaf.find(excerpt))
            if frequency:
                found.add(query)
                score += leaf.weight * frequency / (frequency + _K1)
        return score, bool(found) and _holds(self._query, found) is True

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


def _positive_leaves(query: wq.Query) -> Iterator[wq.Query]:
    """The leaves that can make a story match, so not what NOT excludes."""
    if isinstance(query, wq.Not | wq.ConstantScoreQuery):
        return
    if isinstance(query, wq.AndNot):
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
