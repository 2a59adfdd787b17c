"""A query tree → the documents of one segment that match, with scores.

Plain array arithmetic for every kind of node, and Whoosh's own matcher for kinds that
are not known here. `fast` runs the common shapes through compiled loops instead; this
is what they are proved against.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq
from whoosh.query.terms import MultiTerm
from whoosh.scoring import BM25F
from whoosh.searching import SearchContext, Searcher

from ..codec.format import CHUNK_BITS, CHUNK_DOCS, LENGTH_VALUES
from ..codec.read import SegmentArrays, TermEntry
from .snapshot import Snapshot

K1, B = 1.2, 0.75

DocIds = npt.NDArray[np.uint32]
Scores = npt.NDArray[np.floating[Any]]


class Matches(NamedTuple):
    """Documents of a segment: doc_ids uint32[n], increasing; scores float[n], parallel."""

    doc_ids: DocIds
    scores: Scores


class Statistics:
    """Index-wide numbers that scores depend on, so that segments do not matter.

    Whoosh's: idf = log(N / (df + 1)) + 1; deleted stories count until they are merged away.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._average: dict[str, float] = {}

    def idf(self, field: str, term: str) -> float:
        """The inverse document frequency of a term."""
        return self.idf_of(self._snapshot.doc_frequency(field, term))

    def idf_of(self, frequency: int) -> float:
        """The inverse document frequency of a term that so many stories have."""
        return log(self._snapshot.size / (frequency + 1)) + 1

    def average_length(self, field: str) -> float:
        """The mean length of a field over all stories, in words."""
        if field not in self._average:
            infos = (segment.fields.get(field) for segment in self._snapshot.segments)
            total = sum(info.total_length for info in infos if info is not None)
            self._average[field] = total / self._snapshot.size or 1.0
        return self._average[field]

    def norms(self, field: str) -> npt.NDArray[np.float64]:
        """float64[256]: K1 · (1 - B + B · length / average) for every length code."""
        return np.asarray(K1 * (1 - B + B * LENGTH_VALUES / self.average_length(field)), np.float64)

    def norms_of(self, segment: SegmentArrays) -> npt.NDArray[np.float32]:
        """float32[≥ L, 256]: `norms` of the fields of a segment, by their row of lengths."""
        norms = np.zeros((max(1, len(segment.lengths)), 256), np.float32)
        for info in segment.fields.values():
            if info.length_row >= 0:
                norms[info.length_row] = self.norms(info.name)
        return norms


