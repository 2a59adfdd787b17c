"""Queries of words over a whole snapshot, answered by compiled loops; layer 7.

The way of a query: its lists (every word in every field it is sought in) are put into a
few small arrays, looked up in all segments, weighed, and matched segment by segment, the
best k carried from one to the next. Facets are counted over the bitmaps of matches.
All of it together costs Python about 20 µs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import counting, onepass, requests
from .answer import Answer, FacetWish
from .clauses import Word
from .codec.format import CHUNK_DOCS
from .codec.read import SegmentArrays
from .compiled import Words
from .evaluate import K1, Statistics
from .model import Facet
from .schema import TEXT_BOOSTS
from .snapshot import FacetValues, Snapshot

#: More than this are not kept in order while matching.
MAX_BEST = 128
#: So few matches are faster counted value by value.
_FEW = 64

_SATURATION = K1 + 1
_NONE = np.empty(0, np.int64)
_TERM_SECTIONS = (
    ("buckets", "u4"), ("bucket_terms", "u4"), ("offsets", "u4"), ("bytes", "u1"), ("starts", "u4"),
)  # fmt: skip
_Flags = npt.NDArray[np.uint8]
_Request = npt.NDArray[np.uint8]


class WordSearch:
    """Answers queries of words over a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot, statistics: Statistics) -> None:
        self._snapshot = snapshot
        scored = sorted(
            {
                info.name
                for segment in snapshot.segments
                for info in segment.fields.values()
                if info.length_row >= 0
            }
        )
        self._fields = {name: place for place, name in enumerate(scored)}
        searched = [name for name in TEXT_BOOSTS if name in self._fields]
        self._searched = (
            np.array([self._fields[name] for name in searched], np.int64),
            np.array([TEXT_BOOSTS[name] for name in searched], np.float64),
        )
        norms = {name: statistics.norms(name).astype(np.float32) for name in scored}
        self._segments = [_Segment(segment, scored, norms) for segment in snapshot.segments]
        self._states = threading.local()

    def answer(
        self,
        words: Words,
        failed: Sequence[_Flags],
        k: int,
        wishes: Sequence[FacetWish] = (),
        dropped: Sequence[_Flags] | None = None,
    ) -> Answer | None:
        """Run a query: a term of every group must be in a document, or any term at all.

        failed: for each segment uint8[N] or uint8[0], why filters keep documents out: 0 they
            do not, i the i-th facet's filter alone does, 255 more does
        dropped: for each segment uint8[N] or uint8[0], not 0 for documents that do not
            match: deleted ones, and what else the query excludes
        Returns None if the query is not one for these loops: too many groups or documents
        wanted, words of fields without lengths, boosts that are not above 0.
        """
        request = self._encode(words, k) if k <= MAX_BEST else None
        return None if request is None else self._run(request, _Wanted(failed, wishes, dropped))

    def _encode(self, words: Words, k: int) -> _Request | None:
        texts: list[bytes] = []
        fields: list[int] = []
        boosts: list[float] = []
        for leaf in words.leaves:
            texts.append(leaf.text.encode())
            if isinstance(leaf, Word):
                fields.append(requests.EVERYWHERE)
                boosts.append(leaf.weight)
            else:
                place = self._fields.get(leaf.fieldname)
                if place is None:
                    return None
                fields.append(place)
                boosts.append(leaf.boost)
        if min(boosts) <= 0 or len(words.bounds) > onepass.MAX_GROUPS:
            return None
        return requests.encode(
            texts, fields, boosts, words.bounds,
            every=words.every, best=k, documents=self._snapshot.size,
        )  # fmt: skip

    def _run(self, request: _Request, wanted: _Wanted) -> Answer:
        state = self._own_state()
        query = (request, *self._searched, self._frequencies(request), _SATURATION)
        sums = [_Sums(self._snapshot.facet(wish.facet)) for wish in wanted.wishes]
        matched = 0
        for number, segment in enumerate(self._segments):
            failed, bits = wanted.kept_out(number), state.bits[: segment.words]
            here = onepass.answer(
                *segment.arrays, *query, failed, self._snapshot.bases[number],
                *state.room, bits, *state.best,
            )  # fmt: skip
            here = wanted.matched(number, bits, here)
            matched += here
            if here:
                for wish, total in zip(wanted.wishes, sums, strict=True):
                    total.add(number, segment.count(wish, bits, failed, here))
        held, _, passed = state.numbers.tolist()
        return Answer(
            matched, passed, state.docs[:held].tolist(), state.scores[:held].tolist(),
            [total.result() for total in sums],
        )  # fmt: skip

    def _frequencies(self, request: _Request) -> npt.NDArray[np.int64]:
        """int64[n]: the documents in each list; empty where one segment knows them all."""
        if len(self._segments) <= 1:
            return _NONE
        df = np.zeros(len(requests.lists_of(request, *self._searched)[2]), np.int64)
        for segment in self._segments:
            segment.count_documents(request, self._searched, df)
        return df

    def _own_state(self) -> _State:
        try:
            return self._states.state  # type: ignore[no-any-return]
        except AttributeError:
            state = _State(max((segment.words for segment in self._segments), default=0))
            self._states.state = state
            return state


