"""Facets: their values, how they are chosen, how many are listed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

import indexer
from tests.conftest import build


def test_a_provider_is_shown_by_its_most_frequent_name(tmp_path):
    """One domain under several names is one value, labelled by the most frequent."""
    stories = [{"provider": {"name": n, "domain": "a.example"}} for n in ("A", "The A", "The A")]
    with indexer.open_index(build(tmp_path, stories)) as engine:
        assert engine.search("").facets["provider"] == (
            indexer.FacetCount("a.example", "The A", 3),
        )


@pytest.mark.parametrize("count", [1, 3, 4, 9, 40])
def test_any_number_of_values_of_a_facet_are_alternatives(tmp_path, count):
    """Stories that have one of them, as the lead or in the coverage; others not."""
    names = [{"domain": f"desk{number}.example"} for number in range(50)]
    stories = [
        {"provider": names[number], "related": [{"title": "B", "provider": names[number * 7 % 50]}]}
        for number in range(0, 50, 2)
    ]
    stories += [{}, {"related": [{"title": "B", "provider": names[3]}]}, {}]
    ran = [
        {
            one["provider"]["domain"]
            for one in (story, *story.get("related", ()))
            if "provider" in one
        }
        for story in stories
    ]
    chosen = [name["domain"] for name in names[:count]]
    with indexer.open_index(build(tmp_path, stories), compiled=False) as engine:
        for wanted, excluded in ((chosen, []), ([], chosen)):
            values = [*wanted, *(f"-{one}" for one in excluded)]
            page = engine.search(filters={"provider": values}, limit=100)
            found = {int(hit.story.id[:4]) for hit in page.hits}
            assert found == {
                number
                for number, domains in enumerate(ran)
                if bool(domains & {*chosen}) == bool(wanted)
            }


def test_filters_take_any_spelling(tmp_path):
    """Case, `www.` and spacing of a filter's value do not matter."""
    story = {"provider": {"name": "A", "domain": "a.example"}, "topics": ["Big  Data"]}
    with indexer.open_index(build(tmp_path, [story])) as engine:
        for filters in ({"provider": ["WWW.A.example"]}, {"topic": ["big data"]}):
            assert engine.search("", filters=filters).total == 1


@pytest.mark.parametrize("chosen", [[], ["b", "absent", "zz"]])
def test_facet_rows_are_a_sequence(tmp_path, chosen):
    """The rows of a facet can be counted, sliced, compared and gone through, in any order."""
    stories = [{"topics": topics} for topics in (["B", "a"], ["a"], ["c", "B"], ["d"])]
    with indexer.open_index(build(tmp_path, stories)) as engine:
        filters = {"topic": chosen} if chosen else {}
        rows = engine.search("", filters=filters, facets=("topic",)).facets["topic"]
        listed = [(row.value, row.count, row.selected) for row in rows]
    unused = [("absent", 0, True), ("zz", 0, True)] if chosen else []
    assert listed == [
        ("a", 2, False),
        ("B", 2, bool(chosen)),
        ("c", 1, False),
        ("d", 1, False),
        *unused,
    ]
    assert len(rows) == len(listed)
    assert rows[-1] == tuple(rows)[-1]
    assert rows[1:3] == tuple(rows)[1:3]
    assert list(reversed(rows)) == list(rows)[::-1]
    assert rows == tuple(rows)
    assert rows != tuple(rows)[1:]
    with pytest.raises(IndexError):
        rows[len(rows)]


SIZES = {"gamma": 9, "alpha": 4, "Beta": 4, "delta": 1}


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    """An engine over stories of one topic each, as many as `SIZES` says."""
    stories = [{"topics": [topic]} for topic, size in SIZES.items() for _ in range(size)]
    with indexer.open_index(build(tmp_path_factory.mktemp("topics"), stories)) as engine:
        yield engine


