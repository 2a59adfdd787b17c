"""Feeds of any query, and the OpenSearch description."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import feedparser
import pytest

from tests.conftest import build, write_story
from tests.web.web_site import archive, visit

ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    """An index of thirty stories."""
    return build(tmp_path_factory.mktemp("feeds"), archive())


def atom(client, query=""):
    """The feed of a query, parsed."""
    answer = client.get(f"/feed.atom{query}")
    assert answer.mimetype == "application/atom+xml"
    return ET.fromstring(answer.data)


def test_an_atom_feed_has_what_the_rfc_asks_for(index):
    """RFC 4287, 4.1.1 and 4.1.2: id, title, updated; an author and a link for each entry."""
    feed = atom(visit(index), "?q=azure")
    entries = feed.findall("a:entry", ATOM)
    assert len(entries) == 30
    for element in (feed, *entries):
        assert element.findtext("a:id", namespaces=ATOM).startswith("urn:uuid:")
        assert element.findtext("a:title", namespaces=ATOM)
        updated = element.findtext("a:updated", namespaces=ATOM)
        assert datetime.fromisoformat(updated.replace("Z", "+00:00")).tzinfo
    for entry in entries:
        assert entry.findtext("a:author/a:name", namespaces=ATOM)
        assert entry.find("a:link[@rel='alternate']", ATOM).get("href").startswith("https://")
    assert len({entry.findtext("a:id", namespaces=ATOM) for entry in entries}) == 30


def test_a_feed_is_newest_first_and_filtered(index):
    """Whatever the order of the page it was taken from."""
    feed = atom(visit(index), "?q=azure&provider=zdnet.com&sort=oldest")
    dates = [
        entry.findtext("a:published", namespaces=ATOM) for entry in feed.findall("a:entry", ATOM)
    ]
    assert len(dates) == 10
    assert dates == sorted(dates, reverse=True)


def test_a_feed_links_to_itself_and_to_its_page(index):
    """With the public address where one is set, as a feed is read elsewhere."""
    feed = atom(visit(index, BASE_URL="https://news.example/"), "?q=azure")
    links = {link.get("rel"): link.get("href") for link in feed.findall("a:link", ATOM)}
    assert links["self"] == "https://news.example/feed.atom?q=azure"
    assert links["alternate"] == "https://news.example/?q=azure"


def test_a_json_feed_has_what_version_1_1_asks_for(index):
    """https://www.jsonfeed.org/version/1.1/: version, title, items with id and content."""
    answer = visit(index).get("/feed.json?q=azure&year=2022")
    feed = answer.get_json()
    assert answer.mimetype == "application/feed+json"
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == "http://localhost/feed.json?q=azure&year=2022"
    assert len(feed["items"]) == 15
    item = feed["items"][0]
    assert item["id"]
    assert item["content_text"] == "The first paragraph.\n\nThe second paragraph."
    assert item["date_published"].startswith("2022-03-28")
    assert item["url"].startswith("http://localhost/story/2022/story%20")
    assert item["external_url"] == "https://example.com/27"
    assert item["authors"] == [{"name": "ZDNet"}]
    assert item["tags"] == ["Cloud", "AI"]


def test_entries_keep_their_identity_when_the_address_changes(index):
    """A feed reader shows a story once, though the site has moved."""
    here = atom(visit(index)).findall(".//a:id", ATOM)
    there = atom(visit(index, BASE_URL="https://other.example")).findall(".//a:id", ATOM)
    assert [id_.text for id_ in here] == [id_.text for id_ in there]


def test_a_feed_survives_what_xml_cannot_write(tmp_path):
    """Control characters are left out, everything else is escaped."""
    index = build(tmp_path, [{"title": "1 < 2 &\x01\x0b é", "topics": ['\x02<&">']}])
    entry = atom(visit(index)).find("a:entry", ATOM)
    assert entry.findtext("a:title", namespaces=ATOM) == "1 < 2 & é"
    assert entry.find("a:category", ATOM).get("term") == '<&">'


def test_a_story_with_little_is_a_valid_entry(tmp_path):
    """No date, no provider, no link: the site stands in for what a feed must have."""
    entry = atom(visit(build(tmp_path, [{"title": "Bare"}]), TITLE="Archive")).find("a:entry", ATOM)
    assert entry.findtext("a:updated", namespaces=ATOM)
    assert entry.findtext("a:author/a:name", namespaces=ATOM) == "Archive"
    assert entry.find("a:link", ATOM).get("href") == "http://localhost/story/0000.md"


@pytest.mark.parametrize("path", ["/feed.atom?since=soon", "/feed.json?page=0"])
def test_a_feed_that_cannot_be_read_is_a_problem(index, path):
    """Feed readers are programs."""
    answer = visit(index).get(path)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"


def test_opensearch_leads_to_the_search_page(index):
    """Browsers put the words where the template says."""
    answer = visit(index, BASE_URL="https://news.example", TITLE="A & B").get("/opensearch.xml")
    root = ET.fromstring(answer.data)
    space = {"o": "http://a9.com/-/spec/opensearch/1.1/"}
    assert answer.mimetype == "application/opensearchdescription+xml"
    assert root.findtext("o:ShortName", namespaces=space) == "A & B"
    assert root.find("o:Url", space).get("template") == "https://news.example/?q={searchTerms}"


