"""Compiled loops that read positions and find phrases.

Positions are packed (see docs/index-format.md): where those of a posting begin follows
from the frequencies before it in its block, so any posting is reached without reading
others. `_PLACES` are the arrays they are read from.

No address is taken from a file unchecked: damaged files give wrong answers here, never
accesses out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from .bits import prefetch, sum_bytes
from .jit import compiled, lowest_one, readonly
from .tables import Table

CHUNK_BITS = 16
CHUNK = 1 << CHUNK_BITS
_BLOCK = 32
_SATURATED = 255
_MOST_BITS = 32
#: A list this many times longer than another is searched for each of its documents
#: instead of being read.
_SEARCH_FACTOR = 24

#: Documents whose positions are fetched before they are needed.
_AHEAD = 8

_DOCS = readonly(nb.uint16)
_BYTES = readonly(nb.uint8)
_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
#: `codec.read.PositionArrays`.
PLACES = (
    _BYTES,  # tfs
    readonly(nb.uint64),  # words: the packed bits
    _U32,  # blocks
    readonly(nb.uint8, 2),  # widths[B, 2]
    _U32,  # long_postings
    _U32,  # long_counts
)


class PositionsTable(
    Table, tfs=_BYTES, words=readonly(nb.uint64), blocks=_U32, widths=readonly(nb.uint8, 2),
    long_postings=_U32, long_counts=_U32,
):  # fmt: skip
    """`codec.read.PositionArrays` of a segment."""


@compiled(nb.int64(_DOCS, nb.int64, nb.int64, nb.int64))
def gallop(docs, low, high, place):
    """The first posting in low … high whose document is not before `place`; near ones faster."""
    step = 1
    while low + step < high and docs[low + step] < place:
        low += step
        step <<= 1
    high = min(high, low + step)
    while low < high:
        middle = (low + high) >> 1
        if docs[middle] < place:
            low = middle + 1
        else:
            high = middle
    return low


@compiled(nb.int64(_U32, nb.int64))
def first_from(values, wanted):
    """The first place in rising `values` of one that is `wanted` or more."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled(nb.uint64(nb.uint64, nb.uint64, nb.int64))
def _joined(word, following, bit):
    """The 64 bits that begin at a bit of a word, which go on in the following one.

    Takes words and not their array, since to pass an array costs two atomic operations.
    """
    shift = np.uint64(bit & 63)
    return (word >> shift) | ((following << np.uint64(1)) << (np.uint64(63) - shift))


@compiled(nb.uint64(nb.int64))
def _mask(width):
    return (np.uint64(1) << np.uint64(width)) - np.uint64(1)


@compiled(nb.int64(*PLACES))
def most_positions(tfs, words, blocks, widths, long_postings, long_counts):
    """More positions than any posting can have: one needs a bit."""
    most = np.int64(_SATURATED)
    for count in long_counts:
        most = max(most, np.int64(count))
    return min(most, 64 * len(words))


@compiled(nb.int64(*PLACES, nb.int64, _I64))
def _read(tfs, words, blocks, widths, long_postings, long_counts, posting, positions):
    """Fill in the positions of a posting; returns how many.

    None if there is no room or a damaged file says what cannot be.
    """
    block = posting // _BLOCK
    first = block * _BLOCK
    numbers = np.int64(0)
    if first + _BLOCK <= len(tfs):
        numbers = sum_bytes(tfs, first, posting - first)
    else:
        for before in range(first, posting):
            numbers += np.int64(tfs[before])
    count = np.int64(tfs[posting])
    if len(long_postings):
        slot = first_from(long_postings, first)
        while slot < len(long_postings) and long_postings[slot] < posting:
            numbers += np.int64(long_counts[slot]) - _SATURATED
            slot += 1
        if slot < len(long_postings) and long_postings[slot] == posting:
            count = np.int64(long_counts[slot])
    head, step = np.int64(widths[block, 0]), np.int64(widths[block, 1])
    skipped = posting - first
    at = 8 * np.int64(blocks[block]) + skipped * head + (numbers - skipped) * step
    end = at + head + (count - 1) * step
    # The two words from where a number begins are read, even if it has no bits.
    if at < 0 or end < at or end > 64 * (len(words) - 2) or max(head, step) > _MOST_BITS:
        return 0
    if count > len(positions):
        return 0
    position = np.int64(_joined(words[at >> 6], words[(at >> 6) + 1], at) & _mask(head))
    positions[0] = position
    at += head
    left = np.int64(0)
    bits = np.uint64(0)
    for i in range(1, count):
        if left < step:
            bits = _joined(words[at >> 6], words[(at >> 6) + 1], at)
            left = 64
        position += np.int64(bits & _mask(step))
        positions[i] = position
        bits >>= np.uint64(step)
        left -= step
        at += step
    return max(count, 0)


@compiled(nb.int64(_DOCS, *PLACES, nb.int64, nb.int64, nb.int64, _I64))
def positions_in(
    docs, tfs, words, blocks, widths, long_postings, long_counts, begin, end, place, positions
):  # fmt: skip
    """Fill in where a term stands in one document, rising; returns how often, 0 if it does not.

    begin, end: the term's postings in the chunk; place: the document's place in it
    positions: int64[most_positions]
    """
    posting = gallop(docs, begin, end, place)
    if posting >= min(end, len(tfs)) or docs[posting] != place:
        return 0
    return _read(tfs, words, blocks, widths, long_postings, long_counts, posting, positions)


