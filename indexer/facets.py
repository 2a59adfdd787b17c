"""Filters and counts over facets; layer 5.

Values of one facet are alternatives, facets combine, and the counts of a facet
ignore that facet's own filter: so a count is the total that choosing the value gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
from whoosh.util.times import datetime_to_long

from .dates import first_instant, last_instant
from .model import Facet, FacetCount
from .schema import facet_key, naive_utc
from .snapshot import NO_DATE, FacetColumn, Snapshot

Mask = npt.NDArray[np.bool_]


def filter_keys(facet: Facet, values: Iterable[str]) -> frozenset[str]:
    """The keys that a person's values of a facet stand for."""
    keys = {facet_key(value) for value in values}
    if facet in ("provider", "lead_provider"):
        return frozenset(key.removeprefix("www.") for key in keys)
    return frozenset(keys)


def stories_with(column: FacetColumn, keys: frozenset[str], size: int) -> Mask:
    """bool[size]: the stories that have any of these values."""
    wanted = np.fromiter((key in keys for key in column.keys), np.bool_, len(column.keys))
    mask = np.zeros(size, np.bool_)
    mask[column.owners[wanted[column.ordinals]]] = True
    return mask


def stories_between(
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


def count_facets(
    snapshot: Snapshot,
    doc_ids: npt.NDArray[np.uint32],
    allowed: Mask,
    filters: Mapping[Facet, Mask],
    selected: Mapping[Facet, frozenset[str]],
    facets: Sequence[Facet],
) -> dict[str, tuple[FacetCount, ...]]:
    """Counts of the requested facets over the stories that match.

    doc_ids: uint32[n], the stories that match the query, before any filter
    allowed: bool[size], the stories that pass what is not a facet's filter
    filters: bool[size] for each facet that is filtered; selected: its keys
    """
    counts: dict[str, tuple[FacetCount, ...]] = {}
    for facet in facets:
        mask = np.zeros(snapshot.size, np.bool_)
        mask[doc_ids] = True
        mask &= allowed
        for other, passes in filters.items():
            if other != facet:
                mask &= passes
        counts[facet] = _count(snapshot.facet(facet), mask, selected.get(facet, frozenset()))
    return counts


def _count(column: FacetColumn, mask: Mask, selected: frozenset[str]) -> tuple[FacetCount, ...]:
    """Values in use, most stories first, then by label; selected ones always."""
    counts = np.bincount(column.ordinals[mask[column.owners]], minlength=len(column.keys))
    rows = [
        FacetCount(_value(key, label), label, int(counts[i]), key in selected)
        for i, (key, label) in enumerate(zip(column.keys, column.labels, strict=True))
        if counts[i] or key in selected
    ]
    known = set(column.keys)
    rows += [FacetCount(key, key, 0, True) for key in selected if key not in known]
    return tuple(sorted(rows, key=lambda row: (-row.count, row.label.casefold(), row.value)))


def _value(key: str, label: str) -> str:
    """What to filter by: as it is written, where that means the same value."""
    return label if facet_key(label) == key else key
