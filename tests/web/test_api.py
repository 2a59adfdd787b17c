"""The HTTP API: what it answers, how it fails, how it is described."""

from __future__ import annotations

import json

import pytest

import indexer
from indexer import Article, Image, Story
from tests.conftest import SEED_STORY, build
from tests.web.web_site import Page, get, problem, visit


def test_search_answers_in_the_documented_shape(seed_index):
    """The real story, found by two words that stand in different places of it."""
    page = get(visit(seed_index), "/api/v1/search?q=microsoft+azure&facet_limit=1000")
    assert set(page) == {
        "query", "total", "complete", "took_ms", "relaxed", "suggestion", "corrected", "notices",
        "hits", "facets", "facets_beyond",
    }  # fmt: skip
    assert page["query"] == "microsoft azure"
    assert page["total"] == 1
    hit = page["hits"][0]
    assert set(hit) == {
        "id", "score", "title", "excerpt", "url", "published_at", "provider", "topics",
        "quality", "highlights", "related", "related_total", "also_in", "also_in_total",
    }  # fmt: skip
    assert hit["id"] == SEED_STORY
    assert hit["published_at"] == "2022-05-25T17:16:00Z"
    assert hit["provider"] == {"name": "Seeking Alpha", "domain": "seekingalpha.com"}
    assert "<mark>Microsoft</mark>" in hit["highlights"]["title"]
    assert set(hit["related"][0]) == {
        "title", "url", "provider", "published_at", "highlights", "copies", "copies_total",
    }  # fmt: skip
    zdnet = next(one for one in page["facets"]["provider"] if one["value"] == "zdnet.com")
    assert zdnet == {"value": "zdnet.com", "label": "ZDNet", "count": 1, "selected": False}


def test_search_answers_as_the_engine_does(client, index):
    """The API adds nothing and loses nothing: same total, same order, same counts."""
    page = get(client, "/api/v1/search?q=azure&provider=zdnet.com&facet=year&limit=100")
    with indexer.open_index(index) as engine:
        expected = engine.search(
            "azure", filters={"provider": ["zdnet.com"]}, facets=("year",), limit=100
        )
    assert [hit["id"] for hit in page["hits"]] == [hit.story.id for hit in expected.hits]
    assert page["total"] == expected.total == 10
    assert {one["value"]: one["count"] for one in page["facets"]["year"]} == {
        one.value: one.count for one in expected.facets["year"]
    }


def test_values_of_a_facet_are_alternatives_and_facets_combine(client):
    """ZDNet or Nasdaq, and of these 2021."""
    query = "/api/v1/search?lead_provider=zdnet.com&lead_provider=nasdaq.com&year=2021"
    assert get(client, query)["total"] == 10


def test_pages_join_up(client):
    """Offset and limit cut one ranking into pieces without gaps or repeats."""
    whole = [hit["id"] for hit in get(client, "/api/v1/search?q=azure&limit=30")["hits"]]
    pieces = []
    for offset in range(0, 30, 7):
        page = get(client, f"/api/v1/search?q=azure&limit=7&offset={offset}")
        pieces += [hit["id"] for hit in page["hits"]]
    assert pieces == whole
    assert len(set(whole)) == 30


def test_no_facet_is_counted_but_those_asked_for(client):
    """Providers where nothing is said, else what is named."""
    assert set(get(client, "/api/v1/search")["facets"]) == {"provider"}
    page = get(client, "/api/v1/search?facet=topic&facet=year")
    assert set(page["facets"]) == {"topic", "year"}


