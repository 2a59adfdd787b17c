"""Query string ⇄ `SearchRequest`; imports nothing of the package, used by every view.

The whole state of a page is in its address. `read_request` takes an address apart,
`write_query` puts the shortest address back together, and `within`, `on_page` and the like
derive the requests that the links of a page stand for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timezone
from functools import lru_cache
from typing import NamedTuple, cast
from urllib.parse import urlencode

from msgspec.structs import replace
from werkzeug.datastructures import MultiDict

from indexer import (
    FACETS,
    SORTS,
    Facet,
    QueryError,
    SearchRequest,
    Sort,
    facet_key,
    parse_day,
    write_instant,
)

PAGE_SIZE = 10
#: Articles on one page of a story.
ARTICLES_SHOWN = 200
MAX_LIMIT = 100
#: Values of a facet in an answer, beside the chosen ones.
FACET_LIMIT = 20
MAX_FACET_LIMIT = 1000
#: Related articles of a hit, at most; a story has them all.
MAX_RELATED_LIMIT = 100
#: Stories that resemble another.
SIMILAR_LIMIT = 5
#: Ranking deeper than this serves nobody; the export has the whole result.
MAX_OFFSET = 10_000
#: Hits whose scores are explained in an answer: each takes as long as a search.
MAX_EXPLAINED = 20
#: Bounds on one request, far above what the page itself can produce.
MAX_VALUE_LENGTH = 500
MAX_FILTERS = 100

#: What decides which stories a search finds, and their order.
SEARCH_PARAMETERS = ("q", *FACETS, "since", "until", "sort", "spelling", "collapse")
#: What the page understands; `find` is a part of a provider's name.
PAGE_PARAMETERS = (*SEARCH_PARAMETERS, "page", "find")
#: What `/api/v1/search` understands.
API_PARAMETERS = (
    *SEARCH_PARAMETERS, "page", "limit", "offset", "facet", "facet_limit", "related_limit",
    "fields", "explain",
)  # fmt: skip
#: What `/api/v1/export` understands: it has no pages.
EXPORT_PARAMETERS = (*SEARCH_PARAMETERS, "format", "rows", "bom")
#: What `/api/v1/facets/<facet>` understands; `q` is the beginning of a word, `query` a search.
FACET_PARAMETERS = ("q", "query", *FACETS, "since", "until", "sort", "limit", "spelling")
#: What `/api/v1/suggest` understands.
SUGGEST_PARAMETERS = ("q", "format")
#: What `/api/v1/stories/<id>/similar` understands.
SIMILAR_PARAMETERS = ("limit", "related_limit", "fields")
#: What the page of a story understands.
STORY_PARAMETERS = ("q", "page")
#: Those that may be repeated.
_REPEATABLE = frozenset((*FACETS, "facet"))
#: What stands before a value of a facet that stories must not have, and before one that
#: begins with either of these signs.
EXCLUDED, LITERAL = "-", "="

_NUMBER = re.compile(r"[0-9]{1,9}")
_SHAPES: dict[str, tuple[re.Pattern[str], str]] = {
    "year": (re.compile(r"[0-9]{4}"), "write a year: year=2022"),
    "month": (re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])"), "write a year and a month: month=2022-05"),
    "published": (re.compile(r"true|false"), "write published=true or published=false"),
}


class Reading(NamedTuple):
    """A request, and what had to be left out of it because it could not be read."""

    wanted: SearchRequest
    problems: tuple[QueryError, ...]


def read_request(args: MultiDict[str, str], *, known: Sequence[str] = PAGE_PARAMETERS) -> Reading:
    """Read the parameters of an address, of which those that are `known` may stand there.

    Blank parameters count as absent: forms send them. Unknown ones are reported, and those
    that are given twice and have one value, for a misspelt filter that is silently not
    applied is worse than an error.
    """
    return _Reader(args, known).read()


def check_parameters(args: MultiDict[str, str], known: Sequence[str]) -> Iterator[QueryError]:
    """What is wrong with the names of some parameters."""
    for name, values in args.lists():
        given = [value for value in values if value.strip()]
        if given and name not in known:
            yield QueryError(name[:40], f"unknown parameter: use {', '.join(known) or 'none'}")
        elif len(given) > 1 and name not in _REPEATABLE:
            yield QueryError(name[:40], "given more than once: give it once")


def refuse_others(args: MultiDict[str, str], known: Sequence[str]) -> None:
    """Raise the first that is wrong with the names of some parameters."""
    for problem in check_parameters(args, known):
        raise problem


def read_number(args: MultiDict[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number; raises `QueryError` for anything else."""
    text = read_text(args, name)
    if not text:
        return default
    if _NUMBER.fullmatch(text) and low <= int(text) <= high:
        return int(text)
    raise QueryError(name, f"{text[:40]!r} is not a number from {low:,} to {high:,}")


