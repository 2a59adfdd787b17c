"""Requests that can be answered: what is refused before anything is searched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from numbers import Integral
from typing import cast

import msgspec

from ..analysis import well_formed
from ..dates import first_instant
from ..errors import QueryError
from ..model import FACET_SORTS, FACETS, SORTS, Facet, SearchRequest

MAX_LIMIT = 1000
MAX_FACET_LIMIT = 1000
_NUMBERS = ("offset", "limit", "facet_limit")


def _list_filters(filters: object) -> dict[Facet, tuple[str, ...]]:
    """The values that each filter accepts; raises `QueryError` for a single text."""
    if not isinstance(filters, Mapping | None):
        raise QueryError("filters", "give lists of values, as in {'provider': ['bbc.com']}")
    for facet, values in (filters or {}).items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            example = f"{values!r:.42}" if isinstance(values, str) else "'bbc.com'"
            raise QueryError(str(facet), f"give a list of values, as in [{example}]")
    return {facet: tuple(values) for facet, values in (filters or {}).items()}


def _list_facets(facets: object) -> tuple[Facet, ...]:
    """The facets to count; raises `QueryError` for what is no list of them."""
    if isinstance(facets, str) or not isinstance(facets, Iterable):
        raise QueryError("facets", f"give a list, as in ['provider'], not {facets!r:.40}")
    return tuple(facets)


def _known(facet: object) -> Facet:
    """A facet by its plain name, of a member of an enumeration too; raises `QueryError`."""
    if facet not in FACETS:
        raise QueryError("facet", f"{facet!r} is none of {', '.join(FACETS)}")
    return FACETS[FACETS.index(facet)]


def checked_text(parameter: str, text: object) -> str:
    """A text, well-formed; raises `QueryError` naming the parameter for anything else.

    That of a member of an enumeration is its value.
    """
    if not isinstance(text, str):
        raise QueryError(parameter, f"{text!r:.40} is no text")
    return well_formed(str.__str__(text))


def _whole(parameter: str, number: object) -> int:
    """A whole number, be it one of NumPy; raises `QueryError` naming the parameter."""
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise QueryError(parameter, f"{number!r:.40} is no whole number")
    return int(number)


def checked_limit(limit: object) -> int:
    """How many are wanted; raises `QueryError`."""
    limit = _whole("limit", limit)
    if not 0 <= limit <= MAX_LIMIT:
        raise QueryError("limit", f"{limit} is not between 0 and {MAX_LIMIT}")
    return limit


def check(request: SearchRequest) -> SearchRequest:
    """The request with texts that are well-formed; refuses what cannot be answered.

    The checks of the query itself are `parse`'s.
    """
    if not isinstance(request, SearchRequest):
        raise QueryError("request", f"give a SearchRequest, not {request!r:.40}")
    filters, facets = _list_filters(request.filters), _list_facets(request.facets)
    chosen = {_known(facet): values for facet, values in filters.items()}
    facets = tuple(map(_known, facets))
    if request.sort not in SORTS:
        raise QueryError("sort", f"{request.sort!r} is none of {', '.join(SORTS)}")
    numbers = {name: _whole(name, getattr(request, name)) for name in _NUMBERS}
    request = msgspec.structs.replace(request, facets=facets, **numbers)
    for name, day in (("since", request.since), ("until", request.until)):
        if not isinstance(day, date | None):
            raise QueryError(name, f"{day!r:.40} is no date")
    if request.since and request.until:
        first, last = first_instant(request.since), first_instant(request.until)
        if last.date() < first.date():
            raise QueryError("until", f"{last:%Y-%m-%d} is before since={first:%Y-%m-%d}")
    if request.offset < 0:
        raise QueryError("offset", f"{request.offset} is less than 0")
    checked_limit(request.limit)
    if not 0 <= request.facet_limit <= MAX_FACET_LIMIT:
        raise QueryError(
            "facet_limit", f"{request.facet_limit} is not between 0 and {MAX_FACET_LIMIT}"
        )
    query = checked_text("q", request.query)
    if query is request.query and request.filters == {}:
        return request
    filters = {
        facet: tuple([checked_text(facet, value) for value in values])
        for facet, values in chosen.items()
    }
    return msgspec.structs.replace(request, query=query, filters=filters)


def check_values(request: SearchRequest, facet: str, sort: str) -> SearchRequest:
    """A request for the values of one facet alone, sorted by `sort`; raises `QueryError`."""
    if sort not in FACET_SORTS:
        raise QueryError("sort", f"{sort!r} is none of {', '.join(FACET_SORTS)}")
    wanted = cast("tuple[Facet, ...]", (facet,))
    return check(
        msgspec.structs.replace(request, facets=wanted, sort="relevance", offset=0, limit=0)
    )
