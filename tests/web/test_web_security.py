"""Stories come from strangers: nothing in them may act in a browser."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import indexer
from indexer import safe_link
from tests.conftest import build
from tests.web.web_site import Page, archive, visit

SCRIPT = "<script>alert(1)</script>"
QUOTES = "\"'><img src=x onerror=alert(1)>"
NASTY = f"azure {SCRIPT} {QUOTES} {{{{ 7*7 }}}}"

# As it stands in a file: what is read there loses its tags.
WRITTEN, SCRIPTED = html.escape(NASTY), html.escape(SCRIPT)

HOSTILE = {
    "title": WRITTEN,
    "excerpt": WRITTEN,
    "body": f"{WRITTEN}\n\n{SCRIPTED}",
    "category": WRITTEN,
    "type": WRITTEN,
    "webUrl": "javascript:alert(1)",
    "originalUrl": "  JaVaScRiPt:alert(1)",
    "provider": {"name": WRITTEN, "domain": "\"'><script>alert(1)</script>"},
    "topics": [WRITTEN],
    "images": [{"url": "javascript:alert(1)"}, {"url": 'https://x.example/"onerror="alert(1)'}],
    "related": [
        {
            "title": WRITTEN,
            "excerpt": WRITTEN,
            "webUrl": "data:text/html,<script>alert(1)</script>",
            "provider": {"name": SCRIPTED, "domain": "evil.example"},
        }
    ],
}
PAGES = (
    "/", "/?q=azure", "/?q=" + SCRIPT, "/?topic=" + NASTY.replace(" ", "+"), "/?provider=" + QUOTES,
    "/?since=" + SCRIPT, "/story/a%3Cb%3E.md", "/story/" + SCRIPT, "/nothing/" + SCRIPT, "/help",
)  # fmt: skip
OTHERS = (
    "/api/v1/search?q=azure", "/api/v1/search?q=x&limit=" + SCRIPT, "/api/v1/stories/" + SCRIPT,
    "/api/v1/suggest?q=" + SCRIPT, "/api/v1/export", "/feed.atom", "/feed.json", "/opensearch.xml",
    "/livez", "/readyz", "/metrics", "/openapi.json", "/robots.txt", "/static/app.js",
    "/static/none", "/story/none",
)  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of a site over a hostile story and a similar one."""
    stories = {"a<b>.md": HOSTILE, "other.md": {**HOSTILE, "title": "azure alert script"}}
    return visit(build(tmp_path_factory.mktemp("hostile"), stories))


@pytest.mark.parametrize("path", PAGES)
def test_nothing_of_a_story_or_an_address_becomes_markup(client, path):
    """The only scripts are our own, no element has a handler or an inline style."""
    answer = client.get(path)
    assert answer.status_code in (200, 400, 404)
    page = Page(answer.text)
    sources = " ".join(script["src"] for script in page.all("script"))
    name = "/static/{}[.][0-9a-f]{{10}}[.]js"
    assert re.fullmatch(f"{name.format('app')} {name.format('tools')}", sources)
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert tag not in ("style", "iframe", "object", "embed", "base")


@pytest.mark.parametrize("path", PAGES)
def test_links_and_pictures_lead_to_the_web_only(client, path):
    """Whatever a story says, its addresses are http or https."""
    page = Page(client.get(path).text)
    for tag, name in (("a", "href"), ("img", "src"), ("link", "href"), ("form", "action")):
        for attributes in page.all(tag):
            assert attributes[name].startswith(("/", "#", "https://", "http://")), attributes
    for link in page.all("a"):
        if link["href"].startswith("http"):
            assert {"noopener", "noreferrer", "nofollow"} <= set(link["rel"].split())


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", " javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x",
     "vbscript:x", "//evil.example", "/search", "java\nscript:alert(1)", "", None],
)  # fmt: skip
def test_only_web_addresses_become_links(url):
    """Anything else is text."""
    assert safe_link(url) is None
    assert safe_link("HTTPS://x.example/") == "HTTPS://x.example/"


