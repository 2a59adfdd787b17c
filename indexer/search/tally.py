"""Counts of facet values over the matches of a segment."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..codec.format import I64, U8, U64
from ..codec.read import SegmentArrays
from ..kernels.tables import Table
from . import count
from .answer import FacetWish

_NO_ROWS = np.zeros((0, 1), np.uint64)
_NO_VALUES = np.zeros(0, np.int64)


class Tally:
    """Counts the facets of one segment and keeps what makes that fast.

    Safe to share between threads.
    """

    def __init__(self, segment: SegmentArrays) -> None:
        self._segment = segment
        self._counters: dict[str, FacetCounter] = {}

    def count(self, wish: FacetWish, bits: U64, failed: U8, matched: int) -> I64 | None:
        """int64[V]: the counts of a facet by the segment's own ordinals; None for no values.

        bits: uint64[W], the documents that match, `matched` of them
        failed: how documents fare with the filters, see `answer.Failed`
        """
        facet, segment = wish.facet, self._segment
        if not segment.has_facet(facet):
            return None
        if facet not in self._counters:
            lists = segment.facet(facet)  # which sees that the field is there
            self._counters[facet] = FacetCounter(*lists, segment.fields[facet].terms)
        return self._counters[facet].count(bits, failed, wish.own, matched)


class FacetCounter:
    """Counts the values of one facet in one segment.

    offsets uint32[N + 1], ordinals: document d has the values ordinals[offsets[d]:offsets[d + 1]]
    values: how many there are
    most: how many values are counted by rows, at most `count.ROW_VALUES`
    """

    def __init__(
        self, offsets: Any, ordinals: Any, values: int, most: int = count.ROW_VALUES
    ) -> None:
        # One width of numbers: loops for two would take twice as long to compile.
        ordinals = ordinals.astype(np.uint32)
        self._lists = (offsets, ordinals)
        self._frequencies = np.bincount(ordinals, minlength=values)[:values]
        self._most = most
        # What has been counted by list so far, until it would have paid to make rows.
        self._listed = 0
        self._by_rows = False
        none = ordinals[:0]
        self._table = self._filled(_NO_ROWS, _NO_VALUES, none, _NO_VALUES, none)

    def count(self, bits: U64, failed: Any, own: int, matched: int) -> I64:
        """int64[V]: the matches that have each value; see `count.count`."""
        counts = np.zeros(len(self._frequencies), np.int64)
        counted = count.count(self._table, bits, np.empty_like(bits), failed, own, matched, counts)
        if not self._by_rows:
            self._listed += counted
            if self._listed > len(self._lists[0]):
                self._make_rows()
        return counts

    def _make_rows(self) -> None:
        frequent = np.argsort(-self._frequencies, kind="stable")[: self._most]
        rows, *rare = count.make_rows(*self._lists, frequent, self._frequencies)
        self._table = self._filled(rows, frequent, *rare)
        self._by_rows = True

    def _filled(self, rows: Any, values: Any, *rare: Any) -> Table:
        offsets, ordinals = self._lists
        rare_values, rare_ends, rare_docs = rare
        return count.FacetTable.fill(
            offsets=offsets, ordinals=ordinals, rows=rows, values=values,
            totals=self._frequencies[values], rare_values=rare_values, rare_ends=rare_ends,
            rare_docs=rare_docs,
        )  # fmt: skip
