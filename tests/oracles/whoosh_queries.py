"""A tree of nodes → the Whoosh query that selects the same stories.

Whoosh sees a document for each row. A story is found by its lead, so each leaf becomes the
leads of the rows that match it, and only these are combined.

What depends on the number of stories found is not Whoosh's: function words must match here
as others must, and no word is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from whoosh import query as wq
from whoosh.matching import AndNotMatcher, ListMatcher, Matcher, NullMatcher
from whoosh.searching import SearchContext, Searcher
from whoosh.util.times import datetime_to_long

from indexer.analysis import stem
from indexer.query.nodes import (
    All,
    DateRange,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    Node,
    NumberRange,
    Pattern,
    Phrase,
    TextNode,
    Without,
    Word,
)
from indexer.schema import LEAD, RELATED, ROW_FIELDS, naive_utc

#: The stems of the words that a pattern or a near spelling stands for.
Expand = Callable[[Pattern | Fuzzy], set[str]]
#: The keys of the facet that a value typed stands for.
Values = Callable[[Keyword], set[str]]


def _listed(matcher: Matcher) -> Matcher:
    """The same, gone through at once: some matchers cannot skip to where nothing is left."""
    ids, scores = [], []
    while matcher.is_active():
        ids.append(matcher.id())
        scores.append(matcher.score())
        matcher.next()
    return ListMatcher(ids, scores) if ids else NullMatcher()


class AndNot(wq.AndNot):
    """Documents that match `a` and not `b`.

    Whoosh's own matcher compares the two sides before it has moved the second one to the
    first document of `a`, so that this document always passes. Here the second side is moved
    first.
    """

    def matcher(self, searcher: Searcher, context: SearchContext | None = None) -> Matcher:
        """The Whoosh matcher of one segment."""
        wanted = self.a.matcher(searcher, context)
        unwanted = self.b.matcher(searcher, context)
        if wanted.is_active() and unwanted.is_active():
            unwanted.skip_to(wanted.id())
        return _listed(AndNotMatcher(wanted, unwanted))


class Leads(wq.NestedParent):
    """The leads of the rows that match a query."""

    def __init__(self, rows: wq.Query) -> None:
        super().__init__(wq.Term("kind", LEAD), rows)

    def matcher(self, searcher: Searcher, context: SearchContext | None = None) -> Matcher:
        """The Whoosh matcher of one segment."""
        return _listed(super().matcher(searcher, context))


def to_whoosh(node: Node, *, expand: Expand, values: Values) -> wq.Query:
    """The query whose documents are the leads of the stories that a tree selects.

    Raises `ValueError` for words sought as written: Whoosh sees stems alone.
    """
    convert = partial(to_whoosh, expand=expand, values=values)
    if isinstance(node, All):
        return wq.And([wq.Term("kind", LEAD), *map(convert, node.parts)])
    if isinstance(node, Either):
        return wq.Or([*map(convert, node.parts)]) if node.parts else wq.NullQuery
    if isinstance(node, Without):
        return AndNot(convert(node.wanted), convert(node.unwanted))
    if isinstance(node, Everything):
        return wq.Term("kind", LEAD)
    if isinstance(node, Keyword):
        return _either([wq.Term(node.facet, key) for key in sorted(values(node))])
    if isinstance(node, DateRange):
        ends = [end and datetime_to_long(naive_utc(end)) for end in (node.first, node.last)]
        return _between("published_at", *ends)
    if isinstance(node, NumberRange):
        return _between(node.field, node.low, node.high, node.low_open, node.high_open)
    return Leads(_rows(node, expand))


def _either(queries: list[wq.Query]) -> wq.Query:
    return wq.Or(queries) if queries else wq.NullQuery


def _between(
    field: str,
    low: float | None,
    high: float | None,
    low_open: bool = False,
    high_open: bool = False,
) -> wq.Query:
    if (
        low is not None
        and high is not None
        and (low > high or (low == high and (low_open or high_open)))
    ):
        return wq.NullQuery  # Whoosh goes wrong where nothing lies between the ends.
    return wq.NumericRange(field, low, high, low_open, high_open)


def _rows(node: TextNode, expand: Expand) -> wq.Query:
    """The query of rows of a leaf that is sought in text."""
    build = _in_field(node, expand)
    if node.field is None:
        return _either([build(field) for field in ROW_FIELDS])
    if node.field == "related":
        found = _either([build("title"), build("excerpt")])
        return wq.And([wq.Term("kind", RELATED), found])
    return wq.And([wq.Term("kind", LEAD), build(node.field)])


def _in_field(node: TextNode, expand: Expand) -> Callable[[str], wq.Query]:
    """What makes the query of a leaf in one field of a row."""
    if isinstance(node, Pattern | Fuzzy):
        stems = sorted(expand(node))
        return lambda field: _either([wq.Term(field, term) for term in stems])
    if node.exact:
        # Whoosh sees stems alone, so there is nothing that it could be asked.
        raise ValueError("words as written")
    words = [node.text] if isinstance(node, Word) else node.words
    terms = [stem(word) for word in words]
    if len(terms) == 1:
        return lambda field: wq.Term(field, terms[0])
    slop = node.slop if isinstance(node, Phrase) else 0
    return lambda field: wq.Phrase(field, terms, slop=slop + 1)
