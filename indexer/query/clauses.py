"""One clause of a query → a Whoosh query.

Text is searched in every text field, weighted by `schema.TEXT_BOOSTS`, or in one.
Clauses over keywords, dates and numbers select stories without adding to the score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from whoosh import query as wq
from whoosh.matching import AndNotMatcher
from whoosh.util.times import datetime_to_long

from ..analysis import POSITION_GAP, fold, iter_words, stem
from ..schema import NUMBER_FIELDS, TEXT_BOOSTS, TEXT_FIELDS, facet_key, is_domain, naive_utc

#: The largest `~N` of a phrase: more would reach into the next related article.
MAX_SLOP = POSITION_GAP - 2
MAX_FUZZY_DISTANCE = 2

#: Fields whose values are words of names as well as whole names.
_NAME_FIELDS = {"provider": "provider_name", "topic": "topic_name"}
_TRUTH = {"yes": "true", "1": "true", "no": "false", "0": "false"}


class AndNot(wq.AndNot):  # type: ignore[misc]
    """Stories that match `a` and not `b`.

    Whoosh's own matcher compares the two sides before it has moved the second one to the
    first story of `a`, so that this story always passes. Here the second side is moved first.
    """

    def matcher(self, searcher: Any, context: Any = None) -> Any:
        """The Whoosh matcher of one segment."""
        wanted = self.a.matcher(searcher, context)
        unwanted = self.b.matcher(searcher, searcher.boolean_context())
        if wanted.is_active() and unwanted.is_active():
            unwanted.skip_to(wanted.id())
        return AndNotMatcher(wanted, unwanted)


class WordClause(wq.Or):  # type: ignore[misc]
    """A word in any text field, weighted by `schema.TEXT_BOOSTS`.

    It equals the disjunction of its terms. These are made on demand, since compiled loops
    need the word alone.
    """

    def __init__(self, text: str, weight: float = 1.0) -> None:
        self.text = text
        self.weight = weight
        self.boost, self.minmatch, self.scale = 1.0, 0, None

    @property
    def subqueries(self) -> list[wq.Query]:
        """The word in each field."""
        return [
            wq.Term(name, self.text, boost=boost * self.weight)
            for name, boost in TEXT_BOOSTS.items()
        ]

    def apply(self, function: Callable[[wq.Query], wq.Query]) -> wq.Query:
        """A copy with every term replaced."""
        return wq.Or(self.subqueries, boost=self.boost).apply(function)

    def normalize(self) -> wq.Query:
        """The disjunction of its terms, as Whoosh normalizes it."""
        return wq.Or(self.subqueries, boost=self.boost).normalize()

    def simplify(self, reader: Any) -> wq.Query:
        """The disjunction of its terms, as Whoosh simplifies it for one index."""
        return wq.Or(self.subqueries, boost=self.boost).simplify(reader)


def _boosts(fields: Iterable[str] | None) -> list[tuple[str, float]]:
    return [(name, TEXT_BOOSTS[name]) for name in (fields or TEXT_FIELDS)]


def _either(queries: list[wq.Query]) -> wq.Query:
    return queries[0] if len(queries) == 1 else wq.Or(queries)


def _in_text(
    fields: Iterable[str] | None, build: Callable[[str, float], wq.Query], boost: float
) -> wq.Query:
    return _either([build(name, weight * boost) for name, weight in _boosts(fields)])


@lru_cache(maxsize=1 << 14)
def _terms(text: str) -> tuple[str, ...]:
    return tuple(term for term in (stem(word.text) for word in iter_words(text)) if term)


def _word(term: str, fields: Iterable[str] | None, boost: float) -> wq.Query:
    if fields is None:
        return WordClause(term, boost)
    return _in_text(fields, lambda name, b: wq.Term(name, term, boost=b), boost)


def words(
    text: str, fields: Iterable[str] | None = None, boost: float = 1.0, slop: int = 0
) -> wq.Query | None:
    """A word, or several as a phrase with up to `slop` words between neighbours.

    None when the text has no words at all.
    """
    terms = _terms(text)
    if not terms:
        return None
    if len(terms) == 1:
        return _word(terms[0], fields, boost)
    distance = min(slop, MAX_SLOP) + 1
    return _in_text(
        fields, lambda name, b: wq.Phrase(name, [*terms], slop=distance, boost=b), boost
    )


def fuzzy(
    text: str, distance: int, fields: Iterable[str] | None = None, boost: float = 1.0
) -> wq.Query | None:
    """A word or one at most `distance` edits from it; None unless it is one word.

    A near word scores its boost alone. The word itself scores as usual on top of that.
    """
    terms = _terms(text)
    if len(terms) != 1:
        return None
    edits = min(distance, MAX_FUZZY_DISTANCE)

    def near(name: str, weight: float) -> wq.Query:
        return wq.ConstantScoreQuery(wq.FuzzyTerm(name, terms[0], maxdist=edits), weight)

    return wq.Or([_in_text(fields, near, boost), _word(terms[0], fields, boost)])


def _fold_pattern(pattern: str) -> str:
    folded = "".join(part if part in "*?" else fold(part) for part in _pattern_parts(pattern))
    while "**" in folded:
        folded = folded.replace("**", "*")
    return folded


def _pattern_parts(pattern: str) -> list[str]:
    parts = [""]
    for character in pattern:
        if character in "*?":
            parts += [character, ""]
        else:
            parts[-1] += character
    return [part for part in parts if part]


def is_pattern(text: str) -> bool:
    """Whether a word is a pattern with wildcards: `wor*` and `w?rd` are, `why?` is not.

    A pattern has more than wildcards, and no character that would cut it into several
    words.
    """
    body = text[:-1] if text.endswith("?") and text.count("?") == 1 else text
    literals = [part for part in _pattern_parts(text) if part not in "*?"]
    return (
        ("*" in body or "?" in body)
        and bool(literals)
        and all(len(list(iter_words(part))) == 1 for part in literals)
    )


def _is_prefix(pattern: str) -> bool:
    return pattern.endswith("*") and "*" not in pattern[:-1] and "?" not in pattern


def _pattern_query(field: str, pattern: str) -> wq.Query:
    if _is_prefix(pattern):
        return wq.Prefix(field, pattern[:-1])
    return wq.Wildcard(field, pattern)


def wildcard(pattern: str, fields: Iterable[str] | None = None, boost: float = 1.0) -> wq.Query:
    """Terms of the index that fit a pattern; terms are folded and stemmed.

    Each scores its boost, however rare it is. `companies*` also finds the stem of
    "companies", which is shorter than the pattern.
    """
    folded = _fold_pattern(pattern)
    found = _in_text(
        fields, lambda name, b: wq.ConstantScoreQuery(_pattern_query(name, folded), b), boost
    )
    root = stem(folded[:-1]) if _is_prefix(folded) else ""
    if not root or root.startswith(folded[:-1]):
        return found
    whole = _in_text(fields, lambda name, b: wq.Term(name, root, boost=b), boost)
    return wq.Or([found, whole])


def _unscored(query: wq.Query) -> wq.Query:
    return wq.ConstantScoreQuery(query, 0.0)


def keyword(field: str, value: str) -> wq.Query | None:
    """Stories with this value of a facet; for providers and topics also a word of its name.

    A provider given as a domain means that domain alone.
    """
    key = facet_key(field, value)
    if not key:
        return None
    if is_pattern(value):
        return _unscored(_pattern_query(field, key))
    if field == "published":
        return _unscored(wq.Term(field, _TRUTH.get(key, key)))
    exact: wq.Query = wq.Term(field, key)
    names = _NAME_FIELDS.get(field)
    parts = [fold(word.text) for word in iter_words(value)]
    if names is None or not parts or (field == "provider" and is_domain(key)):
        return _unscored(exact)
    if len(parts) == 1:
        return _unscored(wq.Or([exact, wq.Term(names, parts[0])]))
    return _unscored(wq.Or([exact, wq.Phrase(names, parts)]))


def between(first: datetime | None, last: datetime | None) -> wq.Query:
    """Stories published from `first` to `last`, both included, either end open."""
    low = None if first is None else datetime_to_long(naive_utc(first))
    high = None if last is None else datetime_to_long(naive_utc(last))
    return _unscored(wq.NumericRange("published_at", low, high))


def number(field: str, operator: str, value: float, upper: float | None = None) -> wq.Query:
    """Stories whose number compares so: operators `> >= < <= =`, or `[]` up to `upper`."""
    assert field in NUMBER_FIELDS
    low, high = {
        ">": (value, None), ">=": (value, None), "<": (None, value), "<=": (None, value),
        "=": (value, value), "[]": (value, upper),
    }[operator]  # fmt: skip
    low = None if low is not None and math.isinf(low) else low
    high = None if high is not None and math.isinf(high) else high
    return _unscored(
        wq.NumericRange(field, low, high, startexcl=operator == ">", endexcl=operator == "<")
    )
