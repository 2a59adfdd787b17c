"""Completions, better spellings and similar stories."""

from __future__ import annotations

from collections import Counter
from heapq import nlargest
from itertools import islice
from math import log

from whoosh import query as wq

from ..analysis import fold, iter_words, terms_of
from ..model import Story
from ..query.parser import TypedWord
from ..schema import TEXT_FIELDS
from .snapshot import Snapshot

#: Longer words than this may be misspelt in two places.
_TWO_EDITS_FROM = 6
_SHORTEST_CORRECTED = 4
#: So many words of a query are looked up; who types more has pasted a text.
_MOST_LOOKED_UP = 16
#: How many of a story's most telling terms decide what resembles it.
_TELLING_TERMS = 25


def complete(snapshot: Snapshot, text: str, limit: int) -> tuple[str, ...]:
    """Ways to finish the last word of `text`, those in most stories first."""
    words = list(iter_words(text))
    if not words or words[-1].end != len(text):
        return ()
    head, prefix = text[: words[-1].start], fold(words[-1].text)
    counts = snapshot.prefixed("word", prefix).items()
    best = nlargest(limit, counts, key=lambda pair: (pair[1], -len(pair[0])))
    return tuple(head + word for word, _ in best)


def respell(snapshot: Snapshot, query: str, words: tuple[TypedWord, ...]) -> str | None:
    """The query with words that occur nowhere put right, None if nothing is better."""
    found = ((word, _better(snapshot, word.text)) for word in words)
    better = [(word, text) for word, text in islice(found, _MOST_LOOKED_UP) if text is not None]
    corrected = query
    for word, text in reversed(better):
        corrected = corrected[: word.start] + text + corrected[word.end :]
    return corrected if corrected != query else None


def _better(snapshot: Snapshot, word: str) -> str | None:
    terms = terms_of(word)
    if len(terms) != 1 or any(snapshot.doc_frequency(name, terms[0]) for name in TEXT_FIELDS):
        return None
    folded = fold(word)
    if len(folded) < _SHORTEST_CORRECTED:
        return None
    for edits in (1, 2)[: 2 if len(folded) >= _TWO_EDITS_FROM else 1]:
        # Whoosh asks for the first letter to be right, which typists nearly always get.
        near = snapshot.expander.terms(wq.FuzzyTerm("word", folded, maxdist=edits, prefixlength=1))
        best = max(((snapshot.doc_frequency("word", text), text) for text in near), default=None)
        if best is not None:
            return best[1]
    return None


def resembling(snapshot: Snapshot, story: Story) -> wq.Query | None:
    """A query for stories about the same: its most telling terms by tf·idf, any of them."""
    counts: Counter[str] = Counter()
    for text, weight in ((story.title, 3), (story.excerpt, 2)):
        counts.update({term: weight * n for term, n in Counter(terms_of(text)).items()})
    for article in story.related:
        counts.update(set(terms_of(article.title)))
    telling = {}
    for term, count in counts.items():
        frequency = snapshot.doc_frequency("related", term) or snapshot.doc_frequency("title", term)
        if 1 < frequency <= max(2, snapshot.size // 4):
            telling[term] = count * log(1 + snapshot.size / frequency)
    best = nlargest(_TELLING_TERMS, telling.items(), key=lambda pair: pair[1])
    if not best:
        return None
    top = best[0][1]
    return wq.Or(
        [wq.Term(field, term, boost=w / top) for term, w in best for field in ("title", "related")]
    )
