"""Leaves that are found out before a plan runs: phrases, patterns, fields, values, ranges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
from whoosh.util.times import datetime_to_long

from ..codec.format import Mask, offsets_of
from ..codec.read import SegmentArrays
from ..model import Facet
from ..query.nodes import Address, DateRange, Keyword, KnownNode, NumberRange, Present
from ..schema import ADDRESS, address_key, naive_utc
from .followers import Followers
from .occurrences import Occurrences
from .relatives import as_written
from .sought import Seeker
from .words import SetLeaf, common

if TYPE_CHECKING:
    from .fast import FastSegment
    from .snapshot import Snapshot

#: Words with more postings than this are seen often enough in a sample of their places.
SELDOM = 5_000
#: Stands for "no date" in the date column.
NO_DATE = np.iinfo(np.int64).max
#: The microseconds of a day; dates are counted in them from the year 1.
DAY = 86_400_000_000

#: Where more values than these are wanted, one pass over the values of all documents may cost
#: less than reading the documents of each: so many of these values cost as much as one read.
_FEW, _WORTH_A_READ = 3, 30_000


class Selector(Seeker):
    """Finds what leaves select in a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot, fast: Callable[[int], FastSegment | None]) -> None:
        super().__init__(snapshot, fast)
        self.followers = Followers(snapshot)

    def warm_up(self) -> None:
        """Make what near spellings are found by."""
        self.expander.warm_up()
        self.dictionary.relatives.warm_up()

    def occurrences(self) -> Occurrences:
        """How often words occur, for one better spelling."""
        return Occurrences(self)

    def rows_as_written(self, word: str) -> int:
        """In how many rows a word stands as it is written."""
        language = self.dictionary.language
        found = [as_written(segment, language, word) for segment in self._segments]
        return sum(int(np.count_nonzero(some[1])) for some in found if some is not None)

    def together(self, before: str, words: Collection[str]) -> Counter[str]:
        """In how many rows words stand together with another one, if both are seldom enough."""
        counts: Counter[str] = Counter()
        (theirs, *lists) = [self.dictionary.term([word]).lists for word in (before, *words)]
        for number, segment in enumerate(self._segments):
            found = theirs[number]
            if found is None or found.entry.end - found.entry.start > SELDOM:
                continue
            rows = segment.row_ids(found.entry)
            for word, some in zip(words, lists, strict=True):
                other = some[number]
                if other is not None and other.entry.end - other.entry.start <= SELDOM:
                    counts[word] += common(segment.row_ids(other.entry), rows)
        return counts

    def documents(self, node: KnownNode) -> SetLeaf:
        """The documents that a leaf selects."""
        if isinstance(node, Keyword):
            keys = self.snapshot.meant(cast("Facet", node.facet), node.value)
            return SetLeaf([mask_of(segment, node.facet, keys) for segment in self._segments])
        if isinstance(node, Address):
            keys = {address_key(node.text)}
            return SetLeaf([mask_of(segment, ADDRESS, keys) for segment in self._segments])
        if isinstance(node, Present):
            return SetLeaf([_present(segment, node.field) for segment in self._segments])
        if isinstance(node, DateRange):
            mask = between(self.snapshot, node.first, node.last)
        else:
            mask = self._numbered(node)
        bounds = [*self.snapshot.bases, self.snapshot.size]
        return SetLeaf([mask[begin:end] for begin, end in pairwise(bounds)])

    def _numbered(self, node: NumberRange) -> Mask:
        numbers = self.snapshot.numbers(node.field)
        mask: Mask = ~np.isnan(numbers)
        if node.low is not None:
            mask &= numbers > node.low if node.low_open else numbers >= node.low
        if node.high is not None:
            mask &= numbers < node.high if node.high_open else numbers <= node.high
        return mask


def between(snapshot: Snapshot, first: datetime | None, last: datetime | None) -> Mask:
    """bool[size]: the stories published in a span, both ends included."""
    dates = snapshot.dates
    mask: Mask = dates != NO_DATE
    if first is not None:
        mask &= dates >= datetime_to_long(naive_utc(first))
    if last is not None:
        mask &= dates <= datetime_to_long(naive_utc(last))
    return mask


def mask_of(segment: SegmentArrays, facet: str, keys: set[str] | frozenset[str]) -> Mask:
    """bool[N]: the documents of a segment that have any of these values of a facet."""
    mask = np.zeros(segment.doc_count, np.bool_)
    found = [segment.find_term(facet, key.encode()) for key in keys]
    entries = [entry for entry in found if entry is not None]
    if len(entries) > _FEW and segment.has_facet(facet):
        offsets, ordinals = segment.facet(facet)
        if len(entries) * _WORTH_A_READ > len(ordinals):
            wanted = np.zeros(segment.fields[facet].terms, np.bool_)
            wanted[[entry.ordinal for entry in entries]] = True
            before = offsets_of(wanted.view(np.uint8)[ordinals])[offsets]
            return before[1:] > before[:-1]
    for entry in entries:
        mask[segment.doc_ids(facet, entry)] = True
    return mask


def _present(segment: SegmentArrays, field: str) -> Mask:
    """bool[N]: the documents of a segment with any text in a field."""
    firsts = segment.first_rows
    if field == ADDRESS:
        present = np.zeros(segment.doc_count, np.bool_)
        if field in segment.fields:
            present[segment.doc_ids_of(field, range(segment.fields[field].terms))] = True
        return present
    if field == "related":
        return np.diff(firsts.astype(np.int64)) > 1
    filled: Mask = segment.words(field)[firsts[:-1]] > 0
    return filled