@compiled(
    nb.int64(
        _DOCS, nb.int64, nb.int64, nb.int64, nb.int64, nb.int64, nb.uint64[:, ::1],
        nb.int64[:, ::1],
    )
)  # fmt: skip
def _meet(docs, begin, end, other, other_end, size, marks, both):
    """The postings of the same document in two lists, the first the shorter: rows of `both`.

    size: documents of the chunk; marks: uint64[2, CHUNK / 64], all 0 before and after
    """
    count = 0
    if other_end - other > _SEARCH_FACTOR * (end - begin):
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
        place = np.intp(docs[posting])
        hit = (mine[place >> 6] >> np.uint64(place & 63)) & np.uint64(place < size)
        both[1, count] = posting
        count += np.intp(hit)
        theirs[place >> 6] |= hit << np.uint64(place & 63)
    count = 0
    for posting in range(begin, end):
        place = np.intp(docs[posting])
        both[0, count] = posting
        count += np.intp((theirs[place >> 6] >> np.uint64(place & 63)) & np.uint64(1))
    marks[:] = 0
    return count


@compiled(
    nb.int64(
        _DOCS, *PLACES, nb.int64[:, ::1], nb.int64, nb.int64[:, ::1], _I64, nb.int64,
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
                prefetch(tfs, posting // _BLOCK * _BLOCK)
                prefetch(blocks, posting // _BLOCK)
                prefetch(widths, posting // _BLOCK * 2)
            if 0 <= i + _AHEAD < documents:
                posting = postings[term, i + _AHEAD]
                begin = np.int64(blocks[posting // _BLOCK])
                size = np.int64(blocks[posting // _BLOCK + 1]) - begin
                prefetch(words, (begin + size * (posting % _BLOCK) // _BLOCK) >> 3)
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
            block = posting // _BLOCK
            begin = block * _BLOCK
            numbers = np.int64(0)
            if begin + _BLOCK <= len(tfs):
                numbers = sum_bytes(tfs, begin, posting - begin)
            else:
                for other in range(begin, posting):
                    numbers += np.int64(tfs[other])
            size = np.int64(tfs[posting])
            if len(long_postings):
                slot = first_from(long_postings, begin)
                while slot < len(long_postings) and long_postings[slot] < posting:
                    numbers += np.int64(long_counts[slot]) - _SATURATED
                    slot += 1
                if slot < len(long_postings) and long_postings[slot] == posting:
                    size = np.int64(long_counts[slot])
            head, step = np.int64(widths[block, 0]), np.int64(widths[block, 1])
            skipped = posting - begin
            bit = 8 * np.int64(blocks[block]) + skipped * head + (numbers - skipped) * step
            end = bit + head + (size - 1) * step
            wrong = bit < 0 or end < bit or end > limit or max(head, step) > _MOST_BITS
            if wrong or not 0 < size <= held.shape[1]:
                count = 0
                break
            # Those positions that are from `low` to `high` after one held.
            position = np.int64(_joined(words[bit >> 6], words[(bit >> 6) + 1], bit) & _mask(head))
            bit += head
            bits, left = np.uint64(0), np.int64(0)
            mask = _mask(step)
            matched = 0
            near = 0
            for number in range(size):
                if number:
                    if left < step:
                        bits = _joined(words[bit >> 6], words[(bit >> 6) + 1], bit)
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
        _DOCS, *PLACES, _BYTES, _F32, nb.int64[:, ::1], nb.int64, _F32, nb.int64,
        nb.uint64[:, ::1], nb.int64[:, ::1], _F32, nb.uint64[::1],
    )
)  # fmt: skip
def add_phrase(
    docs, tfs, words, blocks, widths, long_postings, long_counts,
    codes, norms, bounds, chunk, weights, slop, room, held, scores, marks,
):  # fmt: skip
    """Score and mark the documents of a chunk that have a phrase in one field.

    codes: uint8[≤ CHUNK], length codes of the chunk's documents; norms: float32[256]
    bounds: int64[T, C + 1], postings of the terms in the order of the phrase; weights[T]
    room: uint64[2, CHUNK / 64], all 0 before and after; held: int64[2, most_positions]
    scores: float32[CHUNK], added to; marks: uint64[CHUNK / 64], bits are set in it
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
            tf = np.float32(tfs[postings[term, i]])
            scores[place] += weights[term] * tf / (tf + norm)
        marks[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
    return count


@compiled(
    nb.types.Tuple((nb.int64, nb.uint32[::1], nb.float32[::1]))(
        _DOCS, *PLACES, readonly(nb.uint8, 2), nb.float32[:, ::1], nb.int64[:, ::1], _I64, _F32,
        nb.int64, nb.int64,
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
    scores = np.zeros(CHUNK, np.float32)
    marks = np.zeros(CHUNK >> 6, np.uint64)
    room = np.zeros((2, CHUNK >> 6), np.uint64)
    most = most_positions(tfs, words, blocks, widths, long_postings, long_counts)
    held = np.empty((2, most), np.int64)
    count = 0
    for chunk in range(bounds.shape[1] - 1):
        first = chunk << CHUNK_BITS
        here = min(CHUNK, size - first)
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
