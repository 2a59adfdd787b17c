"""Filters and counts over facets.

Values of one facet are alternatives, facets combine, and the counts of a facet ignore
that facet's own filter: so a count is the total that choosing the value gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import overload

import numpy as np
import numpy.typing as npt
from whoosh.util.times import datetime_to_long

from ..dates import first_instant, last_instant
from ..model import Facet, FacetCount
from ..schema import facet_key, naive_utc
from .answer import FacetWish
from .executor import Executor, Failed, failures
from .snapshot import NO_DATE, FacetValues, Snapshot

Mask = npt.NDArray[np.bool_]
_RANK_BITS = 32
_RANK_MASK = (1 << _RANK_BITS) - 1


def filter_keys(facet: Facet, values: Iterable[str]) -> frozenset[str]:
    """The keys that a person's values of a facet stand for."""
    return frozenset(facet_key(facet, value) for value in values)


class Filters:
    """The filters of a request over a snapshot.

    `failed` says for each segment why documents are kept out, see `execute.Failed`.
    """

    def __init__(
        self,
        executor: Executor,
        keys: Mapping[Facet, frozenset[str]],
        since: date | datetime | None,
        until: date | datetime | None,
    ) -> None:
        snapshot = executor.snapshot
        self.keys = {facet: wanted for facet, wanted in keys.items() if wanted}
        self.failed: list[Failed] = []
        span = None if since is None and until is None else _between(snapshot, since, until)
        for number, (base, segment) in enumerate(
            zip(snapshot.bases, snapshot.segments, strict=True)
        ):
            allowed = None if span is None else span[base : base + segment.doc_count]
            masks = [executor.mask(number, facet, wanted) for facet, wanted in self.keys.items()]
            self.failed.append(failures(segment.doc_count, allowed, masks))

    def wish(self, facet: Facet) -> FacetWish:
        """What to ask an executor for, to count a facet without its own filter."""
        return FacetWish(facet, list(self.keys).index(facet) + 1 if facet in self.keys else 0)

    def rows(self, facet: Facet, values: FacetValues, counts: npt.NDArray[np.int64]) -> FacetRows:
        """The values of a facet that are in use: most stories first, then by label.

        Selected values are listed even if no story has them.
        """
        return FacetRows(values, counts, self.keys.get(facet, frozenset()))


class FacetRows(Sequence[FacetCount]):
    """The rows of a facet, each made when it is asked for: few of hundreds are shown.

    Equal to any sequence of the same rows. `counts`, int64[values], must not change.
    """

    def __init__(
        self, values: FacetValues, counts: npt.NDArray[np.int64], selected: frozenset[str]
    ) -> None:
        self._values = values
        self._counts = counts
        self._selected = selected
        self._sorted: npt.NDArray[np.int64] | None = None

    @property
    def _order(self) -> npt.NDArray[np.int64]:
        """Of each value in use its rank less its count · 2^32, lowest first.

        Which is most stories first, then by the place among the labels.
        """
        if self._sorted is None:
            used = self._counts.nonzero()[0]
            order = self._values.ranks[used] - (self._counts[used] << _RANK_BITS)
            order.sort()
            self._sorted = order
        return self._sorted

    @property
    def _unused(self) -> list[str]:
        """Selected values that no story has."""
        if not self._selected:
            return []
        used = self._counts.nonzero()[0].tolist()
        return sorted(self._selected - {self._values.keys[i] for i in used})

    def __len__(self) -> int:
        return len(self._order) + len(self._unused)

    @overload
    def __getitem__(self, place: int) -> FacetCount: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[FacetCount, ...]: ...

    def __getitem__(self, place: int | slice) -> FacetCount | tuple[FacetCount, ...]:
        if not isinstance(place, slice):
            place = range(len(self))[place]
            return self[place : place + 1][0]
        unused = self._unused
        if unused:
            rows = self._rows(self._order)
            return (*rows, *(FacetCount(key, key, 0, True) for key in unused))[place]
        return tuple(self._rows(self._order[place]))

    def _rows(self, order: npt.NDArray[np.int64]) -> list[FacetCount]:
        keys, labels, names, _, by_rank, _ = self._values
        selected = self._selected
        rows = []
        for number in order.tolist():
            value = by_rank[number & _RANK_MASK]
            rows.append(
                FacetCount(
                    names[value], labels[value], -(number >> _RANK_BITS),
                    bool(selected) and keys[value] in selected,
                )
            )  # fmt: skip
        return rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


def _between(
    snapshot: Snapshot, since: date | datetime | None, until: date | datetime | None
) -> Mask:
    """bool[size]: the stories published in a span, both ends included."""
    dates = snapshot.dates
    mask: Mask = dates != NO_DATE
    if since is not None:
        mask &= dates >= datetime_to_long(naive_utc(first_instant(since)))
    if until is not None:
        mask &= dates <= datetime_to_long(naive_utc(last_instant(until)))
    return mask
