"""The chart of dates on the search page: how many stories of the result are of when."""

from __future__ import annotations

from typing import NamedTuple

from indexer import DateCounts, SearchRequest

from . import params
from .page import MONTH_NAMES, path_of

#: The height of the chart in units of its own, and the width of a bar with the gap after it.
HEIGHT, STEP = 40, 10
#: An address longer than this is not repeated for every bar.
_LONGEST_ADDRESS = 600
_FEWEST_BARS = 2


class Bar(NamedTuple):
    """The stories of a day, month or year; `url` is the same search for them alone."""

    value: str
    label: str
    total: int
    left: int
    height: int
    url: str | None


class Chart(NamedTuple):
    """Bars in order of time."""

    unit: str
    bars: list[Bar]
    width: int
    earlier: int
    undated: int


def read_chart(dates: DateCounts, wanted: SearchRequest) -> Chart | None:
    """The chart of some counts; None where there is nothing to compare."""
    if len(dates.values) < _FEWEST_BARS:
        return None
    rest = params.write_query(params.within(wanted, None, None))
    before = f"{path_of('/')}?{rest}{'&' * bool(rest)}"
    linked = len(before) <= _LONGEST_ADDRESS
    most = max(one.count for one in dates.values)
    bars = [
        Bar(
            one.value,
            _label(one.value),
            one.count,
            place * STEP,
            # What is there is seen, however little it is.
            -(-one.count * HEIGHT // most),
            f"{before}since={one.value}&until={one.value}" if linked and one.count else None,
        )
        for place, one in enumerate(dates.values)
    ]
    return Chart(dates.unit, bars, len(bars) * STEP, dates.earlier, dates.undated)


def _label(value: str) -> str:
    """`31 May 2022`, `May 2022` or `2022`."""
    year, *rest = value.split("-")
    names = [MONTH_NAMES[int(rest[0])]] if rest else []
    days = [str(int(rest[1]))] if len(rest) > 1 else []
    return " ".join([*days, *names, str(int(year))])
