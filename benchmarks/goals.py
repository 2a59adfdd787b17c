"""What storydex sets out to reach, and whether a run reached it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .run import GROWTH
from .summary import REFERENCE, SizeSummary


class Goal(NamedTuple):
    """One ratio: what was wanted, what was measured. `most` for a ratio to stay below."""

    stories: int
    work: str
    against: str
    wanted: float
    measured: float
    most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the ratio is as wanted or better."""
        return self.measured <= self.wanted if self.most else self.measured >= self.wanted


#: work, engine, how many times faster
_FASTER = (
    ("any", "tantivy", 8.0),
    ("all", "tantivy", 8.0),
    ("any", "whoosh", 1000.0),
    ("all", "whoosh", 1000.0),
    ("top_any", "tantivy", 1.5),
    ("top_all", "tantivy", 1.5),
    ("phrase", "tantivy", 2.0),
)
#: Goals are for corpora of this size and more: below, calls from Python are what is measured.
JUDGED_FROM = 20_000
_PAGE_TO_SEARCH = 3.0
_BYTES_TO_TANTIVY = 1.2
_OPEN_TO_TENTH = 1.5


def goals_of(size: SizeSummary) -> Iterator[Goal]:
    """Every goal that the size and the engines of a run let one judge."""
    if size.stories < JUDGED_FROM:
        return
    for work, engine, wanted in _FASTER:
        summary = size.engines.get(engine)
        if summary is not None and (ratio := summary.works[work].ratio) is not None:
            yield Goal(size.stories, work, engine, wanted, ratio)
    own = size.engines.get(REFERENCE)
    if own is None:
        return
    yield from _page_goals(size)
    if "tantivy" in size.engines:
        share = own.bytes["total"] / size.engines["tantivy"].bytes["total"]
        yield Goal(size.stories, "index bytes", "tantivy", _BYTES_TO_TANTIVY, share, most=True)
    if size.growth is not None:
        tenth = f"at a {GROWTH}th of the stories"
        yield Goal(
            size.stories, "open and first query", tenth, _OPEN_TO_TENTH,
            size.growth.open_first, most=True,
        )  # fmt: skip
        for work, grown in size.growth.times.items():
            postings = size.growth.postings
            yield Goal(size.stories, f"{work}: growth", "of postings", postings, grown, most=True)


def _page_goals(size: SizeSummary) -> Iterator[Goal]:
    """A full page against the bare searches of its queries, half any and half all words."""
    for engine, most in ((REFERENCE, _PAGE_TO_SEARCH), ("tantivy", 1.0)):
        if engine in size.page:
            yield Goal(
                size.stories, "full page", f"bare search of {engine}", most, size.page[engine],
                most=True,
            )  # fmt: skip
