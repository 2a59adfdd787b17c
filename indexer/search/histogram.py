"""How many stories of a result were published when: by day, month or year, whatever fits.

Days are shown where all stories are of two months at most.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from ..codec.format import I64
from ..model import DateCount, DateCounts, DateUnit
from .select import DAY, NO_DATE

if TYPE_CHECKING:
    from .snapshot import Snapshot

#: With more months than this years are counted, with no more than that days.
_MOST_MONTHS, _FEW_MONTHS = 48, 2
#: Years that are listed; a wrong date in the year 1 must not make a row for each since.
_MOST_YEARS = 60


def count_dates(snapshot: Snapshot, listed: I64) -> DateCounts:
    """How many of some stories are of each day, month or year, including those without any."""
    before, months = snapshot.months
    undated, *counts = np.bincount(months[listed], minlength=1).tolist()
    of_months = {_month(before + n): count for n, count in enumerate(counts, 1) if count}

    def days() -> dict[int, int]:
        dates = snapshot.dates[listed]
        numbers, counts = np.unique(dates[dates != NO_DATE] // DAY, return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    return in_best_unit(of_months, undated, days)


def in_best_unit(
    counts: dict[str, int], undated: int, days: Callable[[], dict[int, int]]
) -> DateCounts:
    """Counts by month, or by day or year where that fits the span better.

    days: gives how many stories are of each day, which is numbered from the year 1
    """
    if not counts:
        return DateCounts("year", (), 0, undated)
    first, last = (_number(key) for key in (min(counts), max(counts)))
    if last - first >= _MOST_MONTHS:
        return _by_year(counts, undated)
    if last - first < _FEW_MONTHS:
        return _by_day(days(), undated)
    names = [_month(number) for number in range(first, last + 1)]
    return _listed("month", names, counts, undated)


def _number(month: str) -> int:
    """Months since the year 0, as those of `Snapshot.months`."""
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _month(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _by_year(counts: dict[str, int], undated: int) -> DateCounts:
    years: dict[str, int] = {}
    for month, count in counts.items():
        years[month[:4]] = years.get(month[:4], 0) + count
    last = int(max(years))
    first = max(int(min(years)), last - _MOST_YEARS + 1)
    return _listed("year", [f"{year:04}" for year in range(first, last + 1)], years, undated)


def day_of(number: int) -> str:
    """A day as it is written, by its number from the first of the year 1."""
    return date.fromordinal(number + 1).isoformat()


def _by_day(days: dict[int, int], undated: int) -> DateCounts:
    names = [day_of(day) for day in range(min(days), max(days) + 1)]
    dated = {day_of(day): count for day, count in days.items()}
    return _listed("day", names, dated, undated)


def _listed(unit: DateUnit, names: list[str], counts: dict[str, int], undated: int) -> DateCounts:
    rows = tuple(DateCount(name, counts.get(name, 0)) for name in names)
    earlier = sum(counts.values()) - sum(row.count for row in rows)
    return DateCounts(unit, rows, earlier, undated)
