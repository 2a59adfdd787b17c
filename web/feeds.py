"""Any query as a feed, newest first: Atom (RFC 4287) and JSON Feed 1.1; also OpenSearch.

A feed reader that has seen an entry must know it again, so feeds and entries are identified
by archive, query and story id, and not by an address, which changes with the host. An archive
is known by its title and the folder of its stories.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

import msgspec
from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from msgspec.structs import replace

from indexer import ResultPage, SearchRequest, Story, safe_link, write_instant

from . import params
from .caching import conditional
from .connection import current_connection, current_engine
from .metrics import observe_search
from .page import describe, list_chips, path_of, public_url, search_url
from .problems import wanted_by

feeds = Blueprint("feeds", __name__)

ENTRIES = 50
#: How a story that is not published is marked, in its title and among its topics.
_UNPUBLISHED = "Unpublished"
_MAX_AGE = 300

_ATOM = "http://www.w3.org/2005/Atom"
ET.register_namespace("", _ATOM)
#: Characters that XML 1.0 has no way to write.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class FeedAuthor(msgspec.Struct):
    """Who published an entry."""

    name: str


class FeedItem(msgspec.Struct, omit_defaults=True):
    """A story as an entry of a JSON feed."""

    id: str
    url: str
    title: str
    content_text: str
    external_url: str | None = None
    summary: str = ""
    image: str | None = None
    date_published: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    date_modified: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    authors: list[FeedAuthor] = msgspec.field(default_factory=list)
    tags: list[str] = msgspec.field(default_factory=list)


class JsonFeed(msgspec.Struct):
    """JSON Feed 1.1: the newest stories of a search."""

    version: str
    title: str
    home_page_url: str
    feed_url: str
    items: list[FeedItem]


class _Feed(NamedTuple):
    page: ResultPage
    title: str
    page_url: str
    own_url: str
    updated: datetime


def _urn(kind: str, name: str) -> str:
    """What something of this archive is known by wherever it is served."""
    archive = current_app.config["TITLE"], current_connection().info().seeds
    return uuid5(NAMESPACE_URL, "\0".join(("storydex", *archive, kind, name))).urn


def _title_of(story: Story) -> str:
    return story.title if story.published else f"{_UNPUBLISHED}: {story.title}"


def _labels_of(story: Story) -> list[str]:
    return [*story.topics] if story.published else [*story.topics, _UNPUBLISHED]


def _updated(story: Story) -> datetime | None:
    """When a story or what covers it was published last."""
    dates = [story.published_at, *(article.published_at for article in story.related)]
    return max((date for date in dates if date), default=None)


def _read_feed(wanted: SearchRequest) -> _Feed:
    newest = replace(
        wanted, sort="newest", offset=0, limit=ENTRIES, facets=tuple(wanted.filters), facet_limit=0
    )
    page = observe_search(current_engine().answer(newest))
    title = current_app.config["TITLE"]
    described = describe(page, list_chips(page), 1)
    return _Feed(
        page,
        f"{described} – {title}" if described else title,
        public_url(search_url(params.on_page(wanted, 1))),
        public_url(path_of(request.full_path.rstrip("?"))),
        current_connection().info().built_at,
    )


@feeds.get("/feed.atom")
@conditional(_MAX_AGE)
def atom() -> ResponseReturnValue:
    """The newest stories of a query as an Atom feed."""
    wanted = wanted_by(request.args, params.SEARCH_PARAMETERS)
    body = ET.tostring(_atom_feed(_read_feed(wanted)), encoding="utf-8", xml_declaration=True)
    return Response(body, content_type="application/atom+xml; charset=utf-8")


def _atom_feed(feed: _Feed) -> ET.Element:
    root = ET.Element(f"{{{_ATOM}}}feed")
    query = params.write_query(feed.page.request)
    _add(root, "id", _urn("feed", query))
    _add(root, "title", feed.title)
    _add(root, "updated", write_instant(feed.updated))
    _add(root, "link", rel="self", type="application/atom+xml", href=feed.own_url)
    _add(root, "link", rel="alternate", type="text/html", href=feed.page_url)
    for hit in feed.page.hits:
        root.append(_atom_entry(hit.story, feed.updated))
    return root


def _atom_entry(story: Story, updated: datetime) -> ET.Element:
    entry = ET.Element(f"{{{_ATOM}}}entry")
    page_url = public_url(url_for("pages.story", story_id=story.id))
    _add(entry, "id", _urn("story", story.id))
    _add(entry, "title", _title_of(story))
    _add(entry, "updated", write_instant(_updated(story) or updated))
    if story.published_at:
        _add(entry, "published", write_instant(story.published_at))
    _add(entry, "link", rel="alternate", type="text/html", href=safe_link(story.url) or page_url)
    _add(entry, "link", rel="related", type="text/html", href=page_url)
    # Atom wants an author of every entry; the site stands in where none is known.
    author = story.provider.name if story.provider else current_app.config["TITLE"]
    _add(_add(entry, "author"), "name", author)
    for topic in _labels_of(story):
        _add(entry, "category", term=topic)
    _add(entry, "summary", story.excerpt)
    return entry


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    clean = {key: _UNWRITABLE.sub("", value) for key, value in attributes.items()}
    child = ET.SubElement(parent, f"{{{_ATOM}}}{name}", clean)
    child.text = _UNWRITABLE.sub("", text) if text else None
    return child


@feeds.get("/feed.json")
@conditional(_MAX_AGE)
def json_feed() -> ResponseReturnValue:
    """The newest stories of a query as a JSON feed."""
    wanted = wanted_by(request.args, params.SEARCH_PARAMETERS)
    feed = _read_feed(wanted)
    document = JsonFeed(
        version="https://jsonfeed.org/version/1.1",
        title=feed.title,
        home_page_url=feed.page_url,
        feed_url=feed.own_url,
        items=[_json_item(hit.story) for hit in feed.page.hits],
    )
    return Response(msgspec.json.encode(document), content_type="application/feed+json")


def _json_item(story: Story) -> FeedItem:
    return FeedItem(
        id=_urn("story", story.id),
        url=public_url(url_for("pages.story", story_id=story.id)),
        external_url=safe_link(story.url),
        title=_title_of(story),
        content_text=story.body or story.excerpt or story.title,
        summary=story.excerpt,
        image=next((link for image in story.images if (link := safe_link(image.url))), None),
        date_published=story.published_at,
        date_modified=_updated(story),
        authors=[FeedAuthor(story.provider.name)] if story.provider else [],
        tags=_labels_of(story),
    )


@feeds.get("/opensearch.xml")
def opensearch() -> Response:
    """Lets a browser offer this site among its search engines."""
    body = render_template(
        "opensearch.xml",
        home=public_url(url_for("pages.search")),
        atom=public_url(url_for("feeds.atom")),
        suggest=public_url(url_for("api.suggest")),
        icon=public_url(url_for("statics.static", name="favicon.svg")),
    )
    return Response(body, content_type="application/opensearchdescription+xml; charset=utf-8")
