"""Exports: the whole result as lines, CSV and rows of articles."""

from __future__ import annotations

import csv
import io
import json

import pytest
from werkzeug.http import parse_options_header

import indexer
from tests.conftest import SEED_STORY, build
from tests.web.web_site import get, problem, visit


def test_export_has_the_whole_result(client):
    """JSON Lines by default: one story a line, in the order of the search."""
    answer = client.get("/api/v1/export?q=azure&provider=zdnet.com")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == 10
    page = get(client, "/api/v1/search?q=azure&provider=zdnet.com")
    assert [line["id"] for line in lines] == [hit["id"] for hit in page["hits"]]
    assert lines[0]["related"]


def test_search_and_export_say_the_same_of_a_story(client):
    """One rule for scores, instants and links, whichever way a story is asked for."""
    hits = get(client, "/api/v1/search?q=azure+turbines&limit=100")["hits"]
    lines = client.get("/api/v1/export?q=azure+turbines").text.splitlines()
    rows = csv.DictReader(
        io.StringIO(client.get("/api/v1/export?q=azure+turbines&format=csv&bom=0").text)
    )
    assert hits
    for hit, line, row in zip(hits, map(json.loads, lines), rows, strict=True):
        story = get(client, f"/api/v1/stories/{hit['id']}")
        assert line == {**story, "score": hit["score"], "also_in": hit["also_in"]}
        for name in ("id", "title", "excerpt", "published_at", "provider", "topics", "quality"):
            assert hit[name] == line[name]
        assert hit["url"] == line["web_url"] == row["url"]
        assert row["score"] == str(hit["score"])
        assert row["published_at"] == hit["published_at"]


def test_export_writes_csv(client):
    """A header and a row a story; numbers stay numbers."""
    answer = client.get("/api/v1/export?format=csv&sort=oldest&bom=0")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 30
    assert rows[0]["title"] == "Azure report 0"
    assert rows[0]["domain"] == "zdnet.com"
    assert rows[0]["published"] == "false"
    assert rows[0]["published_at"] == "2021-03-01T10:00:00Z"


def test_csv_says_that_it_is_utf8(client):
    """Once, by a mark that spreadsheets look for; programs can do without."""
    marked = client.get("/api/v1/export?format=csv").data
    plain = client.get("/api/v1/export?format=csv&bom=0").data
    assert marked == b"\xef\xbb\xbf" + plain
    assert problem(client, "/api/v1/export?format=csv&bom=no", 400)["parameter"] == "bom"


def test_export_writes_a_row_for_each_related_article(seed_index):
    """With the story it belongs to, in both formats."""
    client = visit(seed_index)
    path = "/api/v1/export?rows=articles"
    lines = [json.loads(line) for line in client.get(path).text.splitlines()]
    with indexer.open_index(seed_index) as engine:
        story = engine.get(SEED_STORY)
    assert [line["title"] for line in lines] == [article.title for article in story.related]
    assert [line["number"] for line in lines] == list(range(len(lines)))
    assert {line["story_id"] for line in lines} == {SEED_STORY}
    answer = client.get(f"{path}&format=csv&bom=0")
    assert "articles.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["url"] for row in rows] == [line["web_url"] or "" for line in lines]
    assert {row["story_title"] for row in rows} == {story.title}
    assert problem(client, "/api/v1/export?rows=words", 400)["parameter"] == "rows"


@pytest.mark.parametrize("query", ["Ελλάδα", "東京 2022", "Zürich", "“ראש”"])
def test_an_export_is_named_after_a_query_in_any_script(client, query):
    """Headers are sent as ASCII: the name in UTF-8 stands beside a plain one."""
    answer = client.get("/api/v1/export", query_string={"format": "csv", "q": query})
    header = answer.headers["Content-Disposition"]
    assert header.isascii()
    assert "filename=stories.csv;" in header
    assert parse_options_header(header)[1]["filename"] == f"stories {query.strip('“”')}.csv"


def test_csv_cells_are_no_formulas(tmp_path):
    """What a spreadsheet would run is quoted; negative numbers are left alone."""
    starts = "=+-@\t\r"
    stories = [{"title": f'x{n}', "excerpt": f'{c}HYPERLINK("x")', "heat": -1}
               for n, c in enumerate(starts)]  # fmt: skip
    rows = csv.DictReader(
        io.StringIO(visit(build(tmp_path, stories)).get("/api/v1/export?format=csv&bom=0").text)
    )
    for row in rows:
        assert not row["excerpt"].startswith(tuple(starts))
        assert row["heat"] == "-1"


@pytest.mark.parametrize("query", ["format=xml", "page=2", "since=soon"])
def test_export_refuses_before_it_streams(client, query):
    """A request that cannot be answered is a problem, not half a file."""
    problem(client, f"/api/v1/export?{query}", 400)


def test_an_export_may_be_empty(client):
    """No story is no line; a CSV still has its header."""
    assert client.get("/api/v1/export?q=zebra").text == ""
    assert client.get("/api/v1/export?q=zebra&format=csv&bom=0").text.startswith("id,score,title")
