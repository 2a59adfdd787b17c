"""What story files say: a story, its provider and pictures, its related articles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar, overload

import msgspec

Number = int | float
T = TypeVar("T")


class Lazy(Sequence[T]):
    """Items of an index, each read when it is looked at; equal to a sequence of the same."""

    __slots__ = ("_count", "_read")

    def __init__(self, count: int, read: Callable[[int], T]) -> None:
        self._count = count
        self._read = read

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...

    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        if isinstance(at, slice):
            return tuple(map(self._read, range(self._count)[at]))
        return self._read(range(self._count)[at])

    def __iter__(self) -> Iterator[T]:
        return map(self._read, range(self._count))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[type[tuple[T, ...]], tuple[tuple[T, ...]]]:
        return tuple, (tuple(self),)  # copies need no index

    def __repr__(self) -> str:
        return repr(tuple(self))


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
