"""The compiled evaluator, for long-lived engines.

Most queries are words: every one a group of terms, the same word in each text field,
and all groups or any of them must match. Such a query, and such a part of a larger one,
takes one call of a loop in `postings`, and so does a phrase. `plain` evaluates the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq

from ...codec.terms import TermEntry
from ...query.clauses import WordClause
from ..plain import K1, NOTHING, DocIds, Evaluator, Matches, Statistics
from ..snapshot import Snapshot


class Words(NamedTuple):
    """Groups of terms of which all (`every`) or any must match, plus filters and exclusions.

    Group i has the leaves[bounds[i]:bounds[i + 1]], terms and words in any text field.
    """

    leaves: list[wq.Term | WordClause]
    bounds: list[int]
    every: bool
    filters: Sequence[wq.Query]
    excluded: Sequence[wq.Query]
    slop: int = 0

    def groups(self) -> list[list[wq.Term]]:
        """The terms of every group."""
        return [
            [term for leaf in self.leaves[begin:end] for term in _terms_of(leaf)]
            for begin, end in pairwise(self.bounds)
        ]


def _terms_of(leaf: wq.Term | WordClause) -> list[wq.Term]:
    return leaf.subqueries if isinstance(leaf, WordClause) else [leaf]


class _Postings(NamedTuple):
    """A term of a field in the segment: its entry, length row and weight."""

    entry: TermEntry
    row: int
    weight: float


class CompiledEvaluator(Evaluator):
    """Evaluates queries over one segment of a snapshot; scores are float32."""

    def __init__(
        self, snapshot: Snapshot, number: int, statistics: Statistics, loops: ModuleType
    ) -> None:
        super().__init__(snapshot, number, statistics)
        self._loops = loops
        self._norms = statistics.norms_of(self.segment)

    def mask(self, field: str, terms: Iterable[str]) -> npt.NDArray[np.bool_]:
        """As `Evaluator.mask`."""
        found = (self.segment.find_term(field, term.encode()) for term in terms)
        bounds = self.segment.chunk_bounds([entry for entry in found if entry is not None])
        mask = np.zeros(self.segment.doc_count, np.bool_)
        self._loops.mark(self.segment.docs, bounds, mask)
        return mask

    def _with_any(self, field: str, ordinals: range) -> DocIds:
        segment = self.segment
        begin = segment.fields[field].first
        found: DocIds = self._loops.documents_of_terms(
            segment.docs, segment.terms_file.section("starts", "u4"), segment.first_chunks,
            segment.run_starts, segment.run_chunks,
            begin + ordinals.start, begin + ordinals.stop, segment.doc_count,
        )  # fmt: skip
        return found

    def _union(self, parts: list[Matches], boost: float) -> Matches:
        sums = np.zeros(self.segment.doc_count, np.float32)
        seen = np.zeros(-(-self.segment.doc_count // 64), np.uint64)
        for part in parts:
            scores = part.scores.astype(np.float32, copy=False)
            self._loops.add_matches(part.doc_ids, scores, sums, seen)
        doc_ids = self._loops.marked(seen)
        return Matches(doc_ids, np.float32(boost) * sums[doc_ids])

    def _evaluate(self, query: wq.Query) -> Matches:
        words = read_words(query)
        if words is None:
            return super()._evaluate(query)
        groups = words.groups()
        if not all(self._has_lengths(term) for group in groups for term in group):
            return super()._evaluate(query)
        found = self._phrases(groups, words.slop) if words.slop else self._words(words, groups)
        return self._restricted(words, found)

    def _has_lengths(self, term: wq.Term) -> bool:
        """Whether the loops can score a term: by its frequency and the length of its field."""
        info = self.segment.fields.get(term.fieldname)
        return info is None or info.length_row >= 0

    def _words(self, words: Words, terms: list[list[wq.Term]]) -> Matches:
        groups = [self._present(group) for group in terms]
        if words.every:
            if not all(groups):
                return NOTHING
            # The rarest first leaves the fewest candidates for the others.
            groups.sort(key=lambda group: sum(postings.entry.df for postings in group))
        lists = [postings for group in groups for postings in group]
        if not lists:
            return NOTHING
        arrays = self._lists(lists)
        if words.every and len(groups) > 1:
            bounds = np.cumsum([0, *map(len, groups)], dtype=np.int64)
            count, doc_ids, scores = self._loops.score_all(*arrays, bounds)
        else:
            count, doc_ids, scores = self._loops.score_any(*arrays)
        return Matches(doc_ids[:count], scores[:count])

    def _present(self, group: list[wq.Term]) -> list[_Postings]:
        """Those terms of a group that the segment has."""
        return [postings for term in group if (postings := self._find(term)) is not None]

    def _find(self, term: wq.Term) -> _Postings | None:
        entry = self.segment.find_term(term.fieldname, term.text.encode())
        if entry is None:
            return None
        # The look-up just made is most of the cost of a frequency in one segment.
        alone = len(self.snapshot.segments) == 1
        statistics = self._statistics
        idf = statistics.idf_of(entry.df) if alone else statistics.idf(term.fieldname, term.text)
        row = self.segment.fields[term.fieldname].length_row
        return _Postings(entry, row, term.boost * idf * (K1 + 1))

    def _lists(self, lists: list[_Postings]) -> tuple[Any, ...]:
        """The arguments that the loops over lists of postings begin with."""
        segment = self.segment
        return (
            segment.docs,
            segment.tfs,
            segment.lengths,
            self._norms,
            segment.chunk_bounds([postings.entry for postings in lists]),
            np.array([postings.row for postings in lists], np.int64),
            np.array([postings.weight for postings in lists], np.float32),
        )

    def _restricted(self, words: Words, found: Matches) -> Matches:
        """Without excluded documents and those that a clause keeps out."""
        if not (words.filters or words.excluded):
            return found
        keep = np.ones(self.segment.doc_count, np.bool_)
        for clause in words.filters:
            inside = np.zeros(self.segment.doc_count, np.bool_)
            inside[self.documents(clause)] = True
            keep &= inside
        for clause in words.excluded:
            keep[self.documents(clause)] = False
        kept = keep[found.doc_ids]
        return Matches(found.doc_ids[kept], found.scores[kept])

    def _phrases(self, terms: list[list[wq.Term]], slop: int) -> Matches:
        groups = [self._present(group) for group in terms]
        size = len(terms[0])
        lists = [postings for group in groups if len(group) == size for postings in group]
        if not lists:
            return NOTHING
        docs, _, *scoring = self._lists(lists)
        count, doc_ids, scores = self._loops.score_phrases(
            docs, *self.segment.position_arrays, *scoring, size, slop
        )
        return Matches(doc_ids[:count], scores[:count])


def read_words(query: wq.Query) -> Words | None:
    """Read a query as one of words; None if it is anything else."""
    excluded: list[wq.Query] = []
    while isinstance(query, wq.AndNot):
        excluded.append(query.b)
        query = query.a
    filters: list[wq.Query] = []
    groups = [query]
    every = isinstance(query, wq.And) and query.boost == 1.0
    if every:
        groups = [part for part in query.subqueries if not _is_filter(part)]
        if len(groups) < len(query.subqueries):
            filters = [part for part in query.subqueries if _is_filter(part)]
    leaves: list[wq.Term | WordClause] = []
    bounds = [0]
    for group in groups:
        if not _add_group(group, leaves):
            return _phrase_of(groups, filters, excluded)
        bounds.append(len(leaves))
    if not leaves:
        return None
    return Words(leaves, bounds, every and len(groups) > 1, filters, excluded)


def _phrase_of(
    groups: list[wq.Query], filters: list[wq.Query], excluded: list[wq.Query]
) -> Words | None:
    phrases = _phrases(groups[0]) if len(groups) == 1 else []
    if not phrases:
        return None
    leaves = [
        wq.Term(phrase.fieldname, word, boost=phrase.boost)
        for phrase in phrases
        for word in phrase.words
    ]
    bounds = list(range(0, len(leaves) + 1, len(phrases[0].words)))
    return Words(leaves, bounds, False, filters, excluded, phrases[0].slop)


def _is_filter(query: wq.Query) -> bool:
    return isinstance(query, wq.ConstantScoreQuery) and query.score == 0.0


def _add_group(query: wq.Query, leaves: list[wq.Term | WordClause]) -> bool:
    """Add the leaves of a disjunction, however nested; false if there is anything else."""
    if isinstance(query, wq.Term):
        leaves.append(query)
        return isinstance(query.text, str)
    if not isinstance(query, wq.Or) or query.boost != 1.0 or query.scale or query.minmatch:
        return False
    if isinstance(query, WordClause):
        leaves.append(query)
        return True
    return all(_add_group(part, leaves) for part in query.subqueries)


def _phrases(query: wq.Query) -> list[wq.Phrase]:
    """The same phrase in one or several fields; empty if the query is anything else."""
    parts = [query]
    if isinstance(query, wq.Or) and query.boost == 1.0 and not (query.scale or query.minmatch):
        parts = query.subqueries
    if not all(isinstance(part, wq.Phrase) and part.words and part.slop > 0 for part in parts):
        return []
    alike = len({(tuple(part.words), part.slop) for part in parts}) == 1
    return list(parts) if alike else []
