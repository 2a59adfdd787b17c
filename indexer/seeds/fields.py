"""The fields of the format: under which keys each stands, and what makes its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from ..model import Article, Image, Provider
from .values import (
    BadValueError,
    make_provider,
    parse_domain,
    parse_flag,
    parse_instant,
    parse_line,
    parse_link,
    parse_number,
    parse_own_link,
    parse_path_or_link,
    parse_pixels,
    parse_published,
    parse_text,
    parse_title,
)

#: The text of a scalar and whether it is plain → its value; raises `BadValueError`.
Parse: TypeAlias = Callable[[str, bool], Any]


class Field(NamedTuple):
    """A scalar. `parse` takes its text and whether it is plain; "" and None are absent.

    A value that cannot be used counts as `otherwise`, by default as absent.
    """

    parse: Parse
    expected: str = "text"
    otherwise: Any = None


class Record(NamedTuple):
    """A mapping. `fields` are those that are read, by their keys.

    `build` makes the record of the attributes found, or None if there is nothing in it.
    scalar: the key that a scalar in place of the mapping is taken for, if there is one
    first: whether of a list in place of the mapping the first item counts
    tells: what stands before the names of unused keys in the report; None: they are not reported
    """

    fields: Fields
    build: Callable[[dict[str, Any]], Any]
    scalar: str | None = None
    first: bool = False
    tells: str | None = None


class Many(NamedTuple):
    """A list of one kind, read as a tuple; with `lone`, one value is a list of one.

    With `cut`, a scalar in the place of the list is cut at commas.
    """

    item: Node
    lone: bool = False
    cut: bool = False


Node: TypeAlias = "Field | Record | Many"


def expected(node: Node) -> str:
    """What is said to belong in the place of a node."""
    if isinstance(node, Field):
        return node.expected
    return "a list" if isinstance(node, Many) else "a mapping"


class Key(NamedTuple):
    """What a key is read into. Of several keys with the same attribute the lowest rank counts."""

    attribute: str
    node: Node
    rank: int = 0


Fields: TypeAlias = "Mapping[str, Key]"


def _article(values: dict[str, Any]) -> Article:
    if "title" not in values:
        raise BadValueError("no title: this related article was left out", ".title")
    if "category" in values:
        values["category"] = values["category"][0]
    return Article(**values)


def _image(values: dict[str, Any]) -> Image:
    if "url" not in values:
        raise BadValueError("no address: this image was left out", ".url")
    return Image(**values)


def _provider(values: dict[str, Any]) -> Provider | None:
    return make_provider(values.get("name"), values.get("domain"))


#: The format's name of a field → usual names that stand in for it, the first first.
STAND_INS = {
    "publishedDateTime": ("date",),
    "excerpt": ("description", "summary"),
    "topics": ("tags", "categories", "keywords"),
    "provider": ("source", "author"),
    "webUrl": ("link", "canonical", "permalink"),
    "images": ("image",),
}

_LINE = Field(parse_line)
_TITLE = Field(parse_title)
_NUMBER = Field(parse_number, "a number")
_PIXELS = Field(parse_pixels, "a number")
_FLAG = Field(parse_flag, "true or false")
_INSTANT = Field(parse_instant, "a date")
# What cannot be read is never public.
_PUBLISHED = Field(parse_published, "true or false", False)
_DRAFT = Field(parse_published, "true or false", True)
_NAMES = Many(_LINE, lone=True)
_TOPICS = Many(_LINE, lone=True, cut=True)
_PROVIDER = Record(
    {"name": Key("name", _LINE), "domain": Key("domain", Field(parse_domain, "a domain"))},
    _provider,
    scalar="name",
    first=True,
)


@lru_cache(maxsize=8)
def story_keys(renamed: tuple[tuple[str, str], ...], base_url: str | None) -> Fields:
    """The keys of a story. `renamed` are pairs of a key and the format's name for it.

    The format's own names count first, then those of `renamed`, then the usual ones.
    """
    own = parse_link if base_url is None else lambda text, _: parse_own_link(text, base_url)
    link = Field(own, "an address")
    path = Field(lambda text, _: parse_path_or_link(text, base_url), "an address")
    image = {"width": Key("width", _PIXELS), "height": Key("height", _PIXELS)}
    image |= {"url": Key("url", link), "isCached": Key("is_cached", _FLAG)}
    article = {
        "title": Key("title", _TITLE),
        "excerpt": Key("excerpt", _LINE),
        "publishedDateTime": Key("published_at", _INSTANT),
        "originalUrl": Key("original_url", link),
        "webUrl": Key("web_url", link),
        "ampWebUrl": Key("amp_web_url", link),
        "cdnAmpWebUrl": Key("cdn_amp_web_url", link),
        "type": Key("type", _LINE),
        "category": Key("category", _NAMES),
        "quality": Key("quality", _NUMBER),
        "heat": Key("heat", _NUMBER),
        "provider": Key("provider", _PROVIDER),
        "images": Key("images", Many(Record(image, _image, scalar="url"), lone=True)),
    }
    picture = Record({**image, "url": Key("url", path)}, _image, scalar="url")
    usual: dict[str, Node] = {"webUrl": path, "images": Many(picture, lone=True)}
    story = {
        **article,
        "body": Key("body", Field(parse_text)),
        "published": Key("published", _PUBLISHED),
        "draft": Key("draft", _DRAFT),
        "topics": Key("topics", _TOPICS),
    }
    related = Record(_with_others(article, usual, renamed), _article, tells="related[].")
    story["related"] = Key("related", Many(related))
    return _with_others(story, usual, renamed)


def _with_others(
    own: dict[str, Key], usual: Mapping[str, Node], renamed: tuple[tuple[str, str], ...]
) -> dict[str, Key]:
    """The format's own keys and all that stand in for them."""
    fields = dict(own)
    for ours, names in STAND_INS.items():
        if ours in own:
            for rank, name in enumerate(names, 2):
                fields[name] = Key(own[ours].attribute, usual.get(ours, own[ours].node), rank)
    for name, ours in renamed:
        if ours in own:
            fields[name] = Key(own[ours].attribute, own[ours].node, 1)
    return fields


#: The format's own names, `secured` among them, which is read nowhere.
FIELDS = frozenset(story_keys((), None)) - {name for names in STAND_INS.values() for name in names}
#: The same in small letters, with names of others that tell front matter from text.
KNOWN = frozenset(map(str.lower, story_keys((), None))) | {"secured", "layout"}


def likely_field(name: str) -> str | None:
    """The field of the format that a key which is not known was probably meant for."""
    # Case first: "publishedDatetime" is nearer to the field than its letters tell.
    begin, dot, last = name.rpartition(".")
    fields = {field.lower(): field for field in FIELDS}
    word = last.lower().replace("_", "").replace("-", "")
    found = [word] if word in fields else get_close_matches(word, fields, 1, _LIKELY)
    return f"{begin}{dot}{fields[found[0]]}" if found else None


# What `difflib` calls the ratio: of short words one letter may be missing.
_LIKELY = 0.85
