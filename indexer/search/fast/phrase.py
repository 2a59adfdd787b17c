"""A compiled loop that answers a query of one phrase at once: match, score, rank.

As `onepass` does for words, and with the same arguments: every group of lists is the
phrase in one field, its words in order.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...kernels.jit import compiled, lowest_one, readonly
from ...kernels.phrases import CHUNK, PLACES, add_phrase, most_positions
from ...kernels.tables import TABLE, array_at
from . import lookup, rank
from .lookup import seek
from .rank import MATCHED, visit

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
_LENGTHS = readonly(nb.uint8, 2)
_NORMS = nb.float32[:, ::1]
_DOCS = nb.uint32[::1]
_SHORT = nb.uint16[::1]
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
_U64 = nb.uint64[::1]


@compiled(nb.int64(_U64, _SHORT))
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
        *(TABLE, nb.int64),
        *(TABLE, TABLE, _U8, nb.uint8[::1], _I64, nb.int64, nb.int64, nb.float64, nb.int64),
    )
)
def answer(
    positions, slop, segment, room, request, failed, df, k, base, saturation, size
):  # fmt: skip
    """Run a query of one phrase over a segment; arguments as of `words.answer`, and:

    positions: a table of `SegmentArrays.position_arrays`
    slop: how many positions a word may be after the one before
    Returns how many documents match.
    """
    bounds, rows, weights, groups = seek(segment, request, df, saturation, size)
    docs, tfs = array_at(segment, lookup.DOCS, _U16), array_at(segment, lookup.TFS, _U8)
    lengths = array_at(segment, lookup.LENGTHS, _LENGTHS)
    norms = array_at(segment, lookup.NORMS, _NORMS)
    packed, blocks = array_at(positions, 1, PLACES[1]), array_at(positions, 2, PLACES[2])
    widths, long_postings = array_at(positions, 3, PLACES[3]), array_at(positions, 4, PLACES[4])
    long_counts = array_at(positions, 5, PLACES[5])
    scores, places = array_at(room, rank.SCORES, _F32), array_at(room, rank.PLACES, _SHORT)
    documents = lengths.shape[1]
    bits = array_at(room, rank.BITS, _U64)[: (documents + 63) >> 6]
    top_docs = array_at(room, rank.TOP_DOCS, _DOCS)[:k]
    top_scores = array_at(room, rank.TOP_SCORES, _F32)[:k]
    state = array_at(room, rank.STATE, _I64)
    n = len(rows)
    terms = n // (len(groups) - 1)
    most = most_positions(tfs, packed, blocks, widths, long_postings, long_counts)
    held = np.empty((2, most), np.int64)
    marks = np.zeros(CHUNK >> 6, np.uint64)
    room = np.zeros((2, CHUNK >> 6), np.uint64)
    bits[:] = 0
    if base == 0:
        state[:] = 0
    before = state[MATCHED]
    for chunk in range(bounds.shape[1] - 1):
        first = chunk * CHUNK
        here = min(CHUNK, documents - first)
        matched = 0
        for begin in range(0, n, terms):
            row = rows[begin]
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
