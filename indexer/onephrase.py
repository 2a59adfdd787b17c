"""A compiled loop that answers a query of one phrase at once: match, score, rank; layer 6.

As `onepass` does for words, and with the same arguments: every group of lists is the
phrase in one field, its words in order.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from .jit import compiled, lowest_one, readonly
from .lookup import chunk_lists, find_lists, weigh
from .phrases import CHUNK, PLACES, add_phrase, most_positions
from .ranking import MATCHED, visit
from .requests import lists_of

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
_U64 = nb.uint64[::1]


@compiled(nb.int64(_U64, nb.uint16[::1]))
def _unpack(bits, places):
    """The places of the bits that are set, rising; returns how many."""
    count = 0
    for word in range(len(bits)):
        left = bits[word]
        while left:
            places[count] = (word << 6) + np.int64(lowest_one(left))
            count += 1
            left &= left - np.uint64(1)
    return count


@compiled(
    nb.int64(
        *(_U32, _U32, _U32, _U8, _U32, nb.int64[:, ::1]),
        *(_U16, _U32, _U16),
        *(_U16, _U8, readonly(nb.uint8, 2), nb.float32[:, ::1]),
        *(_I64, *PLACES[1:], nb.int64),
        *(_U8, _I64, nb.float64[::1], _I64, nb.float64, nb.int64),
        *(nb.uint8[::1], nb.int64, _F32, nb.uint8[::1], nb.uint16[::1], _U64),
        *(nb.uint32[::1], _F32, _I64),
    )
)
def answer(
    buckets, bucket_terms, offsets, blob, starts, spans,
    first_chunks, run_starts, run_chunks,
    docs, tfs, lengths, norms,
    field_rows, packed, blocks, widths, long_postings, long_counts,
    slop, request, searched, searched_boosts, df, saturation, size,
    failed, base, scores, stages, places, bits, top_docs, top_scores, state,
):  # fmt: skip
    """Run a query of one phrase over a segment; arguments as of `onepass.answer`, and:

    packed, blocks, widths, long_postings, long_counts: `SegmentArrays.position_arrays`
    slop: how many positions a word may be after the one before
    Returns how many documents match.
    """
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
    weigh(frequencies, boosts, groups, size, saturation, weights, order, ranges)
    documents = lengths.shape[1]
    chunks = (documents + CHUNK - 1) // CHUNK
    bounds = chunk_lists(lists, order, chunks, first_chunks, run_starts, run_chunks)
    terms = n // (len(groups) - 1)
    most = most_positions(tfs, packed, blocks, widths, long_postings, long_counts)
    held = np.empty((2, most), np.int64)
    marks = np.zeros(CHUNK >> 6, np.uint64)
    room = np.zeros((2, CHUNK >> 6), np.uint64)
    bits[:] = 0
    if base == 0:
        state[:] = 0
    before = state[MATCHED]
    for chunk in range(chunks):
        first = chunk * CHUNK
        here = min(CHUNK, documents - first)
        matched = 0
        for begin in range(0, n, terms):
            row = field_rows[fields[order[begin]]]
            matched += add_phrase(
                docs, tfs, packed, blocks, widths, long_postings, long_counts,
                lengths[row, first : first + here], norms[row],
                bounds[begin : begin + terms], chunk, weights[begin : begin + terms], slop,
                room, held, scores, marks,
            )  # fmt: skip
        if matched:
            seen = marks[: (here + 63) >> 6]
            with_phrase = places[: _unpack(seen, places)]
            visit(
                scores, with_phrase, failed, first, base + first, bits, top_docs, top_scores, state
            )
            seen[:] = 0
    return state[MATCHED] - before
