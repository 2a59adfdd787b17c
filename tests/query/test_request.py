"""What callers of Python may hand over: refused by name where it is not of use."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from enum import Enum
from functools import partial

import numpy as np
import pytest

import indexer
from tests.conftest import build

#: Hours from UTC at which the last or the first date there is becomes none.
EDGES = (
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=23))),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """One story."""
    story = {"title": "A story", "publishedDateTime": "2022-05-25T10:00:00Z"}
    with indexer.open_index(build(tmp_path_factory.mktemp("request"), [story])) as opened:
        yield opened


@pytest.mark.parametrize("value", [0, 1.5, True, None, b"x", [], {}, date(2022, 5, 25), object()])
def test_what_is_no_text_is_named(engine, value):
    """The message says which parameter it was and what was given."""
    for parameter, call in {
        "q": lambda: engine.search(value),
        "text": lambda: engine.suggest(value),
        "story_id": lambda: engine.get(value),
        "provider": lambda: engine.search("", filters={"provider": [value]}),
    }.items():
        with pytest.raises(indexer.QueryError, match=f"^{parameter}: .* is no text"):
            call()
    for call in (
        lambda: engine.hit_of(value, "story"), lambda: engine.more_like(value),
        lambda: engine.explain("story", value), lambda: engine.facet_values("provider", value),
    ):  # fmt: skip
        with pytest.raises(indexer.QueryError, match="is no text"):
            call()


@pytest.mark.parametrize("filters", ["provider", ["provider"], 7, {"provider": 7}, {"topic": "x"}])
def test_filters_are_lists_by_facet(engine, filters):
    """A text for a list is a slip that would otherwise be taken letter by letter."""
    with pytest.raises(indexer.QueryError, match=r"give (a list|lists) of values, as in"):
        engine.search("", filters=filters)
    with pytest.raises(indexer.QueryError, match=r"give (a list|lists) of values, as in"):
        engine.answer(indexer.SearchRequest(filters=filters))


def test_no_filters_are_none(engine):
    """As for a search, so for a request built by hand."""
    request = indexer.SearchRequest(query="story", filters=None)
    assert engine.answer(request).total == engine.search("story", filters=None).total == 1


@pytest.mark.parametrize("facets", [None, "provider", 5])
def test_facets_are_a_list(engine, facets):
    """What is no list of facets is refused by name."""
    with pytest.raises(indexer.QueryError, match=r"^facets: give a list"):
        engine.search("x", facets=facets)
    with pytest.raises(indexer.QueryError, match=r"^facets: give a list"):
        engine.answer(indexer.SearchRequest(facets=facets))


class _Name(str, Enum):
    PROVIDER = "provider"
    WIRE = "wire.example"


def test_numbers_of_numpy_and_members_of_enumerations_are_what_they_stand_for(tmp_path):
    """As programs have them that count with NumPy, or name facets once."""
    story = {"title": "A story", "provider": {"name": "Wire", "domain": "wire.example"}}
    few = {"offset": np.int64(0), "limit": np.int32(1), "facet_limit": np.uint8(3)}
    with indexer.open_index(build(tmp_path, [story])) as engine:
        page = engine.search("story", facets=[_Name.PROVIDER], **few)
        assert [count.value for count in page.facets["provider"]] == ["wire.example"]
        assert len(page.hits) == page.total == 1
        assert indexer.page_to_json(page)
        chosen = engine.search("", filters={_Name.PROVIDER: [_Name.WIRE]})
        assert chosen.total == 1
        (value,) = engine.facet_values(_Name.PROVIDER, "wire", limit=np.int64(2))
        assert value.count == 1
        assert engine.suggest("sto", limit=np.int64(1)) == ("story",)


@pytest.mark.parametrize("request_", [None, "story", {"query": "story"}])
def test_what_is_no_request_is_named(engine, request_):
    """Where a request is wanted and a query given, by all that take one."""
    explained = partial(engine.explained, story_ids=[])
    for call in (engine.answer, engine.export, engine.histogram, explained):
        with pytest.raises(indexer.QueryError, match=r"^request: give a SearchRequest, not "):
            call(request_)


@pytest.mark.parametrize("limit", [-1, 1001, 10**30, 1.5, True, None, "5"])
def test_limits_are_numbers_within_bounds(engine, limit):
    """The same for pages, completions and similar stories."""
    for call in (engine.search, engine.suggest):
        with pytest.raises(indexer.QueryError, match="limit: "):
            call("story", limit=limit)
    with pytest.raises(indexer.QueryError, match="limit: "):
        engine.more_like("0000.md", limit=limit)
    assert engine.suggest("sto", limit=0) == ()


@pytest.mark.parametrize("day", [5, object(), [2022], 1.5])
def test_what_is_no_date_is_named(engine, day):
    """As a text it is parsed; anything else but a date is refused."""
    for name in ("since", "until"):
        with pytest.raises(indexer.QueryError, match=f"^{name}: .* is no date"):
            engine.search("", **{name: day})


def test_dates_at_the_edges_of_the_calendar(engine):
    """In UTC they would be none; they still say before or after all."""
    late, early = EDGES
    assert engine.search("", since=late).total == 0
    assert engine.search("", until=late).total == 1
    assert engine.search("", since=early).total == 1
    assert engine.search("", until=early).total == 0


def test_a_span_that_ends_before_it_begins_is_named(engine):
    """The two were exchanged: no story can be found, and an empty answer would not say why."""
    with pytest.raises(indexer.QueryError, match="until: 2022-01-31 is before since"):
        engine.search("", since="2022-06", until="2022-01")
    assert engine.search("", since="2022-05-25", until="2022-05-25").total == 1


def test_what_is_no_list_is_shown_a_list(engine):
    """The example is one that can be copied, whatever was given."""
    with pytest.raises(indexer.QueryError, match=r"as in \['bbc.com'\]$"):
        engine.search("", filters={"provider": {"cnn.com"}})
