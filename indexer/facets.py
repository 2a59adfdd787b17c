"""Filters and counts over facets; layer 9.

Values of one facet are alternatives, facets combine, and the counts of a facet ignore
that facet's own filter: so a count is the total that choosing the value gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt
from whoosh.util.times import datetime_to_long

from .answer import FacetWish
from .dates import first_instant, last_instant
from .execute import Executor, Failed, failures
from .model import Facet, FacetCount
from .schema import facet_key, naive_utc
from .snapshot import NO_DATE, FacetValues, Snapshot

Mask = npt.NDArray[np.bool_]


def filter_keys(facet: Facet, values: Iterable[str]) -> frozenset[str]:
    """The keys that a person's values of a facet stand for."""
    keys = {facet_key(value) for value in values}
    if facet in ("provider", "lead_provider"):
        return frozenset(key.removeprefix("www.") for key in keys)
    return frozenset(keys)


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

    @cached_property
    def _order(self) -> list[int]:
        used = np.flatnonzero(self._counts)
        # Both numbers in one: most stories first, then the place among the labels.
        keys = self._values.ranks[used] - (self._counts[used] << 32)
        return used[np.argsort(keys)].tolist()  # type: ignore[no-any-return]

    @cached_property
    def _unused(self) -> list[str]:
        """Selected values that no story has."""
        if not self._selected:
            return []
        return sorted(self._selected - {self._values.keys[i] for i in self._order})

    def __len__(self) -> int:
        return len(self._order) + len(self._unused)

    @overload
    def __getitem__(self, place: int) -> FacetCount: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[FacetCount, ...]: ...

    def __getitem__(self, place: int | slice) -> FacetCount | tuple[FacetCount, ...]:
        if isinstance(place, slice):
            return tuple(map(self._row, range(len(self))[place]))
        return self._row(range(len(self))[place])

    def _row(self, place: int) -> FacetCount:
        if place >= len(self._order):
            key = self._unused[place - len(self._order)]
            return FacetCount(key, key, 0, True)
        value, values = self._order[place], self._values
        return FacetCount(
            values.values[value], values.labels[value], int(self._counts[value]),
            values.keys[value] in self._selected,
        )  # fmt: skip

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
