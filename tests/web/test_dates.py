"""When stories are of: the counts of the API and the chart of the page."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.conftest import build
from tests.web.web_site import Page, visit
from web.dates import HEIGHT

FIRST = date(2021, 11, 28)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A story on every third of 100 days, one without a date, one of the year 1900."""
    days = [FIRST + timedelta(days=3 * number) for number in range(34)]
    stories = {
        f"{number}.md": {
            "title": "cloud" + (" old" if number == 0 else " early" if day.month > 10 else " late"),
            "publishedDateTime": f"{day}T23:30:00Z",
            "topics": ["even"] if day.day % 2 == 0 else ["odd"],
        }
        for number, day in enumerate(days)
    }
    stories["undated.md"] = {"title": "cloud undated"}
    stories["ancient.md"] = {"title": "ancient", "publishedDateTime": "1900-05-01T00:00:00Z"}
    stories["recent.md"] = {"title": "ancient", "publishedDateTime": "2022-05-01T00:00:00Z"}
    return build(tmp_path_factory.mktemp("dates"), stories)


@pytest.fixture(scope="module")
def client(index):
    """A client of a site over it."""
    return visit(index)


def dates(client, query):
    """What the API answers, values as a mapping."""
    answer = client.get(f"/api/v1/dates?{query}")
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    return {**found, "values": {one["value"]: one["count"] for one in found["values"]}}


def test_months_are_counted_in_order(client):
    """By month where there are more than two, the undated aside."""
    found = dates(client, "q=cloud")
    assert found["unit"] == "month"
    assert list(found["values"]) == ["2021-11", "2021-12", "2022-01", "2022-02", "2022-03"]
    assert sum(found["values"].values()) + found["undated"] == 35
    assert found["undated"] == 1


def test_days_are_counted_and_gaps_filled(client):
    """By day where there are two months at most; a day without a story is there."""
    found = dates(client, "q=cloud&since=2021-12&until=2022-01")
    assert found["unit"] == "day"
    days = [date.fromisoformat(day) for day in found["values"]]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert set(found["values"].values()) == {0, 1}
    assert found["values"]["2021-12-01"] == 1


def test_years_are_counted_and_old_ones_told(client):
    """By year over many months; what is older than the rows is in one number."""
    found = dates(client, "q=ancient")
    assert (found["unit"], found["earlier"]) == ("year", 1)
    assert next(iter(found["values"])) == "1963"
    assert found["values"]["2022"] == 1


def test_filters_count(client):
    """Counts are of what is found with all filters, a month of its own as well."""
    found = dates(client, "q=cloud&month=2021-12&topic=even")
    assert set(found["values"]) <= {f"2021-12-{day:02}" for day in range(1, 32)}
    assert sum(found["values"].values()) == client.get(
        "/api/v1/search?q=cloud&month=2021-12&topic=even"
    ).get_json()["total"]  # fmt: skip


def test_every_row_gives_what_it_says(client):
    """As since and until, a value finds so many stories."""
    for query in ("q=cloud", "q=cloud&since=2021-12&until=2022-01", "q=ancient"):
        for value, count in dates(client, query)["values"].items():
            found = client.get(f"/api/v1/search?q={query[2:7]}&since={value}&until={value}")
            if query != "q=ancient":
                assert found.get_json()["total"] == count


def test_nothing_found_has_no_dates(client):
    """An empty answer is none of the errors."""
    assert dates(client, "q=zebra")["values"] == {}
    assert "when" not in [
        one.get("class") for one in Page(client.get("/?q=zebra").text).all("figure")
    ]


def test_bars_are_links_and_rows_of_a_table(client):
    """A bar leads to its stories, and so does its row for those who do not see bars."""
    page = Page(client.get("/?q=cloud&topic=even").text)
    bars = [one for one in page.all("a") if "data-day" in one]
    assert next(bar["data-day"] for bar in bars) == "2021-11"
    assert all(int(one["height"]) <= HEIGHT for one in page.all("rect") if one["width"] == "9")
    links = [bar["href"] for bar in bars if "href" in bar]
    assert links[0] == "/?q=cloud&topic=even&since=2021-11&until=2021-11"
    assert {link for link in page.links() if "since=2021-11&" in link} == {links[0]}
    assert "1 story for" in client.get(links[0]).text


@pytest.mark.parametrize("typed", ["late cluod", "cluod"])
def test_the_chart_is_of_what_was_listed_in_place_of_what_was_typed(client, typed):
    """Where another spelling was searched, its stories are counted."""

    def bars(query):
        page = Page(client.get("/", query_string={"q": query}).text)
        return [(one["height"], one["y"]) for one in page.all("rect") if one["width"] == "9"]

    assert "Showing results for" in client.get("/", query_string={"q": typed}).text
    assert bars(typed) == bars(typed.replace("cluod", "cloud")) != []


def test_counts_values_and_exports_are_of_what_the_page_lists(client):
    """What the search says it found in place of what was typed; with spelling=0 what was typed."""
    said = client.get("/api/v1/search?q=late+cluod").get_json()
    assert (said["corrected"], said["total"]) == ("late cloud", 22)
    assert dates(client, "q=late+cluod") == dates(client, "q=late+cloud")
    export = client.get("/api/v1/export?q=late+cluod")
    assert export.text == client.get("/api/v1/export?q=late+cloud").text
    assert export.text.count("\n") == said["total"]
    assert 'filename="stories late cloud.jsonl"' in export.headers["Content-Disposition"]
    values = client.get("/api/v1/facets/topic?query=late+cluod").get_json()["values"]
    assert sum(one["count"] for one in values) == said["total"]

    typed = client.get("/api/v1/search?q=cluod&spelling=0").get_json()
    assert (typed["corrected"], typed["total"]) == (None, 0)
    assert sum(dates(client, "q=cluod&spelling=0")["values"].values()) == 0
    assert client.get("/api/v1/export?q=cluod&spelling=0").text == ""
    answer = client.get("/api/v1/facets/topic?query=cluod&spelling=0")
    assert (answer.status_code, answer.get_json()["values"]) == (200, [])


def test_a_long_address_is_not_in_every_bar(client):
    """With sixty values chosen, bars are to be seen and not to be clicked."""
    topics = "&".join(f"topic={number}-a-long-name-of-a-topic" for number in range(40))
    page = Page(client.get(f"/?q=cloud&topic=even&{topics}").text)
    bars = [one for one in page.all("a") if "data-day" in one]
    assert bars
    assert not any("href" in bar for bar in bars)
