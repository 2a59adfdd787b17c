"""Stories whose leads are the same: a result shows one of them, and names the others.

Which stories those are is worked out once for a generation, on arrays of all stories. After that
only stories that are in a group cost anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..codec.format import I64, U64, AnyArray, Mask
from ..codec.invert import changed, gather_ranges
from ..copies import MARKS, TELLING
from ..model import Facet

if TYPE_CHECKING:
    from .snapshot import Snapshot


#: An address under which more titles than these are found is not that of an article.
_TITLES = 3
_NO_GROUPS = np.empty(0, np.int32)


class Shared(NamedTuple):
    """The values of a facet that several stories of a group have.

    places: int64[P], places in `Groups.members`, those that share a value one after the other
    starts: int64[S], where each such run begins; values: int64[S], what its stories have
    """

    places: I64
    starts: I64
    values: I64


class Groups:
    """The groups of a snapshot; safe to share between threads.

    of: int32[size], the group of each story, -1 for one that is alone; int32[0] without groups
    members: int64[M], the stories of each group in order, one group after the other
    starts: int64[G + 1], where those of each group begin
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.members, self.starts = members_of(*(_column(snapshot, name) for name in MARKS))
        self.of = _NO_GROUPS
        if len(self.members):
            self.of = np.full(snapshot.size, -1, np.int32)
            self.of[self.members] = np.repeat(np.arange(len(self)), np.diff(self.starts))
        bounds = np.searchsorted(np.sort(self.members), [*snapshot.bases, snapshot.size])
        order = np.argsort(self.members)
        #: For each segment the places in `members` of its own, and their numbers there.
        self.parts = [
            (order[begin:end], self.members[order[begin:end]] - base)
            for (begin, end), base in zip(pairwise(bounds.tolist()), snapshot.bases, strict=True)
        ]
        self._shared: dict[Facet, Shared] = {}

    def __len__(self) -> int:
        return len(self.starts) - 1

    def gather(self, parts: Sequence[AnyArray]) -> AnyArray:
        """What is known of the members in each segment, in the order of `parts` → of `members`."""
        found: AnyArray = np.empty(len(self.members), parts[0].dtype)
        for (places, _), values in zip(self.parts, parts, strict=True):
            found[places] = values
        return found

    def others(self, doc_id: int, listed: Mask) -> tuple[int, ...]:
        """The other stories of a story's group that are listed; listed: bool[M]."""
        group = int(self.of[doc_id])
        if group < 0:
            return ()
        span = slice(int(self.starts[group]), int(self.starts[group + 1]))
        members: list[int] = self.members[span][listed[span]].tolist()
        return tuple(member for member in members if member != doc_id)

    def surplus(self, snapshot: Snapshot, facet: Facet, listed: Mask) -> I64:
        """int64[values]: how often stories listed have a value that one of their group has."""
        shared = self._shared.get(facet)
        if shared is None:
            shared = self._shared[facet] = self._share(snapshot, facet)
        values = len(snapshot.facet(facet).keys)
        if not len(shared.starts):
            return np.zeros(values, np.int64)
        counts = np.add.reduceat(listed[shared.places].astype(np.int64), shared.starts)
        more = np.bincount(shared.values, np.maximum(counts - 1, 0), values)
        surplus: I64 = more.astype(np.int64)
        return surplus

    def _share(self, snapshot: Snapshot, facet: Facet) -> Shared:
        values = snapshot.facet(facet)
        places, keys = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for segment, (some, docs), names in zip(
            snapshot.segments, self.parts, values.ordinals, strict=True
        ):
            if segment.has_facet(facet):
                offsets, ordinals = segment.facet(facet)
                begins = offsets[docs].astype(np.int64)
                counts = offsets[docs + 1].astype(np.int64) - begins
                places.append(np.repeat(some, counts))
                keys.append(names[ordinals[gather_ranges(begins, counts)]])
        at, key = np.concatenate(places), np.concatenate(keys).astype(np.int64)
        groups = np.repeat(np.arange(len(self)), np.diff(self.starts))[at]
        order = np.lexsort((at, key, groups))
        at, key, groups = at[order], key[order], groups[order]
        if not len(at):
            return Shared(at, at, at)
        begins = np.flatnonzero(changed(key, groups))
        lengths = np.diff(begins, append=len(at))
        several = lengths > 1
        kept = np.repeat(several, lengths)
        starts = np.cumsum(lengths[several]) - lengths[several]
        return Shared(at[kept], starts, key[begins[several]])


def members_of(addresses: U64, texts: U64) -> tuple[I64, I64]:
    """The stories of each group, and where those of each begin, by the marks of all."""
    telling = np.where(texts & np.uint64(TELLING), texts, np.uint64(0))
    edges = [_alike(telling), _alike(_of_articles(addresses, texts))]
    one, other = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    if not len(one):
        return np.empty(0, np.int64), np.zeros(1, np.int64)
    least = _joined(len(texts), one, other)
    members = np.unique(np.concatenate((one, other)))
    members = members[np.argsort(least[members], kind="stable")]
    begins = np.flatnonzero(np.append(True, np.diff(least[members]) > 0))
    return members, np.append(begins, len(members))


def _column(snapshot: Snapshot, name: str) -> U64:
    """uint64[size]: marks of stories, 0 for those deleted."""
    marks = snapshot.column(name, 0)
    for base, segment in zip(snapshot.bases, snapshot.segments, strict=True):
        marks[base + segment.deleted] = 0
    return marks


def _alike(marks: U64) -> tuple[I64, I64]:
    """Pairs of stories that have the same mark, each with the next that has it; 0 is none."""
    ordered = np.sort(marks)
    twice = ordered[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] > 0)]
    if not len(twice):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    some = np.flatnonzero(np.isin(marks, twice))
    some = some[np.argsort(marks[some], kind="stable")]
    same = marks[some[1:]] == marks[some[:-1]]
    return some[:-1][same], some[1:][same]


def _of_articles(addresses: U64, texts: U64) -> U64:
    """Marks of addresses, 0 for those under which there are many titles."""
    one, other = _alike(addresses)
    if len(one) < _TITLES:
        return addresses
    some = np.unique(np.concatenate((one, other)))
    pairs = np.unique(np.stack((addresses[some], texts[some] >> np.uint64(32))), axis=1)
    shared, titles = np.unique(pairs[0], return_counts=True)
    many = shared[titles > _TITLES]
    return np.where(np.isin(addresses, many), np.uint64(0), addresses) if len(many) else addresses


def _joined(size: int, one: I64, other: I64) -> I64:
    """int64[size]: of each story the first that it is joined to, by pairs, one after the other."""
    least = np.arange(size)
    while True:
        ends = least[one], least[other]
        if np.array_equal(*ends):
            return least
        np.minimum.at(least, np.maximum(*ends), np.minimum(*ends))
        while not np.array_equal(least, closer := least[least]):
            least = closer