@pytest.mark.parametrize(
    ("limit", "chosen", "listed", "beyond"),
    [
        (2, [], ["gamma 9", "alpha 4"], 2),
        (0, [], [], 4),
        (4, [], ["gamma 9", "alpha 4", "Beta 4", "delta 1"], 0),
        (1, ["Delta"], ["gamma 9", "delta 1 *"], 2),
        (2, ["gamma"], ["gamma 9 *", "alpha 4"], 2),
        (1, ["absent", "BETA"], ["gamma 9", "Beta 4 *", "absent 0 *"], 2),
        (2, ["-Gamma", "delta"], ["alpha 4", "Beta 4", "delta 1 *", "gamma 0 *"], 0),
        (1, ["-beta", "beta", "-none"], ["gamma 9", "Beta 0 *", "none 0 *"], 2),
    ],
)
def test_facets_have_as_many_rows_as_asked_for(topics, limit, chosen, listed, beyond):
    """The most frequent values are listed, then by label, and those that were chosen."""
    filters = {"topic": chosen} if chosen else {}
    page = topics.search("", filters=filters, facets=("topic",), facet_limit=limit)
    rows = page.facets["topic"]
    assert [f"{row.label} {row.count}{' *' * row.selected}" for row in rows] == listed
    assert rows.beyond == beyond
    assert topics.answer(page.request).facets == page.facets


def test_a_value_is_excluded_by_a_minus_sign(topics):
    """Of that facet and of the others; what is excluded and wanted is excluded."""
    assert topics.search("", filters={"topic": ["-gamma"]}).total == 9
    assert topics.search("", filters={"topic": ["-GAMMA", "-delta"]}).total == 8
    assert topics.search("", filters={"topic": ["alpha", "-gamma"]}).total == 4
    assert topics.search("", filters={"topic": ["gamma", "-gamma"]}).total == 9
    page = topics.search("", filters={"topic": ["-gamma"]}, facets=("published", "topic"))
    assert [row.count for row in page.facets["published"]] == [9]
    excluded = page.facets["topic"][-1]
    assert (excluded.value, excluded.label, excluded.selected) == ("-gamma", "gamma", True)


def test_values_are_found_by_how_a_word_of_them_begins(tmp_path):
    """In label or value, whatever the capitals, with the counts that choosing them gives."""
    names = [("The Guardian", "theguardian.com"), ("Guard Post", "gp.example"), ("ZDNet", "zd.com")]
    stories = [
        {"title": f"cat {n}", "provider": {"name": names[n % 3][0], "domain": names[n % 3][1]}}
        for n in range(7)
    ]
    with indexer.open_index(build(tmp_path, stories)) as engine:
        found = engine.facet_values("provider", "GUARD")
        assert [(row.label, row.count) for row in found] == [("The Guardian", 3), ("Guard Post", 2)]
        assert [row.value for row in engine.facet_values("provider", "theg")] == ["theguardian.com"]
        assert [row.label for row in engine.facet_values("provider", "the guar")] == [
            "The Guardian"
        ]
        assert engine.facet_values("provider", "uard") == ()
        assert engine.facet_values("provider", "?!") == ()
        whole = engine.facet_values("provider", sort="name", limit=2)
        assert [row.label for row in whole] == ["Guard Post", "The Guardian"]
        assert whole.beyond == 1
        few = engine.facet_values("provider", query="title:cat", filters={"provider": ["-zd.com"]})
        assert [row.count for row in few] == [3, 2]
        with pytest.raises(indexer.QueryError, match="sort"):
            engine.facet_values("provider", sort="size")
        with pytest.raises(indexer.QueryError, match="facet"):
            engine.facet_values("colour")


def test_a_chosen_value_without_stories_keeps_its_name(tmp_path):
    """A filter that leaves nothing is shown by the name of the value, not as it was typed."""
    stories = [{"title": "cat", "topics": ["Big Data"]}, {"title": "dog"}]
    with indexer.open_index(build(tmp_path, stories)) as engine:
        page = engine.search("dog", filters={"topic": ["big data"]}, facets=("topic",))
    assert page.facets["topic"] == (indexer.FacetCount("Big Data", "Big Data", 0, True),)


def test_both_hours_of_a_change_of_clocks_begin_spans_of_their_own(tmp_path):
    """An hour that a local clock shows twice is two instants, though Python calls them equal."""
    stories = [{"publishedDateTime": f"2021-10-31T0{hour}:40:00Z"} for hour in (0, 1)]
    first = datetime(2021, 10, 31, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    with indexer.open_index(build(tmp_path, stories), compiled=False) as engine:
        assert [engine.search(since=first.replace(fold=fold)).total for fold in (0, 1)] == [2, 1]
        requests = [indexer.SearchRequest(since=first.replace(fold=fold)) for fold in (0, 1)]
        counts = [sum(day.count for day in engine.histogram(one).values) for one in requests]
        assert counts == [2, 1]
