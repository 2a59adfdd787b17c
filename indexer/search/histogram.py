"""How many stories of a result were published when: by day, month or year, whatever fits.

Days are shown where all stories are of two months at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
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
    of_months = {before + n: count for n, count in enumerate(counts, 1) if count}

    def days() -> dict[int, int]:
        dates = snapshot.dates[listed]
        numbers, counts = np.unique(dates[dates != NO_DATE] // DAY, return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    return in_best_unit(of_months, undated, days)


def in_best_unit(
    months: Mapping[int, int], undated: int, days: Callable[[], Mapping[int, int]]
) -> DateCounts:
    """Counts by month, or by day or year where that fits the span better.

    months: how many stories are of each month, which is numbered from the year 0
    days: gives how many are of each day, which is numbered from the first of the year 1
    """
    if not months:
        return DateCounts("year", (), 0, undated)
    first, last = min(months), max(months)
    if last - first < _FEW_MONTHS:
        counts = days()
        names = {day: _date(day).isoformat() for day in range(min(counts), max(counts) + 1)}
        return _listed("day", names, counts, undated)
    if last - first < _MOST_MONTHS:
        names = {n: f"{n // 12:04}-{n % 12 + 1:02}" for n in range(first, last + 1)}
        return _listed("month", names, months, undated)
    years: Counter[int] = Counter()
    for month, count in months.items():
        years[month // 12] += count
    first, last = max(first // 12, last // 12 - _MOST_YEARS + 1), last // 12
    return _listed("year", {n: f"{n:04}" for n in range(first, last + 1)}, years, undated)


def _date(day: int) -> date:
    return date.fromordinal(day + 1)


def month_of(day: int) -> int:
    """The number of the month that a day is of; see `in_best_unit`."""
    return _date(day).year * 12 + _date(day).month - 1


def _listed(
    unit: DateUnit, names: Mapping[int, str], counts: Mapping[int, int], undated: int
) -> DateCounts:
    rows = tuple(DateCount(name, counts.get(number, 0)) for number, name in names.items())
    earlier = sum(counts.values()) - sum(row.count for row in rows)
    return DateCounts(unit, rows, earlier, undated)
