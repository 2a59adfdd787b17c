"""What a query matches in the stories of a snapshot, by compiled loops.

The terms of a query are looked up once, and stories are explained several at once: of a
page of results all in one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from struct import pack
from threading import local
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from whoosh import query as wq

from ...codec.positions_fast import PositionsTable, most_positions
from ...codec.read import SegmentArrays
from ...schema import EVERYWHERE, TEXT_FIELDS, read_texts
from ...search.fast import lookup
from ...search.fast.request import encode
from ...search.snapshot import Snapshot
from ..explain import Explained, Explainer, Leaf, weight_of
from . import explain
from .cut import PAD
from .match import EXTRA_COLUMNS

_Numbers = npt.NDArray[np.int64]
_NOTHING_ELSE: _Numbers = np.empty((0, EXTRA_COLUMNS), np.int64)
_PADDING = bytes(PAD)
# Bytes of texts: buffers for less are not worth telling apart; of so many only one story is
# explained at a time, since each takes some 130 bytes of address space, and they are not kept.
_LEAST_BYTES, _MOST_BYTES = 1 << 18, 1 << 20


class WordMarks:
    """Explains queries in the stories of a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.segments = [_ExplainedSegment(segment) for segment in snapshot.segments]
        self._most_positions = max((one.most_positions for one in self.segments), default=1)
        self._kept = local()

    def explainer(self, query: wq.Query) -> Explainer:
        """What explains a query."""
        return _Explainer(query, self)

    def buffers(self, hits: int, size: int) -> explain.Buffers:
        """Buffers for so many hits with texts of so many bytes; one for each thread.

        They are used by one call after the other.
        """
        buffers: explain.Buffers | None = getattr(self._kept, "buffers", None)
        if buffers is None or buffers.hits < hits or buffers.size < size:
            buffers = explain.Buffers(hits, max(size, _LEAST_BYTES), self._most_positions)
            if size <= _MOST_BYTES:
                self._kept.buffers = buffers
        return buffers


class _ExplainedSegment:
    """Segment tables for explaining."""

    def __init__(self, segment: SegmentArrays) -> None:
        every = range(len(TEXT_FIELDS))
        nothing = np.zeros((1, 256), np.float32)
        self.table = lookup.segment_table(segment, TEXT_FIELDS, every, [1.0] * len(every), nothing)
        self.positions = PositionsTable.fill(**segment.position_arrays._asdict())
        self.most_positions = int(most_positions(*segment.position_arrays))


class _Explainer(Explainer):
    """Explains a query by compiled loops."""

    def __init__(self, query: wq.Query, marks: WordMarks) -> None:
        super().__init__(query, marks.snapshot)
        self._marks = marks
        leaves = self.leaves
        request = _request(leaves)
        count = sum(
            len(TEXT_FIELDS) if leaf.field == EVERYWHERE else len(leaf.terms) for leaf in leaves
        )
        df = np.zeros(count, np.int64)
        self._lists = [np.empty((count, 3), np.int64) for _ in marks.segments]
        for segment, lists in zip(marks.segments, self._lists, strict=True):
            lookup.find_all(segment.table, request, lists, df)
        self._query = _encode(leaves, self.rule, df.tolist(), self.snapshot)

    def explain(self, doc_ids: Sequence[int], texts: Sequence[bytes]) -> Sequence[Explained | None]:
        """What matches in stories, given their stored texts; None if those are damaged."""
        if len(self._lists) == 1:
            return self._explain_in(0, doc_ids, texts)
        explained: list[Explained | None] = [None] * len(doc_ids)
        places: dict[int, list[int]] = {}
        for place, doc_id in enumerate(doc_ids):
            places.setdefault(self.snapshot.segment_of(doc_id), []).append(place)
        for number, held in places.items():
            base = self.snapshot.bases[number]
            found = self._explain_in(
                number, [doc_ids[place] - base for place in held], [texts[place] for place in held]
            )
            for place, one in zip(held, found, strict=True):
                explained[place] = one
        return explained

    def _explain_in(
        self, number: int, docs: Sequence[int], texts: Sequence[bytes]
    ) -> list[Explained | None]:
        """The same for documents of one segment."""
        if len(docs) > 1 and sum(map(len, texts)) > _MOST_BYTES:
            half = len(docs) // 2
            first = self._explain_in(number, docs[:half], texts[:half])
            return first + self._explain_in(number, docs[half:], texts[half:])
        segment = self._marks.segments[number]
        data = b"".join([*texts, _PADDING])
        hits = np.array([*docs, *accumulate(map(len, texts))])
        buffers = self._marks.buffers(len(docs), len(data))
        explain.explain(
            segment.table, segment.positions, buffers.table, self._query, self._lists[number],
            hits.reshape(2, -1), self._patterns(texts), np.frombuffer(data, np.uint8),
        )  # fmt: skip
        ends = buffers.ends[: len(docs)].tolist()
        return [_unpack(buffers.packed[begin:end]) for begin, end in pairwise([0, *ends])]

    def _patterns(self, texts: Sequence[bytes]) -> _Numbers:
        """int64[n, EXTRA_COLUMNS]: what patterns match in the texts of several stories."""
        if not self.expanded:
            return _NOTHING_ELSE
        rows = [row for hit, data in enumerate(texts) for row in self._patterns_in(hit, data)]
        return np.array(rows, np.int64).reshape(-1, EXTRA_COLUMNS)

    def _patterns_in(self, hit: int, data: bytes) -> Iterable[tuple[int, ...]]:
        try:
            texts = read_texts(data)
        except ValueError:
            return  # the loops will find it damaged
        for leaf, text, span in self.pattern_matches(texts):
            yield hit, leaf, text, *span


def _request(leaves: Sequence[Leaf]) -> Any:
    """The terms of leaves as `lookup.find_all` takes them."""
    texts = [term.encode() for leaf in leaves for term in leaf.terms]
    fields = [leaf.field for leaf in leaves for _ in leaf.terms]
    count = len(texts)
    return encode(texts, fields, [1.0] * count, [0, count], every=False)


def _encode(
    leaves: Sequence[Leaf], rule: Sequence[int], df: Sequence[int], snapshot: Snapshot
) -> _Numbers:
    """A query as `explain.explain` takes it; df: documents in each list."""
    numbers = [len(leaves), len(rule)]
    weights = []
    row = 0
    for leaf in leaves:
        field, terms, _, slop, _ = leaf
        end = row + (len(TEXT_FIELDS) if field == EVERYWHERE else len(terms))
        numbers += (field, row, end, slop)
        # Of a word in every field the last list is that of the articles.
        weights.append(weight_of(leaf, df[end - len(terms) : end], snapshot))
        row = end
    numbers += rule
    return np.frombuffer(pack(f"{len(numbers)}q{len(weights)}d", *numbers, *weights), np.int64)


class _Marked(msgspec.Struct, array_like=True, gc=False):
    """What matches in one story, see `Explained` and `explain.explain`."""

    scores: list[float]
    articles: list[int]
    highlights: dict[str, str]
    related: list[dict[str, str]]


_decoder = msgspec.msgpack.Decoder(_Marked)


def _unpack(packed: memoryview) -> _Marked | None:
    """What `explain.explain` has written of a hit; None where its texts are damaged."""
    try:
        return _decoder.decode(packed)
    except ValueError:  # nothing at all was written, or what is no UTF-8
        return None
