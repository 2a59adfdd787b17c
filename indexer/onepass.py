"""Compiled loops that answer a query of words at once: match, score, rank; layer 6.

A query of words is a table of lists, each a word in a field, that `lookup` has found.
Their postings are scored chunk by chunk (65,536 documents, so that sums stay in the
cache); the best k are kept and every match is marked in a bitmap, from which `counting`
counts facets. A call from Python costs as much as scoring a thousand postings, so there
is one for a segment.

The score of a posting is BM25 (Robertson, Walker, Jones, Hancock-Beaulieu and Gatford:
Okapi at TREC-3, 1995) as Whoosh computes it: `weight · tf / (tf + norm[row, length])`,
where weight = boost · idf · (K1 + 1) and norm = K1 · (1 - B + B · length / average).
Weights are above 0, so that a sum of 0 means "no match".

No address is taken from a file unchecked: damaged files give wrong answers here, never
accesses out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from .conjunction import match_all
from .jit import compiled, readonly
from .lookup import chunk_lists, find_lists, weigh
from .phrases import CHUNK
from .ranking import MATCHED, sweep, visit
from .requests import EVERY, lists_of, numbers_of
from .vectors import prefetch

#: So many documents are put in order by sorting; more are found by looking at all.
_SORTED = 128

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
_U64 = nb.uint64[::1]
_STAGES = nb.uint8[::1]
_PLACES = nb.uint16[::1]
_LIST = (_U16, _U8, _U8, _F32, nb.int64, nb.int64, nb.float32)

# A list of postings in a chunk is docs, tfs, codes, norms, begin, end, weight: codes uint8
# are the lengths of the chunk's documents, norms float32[256] their part of the formula.


@compiled(nb.void(*_LIST, _F32))
def _add_list(docs, tfs, codes, norms, begin, end, weight, scores):
    """Add the scores of a list's postings to those of its documents."""
    places = docs[begin:end]
    counts = tfs[begin:end]
    for i in range(len(places)):
        place = np.intp(places[i])
        if place < len(codes):
            tf = np.float32(counts[i])
            scores[place] += weight * tf / (tf + norms[np.intp(codes[place])])


@compiled(nb.int64(*_LIST, _F32, _PLACES, nb.int64))
def _gather_list(docs, tfs, codes, norms, begin, end, weight, scores, places, count):
    """As `_add_list`; also appends documents that had no score to places[:count]."""
    for posting in range(begin, end):
        place = np.intp(docs[posting])
        if place < len(codes):
            places[count] = place
            count += scores[place] == 0
            tf = np.float32(tfs[posting])
            scores[place] += weight * tf / (tf + norms[np.intp(codes[place])])
    return count


_SEGMENT = (
    _U16,  # docs
    _U8,  # tfs
    readonly(nb.uint8, 2),  # lengths uint8[L, N]; N is the number of documents
    nb.float32[:, ::1],  # norms[L, 256]
)
_QUERY = (
    nb.int64[:, ::1],  # bounds[n, C + 1] of the lists
    _I64,  # rows[n] of the lists in lengths and norms
    _F32,  # weights[n]
)
_OUTCOME = (
    nb.uint8[::1],  # failed: uint8[N], 0 for documents that pass the filters; or uint8[0]
    nb.int64,  # base: the number of the segment's first document in the index
    _F32,  # scores: float32[CHUNK], all 0 before and after
    _STAGES,  # stages: uint8[CHUNK], all 0 before and after
    _PLACES,  # places: uint16[CHUNK + 1]
    _U64,  # bits: uint64[N / 64], all 0; document d is bit d & 63 of word d >> 6, filled in
    nb.uint32[::1],  # top_docs: the best k so far, best first; ties rise
    _F32,  # top_scores
    _I64,  # state: see `ranking`
)