def test_a_new_story_appears_in_the_feed(tmp_path):
    """The feed follows the index."""
    import indexer

    index = build(tmp_path, [{"title": "One"}])
    client = visit(index)
    assert len(atom(client).findall("a:entry", ATOM)) == 1
    write_story(tmp_path / "seeds", "two.md", title="Two")
    indexer.rebuild(tmp_path / "seeds", index, workers=1)
    assert len(atom(client).findall("a:entry", ATOM)) == 2


@pytest.mark.parametrize("query", ["", "?q=azure&provider=zdnet.com", "?q=nothing", "?q=%01%3C"])
def test_a_feed_reads_as_feed_readers_do(index, query):
    """An independent parser finds nothing wrong."""
    feed = feedparser.parse(visit(index).get(f"/feed.atom{query}").data)
    assert not feed.bozo, feed.bozo_exception
    assert feed.version == "atom10"
    for entry in feed.entries:
        assert all((entry.id, entry.title, entry.link, entry.updated_parsed))


def test_a_title_has_query_and_filters(index):
    """Several feeds of one archive are told apart."""
    client = visit(index, TITLE="News")
    query = "?q=azure&provider=zdnet.com&provider=nasdaq.com&since=2022"
    title = atom(client, query).findtext("a:title", namespaces=ATOM)
    assert title == "azure · Provider: Nasdaq or ZDNet · From: 1 Jan 2022 – News"
    assert client.get(f"/feed.json{query}").get_json()["title"] == title
    assert client.get("/feed.json").get_json()["title"] == "News"


def test_archives_have_ids_of_their_own(tmp_path):
    """Two archives with a file of one name, in one feed reader."""
    ids = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        client = visit(build(tmp_path / name, [{"title": "Same"}]))
        ids |= {id_.text for id_ in atom(client).findall(".//a:id", ATOM)}
        assert client.get("/feed.json").get_json()["items"][0]["id"] in ids
    assert len(ids) == 4


def test_new_coverage_updates_an_entry(tmp_path):
    """Readers show again what was updated."""
    import indexer

    related = [{"title": "a", "publishedDateTime": "2022-05-02T00:00:00Z"}]
    story = {"title": "One", "publishedDateTime": "2022-05-01T00:00:00Z", "related": related}
    index = build(tmp_path, [story])
    client = visit(index)
    assert atom(client).findtext("a:entry/a:updated", namespaces=ATOM) == "2022-05-02T00:00:00Z"
    related.append({"title": "b", "publishedDateTime": "2022-05-09T00:00:00Z"})
    write_story(tmp_path / "seeds", "0000.md", **story)
    indexer.rebuild(tmp_path / "seeds", index, workers=1)
    entry = atom(client).find("a:entry", ATOM)
    assert entry.findtext("a:updated", namespaces=ATOM) == "2022-05-09T00:00:00Z"
    assert entry.findtext("a:published", namespaces=ATOM) == "2022-05-01T00:00:00Z"
    item = client.get("/feed.json").get_json()["items"][0]
    assert item["date_modified"] == "2022-05-09T00:00:00Z"


def test_unpublished_stories_are_marked(tmp_path):
    """In the title, which every reader shows, and among the topics."""
    client = visit(build(tmp_path, [{"title": "Secret", "published": False}]))
    entry = atom(client).find("a:entry", ATOM)
    assert entry.findtext("a:title", namespaces=ATOM) == "Unpublished: Secret"
    assert entry.find("a:category", ATOM).get("term") == "Unpublished"
    item = client.get("/feed.json").get_json()["items"][0]
    assert (item["title"], item["tags"]) == ("Unpublished: Secret", ["Unpublished"])


def test_browsers_get_suggestions(index):
    """The address in the description answers the query and its completions."""
    client = visit(index)
    root = ET.fromstring(client.get("/opensearch.xml").data)
    kind = "application/x-suggestions+json"
    urls = root.findall("{http://a9.com/-/spec/opensearch/1.1/}Url")
    template = next(url.get("template") for url in urls if url.get("type") == kind)
    answer = client.get(template.replace("{searchTerms}", "azu"))
    assert answer.mimetype == kind
    assert answer.get_json(force=True) == ["azu", ["azure"]]
    assert client.get("/api/v1/suggest?q=a&format=xml").status_code == 400


def test_a_base_may_have_a_path(index):
    """Behind a proxy that mounts the site below a path, with the prefix or without."""
    client = visit(index, BASE_URL="https://news.example/archive/")
    for root in ("", "/archive"):
        answer = client.get("/feed.atom?q=azure", environ_overrides={"SCRIPT_NAME": root})
        links = {one.get("href") for one in ET.fromstring(answer.data).findall("a:link", ATOM)}
        assert "https://news.example/archive/?q=azure" in links
        assert "https://news.example/archive/feed.atom?q=azure" in links
    answer = visit(index).get("/feed.atom", environ_overrides={"SCRIPT_NAME": "/archive"})
    links = {one.get("href") for one in ET.fromstring(answer.data).findall("a:link", ATOM)}
    assert links == {"http://localhost/archive/", "http://localhost/archive/feed.atom"}
