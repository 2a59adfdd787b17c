"""Stories → a folder of story files, written as real ones are."""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random

from ..errors import SeedError
from ..model import Article, Image, Provider, Story
from .stories import iter_demo_stories

#: Progress is told once for so many files.
_STEP = 50

_PLAIN = re.compile(r"[A-Z][a-z]+(?: [A-Z][A-Za-z]*)+")


def write_demo(
    folder: str | os.PathLike[str],
    stories: int,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write invented stories into a new or empty folder, by year and month.

    The same seed gives the same files. `progress` is told now and then how many are
    written. Returns their number. Raises `SeedError` if the folder holds anything, or
    cannot be written.
    """
    root = os.fspath(folder)
    try:
        os.makedirs(root, exist_ok=True)
        if os.listdir(root):
            raise SeedError(root, "not empty: give a new or empty folder")
        written = 0
        for story in iter_demo_stories(stories, seed):
            _write(os.path.join(root, *story.id.split("/")), format_story(story, seed))
            written += 1
            if progress is not None and (written % _STEP == 0 or written == stories):
                progress(written)
    except FileExistsError as error:
        raise SeedError(root, "not a folder: give a new or empty folder") from error
    except OSError as error:
        raise SeedError(root, f"cannot be written ({error.strerror})") from error
    return written


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def format_story(story: Story, seed: int = 0) -> str:
    """A story → the text of its file. `secured` is random, as far as anyone can tell."""
    secret = b64encode(Random(f"{seed}/secured/{story.id}").randbytes(576)).decode()
    lines = ["---", *_story_lines(story), f'secured: "{secret}"', "---", ""]
    if story.body:
        lines += [story.body, ""]
    return "\n".join(lines)


def _story_lines(story: Story) -> Iterator[str]:
    yield from _lines(_fields(story, ("originalUrl", story.original_url)))
    yield f"published: {'true' if story.published else 'false'}"
    yield from _provider_lines(story.provider)
    if story.topics:
        yield "topics:"
        yield from (f"  - {_quote(topic)}" for topic in story.topics)
    yield from _image_lines(story.images)
    if story.related:
        yield "related:"
        for article in story.related:
            yield from _item(_article_lines(article))


def _article_lines(article: Article) -> Iterator[str]:
    yield from _lines(_fields(article, ("originalUrl", article.original_url)))
    yield from _provider_lines(article.provider)
    yield from _image_lines(article.images)


_Value = str | int | float | datetime | None


def _fields(story: Story | Article, origin: tuple[str, _Value]) -> Iterator[tuple[str, _Value]]:
    yield "title", story.title
    yield "excerpt", story.excerpt or None
    yield "category", story.category
    yield "publishedDateTime", story.published_at
    yield origin
    yield "webUrl", story.web_url
    yield "ampWebUrl", story.amp_web_url
    yield "cdnAmpWebUrl", story.cdn_amp_web_url
    yield "type", story.type
    yield "quality", story.quality
    yield "heat", story.heat


def _lines(fields: Iterator[tuple[str, _Value]]) -> Iterator[str]:
    for key, value in fields:
        if isinstance(value, str):
            yield f"{key}: {_quote(value)}"
        elif isinstance(value, datetime):
            yield f"{key}: {value:%Y-%m-%dT%H:%M:%SZ}"
        elif value is not None:
            yield f"{key}: {value}"


def _provider_lines(provider: Provider | None) -> Iterator[str]:
    if provider is not None:
        yield "provider:"
        yield f"  name: {_quote(provider.name)}"
        if provider.domain:
            yield f"  domain: {provider.domain}"


def _image_lines(images: tuple[Image, ...]) -> Iterator[str]:
    if images:
        yield "images:"
        for image in images:
            size = (("url", image.url), ("width", image.width), ("height", image.height))
            yield from _item(_lines(iter(size)))
            if image.is_cached is not None:
                yield f"    isCached: {'true' if image.is_cached else 'false'}"


def _item(lines: Iterator[str]) -> Iterator[str]:
    """The lines of an item of a list."""
    yield f"  - {next(lines)}"
    yield from (f"    {line}" for line in lines)


def _quote(text: str) -> str:
    """Text as YAML reads it back; a JSON string is a YAML string."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