class Evaluator:
    """Evaluates queries over one segment of a snapshot."""

    def __init__(self, snapshot: Snapshot, number: int, statistics: Statistics) -> None:
        self.snapshot = snapshot
        self.segment: SegmentArrays = snapshot.segments[number]
        self._number = number
        self._statistics = statistics

    def matches(self, query: wq.Query) -> Matches:
        """Everything that matches, with Whoosh's scores; deleted documents left out."""
        found = self._evaluate(query)
        deleted = self.segment.deleted
        if not len(deleted):
            return found
        kept = ~np.isin(found.doc_ids, deleted)
        return Matches(found.doc_ids[kept], found.scores[kept])

    def mask(self, field: str, terms: Iterable[str]) -> npt.NDArray[np.bool_]:
        """bool[N]: the documents that have any of these terms, deleted ones included."""
        mask = np.zeros(self.segment.doc_count, np.bool_)
        for term in terms:
            entry = self.segment.find_term(field, term.encode())
            if entry is not None:
                mask[self.segment.doc_ids(entry)] = True
        return mask

    def documents(self, query: wq.Query) -> DocIds:
        """Everything that matches, deleted documents included."""
        if isinstance(query, MultiTerm):
            return self._expanded(query)
        return self._evaluate(query).doc_ids

    def _evaluate(self, query: wq.Query) -> Matches:
        for kind, name in _METHODS.items():
            if isinstance(query, kind):
                found: Matches = getattr(self, name)(query)
                return found
        return self._with_whoosh(query)

    def _with_whoosh(self, query: wq.Query) -> Matches:
        with self.snapshot.reading:
            searcher = Searcher(self.snapshot.reader, weighting=BM25F())
            leaf = searcher.leaf_searchers()[self._number][0]
            matcher = query.matcher(leaf, SearchContext(weighting=searcher.weighting))
            doc_ids, scores = [], []
            while matcher.is_active():
                doc_ids.append(matcher.id())
                scores.append(matcher.score())
                matcher.next()
        return Matches(np.array(doc_ids, np.uint32), np.array(scores, np.float64))

    def _every(self, query: wq.Every) -> Matches:
        if query.fieldname not in (None, "*"):
            return self._with_whoosh(query)
        return _constant(np.arange(self.segment.doc_count, dtype=np.uint32), query.boost)

    def _term(self, query: wq.Term) -> Matches:
        entry = self.segment.find_term(query.fieldname, _encoded(query.text))
        if entry is None:
            return NOTHING
        doc_ids = self.segment.doc_ids(entry)
        return Matches(doc_ids, query.boost * self.term_scores(query, entry, doc_ids))

    def term_scores(self, query: wq.Term, entry: TermEntry, doc_ids: DocIds) -> Scores:
        """The scores of a term's postings, before its boost."""
        info = self.segment.fields[query.fieldname]
        if not info.scored:
            return np.ones(len(doc_ids))
        tf = self.segment.tfs[entry.start : entry.end].astype(np.float64)
        if info.length_row < 0:
            return tf
        codes = self.segment.lengths[info.length_row, doc_ids]
        norms = self._statistics.norms(query.fieldname)[codes]
        idf = self._statistics.idf(query.fieldname, query.text)
        return np.asarray(idf * tf * (K1 + 1) / (tf + norms))

    def _and(self, query: wq.And) -> Matches:
        wanted = [part for part in query.subqueries if not isinstance(part, wq.Not)]
        if not wanted:
            return self._with_whoosh(query)
        found = self._evaluate(wanted[0])
        for part in wanted[1:]:
            other = self._evaluate(part)
            doc_ids, left, right = np.intersect1d(
                found.doc_ids, other.doc_ids, assume_unique=True, return_indices=True
            )
            found = Matches(doc_ids, found.scores[left] + other.scores[right])
        for part in query.subqueries:
            if isinstance(part, wq.Not):
                found = _without(found, self.documents(part.query))
        return Matches(found.doc_ids, query.boost * found.scores)

    def _or(self, query: wq.Or) -> Matches:
        if query.scale or query.minmatch:
            return self._with_whoosh(query)
        parts = [self._evaluate(part) for part in query.subqueries]
        return self._union(parts, query.boost)

    def _union(self, parts: list[Matches], boost: float) -> Matches:
        """What any part has, with the sums of their scores."""
        scores = np.zeros(self.segment.doc_count, np.float64)
        seen = np.zeros(self.segment.doc_count, np.bool_)
        for part in parts:
            scores[part.doc_ids] += part.scores
            seen[part.doc_ids] = True
        doc_ids = np.flatnonzero(seen).astype(np.uint32)
        return Matches(doc_ids, boost * scores[doc_ids])

    def _and_not(self, query: wq.AndNot) -> Matches:
        return _without(self._evaluate(query.a), self.documents(query.b))

    def _not(self, query: wq.Not) -> Matches:
        every = _constant(np.arange(self.segment.doc_count, dtype=np.uint32), query.boost)
        return _without(every, self.documents(query.query))

    def _constant_score(self, query: wq.ConstantScoreQuery) -> Matches:
        return _constant(self.documents(query.child), query.score)

    def _range(self, query: wq.NumericRange) -> Matches:
        name = query.fieldname
        if name not in self.segment.columns or not query.constantscore:
            return NOTHING if name not in self.segment.columns else self._with_whoosh(query)
        field = self.snapshot.schema[name]
        values = self.segment.column(name)
        inside = values != np.uint64(self.segment.column_default(name))
        for bound, excluded, low in (
            (query.start, query.startexcl, True),
            (query.end, query.endexcl, False),
        ):
            if bound is not None:
                inside &= _compared(values, _sortable(field, bound), low, excluded)
        return _constant(np.flatnonzero(inside).astype(np.uint32), query.boost)

    def _expanded(self, query: MultiTerm) -> DocIds:
        """The documents of all terms that a pattern stands for."""
        ordinals = self.snapshot.expander.ordinals(self._number, query)
        if not len(ordinals):
            return NOTHING.doc_ids
        if isinstance(query, wq.Prefix):
            return self._with_any(query.fieldname, range(ordinals[0], ordinals[-1] + 1))
        return self._distinct(self.segment.doc_ids_of_terms(query.fieldname, ordinals))

    def _with_any(self, field: str, ordinals: range) -> DocIds:
        """The documents that have any of a range of terms, which is not empty."""
        return self._distinct(self.segment.doc_ids_of(field, ordinals))

    def _distinct(self, doc_ids: DocIds) -> DocIds:
        """Documents in order and each once; cheaper than sorting."""
        seen = np.zeros(self.segment.doc_count, np.bool_)
        seen[doc_ids] = True
        return np.flatnonzero(seen).astype(np.uint32)

    def _phrase(self, query: wq.Phrase) -> Matches:
        terms = [wq.Term(query.fieldname, word) for word in query.words]
        entries = [self.segment.find_term(query.fieldname, _encoded(word)) for word in query.words]
        known = [entry for entry in entries if entry is not None]
        if len(known) < len(entries) or not known:
            return NOTHING
        both = self._and(wq.And(terms))
        kept = np.array(
            [self._has_phrase(known, doc, query.slop) for doc in both.doc_ids.tolist()], np.bool_
        )
        return Matches(both.doc_ids[kept], query.boost * both.scores[kept])

    def _has_phrase(self, entries: list[TermEntry], doc: int, slop: int) -> bool:
        ends: set[int] | None = None
        for entry in entries:
            posting = posting_of(self.segment, entry, doc)
            if posting is None:  # though the lists that were met had it
                raise self.segment.postings_file.corrupt(f"document {doc} is out of order")
            places = self.segment.positions(posting)
            if ends is None:
                ends = set(places)
            else:
                ends = {p for p in places if any(p - gap in ends for gap in range(1, slop + 1))}
            if not ends:
                return False
        return True


