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

from .jit import compiled, readonly
from .lookup import chunk_lists, find_lists, weigh
from .ranking import MATCHED, sweep, unpack, visit
from .requests import BEST, DOCUMENTS, EVERY, lists_of, numbers_of

CHUNK = 1 << 16
#: A list this many times longer than the candidates is searched for each of them
#: instead of being read.
_SEARCH_FACTOR = 16
#: With more candidates than one in this many documents, whether a posting is of one is
#: too uncertain to branch on.
_BRANCH_FACTOR = 12
#: Chunks with fewer postings than one for this many documents are not swept but visited.
_SWEEP_FACTOR = 6

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
_U64 = nb.uint64[::1]


@compiled(nb.void(_U16, _U8, _U8, _F32, nb.int64, nb.int64, nb.float32, _F32))
def _add_list(docs, tfs, codes, norms, begin, end, weight, scores):
    """Add the scores of a list's postings in a chunk to those of its documents."""
    places = docs[begin:end]
    counts = tfs[begin:end]
    for i in range(len(places)):
        place = np.intp(places[i])
        if place < len(codes):
            tf = np.float32(counts[i])
            scores[place] += weight * tf / (tf + norms[np.intp(codes[place])])


@compiled(nb.int64(_U16, nb.int64, nb.int64, nb.int64))
def _gallop(docs, low, high, place):
    """The first posting in low … high whose document is not before `place`."""
    step = 1
    while low + step < high and docs[low + step] < place:
        low += step
        step <<= 1
    high = min(high, low + step + 1)
    while low < high:
        middle = (low + high) >> 1
        if docs[middle] < place:
            low = middle + 1
        else:
            high = middle
    return low


@compiled(nb.int64(_U16, nb.int64, nb.int64, nb.int64, _U64, nb.int64))
def _mark(docs, begin, end, size, marks, count):
    """Set the bits of a list's documents; returns `count` and how many were not set."""
    for posting in range(begin, end):
        place = np.intp(docs[posting])
        if place < size:
            bit = np.uint64(1) << np.uint64(place & 63)
            count += (marks[place >> 6] & bit) == 0
            marks[place >> 6] |= bit
    return count


