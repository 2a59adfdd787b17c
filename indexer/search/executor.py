"""A query over a whole snapshot → total, the best stories, facet counts.

One segment at a time, by `plain`, or by `fast` once the compiler is loaded. Both give the
same answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq

from ..model import Facet
from .answer import REJECTED, Answer, FacetWish
from .fast.tree import CompiledEvaluator, Words, read_words
from .plain import Evaluator, Matches, Statistics
from .snapshot import Snapshot

#: uint8[N], how each document of a segment fares with the filters; or uint8[0] if there are
#: none. 0: passes. i: only facet filter i rejects it. REJECTED: several filters, or a date
#: limit, reject it.
Failed = npt.NDArray[np.uint8]
NO_FILTERS: Failed = np.empty(0, np.uint8)


class Prepared(NamedTuple):
    """A query made ready for one executor: read as words, and as compiled loops want it."""

    query: wq.Query
    words: Words | None
    request: npt.NDArray[np.uint8] | None


class Executor:
    """Runs queries over a snapshot; safe to share between threads.

    Uses plain loops until the compiled ones are loaded.
    """

    def __init__(self, snapshot: Snapshot, loops: CompiledLoops) -> None:
        self.snapshot = snapshot
        self._loops = loops
        self._statistics = Statistics(snapshot)
        self._plain = [
            Evaluator(snapshot, number, self._statistics)
            for number in range(len(snapshot.segments))
        ]
        self._compiled: list[CompiledEvaluator] = []
        self._words: Any = None
        self._deletions = any(len(segment.deleted) for segment in snapshot.segments)

    def match(self, query: wq.Query) -> list[Matches]:
        """What matches in each segment; raises `QueryError`, `QueryTooCostly` for its patterns."""
        self.snapshot.expander.check(query)
        return self._match(query)

    def _match(self, query: wq.Query) -> list[Matches]:
        return [_single(evaluator.matches(query)) for evaluator in self._evaluators()]

    def prepare(self, query: wq.Query) -> Prepared:
        """Make a query ready to run; raises `QueryError`, `QueryTooCostly` for its patterns."""
        words = read_words(query) if self._loops.loaded else None
        if words is None or words.filters or words.excluded:
            self.snapshot.expander.check(query)
        request = None if words is None else self._word_search().request(words)
        return Prepared(query, words, request)

    def run(
        self, prepared: Prepared, failed: list[Failed], k: int, wishes: Sequence[FacetWish] = ()
    ) -> Answer:
        """Match, rank and count facets; in a single compiled pass if the query has only words."""
        words, request = prepared.words, prepared.request
        if words is not None and request is not None and k <= self._words.max_best:
            return self._words.answer(  # type: ignore[no-any-return]
                request, failed, k, wishes, self._dropped(words), words.slop
            )
        found = self._match(prepared.query)
        total, doc_ids, scores = self.top(found, failed, k)
        counts = [self.count(found, failed, wish.facet, wish.own) for wish in wishes]
        return Answer(sum(len(part.doc_ids) for part in found), total, doc_ids, scores, counts)

    def search(
        self, query: wq.Query, failed: list[Failed], k: int, wishes: Sequence[FacetWish] = ()
    ) -> Answer:
        """Prepare a query and run it; raises `QueryError`, `QueryTooCostly` for its patterns."""
        return self.run(self.prepare(query), failed, k, wishes)

    def mask(self, number: int, field: str, terms: Iterable[str]) -> npt.NDArray[np.bool_]:
        """bool[N]: the documents of segment `number` that have any of these terms."""
        return self._evaluators()[number].mask(field, terms)

    def _word_search(self) -> Any:
        if self._words is None:
            from .fast.queries import WordSearch

            self._words = WordSearch(self.snapshot, self._statistics)
        return self._words

    def _dropped(self, words: Words) -> list[npt.NDArray[np.uint8]] | None:
        """For each segment, what cannot match: uint8[N], not 0 for such documents."""
        if not (words.filters or words.excluded or self._deletions):
            return None
        masks = []
        for evaluator in self._evaluators():
            mask = np.zeros(evaluator.segment.doc_count, np.uint8)
            for clause in words.filters:
                inside = np.zeros(len(mask), np.bool_)
                inside[evaluator.documents(clause)] = True
                mask[~inside] = 1
            for clause in words.excluded:
                mask[evaluator.documents(clause)] = 1
            mask[evaluator.segment.deleted] = 1
            masks.append(mask)
        return masks

    def _evaluators(self) -> Sequence[Evaluator]:
        if not self._loops.loaded:
            return self._plain
        if not self._compiled:
            self._compiled = [
                CompiledEvaluator(self.snapshot, number, self._statistics, self._loops.module)
                for number in range(len(self.snapshot.segments))
            ]
        return self._compiled

    def top(
        self, found: list[Matches], failed: list[Failed], k: int
    ) -> tuple[int, list[int], list[float]]:
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

    def _top_of(self, found: Matches, failed: Failed, k: int) -> tuple[int, list[int], list[float]]:
        if self._loops.loaded:
            docs = np.empty(min(k, len(found.doc_ids)), np.uint32)
            scores = np.empty(len(docs), np.float32)
            total = self._loops.module.best(found.doc_ids, found.scores, failed, docs, scores)
            return total, docs[:total].tolist(), scores[:total].tolist()
        passed = _passing(found, failed)
        order = passed[np.argsort(-found.scores[passed], kind="stable")[:k]]
        return len(passed), found.doc_ids[order].tolist(), found.scores[order].tolist()

    def passing(
        self, found: list[Matches], failed: list[Failed]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """All that pass the filters, by doc id: doc_ids int64[n], scores float32[n]."""
        doc_ids, scores = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for base, part, fails in zip(self.snapshot.bases, found, failed, strict=True):
            passed = _passing(part, fails)
            doc_ids.append(part.doc_ids[passed].astype(np.int64) + base)
            scores.append(part.scores[passed])
        return np.concatenate(doc_ids), np.concatenate(scores)

    def count(
        self, found: list[Matches], failed: list[Failed], facet: Facet, own: int
    ) -> npt.NDArray[np.int64]:
        """int64[values]: the matches that have each value of a facet.

        `own` is what `failed` says of documents that only this facet's filter keeps out.
        """
        values = self.snapshot.facet(facet)
        counts = np.zeros(len(values.keys), np.int64)
        for number, (part, fails) in enumerate(zip(found, failed, strict=True)):
            segment = self.snapshot.segments[number]
            if len(part.doc_ids) and segment.has_facet(facet):
                offsets, ordinals = segment.facet(facet)
                part_counts = np.zeros(segment.fields[facet].terms, np.int64)
                if self._loops.loaded:
                    self._loops.module.count_facet(
                        part.doc_ids, fails, own, offsets, ordinals, part_counts
                    )
                else:
                    _count_plainly(part, fails, own, offsets, ordinals, part_counts)
                counts[values.ordinals[number]] += part_counts
        return counts


class CompiledLoops:
    """The compiled loops, loaded in the background or when asked for.

    `load` imports and returns them, which takes about two seconds: one-shot programs do without.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self.module: Any = None
        self._load = load
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
                self.module = self._load()

    def load_in_background(self) -> None:
        """Start loading them, unless that was done before."""
        if self.module is None and self._thread is None:
            self._thread = threading.Thread(target=self.load, name="storydex-compiler", daemon=True)
            self._thread.start()


