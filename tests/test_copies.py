"""The same article once: within a story, and where several stories have the same lead."""

from __future__ import annotations

import json

import pytest

import indexer
from tests.conftest import build

A = {"name": "Alpha", "domain": "alpha.example"}
B = {"name": "Beta", "domain": "beta.example"}
C = {"name": "Gamma", "domain": "gamma.example"}


def article(title, url=None, provider=A, excerpt=""):
    return {"title": title, "excerpt": excerpt, "webUrl": url, "provider": provider}


@pytest.fixture
def opened(tmp_path):
    """Opens an index of some stories, given as the fields of their files."""
    engines = []

    def open_(*stories):
        engines.append(indexer.open_index(build(tmp_path, stories), compiled=False))
        return engines[0]

    yield open_
    for engine in engines:
        engine.close()


SAME = [
    pytest.param(
        article("Azure wins", "https://www.alpha.example/azure-wins?utm_source=feed"),
        article("Wins: Azure", "http://alpha.example/azure-wins/#top", B),
        id="the address, without what tracks",
    ),
    pytest.param(
        article("Azure wins", "https://alpha.example/story", excerpt="It has."),
        article("Azure has", "https://m.alpha.example/story", B),
        id="the address, and only words of the other's title and text",
    ),
    pytest.param(
        article("Azure wins", "https://alpha.example/1", excerpt="All of it."),
        article("AZURE WINS", "https://beta.example/2", B, "all of it. "),
        id="title and text",
    ),
    pytest.param(
        article("Azure wins", "https://alpha.example/1"),
        article("Azure wins", "https://beta.example/2", B),
        id="the title, if neither has a text",
    ),
]
OTHERS = [
    pytest.param(
        article("Azure wins", "https://alpha.example/watch"),
        article("The weather on Monday", "https://alpha.example/watch", B),
        id="an address under titles that differ",
    ),
    pytest.param(
        article("NHL highlights: Bruins and Senators", "https://alpha.example/watch-1"),
        article("NHL highlights: Bruins and Canucks", "https://alpha.example/watch-1", B),
        id="an address under titles that differ in a word",
    ),
    pytest.param(
        article("Azure wins", "https://alpha.example/azure-1", excerpt="One."),
        article("Azure wins", "https://alpha.example/azure-1", B, "Another."),
        id="an address and a title with another text",
    ),
    pytest.param(
        article("Azure wins", "https://alpha.example/"),
        article("Azure wins again", "https://alpha.example/", B),
        id="the address of a site",
    ),
    pytest.param(
        article("Azure wins", "https://alpha.example/1", excerpt="One."),
        article("Azure wins", "https://beta.example/2", B, "Another."),
        id="the title alone",
    ),
    pytest.param(
        article("Azure wins", "https://alpha.example/item?id=1"),
        article("Azure wins again", "https://alpha.example/item?id=2", B),
        id="an address but for what it asks for",
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_related_article_is_there_once(opened, one, other):
    """Its copy is under it: no article of its own, and no match of its own."""
    engine = opened({"title": "A deal", "related": [one, other, article("A bird", None, C)]})
    (hit,) = engine.search("azure").hits
    (found,) = hit.related
    assert found.title == one["title"]
    assert [copy.title for copy in found.copies] == [other["title"]]
    assert [len(some.copies) for some in hit.story.related] == [1, 0]
    assert engine.info().articles == 2
    # Who has a copy ran the story, too, and is found by name.
    assert {row.value for row in engine.search("azure").facets["provider"]} == {
        "alpha.example", "beta.example", "gamma.example",
    }  # fmt: skip
    assert engine.search("provider:beta.example").total == 1
    assert engine.search("beta").total == 1
    if other["webUrl"]:
        assert engine.search(other["webUrl"]).total == 1


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_what_is_not_the_same_stays_apart(opened, one, other):
    """An article is never taken for another on little grounds, and each is found by its words."""
    engine = opened({"title": "A deal", "related": [one, other]})
    (hit,) = engine.search("deal").hits
    assert [some.title for some in hit.story.related] == [one["title"], other["title"]]
    for some in (one, other):
        assert engine.search(f'"{some["title"]}"').total == 1
        assert not some["excerpt"] or engine.search(f'"{some["excerpt"]}"').total == 1


def test_what_has_a_word_in_one_that_the_other_has_in_two_is_no_copy(opened):
    """*Wi-Fi* has the word wifi, by which *Wi Fi* is not found."""
    titles = ["Wi Fi wins", "Wi-Fi wins"]
    related = [article(title, "https://alpha.example/1") for title in titles]
    assert opened({"title": "A deal", "related": related}).search("=wifi").total == 1


def test_what_is_a_copy_of_a_copy(opened):
    """What has the address of one copy and the text of another is a copy, too."""
    related = [
        article("Azure wins", "https://alpha.example/1", excerpt="One. Two."),
        article("Azure wins!", "https://alpha.example/1", B, "Two."),
        article("Azure wins!", "https://gamma.example/3", C, "Two."),
    ]
    (hit,) = opened({"title": "A deal", "related": related}).search("deal").hits
    assert [len(one.copies) for one in hit.story.related] == [2]


def test_a_related_article_that_is_the_story_itself(opened):
    """It is under the story."""
    lead = article("Azure wins", "https://alpha.example/azure-1?utm_source=x")
    copy = article("Azure wins", "https://alpha.example/azure-1", B)
    engine = opened({**lead, "related": [copy, article("A bird")]})
    (hit,) = engine.search("azure").hits
    assert [one.title for one in hit.story.related] == ["A bird"]
    assert [one.provider.name for one in hit.story.copies] == ["Beta"]
    assert not hit.related


def lead(provider, *, url=None, **more):
    """A story with a lead that another has."""
    return {
        "title": "Azure wins", "excerpt": "It has won.", "webUrl": url, "provider": provider, **more
    }  # fmt: skip


def shown(page):
    """Of each hit, its story and those it stands for."""
    return [
        (hit.story.id.removesuffix(".md"), [story.id[:4] for story in hit.also_in])
        for hit in page.hits
    ]


def test_stories_with_the_same_lead_are_one_result(opened):
    """Totals and counts follow what is shown, and all are shown where that is asked for."""
    stories = [lead(A), lead(B), {"title": "Azure rains", "excerpt": "x", "provider": A}, lead(A)]
    engine = opened(*stories)
    page = engine.search("azure")
    assert (page.total, page.complete) == (2, 2)
    assert ("0003", ["0000", "0001"]) in shown(page)
    assert {row.value: row.count for row in page.facets["provider"]} == {
        "alpha.example": 2, "beta.example": 1,
    }  # fmt: skip
    apart = engine.search("azure", collapse=False)
    assert (apart.total, {*map(len, (also for _, also in shown(apart)))}) == (4, {0})
    assert {row.value: row.count for row in apart.facets["provider"]} == {
        "alpha.example": 3, "beta.example": 1,
    }  # fmt: skip
    assert len(list(engine.export(page.request))) == 2
    rows = engine.facet_values("provider", query="azure")
    assert {row.value: row.count for row in rows} == {"alpha.example": 2, "beta.example": 1}


def test_a_result_stands_for_what_was_found_alone(opened):
    """Filters, and words that only one of the stories has, leave out the others."""
    related = {"related": [article("Birds sing")]}
    engine = opened(lead(A), lead(B, **related), lead(C))
    page = engine.search("azure", filters={"provider": ["alpha.example", "gamma.example"]})
    assert shown(page) == [("0002", ["0000", "0001"])]
    page = engine.search("azure", filters={"lead_provider": ["alpha.example", "beta.example"]})
    assert shown(page) == [("0001", ["0000"])]
    assert shown(engine.search("azure birds")) == [("0001", [])]
    # The best is shown, here for its related article.
    assert shown(engine.search("azure OR birds"))[0] == ("0001", ["0000", "0002"])


def test_orders_and_pages(opened):
    """In any order the first of a group is shown, and no page shows a story again."""
    stories = [
        lead(A, publishedDateTime=f"2022-01-{day:02}", quality=day, url=None)
        | {"title": f"Azure {day % 7}"}
        for day in range(1, 29)
    ]
    engine = opened(*stories)
    newest = engine.search("azure", sort="newest", limit=100)
    assert [hit.story.published_at.day for hit in newest.hits] == list(range(28, 21, -1))
    oldest = engine.search("azure", sort="oldest", limit=100)
    assert [hit.story.published_at.day for hit in oldest.hits] == list(range(1, 8))
    pages = [engine.search("azure", sort="quality", limit=2, offset=n) for n in range(0, 8, 2)]
    assert [hit.story.quality for page in pages for hit in page.hits] == list(range(28, 21, -1))
    assert {page.total for page in pages} == {7}


def test_an_address_that_many_titles_share_joins_nothing(opened):
    """That of a page whose parameters are lost."""
    stories = [
        {"title": f"Azure {word}", "webUrl": "https://video.example/watch-1"}
        for word in ("wins", "rains", "loses", "sings")
    ]
    assert opened(*stories).search("azure").total == 4


def test_an_address_of_a_word_joins_no_stories(opened):
    """It may be that of a page whose parameters are lost, too."""
    url = "https://video.example/watch"
    stories = [{"title": title, "webUrl": url} for title in ("Azure wins", "Azure rains")]
    assert opened(*stories).search("azure").total == 2
    assert opened(*stories, {"title": "AZURE  wins", "webUrl": url}).search("azure").total == 2


def test_a_title_alone_joins_nothing(opened):
    """Every day has its "Morning briefing"."""
    stories = [{"title": "Morning briefing", "provider": A}] * 3
    assert opened(*stories).search("briefing").total == 3


def test_groups_follow_changes(tmp_path):
    """Stories that changed or went count no more, in however many segments."""
    index = build(tmp_path, [lead(A), lead(B), lead(C)])
    with indexer.open_index(index, compiled=False) as engine:
        assert engine.search("azure").total == 1
        build(tmp_path, {"0001.md": lead(B) | {"title": "Azure rains"}, "0003.md": lead(A)})
        (tmp_path / "seeds" / "0002.md").unlink()
        indexer.rebuild(tmp_path / "seeds", index, workers=1)
        engine.reload()
        page = engine.search("azure")
        assert page.total == 2
        assert ("0003", ["0000"]) in shown(page)


def test_records_name_copies_and_other_stories(opened):
    """The page of the API, its stories, and exports."""
    copies = [article("Birds sing", "https://beta.example/1", B), article("Birds sing")]
    engine = opened(lead(A), lead(B, related=copies, url="https://beta.example/azure"))
    page = json.loads(indexer.page_to_json(engine.search("azure OR birds")))
    (hit,) = page["hits"]
    assert hit["also_in"] == [{"id": "0000.md", "title": "Azure wins", "url": None}]
    assert hit["also_in_total"] == 1
    (related,) = hit["related"]
    assert related["copies"] == [
        {
            "title": "Birds sing",
            "url": None,
            "provider": {"name": "Alpha", "domain": "alpha.example"},
        }
    ]
    assert related["copies_total"] == 1
    story = json.loads(indexer.story_to_json(engine.get("0001.md")))
    assert [copy["title"] for copy in story["related"][0]["copies"]] == ["Birds sing"]
    (row,) = map(indexer.export_row, engine.export(engine.search("azure").request))
    assert [other.id for other in row.also_in] == ["0000.md"] or row.id == "0000.md"


def test_dates_are_those_of_the_stories_listed(opened):
    """A story that another stands for is in no month; numbers add up to the total."""
    stories = [lead(A, publishedDateTime=f"2022-{month:02}-01") for month in (1, 3, 5)]
    engine = opened(*stories, lead(B), {"title": "Azure rains", "publishedDateTime": "2022-01-02"})
    months = {"2022-05": 1, "2022-01": 1}
    days = {"2022-01-01": 1, "2022-01-02": 1}
    for sort, expected in (("newest", months), ("oldest", days)):
        counted = engine.histogram(engine.search("azure", sort=sort).request)
        assert {row.value: row.count for row in counted.values if row.count} == expected
        assert counted.undated == 0