def test_addresses_are_checked_when_they_are_shown(client, monkeypatch):
    """An index that somebody else wrote may hold what the reader of story files refuses."""
    evil = "javascript:alert(1)"
    story = indexer.Story(
        id="evil.md",
        title="Evil",
        web_url=evil,
        images=(indexer.Image(evil),),
        related=(indexer.Article("Evil", web_url=evil, original_url=evil),),
    )
    engine = client.application.extensions["storydex.connection"].engine()
    monkeypatch.setattr(type(engine), "get", lambda self, story_id: story)
    monkeypatch.setattr(type(engine), "more_like", lambda self, story_id, limit: ())
    assert "javascript:" not in client.get("/story/evil.md").text
    assert "javascript:" not in client.get("/api/v1/stories/evil.md").text


def test_templates_do_not_run_what_stories_say(client):
    """Braces in a title are braces."""
    assert "{{ 7*7 }}" in Page(client.get("/?q=azure").text).text
    assert "azure 49" not in client.get("/?q=azure").text


def test_highlights_mark_and_escape(client):
    """The one piece of HTML that templates trust has no tag but mark."""
    for hit in client.get("/api/v1/search?q=azure+script").get_json()["hits"]:
        for text in hit["highlights"].values():
            rest = text.replace("<mark>", "").replace("</mark>", "")
            assert "<" not in rest
            assert '"' not in rest


def test_programs_get_no_other_addresses_either(client):
    """Feeds and exports drop what is not http or https."""
    for path in ("/feed.atom", "/feed.json", "/api/v1/export", "/api/v1/search?q=azure"):
        text = client.get(path).text.lower()
        assert "javascript:" not in text
        assert "data:text" not in text
    ET.fromstring(client.get("/feed.atom").data)
    json.loads(client.get("/feed.json").data)


@pytest.mark.parametrize("path", PAGES + OTHERS)
def test_every_response_carries_the_security_headers(client, path):
    """Errors, feeds and static files included; and the policy allows nothing inline."""
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"]
    assert headers["Permissions-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_pictures_can_be_turned_off(tmp_path):
    """Then no page makes a reader's browser call another site."""
    stories = [{"title": "azure", "images": [{"url": "https://x.example/y.jpg"}]}]
    index = build(tmp_path, stories)
    assert Page(visit(index).get("/").text).all("img")
    client = visit(index, IMAGES="0")
    for path in ("/", "/story/0000.md"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert not Page(answer.text).all("img")
        assert "img-src 'self';" in answer.headers["Content-Security-Policy"]


def test_pictures_tell_other_sites_nothing(tmp_path):
    """No referrer, and not before they come into view."""
    stories = [{"title": "azure", "images": [{"url": "https://x.example/y.jpg"}]}]
    (image,) = Page(visit(build(tmp_path, stories)).get("/").text).all("img")
    assert image["referrerpolicy"] == "no-referrer"
    assert image["loading"] == "lazy"
    assert image["alt"] == ""


def test_what_is_private_stays_private(tmp_path):
    """The `secured` value of a story is in no answer."""
    story = {**archive()["2021/story 00.md"], "secured": "TOPSECRET"}
    client = visit(build(tmp_path, [story]))
    for path in ("/?q=azure", "/story/0000.md", "/api/v1/stories/0000.md", "/api/v1/export",
                 "/feed.atom", "/feed.json", "/api/v1/search?q=azure"):  # fmt: skip
        assert "TOPSECRET" not in client.get(path).text
    assert client.get("/api/v1/search?q=TOPSECRET").get_json()["total"] == 0


def test_static_files_hold_no_address_of_another_site():
    """Nothing is loaded from elsewhere, so the policy needs no exception."""
    folder = Path(__file__).parent.parent.parent / "web"
    for path in (*folder.glob("static/*.[cjs]*"), *folder.glob("templates/*.html")):
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