def _single(found: Matches) -> Matches:
    """Scores as float32, the precision in which results are ranked."""
    return Matches(found.doc_ids, found.scores.astype(np.float32, copy=False))


def _passing(found: Matches, failed: Failed) -> npt.NDArray[np.intp]:
    if not len(failed):
        return np.arange(len(found.doc_ids))
    return np.flatnonzero(failed[found.doc_ids] == 0)


def _count_plainly(
    found: Matches,
    failed: Failed,
    own: int,
    offsets: Any,
    ordinals: Any,
    counts: npt.NDArray[np.int64],
) -> None:
    doc_ids = found.doc_ids
    if len(failed):
        fails = failed[doc_ids]
        doc_ids = doc_ids[(fails == 0) | (fails == own)]
    inside = np.zeros(len(offsets) - 1, np.bool_)
    inside[doc_ids] = True
    counts += np.bincount(ordinals[np.repeat(inside, np.diff(offsets))], minlength=len(counts))


def failures(
    size: int, allowed: npt.NDArray[np.bool_] | None, filters: Sequence[npt.NDArray[np.bool_]]
) -> Failed:
    """Combine the filters of a segment of `size` documents into one array.

    allowed: bool[N], what is no facet's filter; filters: bool[N] of each filtered facet
    """
    if allowed is None and not filters:
        return NO_FILTERS
    failed = (~filters[0]).view(np.uint8) if filters else np.zeros(size, np.uint8)
    for number, passes in enumerate(filters[1:], 2):
        fails = (~passes).view(np.uint8)
        # Numbers wrap round: only where a document fails a second time all bits are set.
        failed |= fails * np.uint8(number) | (np.uint8(0) - (failed != 0) * fails)
    if allowed is not None:
        failed[~allowed] = REJECTED
    return failed
