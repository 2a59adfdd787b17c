"""Filters and counts over facets.

Values of one facet are alternatives, `-` before one excludes it, facets combine, and the
counts of a facet ignore what is wanted of that facet itself, but not what is excluded: so a
count is the total that choosing the value gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from ..analysis import forms_of
from ..codec.format import I64, Mask
from ..model import Facet, FacetCount, FacetRows, SearchRequest
from ..schema import facet_key
from .answer import FacetWish, Failed, failures
from .select import between, mask_of
from .snapshot import Snapshot
from .values import FacetValues, Values

_RANK_BITS = 32
_RANK_MASK = (1 << _RANK_BITS) - 1


#: What stands before a value that stories must not have, and before one that begins with
#: either of these signs, so that it is taken as it is.
EXCLUDED, LITERAL = "-", "="


def chosen_as(value: str) -> str:
    """How a value is written that stories may have."""
    return LITERAL + value if value.startswith((EXCLUDED, LITERAL)) else value


class Choice:
    """What the filters of a request accept, by facet.

    wanted: the keys of which stories must have one; unwanted: those they must not have
    """

    def __init__(self, values: Values, chosen: Iterable[tuple[Facet, Iterable[str]]]) -> None:
        self.wanted: dict[Facet, frozenset[str]] = {}
        self.unwanted: dict[Facet, frozenset[str]] = {}
        for facet, some in chosen:
            named: set[str] = set()
            excluded: set[str] = set()
            for value in some:
                rest = value.removeprefix(EXCLUDED)
                meant = rest.removeprefix(LITERAL)
                # What no story has is shown by its own key.
                keys = values.known(facet, meant) or {facet_key(facet, meant)}
                (named if rest == value else excluded).update(keys)
            if excluded:
                self.unwanted[facet] = frozenset(excluded)
            if wanted := frozenset(named - excluded):
                self.wanted[facet] = wanted

    def rows(self, facet: Facet, values: FacetValues, counts: I64, limit: int) -> FacetRows:
        """The first `limit` values that stories have, and all that were chosen.

        Most stories first, then by label; chosen values that no story has come last, and
        after them those that are excluded.
        counts: int64[values]
        """
        rows = _rows_of(values, counts, limit, self.wanted.get(facet, frozenset()))
        unwanted = self.unwanted.get(facet, ())
        if not unwanted:
            return rows
        excluded = sorted((_row_of_key(values, key, EXCLUDED) for key in unwanted), key=_by_label)
        return FacetRows([*rows, *excluded], beyond=rows.beyond)

    def rows_of_each(
        self, values: Values, request: SearchRequest, counts: Iterable[I64]
    ) -> dict[str, FacetRows]:
        """The rows of each facet that a request asks for, with its counts."""
        return {
            facet: self.rows(facet, values.facet(facet), some, request.facet_limit)
            for facet, some in zip(request.facets, counts, strict=True)
        }


class Filters(Choice):
    """The filters of a request over a snapshot.

    `failed` says for each segment how its documents fare, see `answer.Failed`.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        chosen: Iterable[tuple[Facet, Iterable[str]]],
        since: datetime | None,
        until: datetime | None,
    ) -> None:
        super().__init__(snapshot, chosen)
        self.failed: list[Failed] = []
        span = None if since is None and until is None else between(snapshot, since, until)
        for base, segment in zip(snapshot.bases, snapshot.segments, strict=True):
            allowed = None if span is None else span[base : base + segment.doc_count]
            for facet, keys in self.unwanted.items():
                without = ~mask_of(segment, facet, keys)
                allowed = without if allowed is None else allowed & without
            masks = [mask_of(segment, facet, keys) for facet, keys in self.wanted.items()]
            self.failed.append(failures(segment.doc_count, allowed, masks))

    def wish(self, facet: Facet) -> FacetWish:
        """What to ask an executor for, to count a facet without its own filter."""
        return FacetWish(facet, list(self.wanted).index(facet) + 1 if facet in self.wanted else 0)


def beginning(snapshot: Values, facet: Facet, text: str) -> Mask:
    """bool[values]: which values of a facet have these words in label or value, in a row.

    The last may go on: "guard" is the beginning of a word of `The Guardian`. A text without
    words begins everything if it is blank, else nothing.
    """
    words = forms_of(text)
    values = snapshot.facet(facet)
    if not words:
        return np.full(len(values.keys), not text.strip())
    wanted, names = f" {' '.join(words)}", snapshot.names(facet)
    return np.fromiter((wanted in names[key] for key in values.keys), np.bool_, len(values.keys))


def _rows_of(values: FacetValues, counts: I64, limit: int, chosen: frozenset[str]) -> FacetRows:
    places = [place for key in chosen if (place := values.place(key)) is not None]
    # Of each value its rank less its count · 2^32: the lower, the earlier it is listed.
    order = values.ranks - (counts << _RANK_BITS)
    # Values that no story has do not come before rank 0.
    listed = {number for number in _first(order, limit).tolist() if number < 0}
    listed.update(order[places].tolist() if places else ())
    rows = [
        _row(values, values.by_rank[number & _RANK_MASK], -(number >> _RANK_BITS), chosen)
        for number in sorted(listed)
    ]
    if len(places) < len(chosen):
        unknown = chosen.difference(values.keys[place] for place in places)
        rows += [_row_of_key(values, key) for key in unknown]
        rows.sort(key=lambda row: (-row.count, *_by_label(row)))
    used = int(np.count_nonzero(counts))
    return FacetRows(rows, beyond=used - sum(row.count > 0 for row in rows))


def _by_label(row: FacetCount) -> tuple[str, str]:
    return row.label.casefold(), row.value


def listed(values: FacetValues, counts: I64, limit: int, *, by_name: bool) -> FacetRows:
    """The first `limit` values that have a count: most stories first, or by label.

    counts: int64[values]
    """
    if not by_name:
        return _rows_of(values, counts, limit, frozenset())
    used = counts.nonzero()[0]
    ranks = sorted(_first(values.ranks[used], limit).tolist())
    places = [values.by_rank[rank] for rank in ranks]
    rows = [_row(values, place, int(counts[place]), frozenset()) for place in places]
    return FacetRows(rows, beyond=len(used) - len(rows))


def _row_of_key(values: FacetValues, key: str, before: str = "") -> FacetCount:
    """A chosen value that no story found has."""
    place = values.place(key)
    value, label = (key, key) if place is None else (values.values[place], values.labels[place])
    return FacetCount(before + chosen_as(value), label, 0, True)


def _first(numbers: I64, limit: int) -> I64:
    """The `limit` lowest numbers, in any order."""
    return np.partition(numbers, limit)[:limit] if limit < len(numbers) else numbers


def _row(values: FacetValues, place: int, count: int, chosen: frozenset[str]) -> FacetCount:
    value = chosen_as(values.values[place])
    return FacetCount(value, values.labels[place], count, values.keys[place] in chosen)
