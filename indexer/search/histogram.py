"""How many stories of a result were published when: by day, month or year, whatever fits.

Months are counted as a facet is. Days are counted one by one, where all stories are of two
months at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from msgspec.structs import replace

from ..model import DateCount, DateCounts, DateUnit, SearchRequest
from .facets import Filters
from .find import Searcher
from .select import NO_DATE

#: With more months than this years are counted, with no more than that days.
_MOST_MONTHS, _FEW_MONTHS = 48, 2
#: Years that are listed; a wrong date in the year 1 must not make a row for each since.
_MOST_YEARS = 60
#: Microseconds, which are counted from the year 1 as dates of NumPy are from 1970.
DAY = 86_400_000_000
_BEGIN = np.datetime64("0001-01-01", "D")


def count_dates(searcher: Searcher, request: SearchRequest) -> DateCounts:
    """The dates of what a request finds, in order, with those between that have none."""

    def days() -> dict[int, int]:
        dates = _dates(searcher, request)
        numbers, counts = np.unique(dates[dates != NO_DATE] // DAY, return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    if request.collapse and len(searcher.executor.snapshot.groups):
        return in_order(*_months_of_listed(searcher, request), days)
    found = searcher.find(replace(request, facets=("month",), offset=0, limit=0), 0)
    keys = searcher.executor.snapshot.facet("month").keys
    counts = dict(zip(keys, found.answer.counts[0].tolist(), strict=True))
    months = months_within(counts, found.filters)
    return in_order(months, found.answer.total - sum(months.values()), days)


def months_within(counts: Mapping[str, int], filters: Filters) -> dict[str, int]:
    """Of the months that a facet counted, which it does without its own filter, those wanted."""
    kept = filters.wanted.get("month")
    return {key: n for key, n in counts.items() if n and (kept is None or key in kept)}


def in_order(
    counts: dict[str, int], undated: int, days: Callable[[], dict[int, int]]
) -> DateCounts:
    """The stories of each month, or by what fits them better.

    days: gives how many stories are of each day, which is numbered from the year 1
    """
    if not counts:
        return DateCounts("year", (), 0, undated)
    first, last = (_number(key) for key in (min(counts), max(counts)))
    if last - first >= _MOST_MONTHS:
        return _by_year(counts, undated)
    if last - first < _FEW_MONTHS:
        return _by_day(days(), undated)
    names = [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(first, last + 1)]
    return _listed("month", names, counts, undated)


def _months_of_listed(searcher: Searcher, request: SearchRequest) -> tuple[dict[str, int], int]:
    """The stories of each month, and of none.

    Where a story stands for others, these may be of another month.
    """
    dates = _dates(searcher, request)
    days = _BEGIN + dates[dates != NO_DATE] // DAY
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


def _by_day(days: dict[int, int], undated: int) -> DateCounts:
    names = [str(_BEGIN + day) for day in range(min(days), max(days) + 1)]
    dated = {str(_BEGIN + day): count for day, count in days.items()}
    return _listed("day", names, dated, undated)


def _listed(unit: DateUnit, names: list[str], counts: dict[str, int], undated: int) -> DateCounts:
    rows = tuple(DateCount(name, counts.get(name, 0)) for name in names)
    earlier = sum(counts.values()) - sum(row.count for row in rows)
    return DateCounts(unit, rows, earlier, undated)
