"""The pages of stories: everything of a story, and the way back to the search."""

from __future__ import annotations

import pytest

from tests.conftest import SEED_STORY, build
from tests.web.web_site import Page, read, visit


def test_a_story_page_has_everything(seed_index):
    """Headline, excerpt, picture, providers, and all coverage in order of time."""
    page = read(visit(seed_index), f"/story/{SEED_STORY}")
    assert "25 May 2022, 17:16 UTC" in page.text
    assert "Read at Seeking Alpha" in page.text
    assert "22 providers" in page.text
    assert "23 articles" in page.text
    clocks = [time["datetime"] for time in page.all("time") if "T" in time["datetime"]][1:]
    assert len(clocks) == 23
    assert clocks == sorted(clocks)
    assert "/?topic=microsoft+ai" in page.links()
    assert "/?provider=zdnet.com" in page.links()


def test_a_story_page_keeps_the_search(seed_index):
    """The way back, marked words, and the articles that match before all of them."""
    answer = visit(seed_index).get(f"/story/{SEED_STORY}?q=azure+meta")
    page = Page(answer.text)
    assert "/?q=azure+meta" in page.links()
    assert "<mark>Azure</mark>" in answer.text.split("</h1>")[0]
    assert page.text.index("Articles that match") < page.text.index("How it was covered")
    assert ("q", "azure meta") in page.fields()
    assert "<mark>" not in visit(seed_index).get(f"/story/{SEED_STORY}").text
    read(visit(seed_index), f"/story/{SEED_STORY}?x=1", 400)


def test_a_story_of_many_articles_has_pages(tmp_path):
    """Two hundred on each, in order of time."""
    related = [{"title": f"Azure {n}", "publishedDateTime": f"2022-01-01T{n // 60:02}:{n % 60:02}Z"}
               for n in range(450)]  # fmt: skip
    client = visit(build(tmp_path, [{"title": "Azure", "related": related}]))
    page = read(client, "/story/0000.md?q=azure&page=2")
    assert "Page 2 of 3" in page.text
    assert page.links("next") == ["/story/0000.md?q=azure&page=3#coverage"]
    assert len(page.all("time")) < 300
    read(client, "/story/0000.md?page=4", 400)


def test_a_body_keeps_its_paragraphs_and_similar_stories_are_linked(client):
    """Plain text, cut at blank lines."""
    answer = client.get("/story/2022/story%2005.md")
    assert "<p>The first paragraph.</p><p>The second paragraph.</p>" in answer.text
    assert "More like this" in answer.text


def test_a_story_that_is_not_there_is_a_page_404(client):
    """For people, with a way on."""
    page = read(client, "/story/none.md", 404)
    assert "Not found" in page.text
    assert "/" in page.links()


def test_a_story_of_a_title_alone_can_be_shown(tmp_path):
    """Everything else may be absent, here and in related articles."""
    index = build(tmp_path, [{"title": "Bare azure", "related": [{"title": "Azure"}]}])
    client = visit(index)
    assert "Bare" in read(client, "/?q=azure").text
    page = read(client, "/story/0000.md")
    assert "Undated" in page.text


@pytest.mark.parametrize("name", ["a?b#c.md", "50%.md", "%2e%2e.md", "a&b=c+d.md", "日本/é.md"])
def test_any_file_name_has_a_page(tmp_path, name):
    """Ids are whatever files are called; the links of the site lead to them all."""
    client = visit(build(tmp_path, {name: {"title": "Azure"}}))
    for path in ("/?q=azure", "/feed.json"):
        assert client.get(path).status_code == 200
    story = next(href for href in read(client, "/?q=azure").links() if href.startswith("/story/"))
    assert "Azure" in read(client, story).text
    canonical = read(client, story).links("canonical")
    assert [f"{link}?q=azure" for link in canonical] == [story]
