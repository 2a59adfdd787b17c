"""What the search page shows beside its hits: filters, chips, orders and page links.

The state of a page is in its one form, so that the page works without a script and a long
address does not stand in every value of every facet. Templates are left with markup alone.
"""

from __future__ import annotations

from calendar import month_name
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import quote, urljoin

from flask import current_app, request

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
#: By number; the table of the calendar makes each name anew.
MONTH_NAMES = tuple(month_name)
#: Values of a facet on the page, beside the chosen ones.
TOP_VALUES = 12
#: Values shown of those that the box "Find a provider" finds.
FOUND_VALUES = 50
#: Page links on each side of the current page.
_AROUND = 2
#: Values that a chip names; it counts the others.
_NAMED = 2

_BASE_FACETS: tuple[Facet, ...] = ("provider", "topic", "category", "type", "year", "published")
#: Facets whose values can be excluded one by one; of the others few are left to choose.
_EXCLUDABLE = frozenset(("provider", "lead_provider", "topic", "category", "type"))
_STATUS = {"true": "Published", "false": "Unpublished"}


class Value(NamedTuple):
    """One check box: what it is called and how many stories choosing it gives."""

    value: str
    label: str
    total: int
    chosen: bool
    excluded: bool


class Group(NamedTuple):
    """One facet: its `values`, and how many more there are `beyond` them."""

    facet: Facet
    title: str
    values: list[Value]
    beyond: int
    excludable: bool


class Chip(NamedTuple):
    """The filters of one kind; `url` is the page without them."""

    title: str
    label: str
    url: str


class Order(NamedTuple):
    """One way to sort."""

    value: str
    label: str
    chosen: bool


class PageLink(NamedTuple):
    """A link to another page of the result."""

    number: int
    url: str
    current: bool


class Preset(NamedTuple):
    """A link to what was published lately."""

    label: str
    url: str
    chosen: bool


class Pages(NamedTuple):
    """Links to other pages of the result; None in `links` stands for a gap."""

    number: int
    last: int
    previous: str | None
    next: str | None
    links: list[PageLink | None]


def page_facets(wanted: SearchRequest) -> tuple[Facet, ...]:
    """The facets a page shows: months once a year is chosen, others where filtered."""
    shown = {*_BASE_FACETS, *wanted.filters}
    if "year" in wanted.filters:
        shown.add("month")
    return tuple(facet for facet in GROUP_TITLES if facet in shown)


def search_url(wanted: SearchRequest) -> str:
    """The address of the search page for a request."""
    return _address("/", params.write_query(wanted))


def follow_url(wanted: SearchRequest, path: str, format_name: str = "") -> str:
    """The address of the same search as a feed or an export: the whole of it, no page."""
    pairs = params.list_pairs(params.on_page(wanted, 1))
    pairs += [("format", format_name)] if format_name else []
    return _address(path, params.write_pairs(pairs))


def story_url(story_id: str, query: str = "") -> str:
    """The page of a story, which keeps the search that led there."""
    return _address(
        f"/story/{quote(story_id)}", params.write_pairs([("q", query)] if query else ())
    )


def filter_url(facet: Facet, value: str) -> str:
    """The search for everything that has a value of a facet."""
    return _address("/", params.write_filter(facet, value))


def _address(path: str, query: str) -> str:
    return f"{path_of(path)}?{query}" if query else path_of(path)


def path_of(path: str) -> str:
    """A path of this site as links have it, wherever the site is mounted."""
    # `url_for` would take most of the time of a page.
    return f"{request.script_root}{path}"


def public_url(path: str) -> str:
    """The absolute address of a path of this site."""
    base: str = current_app.config["BASE_URL"]
    if not base:
        return urljoin(request.host_url, path)
    # A base may have a path: then that is where the site is mounted, for those outside.
    return base + path.removeprefix(request.script_root)


def list_groups(page: ResultPage, found: FacetRows | None) -> list[Group]:
    """The facets worth showing: one with a single value is no choice, save providers.

    found: the providers that the box "Find a provider" has found, to show instead of the
        most frequent ones
    """
    groups = []
    for facet in page_facets(page.request):
        rows = page.facets.get(facet, FacetRows())
        if len(rows) > 1 or facet == "provider" or any(row.selected for row in rows):
            instead = found if facet == "provider" else None
            groups.append(_group(facet, rows, rows if instead is None else instead))
    return groups


def _group(facet: Facet, rows: FacetRows, listed: FacetRows) -> Group:
    """The chosen ones of some rows, then all that are listed."""
    if facet in ("year", "month"):
        ordered = sorted(rows, key=lambda row: row.value, reverse=True)
    else:
        chosen = [row for row in rows if row.selected]
        named = {row.value for row in chosen}
        ordered = [*chosen, *(row for row in listed if row.value not in named)]
    labels = [value_label(facet, row) for row in ordered]
    times = Counter(labels)
    values = [
        Value(
            row.value,
            told_apart(label, row.value.removeprefix(params.EXCLUDED), times[label]),
            row.count,
            row.selected,
            _is_excluded(row),
        )
        for row, label in zip(ordered, labels, strict=True)
    ]
    return Group(facet, GROUP_TITLES[facet], values, listed.beyond, facet in _EXCLUDABLE)