NOTHING = Matches(np.empty(0, np.uint32), np.empty(0, np.float64))

#: Which method evaluates which kind of node.
_METHODS: dict[type, str] = {
    wq.Term: "_term",
    wq.Or: "_or",
    wq.And: "_and",
    wq.AndNot: "_and_not",
    wq.Not: "_not",
    wq.Phrase: "_phrase",
    wq.ConstantScoreQuery: "_constant_score",
    wq.NumericRange: "_range",
    wq.Every: "_every",
}


def posting_of(segment: SegmentArrays, entry: TermEntry, doc: int) -> int | None:
    """The number of a term's posting in a document, None if it has none."""
    begin, end = entry.start, entry.end
    if segment.chunk_count > 1:
        chunk = doc >> CHUNK_BITS
        begin, end = segment.chunk_bounds([entry])[0, chunk : chunk + 2].tolist()
    low = doc & (CHUNK_DOCS - 1)
    place = begin + int(np.searchsorted(segment.docs[begin:end], np.uint16(low)))
    return place if place < end and segment.docs[place] == low else None


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _constant(doc_ids: DocIds, score: float) -> Matches:
    return Matches(doc_ids, np.full(len(doc_ids), score, np.float64))


def _without(found: Matches, excluded: DocIds) -> Matches:
    kept = ~np.isin(found.doc_ids, excluded, assume_unique=True)
    return Matches(found.doc_ids[kept], found.scores[kept])


def _sortable(field: Any, bound: Any) -> np.uint64:
    """A bound in the form that the column holds; dates come in that form already."""
    as_is = isinstance(bound, int) and field.numtype is int
    sortable: np.uint64 = np.uint64(bound if as_is else field.to_column_value(bound))
    return sortable


def _compared(values: Any, bound: np.uint64, low: bool, excluded: bool) -> npt.NDArray[np.bool_]:
    if low:
        return np.asarray(values > bound if excluded else values >= bound)
    return np.asarray(values < bound if excluded else values <= bound)
