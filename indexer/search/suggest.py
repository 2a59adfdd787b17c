"""Completions, better spellings and similar stories."""

from __future__ import annotations

from collections import Counter
from heapq import nlargest
from itertools import islice

from ..analysis import fold, iter_words, stem_of
from ..english import FUNCTION_WORDS
from ..model import Story
from ..query.nodes import Either, Fuzzy, Node, Word
from ..query.parser import TypedWord
from .select import Selector

#: Longer words than this may be misspelt in two places.
_TWO_EDITS_FROM = 6
_SHORTEST_CORRECTED = 4
#: So many words of a query are looked up; who types more has pasted a text.
_MOST_LOOKED_UP = 16
#: How many of a story's most telling words decide what resembles it.
_TELLING_WORDS = 25


def complete(selector: Selector, text: str, limit: int) -> tuple[str, ...]:
    """Ways to finish the last word of `text`, those in most articles first."""
    words = list(iter_words(text))
    if not words or words[-1].end != len(text):
        return ()
    head, prefix = text[: words[-1].start], fold(words[-1].text)
    counts = selector.dictionary.prefixed(prefix).items()
    best = nlargest(limit, counts, key=lambda pair: (pair[1], -len(pair[0])))
    return tuple(head + word for word, _ in best)


def respell(selector: Selector, query: str, words: tuple[TypedWord, ...]) -> str | None:
    """The query with words that occur nowhere put right, None if nothing is better."""
    found = ((word, _better(selector, word.text)) for word in words)
    better = [(word, text) for word, text in islice(found, _MOST_LOOKED_UP) if text is not None]
    corrected = query
    for word, text in reversed(better):
        corrected = corrected[: word.start] + text + corrected[word.end :]
    return corrected if corrected != query else None


def _better(selector: Selector, word: str) -> str | None:
    forms = [fold(found.text) for found in iter_words(word)]
    if len(forms) != 1 or len(forms[0]) < _SHORTEST_CORRECTED:
        return None
    folded = forms[0]
    if any(selector.term([folded], 1.0).lists):
        return None
    for edits in (1, 2)[: 2 if len(folded) >= _TWO_EDITS_FROM else 1]:
        # Typists nearly always get the first letter right.
        near = [text for text in selector.expansion(Fuzzy(folded, edits)) if text[0] == folded[0]]
        best = max(((selector.dictionary.frequency(text), text) for text in near), default=None)
        if best is not None:
            return best[1]
    return None


def resembling(selector: Selector, story: Story) -> Node | None:
    """A query for stories about the same: its most telling words, any of them."""
    counts: Counter[str] = Counter()
    for text, weight in ((story.title, 3), (story.excerpt, 2)):
        for form, count in Counter(_forms(text)).items():
            counts[form] += weight * count
    for article in story.related:
        counts.update(set(_forms(article.title)))
    forms = {stem_of(form): form for form in counts}
    stems: Counter[str] = Counter()
    for form, count in counts.items():
        stems[stem_of(form)] += count
    rows = selector.dictionary.rows
    telling = {}
    for stem, count in stems.items():
        term = selector.term([forms[stem]], 1.0)
        df = selector.dictionary.frequency(forms[stem])
        if 1 < df <= max(2, rows // 20):
            telling[forms[stem]] = count * term.weight
    best = nlargest(_TELLING_WORDS, telling.items(), key=lambda pair: pair[1])
    if not best:
        return None
    top = best[0][1]
    return Either(tuple([Word(text, weight=weight / top) for text, weight in best]))


def _forms(text: str) -> list[str]:
    folded = [fold(word.text) for word in iter_words(text)]
    return [form for form in folded if form and form not in FUNCTION_WORDS]