def test_a_facet_has_as_many_values_as_asked_for_and_says_how_many_more_there_are(client):
    """Twenty where nothing is said; chosen values come on top, however few stories they have."""
    page = get(client, "/api/v1/search")
    assert len(page["facets"]["provider"]) == 20
    assert page["facets_beyond"] == {"provider": 13}
    page = get(client, "/api/v1/search?facet=provider&facet=topic&facet_limit=2&topic=cloud")
    assert [len(page["facets"][facet]) for facet in ("provider", "topic")] == [2, 2]
    assert page["facets_beyond"] == {"provider": 31, "topic": 0}
    page = get(client, "/api/v1/search?facet_limit=2&provider=desk7.example")
    rows = page["facets"]["provider"]
    assert [row["value"] for row in rows if row["selected"]] == ["desk7.example"]
    assert len(rows) == 3
    assert page["facets_beyond"] == {"provider": 30}
    assert len(get(client, "/api/v1/search?facet_limit=1000")["facets"]["provider"]) == 33
    assert problem(client, "/api/v1/search?facet_limit=1001", 400)["parameter"] == "facet_limit"


def test_a_hit_has_three_related_articles_and_says_how_many_match(seed_index):
    """More where more are asked for."""
    client = visit(seed_index)
    hit = get(client, "/api/v1/search?q=microsoft+azure")["hits"][0]
    assert (len(hit["related"]), hit["related_total"]) == (3, 23)
    more = get(client, "/api/v1/search?q=microsoft+azure&related_limit=100")["hits"][0]
    assert (len(more["related"]), more["related_total"]) == (23, 23)
    assert more["related"][:3] == hit["related"]
    assert problem(client, "/api/v1/search?related_limit=101", 400)["parameter"] == "related_limit"


def test_a_hit_has_the_fields_that_are_asked_for(client):
    """And its id, always."""
    for hit in get(client, "/api/v1/search?q=azure&fields=title,+url")["hits"]:
        assert set(hit) == {"id", "title", "url"}
    document = problem(client, "/api/v1/search?fields=title,colour", 400)
    assert document["parameter"] == "fields"
    assert "related_total" in document["detail"]


def test_what_was_typed_is_searched_where_spelling_is_off(client, index):
    """By the address as by the engine; the better spelling is still named."""
    page = get(client, "/api/v1/search?q=turbnies")
    assert (page["total"], page["corrected"]) == (3, "turbines")
    page = get(client, "/api/v1/search?q=turbnies&spelling=0")
    assert (page["total"], page["corrected"], page["suggestion"]) == (0, None, "turbines")
    assert problem(client, "/api/v1/search?spelling=no", 400)["parameter"] == "spelling"
    with indexer.open_index(index) as engine:
        assert engine.search("turbnies").total == 3
        assert engine.search("turbnies", spelling=False).total == 0


def test_scores_are_explained_where_that_is_asked_for(client):
    """The parts and factors of each add up to it, for what was searched in the query's place."""
    for query in ("azure+cloud", "turbnies", "azure&lead_provider=zdnet.com&fields=score"):
        hits = get(client, f"/api/v1/search?q={query}&explain=1")["hits"]
        assert hits
        for hit in hits:
            why = hit["explanation"]
            total = sum(part["score"] for part in why["parts"])
            for factor in why["factors"]:
                total *= factor["factor"]
            assert total == pytest.approx(hit["score"], rel=1e-4, abs=2e-6)
            assert all(part["text"] and part["fields"] for part in why["parts"])
    assert "explanation" not in get(client, "/api/v1/search?q=azure")["hits"][0]
    assert problem(client, "/api/v1/search?explain=yes", 400)["parameter"] == "explain"


def test_values_of_a_facet_are_found_by_how_a_word_begins(client):
    """With the counts of the same search and filters, by count or by name."""
    found = get(client, "/api/v1/facets/provider?q=desk1&query=azure&year=2022&limit=2")
    assert found["facet"] == "provider"
    assert [one["value"] for one in found["values"]] == ["desk1.example", "desk11.example"]
    assert found["beyond"] == 4
    named = get(client, "/api/v1/facets/provider?q=S&sort=name")["values"]
    assert [(one["label"], one["count"]) for one in named] == [("Seeking Alpha", 10)]
    assert len(get(client, "/api/v1/facets/topic")["values"]) == 2
    assert problem(client, "/api/v1/facets/colour", 400)["parameter"] == "facet"
    assert problem(client, "/api/v1/facets/topic?sort=size", 400)["parameter"] == "sort"
    assert problem(client, "/api/v1/facets/topic?limit=1001", 400)["parameter"] == "limit"
    assert problem(client, "/api/v1/facets/topic?offset=3", 400)["parameter"] == "offset"


