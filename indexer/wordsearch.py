"""Queries of words over a whole snapshot, answered by compiled loops; layer 7.

The way of a query: its lists (every word in every field it is sought in) are put into a
few small arrays, looked up in all segments, weighed, and matched segment by segment, the
best k carried from one to the next. Facets are counted over the bitmaps of matches.
All of it together costs Python about 20 µs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq

from . import counting, lookup, onepass, onephrase, ranking
from .answer import Answer, FacetWish
from .codec.format import CHUNK_DOCS
from .codec.read import SegmentArrays
from .evaluate import K1, Statistics
from .model import Facet
from .snapshot import FacetValues, Snapshot

#: More than this are not kept in order while matching.
MAX_BEST = 128
#: A value has a bitmap if more documents than one in this many have it; the bitmaps of
#: a facet then take at most 8 bytes for each value of each document.
_DENSE_FACTOR = 64
#: Nanoseconds to count a value of a document, and a word of a bitmap: when to use which.
_LISTED_NS, _WORD_NS = 1.0, 0.25
#: Bitmaps are made for a facet that has been counted over many matches this often.
_BITMAPS_AFTER = 3


_SATURATION = K1 + 1
_NONE = np.empty(0, np.int64)
_TERM_SECTIONS = (
    ("buckets", "u4"), ("bucket_terms", "u4"), ("offsets", "u4"), ("bytes", "u1"), ("starts", "u4"),
)  # fmt: skip
_Flags = npt.NDArray[np.uint8]


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
        norms = {name: statistics.norms(name).astype(np.float32) for name in scored}
        self._segments = [_Segment(segment, scored, norms) for segment in snapshot.segments]
        self._states = threading.local()

    def answer(
        self,
        groups: Sequence[Sequence[wq.Term]],
        failed: Sequence[_Flags],
        k: int,
        wishes: Sequence[FacetWish] = (),
        *,
        every: bool,
        slop: int = 0,
        dropped: Sequence[_Flags] | None = None,
    ) -> Answer | None:
        """Run a query: a term of every group must be in a document, or any term at all.

        With a slop above 0, instead all terms of any group, in order and so far apart.

        failed: for each segment uint8[N] or uint8[0], why filters keep documents out: 0 they
            do not, i the i-th facet's filter alone does, 255 more does
        dropped: for each segment uint8[N] or uint8[0], not 0 for documents that do not
            match: deleted ones, and what else the query excludes
        Returns None if the query is not one for these loops: too many wanted, words of
        fields without lengths, boosts that are not above 0.
        """
        lists = self._lists(groups, every, k) if k <= MAX_BEST else None
        return lists and self._run(_Request(lists, slop, failed, wishes, dropped))

    def _lists(self, groups: Sequence[Sequence[wq.Term]], every: bool, k: int) -> _Lists | None:
        numbers: dict[str, int] = {}
        words, fields, boosts = [], [], []
        places = self._fields
        for group in groups:
            for term in group:
                boost, place = term.boost, places.get(term.fieldname)
                if boost <= 0 or place is None:
                    return None
                words.append(numbers.setdefault(term.text, len(numbers)))
                fields.append(place)
                boosts.append(boost)
        texts = [word.encode() for word in numbers]
        head = (len(words), len(texts), len(groups), every, k, self._snapshot.size)
        ends, bounds = accumulate(map(len, texts)), accumulate(map(len, groups))
        return _Lists(
            np.frombuffer(bytearray().join(texts), np.uint8),
            np.array([*head, *words, *fields, *ends, 0, *bounds], np.int64),
            np.array(boosts, np.float64),
        )

    def _run(self, request: _Request) -> Answer:
        lists, state = request.lists, self._own_state()
        state.numbers[:] = 0
        df = _NONE
        if len(self._segments) > 1:
            df = np.zeros(len(lists.boosts), np.int64)
            for segment in self._segments:
                segment.count_documents(lists, df)
        sums = [_Sums(self._snapshot.facet(wish.facet)) for wish in request.wishes]
        matched = 0
        for number, segment in enumerate(self._segments):
            failed, bits = request.kept_out(number), state.bits[: segment.words]
            arguments = (
                *lists, df, _SATURATION, failed, self._snapshot.bases[number],
                state.sums, state.room, state.marks, bits, state.docs, state.scores, state.numbers,
            )  # fmt: skip
            if request.slop:
                onephrase.answer(*segment.arrays, *segment.positions, request.slop, *arguments)
            else:
                onepass.answer(*segment.arrays, *arguments)
            here = request.matched(number, bits, int(state.numbers[ranking.MATCHED]))
            state.numbers[ranking.MATCHED] = 0
            matched += here
            if here:
                for wish, total in zip(request.wishes, sums, strict=True):
                    total.add(number, segment.count(wish, bits, failed, here))
        held, _, passed = state.numbers.tolist()
        return Answer(
            matched, passed, state.docs[:held].tolist(), state.scores[:held].tolist(),
            [total.result() for total in sums],
        )  # fmt: skip

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
        self.sums = np.zeros(CHUNK_DOCS, np.float32)
        self.room = np.empty(CHUNK_DOCS, np.uint16)
        self.marks = np.zeros((3, CHUNK_DOCS // 64), np.uint64)
        self.bits = np.zeros(words, np.uint64)
        self.docs = np.empty(MAX_BEST, np.uint32)
        self.scores = np.empty(MAX_BEST, np.float32)
        self.numbers = np.zeros(3, np.int64)


class _Lists(NamedTuple):
    """A query as arrays: `text`, `numbers` and `boosts` of `onepass.answer`."""

    text: npt.NDArray[np.uint8]
    numbers: npt.NDArray[np.int64]
    boosts: npt.NDArray[np.float64]


class _Request(NamedTuple):
    """What `WordSearch.answer` is asked."""

    lists: _Lists
    slop: int
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

    @cached_property
    def positions(self) -> tuple[Any, ...]:
        """What phrases need besides `arrays`."""
        return self._segment.position_arrays[1:]

    def count_documents(self, lists: _Lists, df: npt.NDArray[np.int64]) -> None:
        """Add to df[i] the documents in list i."""
        n, words = lists.numbers[: onepass.GROUPS].tolist()
        items = lists.numbers[onepass.ITEMS :]
        lookup.find_lists(
            *self._terms, self._postings, lists.text, items[2 * n : 2 * n + words],
            items[:n], items[n : 2 * n], self._spans, np.empty((n, 3), np.int64), df,
        )  # fmt: skip

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
        self._starts = segment.term_starts(facet)
        docs = max(1, segment.doc_count)
        self._per_document = len(self._lists[1]) / docs
        self._words = _words(segment)
        frequencies = np.diff(self._starts.astype(np.int64))
        self._dense = np.flatnonzero(frequencies * _DENSE_FACTOR > docs)
        rare = 1 - frequencies[self._dense].sum() / max(1, frequencies.sum())
        self._rare_per_document = self._per_document * rare
        self._used = 0
        self._maps: tuple[Any, Any, Any] | None = None

    def count(self, bits: Any, matched: int) -> npt.NDArray[np.int64]:
        """int64[V]: the documents of `bits`, about `matched`, that have each value."""
        counts = np.zeros(self._values, np.int64)
        maps = self._maps if self._dear(matched) else None
        if maps is None:
            counting.count_listed(bits, *self._lists, counts)
        else:
            dense, rare_offsets, rare_ordinals = maps
            counting.count_common(bits, dense, self._dense, counts)
            if len(rare_ordinals):
                counting.count_listed(bits, rare_offsets, rare_ordinals, counts)
        return counts

    def _dear(self, matched: int) -> bool:
        """Whether bitmaps save time; makes them when they have been wanted often enough."""
        listed = matched * (self._per_document - self._rare_per_document) * _LISTED_NS
        if listed <= len(self._dense) * self._words * _WORD_NS:
            return False
        self._used += 1
        if self._maps is None and self._used >= _BITMAPS_AFTER:
            self._maps = self._make_maps()
        return True

    def _make_maps(self) -> tuple[Any, Any, Any]:
        offsets, ordinals = self._lists
        rows = np.full(self._values, -1, np.int64)
        rows[self._dense] = np.arange(len(self._dense))
        maps = np.zeros((len(self._dense), self._words), np.uint64)
        rare_offsets = np.zeros(len(offsets), np.uint32)
        rare = np.empty(len(ordinals), ordinals.dtype)
        used = counting.split(offsets, ordinals, rows, maps, rare_offsets, rare)
        return maps, rare_offsets, rare[:used].copy()