def read_flag(args: MultiDict[str, str], name: str, *, default: bool) -> bool:
    """Yes or no as 1 or 0; raises `QueryError` for anything else."""
    return bool(read_number(args, name, int(default), 0, 1))


def read_text(args: MultiDict[str, str], name: str) -> str:
    """The first value of a parameter that is not blank."""
    return next((text for value in args.getlist(name) if (text := value.strip())), "")


class _Reader:
    def __init__(self, args: MultiDict[str, str], known: Sequence[str]) -> None:
        self.args = args
        self.known = known
        self.problems: list[QueryError] = []

    def read(self) -> Reading:
        self.problems.extend(check_parameters(self.args, self.known))
        query = self._text("q")
        since, until = self._dates()
        limit = self._optional("limit", PAGE_SIZE, MAX_LIMIT)
        wanted = SearchRequest(
            query=query,
            filters=self._filters(),
            since=since,
            until=until,
            facets=self._facets() if "facet" in self.known else ("provider",),
            facet_limit=self._optional("facet_limit", FACET_LIMIT, MAX_FACET_LIMIT),
            sort=self._sort(query),
            offset=self._offset(limit),
            limit=limit,
            spelling=bool(self._number("spelling", 1, 0, 1)),
            collapse=bool(self._number("collapse", 1, 0, 1)),
        )
        return Reading(wanted, tuple(self.problems))

    def _problem(self, name: str, reason: str) -> None:
        self.problems.append(QueryError(name, reason))

    def _text(self, name: str) -> str:
        return read_text(self.args, name)

    def _number(self, name: str, default: int, low: int, high: int) -> int:
        try:
            return read_number(self.args, name, default, low, high)
        except QueryError as problem:
            self.problems.append(problem)
            return default

    def _optional(self, name: str, default: int, high: int) -> int:
        return self._number(name, default, 0, high) if name in self.known else default

    def _offset(self, limit: int) -> int:
        if "offset" in self.known and self._text("offset"):
            if self._text("page"):
                self._problem("offset", "cannot be combined with page: give one of them")
            return self._number("offset", 0, 0, MAX_OFFSET)
        page = self._number("page", 1, 1, MAX_OFFSET // max(limit, 1) + 1)
        return (page - 1) * limit

    def _sort(self, query: str) -> Sort:
        text = self._text("sort")
        if text and text not in SORTS:
            self._problem("sort", f"{text[:40]!r} is not an order: use {', '.join(SORTS)}")
            text = ""
        # Where nothing is typed there is nothing to rank by.
        if not text or (text == "relevance" and not query):
            return default_sort(query)
        return cast("Sort", text)

    def _filters(self) -> dict[Facet, tuple[str, ...]]:
        filters = {facet: values for facet in FACETS if (values := self._values(facet))}
        if sum(map(len, filters.values())) <= MAX_FILTERS:
            return filters
        largest = max(filters, key=lambda facet: len(filters[facet]))
        self._problem(largest, f"more than {MAX_FILTERS} filter values: ask for fewer at a time")
        return {}

    def _values(self, facet: Facet) -> tuple[str, ...]:
        values = {filter_value(facet, value) for value in self.args.getlist(facet)} - {""}
        fitting = {value for value in values if self._fits(facet, value.removeprefix(EXCLUDED))}
        # What is excluded cannot be wanted as well.
        return tuple(sorted(value for value in fitting if EXCLUDED + value not in fitting))

    def _fits(self, facet: Facet, value: str) -> bool:
        if len(value) > MAX_VALUE_LENGTH:
            self._problem(facet, f"longer than {MAX_VALUE_LENGTH} characters: shorten it")
            return False
        if facet in _SHAPES:
            shape, remedy = _SHAPES[facet]
            if not shape.fullmatch(value):
                self._problem(facet, f"{value[:40]!r} cannot be read: {remedy}")
                return False
        return True

    def _facets(self) -> tuple[Facet, ...]:
        names = [name for name in self.args.getlist("facet") if name]
        for name in names:
            if name not in FACETS:
                self._problem("facet", f"{name[:40]!r} is not a facet: use {', '.join(FACETS)}")
        return tuple(facet for facet in FACETS if facet in names) or ("provider",)

    def _dates(self) -> tuple[date | datetime | None, date | datetime | None]:
        since = self._day("since", end=False)
        until = self._day("until", end=True)
        if since and until and _as_day(until) < _as_day(since):
            self._problem("until", f"{write_instant(until)} is before since={write_instant(since)}")
            until = None
        return since, until

    def _day(self, name: str, *, end: bool) -> date | datetime | None:
        text = self._text(name)
        if not text:
            return None
        try:
            return parse_day(text, name, end=end)
        except QueryError as problem:
            self.problems.append(problem)
            return None


def filter_value(facet: Facet, value: str) -> str:
    """A value of a filter as addresses have it; blank for none."""
    rest = value.removeprefix(EXCLUDED)
    key = facet_key(facet, rest.removeprefix(LITERAL))
    if not key:
        return ""
    sign = "" if rest == value else EXCLUDED
    return sign + (LITERAL + key if key.startswith((EXCLUDED, LITERAL)) else key)


def default_sort(query: str) -> Sort:
    """Best first where something was typed, newest first where people browse."""
    return "relevance" if query else "newest"


def _as_day(value: date | datetime) -> date:
    if not isinstance(value, datetime):
        return value
    return value.astimezone(timezone.utc).date() if value.tzinfo else value.date()


def list_pairs(wanted: SearchRequest) -> list[tuple[str, str]]:
    """Name and value of every parameter that is not at its default, in a fixed order."""
    pairs = [("q", wanted.query)] if wanted.query else []
    pairs += [(name, value) for name in FACETS for value in wanted.filters.get(name, ())]
    for name, day in (("since", wanted.since), ("until", wanted.until)):
        if day is not None:
            pairs.append((name, write_instant(day)))
    if wanted.sort != default_sort(wanted.query):
        pairs.append(("sort", wanted.sort))
    if not wanted.spelling:
        pairs.append(("spelling", "0"))
    if not wanted.collapse:
        pairs.append(("collapse", "0"))
    if wanted.offset:
        pairs.append(("page", str(wanted.offset // PAGE_SIZE + 1)))
    return pairs


def write_query(wanted: SearchRequest) -> str:
    """The shortest query string that `read_request` reads as this request of a page."""
    return write_pairs(list_pairs(wanted))


def write_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """A query string of these parameters."""
    return "&".join([_encoded(name, value) for name, value in pairs])


@lru_cache(4096)
def _encoded(name: str, value: str) -> str:
    """As it stands in an address; a page writes the same filters many times."""
    return urlencode({name: value})


@lru_cache(4096)
def write_filter(facet: Facet, value: str) -> str:
    """The query string of the search for everything that has a value of a facet."""
    return write_pairs([(facet, filter_value(facet, LITERAL + value))])


def with_values(wanted: SearchRequest, facet: Facet, values: Iterable[str]) -> SearchRequest:
    """The request with these values of a facet alone."""
    filters = {**wanted.filters, facet: tuple(sorted(values))}
    kept = {name: filters[name] for name in FACETS if filters.get(name)}
    return replace(wanted, filters=kept, offset=0)


def within(wanted: SearchRequest, since: date | None, until: date | None) -> SearchRequest:
    """The request for another span of days."""
    return replace(wanted, since=since, until=until, offset=0)


def without_filters(wanted: SearchRequest) -> SearchRequest:
    """The request with its words alone."""
    return replace(wanted, filters={}, since=None, until=None, offset=0)


def without_query(wanted: SearchRequest) -> SearchRequest:
    """The request with its filters alone, newest first."""
    return replace(wanted, query="", sort=default_sort(""), offset=0)


def worded(wanted: SearchRequest, query: str) -> SearchRequest:
    """The same filters around other words."""
    return replace(wanted, query=query, offset=0, spelling=True)


def as_typed(wanted: SearchRequest) -> SearchRequest:
    """The request with its words as they are, however they are spelt."""
    return replace(wanted, offset=0, spelling=False)


def uncollapsed(wanted: SearchRequest) -> SearchRequest:
    """The request with every story listed, the same lead or not."""
    return replace(wanted, offset=0, collapse=False)


def on_page(wanted: SearchRequest, number: int) -> SearchRequest:
    """Another page of the same result; pages count from 1."""
    return replace(wanted, offset=(number - 1) * PAGE_SIZE)
