"""Counts of facet values over the matches of a segment; layer 6."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import counting
from .answer import FacetWish
from .codec.read import SegmentArrays
from .model import Facet

#: So few matches are faster counted value by value.
_FEW = 64


class Tally:
    """Counts the facets of one segment; keeps what makes that fast. For several threads."""

    def __init__(self, segment: SegmentArrays) -> None:
        self._segment = segment
        self._counters: dict[str, _Counter | None] = {}

    def count(
        self, wish: FacetWish, bits: Any, failed: npt.NDArray[np.uint8], matched: int
    ) -> npt.NDArray[np.int64] | None:
        """int64[V]: the counts of a facet by the segment's own ordinals; None for no values.

        bits: uint64[N / 64], the matches, `matched` of them; failed: why documents do not
        pass the filters, see `execute.Failed`
        """
        counter = self._counter(wish.facet)
        if counter is None:
            return None
        if len(failed):
            kept = np.empty_like(bits)
            matched = counting.keep_passing(bits, failed, wish.own, kept)
            bits = kept
        return counter.count(bits, matched)

    def _counter(self, facet: Facet) -> _Counter | None:
        try:
            return self._counters[facet]
        except KeyError:
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
