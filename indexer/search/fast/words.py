"""Compiled loops that answer a query of words at once: match, score, rank.

A query of words is a table of lists, each a word in a field, that `lookup` has found.
Their postings are scored chunk by chunk (65,536 documents, so that sums stay in the
cache); the best k are kept and every match is marked in a bitmap, from which `count`
counts facets. A call from Python costs as much as scoring a thousand postings, so there
is one for a segment.

`kernels.bm25` has the score of a posting. Weights are above 0, so that a sum of 0 means
"no match".

No address is taken from a file unchecked: damaged files give wrong answers here, never
accesses out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...codec.format import CHUNK_DOCS
from ...kernels.bm25 import bm25
from ...kernels.jit import compiled, readonly
from .intersect import match_all
from .lookup import SegmentTable, seek
from .rank import LIST, MATCHED, AccumulatorsTable, add_list, sweep, visit
from .request import EVERY, numbers_of

#: So many documents are put in order by sorting; more are found by looking at all.
_SORTED = 128

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
_LENGTHS = readonly(nb.uint8, 2)
_NORMS = nb.float32[:, ::1]
_DOCS = nb.uint32[::1]
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
_U64 = nb.uint64[::1]
_STAGES = nb.uint8[::1]
_PLACES = nb.uint16[::1]


@compiled(nb.int64(*LIST, _F32, _PLACES, nb.int64))
def _gather_list(docs, tfs, codes, norms, begin, end, weight, scores, places, count):
    """As `add_list`, and appends each document it scores for the first time to places.

    count: how many places are filled in already; returns how many there are now
    """
    for posting in range(begin, end):
        place = np.intp(docs[posting])
        if place < len(codes):
            places[count] = place
            count += scores[place] == 0
            scores[place] += bm25(weight, tfs[posting], norms[np.intp(codes[place])])
    return count


_SEGMENT = (
    _U16,  # docs
    _U8,  # tfs
    _LENGTHS,  # lengths uint8[L, N]; N is the number of documents
    _NORMS,  # norms[L, 256]
)
_QUERY = (
    nb.int64[:, ::1],  # bounds[n, C + 1] of the lists
    _I64,  # rows[n] of the lists in lengths and norms
    _F32,  # weights[n]
)
_OUTCOME = (
    nb.uint8[::1],  # failed: uint8[N], 0 for documents that pass the filters; or uint8[0]
    nb.int64,  # base: the number of the segment's first document in the index
    _F32,  # scores: float32[CHUNK_DOCS], all 0 before and after
    _STAGES,  # stages: uint8[CHUNK_DOCS], all 0 before and after
    _PLACES,  # places: uint16[CHUNK_DOCS + 1]
    _U64,  # bits: uint64[N / 64], all 0; document d is bit d & 63 of word d >> 6, filled in
    _DOCS,  # top_docs: the best k so far, best first; ties rise
    _F32,  # top_scores
    _I64,  # state: see `rank`
)


@compiled(nb.void(*_SEGMENT, *_QUERY, *_OUTCOME))
def match_any(
    docs, tfs, lengths, norms, bounds, rows, weights,
    failed, base, scores, stages, places, bits, top_docs, top_scores, state,
):  # fmt: skip
    """Match the documents that are in any list; for the arguments see above."""
    size = lengths.shape[1]
    for chunk in range(bounds.shape[1] - 1):
        first = chunk * CHUNK_DOCS
        here = min(CHUNK_DOCS, size - first)
        few = (bounds[:, chunk + 1] - bounds[:, chunk]).sum() <= _SORTED
        count = 0
        for i in range(len(rows)):
            begin, end = bounds[i, chunk], bounds[i, chunk + 1]
            codes, table = lengths[rows[i], first : first + here], norms[rows[i]]
            if few:
                count = _gather_list(
                    docs, tfs, codes, table, begin, end, weights[i], scores, places, count
                )
            else:
                add_list(docs, tfs, codes, table, begin, end, weights[i], scores)
        if few:
            found = places[:count]
            found.sort()
            visit(scores, found, failed, first, base + first, bits, top_docs, top_scores, state)
        else:
            sweep(scores, failed, first, here, base + first, bits, top_docs, top_scores, state)


@compiled(
    nb.int64(
        *(SegmentTable.type, AccumulatorsTable.type, _U8, nb.uint8[::1]),
        *(_I64, nb.int64, nb.int64, nb.float64, nb.int64),
    )
)
def answer(segment, sums, request, failed, df, k, base, saturation, size):
    """Run a query of words over a segment; returns how many documents match.

    df, saturation, size: see `lookup.seek`; request: see `request`
    k: how many of the best are wanted
    failed: uint8[N], 0 for documents that pass the filters, or uint8[0]
    base: the number of the segment's first document in the index, 0 for the first segment
    """
    bounds, rows, weights, groups = seek(segment, request, df, saturation, size)
    docs, tfs, lengths, norms = segment.docs, segment.tfs, segment.lengths, segment.norms
    scores, stages, places = sums.scores, sums.stages, sums.places
    bits = sums.bits[: (lengths.shape[1] + 63) >> 6]
    top_docs, top_scores, state = sums.top_docs[:k], sums.top_scores[:k], sums.state
    bits[:] = 0
    if base == 0:
        state[:] = 0
    before = state[MATCHED]
    if numbers_of(request)[EVERY] and len(groups) > 2:
        match_all(
            docs, tfs, lengths, norms, bounds, rows, weights, groups,
            failed, base, scores, stages, places, bits, top_docs, top_scores, state,
        )  # fmt: skip
    else:
        match_any(
            docs, tfs, lengths, norms, bounds, rows, weights,
            failed, base, scores, stages, places, bits, top_docs, top_scores, state,
        )  # fmt: skip
    return state[MATCHED] - before
