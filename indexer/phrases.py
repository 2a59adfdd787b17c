"""Compiled loops that read positions and find phrases; layer 1, arrays only.

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

from .jit import compiled, lowest_one, readonly

CHUNK_BITS = 16
CHUNK = 1 << CHUNK_BITS
_BLOCK = 32
_SATURATED = 255
_MOST_BITS = 32

_DOCS = readonly(nb.uint16)
_BYTES = readonly(nb.uint8)
_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]
_F32 = nb.float32[::1]
#: `SegmentArrays.position_arrays`.
PLACES = (
    _BYTES,  # tfs
    readonly(nb.uint64),  # words: the packed bits
    _U32,  # blocks
    readonly(nb.uint8, 2),  # widths[B, 2]
    _U32,  # long_postings
    _U32,  # long_counts
)


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
def _first_from(values, wanted):
    """The first place in rising `values` of one that is `wanted` or more."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled(nb.types.UniTuple(nb.int64, 4)(*PLACES, nb.int64))
def _open(tfs, words, blocks, widths, long_postings, long_counts, posting):
    """Of a posting: the bit its positions begin at, bits of the first and of a difference, count.

    The count is 0 if a damaged file says what cannot be.
    """
    block = posting // _BLOCK
    first = block * _BLOCK
    numbers = np.int64(0)
    for before in range(first, posting):
        numbers += np.int64(tfs[before])
    count = np.int64(tfs[posting])
    if len(long_postings):
        slot = _first_from(long_postings, first)
        while slot < len(long_postings) and long_postings[slot] < posting:
            numbers += np.int64(long_counts[slot]) - _SATURATED
            slot += 1
        if slot < len(long_postings) and long_postings[slot] == posting:
            count = np.int64(long_counts[slot])
    head, step = np.int64(widths[block, 0]), np.int64(widths[block, 1])
    skipped = posting - first
    at = 8 * np.int64(blocks[block]) + skipped * head + (numbers - skipped) * step
    end = at + head + (count - 1) * step
    possible = count == 1 or (count > 1 and step > 0)
    # The two words from where a number begins are read, even if it has no bits.
    if not possible or max(head, step) > _MOST_BITS or at < 0 or end > 64 * (len(words) - 2):
        return 0, 0, 0, 0
    return at, head, step, count


@compiled(nb.int64(readonly(nb.uint64), nb.int64, nb.int64))
def _number(words, at, width):
    """The number of so many bits that begins at a bit."""
    word, shift = at >> 6, np.uint64(at & 63)
    value = words[word] >> shift
    value |= (words[word + 1] << np.uint64(1)) << (np.uint64(63) - shift)
    return np.int64(value & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)))


@compiled(nb.int64[::1](_DOCS, *PLACES, nb.int64, nb.int64, nb.int64))
def positions_in(
    docs, tfs, words, blocks, widths, long_postings, long_counts, begin, end, place
):  # fmt: skip
    """int64[n], rising: where a term stands in one document; empty if it does not.

    begin, end: the term's postings in the chunk; place: the document's place in it
    """
    posting = gallop(docs, begin, end, place)
    if posting == end or docs[posting] != place:
        return np.empty(0, np.int64)
    at, head, step, count = _open(
        tfs, words, blocks, widths, long_postings, long_counts, posting
    )  # fmt: skip
    positions = np.empty(count, np.int64)
    position = 0
    width = head
    for i in range(count):
        position += _number(words, at, width)
        positions[i] = position
        at += width
        width = step
    return positions


@compiled(
    nb.int64(readonly(nb.uint64), nb.int64[:, ::1], nb.int64, _I64, nb.int64, nb.int64, nb.int64)
)
def _keep_at(words, opened, term, held, count, shift, most):
    """Keep those of held[:count] at which, moved by `shift`, a term stands; stop at `most`."""
    at, width, step, left = opened[term, 0], opened[term, 1], opened[term, 2], opened[term, 3]
    position = _number(words, at, width)
    kept = 0
    for i in range(count):
        wanted = held[i] + shift
        while position < wanted:
            left -= 1
            if left == 0:
                return kept
            at += width
            width = step
            position += _number(words, at, step)
        if position == wanted:
            held[kept] = held[i]
            kept += 1
            if kept == most:
                return kept
    return kept


@compiled(
    nb.int64(
        readonly(nb.uint64), nb.int64[:, ::1], nb.int64, _I64, nb.int64, _I64, nb.int64, nb.int64
    )
)  # fmt: skip
def _follow(words, opened, term, held, count, following, slop, most):
    """Where a term stands at most `slop` after one of held[:count]: into `following`."""
    at, width, step = opened[term, 0], opened[term, 1], opened[term, 2]
    position = np.int64(0)
    matched = low = 0
    for _ in range(opened[term, 3]):
        position += _number(words, at, width)
        at += width
        width = step
        while low < count and held[low] < position - slop:
            low += 1
        if low == count:
            break
        if held[low] < position:
            following[matched] = position
            matched += 1
            if matched == most:
                break
    return matched