def test_stories_that_resemble_one_are_hits(client):
    """The story itself is none of them."""
    path = "/api/v1/stories/2022/story%2005.md/similar"
    hits = get(client, f"{path}?limit=2&fields=title")["hits"]
    assert len(hits) == 2
    assert all("turbines" in hit["title"] and hit["id"] != "2022/story 05.md" for hit in hits)
    assert len(get(client, f"{path}?limit=1")["hits"]) == 1
    problem(client, "/api/v1/stories/none/similar", 404)


def test_a_value_is_excluded_by_a_minus_sign(client):
    """It is listed, chosen and without stories."""
    page = get(client, "/api/v1/search?lead_provider=-ZDNet.com&facet=lead_provider")
    assert page["total"] == 20
    assert page["facets"]["lead_provider"][-1] == {
        "value": "-zdnet.com", "label": "ZDNet", "count": 0, "selected": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/search?q=a&q=b", "q"), ("/api/v1/search?limit=1&limit=2", "limit"),
        ("/api/v1/suggest?q=a&limit=3", "limit"), ("/api/v1/stories/2021/story%2000.md?x=1", "x"),
        ("/api/v1/export?find=a", "find"), ("/feed.atom?format=x", "format"),
        ("/feed.json?sort=newest&sort=oldest", "sort"),
    ],
)  # fmt: skip
def test_unknown_and_repeated_parameters_are_refused_everywhere(client, path, name):
    """A parameter that does nothing misleads whoever wrote it."""
    assert problem(client, path, 400)["parameter"] == name


def test_a_bad_parameter_is_named_with_its_remedy(client):
    """Every parameter at fault is listed, each with what to write instead."""
    document = problem(client, "/api/v1/search?limit=1000&since=soon", 400)
    assert document["parameter"] == "since"
    assert [one["parameter"] for one in document["errors"]] == ["since", "limit"]
    assert "2022-05-31" in document["errors"][0]["detail"]
    assert "100" in document["errors"][1]["detail"]


def test_an_unknown_parameter_is_an_error(client):
    """A misspelt filter would otherwise answer with everything."""
    document = problem(client, "/api/v1/search?providr=zdnet.com", 400)
    assert document["parameter"] == "providr"
    assert "provider" in document["detail"]


def test_a_query_past_the_limits_is_an_error_that_says_so(client):
    """An address of 8 KB is read, a longer one is refused."""
    assert client.get("/api/v1/search?q=" + "x" * 8000).status_code == 200
    assert "8,192" in problem(client, "/api/v1/search?q=" + "x" * 8192, 414)["detail"]
    assert "8,192" in problem(client, "/api/v1/stories/" + "x" * 100_000, 414)["detail"]


@pytest.mark.parametrize(
    "host", ["a..b", "x" * 64 + ".example", "a b", "..", "a.example:port", "ü.example", "[::1", "@"]
)
def test_a_host_that_is_none_is_a_bad_request(client, host):
    """No traceback, and an answer like any other error."""
    answer = client.get("/api/v1/search", headers={"Host": host})
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert client.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "host", ["localhost:8000", "a.example", "[::1]:80", "127.0.0.1", "a_b", "a."]
)
def test_other_hosts_are_answered(client, host):
    """Names, numbers and ports."""
    assert client.get("/livez", headers={"Host": host}).status_code == 200