class _State:
    """What the loops write into; one for each thread, used by one query after the other.

    See `onepass._OUTCOME`.
    """

    def __init__(self, words: int) -> None:
        self.bits = np.zeros(words, np.uint64)
        self.docs = np.empty(MAX_BEST, np.uint32)
        self.scores = np.empty(MAX_BEST, np.float32)
        self.numbers = np.zeros(3, np.int64)
        self.room = (
            np.zeros(CHUNK_DOCS, np.float32),
            np.zeros(CHUNK_DOCS, np.uint8),
            np.empty(CHUNK_DOCS + 1, np.uint16),
        )
        self.best = self.docs, self.scores, self.numbers


class _Wanted(NamedTuple):
    """What `WordSearch.answer` is asked besides the words."""

    failed: Sequence[_Flags]
    wishes: Sequence[FacetWish]
    dropped: Sequence[_Flags] | None

    def kept_out(self, number: int) -> _Flags:
        """uint8[N] or uint8[0]: `failed` of a segment, with the dropped documents in it."""
        failed = self.failed[number]
        dropped = self.dropped[number] if self.dropped else ()
        if not len(dropped):
            return failed
        return np.where(dropped != 0, np.uint8(255), failed if len(failed) else np.uint8(0))

    def matched(self, number: int, bits: Any, count: int) -> int:
        """How many of `count` documents match; takes those that are dropped out of `bits`."""
        dropped = self.dropped[number] if self.dropped else ()
        return int(counting.keep_passing(bits, dropped, 0, bits)) if len(dropped) else count


class _Sums:
    """Adds up the counts of one facet over segments."""

    def __init__(self, values: FacetValues) -> None:
        self._values = values
        self._sums: npt.NDArray[np.int64] | None = None

    def add(self, number: int, counts: npt.NDArray[np.int64] | None) -> None:
        """Add those of a segment, by its own ordinals."""
        if counts is None:
            return
        if len(self._values.ordinals) == 1:
            # The values of one segment are all there are, in the same order.
            self._sums = counts
            return
        if self._sums is None:
            self._sums = np.zeros(len(self._values.keys), np.int64)
        self._sums[self._values.ordinals[number]] += counts

    def result(self) -> npt.NDArray[np.int64]:
        """int64[values], as `Answer.counts`."""
        return np.zeros(len(self._values.keys), np.int64) if self._sums is None else self._sums


