"""Requests that can be answered: what is refused before anything is searched."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..analysis import well_formed
from ..errors import QueryError
from ..model import FACETS, SORTS, SearchRequest

MAX_LIMIT = 1000
MAX_FACET_LIMIT = 1000


def list_values(facet: str, values: Sequence[str]) -> tuple[str, ...]:
    """The values that a filter accepts; raises `QueryError` for a single text."""
    if isinstance(values, str):
        raise QueryError(facet, f"give a list of values, as in [{values!r}]")
    return tuple(values)


def check(request: SearchRequest) -> SearchRequest:
    """The request with texts that are well-formed; refuses what cannot be answered.

    The checks of the query itself are `parse`'s.
    """
    for facet in (*request.filters, *request.facets):
        if facet not in FACETS:
            raise QueryError("facet", f"{facet!r} is none of {', '.join(FACETS)}")
    if request.sort not in SORTS:
        raise QueryError("sort", f"{request.sort!r} is none of {', '.join(SORTS)}")
    for name in ("offset", "limit", "facet_limit"):
        if type(getattr(request, name)) is not int:
            raise QueryError(name, f"{getattr(request, name)!r} is no whole number")
    if request.offset < 0:
        raise QueryError("offset", f"{request.offset} is less than 0")
    if not 0 <= request.limit <= MAX_LIMIT:
        raise QueryError("limit", f"{request.limit} is not between 0 and {MAX_LIMIT}")
    if not 0 <= request.facet_limit <= MAX_FACET_LIMIT:
        raise QueryError(
            "facet_limit", f"{request.facet_limit} is not between 0 and {MAX_FACET_LIMIT}"
        )
    if request.query.isascii() and not request.filters:
        return request
    return msgspec.structs.replace(
        request,
        query=well_formed(request.query),
        filters={
            facet: tuple(map(well_formed, values)) for facet, values in request.filters.items()
        },
    )
