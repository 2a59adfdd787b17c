"""Where in a text the words of a query stand, as escaped HTML; layer 4, texts only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from markupsafe import escape
from whoosh import query as wq
from whoosh.query.terms import MultiTerm
from whoosh.support.levenshtein import levenshtein

from .analysis import WORD_PATTERN, stem

SNIPPET_LENGTH = 280

_Span = tuple[int, int]
_SPECIAL = re.compile("[&<>'\"]")


class _Words(NamedTuple):
    """The words of a text: as written, where they start and where they end."""

    texts: list[str]
    starts: list[int]
    ends: list[int]


class Marker:
    """Finds and marks what some leaves of a query match in the texts of one field.

    For one thread. Every word is judged once, however many texts it stands in.
    """

    def __init__(self, leaves: Iterable[wq.Query]) -> None:
        leaves = list(leaves)
        self._phrases = [leaf for leaf in leaves if isinstance(leaf, wq.Phrase)]
        self._wanted = _Wanted([leaf for leaf in leaves if not isinstance(leaf, wq.Phrase)])

    def count(self, text: str) -> int:
        """How many words of a text match a leaf that is no phrase."""
        wanted = self._wanted
        return sum(wanted[word] for word in WORD_PATTERN.findall(text))

    def mark(self, text: str) -> str:
        """The whole text."""
        if self._phrases:
            return _marked(text, self._spans(_cut(text)), 0, len(text))
        wanted = self._wanted
        words = WORD_PATTERN.findall(text)
        found = [number for number, word in enumerate(words) if wanted[word]]
        # Most texts have no match, and need not be looked at any closer.
        if not found:
            return _escape(text)
        spans = [match.span() for match in WORD_PATTERN.finditer(text)]
        return _marked(text, [spans[number] for number in found], 0, len(text))

    def snippet(self, text: str) -> str:
        """The stretch of a long text with the most matches, cut between words."""
        words = _cut(text)
        spans = self._spans(words)
        start, end = _window(text, spans, words)
        head, tail = "… " if start else "", " …" if end < len(text) else ""
        return head + _marked(text, spans, start, end) + tail

    def _spans(self, words: _Words) -> list[_Span]:
        """Where the text matches: character ranges, in order, merged where they touch."""
        wanted = self._wanted
        found = [(i, i) for i, word in enumerate(words.texts) if wanted[word]]
        if self._phrases:
            terms = [stem(word) for word in words.texts]
            for leaf in self._phrases:
                found += _find_phrase(terms, leaf.words, leaf.slop)
        merged: list[_Span] = []
        for start, end in sorted((words.starts[first], words.ends[last]) for first, last in found):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged


class _Wanted(dict[str, bool]):
    """Whether a word, as written, matches any of the leaves; remembers every answer."""

    def __init__(self, leaves: list[wq.Query]) -> None:
        super().__init__()
        self._terms = {leaf.text for leaf in leaves if not isinstance(leaf, MultiTerm)}
        self._patterns = [_acceptor(leaf) for leaf in leaves if isinstance(leaf, MultiTerm)]

    def __missing__(self, word: str) -> bool:
        term = stem(word)
        self[word] = term in self._terms or any(accepts(term) for accepts in self._patterns)
        return self[word]


def _cut(text: str) -> _Words:
    found = list(WORD_PATTERN.finditer(text))
    return _Words(
        [match[0] for match in found],
        [match.start() for match in found],
        [match.end() for match in found],
    )


def _escape(text: str) -> str:
    # Nearly every stretch of text has nothing to escape.
    return text if _SPECIAL.search(text) is None else str(escape(text))


def _marked(text: str, spans: list[_Span], start: int, end: int) -> str:
    parts = []
    at = start
    for first, last in spans:
        if first >= start and last <= end:
            parts += [_escape(text[at:first]), "<mark>", _escape(text[first:last]), "</mark>"]
            at = last
    parts.append(_escape(text[at:end]))
    return "".join(parts)


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


def positive_leaves(query: wq.Query) -> Iterator[wq.Query]:
    """The leaves that can make a story match, so not what NOT excludes or filters say."""
    if isinstance(query, wq.Not) or (isinstance(query, wq.ConstantScoreQuery) and not query.score):
        return
    if isinstance(query, wq.ConstantScoreQuery):
        yield from positive_leaves(query.child)
    elif isinstance(query, wq.AndNot):
        yield from positive_leaves(query.a)
    elif isinstance(query, wq.Term | wq.Phrase | MultiTerm):
        yield query
    else:
        for child in query.children():
            yield from positive_leaves(child)


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
    return lambda term: False  # a kind that no query language of ours makes


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
