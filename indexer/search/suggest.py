"""Completions and similar stories."""

from __future__ import annotations

import re
from bisect import insort
from collections import Counter
from collections.abc import Iterator
from heapq import nlargest
from itertools import islice

import numpy as np

from ..analysis import fold, iter_words
from ..languages import Language
from ..model import FACETS, Facet, Story
from ..query.clauses import is_joined
from ..query.field_values import ALIASES, DATE_FIELDS, FIELD_NAMES, VALUE_READERS
from ..query.nodes import Either, Node, Word
from ..query.parser import parse
from .respell import far_more, respell
from .select import Selector

#: Words that are weighed against each other for each that is wanted.
_WEIGHED = 4
#: From this length on a slip is forgiven where nothing begins so, or little does.
_SHORTEST_FORGIVEN, _SHORTEST_DOUBTED = 4, 6
#: In longer beginnings no slip is looked for.
_LONGEST_RIGHTED = 200
#: From this length on the beginning of a field's name is completed.
_SHORTEST_FIELD = 3
_WITH_VALUES = [name for name in FIELD_NAMES if ALIASES.get(name, name) in VALUE_READERS]
#: A field and what was typed of its value: in quotes, or after an operator.
_VALUE = re.compile(
    rf"(?<![\w:])((?i:{'|'.join(_WITH_VALUES)})):"
    r' ?(?:"([^"]*)|(>=|<=|[<>=]|)([^\s"()\[]*))$'
)
_NEEDS_QUOTES = re.compile(r"[\s()*?^~:]")
#: How many of a story's most telling words decide what resembles it.
_TELLING_WORDS = 25
#: What a story must score to resemble another, as a part of what that one does itself. Of
#: pairs drawn from 300 real stories, those below this were unrelated.
RESEMBLANCE = 0.3


def complete(selector: Selector, text: str, limit: int) -> tuple[str, ...]:
    """Ways to finish the last word of `text`, or the value of its last field.

    Words that follow the one before in the texts come first, then the most frequent. Words
    of a single row, most of them slips, are left out where others are far more frequent; a
    slip in the typed beginning is forgiven where nothing begins so, or next to nothing.
    """
    value = _VALUE.search(text)
    if value is not None:
        typed = value[2] or value[4] or ""
        facet = _facet_of(value[1].lower(), typed, bool(value[3]))
        values = _values(selector, facet, typed) if facet else iter(())
        head = f"{text[: value.start()]}{value[1]}:{value[3] or ''}"
        return tuple(head + some for some in islice(values, limit))
    words = list(iter_words(text))
    if not words or words[-1].end != len(text):
        return ()
    if is_joined(text):
        return ()  # what a sign joins to a number or letter is no beginning of a word
    head = _righted(selector, text[: words[-1].start])
    prefix = fold(words[-1].text)
    earlier = list(iter_words(head))
    before = None
    if earlier and not head[earlier[-1].end :].strip():
        before = fold(earlier[-1].text)
    fields = [f"{name}:" for name in FIELD_NAMES if name.startswith(prefix)]
    fields = fields[:limit] if len(prefix) >= _SHORTEST_FIELD else []
    found = _words(selector, before, prefix, limit - len(fields))
    return tuple([head + word for word in (*found, *fields)])


def _righted(selector: Selector, head: str) -> str:
    """What was typed before the last word, with slips put right that are surely some."""
    if not head.strip() or len(head) > _LONGEST_RIGHTED:
        return head
    better = respell(selector, head, parse(head).words, few=False)
    return better.text if better and better.sure else head


def _words(selector: Selector, before: str | None, prefix: str, limit: int) -> list[str]:
    """The words that begin with a prefix, those that follow another word first."""
    if limit < 1:
        return []
    most = _WEIGHED * limit
    found = selector.expander.beginning(prefix, most)
    best = max(found.values(), default=0)
    # What hardly occurs may be a slip of what is far more frequent; a short beginning is none.
    least = far_more(best)
    shortest = _SHORTEST_FORGIVEN if best <= 1 else _SHORTEST_DOUBTED
    if len(prefix) >= shortest and least <= selector.dictionary.rows:
        near = selector.expander.beginning(prefix, most, slip=True)
        found |= {word: rows for word, rows in near.items() if rows >= least}
    after: Counter[str] = Counter()
    if before is not None:
        after = selector.followers.after(
            before, lambda word: word.startswith(prefix) or word in found
        ) or selector.together(before, found)
    rows = {word: selector.rows_as_written(word) for word in after}
    leading = nlargest(limit, rows.values())[::-1]
    for word in sorted(found.keys() - after.keys(), key=lambda word: (-found[word], word)):
        # No word stands in more rows as written than with its other forms.
        if len(leading) == limit and found[word] < leading[0]:
            break
        rows[word] = selector.rows_as_written(word)
        insort(leading, rows[word])
        del leading[:-limit]
    if max(rows.values(), default=0) >= far_more(1):
        rows = {word: count for word, count in rows.items() if count > 1}
    return nlargest(limit, rows, key=lambda word: (after[word], rows[word], -len(word), word))


def _facet_of(field: str, typed: str, compared: bool) -> Facet | None:
    """The facet that has the values which a field may be completed with; None if there is none.

    compared: whether they follow an operator
    """
    if field in DATE_FIELDS:
        return "month" if "-" in typed else "year"
    field = ALIASES.get(field, field)
    return field if field in FACETS and not compared else None


def _values(selector: Selector, facet: Facet, typed: str) -> Iterator[str]:
    """Values of a facet, as a query has them, that have a word which begins as typed.

    Those that begin so themselves come first, then those of the most stories.
    """
    values = selector.snapshot.facet(facet)
    names = selector.snapshot.names(facet)
    prefix = " ".join([fold(word.text) for word in iter_words(typed)])
    within = []
    for place in np.argsort(-selector.snapshot.facet_counts(facet), kind="stable").tolist():
        name = names[values.keys[place]]
        if f" {prefix}" not in name:
            continue
        value = values.values[place].replace('"', " ")
        value = f'"{value}"' if _NEEDS_QUOTES.search(value) else value
        if name.startswith(f" {prefix}") or f"| {prefix}" in name:
            yield value
        else:
            within.append(value)
    yield from within


def resembling(selector: Selector, story: Story) -> Node | None:
    """A query for stories about the same: its most telling words, any of them."""
    language = selector.dictionary.language
    counts: Counter[str] = Counter()
    for text, weight in ((story.title, 3), (story.excerpt, 2)):
        for form, count in Counter(_forms(text, language)).items():
            counts[form] += weight * count
    for article in story.related:
        # In their order: that of a set differs between processes.
        counts.update(list(dict.fromkeys(_forms(article.title, language))))
    forms = {language.stem_of(form): form for form in counts}
    stems: Counter[str] = Counter()
    for form, count in counts.items():
        stems[language.stem_of(form)] += count
    selector.dictionary.fetch(forms.values())
    rows = selector.dictionary.rows
    telling = {}
    for stem, count in stems.items():
        df = selector.dictionary.frequency(forms[stem])
        if 1 < df <= max(2, rows // 20):
            telling[forms[stem]] = count * selector.dictionary.stem_weight(forms[stem])
    best = nlargest(_TELLING_WORDS, telling.items(), key=lambda pair: pair[1])
    if not best:
        return None
    top = best[0][1]
    return Either(tuple([Word(text, weight=weight / top) for text, weight in best]))


def _forms(text: str, language: Language) -> list[str]:
    folded = [fold(word.text) for word in iter_words(text)]
    return [form for form in folded if form and form not in language.function_words]