@compiled(
    nb.int64(
        _U16,
        _U8,
        _U8,
        _F32,
        nb.int64,
        nb.int64,
        nb.float32,
        _F32,
        _U64,
        nb.uint16[::1],
        nb.int64,
        _U64,
    )
)
def _meet(docs, tfs, codes, norms, begin, end, weight, scores, wanted, places, count, met):
    """Score those documents of a list that are wanted, and mark them as met.

    wanted: uint64[CHUNK / 64], the same as places[:count], rising
    """
    if end - begin > _SEARCH_FACTOR * count:
        for i in range(count):
            place = np.intp(places[i])
            begin = _gallop(docs, begin, end, place)
            if begin == end:
                break
            if docs[begin] == place:
                tf = np.float32(tfs[begin])
                scores[place] += weight * tf / (tf + norms[np.intp(codes[place])])
                met[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
    elif count * _BRANCH_FACTOR < len(codes):
        for posting in range(begin, end):
            place = np.intp(docs[posting])
            if (wanted[place >> 6] >> np.uint64(place & 63)) & np.uint64(1):
                tf = np.float32(tfs[posting])
                scores[place] += weight * tf / (tf + norms[np.intp(codes[place])])
                met[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
    else:
        for posting in range(begin, end):
            place = np.intp(docs[posting])
            if place < len(codes):
                tf = np.float32(tfs[posting])
                hit = (wanted[place >> 6] >> np.uint64(place & 63)) & np.uint64(1)
                score = weight * tf / (tf + norms[np.intp(codes[place])])
                scores[place] += score * np.float32(hit)
                met[place >> 6] |= hit << np.uint64(place & 63)
    return 0


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
    _F32,  # scratch: float32[CHUNK], all 0 before and after
    nb.uint16[::1],  # room: uint16[CHUNK]
    nb.uint64[:, ::1],  # marks: uint64[3, CHUNK / 64], all 0 before and after
    _U64,  # bits: uint64[N / 64], all 0; document d is bit d & 63 of word d >> 6, filled in
    nb.uint32[::1],  # top_docs: the best k so far, best first; ties rise
    _F32,  # top_scores
    _I64,  # state: see `ranking`
)


@compiled(nb.void(*_SEGMENT, *_QUERY, *_OUTCOME))
def match_any(
    docs,
    tfs,
    lengths,
    norms,
    bounds,
    rows,
    weights,
    failed,
    base,
    scratch,
    room,
    marks,
    bits,
    top_docs,
    top_scores,
    state,
):
    """Match the documents that are in any list; for the arguments see above."""
    size = lengths.shape[1]
    seen = marks[0]
    for chunk in range(bounds.shape[1] - 1):
        first = chunk * CHUNK
        here = min(CHUNK, size - first)
        total = 0
        for i in range(len(rows)):
            begin, end = bounds[i, chunk], bounds[i, chunk + 1]
            total += end - begin
            codes = lengths[rows[i], first : first + here]
            _add_list(docs, tfs, codes, norms[rows[i]], begin, end, weights[i], scratch)
        if total * _SWEEP_FACTOR > here:
            sweep(scratch, failed, first, here, base + first, bits, top_docs, top_scores, state)
        elif total:
            for i in range(len(rows)):
                _mark(docs, bounds[i, chunk], bounds[i, chunk + 1], here, seen, 0)
            count = unpack(seen[: (here + 63) >> 6], room)
            visit(
                scratch, room, count, failed, first, base + first, bits, top_docs, top_scores, state
            )
            for i in range(count):
                scratch[np.intp(room[i])] = 0
                seen[np.intp(room[i]) >> 6] = 0


@compiled(nb.void(*_SEGMENT, *_QUERY, _I64, *_OUTCOME))
def match_all(
    docs,
    tfs,
    lengths,
    norms,
    bounds,
    rows,
    weights,
    groups,
    failed,
    base,
    scratch,
    room,
    marks,
    bits,
    top_docs,
    top_scores,
    state,
):
    """Match the documents that are in a list of every group; for the arguments see above.

    groups: int64[G + 1], group g has the lists groups[g] … groups[g + 1] - 1; the rarest
    group should be the first.
    """
    size = lengths.shape[1]
    wanted, met, touched = marks[0], marks[1], marks[2]
    for chunk in range(bounds.shape[1] - 1):
        first = chunk * CHUNK
        here = min(CHUNK, size - first)
        words = (here + 63) >> 6
        count = 0
        for i in range(groups[0], groups[1]):
            begin, end = bounds[i, chunk], bounds[i, chunk + 1]
            codes = lengths[rows[i], first : first + here]
            _add_list(docs, tfs, codes, norms[rows[i]], begin, end, weights[i], scratch)
            count = _mark(docs, begin, end, here, wanted, count)
        if count == 0:
            continue
        touched[:words] = wanted[:words]
        for group in range(1, len(groups) - 1):
            count = unpack(wanted[:words], room)
            if count == 0:
                break
            met[:words] = 0
            for i in range(groups[group], groups[group + 1]):
                begin, end = bounds[i, chunk], bounds[i, chunk + 1]
                codes = lengths[rows[i], first : first + here]
                _meet(
                    docs, tfs, codes, norms[rows[i]], begin, end, weights[i], scratch,
                    wanted, room, count, met,
                )  # fmt: skip
            wanted, met = met, wanted
        count = unpack(wanted[:words], room)
        visit(scratch, room, count, failed, first, base + first, bits, top_docs, top_scores, state)
        count = unpack(touched[:words], room)
        for i in range(count):
            scratch[np.intp(room[i])] = 0
        marks[:, :words] = 0


@compiled(
    nb.int64(
        *(_U32, _U32, _U32, _U8, _U32, nb.int64[:, ::1]),
        *(_U16, _U32, _U16),
        *_SEGMENT,
        *(_I64, _U8, _I64, nb.float64[::1], _I64, nb.float64),
        *_OUTCOME,
    )
)
def answer(
    buckets, bucket_terms, offsets, blob, starts, spans,
    first_chunks, run_starts, run_chunks,
    docs, tfs, lengths, norms,
    field_rows, request, searched, searched_boosts, df, saturation,
    failed, base, scratch, room, marks, bits, top_docs, top_scores, state,
):  # fmt: skip
    """Run a query of words over a segment; returns how many documents match.

    field_rows: int64[F], the row of each field in lengths and norms
    request, searched, searched_boosts: see `requests.lists_of`
    df: int64[n], documents of the whole index in each list; empty if the segment is all
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
    weights = np.empty(n, np.float32)
    order = np.empty(n, np.int64)
    ranges = np.empty(len(groups), np.int64)
    frequencies = df if len(df) else found
    weigh(frequencies, boosts, groups, numbers[DOCUMENTS], saturation, weights, order, ranges)
    chunks = (lengths.shape[1] + CHUNK - 1) // CHUNK
    bounds = chunk_lists(lists, order, chunks, first_chunks, run_starts, run_chunks)
    rows = np.empty(n, np.int64)
    for i in range(n):
        rows[i] = field_rows[fields[order[i]]]
    bits[:] = 0
    if base == 0:
        state[:] = 0
    before = state[MATCHED]
    best_docs, best_scores = top_docs[: numbers[BEST]], top_scores[: numbers[BEST]]
    if numbers[EVERY]:
        match_all(
            docs, tfs, lengths, norms, bounds, rows, weights, ranges,
            failed, base, scratch, room, marks, bits, best_docs, best_scores, state,
        )  # fmt: skip
    else:
        match_any(
            docs, tfs, lengths, norms, bounds, rows, weights,
            failed, base, scratch, room, marks, bits, best_docs, best_scores, state,
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