def _words(segment: SegmentArrays) -> int:
    """How many words of 64 bits have a bit for every document."""
    return -(-segment.doc_count // 64)


class _Segment:
    """The arrays of a segment in the order in which the loops take them."""

    def __init__(
        self, segment: SegmentArrays, scored: Sequence[str], norms: dict[str, Any]
    ) -> None:
        self._segment = segment
        self.words = _words(segment)
        infos = [segment.fields.get(name) for name in scored]
        self._spans = np.array(
            [(info.first, info.terms) if info else (0, 0) for info in infos], np.int64
        ).reshape(-1, 2)
        self._rows = np.array([info.length_row if info else 0 for info in infos], np.int64)
        table = np.zeros((max(1, len(segment.lengths)), 256), np.float32)
        for name, info in zip(scored, infos, strict=True):
            if info is not None and info.length_row >= 0:
                table[info.length_row] = norms[name]
        self._terms = (
            *(segment.terms_file.section(name, dtype) for name, dtype in _TERM_SECTIONS),
        )  # fmt: skip
        self.arrays = (
            *self._terms, self._spans,
            segment.first_chunks, segment.run_starts, segment.run_chunks,
            segment.docs, segment.tfs, segment.lengths, table, self._rows,
        )  # fmt: skip
        self._postings = len(segment.docs)
        self._counters: dict[str, _Counter | None] = {}

    def count_documents(
        self, request: _Request, searched: tuple[Any, Any], df: npt.NDArray[np.int64]
    ) -> None:
        """Add to df[i] the documents in list i."""
        onepass.count_documents(*self._terms, self._spans, self._postings, request, *searched, df)

    def count(
        self, wish: FacetWish, bits: Any, failed: _Flags, matched: int
    ) -> npt.NDArray[np.int64] | None:
        """int64[V]: the counts of a facet by the segment's own ordinals; None for no values."""
        counter = self._counter(wish.facet)
        if counter is None:
            return None
        if len(failed):
            kept = np.empty_like(bits)
            matched = counting.keep_passing(bits, failed, wish.own, kept)
            bits = kept
        return counter.count(bits, matched)

    def _counter(self, facet: Facet) -> _Counter | None:
        if facet not in self._counters:
            has = self._segment.has_facet(facet)
            self._counters[facet] = _Counter(self._segment, facet) if has else None
        return self._counters[facet]


class _Counter:
    """Counts the values of one facet in one segment."""

    def __init__(self, segment: SegmentArrays, facet: Facet) -> None:
        self._lists = segment.facet(facet)
        self._values = segment.fields[facet].terms
        self._frequencies = np.diff(segment.term_starts(facet)).astype(np.int64)
        # What has been counted by list so far, until it would have paid to make rows.
        self._listed = 0
        self._rows: _Rows | None = None

    def count(self, bits: Any, matched: int) -> npt.NDArray[np.int64]:
        """int64[V]: the documents of `bits`, `matched` of them, that have each value."""
        counts = np.zeros(self._values, np.int64)
        rows = self._rows
        if rows is None or matched < _FEW:
            counting.count_listed(bits, *self._lists, counts)
            self._listed += int(matched)
            if rows is None and self._listed > len(self._lists[0]):
                self._rows = self._make_rows()
            return counts
        counting.count_rows(bits, matched, rows.rows, rows.values, rows.totals, counts)
        if len(rows.rare_ordinals):
            counting.count_listed(bits, rows.rare_offsets, rows.rare_ordinals, counts)
        return counts

    def _make_rows(self) -> _Rows:
        frequent = np.argsort(-self._frequencies, kind="stable")[: counting.ROW_VALUES]
        made = counting.make_rows(*self._lists, frequent, self._values)
        return _Rows(made[0], frequent, self._frequencies[frequent], *made[1:])


class _Rows(NamedTuple):
    """A facet's values by document, as `counting.count_rows` wants them."""

    rows: Any
    values: npt.NDArray[np.int64]
    totals: npt.NDArray[np.int64]
    rare_offsets: Any
    rare_ordinals: Any