def told_apart(label: str, value: str, times: int) -> str:
    """A label that stands `times` times, with what is filtered by: two sites of a newspaper."""
    return label if times == 1 else f"{label} ({value})"


def _is_excluded(row: FacetCount) -> bool:
    return row.selected and row.value.startswith(params.EXCLUDED)


def value_label(facet: Facet, count: FacetCount) -> str:
    """How a facet value reads on the page."""
    value = count.value.removeprefix(params.EXCLUDED)
    if facet == "published":
        return _STATUS.get(value, count.label)
    if facet == "month":
        year, _, month = value.partition("-")
        return f"{MONTH_NAMES[int(month)]} {year}"
    return count.label


def list_chips(page: ResultPage) -> list[Chip]:
    """The active filters by kind, in the order of the facets, dates last."""
    wanted = page.request
    return [*_facet_chips(page), *_date_chips(wanted)]


def _facet_chips(page: ResultPage) -> Iterator[Chip]:
    wanted = page.request
    for facet in wanted.filters:
        chosen = [row for row in page.facets.get(facet, ()) if row.selected]
        for excluded, before in ((False, ""), (True, "not ")):
            rows = [row for row in chosen if _is_excluded(row) == excluded]
            if rows:
                kept = [
                    value
                    for value in wanted.filters[facet]
                    if value.startswith(params.EXCLUDED) != excluded
                ]
                labels = [value_label(facet, row) for row in rows]
                url = search_url(params.with_values(wanted, facet, kept))
                yield Chip(GROUP_TITLES[facet], before + _enumerate(labels), url)


def _enumerate(labels: list[str]) -> str:
    """`CNN or BBC, +58`."""
    named = " or ".join(labels[:_NAMED])
    return f"{named}, +{len(labels) - _NAMED:,}" if len(labels) > _NAMED else named


def _date_chips(wanted: SearchRequest) -> Iterator[Chip]:
    if wanted.since is not None:
        url = search_url(params.within(wanted, None, wanted.until))
        yield Chip("From", _day(wanted.since), url)
    if wanted.until is not None:
        url = search_url(params.within(wanted, wanted.since, None))
        yield Chip("Until", _day(wanted.until), url)


def _day(value: date | datetime) -> str:
    return f"{value.day} {value:%b} {value.year}"


def list_presets(wanted: SearchRequest, since: str) -> list[Preset]:
    """Links to the last day, week, month and year of the same search.

    since: what the address says, which a request has as a date
    """
    pairs = params.list_pairs(params.within(wanted, None, None))
    return [
        Preset(label, _address("/", params.write_pairs([*pairs, ("since", value)])), since == value)
        for value, label in _PRESETS.items()
    ]


_PRESETS = {"24h": "Past 24 hours", "7d": "Past week", "1m": "Past month", "1y": "Past year"}


def list_orders(wanted: SearchRequest) -> list[Order]:
    """The sort control; best match is no choice where nothing was typed."""
    orders = [sort for sort in SORTS if wanted.query or sort != "relevance"]
    usual = params.default_sort(wanted.query)
    # The usual one goes without saying: words typed later are ranked.
    return [
        Order("" if sort == usual else sort, _ORDER_LABELS[sort], sort == wanted.sort)
        for sort in orders
    ]


_ORDER_LABELS = {
    "relevance": "Best match", "newest": "Newest first", "oldest": "Oldest first",
    "quality": "Highest quality",
}  # fmt: skip


def describe(page: ResultPage, chips: list[Chip], number: int) -> str:
    """What a page is, in a line: query, filters and page."""
    parts = [page.query, *(f"{chip.title}: {chip.label}" for chip in chips)]
    if number > 1:
        parts.append(f"page {number:,}")
    return " · ".join(part for part in parts if part)


def list_pages(page: ResultPage) -> Pages:
    """Links to the first, the last and the neighbouring pages."""
    wanted = page.request
    number = wanted.offset // params.PAGE_SIZE + 1
    deepest = params.MAX_OFFSET // params.PAGE_SIZE + 1
    last = min(max(-(-page.total // params.PAGE_SIZE), 1), deepest)
    near = range(max(number - _AROUND, 1), min(number + _AROUND, last) + 1)
    first = params.write_query(params.on_page(wanted, 1))

    def url(n: int) -> str:
        return _address("/", f"{first}{'&' * bool(first)}page={n}" if n > 1 else first)

    links: list[PageLink | None] = []
    at = 0
    for n in sorted({1, *near, last}):
        if n > at + 1:
            links.append(None)
        links.append(PageLink(n, url(n), n == number))
        at = n
    return Pages(
        number,
        last,
        url(min(number - 1, last)) if number > 1 else None,
        url(number + 1) if number < last else None,
        links,
    )
