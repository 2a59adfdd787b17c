"""Days, months, years and instants as people type them → spans of time."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple

from .errors import QueryError

_PARTIAL = re.compile(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_UNITS = {"h": "hour", "d": "day", "w": "week", "m": "month", "y": "year"}
_AGO = re.compile(r"(\d{1,4})\s*(?:([hdwmy])|(hour|day|week|month|year)s?)(?:\s+ago)?")
_CALENDAR = re.compile(r"(this|last)\s+(week|month|year)")
_DAYS = {"today": 0, "yesterday": 1}
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_MONTH = "(?:" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS) + r"|sept)\.?"
_ORDINAL = "(?:st|nd|rd|th)?"
# 24 February 2022, Feb 24, 2022, Feb. 2022.
_NAMED = re.compile(
    rf"(?:(\d{{1,2}}){_ORDINAL}\s+)?({_MONTH}),?\s+(\d{{4}})"
    rf"|({_MONTH})\s+(\d{{1,2}}){_ORDINAL},?\s+(\d{{4}})"
)
# The same without groups, so that a pattern may have it twice.
_SPOKEN = (
    r"(?:\d{1,4}\s+(?:hour|day|week|month|year)s?(?:\s+ago)?|(?:this|last)\s+(?:week|month|year)"
    rf"|{re.sub(r'[(](?![?])', '(?:', _NAMED.pattern)})"
)
#: What human dates look like, where they stand in a query; and from one to another.
HUMAN = re.compile(rf"{_SPOKEN}(?![^\s),])", re.IGNORECASE)
BETWEEN = re.compile(rf"({_SPOKEN})\s*\.\.\s*({_SPOKEN})(?![^\s),])", re.IGNORECASE)
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
    """Read a day, month, year, instant, or a time as people name it; None for other text.

    As `2022`, `2022-05`, `2022-05-01`, `20220501`, an ISO 8601 instant, `today`, `yesterday`,
    `24 Feb 2022`, `February 2022`, `last week`, `7d`, `3 weeks ago`.
    """
    text = text.strip().lower()
    try:
        if found := _PARTIAL.fullmatch(text) or _COMPACT.fullmatch(text):
            return _partial_span(*(int(part) for part in found.groups() if part))
        if found := _INSTANT.fullmatch(text.upper()):
            return _instant_span(found)
        if found := _NAMED.fullmatch(text):
            day, name, year = found.groups()[:3] if found[2] else (found[5], found[4], found[6])
            month = [short[:3] for short in _MONTHS].index(name[:3]) + 1
            return _partial_span(int(year), month, int(day) if day else None)
        return _human_span(text, datetime.now(timezone.utc))
    except (ValueError, OverflowError):
        return None


def _human_span(text: str, now: datetime) -> Span | None:
    if text in _DAYS:
        return _day(now - timedelta(days=_DAYS[text]))
    if found := _AGO.fullmatch(text):
        count, unit = int(found[1]), _UNITS.get(found[2], found[3])
        if unit == "hour":
            return Span(now - timedelta(hours=count), now - timedelta(hours=count))
        if unit in ("month", "year"):
            return _day(_months_before(now, count * (12 if unit == "year" else 1)))
        return _day(now - timedelta(days=count * (7 if unit == "week" else 1)))
    if found := _CALENDAR.fullmatch(text):
        before = int(found[1] == "last")
        if found[2] == "week":
            monday = _day(now - timedelta(days=now.weekday() + 7 * before)).first
            return Span(monday, monday + timedelta(days=7) - TICK)
        if found[2] == "month":
            month = _months_before(now, before)
            return _partial_span(month.year, month.month)
        return _partial_span(now.year - before)
    return None


def _day(instant: datetime) -> Span:
    return _partial_span(instant.year, instant.month, instant.day)


def _months_before(now: datetime, count: int) -> datetime:
    """The same day so many months earlier, or the last of that month if it has none such."""
    year, month = divmod(now.year * 12 + now.month - 1 - count, 12)
    last = monthrange(year, month + 1)[1]
    return now.replace(year=year, month=month + 1, day=min(now.day, last))


def _partial_span(year: int, month: int | None = None, day: int | None = None) -> Span:
    first = date(year, 1 if month is None else month, 1 if day is None else day)
    last = first
    if day is None:
        last_month = month or 12
        last = date(year, last_month, monthrange(year, last_month)[1])
    return Span(first_instant(first), last_instant(last))


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
    """The start of a day, or the instant itself, in UTC, which it is where no offset is given."""
    if isinstance(value, datetime):
        instant = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        try:
            return instant.astimezone(timezone.utc)
        except OverflowError:  # within hours of the first or the last instant that there is
            return value.replace(tzinfo=timezone.utc)
    return datetime.combine(value, time.min, tzinfo=timezone.utc)


def last_instant(value: date | datetime) -> datetime:
    """The end of a day, or the instant itself; UTC where no offset is given."""
    if isinstance(value, datetime):
        return first_instant(value)
    return datetime.combine(value, time.max, tzinfo=timezone.utc)


def parse_day(text: str, parameter: str, *, end: bool = False) -> date | datetime:
    """A date as a person types it; raises `QueryError` naming the parameter.

    A year or a month stands for its first day, or with `end` for its last; hours ago are
    an instant.
    """
    span = read_span(text)
    if span is None:
        raise QueryError(
            parameter, f"{text[:40]!r} is not a date: write 2022-05-31, yesterday or 7d"
        )
    if _INSTANT.fullmatch(text.strip()):
        return span.last.replace(microsecond=0) if end else span.first
    if span.first == span.last:
        return span.first.replace(microsecond=0)
    return (span.last if end else span.first).date()
