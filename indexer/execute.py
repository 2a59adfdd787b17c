"""A query over a whole snapshot → total, the best stories, facet counts; layer 7.

Most queries are words: every one a group of terms, the same word in each text field,
and all groups or any of them must match. Such a query runs through the compiled loops of
`kernels`; everything else, and everything while the compiler is not loaded, through
`evaluate`. Both see one segment at a time and give the same answers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq
from whoosh.query.terms import MultiTerm

from .evaluate import (
    K1,
    MAX_EXPANDED_TERMS,
    NOTHING,
    DocIds,
    Evaluator,
    Statistics,
    expanded_terms,
    too_wide,
)
from .model import Facet
from .snapshot import Snapshot

_EXCLUDED = 255

#: Why a document of a segment does not pass the filters: 0 it does, i the i-th facet's
#: filter alone keeps it out, 255 more does. uint8[N], or empty if there are no filters.
Failed = npt.NDArray[np.uint8]
NO_FILTERS: Failed = np.empty(0, np.uint8)


class Found(NamedTuple):
    """What matches a query in one segment, before filters.

    doc_ids: uint32[≥ count], increasing; scores: float32[≥ count]; `count` are in use
    """

    doc_ids: DocIds
    scores: npt.NDArray[np.float32]
    count: int


class Words(NamedTuple):
    """A query of words: groups of terms, all of them or any; and what else must hold."""

    groups: list[list[wq.Term]]
    every: bool
    filters: list[wq.Query]
    excluded: list[wq.Query]


class Executor:
    """Runs queries over a snapshot; safe to share between threads.

    With `compiled` the loops are compiled code, once `warm_up` has loaded it.
    """

    def __init__(self, snapshot: Snapshot, kernels: Kernels) -> None:
        self.snapshot = snapshot
        self._kernels = kernels
        statistics = Statistics(snapshot)
        self._statistics = statistics
        self._evaluators = [
            Evaluator(snapshot, number, statistics) for number in range(len(snapshot.segments))
        ]
        self._norms: dict[int, Any] = {}

    def match(self, query: wq.Query) -> list[Found]:
        """What matches in each segment; raises `QueryError` for too wide a pattern."""
        self._refuse_wide_patterns(query)
        words = read_words(query) if self._kernels.loaded else None
        if words is None:
            return [self._evaluated(evaluator, query) for evaluator in self._evaluators]
        return [self._compiled(number, words) for number in range(len(self._evaluators))]

    @staticmethod
    def _evaluated(evaluator: Evaluator, query: wq.Query) -> Found:
        doc_ids, scores = evaluator.matches(query)
        return Found(doc_ids, scores.astype(np.float32), len(doc_ids))

    def _compiled(self, number: int, words: Words) -> Found:
        evaluator = self._evaluators[number]
        segment = evaluator.segment
        groups = [self._entries(number, group) for group in words.groups]
        if words.every:
            groups.sort(key=lambda group: sum(entry.df for entry, *_ in group))
            if not all(groups):
                return Found(NOTHING.doc_ids, NOTHING.scores.astype(np.float32), 0)
        lists = [entry for group in groups for entry in group]
        if not lists:
            return Found(NOTHING.doc_ids, NOTHING.scores.astype(np.float32), 0)
        arrays = (
            segment.docs, segment.tfs, segment.lengths, self._norm_table(number),
            segment.chunk_bounds([entry for entry, *_ in lists]),
            np.array([row for _, row, _ in lists], np.int64),
            np.array([weight for *_, weight in lists], np.float32),
        )  # fmt: skip
        kernels = self._kernels.module
        if words.every and len(groups) > 1:
            bounds = np.cumsum([0, *map(len, groups)], dtype=np.int64)
            count, doc_ids, scores = kernels.score_all(*arrays, bounds, segment.doc_count)
        else:
            count, doc_ids, scores = kernels.score_any(*arrays, segment.doc_count)
        return self._restricted(evaluator, words, Found(doc_ids, scores, count))

    def _entries(self, number: int, group: list[wq.Term]) -> list[tuple[Any, int, float]]:
        """The postings of a group in a segment: entry, length row, weight."""
        segment = self.snapshot.segments[number]
        found = []
        for term in group:
            entry = segment.find_term(term.fieldname, term.text.encode())
            if entry is not None:
                idf = self._statistics.idf(term.fieldname, term.text)
                row = segment.fields[term.fieldname].length_row
                found.append((entry, row, term.boost * idf * (K1 + 1)))
        return found

    def _norm_table(self, number: int) -> npt.NDArray[np.float32]:
        """float32[L, 256]: the norms of every field with lengths, by row."""
        if number not in self._norms:
            segment = self.snapshot.segments[number]
            table = np.zeros((len(segment.lengths) + 1, 256), np.float32)
            for info in segment.fields.values():
                if info.length_row >= 0:
                    table[info.length_row] = self._statistics.norms(info.name)
            self._norms[number] = table
        return self._norms[number]  # type: ignore[no-any-return]

    @staticmethod
    def _restricted(evaluator: Evaluator, words: Words, found: Found) -> Found:
        """Without deleted and excluded documents, and those that a clause keeps out."""
        deleted = evaluator.segment.deleted
        if not (words.filters or words.excluded or len(deleted)):
            return found
        keep = np.ones(evaluator.segment.doc_count, np.bool_)
        for clause in words.filters:
            inside = np.zeros(evaluator.segment.doc_count, np.bool_)
            inside[evaluator.documents(clause)] = True
            keep &= inside
        for clause in words.excluded:
            keep[evaluator.documents(clause)] = False
        keep[deleted] = False
        kept = keep[found.doc_ids[: found.count]]
        doc_ids = found.doc_ids[: found.count][kept]
        return Found(doc_ids, found.scores[: found.count][kept], len(doc_ids))

    def _refuse_wide_patterns(self, query: wq.Query) -> None:
        left = MAX_EXPANDED_TERMS
        for pattern in patterns(query):
            if isinstance(pattern, wq.Prefix):
                left -= sum(
                    len(segment.terms_with_prefix(pattern.fieldname, pattern.text.encode()))
                    for segment in self.snapshot.segments
                )
            else:
                left -= len(expanded_terms(pattern, self.snapshot))
            if left < 0:
                raise too_wide(pattern)

    def top(self, found: list[Found], failed: list[Failed], k: int) -> tuple[int, list[int], list[float]]:
        """How many pass the filters, and the best k of them: doc ids and scores.

        Best first; ties in order of doc id.
        """
        total = 0
        doc_ids: list[int] = []
        scores: list[float] = []
        for base, part, fails in zip(self.snapshot.bases, found, failed, strict=True):
            passed, docs, values = self._top_of(part, fails, k)
            total += passed
            doc_ids += [base + doc for doc in docs]
            scores += values
        if len(found) > 1:
            order = sorted(range(len(doc_ids)), key=lambda i: -scores[i])[:k]
            doc_ids, scores = [doc_ids[i] for i in order], [scores[i] for i in order]
        return total, doc_ids, scores

    def _top_of(self, found: Found, failed: Failed, k: int) -> tuple[int, list[int], list[float]]:
        if self._kernels.loaded:
            docs = np.empty(min(k, found.count), np.uint32)
            scores = np.empty(len(docs), np.float32)
            total = self._kernels.module.best(*found, failed, docs, scores)
            return total, docs[:total].tolist(), scores[:total].tolist()
        passed = _passing(found, failed)
        order = passed[np.argsort(-found.scores[passed], kind="stable")[:k]]
        return len(passed), found.doc_ids[order].tolist(), found.scores[order].tolist()

    def passing(
        self, found: list[Found], failed: list[Failed]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """All that pass the filters, by doc id: doc_ids int64[n], scores float32[n]."""
        doc_ids, scores = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for base, part, fails in zip(self.snapshot.bases, found, failed, strict=True):
            passed = _passing(part, fails)
            doc_ids.append(part.doc_ids[passed].astype(np.int64) + base)
            scores.append(part.scores[passed])
        return np.concatenate(doc_ids), np.concatenate(scores)

    def count(self, found: list[Found], failed: list[Failed], facet: Facet, own: int) -> npt.NDArray[np.int64]:
        """int64[values]: the matches that have each value of a facet.

        `own` is what `failed` says of documents that only this facet's filter keeps out.
        """
        values = self.snapshot.facet(facet)
        counts = np.zeros(len(values.keys), np.int64)
        for number, (part, fails) in enumerate(zip(found, failed, strict=True)):
            segment = self.snapshot.segments[number]
            if part.count and segment.has_facet(facet):
                offsets, ordinals = segment.facet(facet)
                part_counts = np.zeros(segment.fields[facet].terms, np.int64)
                if self._kernels.loaded:
                    self._kernels.module.count_facet(
                        part.doc_ids, part.count, fails, own, offsets, ordinals, part_counts
                    )
                else:
                    _count_plainly(part, fails, own, offsets, ordinals, part_counts)
                counts[values.ordinals[number]] += part_counts
        return counts


class Kernels:
    """The compiled loops, loaded in the background or when asked for.

    Loading takes about a second, so one-shot programs do without.
    """

    def __init__(self) -> None:
        self.module: Any = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def loaded(self) -> bool:
        """Whether compiled loops can be used."""
        return self.module is not None

    def load(self) -> None:
        """Load them now; returns when they are ready."""
        with self._lock:
            if self.module is None:
                from . import kernels

                self.module = kernels

    def load_in_background(self) -> None:
        """Start loading them, unless that was done before."""
        if self.module is None and self._thread is None:
            self._thread = threading.Thread(target=self.load, name="storydex-kernels", daemon=True)
            self._thread.start()


#: Compiled code is the same for all engines of a process.
KERNELS = Kernels()
#: For engines that never compile.
NO_KERNELS = Kernels()


def read_words(query: wq.Query) -> Words | None:
    """Read a query as one of words; None if it is anything else."""
    excluded: list[wq.Query] = []
    while isinstance(query, wq.AndNot):
        excluded.append(query.b)
        query = query.a
    if isinstance(query, wq.And) and query.boost == 1.0:
        filters = [part for part in query.subqueries if _is_filter(part)]
        rest = [part for part in query.subqueries if not _is_filter(part)]
        groups = [_group(part) for part in rest]
        if len(rest) == 1 and groups[0] is None:
            return _any_words(rest[0], filters, excluded)
        if not rest or any(group is None for group in groups):
            return None
        return Words([group for group in groups if group], True, filters, excluded)
    return _any_words(query, [], excluded)


def _any_words(query: wq.Query, filters: list[wq.Query], excluded: list[wq.Query]) -> Words | None:
    group = _group(query)
    return None if group is None else Words([group], False, filters, excluded)


def _is_filter(query: wq.Query) -> bool:
    return isinstance(query, wq.ConstantScoreQuery) and query.score == 0.0


def _group(query: wq.Query) -> list[wq.Term] | None:
    """The terms of a disjunction of terms, however nested; None if there is anything else."""
    if isinstance(query, wq.Term):
        return [query] if isinstance(query.text, str) else None
    if not isinstance(query, wq.Or) or query.boost != 1.0 or query.scale or query.minmatch:
        return None
    terms: list[wq.Term] = []
    for part in query.subqueries:
        inner = _group(part)
        if inner is None:
            return None
        terms += inner
    return terms


def patterns(query: wq.Query) -> list[MultiTerm]:
    """The leaves of a query that stand for several terms."""
    if isinstance(query, MultiTerm):
        return [query]
    return [pattern for child in query.children() for pattern in patterns(child)]


def _passing(found: Found, failed: Failed) -> npt.NDArray[np.intp]:
    if not len(failed):
        return np.arange(found.count)
    return np.flatnonzero(failed[found.doc_ids[: found.count]] == 0)


def _count_plainly(
    found: Found, failed: Failed, own: int, offsets: Any, ordinals: Any, counts: npt.NDArray[np.int64]
) -> None:
    doc_ids = found.doc_ids[: found.count]
    if len(failed):
        fails = failed[doc_ids]
        doc_ids = doc_ids[(fails == 0) | (fails == own)]
    inside = np.zeros(len(offsets) - 1, np.bool_)
    inside[doc_ids] = True
    counts += np.bincount(
        ordinals[np.repeat(inside, np.diff(offsets))], minlength=len(counts)
    )


def failures(
    size: int, allowed: npt.NDArray[np.bool_] | None, filters: Sequence[npt.NDArray[np.bool_]]
) -> Failed:
    """Combine the filters of a segment of `size` documents into one array.

    allowed: bool[N], what is no facet's filter; filters: bool[N] of each filtered facet
    """
    if allowed is None and not filters:
        return NO_FILTERS
    failed = np.zeros(size, np.uint8)
    for number, passes in enumerate(filters, 1):
        fails = ~passes
        failed[fails] = np.where(failed[fails] == 0, number, _EXCLUDED)
    if allowed is not None:
        failed[~allowed] = _EXCLUDED
    return failed


