"""The bytes of a story file → a `Story`, or why there is none."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from ..model import Article, FieldWarning, Image, Provider, Rejection, Story
from . import yaml_fast
from .listing import MAX_BYTES, too_large
from .values import (
    BadValueError,
    parse_domain,
    parse_flag,
    parse_instant,
    parse_line,
    parse_link,
    parse_number,
    parse_pixels,
    parse_published,
    parse_text,
)
from .yaml import Field, Fields, Many, Record, RefusalError, read_mapping

# Blank lines and comments may stand before the opening line.
_OPENING = re.compile(r"(?:[ \t]*(?:#.*)?\n)*---[ \t]*(?:\n|\Z)")
_CLOSING = re.compile(r"\n---[ \t]*(?=\n|\Z)")
# After the front matter of a bare YAML file: nothing but blank lines and comments.
_ANYTHING = re.compile(r"^[^\S\n]*(?P<found>[^\s#])", re.MULTILINE)
# In a body: a key of the format, first of all or after a line of dashes.
_SECOND_DOCUMENT = re.compile(
    r"""
    (?: \A | ^---[^\n]*\n ) [\s\ufeff]* (?: \#[^\n]*\n\s* )* [{]?\s* ["']?
    (?P<found> (?: title | excerpt | category | type | topics | published | publishedDateTime
        | draft | webUrl | originalUrl | ampWebUrl | cdnAmpWebUrl | quality | heat | provider
        | images | related | secured ) ["']? \s*: (?=\s|\Z) )
    """,
    re.VERBOSE | re.MULTILINE,
)
# In a body: `secured` as a key, at the begin of a line or in brackets, whatever YAML takes
# for a line break or lets stand before a key.
_SECURED = re.compile(
    r"""
    (?: (?: \A | [\n\r\v\f\x85\u2028\u2029] ) [^\w\n"'&!]* (?: [&!]\S*\s+ ){0,2} | [{,\[]\s* )
    (?P<found> ["']? (?: secured | SECURED ) ["']? \s*: )
    | (?P<quoted> (?P<mark> ["'] ) secured (?P=mark) \s*: )
    """,
    re.VERBOSE,
)
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
_BOM = "\ufeff"


class StoryRead(NamedTuple):
    """What became of a story file: a story and the fields dropped, or a rejection."""

    story: Story | None
    rejection: Rejection | None
    warnings: tuple[FieldWarning, ...]


def parse_story(data: bytes, story_id: str, *, fast: bool = True) -> StoryRead:
    """The bytes of a story file → the story. Raises nothing, whatever the bytes.

    `yaml_fast` reads what it surely reads right, `yaml` the rest, or everything without
    `fast`. Neither records nor messages hold anything of `secured`.
    """
    if len(data) > MAX_BYTES:
        return StoryRead(None, too_large(story_id), ())
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = len(_LINE_BREAK.findall(data, 0, error.start)) + 1
        reason = f"not UTF-8 at byte {error.start + 1:,}: save the file as UTF-8"
        return StoryRead(None, Rejection(story_id, line, reason), ())
    text = text.removeprefix(_BOM)
    if "\r" in text:
        # YAML reads each of them as a line feed too.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _read_text(text, story_id, fast)


class _Part(NamedTuple):
    """Where in a file the mapping stands, and the text after it."""

    start: int
    end: int
    body: str


def _read_text(text: str, story_id: str, fast: bool) -> StoryRead:
    start = 0
    try:
        part = _split(text, story_id)
        start = part.start
        yaml = text[start : part.end]
        warnings: list[FieldWarning] = []
        story = yaml_fast.read(yaml, story_id) if fast else None
        if story is None:
            values, warnings = read_mapping(yaml, _STORY, story_id)
            story = _story(story_id, values)
        if part.body:
            story = msgspec.structs.replace(story, body=part.body)
    except RefusalError as refusal:
        # The last line break ends the last line; nothing is to be seen after it.
        index = min(start + (refusal.index or 0), len(text) - 1)
        line = text.count("\n", 0, max(index, 0)) + 1
        return StoryRead(None, Rejection(story_id, line, refusal.reason), ())
    return StoryRead(story, None, tuple(warnings))


def _split(text: str, story_id: str) -> _Part:
    """Front matter and body, or the bare mapping."""
    opening = _OPENING.match(text)
    if opening is None:
        return _Part(0, len(text), "")
    # From the line feed before the first line of the mapping, which may be missing.
    closing = _CLOSING.search(text, opening.end() - 1)
    bare = story_id.lower().endswith((".yml", ".yaml"))
    if closing is not None:
        body = text[closing.end() :]
        second = (_ANYTHING if bare else _SECOND_DOCUMENT).search(body)
        if second is not None:
            place = closing.end() + second.start("found")
            raise RefusalError("more than one YAML document: keep one story a file", place)
        secured = _SECURED.search(body)
        if secured is not None:
            place = closing.end() + secured.start(secured.lastgroup or 0)
            raise RefusalError("text that has `secured` as a key: remove that line", place)
        # Comments may stand behind the fields of a bare file; they are no text.
        return _Part(opening.end(), closing.start() + 1, "" if bare else parse_text(body))
    if bare:
        return _Part(opening.end(), len(text), "")
    raise RefusalError(
        "front matter without its closing line: write `---` alone after the last field",
        opening.group().rindex("---"),
    )


def _story(story_id: str, values: dict[str, Any]) -> Story:
    if "title" not in values:
        raise RefusalError("no title: give the story a `title: …` with text")
    if values.pop("draft", False):
        values["published"] = False
    if "topics" in values:
        values["topics"] = tuple(dict.fromkeys(values["topics"]))
    return Story(id=story_id, **values)


def _article(values: dict[str, Any]) -> Article:
    if "title" not in values:
        raise BadValueError("no title: this related article was left out", ".title")
    return Article(**values)


def _image(values: dict[str, Any]) -> Image:
    if "url" not in values:
        raise BadValueError("no address: this image was left out", ".url")
    return Image(**values)


def _provider(values: dict[str, Any]) -> Provider | None:
    domain: str | None = values.get("domain")
    name: str | None = values.get("name", domain)
    return None if name is None else Provider(name, domain)


_LINE = Field(parse_line)
_LINK = Field(parse_link, "an address")
_NUMBER = Field(parse_number, "a number")
_FLAG = Field(parse_flag, "true or false")
_INSTANT = Field(parse_instant, "a date")

_IMAGE: Fields = {
    "url": ("url", _LINK),
    "width": ("width", Field(parse_pixels, "a number")),
    "height": ("height", Field(parse_pixels, "a number")),
    "isCached": ("is_cached", _FLAG),
}
_PROVIDER: Fields = {
    "name": ("name", _LINE),
    "domain": ("domain", Field(parse_domain, "a domain")),
}
_ARTICLE: Fields = {
    "title": ("title", _LINE),
    "excerpt": ("excerpt", _LINE),
    "publishedDateTime": ("published_at", _INSTANT),
    "originalUrl": ("original_url", _LINK),
    "webUrl": ("web_url", _LINK),
    "ampWebUrl": ("amp_web_url", _LINK),
    "cdnAmpWebUrl": ("cdn_amp_web_url", _LINK),
    "type": ("type", _LINE),
    "category": ("category", _LINE),
    "quality": ("quality", _NUMBER),
    "heat": ("heat", _NUMBER),
    "provider": ("provider", Record(_PROVIDER, _provider, scalar="name")),
    "images": ("images", Many(Record(_IMAGE, _image))),
}
_STORY: Fields = {
    **_ARTICLE,
    "body": ("body", Field(parse_text)),
    # What cannot be read is never public.
    "published": ("published", Field(parse_published, "true or false", False)),
    "draft": ("draft", Field(parse_published, "true or false", True)),
    "topics": ("topics", Many(_LINE, lone=True)),
    "related": ("related", Many(Record(_ARTICLE, _article))),
}
