"""What executors are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..codec.format import F64, I32, I64, U8, Mask
from ..model import Facet

if TYPE_CHECKING:
    from .groups import Groups

#: uint8[N], how each document of a segment fares with the filters; or uint8[0] if there are
#: none. 0: passes. i: only facet filter i rejects it. REJECTED: several filters, or a date
#: limit, reject it.
Failed = U8
NO_FILTERS: Failed = np.empty(0, np.uint8)
REJECTED = 255
#: Documents with all words come first: this is added to their keys.
FIRST = 1 << 20
NO_RANKS = np.empty(0, np.int32)


def failures(docs: int, allowed: Mask | None, masks: Sequence[Mask]) -> Failed:
    """How documents fare with filters; see `Failed`.

    allowed: the documents within the date limits, None if there are none
    masks: for each facet filter the documents that pass it
    """
    if allowed is None and not masks:
        return NO_FILTERS
    failed = np.zeros(docs, np.uint8)
    for number, passes in enumerate(masks, 1):
        fails = (~passes).view(np.uint8)
        # Numbers wrap round: only where a document fails a second time all bits are set.
        failed |= fails * np.uint8(number) | (np.uint8(0) - (failed != 0) * fails)
    if allowed is not None:
        failed[~allowed] = REJECTED
    return failed


class FacetWish(NamedTuple):
    """A facet to count; `own` is the number of its own filter, 0 if it has none."""

    facet: Facet
    own: int = 0


class Ordering(NamedTuple):
    """Which documents are listed, and in which order.

    failed: for each segment how its documents fare with the filters
    ranks: int32[size], the place of each document, in place of scores; or int32[0]
    bonus: what the scores of documents with all words are multiplied by; first: whether these
        come before all others
    groups: of which only the best story is listed; None lists all stories
    """

    failed: list[Failed]
    ranks: I32 = NO_RANKS
    bonus: float = 1.0
    first: bool = False
    groups: Groups | None = None


class Best:
    """The best documents so far, best first, or all in order of number (`everything`).

    state: int64[4], see `loops.MATCHED`; docs: int64[k]; keys, breadths: float64[k]
    groups: int32[size], the group of each document, -1 for none; or int32[0]. Documents in groups
        are neither counted in `state` nor in `docs`: the best of each group is apart
    group_docs: int64[G], -1 where none was found; group_keys, group_breadths: float64[G];
        group_whole: uint8[G], has all words
    """

    groups: I32 = NO_RANKS
    group_docs: I64 = np.empty(0, np.int64)
    group_keys: F64 = np.empty(0, np.float64)
    group_breadths: F64 = group_keys
    group_whole: U8 = np.empty(0, np.uint8)

    def __init__(self, room: int, everything: bool, groups: Groups | None) -> None:
        self.everything = everything
        self.state = np.zeros(4, np.int64)
        self.docs = np.empty(room, np.int64)
        self.keys, self.breadths = np.empty(room, np.float64), np.empty(room, np.float64)
        if groups is not None:
            self.groups, count = groups.of, len(groups)
            self.group_docs = np.full(count, -1, np.int64)
            self.group_keys = np.zeros(count, np.float64)
            self.group_breadths = np.zeros(count, np.float64)
            self.group_whole = np.zeros(count, np.uint8)


class Answer(NamedTuple):
    """What a query finds.

    matched: documents that match, before filters and groups; total: those listed; complete: of
        these, how many have all the words that a plan counts
    doc_ids, scores: of the best, best first, ties in order of doc id
    breadths: the scores of all rows of a story added up, and divided by the story's score;
        means nothing where stories are not ordered by score
    counts: int64[values] for each facet asked for, in order of `Snapshot.facet`
    listed: gives int64[total], all stories listed, in any order
    passed: bool[M], the members of groups that match and pass the filters; None without groups
    """

    matched: int
    total: int
    complete: int
    doc_ids: list[int]
    scores: list[float]
    breadths: list[float]
    counts: list[I64]
    listed: Callable[[], I64]
    passed: Mask | None = None