def test_other_sites_may_read_the_api_where_they_are_listed(index):
    """And nowhere else; a cache is told that answers differ."""
    origin = {"Origin": "https://news.example"}
    assert "Access-Control-Allow-Origin" not in visit(index).get("/livez", headers=origin).headers
    client = visit(index, CORS="https://news.example, https://b.example")
    answer = client.get("/api/v1/search", headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://news.example"
    assert "Origin" in answer.headers["Vary"]
    other = client.get("/api/v1/search", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Origin" in other.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in client.get("/", headers=origin).headers


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/search", "/api/v1/stories/no.md"])
def test_what_does_not_exist_is_a_problem_404(client, path):
    """Programs get JSON for every error, also for addresses that nobody made."""
    problem(client, path, 404)


def test_another_method_is_a_problem_405(client):
    """The answer says what is allowed."""
    answer = client.post("/api/v1/search")
    assert answer.status_code == 405
    assert answer.mimetype == "application/problem+json"
    assert "GET" in answer.headers["Allow"]


def test_an_unexpected_error_tells_nothing(index, monkeypatch):
    """A bug is a problem 500 without traceback, path or message."""

    def fail(*args):
        raise RuntimeError("secret /var/lib/index")

    monkeypatch.setattr("web.api.page_to_json", fail)
    answer = visit(index).get("/api/v1/search")
    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_suggestions_finish_the_last_word(client):
    """The words before it are kept."""
    assert get(client, "/api/v1/suggest?q=azure+rep")["suggestions"] == ["azure report"]
    assert get(client, "/api/v1/suggest?q=")["suggestions"] == []
    assert get(client, "/api/v1/suggest")["query"] == ""


def test_a_story_has_all_its_fields_in_snake_case(seed_index):
    """Everything of the file but what is private."""
    story = get(visit(seed_index), f"/api/v1/stories/{SEED_STORY}")
    assert story["id"] == SEED_STORY
    assert story["published"] is False
    assert story["topics"] == ["Microsoft AI", "AI"]
    assert story["images"][0]["is_cached"] is True
    assert len(story["related"]) == 23
    assert story["related"][0]["cdn_amp_web_url"].startswith("https://www-zdnet-com.cdn")
    assert "secured" not in json.dumps(story)


def test_a_story_id_may_hold_slashes_and_spaces(client):
    """Ids are paths below the seeds folder."""
    assert get(client, "/api/v1/stories/2021/story%2000.md")["title"] == "Azure report 0"


def test_no_link_of_an_index_leads_off_the_web():
    """An index may come from anywhere: what is no http or https address is null."""
    bad, good = "javascript:alert(1)", "https://example.com/"
    images = (Image(bad), Image(good))
    article = Article("Two", web_url=good, amp_web_url=bad, images=images)
    story = Story("1.md", "One", web_url=bad, original_url=good, images=images, related=(article,))
    document = json.loads(indexer.story_to_json(story))
    assert (document["web_url"], document["original_url"]) == (None, good)
    related = document["related"][0]
    assert (related["web_url"], related["amp_web_url"]) == (good, None)
    for item in (document, related):
        assert [image["url"] for image in item["images"]] == [good]


def test_a_value_that_begins_with_a_sign_is_chosen_and_excluded(tmp_path):
    """As every value: what an answer lists leads to its stories, on the page as well."""
    topics = ["-minus", "=equal", "plain", "-"]
    client = visit(build(tmp_path, [{"title": "cloud", "topics": [topic]} for topic in topics]))
    rows = get(client, "/api/v1/search?facet=topic")["facets"]["topic"]
    assert {row["label"] for row in rows} == set(topics)
    for row in rows:
        found = client.get(
            "/api/v1/search", query_string={"topic": row["value"], "facet": "topic"}
        ).get_json()
        assert [hit["topics"] for hit in found["hits"]] == [[row["label"]]]
        assert [one["value"] for one in found["facets"]["topic"] if one["selected"]] == [
            row["value"]
        ]
        others = client.get("/api/v1/search", query_string={"topic": f"-{row['value']}"}).get_json()
        assert others["total"] == len(topics) - 1
        page = Page(client.get("/", query_string={"topic": row["value"]}).text)
        assert page.fields().count(("topic", row["value"])) == 1
        link = [one for one in page.links() if one.startswith("/?topic=")][-1]
        assert "1 story" in client.get(link).text


def test_few_scores_are_explained_at_once(client):
    """Each takes as long as a search."""
    answer = problem(client, "/api/v1/search?q=azure&explain=1&limit=21", 400)
    assert answer["parameter"] == "limit"
    assert len(get(client, "/api/v1/search?q=azure&explain=1&limit=20")["hits"]) == 20
