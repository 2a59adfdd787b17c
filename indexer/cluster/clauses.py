"""A node of a query → the query of the cluster for the stories, or the rows, that it selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import msgspec

from ..model import FACETS, Facet
from ..query.nodes import (
    Address,
    Alternatives,
    Compound,
    DateRange,
    Fuzzy,
    Keyword,
    KnownNode,
    Near,
    Pattern,
    Phrase,
    Present,
    TextNode,
    Word,
    alternatives_of,
    words_of,
)
from ..schema import ADDRESS, ROW_FIELDS, address_key
from .mapping import whole_micros
from .names import AS_WRITTEN, safe
from .words import Words, saturated

Query = dict[str, Any]

EVERY: Query = {"match_all": {}}
NONE: Query = {"match_none": {}}
#: The fields that a query may name → those of rows, and whether of the lead.
_FIELDS = {
    None: (ROW_FIELDS, None), "title": (("title",), True), "excerpt": (("excerpt",), True),
    "body": (("body",), True), "related": (("title", "excerpt"), False),
}  # fmt: skip


def every(parts: Sequence[Query]) -> Query:
    """What all parts select."""
    telling = [part for part in parts if part is not EVERY]
    if not telling:
        return EVERY
    return telling[0] if len(telling) == 1 else {"bool": {"filter": telling}}


def some(parts: Sequence[Query]) -> Query:
    """What any part selects."""
    telling = [part for part in parts if part is not NONE]
    if not telling:
        return NONE
    if len(telling) == 1:
        return telling[0]
    return {"bool": {"should": telling, "minimum_should_match": 1}}


def without(wanted: Query, unwanted: Query) -> Query:
    """What the first selects and the second does not."""
    return {"bool": {"filter": [wanted], "must_not": [unwanted]}}


def nested(query: Query, **how: Any) -> Query:
    """Stories with a row that a query selects."""
    return {"nested": {"path": "rows", "query": query} | {"score_mode": "none"} | how}


def in_order(parts: Sequence[Query], gap: int) -> Query:
    """Where each part follows the one before it, at most so many places between."""
    if not gap:
        return {"all_of": {"intervals": list(parts), "mode": "ordered", "max_gaps": 0}}
    whole = parts[0]
    for part in parts[1:]:
        whole = {"all_of": {"intervals": [whole, part], "mode": "ordered", "max_gaps": gap}}
    return whole


class Clauses:
    """Makes queries for an index; safe to share between threads.

    meant: the values of a facet that one as typed stands for
    """

    def __init__(self, words: Words, meant: Callable[[Facet, str], set[str]]) -> None:
        self._words = words
        self._meant = meant

    # Stories

    def stories(self, node: TextNode) -> Query:
        """The stories that have a node."""
        if isinstance(node, Word) and node.field is None:
            if node.exact:
                return {"term": {"forms": safe(node.text)}}
            return {"term": {"stems": self._stem(node.text)}}
        if isinstance(node, Pattern | Fuzzy) and node.field is None:
            forms = [safe(form) for form in self._words.expand(node)]
            return {"terms": {"forms": forms}} if forms else NONE
        if isinstance(node, Compound | Alternatives):
            return some([self.stories(part) for part in alternatives_of(node)])
        rows = self.rows(node)
        return rows if rows is NONE else nested(rows)

    def known(self, node: KnownNode) -> Query:
        """The stories that a node selects, whatever their texts."""
        if isinstance(node, Keyword):
            if node.value == "*" and node.facet in FACETS:
                return {"exists": {"field": node.facet}}
            return terms(node.facet, self._meant(cast("Facet", node.facet), node.value))
        if isinstance(node, Address):
            return {"term": {ADDRESS: address_key(node.text)}}
        if isinstance(node, Present):
            return {"term": {"has": node.field}}
        if isinstance(node, DateRange):
            return between("published_at", whole_micros(node.first), whole_micros(node.last))
        low, high = "gt" if node.low_open else "gte", "lt" if node.high_open else "lte"
        return between(node.field, node.low, node.high, low, high)

    # Rows

    def rows(self, node: TextNode) -> Query:
        """The rows that have a node."""
        if isinstance(node, Word) and node.field is None:
            keys = self._words.keys(node.text)
            clause = saturated(keys.written if node.exact else keys.stem, 1.0)
            return NONE if clause is None else clause
        if isinstance(node, Word):
            return _in_fields(node.field, lambda name: {"term": {f"rows.{name}": self._term(node)}})
        if isinstance(node, Pattern | Fuzzy):
            forms = [AS_WRITTEN + safe(form) for form in self._words.expand(node)]
            if not forms:
                return NONE
            return _in_fields(node.field, lambda name: {"terms": {f"rows.{name}": forms}})
        if isinstance(node, Compound | Alternatives):
            return some([self.rows(part) for part in alternatives_of(node)])
        spots = self._spots(node)
        if spots is None:
            return NONE
        return _in_fields(node.field, lambda name: {"intervals": {f"rows.{name}": spots}})

    def _spots(self, node: TextNode) -> Query | None:
        """Where in a text a node stands; None for nowhere."""
        if isinstance(node, Word):
            return _match(self._term(node))
        if isinstance(node, Pattern | Fuzzy):
            forms = self._words.expand(node)
            return _any_of([_match(AS_WRITTEN + safe(form)) for form in forms])
        if isinstance(node, Compound | Alternatives):
            return _any_of([self._spots_of(*some) for some in _alike(alternatives_of(node))])
        if isinstance(node, Near):
            one, other = self._spots(node.left), self._spots(node.right)
            if one is None or other is None:
                return None
            gap = node.distance - 1
            return _any_of([in_order([one, other], gap), in_order([other, one], gap)])
        return self._spots_of([node], 0)

    def _spots_of(self, alike: Sequence[TextNode], place: int) -> Query | None:
        """Where any of some phrases stands that differ in one place, or a node that is none."""
        first = alike[0]
        if not isinstance(first, Phrase):
            return self._spots(first)
        found = [self._spots(word) for word in words_of(first)]
        words = [words_of(phrase)[place] for phrase in alike if isinstance(phrase, Phrase)]
        found[place] = _any_of([self._spots(word) for word in words])
        known = [spot for spot in found if spot is not None]
        return in_order(known, first.slop) if len(known) == len(found) else None

    def _stem(self, text: str) -> str:
        return safe(self._words.language.stem_of(text))

    def _term(self, node: Word) -> str:
        return AS_WRITTEN + safe(node.text) if node.exact else self._stem(node.text)

    def neighbours(self, words: Sequence[str], gap: int) -> list[Query]:
        """For each two words that follow each other the rows in which they stand so near."""
        return [self._near_rows(pair, gap) for pair in pairwise(words)]

    def _near_rows(self, words: Sequence[str], gap: int) -> Query:
        """Rows in which two folded words stand next to each other, on either side."""
        one, other = (_match(self._stem(word)) for word in words)
        spots = {"all_of": {"intervals": [one, other], "mode": "unordered", "max_gaps": gap}}
        return _in_fields(None, lambda name: {"intervals": {f"rows.{name}": spots}})


def _alike(parts: Sequence[TextNode]) -> Iterator[tuple[list[TextNode], int]]:
    """Parts, those phrases together that differ in one word: these, and its place.

    Near other alternatives each would be sought beside each of those: too many clauses.
    """
    left = list(parts)
    while left:
        first, most, place = left[0], left[:1], 0
        for at in range(len(first.words) if isinstance(first, Phrase) else 0):
            some = [part for part in left if _but_one(part, at) == _but_one(first, at)]
            if len(some) > len(most):
                most, place = some, at
        yield most, place
        left = [part for part in left if part not in most]


def _but_one(node: TextNode, place: int) -> object:
    """What a phrase is but for one of its words; None for what is no phrase, or has fewer."""
    if not isinstance(node, Phrase) or place >= len(node.words):
        return None
    words = (*node.words[:place], "", *node.words[place + 1 :])
    return msgspec.structs.replace(node, words=words, weight=1.0)


def _match(term: str) -> Query:
    return {"match": {"query": term, "analyzer": "whitespace"}}


def _any_of(parts: Sequence[Query | None]) -> Query | None:
    known = [part for part in parts if part is not None]
    if len(known) < 2:
        return known[0] if known else None
    return {"any_of": {"intervals": known}}


def _in_fields(field: str | None, query: Callable[[str], Query]) -> Query:
    names, lead = _FIELDS[field]
    found = some([query(name) for name in names])
    return found if lead is None else every([found, {"term": {"rows.lead": lead}}])


def terms(field: str, values: set[str] | frozenset[str]) -> Query:
    """Stories with any of some values."""
    return {"terms": {field: sorted(values)}} if values else NONE


def between(
    field: str, low: float | None, high: float | None, least: str = "gte", most: str = "lte"
) -> Query:
    """Stories whose number lies between two; None: open."""
    ends = {least: low, most: high}
    return {"range": {field: {name: end for name, end in ends.items() if end is not None}}}
