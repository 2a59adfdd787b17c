"""Compiled loops that find phrases and score them.

No address is taken from a file unchecked: damaged files give wrong answers here, never
accesses out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...codec.format import (
    CHUNK_BITS,
    CHUNK_DOCS,
    MAX_POSITION_BITS,
    POSITION_BLOCK,
    SATURATED,
)
from ...codec.positions_fast import DOCS, POSITION_ARRAYS, joined, low_mask, most_positions
from ...kernels.bits import prefetch, sum_bytes
from ...kernels.bm25 import bm25
from ...kernels.galloping import SEARCH_FACTOR, first_from, gallop
from ...kernels.jit import compiled, lowest_one, readonly

#: Documents whose positions are fetched before they are needed.
_AHEAD = 8

_BYTES = readonly(nb.uint8)
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]


@compiled(
    nb.int64(
        DOCS, nb.int64, nb.int64, nb.int64, nb.int64, nb.int64, nb.uint64[:, ::1],
        nb.int64[:, ::1],
    )
)  # fmt: skip
def _meet(docs, begin, end, other, other_end, size, marks, both):
    """The postings of the same document in two lists, the first the shorter: rows of `both`.

    size: documents of the chunk; marks: uint64[2, CHUNK_DOCS / 64], all 0 before and after
    """
    count = 0
    if other_end - other > SEARCH_FACTOR * (end - begin):
        for posting in range(begin, end):
            place = np.int64(docs[posting])
            other = gallop(docs, other, other_end, place)
            if other == other_end:
                break
            both[0, count] = posting
            both[1, count] = other
            count += docs[other] == place and place < size
        return count
    # Without branches, which for lists of like lengths could not be foreseen.
    mine, theirs = marks[0], marks[1]
    for posting in range(begin, end):
        place = np.intp(docs[posting])
        mine[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
    for posting in range(other, other_end):
        # A document counts once, however often a damaged list has it.
        place = np.intp(docs[posting])
        hit = (mine[place >> 6] >> np.uint64(place & 63)) & np.uint64(place < size)
        both[1, count] = posting
        count += np.intp(hit)
        mine[place >> 6] ^= hit << np.uint64(place & 63)
        theirs[place >> 6] |= hit << np.uint64(place & 63)
    count = 0
    for posting in range(begin, end):
        place = np.intp(docs[posting])
        hit = (theirs[place >> 6] >> np.uint64(place & 63)) & np.uint64(1)
        both[0, count] = posting
        count += np.intp(hit)
        theirs[place >> 6] ^= hit << np.uint64(place & 63)
    marks[:] = 0
    return count


@compiled(
    nb.int64(
        DOCS, *POSITION_ARRAYS, nb.int64[:, ::1], nb.int64, nb.int64[:, ::1], _I64, nb.int64,
        nb.int64[:, ::1], nb.int64[:, ::1],
    )
)  # fmt: skip
def _keep_phrases(
    docs, tfs, words, blocks, widths, long_postings, long_counts,
    bounds, chunk, postings, order, slop, reading, held,
):  # fmt: skip
    """Keep those documents that have the phrase; returns how many.

    postings: int64[T, n], in the rows order[0] and order[1] postings of the same documents;
        of those kept, moved to the front, the postings of all terms
    order: terms, those with the shortest lists first; reading: int64[T, 3], filled in

    All in one function, since each array that is passed to another costs as much as reading
    ten positions.
    """
    terms = len(order)
    limit = 64 * (len(words) - 2)
    # In a row: those words first that are likely to rule it out. Else from left to right.
    for rank in range(terms):
        term = order[rank] if slop == 1 else rank
        before = order[max(rank - 1, 0)]
        reading[rank, 0] = term
        reading[rank, 1] = term - before if slop == 1 else 1
        reading[rank, 2] = term - before if slop == 1 else slop
    first, second = order[0], order[min(1, terms - 1)]
    at = bounds[:, chunk].copy()
    kept = 0
    documents = postings.shape[1]
    for i in range(-2 * _AHEAD, documents):
        # What is far apart is fetched before it is needed: first the heads of blocks, then
        # about where in them the positions are.
        for term in (first, second):
            if i + 2 * _AHEAD < documents:
                posting = postings[term, i + 2 * _AHEAD]
                prefetch(tfs, posting // POSITION_BLOCK * POSITION_BLOCK)
                prefetch(blocks, posting // POSITION_BLOCK)
                prefetch(widths, posting // POSITION_BLOCK * 2)
            if 0 <= i + _AHEAD < documents:
                posting = postings[term, i + _AHEAD]
                begin = np.int64(blocks[posting // POSITION_BLOCK])
                size = np.int64(blocks[posting // POSITION_BLOCK + 1]) - begin
                prefetch(words, (begin + size * (posting % POSITION_BLOCK) // POSITION_BLOCK) >> 3)
        if i < 0:
            continue
        at[first] = postings[first, i]
        at[second] = postings[second, i]
        place = docs[at[first]]
        count = np.int64(0)
        row = 0
        for rank in range(terms):
            term, low, high = reading[rank, 0], reading[rank, 1], reading[rank, 2]
            if term != first and term != second:
                end = bounds[term, chunk + 1]
                at[term] = gallop(docs, at[term], end, place)
                if at[term] == end or docs[at[term]] != place:
                    count = 0
                    break
            # Where the positions of the posting begin, and how many there are.
            posting = at[term]
            block = posting // POSITION_BLOCK
            begin = block * POSITION_BLOCK
            numbers = np.int64(0)
            if begin + POSITION_BLOCK <= len(tfs):
                numbers = sum_bytes(tfs, begin, posting - begin)
            else:
                for other in range(begin, posting):
                    numbers += np.int64(tfs[other])
            size = np.int64(tfs[posting])
            if len(long_postings):
                slot = first_from(long_postings, begin)
                while slot < len(long_postings) and long_postings[slot] < posting:
                    numbers += np.int64(long_counts[slot]) - SATURATED
                    slot += 1
                if slot < len(long_postings) and long_postings[slot] == posting:
                    size = np.int64(long_counts[slot])
            head, step = np.int64(widths[block, 0]), np.int64(widths[block, 1])
            skipped = posting - begin
            bit = 8 * np.int64(blocks[block]) + skipped * head + (numbers - skipped) * step
            end = bit + head + (size - 1) * step
            wrong = bit < 0 or end < bit or end > limit or max(head, step) > MAX_POSITION_BITS
            if wrong or not 0 < size <= held.shape[1]:
                count = 0
                break
            # Those positions that are from `low` to `high` after one held.
            position = np.int64(
                joined(words[bit >> 6], words[(bit >> 6) + 1], bit) & low_mask(head)
            )
            bit += head
            bits, left = np.uint64(0), np.int64(0)
            mask = low_mask(step)
            matched = 0
            near = 0
            for number in range(size):
                if number:
                    if left < step:
                        bits = joined(words[bit >> 6], words[(bit >> 6) + 1], bit)
                        left = 64
                    position += np.int64(bits & mask)
                    bits >>= np.uint64(step)
                    left -= step
                    bit += step
                if rank:
                    while near < count and held[row, near] < position - high:
                        near += 1
                    if near == count:
                        break
                    if held[row, near] > position - low:
                        continue
                held[1 - row, matched] = position
                matched += 1
                if rank == terms - 1:
                    break
            row = 1 - row
            count = matched
            if count == 0:
                break
        if count:
            for term in range(terms):
                postings[term, kept] = at[term]
            kept += 1
    return kept


@compiled(
    nb.int64(
        DOCS, *POSITION_ARRAYS, _BYTES, _F32, nb.int64[:, ::1], nb.int64, _F32, nb.int64,
        nb.uint64[:, ::1], nb.int64[:, ::1], _F32, nb.uint64[::1],
    )
)  # fmt: skip
def add_phrase(
    docs, tfs, words, blocks, widths, long_postings, long_counts,
    codes, norms, bounds, chunk, weights, slop, room, held, scores, marks,
):  # fmt: skip
    """Score and mark the documents of a chunk that have a phrase in one field.

    codes: uint8[≤ CHUNK_DOCS], length codes of the chunk's documents; norms: float32[256]
    bounds: int64[T, C + 1], postings of the terms in the order of the phrase; weights[T]
    room: uint64[2, CHUNK_DOCS / 64], all 0 before and after; held: int64[2, most_positions]
    scores: float32[CHUNK_DOCS], added to; marks: uint64[CHUNK_DOCS / 64], bits are set in it
    Returns how many have it.
    """
    terms = len(bounds)
    order = np.empty(terms, np.int64)
    for term in range(terms):
        size = bounds[term, chunk + 1] - bounds[term, chunk]
        if size == 0:
            return 0
        rank = term
        while rank > 0:
            before = order[rank - 1]
            if bounds[before, chunk + 1] - bounds[before, chunk] <= size:
                break
            order[rank] = before
            rank -= 1
        order[rank] = term
    # A word alone is sought together with itself.
    first, second = order[0], order[min(1, terms - 1)]
    both = np.empty((2, bounds[first, chunk + 1] - bounds[first, chunk] + 1), np.int64)
    count = _meet(
        docs, bounds[first, chunk], bounds[first, chunk + 1],
        bounds[second, chunk], bounds[second, chunk + 1], len(codes), room, both,
    )  # fmt: skip
    if count == 0:
        return 0
    postings = np.empty((terms, count), np.int64)
    postings[first] = both[0, :count]
    postings[second] = both[1, :count]
    count = _keep_phrases(
        docs, tfs, words, blocks, widths, long_postings, long_counts,
        bounds, chunk, postings, order, slop, np.empty((terms, 3), np.int64), held,
    )  # fmt: skip
    for i in range(count):
        place = np.intp(docs[postings[0, i]])
        norm = norms[np.intp(codes[place])]
        for term in range(terms):
            scores[place] += bm25(weights[term], tfs[postings[term, i]], norm)
        marks[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
    return count


@compiled(
    nb.types.Tuple((nb.int64, nb.uint32[::1], nb.float32[::1]))(
        DOCS, *POSITION_ARRAYS, readonly(nb.uint8, 2), nb.float32[:, ::1], nb.int64[:, ::1], _I64,
        _F32, nb.int64, nb.int64,
    )
)  # fmt: skip
def score_phrases(
    docs, tfs, words, blocks, widths, long_postings, long_counts,
    lengths, norms, bounds, rows, weights, terms, slop,
):  # fmt: skip
    """Documents that have a phrase in any of several fields, with the sums of their scores.

    lengths: uint8[L, N], norms: float32[L, 256]
    bounds: int64[F · terms, C + 1], rows[F · terms] and weights[F · terms]: the terms in
        the order of the phrase, field by field
    Returns the number n, documents uint32[≥ n] increasing, scores float32[≥ n].
    """
    size = lengths.shape[1]
    found = np.empty(size, np.uint32)
    sums = np.empty(size, np.float32)
    scores = np.zeros(CHUNK_DOCS, np.float32)
    marks = np.zeros(CHUNK_DOCS >> 6, np.uint64)
    room = np.zeros((2, CHUNK_DOCS >> 6), np.uint64)
    most = most_positions(tfs, words, blocks, widths, long_postings, long_counts)
    held = np.empty((2, most), np.int64)
    count = 0
    for chunk in range(bounds.shape[1] - 1):
        first = chunk << CHUNK_BITS
        here = min(CHUNK_DOCS, size - first)
        matched = 0
        for begin in range(0, len(rows), terms):
            matched += add_phrase(
                docs, tfs, words, blocks, widths, long_postings, long_counts,
                lengths[rows[begin], first : first + here], norms[rows[begin]],
                bounds[begin : begin + terms], chunk, weights[begin : begin + terms], slop,
                room, held, scores, marks,
            )  # fmt: skip
        if matched == 0:
            continue
        for word in range((here + 63) >> 6):
            left = marks[word]
            marks[word] = 0
            while left:
                place = (word << 6) + np.int64(lowest_one(left))
                left &= left - np.uint64(1)
                found[count] = first + place
                sums[count] = scores[place]
                scores[place] = 0
                count += 1
    return count, found, sums
