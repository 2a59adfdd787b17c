"""Queries of words over a whole snapshot, answered by compiled loops.

The way of a query: its lists (every word in every field it is sought in) are put into a
few small arrays, looked up in all segments, weighed, and matched segment by segment, the
best k carried from one to the next. Facets are counted over the bitmaps of matches.
All of it together costs Python about 20 µs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...codec.positions_fast import PositionsTable
from ...codec.read import SegmentArrays
from ...kernels.tables import Table
from ...query.clauses import WordClause
from ...schema import EVERYWHERE, TEXT_BOOSTS
from ..answer import REJECTED, Answer, FacetWish
from ..plain import K1, Statistics
from ..snapshot import FacetValues, Snapshot
from . import lookup
from .count import keep_passing
from .phrase import answer as answer_phrase
from .rank import Accumulators
from .request import count_lists, encode
from .tally import Tally
from .tree import Words
from .words import answer as answer_words

_SATURATION = K1 + 1
_NONE = np.empty(0, np.int64)
_Flags = npt.NDArray[np.uint8]
_Counts = npt.NDArray[np.int64]
#: See `request`.
Request = npt.NDArray[np.uint8]


class WordSearch:
    """Answers queries of words over a snapshot; safe to share between threads."""

    #: The largest k this path supports.
    max_best = 128

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
        self._searched = [self._fields[name] for name in searched]
        boosts = [TEXT_BOOSTS[name] for name in searched]
        self._segments = [
            _SearchedSegment(
                segment,
                lookup.segment_table(
                    segment, scored, self._searched, boosts, statistics.norms_of(segment)
                ),
            )
            for segment in snapshot.segments
        ]
        self._kept = threading.local()

    def request(self, words: Words) -> Request | None:
        """A query of words as the loops want it.

        None if they cannot run it: words of fields without lengths, boosts not above 0.
        """
        texts: list[bytes] = []
        fields: list[int] = []
        boosts: list[float] = []
        for leaf in words.leaves:
            texts.append(leaf.text.encode())
            if isinstance(leaf, WordClause):
                fields.append(EVERYWHERE)
                boosts.append(leaf.weight)
            else:
                place = self._fields.get(leaf.fieldname)
                if place is None:
                    return None
                fields.append(place)
                boosts.append(leaf.boost)
        if min(boosts) <= 0:
            return None
        return encode(texts, fields, boosts, words.bounds, every=words.every)

    def answer(
        self,
        request: Request,
        failed: Sequence[_Flags],
        k: int,
        wishes: Sequence[FacetWish] = (),
        dropped: Sequence[_Flags] | None = None,
        slop: int = 0,
    ) -> Answer:
        """Run a query: a term of every group must be in a document, or any term at all.

        With a slop above 0, instead all terms of any group, in order, each at most so many
        positions after the one before.

        failed: for each segment how its documents fare with the filters, see `executor.Failed`
        k: how many of the best are wanted, at most `max_best`
        dropped: for each segment uint8[N] or uint8[0], not 0 for documents that do not
            match: deleted ones, and what else the query excludes
        """
        sums = self._accumulators()
        df = self._frequencies(request)
        counts: list[list[_Counts | None]] = [[] for _ in wishes]
        matched = 0
        for number, segment in enumerate(self._segments):
            fails = failed[number]
            if dropped is not None:
                fails = _kept_out(fails, dropped[number])
            query = (
                segment.table, sums.table, request, fails, df, k,
                self._snapshot.bases[number], _SATURATION, self._snapshot.size,
            )  # fmt: skip
            here = answer_phrase(segment.positions, slop, *query) if slop else answer_words(*query)
            if dropped is not None and len(dropped[number]):
                bits = sums.bits[: segment.words]
                here = int(keep_passing(bits, dropped[number], 0, bits))
            matched += here
            for wish, parts in zip(wishes, counts, strict=True):
                parts.append(segment.tally.count(wish, sums, fails, here) if here else None)
        held, _, passed = sums.state.tolist()
        return Answer(
            matched, passed, sums.top_docs[:held].tolist(), sums.top_scores[:held].tolist(),
            [
                _joined(self._snapshot.facet(wish.facet), parts)
                for wish, parts in zip(wishes, counts, strict=True)
            ],
        )  # fmt: skip

    def _frequencies(self, request: Request) -> npt.NDArray[np.int64]:
        """int64[n]: the documents in each list; empty where one segment knows them all."""
        if len(self._segments) <= 1:
            return _NONE
        df = np.zeros(count_lists(request, len(self._searched)), np.int64)
        lists = np.empty((len(df), 3), np.int64)
        for segment in self._segments:
            lookup.find_all(segment.table, request, lists, df)
        return df

    def _accumulators(self) -> Accumulators:
        """What the loops write into: one for each thread, used by one query after the other."""
        kept: Accumulators | None = getattr(self._kept, "sums", None)
        if kept is None:
            documents = max((segment.documents for segment in self._segments), default=0)
            self._kept.sums = kept = Accumulators(documents, self.max_best)
        return kept


def _kept_out(failed: _Flags, dropped: _Flags) -> _Flags:
    """uint8[N] or uint8[0]: `failed` of a segment, with the dropped documents in it."""
    if not len(dropped):
        return failed
    return np.where(dropped != 0, np.uint8(REJECTED), failed if len(failed) else np.uint8(0))


def _joined(values: FacetValues, parts: Sequence[_Counts | None]) -> _Counts:
    """The counts of all segments, int64[values] as `Answer.counts`, from those of each."""
    if len(parts) == 1 and parts[0] is not None:
        # The values of one segment are all there are, in the same order.
        return parts[0]
    sums = np.zeros(len(values.keys), np.int64)
    for ordinals, part in zip(values.ordinals, parts, strict=True):
        if part is not None:
            sums[ordinals] += part
    return sums


class _SearchedSegment:
    """Segment tables for searching."""

    def __init__(self, segment: SegmentArrays, table: Table) -> None:
        self._segment = segment
        self.table = table
        self.documents = segment.doc_count
        self.words = -(-segment.doc_count // 64)
        self.tally = Tally(segment)

    @cached_property
    def positions(self) -> Table:
        """What phrases need besides `table`."""
        return PositionsTable.fill(**self._segment.position_arrays._asdict())
