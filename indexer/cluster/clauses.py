"""A node of a query → the query of the cluster for the stories it selects, and what it scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, cast

from ..analysis import stem_of
from ..english import FUNCTION_WORDS
from ..model import FACETS, Facet
from ..query.nodes import (
    Address,
    All,
    Alternatives,
    Compound,
    DateRange,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    Near,
    Node,
    NumberRange,
    Pattern,
    Phrase,
    Present,
    TextNode,
    Without,
    Word,
)
from ..ranking import FUNCTION_WEIGHT, STEM_SHARE, word_weight
from ..schema import ADDRESS, POSITION_GAP, ROW_FIELDS, address_key
from .documents import AS_WRITTEN, CAPITALS, STEM, WRITTEN, safe
from .mapping import whole_micros
from .words import Words, saturated

Query = dict[str, Any]

EVERY: Query = {"match_all": {}}
NONE: Query = {"match_none": {}}
#: How far apart two words may be: more would reach into the next field.
_FARTHEST = POSITION_GAP - 2
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

    def stories(self, node: Node) -> Query:
        """The stories that a node selects."""
        if isinstance(node, All):
            return every([self.stories(part) for part in node.parts])
        if isinstance(node, Either):
            return some([self.stories(part) for part in node.parts])
        if isinstance(node, Without):
            return without(self.stories(node.wanted), self.stories(node.unwanted))
        if isinstance(node, Everything):
            return EVERY
        if isinstance(node, TextNode):
            return self._with_text(node)
        return self._known(node)

    def _with_text(self, node: TextNode) -> Query:
        if isinstance(node, Word) and node.field is None:
            if node.exact:
                return {"term": {"forms": safe(node.text)}}
            return {"term": {"stems": safe(stem_of(node.text))}}
        if isinstance(node, Pattern | Fuzzy) and node.field is None:
            forms = [safe(form) for form in self._words.expand(node)]
            return {"terms": {"forms": forms}} if forms else NONE
        if isinstance(node, Compound | Alternatives):
            return some([self._with_text(part) for part in parts_of(node)])
        rows = self.rows(node)
        return rows if rows is NONE else nested(rows)

    def _known(self, node: Keyword | DateRange | NumberRange | Address | Present) -> Query:
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
            key = WRITTEN + safe(node.text) if node.exact else STEM + safe(stem_of(node.text))
            clause = saturated(key, 1.0)
            return NONE if clause is None else clause
        if isinstance(node, Word):
            return _in_fields(node.field, lambda name: {"term": {f"rows.{name}": _term(node)}})
        if isinstance(node, Pattern | Fuzzy):
            forms = [AS_WRITTEN + safe(form) for form in self._words.expand(node)]
            if not forms:
                return NONE
            return _in_fields(node.field, lambda name: {"terms": {f"rows.{name}": forms}})
        if isinstance(node, Compound | Alternatives):
            return some([self.rows(part) for part in parts_of(node)])
        spots = self._spots(node)
        if spots is None:
            return NONE
        return _in_fields(node.field, lambda name: {"intervals": {f"rows.{name}": spots}})

    def _spots(self, node: TextNode) -> Query | None:
        """Where in a text a node stands; None for nowhere."""
        if isinstance(node, Word):
            return _match(_term(node))
        if isinstance(node, Pattern | Fuzzy):
            forms = self._words.expand(node)
            return _any_of([_match(AS_WRITTEN + safe(form)) for form in forms])
        if isinstance(node, Compound | Alternatives):
            return _any_of([self._spots(part) for part in parts_of(node)])
        if isinstance(node, Near):
            one, other = self._spots(node.left), self._spots(node.right)
            if one is None or other is None:
                return None
            gap = min(node.distance, _FARTHEST) - 1
            return _any_of([_beside(one, other, gap), _beside(other, one, gap)])
        found = [self._spots(word) for word in words_of(node)]
        known = [spot for spot in found if spot is not None]
        return in_order(known, min(node.slop, _FARTHEST)) if len(known) == len(found) else None

    # Scores

    def scores(self, node: TextNode) -> list[Query]:
        """What rows score for a node; each of these adds to it."""
        if isinstance(node, Word) and node.field is None:
            if node.acronym:
                return self._acronym(node)
            if not node.exact:
                return self._words.scores([node.text], node.weight)
        rows = self.rows(node)
        if rows is NONE:
            return []
        if isinstance(node, Pattern | Fuzzy):
            return [{"constant_score": {"filter": rows, "boost": node.weight}}]
        if isinstance(node, Compound | Alternatives):
            found = [{"bool": {"should": self.scores(part)}} for part in parts_of(node)]
            telling = [part for part in found if part["bool"]["should"]]
            return [{"dis_max": {"queries": telling}}] if telling else []
        return [{"bool": {"filter": [rows], "should": self._parts(node)}}]

    def _parts(self, node: Word | Phrase | Near) -> list[Query]:
        """What the words of a node add where it stands."""
        if isinstance(node, Near):
            return [*self.scores(node.left), *self.scores(node.right)]
        found: list[Query] = []
        for word in [node] if isinstance(node, Word) else words_of(node):
            if isinstance(word, Pattern):
                found += self.scores(word)
            elif word.exact:
                found += self._words.exact_scores(word.text, word.weight)
            else:
                found += self._words.scores([word.text], word.weight)
        return found

    def _acronym(self, node: Word) -> list[Query]:
        stem = safe(stem_of(node.text))
        factor = FUNCTION_WEIGHT if node.text in FUNCTION_WORDS else 1.0
        own = STEM_SHARE * self._words.weight(STEM + stem) * node.weight * factor
        found = [
            saturated(STEM + stem, own),
            saturated(CAPITALS + stem, (1 - STEM_SHARE * factor) * self._capital(node)),
        ]
        return [clause for clause in found if clause is not None]

    def _capital(self, node: Word) -> float:
        df = self._words.count(CAPITALS + safe(stem_of(node.text)))[0]
        return word_weight(self._words.rows, df, df) * node.weight

    def weight(self, node: TextNode) -> float:
        """W of a leaf, that of its words together."""
        if isinstance(node, Alternatives):
            return max(map(self.weight, node.parts))
        if isinstance(node, Near):
            return self.weight(node.left) + self.weight(node.right)
        if isinstance(node, Pattern | Fuzzy):
            return node.weight
        if isinstance(node, Word):
            whole = self._words.stem_weight(node.text)
            if node.acronym and node.field is None:
                factor = FUNCTION_WEIGHT if node.text in FUNCTION_WORDS else 1.0
                capital = (1 - STEM_SHARE * factor) * self._capital(node)
                return whole * factor * STEM_SHARE + capital
            return whole
        parts = node.parts if isinstance(node, Compound) else node.words
        return sum(self.weight(_word(part, node.field, node.weight)) for part in parts)


def parts_of(node: Compound | Alternatives) -> tuple[Word | Compound | Phrase, ...]:
    """What any of suffices for a node."""
    if isinstance(node, Alternatives):
        return node.parts
    whole = Word(node.text, node.field, node.weight)
    return whole, Phrase(node.parts, 0, node.field, node.weight)


def words_of(node: Phrase) -> list[Word | Pattern]:
    """The words of a phrase, each of which may be a pattern."""
    return [_word(text, node.field, node.weight, node.exact) for text in node.words]


def _word(text: str, field: str | None, weight: float, exact: bool = False) -> Word | Pattern:
    if "*" in text or "?" in text:
        return Pattern(text, field, weight)
    return Word(text, field, weight, exact)


def _term(node: Word) -> str:
    return AS_WRITTEN + safe(node.text) if node.exact else safe(stem_of(node.text))


def _match(term: str) -> Query:
    return {"match": {"query": term, "analyzer": "whitespace"}}


def _any_of(parts: Sequence[Query | None]) -> Query | None:
    known = [part for part in parts if part is not None]
    if len(known) < 2:
        return known[0] if known else None
    return {"any_of": {"intervals": known}}


def _beside(one: Query, other: Query, gap: int) -> Query:
    return {"all_of": {"intervals": [one, other], "mode": "ordered", "max_gaps": gap}}


def _in_fields(field: str | None, query: Callable[[str], Query]) -> Query:
    names, lead = _FIELDS[field]
    found = some([query(name) for name in names])
    return found if lead is None else every([found, {"term": {"rows.lead": lead}}])


def near_rows(words: Sequence[str], gap: int) -> Query:
    """Rows in which two folded words stand next to each other, on either side."""
    one, other = (_match(safe(stem_of(word))) for word in words)
    spots = {"all_of": {"intervals": [one, other], "mode": "unordered", "max_gaps": gap}}
    return _in_fields(None, lambda name: {"intervals": {f"rows.{name}": spots}})


def neighbours(words: Sequence[str], gap: int) -> list[Query]:
    """For each two words that follow each other the rows in which they stand so near."""
    return [near_rows(pair, gap) for pair in pairwise(words)]


def terms(field: str, values: set[str] | frozenset[str]) -> Query:
    """Stories with any of some values."""
    return {"terms": {field: sorted(values)}} if values else NONE


def between(
    field: str, low: float | None, high: float | None, least: str = "gte", most: str = "lte"
) -> Query:
    """Stories whose number lies between two; None: open."""
    ends = {least: low, most: high}
    return {"range": {field: {name: end for name, end in ends.items() if end is not None}}}
