"""Filters and counts over facets; layer 9.

Values of one facet are alternatives, facets combine, and the counts of a facet ignore
that facet's own filter: so a count is the total that choosing the value gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

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

    def rows(
        self, facet: Facet, values: FacetValues, counts: npt.NDArray[np.int64]
    ) -> tuple[FacetCount, ...]:
        """The values of a facet that are in use: most stories first, then by label.

        Selected values are listed even if no story has them.
        """
        selected = self.keys.get(facet, frozenset())
        used = np.flatnonzero(counts)
        order = used[np.lexsort((values.ranks[used], -counts[used]))].tolist()
        rows = [
            FacetCount(values.values[i], values.labels[i], count, values.keys[i] in selected)
            for i, count in zip(order, counts[order].tolist(), strict=True)
        ]
        unused = selected - {values.keys[i] for i in order} if selected else ()
        rows += [FacetCount(key, key, 0, True) for key in sorted(unused)]
        return tuple(rows)


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
