"""What the search page shows beside its hits: chips, facets, orders and page links.

Every one is a label and an address. The addresses are requests derived by `params`, so
that the page works without a script, and templates are left with markup alone.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import urlencode

from flask import request, url_for

from indexer import SORTS, Facet, FacetCount, FacetRows, ResultPage, SearchRequest

from . import params

GROUP_TITLES: dict[Facet, str] = {
    "provider": "Provider",
    "lead_provider": "Lead provider",
    "topic": "Topic",
    "category": "Category",
    "type": "Type",
    "year": "Year",
    "month": "Month",
    "published": "Status",
}
#: Values of a facet on the page, beside the chosen ones.
TOP_VALUES = 12
#: Page links on each side of the current page.
_AROUND = 2

_BASE_FACETS: tuple[Facet, ...] = ("provider", "topic", "category", "type", "year", "published")
_STATUS = {"true": "Published", "false": "Unpublished"}


class Choice(NamedTuple):
    """One link of a list of alternatives."""

    label: str
    url: str
    selected: bool
    total: int = 0


class Group(NamedTuple):
    """One facet: its `choices`, and how many more there are `beyond` them."""

    facet: Facet
    title: str
    choices: list[Choice]
    beyond: int


class Chip(NamedTuple):
    """An active filter; `url` is the page without it."""

    title: str
    label: str
    url: str


class Pages(NamedTuple):
    """Links to other pages of the result; None in `links` stands for a gap."""

    number: int
    last: int
    previous: str | None
    next: str | None
    links: list[Choice | None]


def page_facets(wanted: SearchRequest) -> tuple[Facet, ...]:
    """The facets a page shows: months once a year is chosen, others where filtered."""
    shown = {*_BASE_FACETS, *wanted.filters}
    if "year" in wanted.filters:
        shown.add("month")
    return tuple(facet for facet in GROUP_TITLES if facet in shown)


def search_url(wanted: SearchRequest) -> str:
    """The address of the search page for a request."""
    query = params.write_query(wanted)
    # `url_for` takes most of the time of a page with many filter links.
    return f"{request.script_root}/?{query}" if query else f"{request.script_root}/"


def follow_url(wanted: SearchRequest, endpoint: str, format_name: str = "") -> str:
    """The address of the same search as a feed or an export: the whole of it, no page."""
    pairs = params.list_pairs(params.on_page(wanted, 1))
    pairs += [("format", format_name)] if format_name else []
    return url_for(endpoint) + (f"?{urlencode(pairs)}" if pairs else "")


def list_groups(page: ResultPage) -> list[Group]:
    """The facets worth showing: one with a single value is no choice, save providers."""
    groups = []
    for facet in page_facets(page.request):
        rows = page.facets.get(facet, FacetRows())
        chosen = any(row.selected for row in rows)
        if len(rows) > 1 or chosen or (rows and facet == "provider"):
            groups.append(_group(page.request, facet, rows))
    return groups


def _group(wanted: SearchRequest, facet: Facet, rows: FacetRows) -> Group:
    ordered = sorted(rows, key=lambda row: not row.selected)
    if facet in ("year", "month"):
        ordered = sorted(rows, key=lambda row: row.value, reverse=True)
    choices = [
        Choice(
            value_label(facet, one),
            search_url(params.toggled(wanted, facet, one.value)),
            one.selected,
            one.count,
        )
        for one in ordered
    ]
    return Group(facet, GROUP_TITLES[facet], choices, rows.beyond)


def value_label(facet: Facet, count: FacetCount) -> str:
    """How a facet value reads on the page."""
    if facet == "published":
        return _STATUS.get(count.value, count.label)
    if facet == "month":
        year, _, month = count.value.partition("-")
        return f"{calendar.month_name[int(month)]} {year}"
    return count.label


def list_chips(page: ResultPage) -> list[Chip]:
    """The active filters, in the order of the facets, dates last."""
    wanted = page.request
    chips = [
        Chip(
            GROUP_TITLES[facet],
            value_label(facet, count),
            search_url(params.toggled(wanted, facet, count.value)),
        )
        for facet in wanted.filters
        for count in page.facets.get(facet, ())
        if count.selected
    ]
    return [*chips, *_date_chips(wanted)]


def _date_chips(wanted: SearchRequest) -> Iterator[Chip]:
    if wanted.since is not None:
        yield Chip("From", _day(wanted.since), search_url(params.without_since(wanted)))
    if wanted.until is not None:
        yield Chip("Until", _day(wanted.until), search_url(params.without_until(wanted)))


def _day(value: date | datetime) -> str:
    return f"{value.day} {value:%b} {value.year}"


def list_orders(wanted: SearchRequest) -> list[Choice]:
    """The sort control; best match is no choice where nothing was typed."""
    orders = [sort for sort in SORTS if wanted.query or sort != "relevance"]
    return [
        Choice(sort.capitalize(), search_url(params.sorted_by(wanted, sort)), sort == wanted.sort)
        for sort in orders
    ]


def list_pages(page: ResultPage) -> Pages:
    """Links to the first, the last and the neighbouring pages."""
    wanted = page.request
    number = wanted.offset // params.PAGE_SIZE + 1
    deepest = params.MAX_OFFSET // params.PAGE_SIZE + 1
    last = min(max(-(-page.total // params.PAGE_SIZE), 1), deepest)
    near = range(max(number - _AROUND, 1), min(number + _AROUND, last) + 1)
    links: list[Choice | None] = []
    at = 0
    for n in sorted({1, *near, last}):
        if n > at + 1:
            links.append(None)
        links.append(Choice(str(n), search_url(params.on_page(wanted, n)), n == number))
        at = n
    return Pages(
        number,
        last,
        search_url(params.on_page(wanted, min(number - 1, last))) if number > 1 else None,
        search_url(params.on_page(wanted, number + 1)) if number < last else None,
        links,
    )
