"""Completions and similar stories."""

from __future__ import annotations

from collections import Counter
from heapq import nlargest

from ..analysis import fold, iter_words, stem_of
from ..english import FUNCTION_WORDS
from ..model import Story
from ..query.nodes import Either, Node, Word
from .select import Selector

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
