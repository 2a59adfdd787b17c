"""How values read on a page: the filters that templates use; registered by `app`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from functools import lru_cache
from itertools import chain, groupby
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Flask
from flask.templating import Environment
from jinja2 import StrictUndefined
from markupsafe import Markup, escape

from indexer import Article, Image, Provider, Story, facet_key, safe_link, write_instant

from .page import MONTH_NAMES, filter_url, told_apart

#: Quality is an open scale; its indicator has this many steps of this size.
_STEPS = 5
_STEP = 20
_NAME_LENGTH = 80
_LAST = datetime.max.replace(tzinfo=timezone.utc)
#: The same topics and providers stand in many stories.
_key = lru_cache(4096)(facet_key)
#: An address of the web without a port or anything to be folded.
_USUAL_HOST = re.compile("https?://(?:www\\.)?([a-z0-9.-]+)(?=[/?#]|$)")
#: A dot in a name of the web, after which a line of a narrow column may end.
_NAME_DOT = re.compile(r"(?<=\w{3})\.(?=\w{2})")
_BLANK_LINES = re.compile(r"\n\s*\n")


def day(instant: datetime) -> str:
    """`25 May 2022`, UTC."""
    utc = instant.astimezone(timezone.utc)
    return f"{utc.day} {MONTH_NAMES[utc.month]} {utc.year}"


def clock(instant: datetime) -> str:
    """`17:16`, UTC."""
    utc = instant.astimezone(timezone.utc)
    return f"{utc.hour:02}:{utc.minute:02}"


def thousands(number: int) -> str:
    """`12,431`."""
    return f"{number:,}"


def duration(milliseconds: float) -> str:
    """The time a search took, rounded to what matters."""
    if milliseconds < 1:
        return "under 1 ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def level(quality: float) -> int:
    """Steps of the quality indicator, 1 to 5."""
    return min(max(int(quality // _STEP) + 1, 1), _STEPS)


def picture(story: Story) -> Image | None:
    """The first picture of the story, else of its coverage, that is on the web."""
    return first_picture(chain([story], story.related))


def first_picture(texts: Iterable[Story | Article]) -> Image | None:
    """The first picture of some stories or articles that is on the web."""
    images = (image for text in texts for image in text.images)
    return next((image for image in images if safe_link(image.url)), None)


def initial(story: Story) -> str:
    """A letter that stands for who published a story, where no picture does."""
    return (story.provider.name if story.provider else story.title).strip()[:1].upper()


def provider_url(provider: Provider) -> str:
    """The search for everything a provider ran."""
    return filter_url("provider", provider_key(provider))


def topic_url(topic: str) -> str:
    """The search for everything on a topic."""
    return filter_url("topic", _key("topic", topic))


def provider_key(provider: Provider) -> str:
    """What a provider is filtered by."""
    return _key("provider", provider.domain or provider.name)


class Voice(NamedTuple):
    """A provider, what it is called, and how many articles of a story are from it."""

    provider: Provider
    label: str
    articles: int


def voices(story: Story) -> list[Voice]:
    """The providers of a story and its coverage, the busiest first.

    Two of one name are told apart by their domains.
    """
    providers: dict[str, Provider] = {}
    counts: Counter[str] = Counter()
    articles: list[Story | Article] = [story, *story.related]
    for article in articles:
        ran = [one.provider for one in (article, *article.copies) if one.provider]
        # A provider ran an article once, however often the story has it.
        for key, provider in {provider_key(one): one for one in reversed(ran)}.items():
            providers.setdefault(key, provider)
            counts[key] += 1
    times = Counter(provider.name for provider in providers.values())
    found = [
        Voice(one, told_apart(one.name, key, times[one.name]), counts[key])
        for key, one in providers.items()
    ]
    return sorted(found, key=lambda voice: (-voice.articles, voice.label))


def breakable(label: str) -> Markup:
    """A label that a narrow column breaks after the dots of a domain, and not within a word."""
    return Markup(_NAME_DOT.sub(".<wbr>", escaped(label)))


def host_of(url: str) -> str:
    """`zdnet.com` of an address there."""
    usual = _USUAL_HOST.match(url)
    if usual:
        return usual[1]
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def cut(text: str) -> str:
    """A name of which nobody needs more than a line."""
    return text if len(text) <= _NAME_LENGTH else f"{text[:_NAME_LENGTH]}…"


#: Copies of an article that are named.
COPIES_SHOWN = 5


class Copy(NamedTuple):
    """The same article once more: who has it, and where."""

    source: str
    url: str | None


class Copies(NamedTuple):
    """The first copies of an article, and how many there are."""

    copies: list[Copy]
    copies_total: int


def copies(article: Story | Article) -> Copies:
    """The copies of an article that are named under it."""
    shown = article.copies[:COPIES_SHOWN]
    return Copies([_copy(one) for one in shown], len(article.copies))


def _copy(article: Article) -> Copy:
    url = safe_link(article.url)
    name = article.provider.name if article.provider else host_of(url or "")
    return Copy(cut(name) or "another address", url)


class Day(NamedTuple):
    """The articles of one day, None for those without a date."""

    instant: datetime | None
    articles: list[Article]


def in_time(articles: Iterable[Article]) -> list[Article]:
    """Articles in order of time; those without a date come last."""
    return sorted(articles, key=lambda a: a.published_at or _LAST)


def timeline(ordered: Iterable[Article]) -> list[Day]:
    """Articles in order of time, by day."""
    days = groupby(ordered, key=lambda a: a.published_at and day(a.published_at))
    return [Day(group[0].published_at, group) for group in (list(g) for _, g in days)]


def paragraphs(text: str) -> list[str]:
    """Plain text cut at its blank lines."""
    return [part for part in _BLANK_LINES.split(text.strip()) if part]


def escaped(value: object) -> str:
    """What `escape` makes of a value, in half the time for what pages are made of."""
    kind = type(value)
    if kind is str:
        text: str = value  # type: ignore[assignment]
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return text.replace("'", "&#39;").replace('"', "&#34;")
    if kind is Markup or kind is int:
        return str(value)
    return escape(value)


class PageEnvironment(Environment):
    """Templates of which a page with its hundreds of values is made faster."""

    #: What a template names with a dot is an attribute; what an object lacks is an error.
    getattr = staticmethod(getattr)  # type: ignore[assignment]

    def _generate(self, *args: Any, **kwargs: Any) -> str:
        return f"{super()._generate(*args, **kwargs)}\nfrom {__name__} import escaped as escape\n"


_FILTERS: tuple[Callable[..., object], ...] = (
    breakable, day, clock, thousands, duration, level, picture, initial, provider_url, topic_url,
    voices, copies, timeline, paragraphs, safe_link,
)  # fmt: skip


def register(app: Flask) -> None:
    """Give the templates of an app these filters, under their own names, and `instant`."""
    app.jinja_env.filters.update({one.__name__: one for one in _FILTERS}, instant=write_instant)
    # A misspelt name in a template is an error, not an empty place on the page.
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
