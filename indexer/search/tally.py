"""Counts of the values of a facet over the matches of a segment."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..codec.format import I64, U64
from ..kernels.tables import Table
from . import count
from .answer import Failed

_NO_ROWS = np.zeros((0, 1), np.uint64)
_NO_VALUES = np.zeros(0, np.int64)


class FacetCounter:
    """Counts the values of one facet in one segment, and keeps what makes that fast.

    Safe to share between threads.

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

    def count(self, bits: U64, failed: Failed, own: int, matched: int) -> I64:
        """int64[V]: the matches that have each value; see `count.count`.

        bits: uint64[W], the documents that match, `matched` of them
        failed: how documents fare with the filters, see `answer.Failed`
        """
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
