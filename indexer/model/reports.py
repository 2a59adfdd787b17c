"""What is said of story files and of the index made of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec


class Rejection(msgspec.Struct, frozen=True):
    """A story file that could not be read. `line` counts from 1."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


class FieldWarning(msgspec.Struct, frozen=True):
    """A field that was dropped from a story that was kept."""

    path: str
    field: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.field}: {self.reason}"

    @property
    def place(self) -> str:
        """The file, and the line where it is known."""
        return self.path if self.line is None else f"{self.path}:{self.line}"


class Problems(msgspec.Struct, frozen=True):
    """Files that were rejected, fields that were dropped, and how many more of both."""

    rejected: tuple[Rejection, ...] = ()
    warnings: tuple[FieldWarning, ...] = ()
    left_out: int = 0


class UnusedKey(msgspec.Struct, frozen=True):
    """A key of story files that is not known, or whose value was of no use.

    `files` is how many of those read have it; `likely` is the field that was probably meant.
    """

    name: str
    files: int
    likely: str | None = None


#: What links count as among the suffixes of what is passed over.
LINK = "link"


class BuildReport(msgspec.Struct, frozen=True):
    """What a rebuild did (or, with `dry_run`, would do).

    `indexed` counts stories read and written, `unchanged` those kept as they were,
    `removed` those no longer in the index; `seconds` is elapsed time. `unused` are keys of the
    files read, the most frequent first; `passed_over` maps suffixes to the number of visible
    files in the folder that have them and are therefore not read, `LINK` to that of links.
    """

    indexed: int
    unchanged: int
    removed: int
    rejected: tuple[Rejection, ...]
    warnings: tuple[FieldWarning, ...]
    seconds: float
    generation: int
    dry_run: bool = False
    unused: tuple[UnusedKey, ...] = ()
    passed_over: Mapping[str, int] = msgspec.field(default_factory=dict)


#: What a rebuild does just now.
Phase = Literal["scanning", "reading", "writing"]


class BuildProgress(msgspec.Struct, frozen=True):
    """How far a rebuild is: `done` of `total` files to read, in this `phase`."""

    phase: Phase
    done: int
    total: int


class IndexInfo(msgspec.Struct, frozen=True):
    """A description of one generation. `bytes` is its size on disk.

    `damaged` is the number of the newest generation if that is damaged, so that the one
    before it, described here, is searched instead; `language` is that in which words are stemmed,
    with a comma before each other one.
    """

    location: str
    stories: int
    articles: int
    terms: int
    bytes: int
    generation: int
    segments: int
    built_at: datetime
    seeds: str
    published_only: bool
    damaged: int | None = None
    language: str = "english"
