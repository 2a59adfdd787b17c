"""A site that leaves out what is not published: nothing it answers has a trace of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import build, write_story
from tests.web.web_site import ALPHA, archive, visit
from web import server

HIDDEN = "2021/story 10.md"
SHOWN = "2021/story 12.md"


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    """An index of thirty stories, of which every fifth is not published."""
    return build(tmp_path_factory.mktemp("published"), archive())


@pytest.fixture(scope="module")
def client(index):
    """A client of a site over its published stories."""
    return visit(index, PUBLISHED_ONLY="1")


def test_no_page_has_an_unpublished_story(client):
    """Neither in its results nor in what it counts; the page of such a story is missing."""
    page = client.get("/").text
    assert "24 stories and 24 related articles in the archive" in page
    assert "Unpublished" not in page
    assert "24 stories for" in client.get("/?q=azure").text
    assert "turbines" not in client.get("/?q=turbnies").text
    assert client.get(f"/story/{HIDDEN}").status_code == 404
    assert client.get(f"/story/{SHOWN}?q=azure").status_code == 200
    assert client.get("/?q=published:false").text.count("Nothing in the archive matches") == 1
    refused = client.get("/?published=false")
    assert refused.status_code == 400
    assert "only published stories are served here" in refused.text


def test_no_answer_of_the_api_has_an_unpublished_story(client):
    """Hits, counts, values, completions, similar stories, exports and feeds."""
    page = client.get("/api/v1/search?facet=published&facet=lead_provider&limit=100").get_json()
    assert (page["total"], len(page["hits"])) == (24, 24)
    counts = {row["value"]: row["count"] for row in page["facets"]["lead_provider"]}
    assert counts == {"zdnet.com": 8, "nasdaq.com": 8, "seekingalpha.com": 8}
    assert [(row["value"], row["count"]) for row in page["facets"]["published"]] == [("true", 24)]
    for path in ("published", "provider?q=desk+10"):
        values = client.get(f"/api/v1/facets/{path}").get_json()["values"]
        assert {row["value"] for row in values} <= {"true"}
    assert client.get("/api/v1/suggest?q=turb").get_json()["suggestions"] == []
    assert client.get("/api/v1/suggest?q=partn").get_json()["suggestions"]
    assert client.get("/api/v1/suggest?q=prov").get_json()["suggestions"]
    assert client.get(f"/api/v1/stories/{HIDDEN}").status_code == 404
    assert client.get(f"/api/v1/stories/{HIDDEN}/similar").status_code == 404
    # No notice tells a value of what is hidden from one that there is not.
    for value in ("topic:Turbines", "topic:nowhere"):
        assert client.get(f"/api/v1/search?q={value}").get_json()["notices"] == []
    assert len(client.get("/api/v1/export").text.splitlines()) == 24
    assert len(client.get("/feed.json").get_json()["items"]) == 24
    assert client.get("/feed.atom").text.count("<entry>") == 24
    assert "storydex_index_stories 24.0" in client.get("/metrics").text


def test_similar_stories_are_as_many_as_are_asked_for(tmp_path):
    """However many of those that resemble most are not published."""
    alike = [
        {"title": "Icelandic turbines spin near volcanic glaciers", "published": number % 2 == 0}
        for number in range(5)
    ]
    others = [{"title": f"Azure report {number}"} for number in range(5, 110)]
    index = build(tmp_path, [*alike, *others])

    def similar(limit: int, **config: str) -> list[str]:
        path = f"/api/v1/stories/0000.md/similar?fields=title&limit={limit}"
        return [hit["id"] for hit in visit(index, **config).get(path).get_json()["hits"]]

    assert len(similar(100)) == 4
    for limit in (0, 1, 2, 100):
        assert similar(limit, PUBLISHED_ONLY="1") == ["0002.md", "0004.md"][:limit]


def test_a_page_with_unpublished_stories_is_not_current_any_more(index):
    """A browser that has it gets the other one."""
    etag = visit(index).get("/").headers["ETag"]
    answer = visit(index, PUBLISHED_ONLY="1").get("/", headers={"If-None-Match": etag})
    assert answer.status_code == 200


def test_counts_follow_the_index(tmp_path):
    """A story that gets published is there with the next generation."""
    index = build(tmp_path, [{"title": "Azure one"}, {"title": "Azure two", "published": False}])
    client = visit(index, PUBLISHED_ONLY="1")
    assert "1 story and 0 related" in client.get("/").text
    write_story(tmp_path / "seeds", "0001.md", title="Azure two", provider=ALPHA)
    build(tmp_path, [])
    assert "2 stories and 0 related" in client.get("/").text


@pytest.mark.parametrize(
    ("option", "variable", "shown"), [(False, "", 30), (True, "", 24), (False, "1", 24)]
)
def test_option_and_variable_say_so(index, monkeypatch, option, variable, shown):
    """Either is enough."""
    monkeypatch.setenv("STORYDEX_PUBLISHED_ONLY", variable)
    apps = []
    monkeypatch.setattr(server, "run_app", lambda app, *_: apps.append(app))
    monkeypatch.setattr(server, "_warm_up", lambda app: None)
    monkeypatch.setattr(server.Connection, "close", lambda connection: None)
    server.serve(str(index), published_only=option)
    assert apps[0].test_client().get("/api/v1/search").get_json()["total"] == shown
