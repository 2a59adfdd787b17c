"""How many stories of a result were published when: by day, month or year, whatever fits.

Months are counted as a facet is. Days are counted one by one, where all stories are of two
months at most.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from ..model import DateCount, DateCounts, DateUnit, SearchRequest
from .find import Searcher
from .select import NO_DATE

#: With more months than this years are counted, with no more than that days.
_MOST_MONTHS, _FEW_MONTHS = 48, 2
#: Years that are listed; a wrong date in the year 1 must not make a row for each since.
_MOST_YEARS = 60
_DAY = 86_400_000_000
#: In the year 1, where microseconds begin, days count from 0, as dates of NumPy do from 1970.
_BEGIN = np.datetime64("0001-01-01", "D")


def count_dates(searcher: Searcher, request: SearchRequest) -> DateCounts:
    """The dates of what a request finds, in order, with those between that have none."""
    if request.collapse and len(searcher.executor.snapshot.groups):
        counts, undated = _months_of_listed(searcher, request)
    else:
        counts, undated = _months(searcher, request)
    if not counts:
        return DateCounts("year", (), 0, undated)
    first, last = (_number(key) for key in (min(counts), max(counts)))
    if last - first >= _MOST_MONTHS:
        return _by_year(counts, undated)
    if last - first < _FEW_MONTHS:
        return _by_day(searcher, request, undated)
    names = [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(first, last + 1)]
    return _listed("month", names, counts, undated)


def _months(searcher: Searcher, request: SearchRequest) -> tuple[dict[str, int], int]:
    """How many stories are of each month, and of none."""
    found = searcher.find(replace(request, facets=("month",), offset=0, limit=0), 0)
    # A facet is counted without its own filter.
    kept = found.filters.wanted.get("month")
    keys = searcher.executor.snapshot.facet("month").keys
    counts = {
        key: count
        for key, count in zip(keys, found.answer.counts[0].tolist(), strict=True)
        if count and (kept is None or key in kept)
    }
    return counts, found.answer.total - sum(counts.values())


def _months_of_listed(searcher: Searcher, request: SearchRequest) -> tuple[dict[str, int], int]:
    """The same where a story stands for others: these may be of another month."""
    dates = _dates(searcher, request)
    days = _BEGIN + dates[dates != NO_DATE] // _DAY
    months, counts = np.unique(days.astype("datetime64[M]"), return_counts=True)
    return dict(zip(map(str, months), counts.tolist(), strict=True)), int((dates == NO_DATE).sum())


def _dates(searcher: Searcher, request: SearchRequest) -> np.ndarray:
    """int64[n]: the date of each story listed; see `Snapshot.dates`."""
    snapshot = searcher.executor.snapshot
    found = searcher.find(replace(request, facets=(), offset=0, limit=0), snapshot.size)
    dates: np.ndarray = snapshot.dates[np.array(found.answer.doc_ids, np.intp)]
    return dates


def _number(month: str) -> int:
    """Months since the year 0."""
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _by_year(counts: dict[str, int], undated: int) -> DateCounts:
    years: dict[str, int] = {}
    for month, count in counts.items():
        years[month[:4]] = years.get(month[:4], 0) + count
    last = int(max(years))
    first = max(int(min(years)), last - _MOST_YEARS + 1)
    return _listed("year", [f"{year:04}" for year in range(first, last + 1)], years, undated)


def _by_day(searcher: Searcher, request: SearchRequest, undated: int) -> DateCounts:
    dates = _dates(searcher, request)
    days, counts = np.unique(dates[dates != NO_DATE] // _DAY, return_counts=True)
    names = [str(_BEGIN + day) for day in range(int(days[0]), int(days[-1]) + 1)]
    dated = {str(_BEGIN + day): count for day, count in _pairs(days, counts)}
    return _listed("day", names, dated, undated)


def _pairs(days: np.ndarray, counts: np.ndarray) -> Iterator[tuple[int, int]]:
    return zip(days.tolist(), counts.tolist(), strict=True)


def _listed(unit: DateUnit, names: list[str], counts: dict[str, int], undated: int) -> DateCounts:
    rows = tuple(DateCount(name, counts.get(name, 0)) for name in names)
    earlier = sum(counts.values()) - sum(row.count for row in rows)
    return DateCounts(unit, rows, earlier, undated)
