"""What storydex sets out to reach against tantivy-py, and whether a run reached it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .engines import WHOLE_STORIES
from .summary import REFERENCE, SizeSummary

PEER = "tantivy"
#: Goals are for corpora of this size and more: below, calls from Python are what is measured.
JUDGED_FROM = 20_000
LARGE = 100_000
#: How many times faster, by work; of the pages at `LARGE`, twice that.
_FASTER = {
    "any": 6.0, "all": 6.0, "any_read": 4.0, "all_read": 4.0, "any_page": 1.0, "all_page": 1.0,
    "top_any": 1.5, "top_all": 1.5, "phrase": 3.0, "prefix": 3.0, "filtered": 3.0, "newest": 3.0,
}  # fmt: skip
_PAGES = ("any_page", "all_page")
_BYTES = 1.0


class Goal(NamedTuple):
    """One ratio: what was wanted, what was measured. `most` for a ratio to stay below."""

    work: str
    wanted: float
    measured: float
    most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the ratio is as wanted or better."""
        return self.measured <= self.wanted if self.most else self.measured >= self.wanted


def goals_of(size: SizeSummary) -> Iterator[Goal]:
    """Every goal that the size and the engines of a run let one judge."""
    if size.stories < JUDGED_FROM or PEER not in size.engines or REFERENCE not in size.engines:
        return
    peer = size.engines[PEER]
    for work, wanted in _FASTER.items():
        ratio = peer.works[work].ratio
        if ratio is not None:
            more = 2 if work in _PAGES and size.stories >= LARGE else 1
            yield Goal(work, wanted * more, ratio)
    share = size.engines[REFERENCE].bytes["total"] / peer.bytes[WHOLE_STORIES]
    yield Goal("index bytes, whole stories stored", _BYTES, share, most=True)
