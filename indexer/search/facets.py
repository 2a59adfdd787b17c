"""Filters and counts over facets.

Values of one facet are alternatives, facets combine, and the counts of a facet ignore
that facet's own filter: so a count is the total that choosing the value gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from ..dates import first_instant, last_instant
from ..model import Facet, FacetCount, FacetRows
from ..schema import facet_key
from .answer import FacetWish, Failed
from .executor import failures
from .select import between, mask_of
from .snapshot import FacetValues, Snapshot

Mask = npt.NDArray[np.bool_]
_RANK_BITS = 32
_RANK_MASK = (1 << _RANK_BITS) - 1


def filter_keys(facet: Facet, values: Iterable[str]) -> frozenset[str]:
    """The keys that a person's values of a facet stand for."""
    return frozenset(facet_key(facet, value) for value in values)


class Filters:
    """The filters of a request over a snapshot.

    `failed` says for each segment how its documents fare, see `answer.Failed`.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        keys: Mapping[Facet, frozenset[str]],
        since: date | datetime | None,
        until: date | datetime | None,
    ) -> None:
        self.keys = {facet: wanted for facet, wanted in keys.items() if wanted}
        self.failed: list[Failed] = []
        span = None if since is None and until is None else _span(snapshot, since, until)
        for base, segment in zip(snapshot.bases, snapshot.segments, strict=True):
            allowed = None if span is None else span[base : base + segment.doc_count]
            masks = [mask_of(segment, facet, wanted) for facet, wanted in self.keys.items()]
            self.failed.append(failures(segment.doc_count, allowed, masks))

    def wish(self, facet: Facet) -> FacetWish:
        """What to ask an executor for, to count a facet without its own filter."""
        return FacetWish(facet, list(self.keys).index(facet) + 1 if facet in self.keys else 0)

    def rows(
        self, facet: Facet, values: FacetValues, counts: npt.NDArray[np.int64], limit: int
    ) -> FacetRows:
        """The first `limit` values that stories have, and all that were chosen.

        Most stories first, then by label; chosen values that no story has come last.
        counts: int64[values]
        """
        return _rows_of(values, counts, limit, self.keys.get(facet, frozenset()))


def _rows_of(
    values: FacetValues, counts: npt.NDArray[np.int64], limit: int, chosen: frozenset[str]
) -> FacetRows:
    places = [place for key in chosen if (place := values.place(key)) is not None]
    used = counts.nonzero()[0]
    listed = {
        *_first(_order(values, counts, used), limit).tolist(),
        *_order(values, counts, np.array(places, np.intp)).tolist(),
    }
    rows = [
        _row(values, counts, values.by_rank[number & _RANK_MASK], chosen)
        for number in sorted(listed)
    ]
    if len(places) < len(chosen):
        unknown = chosen.difference(values.keys[place] for place in places)
        rows += [FacetCount(key, key, 0, True) for key in unknown]
        rows.sort(key=lambda row: (-row.count, row.label.casefold(), row.value))
    return FacetRows(rows, beyond=len(used) - sum(row.count > 0 for row in rows))


def _order(
    values: FacetValues, counts: npt.NDArray[np.int64], places: npt.NDArray[np.intp]
) -> npt.NDArray[np.int64]:
    """Of each value its rank less its count · 2^32: the lower, the earlier it is listed."""
    return values.ranks[places] - (counts[places] << _RANK_BITS)


def _first(numbers: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """The `limit` lowest numbers, in any order."""
    return np.partition(numbers, limit)[:limit] if limit < len(numbers) else numbers


def _row(
    values: FacetValues, counts: npt.NDArray[np.int64], place: int, chosen: frozenset[str]
) -> FacetCount:
    selected = values.keys[place] in chosen
    return FacetCount(values.values[place], values.labels[place], int(counts[place]), selected)


def _span(snapshot: Snapshot, since: date | datetime | None, until: date | datetime | None) -> Mask:
    """bool[size]: the stories published in a span, both ends included."""
    first = None if since is None else first_instant(since)
    return between(snapshot, first, None if until is None else last_instant(until))
