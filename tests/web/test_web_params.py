"""The query string and the request it stands for."""

from __future__ import annotations

from datetime import date, datetime, timezone
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from indexer import FACETS, SORTS, SearchRequest
from web import params


def read(query: str, **options):
    """Read a query string as a browser would send it."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return params.read_request(MultiDict(pairs), **options)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip)
free_values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
shaped_values = {
    "year": st.integers(1000, 9999).map(str),
    "month": st.dates(date(1000, 1, 1)).map(lambda day: f"{day:%Y-%m}"),
    "published": st.sampled_from(["true", "false"]),
}


@st.composite
def requests(draw):
    """Any request a page can be in."""
    filters = {}
    for facet in draw(st.sets(st.sampled_from(FACETS))):
        values = draw(st.lists(shaped_values.get(facet, free_values), min_size=1, max_size=3))
        folded = {params.filter_value(facet, value) for value in values} - {""}
        # What is excluded is not wanted as well.
        kept = sorted(value for value in folded if f"-{value}" not in folded)
        if kept:
            filters[facet] = tuple(kept)
    days = st.one_of(
        st.none(),
        st.dates(date(1000, 1, 1)),
        st.datetimes(datetime(1000, 1, 1), timezones=st.just(timezone.utc)).map(
            lambda instant: instant.replace(microsecond=0)
        ),
    )
    since, until = draw(days), draw(days)
    if since and until and until.isoformat()[:10] < since.isoformat()[:10]:
        since, until = until, since
    query = draw(words)
    sort = draw(st.sampled_from([sort for sort in SORTS if query or sort != "relevance"]))
    page = draw(st.integers(1, 1001))
    return SearchRequest(
        query=query, filters=filters, since=since, until=until, sort=sort, offset=(page - 1) * 10,
        spelling=draw(st.booleans()), collapse=draw(st.booleans()),
    )  # fmt: skip


@given(requests())
def test_an_address_is_read_as_the_request_it_was_written_from(wanted):
    """The whole state of a page survives the way through its address."""
    assert read(params.write_query(wanted)) == (wanted, ())


@given(st.text(max_size=60))
def test_any_query_string_is_read(text):
    """No address is an error: what cannot be read is named, the rest is used."""
    wanted, problems = read(text)
    assert wanted.offset <= params.MAX_OFFSET
    assert all(problem.reason for problem in problems)


def test_defaults_are_not_written():
    """The address of the start page is empty, and best match goes without saying."""
    assert params.write_query(read("").wanted) == ""
    assert params.write_query(read("q=azure&sort=relevance&page=1&since=").wanted) == "q=azure"


def test_parameters_are_written_in_one_order():
    """The same state has the same address however it was reached."""
    one = read("topic=b&provider=z.com&topic=a&q=x").wanted
    two = read("q=x&provider=Z.com&topic=A&topic=b&topic=a").wanted
    assert params.write_query(one) == params.write_query(two)
    assert params.write_query(one) == "q=x&provider=z.com&topic=a&topic=b"


def test_a_provider_is_the_same_with_and_without_www():
    """A filter that somebody wrote by hand is the one that the page's own links have."""
    assert read("provider=www.ZDNet.com").wanted.filters == {"provider": ("zdnet.com",)}


def test_without_words_the_newest_come_first():
    """Relevance needs something to be relevant to."""
    assert read("").wanted.sort == "newest"
    assert read("sort=relevance").wanted.sort == "newest"
    assert read("q=x").wanted.sort == "relevance"


def test_changing_the_words_leads_back_to_the_first_page():
    """Page 7 of another search is not where a person wants to be."""
    wanted = read("q=x&page=7&provider=a.com").wanted
    assert params.worded(wanted, "y").offset == 0
    assert params.without_filters(wanted).offset == 0


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("page=0", "page"),
        ("page=1002", "page"),
        ("page=two", "page"),
        ("page=٣", "page"),
        ("sort=best", "sort"),
        ("since=soonish", "since"),
        ("until=2022-13", "until"),
        ("since=2022-02-01&until=2022-01-01", "until"),
        ("year=22", "year"),
        ("month=2022-13", "month"),
        ("published=maybe", "published"),
        ("provider=" + "x" * 501, "provider"),
        ("&".join(f"topic={n}" for n in range(101)), "topic"),
    ],
)
def test_what_cannot_be_read_is_named_and_left_out(query, name):
    """A bad parameter costs itself, not the page."""
    wanted, problems = read("q=azure&" + query)
    assert [problem.parameter for problem in problems] == [name]
    assert wanted.query == "azure"
    assert not wanted.filters
    assert wanted.offset == 0


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("offset=10001", "offset"),
        ("offset=10&page=2", "offset"),
        ("facet=colour", "facet"),
        ("providr=zdnet.com", "providr"),
    ],
)
def test_the_api_is_strict(query, name):
    """A program is told of a parameter that does nothing."""
    assert read(query, known=params.API_PARAMETERS).problems[0].parameter == name


def test_what_a_page_does_not_know_or_has_twice_is_named():
    """The rest of the address holds; blank parameters, as forms send them, count as absent."""
    wanted, problems = read("q=x&utm_source=mail&q=y&sort=&limit=&find=")
    assert [problem.parameter for problem in problems] == ["q", "utm_source"]
    assert (wanted.query, wanted.limit) == ("x", 10)


def test_a_minus_sign_excludes_a_value():
    """In one form, whatever it is written like; what is excluded is not wanted as well."""
    wanted, problems = read("provider=-WWW.CNN.com&provider=cnn.com&provider=bbc.com&year=-2021")
    assert not problems
    assert wanted.filters == {"provider": ("-cnn.com", "bbc.com"), "year": ("-2021",)}
    assert params.write_query(wanted) == "provider=-cnn.com&provider=bbc.com&year=-2021"
    assert [problem.parameter for problem in read("year=-21&topic=-").problems] == ["year"]


def test_the_api_pages_by_offset_or_by_page():
    """Both ways lead to the same hits, with any page size."""
    by_page = read("page=3&limit=25", known=params.API_PARAMETERS).wanted
    by_offset = read("offset=50&limit=25", known=params.API_PARAMETERS).wanted
    assert by_page == by_offset
