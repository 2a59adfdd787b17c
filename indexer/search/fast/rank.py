"""Compiled loops that score a chunk of documents, mark what matches and find the best k.

A chunk is 65,536 documents of a segment; its scores are above 0 for matches. Chunks come
in order, so that among equal scores the first document taken is the first by number.

`Accumulators` are what the loops write into: the sums of a chunk, the marks of a segment,
the best of a query.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...codec.format import CHUNK_DOCS
from ...kernels.bits import bits_above, bits_equal, clear
from ...kernels.bm25 import bm25
from ...kernels.jit import compiled, count_ones, lowest_one, readonly
from ...kernels.tables import Table

#: Of `state`: best documents held so far, matches, matches that pass the filters.
HELD, MATCHED, PASSED = 0, 1, 2

_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
_U64 = nb.uint64[::1]


class AccumulatorsTable(
    Table, scores=_F32, stages=nb.uint8[::1], places=nb.uint16[::1], bits=_U64,
    top_docs=nb.uint32[::1], top_scores=_F32, state=_I64,
):  # fmt: skip
    """See `Accumulators`."""


class Accumulators:
    """What the loops add up for one query at a time, over segments of up to so many documents.

    bits: uint64[N / 64], the matches: document d is bit d & 63 of word d >> 6; kept is
        for those that pass filters
    top_docs uint32[most], top_scores float32[most]: the best so far, best first
    state: int64[3], see `HELD`, `MATCHED`, `PASSED`
    scores float32[CHUNK_DOCS] and stages uint8[CHUNK_DOCS], both 0 before and after every
        chunk, and places uint16[CHUNK_DOCS + 1] are the loops' own
    """

    def __init__(self, documents: int, most: int) -> None:
        words = -(-documents // 64)
        self.bits, self.kept = np.zeros(words, np.uint64), np.zeros(words, np.uint64)
        self.top_docs, self.top_scores = np.zeros(most, np.uint32), np.zeros(most, np.float32)
        self.state = np.zeros(3, np.int64)
        self.table = AccumulatorsTable.fill(
            scores=np.zeros(CHUNK_DOCS, np.float32), stages=np.zeros(CHUNK_DOCS, np.uint8),
            places=np.zeros(CHUNK_DOCS + 1, np.uint16), bits=self.bits,
            top_docs=self.top_docs, top_scores=self.top_scores, state=self.state,
        )  # fmt: skip


#: A list of postings in a chunk: docs, tfs, codes, norms, begin, end, weight. Codes uint8
#: are the lengths of the chunk's documents, norms float32[256] their part of the formula.
LIST = (
    readonly(nb.uint16), readonly(nb.uint8), readonly(nb.uint8), _F32,
    nb.int64, nb.int64, nb.float32,
)  # fmt: skip


@compiled(nb.void(*LIST, _F32))
def add_list(docs, tfs, codes, norms, begin, end, weight, scores):
    """Add the scores of a list's postings to those of its documents."""
    places = docs[begin:end]
    counts = tfs[begin:end]
    for i in range(len(places)):
        place = np.intp(places[i])
        if place < len(codes):
            scores[place] += bm25(weight, counts[i], norms[np.intp(codes[place])])


@compiled(nb.float32(_F32, _I64))
def bar_of(top_scores, state):
    """The score that a document must exceed to be among the best; -1 if any will do."""
    if len(top_scores) == 0:
        return np.float32(np.inf)
    return top_scores[-1] if state[HELD] == len(top_scores) else np.float32(-1)


@compiled(nb.float32(nb.int64, nb.float32, nb.uint32[::1], _F32, _I64))
def hold(doc, score, top_docs, top_scores, state):
    """Take a document, which comes after all others, among the best if it is one.

    Returns the score that the next one must exceed to be one.
    """
    k = len(top_docs)
    at = min(state[HELD], k - 1)
    if state[HELD] < k:
        state[HELD] += 1
    elif k == 0 or score <= top_scores[k - 1]:
        return bar_of(top_scores, state)
    while at > 0 and top_scores[at - 1] < score:
        top_scores[at] = top_scores[at - 1]
        top_docs[at] = top_docs[at - 1]
        at -= 1
    top_scores[at] = score
    top_docs[at] = doc
    return bar_of(top_scores, state)


@compiled(nb.uint64(nb.uint8[::1], nb.int64))
def _passing(failed, begin):
    """A bit for each of 64 documents from `begin` on that passes the filters."""
    if begin + 64 <= len(failed):
        return bits_equal(failed, begin, 0)
    marks = np.uint64(0)
    for doc in range(begin, len(failed)):
        marks |= np.uint64(failed[doc] == 0) << np.uint64(doc - begin)
    return marks


@compiled(
    nb.void(_F32, nb.uint8[::1], nb.int64, nb.int64, nb.int64, _U64, nb.uint32[::1], _F32, _I64)
)
def sweep(scores, failed, first, size, base, bits, top_docs, top_scores, state):
    """Turn the sums of a chunk into marks and the best k, and clear them.

    scores: float32[CHUNK_DOCS], above 0 for matches; `size` of them are in use
    failed: uint8[N] or uint8[0]; first: the chunk's first document in the segment
    base: what is added to it in top_docs
    """
    least = bar_of(top_scores, state)
    matched = passed = 0
    for word in range((size + 63) >> 6):
        begin = word << 6
        marks = bits_above(scores, begin, np.float32(0))
        if marks == 0:
            continue
        bits[(first >> 6) + word] = marks
        matched += count_ones(marks)
        if len(failed):
            marks &= _passing(failed, first + begin)
        passed += count_ones(marks)
        better = marks & bits_above(scores, begin, least)
        while better:
            place = begin + np.int64(lowest_one(better))
            if scores[place] > least:
                least = hold(base + place, scores[place], top_docs, top_scores, state)
            better &= better - np.uint64(1)
        clear(scores, begin)
    state[MATCHED] += matched
    state[PASSED] += passed


@compiled(
    nb.void(
        _F32, nb.uint16[::1], nb.uint8[::1], nb.int64, nb.int64, _U64, nb.uint32[::1], _F32, _I64
    )
)
def visit(scores, places, failed, first, base, bits, top_docs, top_scores, state):
    """As `sweep`, for a few documents, rising: clears the scores of these alone."""
    least = bar_of(top_scores, state)
    for i in range(len(places)):
        place = np.int64(places[i])
        doc = first + place
        bits[doc >> 6] |= np.uint64(1) << np.uint64(doc & 63)
        if len(failed) == 0 or failed[doc] == 0:
            state[PASSED] += 1
            if scores[place] > least:
                least = hold(base + place, scores[place], top_docs, top_scores, state)
        scores[place] = 0
    state[MATCHED] += len(places)
