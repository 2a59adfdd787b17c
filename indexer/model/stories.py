"""What story files say: a story, its provider and pictures, its related articles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import overload

import msgspec

Number = int | float


class Provider(msgspec.Struct, frozen=True):
    """Who published something. `domain` is lower case, without `www.`."""

    name: str
    domain: str | None = None


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture by address; sizes in pixels."""

    url: str
    width: int | None = None
    height: int | None = None
    is_cached: bool | None = None


class Article(msgspec.Struct, frozen=True, omit_defaults=True):
    """One related article: the coverage of a story by some provider.

    `copies` are the same article once more, as the story has it: under the same address, or with
    the same title and text.
    """

    title: str
    excerpt: str = ""
    published_at: datetime | None = None
    original_url: str | None = None
    web_url: str | None = None
    amp_web_url: str | None = None
    cdn_amp_web_url: str | None = None
    type: str | None = None
    category: str | None = None
    quality: Number | None = None
    heat: Number | None = None
    provider: Provider | None = None
    images: tuple[Image, ...] = ()
    copies: tuple[Article, ...] = ()

    @property
    def url(self) -> str | None:
        """The address to send a reader to: `web_url`, else `original_url`."""
        return self.web_url or self.original_url


class Articles(Sequence[Article]):
    """The related articles of a story found, read from the index when first looked at."""

    __slots__ = ("_articles", "_count", "_read")

    def __init__(self, count: int, read: Callable[[], tuple[Article, ...]]) -> None:
        self._count = count
        self._read = read
        self._articles: tuple[Article, ...] | None = None

    def _all(self) -> tuple[Article, ...]:
        if self._articles is None:
            self._articles = self._read()
        return self._articles

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Article: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Article, ...]: ...

    def __getitem__(self, at: int | slice) -> Article | tuple[Article, ...]:
        return self._all()[at]

    def __iter__(self) -> Iterator[Article]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all())

    def __reduce__(self) -> tuple[type[tuple[Article, ...]], tuple[tuple[Article, ...]]]:
        return tuple, (self._all(),)  # copies need no index

    def __repr__(self) -> str:
        return repr(self._all())


class Story(msgspec.Struct, frozen=True, omit_defaults=True):
    """One story file. `id` is its path relative to the seeds folder.

    `related` has each article once; `copies` are those that are the story's own.
    """

    id: str
    title: str
    excerpt: str = ""
    body: str = ""
    category: str | None = None
    type: str | None = None
    published_at: datetime | None = None
    original_url: str | None = None
    web_url: str | None = None
    amp_web_url: str | None = None
    cdn_amp_web_url: str | None = None
    quality: Number | None = None
    heat: Number | None = None
    published: bool = True
    provider: Provider | None = None
    topics: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    related: Sequence[Article] = ()
    copies: tuple[Article, ...] = ()

    @property
    def url(self) -> str | None:
        """The address to send a reader to: `web_url`, else `original_url`."""
        return self.web_url or self.original_url
