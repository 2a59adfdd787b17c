"""What is measured, and what an answer is."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

TOP = 10
#: The facets of a full page, and how many values of each are shown.
PAGE_FACETS = ("provider", "topic", "year")
PAGE_VALUES = 10


class Answer(msgspec.Struct, frozen=True):
    """What an engine found, to compare with the others; None where the work asks nothing.

    hits: how many of the top were returned; scores: theirs, best first;
    counted: the provider counts added up.
    """

    hits: int
    total: int | None = None
    counted: int | None = None
    scores: tuple[float, ...] = ()


class Work(NamedTuple):
    """One thing to measure: what for, over which queries of the log."""

    name: str
    title: str
    kinds: tuple[str, ...]
    total: bool = True
    facet: bool = False
    peers: bool = True


WORKS = (
    Work("any", "any word: top 10, total, providers", ("any",), facet=True),
    Work("all", "all words: top 10, total, providers", ("all",), facet=True),
    Work("top_any", "any word: top 10 only", ("any",), total=False),
    Work("top_all", "all words: top 10 only", ("all",), total=False),
    Work("phrase", "phrase: top 10, total, providers", ("phrase",), facet=True),
    Work("prefix", "prefix: top 10, total", ("prefix",)),
    Work("filtered", "words and a provider: top 10, total", ("filtered",)),
    Work("search", "search from text: 10 stories, total, providers", ("any", "all"), peers=False),
    Work("page", "full page from text: 3 facets, highlights, related", ("any", "all"), peers=False),
    Work("stories", "full page from text, and all of its stories", ("any", "all"), peers=False),
)
WORK = {work.name: work for work in WORKS}
#: Works that add nothing to the bare search but what Python makes of it.
BARE = ("any", "all")