@compiled(nb.void(*_SEGMENT, *_QUERY, *_OUTCOME))
def match_any(
    docs, tfs, lengths, norms, bounds, rows, weights,
    failed, base, scores, stages, places, bits, top_docs, top_scores, state,
):  # fmt: skip
    """Match the documents that are in any list; for the arguments see above."""
    size = lengths.shape[1]
    for chunk in range(bounds.shape[1] - 1):
        first = chunk * CHUNK
        here = min(CHUNK, size - first)
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
                _add_list(docs, tfs, codes, table, begin, end, weights[i], scores)
        if few:
            found = places[:count]
            found.sort()
            visit(scores, found, failed, first, base + first, bits, top_docs, top_scores, state)
        else:
            sweep(scores, failed, first, here, base + first, bits, top_docs, top_scores, state)


@compiled(
    nb.int64(
        *(_U32, _U32, _U32, _U8, _U32, nb.int64[:, ::1]),
        *(_U16, _U32, _U16),
        *_SEGMENT,
        *(_I64, _U8, _I64, nb.float64[::1], _I64, nb.float64, nb.int64),
        *_OUTCOME,
    )
)
def answer(
    buckets, bucket_terms, offsets, blob, starts, spans,
    first_chunks, run_starts, run_chunks,
    docs, tfs, lengths, norms,
    field_rows, request, searched, searched_boosts, df, saturation, size,
    failed, base, scores, stages, places, bits, top_docs, top_scores, state,
):  # fmt: skip
    """Run a query of words over a segment; returns how many documents match.

    field_rows: int64[F], the row of each field in lengths and norms
    request, searched, searched_boosts: see `requests.lists_of`
    df: int64[n], documents of the whole index in each list; empty if the segment is all
    saturation: K1 + 1; size: documents of the whole index
    """
    numbers = numbers_of(request)
    text, ends, word_of, fields, boosts, groups = lists_of(request, searched, searched_boosts)
    n = len(fields)
    lists = np.empty((n, 3), np.int64)
    found = np.zeros(n, np.int64)
    find_lists(
        buckets, bucket_terms, offsets, blob, starts, len(docs),
        text, ends, word_of, fields, spans, lists, found,
    )  # fmt: skip
    for i in range(n):
        prefetch(docs, lists[i, 0])
        prefetch(tfs, lists[i, 0])
    weights = np.empty(n, np.float32)
    order = np.empty(n, np.int64)
    ranges = np.empty(len(groups), np.int64)
    frequencies = df if len(df) else found
    weigh(frequencies, boosts, groups, size, saturation, weights, order, ranges)
    chunks = (lengths.shape[1] + CHUNK - 1) // CHUNK
    bounds = chunk_lists(lists, order, chunks, first_chunks, run_starts, run_chunks)
    rows = np.empty(n, np.int64)
    for i in range(n):
        rows[i] = field_rows[fields[order[i]]]
    bits[:] = 0
    if base == 0:
        state[:] = 0
    before = state[MATCHED]
    if numbers[EVERY] and len(ranges) > 2:
        match_all(
            docs, tfs, lengths, norms, bounds, rows, weights, ranges,
            failed, base, scores, stages, places, bits, top_docs, top_scores, state,
        )  # fmt: skip
    else:
        match_any(
            docs, tfs, lengths, norms, bounds, rows, weights,
            failed, base, scores, stages, places, bits, top_docs, top_scores, state,
        )  # fmt: skip
    return state[MATCHED] - before


@compiled(
    nb.void(
        _U32, _U32, _U32, _U8, _U32, nb.int64[:, ::1], nb.int64, _U8, _I64, nb.float64[::1], _I64
    )
)
def count_documents(
    buckets, bucket_terms, offsets, blob, starts, spans,
    postings, request, searched, searched_boosts, df,
):  # fmt: skip
    """Add to df[i] the documents of a segment in list i of a query; arguments as above."""
    text, ends, word_of, fields, _, _ = lists_of(request, searched, searched_boosts)
    find_lists(
        buckets, bucket_terms, offsets, blob, starts, postings,
        text, ends, word_of, fields, spans, np.empty((len(fields), 3), np.int64), df,
    )  # fmt: skip
