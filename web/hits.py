"""What the search page shows of each hit, read from it once; rendered by `parts.html`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from indexer import Article, Hit, Provider, RelatedHit, ResultPage, Story, mark_together, safe_link

from . import display
from .display import Copy, cut, host_of
from .page import filter_url, story_url

#: Related articles that stand open under a hit; the page of the story has the others.
RELATED_SHOWN = 2
#: Matching articles on the page of a story, before all of its articles.
MATCHES_SHOWN = 50
#: Other stories with the same lead that are named under a hit.
ALSO_SHOWN = 3
#: Topics under a hit.
TOPICS_SHOWN = 6
#: Characters shown of a title, an excerpt or a passage; the page of the story has the rest.
_TITLE_LENGTH, _PASSAGE_LENGTH = 240, 420
#: The same of an article's excerpt, and how many at most before what matched.
_REASON_LENGTH, _LEAD_IN = 140, 40

_PIECES = re.compile(r"<[^>]*>|&[^;]*;|[^<&]+")


class Link(NamedTuple):
    """A provider or topic and the search for all it has, or a story and its page."""

    name: str
    url: str


class RelatedView(NamedTuple):
    """A related article that matches; `reason`: where in its excerpt, if its title does not."""

    title: Markup
    reason: Markup
    url: str | None
    source: str
    published_at: datetime | None
    copies: list[Copy]
    copies_total: int


class HitView(NamedTuple):
    """A story on a result page."""

    title: Markup
    name: str
    url: str
    outlet_url: str | None
    outlet: str
    source: Link | None
    published_at: datetime | None
    quality: int | float | None
    published: bool
    passage: Markup
    topics: list[Link]
    topics_left: int
    picture: str | None
    initial: str
    related: list[RelatedView]
    related_total: int
    articles: int
    copies: list[Copy]
    copies_total: int
    also: list[Link]
    also_total: int


def read_hits(page: ResultPage, *, images: bool) -> list[HitView]:
    """What is shown of the hits of a page; raises `IndexCorrupt`."""
    related = (one for hit in page.hits for one in hit.related[:RELATED_SHOWN])
    mark_together([*page.hits, *related])
    return [_read_hit(hit, page.query, images) for hit in page.hits]


def _read_hit(hit: Hit, query: str, images: bool) -> HitView:
    story = hit.story
    matching = hit.related
    shown = matching[:RELATED_SHOWN]
    # No other article is read for the sake of a picture.
    candidates: list[Story | Article] = [story, *(one.article for one in shown)] if images else []
    picture = display.first_picture(candidates)
    outlet = safe_link(story.url)
    return HitView(
        title=clamp(hit.highlights["title"], _TITLE_LENGTH),
        name=cut(story.title),
        url=story_url(story.id, query),
        outlet_url=outlet,
        outlet=host_of(outlet) if outlet else "",
        source=_source(story.provider),
        published_at=story.published_at,
        quality=story.quality,
        published=story.published,
        passage=clamp(_passage(hit), _PASSAGE_LENGTH),
        topics=[
            Link(cut(topic), display.topic_url(topic)) for topic in story.topics[:TOPICS_SHOWN]
        ],
        topics_left=len(story.topics[TOPICS_SHOWN:]),
        picture=picture.url if picture else None,
        initial=display.initial(story) if picture else "",
        related=[_read_related(one) for one in shown],
        related_total=len(matching),
        articles=len(story.related),
        **display.copies(story)._asdict(),
        also=[
            Link(cut(other.title), story_url(other.id, query)) for other in hit.also_in[:ALSO_SHOWN]
        ],
        also_total=len(hit.also_in),
    )


def _read_related(hit: RelatedHit) -> RelatedView:
    article = hit.article
    title = clamp(hit.highlights["title"], _TITLE_LENGTH)
    return RelatedView(
        title,
        Markup("") if "<mark>" in title else _around_mark(hit.highlights["excerpt"]),
        safe_link(article.url),
        cut(article.provider.name) if article.provider else "",
        article.published_at,
        *display.copies(article),
    )


class Matches(NamedTuple):
    """What of a story matches the search that led to its page."""

    title: Markup
    excerpt: Markup
    related: list[RelatedView]
    total: int


def read_matches(hit: Hit) -> Matches:
    """The marked texts of a story and the articles that match; raises `IndexCorrupt`."""
    shown = hit.related[:MATCHES_SHOWN]
    mark_together([hit, *shown])
    return Matches(
        Markup(hit.highlights["title"]),
        Markup(hit.highlights["excerpt"]),
        [_read_related(one) for one in shown],
        len(hit.related),
    )


def _source(provider: Provider | None) -> Link | None:
    if provider is None:
        return None
    return Link(cut(provider.name), filter_url("provider", display.provider_key(provider)))


def _passage(hit: Hit) -> str:
    """The excerpt, or a snippet of the body where only the body matches."""
    excerpt, body = hit.highlights["excerpt"], hit.highlights.get("body", "")
    elsewhere = "<mark>" in body and "<mark>" not in excerpt
    return body if elsewhere or (body and not excerpt) else excerpt


def _around_mark(html: str) -> Markup:
    """A part of a marked text round the first mark; nothing where there is none."""
    at = html.find("<mark>")
    if at < 0:
        return Markup("")
    # It begins after a blank, so within no entity.
    begin = html.find(" ", at - _LEAD_IN, at) + 1 or at if at > _LEAD_IN else 0
    return Markup("…" if begin else "") + clamp(html[begin:], _REASON_LENGTH)


def clamp(html: str, length: int) -> Markup:
    """Escaped text with `<mark>`, cut after about so many characters."""
    if len(html) <= length:
        return Markup(html)
    kept: list[str] = []
    marked = False
    for piece in _PIECES.findall(html):
        if piece[0] == "<":
            marked = piece == "<mark>"
        elif piece[0] == "&":
            length -= 1
        elif len(piece) > length:
            kept.append(piece[:length].rpartition(" ")[0] or piece[:length])
            length = -1
            break
        else:
            length -= len(piece)
        kept.append(piece)
    end = "</mark>" * marked + ("…" if length < 0 else "")
    return Markup("".join(kept) + end)
