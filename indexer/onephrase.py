"""A compiled loop that answers a query of one phrase at once: match, score, rank; layer 6.

As `onepass` does for words, and with the same arguments: every group of lists is the
phrase in one field, its words in order.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numba as nb
import numpy as np

from .jit import compiled, readonly
from .lookup import chunk_lists, find_lists, weigh
from .phrases import CHUNK, PLACES, add_phrase, most_positions
from .ranking import unpack, visit

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
_U64 = nb.uint64[::1]


@compiled(
    nb.void(
        *(_U32, _U32, _U32, _U8, _U32, nb.int64[:, ::1]),
        *(_U16, _U32, _U16),
        *(_U16, _U8, readonly(nb.uint8, 2), nb.float32[:, ::1]),
        *(_I64, *PLACES[1:], nb.int64, nb.uint8[::1], _I64, nb.float64[::1], _I64, nb.float64),
        *(nb.uint8[::1], nb.int64, _F32, nb.uint16[::1], nb.uint64[:, ::1], _U64),
        *(nb.uint32[::1], _F32, _I64),
    )
)
def answer(
    buckets, bucket_terms, offsets, blob, starts, spans,
    first_chunks, run_starts, run_chunks,
    docs, tfs, lengths, norms,
    field_rows, packed, blocks, widths, long_postings, long_counts,
    slop, text, numbers, boosts, df, saturation,
    failed, base, scratch, room, marks, bits, top_docs, top_scores, state,
):  # fmt: skip
    """Run a query of one phrase over a segment; arguments as of `onepass.answer`, and:

    packed, blocks, widths, long_postings, long_counts: `SegmentArrays.position_arrays`
    slop: how many positions a word may be after the one before
    """
    n, words, groups, wanted, documents = numbers[0], numbers[1], numbers[2], numbers[4], numbers[5]
    items = numbers[6:]
    lists = np.empty((n, 3), np.int64)
    found = np.zeros(n, np.int64)
    find_lists(
        buckets, bucket_terms, offsets, blob, starts, len(docs),
        text, items[2 * n : 2 * n + words], items[:n], items[n : 2 * n], spans, lists, found,
    )  # fmt: skip
    weights = np.empty(n, np.float32)
    order = np.empty(n, np.int64)
    ranges = np.empty(groups + 1, np.int64)
    frequencies = df if len(df) else found
    weigh(
        frequencies, boosts, items[2 * n + words :], documents, saturation, weights, order, ranges
    )
    size = lengths.shape[1]
    chunks = (size + CHUNK - 1) // CHUNK
    bounds = chunk_lists(lists, order, chunks, first_chunks, run_starts, run_chunks)
    terms = n // groups
    most = most_positions(tfs, packed, blocks, widths, long_postings, long_counts)
    held = np.empty((2, most), np.int64)
    best_docs, best_scores = top_docs[:wanted], top_scores[:wanted]
    bits[:] = 0
    for chunk in range(chunks):
        first = chunk * CHUNK
        here = min(CHUNK, size - first)
        matched = 0
        for begin in range(0, n, terms):
            row = field_rows[items[n + order[begin]]]
            matched += add_phrase(
                docs, tfs, packed, blocks, widths, long_postings, long_counts,
                lengths[row, first : first + here], norms[row],
                bounds[begin : begin + terms], chunk, weights[begin : begin + terms], slop,
                marks[1:], held, scratch, marks[0],
            )  # fmt: skip
        if matched:
            seen = marks[0, : (here + 63) >> 6]
            count = unpack(seen, room)
            visit(
                scratch, room, count, failed, first, base + first, bits,
                best_docs, best_scores, state,
            )  # fmt: skip
            seen[:] = 0
            for i in range(count):
                scratch[np.intp(room[i])] = 0
