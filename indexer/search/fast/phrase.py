"""A compiled loop that answers a query of one phrase at once: match, score, rank.

It takes the arguments of `words.answer`. Each group of lists is the phrase in one field; the
lists of a group are the words of the phrase, in order.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...codec.format import CHUNK_DOCS
from ...codec.positions_fast import PositionsTable, most_positions
from ...kernels.jit import compiled, lowest_one, readonly
from .lookup import SegmentTable, seek
from .phrase_scores import add_phrase
from .rank import MATCHED, AccumulatorsTable, visit

_U8 = readonly(nb.uint8)
_SHORT = nb.uint16[::1]
_I64 = nb.int64[::1]
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
        *(PositionsTable.type, nb.int64),
        *(SegmentTable.type, AccumulatorsTable.type, _U8, nb.uint8[::1]),
        *(_I64, nb.int64, nb.int64, nb.float64, nb.int64),
    )
)
def answer(
    positions, slop, segment, sums, request, failed, df, k, base, saturation, size
):  # fmt: skip
    """Run a query of one phrase over a segment; arguments as of `words.answer`, and:

    slop: how many positions a word may be after the one before
    Returns how many documents match.
    """
    bounds, rows, weights, groups = seek(segment, request, df, saturation, size)
    docs, tfs, lengths, norms = segment.docs, segment.tfs, segment.lengths, segment.norms
    packed, blocks, widths = positions.words, positions.blocks, positions.widths
    long_postings, long_counts = positions.long_postings, positions.long_counts
    scores, places = sums.scores, sums.places
    documents = lengths.shape[1]
    bits = sums.bits[: (documents + 63) >> 6]
    top_docs, top_scores, state = sums.top_docs[:k], sums.top_scores[:k], sums.state
    n = len(rows)
    terms = n // (len(groups) - 1)
    most = most_positions(tfs, packed, blocks, widths, long_postings, long_counts)
    held = np.empty((2, most), np.int64)
    marks = np.zeros(CHUNK_DOCS >> 6, np.uint64)
    room = np.zeros((2, CHUNK_DOCS >> 6), np.uint64)
    bits[:] = 0
    if base == 0:
        state[:] = 0
    before = state[MATCHED]
    for chunk in range(bounds.shape[1] - 1):
        first = chunk * CHUNK_DOCS
        here = min(CHUNK_DOCS, documents - first)
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
