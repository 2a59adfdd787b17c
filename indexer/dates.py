"""Days, months, years and instants as people type them → spans of time."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple

from .errors import QueryError

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_INSTANT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ]"
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
#: The smallest step between two instants.
TICK = timedelta(microseconds=1)


class Span(NamedTuple):
    """A span of time in UTC that includes both its ends."""

    first: datetime
    last: datetime


def read_span(text: str) -> Span | None:
    """Read `2022`, `2022-05`, `2022-05-01` or an ISO 8601 instant; None for other text."""
    text = text.strip()
    try:
        if found := _PARTIAL.fullmatch(text):
            return _partial_span(*(int(part) if part else None for part in found.groups()))
        if found := _INSTANT.fullmatch(text):
            return _instant_span(found)
    except (ValueError, OverflowError):
        return None
    return None


def _partial_span(year: int | None, month: int | None, day: int | None) -> Span:
    assert year is not None
    first = datetime(year, month or 1, day or 1, tzinfo=timezone.utc)
    if day:
        last = first + timedelta(days=1)
    elif month:
        last = (first.replace(day=1) + timedelta(days=31)).replace(day=1)
    else:
        last = first.replace(month=12, day=31) + timedelta(days=1)
    return Span(first, last - TICK)


def _instant_span(found: re.Match[str]) -> Span:
    *numbers, offset = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in numbers)
    zone = timezone.utc
    if offset and offset != "Z":
        digits = offset[1:].replace(":", "")
        delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        zone = timezone(-delta if offset[0] == "-" else delta)
    instant = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    tick = timedelta(seconds=1) if numbers[5] else timedelta(minutes=1)
    instant = instant.astimezone(timezone.utc)
    return Span(instant, instant + tick - TICK)


def first_instant(value: date | datetime) -> datetime:
    """The start of a day, or the instant itself; UTC where no offset is given."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return datetime.combine(value, time.min, tzinfo=timezone.utc)


def last_instant(value: date | datetime) -> datetime:
    """The end of a day, or the instant itself; UTC where no offset is given."""
    if isinstance(value, datetime):
        return first_instant(value)
    return datetime.combine(value, time.max, tzinfo=timezone.utc)


def parse_day(text: str, parameter: str, *, end: bool = False) -> date | datetime:
    """A date as a person types it; raises `QueryError` naming the parameter.

    A year or a month stands for its first day, or with `end` for its last.
    """
    span = read_span(text)
    if span is None:
        raise QueryError(parameter, f"{text[:40]!r} is not a date: write 2022-05-31")
    if _INSTANT.fullmatch(text.strip()):
        return span.last.replace(microsecond=0) if end else span.first
    return (span.last if end else span.first).date()
