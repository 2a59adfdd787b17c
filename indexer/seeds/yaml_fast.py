"""YAML → a story by a library, where that surely gives what the events give.

`read` returns None for every text that PyYAML might read otherwise, and for every story
that earns a warning or a rejection: `yaml`, the definition, reads those. `yaml_guard`
looks at the text before the library does; here the types that come out are looked at, and
a record is made of values that the functions of `values` made or provably leave alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from typing import NamedTuple

import msgspec
import yaml_rs

from ..model import Article, Image, Number, Provider, Story
from .values import (
    MAX_INTEGER,
    MAX_LINK,
    MAX_PIXELS,
    BadValueError,
    cut_at_commas,
    is_visible,
    make_provider,
    parse_domain,
    parse_instant,
    parse_line,
    parse_link,
    parse_text,
)
from .yaml import MAX_EVENTS, MAX_ITEMS, MAX_UNUSED, may_be_told
from .yaml_guard import foreign_characters, is_clean, is_inert, is_json_alike, is_yaml_alike

#: Mappings and lists inside each other; the events refuse files only beyond 32.
_DEPTH = 30
_KEY_LENGTH = 200
#: Longer texts may have more keys and values than `yaml` reads.
_MOST = 2 * MAX_EVENTS
# Of numbers that came out as floats, what is none in YAML 1.1.
_FLOAT = re.compile(r"(?<=[\s,\[{:])[-+]?(?:[\d.]+[eE]|[\d.]{60})|[-+]\.")
# A part of what `parse_link` leaves alone: nearly all.
_LINKS = re.compile(r"(?:https?://(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+(?:/[!-~]*)?\n)*")
_USUAL_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|\.000Z|[+-][0-9]{2}:[0-5][0-9])?"
)
_decode_json = msgspec.json.Decoder().decode


class _Image(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    url: str
    width: int | None = None
    height: int | None = None
    is_cached: bool | None = None


class _Provider(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    domain: str | None = None


class _Article(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    title: str
    excerpt: str | None = None
    published_date_time: str | None = None
    original_url: str | None = None
    web_url: str | None = None
    amp_web_url: str | None = None
    cdn_amp_web_url: str | None = None
    type: str | None = None
    category: str | None = None
    quality: int | float | None = None
    heat: int | float | None = None
    provider: _Provider | str | None = None
    images: list[_Image] | None = None
    secured: object = None


class _Story(_Article, rename="camel"):
    body: str | None = None
    published: bool | None = None
    draft: bool | None = None
    topics: list[str] | str | None = None
    related: list[_Article] | None = None


_STORY_KEYS = frozenset(_Story.__struct_encode_fields__)
_ARTICLE_KEYS = frozenset(_Article.__struct_encode_fields__)
# The records that the values of these keys are.
_RECORDS: dict[str, type[msgspec.Struct]] = {
    "related": _Article,
    "images": _Image,
    "provider": _Provider,
}


class _UnsureError(Exception):
    """Only the events can tell."""


class FastRead(NamedTuple):
    """A story, which has nothing wrong in it, and the names of keys that are not known."""

    story: Story
    unused: frozenset[str]


def read(text: str, story_id: str, others: frozenset[str] = frozenset()) -> FastRead | None:
    """The story that a YAML mapping is; None where the events have to be asked.

    text: lines end with a line feed
    others: keys beside the format's own that mean something, which only the events know

    Costs about a tenth of PyYAML's C loader.
    """
    try:
        raw, inert, unused = _load(text, others)
        return FastRead(_build(raw, inert, story_id), unused)
    except (_UnsureError, BadValueError, ValueError, OverflowError, RecursionError):
        return None


def _load(text: str, others: frozenset[str]) -> tuple[_Story, bool, frozenset[str]]:
    """The fields, whether all their characters stay what they are, and unknown keys."""
    if len(text) > _MOST:
        raise _UnsureError
    data = b"\n%b\n" % text.encode()
    # One character is found much faster than several.
    if b"<" in data and b"<<" in data:
        raise _UnsureError
    foreign = foreign_characters(data)
    inert = is_inert(foreign)
    if not (inert or is_clean(foreign)):
        raise _UnsureError
    if text.startswith("{"):
        if not is_json_alike(data):
            raise _UnsureError
        values = _decode_json(data)
        # A key that occurs twice comes out once.
        if _count_keys(values, text, _DEPTH) != data.count(b'":') - data.count(b'\\":'):
            raise _UnsureError
    else:
        if not is_yaml_alike(data):
            raise _UnsureError
        values = yaml_rs.loads(text, parse_datetime=False)
    escapes = b"\\" in data and data.count(b"\\") != data.count(b'\\"')
    unused: frozenset[str] = frozenset()
    try:
        raw = msgspec.convert(values, _Story)
    except msgspec.ValidationError:
        _count_keys(values, text, _DEPTH)
        unused = _unused(values, others)
        _leave_known(values, _Story)
        raw = msgspec.convert(values, _Story)
    # All other values have a type that says what they are.
    odd = [
        value
        for one in (raw, *(raw.related or ()))
        for value in (one.secured, one.quality, one.heat)
    ]
    _count_keys(odd, text, _DEPTH - 2)
    return raw, inert and not escapes, unused


def _leave_known(values: object, kind: type[msgspec.Struct]) -> None:
    """Take keys that are not known out of a record and those in it."""
    if isinstance(values, list):
        for value in values:
            _leave_known(value, kind)
    elif isinstance(values, dict):
        for key in values.keys() - set(kind.__struct_encode_fields__):
            del values[key]
        for key, inner in _RECORDS.items():
            _leave_known(values.get(key), inner)


def _unused(values: object, others: frozenset[str]) -> frozenset[str]:
    """The names of keys of the story and of its related articles that are not known."""
    if not isinstance(values, dict):
        raise _UnsureError
    names = values.keys() - _STORY_KEYS
    related = values.get("related")
    inner: set[str] = set()
    for article in related if isinstance(related, list) else ():
        if isinstance(article, dict) and not _ARTICLE_KEYS.issuperset(article):
            inner |= article.keys() - _ARTICLE_KEYS
    if not others.isdisjoint(names) or not others.isdisjoint(inner):
        raise _UnsureError
    told = {name for name in names if may_be_told(name)}
    told |= {f"related[].{name}" for name in inner if may_be_told(name)}
    if len(told) > MAX_UNUSED:
        raise _UnsureError
    return frozenset(told)


def _count_keys(values: object, text: str, depth: int) -> int:
    """The number of keys; all are texts, and no number is one in YAML 1.2 only."""
    count = 0
    children: list[object] = []
    if isinstance(values, dict):
        count = len(values)
        if any(type(key) is not str or len(key) > _KEY_LENGTH for key in values):
            raise _UnsureError
        children = list(values.values())
    elif isinstance(values, list):
        children = values
    else:
        raise _UnsureError
    for value in children:
        kind = type(value)
        if kind is dict or kind is list:
            if not depth:
                raise _UnsureError
            count += _count_keys(value, text, depth - 1)
        elif kind is float and _FLOAT.search(text):
            raise _UnsureError
    return count


def _build(raw: _Story, inert: bool, story_id: str) -> Story:
    related = raw.related or []
    lists = [related, raw.topics or (), *(article.images or () for article in (raw, *related))]
    if max(map(len, lists)) > MAX_ITEMS:
        raise _UnsureError
    _check_links([raw, *related])
    line = _line_of([raw, *related], inert)
    topics = cut_at_commas(raw.topics) if isinstance(raw.topics, str) else raw.topics or []
    lead = _article(raw, line)
    published = not raw.draft if raw.published is None else raw.published and not raw.draft
    return Story(
        story_id,
        **{name: getattr(lead, name) for name in Article.__struct_fields__},
        body=parse_text(raw.body or ""),
        published=published,
        topics=tuple(dict.fromkeys(filter(None, map(parse_line, topics)))),
        related=tuple([_article(article, line) for article in related]),
    )


def _article(raw: _Article, line: Callable[[str], str]) -> Article:
    title = line(raw.title)
    if not is_visible(title):
        raise _UnsureError
    provider = raw.provider
    return Article(
        title,
        line(raw.excerpt) if raw.excerpt else "",
        _instant(raw.published_date_time),
        raw.original_url or None,
        raw.web_url or None,
        raw.amp_web_url or None,
        raw.cdn_amp_web_url or None,
        _short(raw.type or "") or None,
        _short(raw.category or "") or None,
        _number(raw.quality),
        _number(raw.heat),
        _provider(provider.name, provider.domain)
        if isinstance(provider, _Provider)
        else _provider(provider, None),
        tuple([_image(image) for image in raw.images]) if raw.images else (),
    )


@lru_cache(maxsize=4096)
def _short(text: str) -> str:
    """The same as `parse_line`, for texts that come again and again."""
    return parse_line(text)


@lru_cache(maxsize=4096)
def _provider(name: str | None, domain: str | None) -> Provider | None:
    host = parse_domain(domain) if domain and not domain.isspace() else None
    return make_provider((parse_line(name) if name else "") or None, host)


def _image(raw: _Image) -> Image:
    if not raw.url:
        raise _UnsureError
    for size in (raw.width, raw.height):
        if size is not None and not 1 <= size <= MAX_PIXELS:
            raise _UnsureError
    return Image(raw.url, raw.width, raw.height, raw.is_cached)


def _number(number: Number | None) -> Number | None:
    if number is not None and not -MAX_INTEGER <= number <= MAX_INTEGER:
        raise _UnsureError
    return number


def _instant(text: str | None) -> datetime | None:
    """Like `parse_instant`, several times faster for the usual notations."""
    if not text or text.isspace():
        return None
    if _USUAL_INSTANT.fullmatch(text) and text[11:13] != "24":
        if len(text) == 25:
            return datetime.fromisoformat(text).astimezone(timezone.utc)
        return datetime.fromisoformat(text[:19] + "+00:00")
    return parse_instant(text)


def _check_links(articles: list[_Article]) -> None:
    """Go on only if all links are what `parse_link` makes of them."""
    links = [image.url for article in articles for image in article.images or ()]
    for article in articles:
        found = (
            article.web_url,
            article.original_url,
            article.amp_web_url,
            article.cdn_amp_web_url,
        )
        links += [link for link in found if link]
    joined = "\n".join([*links, ""])
    usual = joined.count("\n") == len(links) and _LINKS.fullmatch(joined)
    if usual and len(max(links, key=len, default="")) <= MAX_LINK:
        return
    if any(parse_link(link) != link for link in links):
        raise _UnsureError


def _line_of(articles: list[_Article], inert: bool) -> Callable[[str], str]:
    """`parse_line`, or where it would change few titles and excerpts what does it for these."""
    lines = [article.title for article in articles]
    lines += [article.excerpt for article in articles if article.excerpt]
    joined = "\n".join(["", *lines, ""])
    odd = "  " in joined or "\n " in joined or " \n" in joined
    odd = odd or "secured" in joined.lower()
    clean = inert and not odd and joined.count("\n") == len(lines) + 1
    return _parse_markup if clean else parse_line


def _parse_markup(text: str) -> str:
    """The same as `parse_line`, for a text in which that changes nothing but markup."""
    return parse_line(text) if "&" in text or "<" in text else text
