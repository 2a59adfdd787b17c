"""What is measured, and what an answer is."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

TOP = 10
#: Providers that are listed with their counts.
VALUES = 20
#: The facets of a full page.
PAGE_FACETS = ("provider", "topic", "year")
#: How many matching articles of each hit a full page shows.
PAGE_ARTICLES = 3

#: What is read of what was found: nothing, title, provider and date of each hit, or a full page.
Read = Literal["nothing", "lines", "page"]


class Answer(msgspec.Struct, frozen=True):
    """What an engine found, to compare with the others; None where the work asks nothing.

    hits: how many of the top were returned; total: how many stories match;
    counted: the counts of the providers listed added up
    """

    hits: int
    total: int | None = None
    counted: int | None = None


class Work(NamedTuple):
    """One thing to measure: what for, over which queries of the log."""

    name: str
    title: str
    kind: str
    total: bool = True
    facet: bool = False
    newest: bool = False
    read: Read = "nothing"

    @property
    def reads(self) -> bool:
        """Whether anything of what was found is read."""
        return self.read != "nothing"


_ASKED = "top 10, total, providers"
WORKS = (
    Work("any", f"any word: {_ASKED}", "any", facet=True),
    Work("all", f"all words: {_ASKED}", "all", facet=True),
    Work(
        "any_read",
        "any word: the same, ten titles, providers, dates",
        "any",
        facet=True,
        read="lines",
    ),
    Work(
        "all_read",
        "all words: the same, ten titles, providers, dates",
        "all",
        facet=True,
        read="lines",
    ),
    Work("any_page", "any word: full page", "any", facet=True, read="page"),
    Work("all_page", "all words: full page", "all", facet=True, read="page"),
    Work("top_any", "any word: top 10 only", "any", total=False),
    Work("top_all", "all words: top 10 only", "all", total=False),
    Work("phrase", "phrase: top 10, total", "phrase"),
    Work("prefix", "prefix: top 10, total", "prefix"),
    Work("filtered", "all words and a provider: top 10, total", "filtered"),
    Work("newest", "all words, newest first: ten, total", "all", newest=True),
)
WORK = {work.name: work for work in WORKS}