@compiled(nb.int64(readonly(nb.uint64), nb.int64[:, ::1], nb.int64, _I64))
def _read(words, opened, term, positions):
    """All positions of a term; returns how many."""
    at, width, step, count = opened[term, 0], opened[term, 1], opened[term, 2], opened[term, 3]
    position = np.int64(0)
    for i in range(count):
        position += _number(words, at, width)
        positions[i] = position
        at += width
        width = step
    return count


@compiled(nb.boolean(readonly(nb.uint64), nb.int64[:, ::1], nb.int64[:, ::1], nb.int64))
def _adjoin(words, opened, held, slop):
    """Whether terms follow each other, each at most `slop` after the one before.

    opened: int64[T, 5], what `_open` says of each, and room; held: room for all positions
    """
    terms = len(opened)
    if slop > 1:
        here, following = held[0], held[1]
        count = _read(words, opened, 0, here)
        for term in range(1, terms):
            most = 1 if term == terms - 1 else len(following)
            count = _follow(words, opened, term, here, count, following, slop, most)
            here, following = following, here
            if count == 0:
                break
        return count > 0
    # In a row: begin with the term that stands in the fewest places.
    base = 0
    for term in range(terms):
        opened[term, 4] = 0
        if opened[term, 3] < opened[base, 3]:
            base = term
    opened[base, 4] = 1
    count = _read(words, opened, base, held[0])
    for left in range(terms - 1, 0, -1):
        term = -1
        for other in range(terms):
            if not opened[other, 4] and (term < 0 or opened[other, 3] < opened[term, 3]):
                term = other
        opened[term, 4] = 1
        most = 1 if left == 1 else count
        count = _keep_at(words, opened, term, held[0], count, term - base, most)
        if count == 0:
            return False
    return True


@compiled(nb.int64(*PLACES))
def most_positions(tfs, words, blocks, widths, long_postings, long_counts):
    """More positions than any posting can have: one needs a bit."""
    most = np.int64(_SATURATED)
    for count in long_counts:
        most = max(most, np.int64(count))
    return min(most, 64 * len(words))


@compiled(
    nb.int64(
        _DOCS, *PLACES, _BYTES, _F32, nb.int64[:, ::1], nb.int64, _F32, nb.int64,
        nb.int64[:, ::1], nb.int64[:, ::1], nb.int64[:, ::1], _F32, nb.uint64[::1],
    )
)  # fmt: skip
def add_phrase(
    docs, tfs, words, blocks, widths, long_postings, long_counts,
    codes, norms, bounds, chunk, weights, slop, cursors, opened, held, scores, marks,
):  # fmt: skip
    """Score and mark the documents of a chunk that have a phrase in one field.

    codes: uint8[≤ CHUNK], length codes of the chunk's documents; norms: float32[256]
    bounds: int64[T, C + 1], postings of the terms in the order of the phrase; weights[T]
    cursors: int64[2, T], opened: int64[T, 5], held: int64[2, most_positions]: room
    scores: float32[CHUNK], added to; marks: uint64[CHUNK / 64], bits are set in it
    Returns how many have it.
    """
    terms = len(bounds)
    order, at = cursors[0], cursors[1]
    for term in range(terms):
        at[term] = bounds[term, chunk]
        place = term
        while place > 0 and (
            bounds[order[place - 1], chunk + 1] - bounds[order[place - 1], chunk]
            > bounds[term, chunk + 1] - bounds[term, chunk]
        ):
            order[place] = order[place - 1]
            place -= 1
        order[place] = term
    rarest = order[0]
    found = 0
    for posting in range(bounds[rarest, chunk], bounds[rarest, chunk + 1]):
        place = np.int64(docs[posting])
        at[rarest] = posting
        together = place < len(codes)
        for rank in range(1, terms):
            term = order[rank]
            end = bounds[term, chunk + 1]
            here = at[term]
            if here < end and docs[here] < place:
                here = gallop(docs, here, end, place)
                at[term] = here
            if here == end:
                return found
            if docs[here] != place:
                together = False
                break
        if not together:
            continue
        for term in range(terms):
            bit, head, step, count = _open(
                tfs, words, blocks, widths, long_postings, long_counts, at[term]
            )  # fmt: skip
            opened[term, 0] = bit
            opened[term, 1] = head
            opened[term, 2] = step
            opened[term, 3] = count
            together = together and count > 0
        if together and _adjoin(words, opened, held, slop):
            norm = norms[np.intp(codes[place])]
            for term in range(terms):
                tf = np.float32(tfs[at[term]])
                scores[place] += weights[term] * tf / (tf + norm)
            marks[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
            found += 1
    return found


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
    cursors = np.empty((2, terms), np.int64)
    opened = np.empty((terms, 5), np.int64)
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
                cursors, opened, held, scores, marks,
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
