"""A compiled loop for queries all of whose words must match: intersect, then score.

A query is a list of groups, a group the lists of postings of a word in its fields. A
document matches that is in a list of every group. A byte per document of a chunk collects
a bit for every group that it is in, one instruction a posting; scores, which cost several,
are worked out for the matches alone. Where few documents are left, those are sought in
long lists instead (Baeza-Yates: A Fast Set Intersection Algorithm for Sorted Sequences,
2004; galloping as Bentley and Yao, 1976).
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...codec.format import CHUNK_DOCS
from ...kernels.bits import bits_equal, clear
from ...kernels.bm25 import bm25
from ...kernels.galloping import SEARCH_FACTOR, gallop
from ...kernels.jit import compiled, count_ones, lowest_one, readonly
from .rank import LIST, add_list, sweep, visit

#: So few documents are held in order; more are found by looking at all.
_SORTED = 128
#: With more matches than one in this many documents, whether a posting is of one is
#: too uncertain to branch on.
_BRANCH_FACTOR = 12

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
_F32 = nb.float32[::1]
_I64 = nb.int64[::1]
_U64 = nb.uint64[::1]
_BITS = nb.uint8[::1]
_PLACES = nb.uint16[::1]
_LIST = (_U16, nb.int64, nb.int64)


@compiled(nb.void(*_LIST, _BITS, nb.uint8))
def _mark(docs, begin, end, passed, bit):
    """Give a bit to all documents of a list."""
    places = docs[begin:end]
    for i in range(len(places)):
        place = np.intp(places[i])
        if place < len(passed):
            passed[place] |= bit


@compiled(nb.int64(*_LIST, _BITS, _PLACES, nb.int64))
def _begin(docs, begin, end, passed, candidates, count):
    """Give the first bit to all documents of a list and append the new ones to candidates."""
    for i in range(begin, end):
        place = np.intp(docs[i])
        if place < len(passed):
            candidates[count] = place
            count += passed[place] == 0
            passed[place] = 1
    return count


@compiled(nb.void(*_LIST, _BITS, nb.uint8, _PLACES))
def _mark_candidates(docs, begin, end, passed, bit, candidates):
    """Give a bit to those candidates, rising, that are in a list; no others are touched."""
    if end - begin > SEARCH_FACTOR * len(candidates):
        for i in range(len(candidates)):
            place = np.intp(candidates[i])
            begin = gallop(docs, begin, end, place)
            if begin == end:
                break
            passed[place] |= bit if docs[begin] == place else np.uint8(0)
    else:
        places = docs[begin:end]
        for i in range(len(places)):
            place = np.intp(places[i])
            if place < len(passed):
                before = passed[place]
                passed[place] = before | (bit if before else np.uint8(0))


@compiled(nb.int64(_BITS, nb.uint8))
def _count(passed, full):
    """How many documents have all bits so far."""
    count = np.uint64(0)
    for begin in range(0, len(passed), 64):
        count += count_ones(bits_equal(passed, begin, full))
    return np.int64(count)


@compiled(nb.int64(_BITS, nb.uint8, _PLACES))
def _gather(passed, full, places):
    """Fill in places with the documents that have all bits so far, rising; returns how many."""
    count = 0
    for begin in range(0, len(passed), 64):
        marks = bits_equal(passed, begin, full)
        while marks:
            places[count] = begin + np.int64(lowest_one(marks))
            count += 1
            marks &= marks - np.uint64(1)
    return count


@compiled(nb.int64(_BITS, nb.uint8, _PLACES))
def _keep(passed, full, candidates):
    """Move candidates that have all bits so far to the front, and clear the bits of the rest.

    Returns how many are kept.
    """
    count = 0
    for i in range(len(candidates)):
        place = np.intp(candidates[i])
        candidates[count] = place
        kept = passed[place] == full
        passed[place] = full if kept else np.uint8(0)
        count += kept
    return count


@compiled(nb.void(_BITS, nb.uint8))
def _fold(passed, full):
    """Make room for more groups: documents that have all bits keep the first of them."""
    for place in range(len(passed)):
        passed[place] = np.uint8(passed[place] == full)


@compiled(nb.void(*LIST, _F32, _BITS, nb.uint8))
def _score_few(docs, tfs, codes, norms, begin, end, weight, scores, passed, full):
    """Add the scores of a list's postings of documents that have all bits: few of them."""
    places = docs[begin:end]
    counts = tfs[begin:end]
    for i in range(len(places)):
        place = np.intp(places[i])
        if place < len(codes) and passed[place] == full:
            scores[place] += bm25(weight, counts[i], norms[np.intp(codes[place])])


@compiled(nb.void(_F32, _BITS, nb.uint8))
def _forget_others(scores, passed, full):
    """Set to 0 the scores of documents that do not have all bits."""
    for place in range(len(passed)):
        scores[place] = scores[place] if passed[place] == full else np.float32(0)


@compiled(nb.void(*LIST, _F32, _PLACES))
def _score_found(docs, tfs, codes, norms, begin, end, weight, scores, found):
    """Add the scores of a list's postings of a few documents, rising."""
    for i in range(len(found)):
        place = np.intp(found[i])
        begin = gallop(docs, begin, end, place)
        if begin == end:
            break
        if docs[begin] == place:
            scores[place] += bm25(weight, tfs[begin], norms[np.intp(codes[place])])


@compiled(
    nb.void(
        *(_U16, _U8, readonly(nb.uint8, 2), nb.float32[:, ::1]),
        *(nb.int64[:, ::1], _I64, _F32, _I64),
        *(nb.uint8[::1], nb.int64, _F32, _BITS, _PLACES, _U64, nb.uint32[::1], _F32, _I64),
    )
)
def match_all(
    docs, tfs, lengths, norms, bounds, rows, weights, groups,
    failed, base, scores, stages, places, bits, top_docs, top_scores, state,
):  # fmt: skip
    """Match the documents that are in a list of every group; arguments as `words.match_any`.

    groups: int64[G + 1], group g has the lists groups[g] … groups[g + 1] - 1; the rarest
    group should be the first
    """
    size = lengths.shape[1]
    last = len(groups) - 1
    for chunk in range(bounds.shape[1] - 1):
        first = chunk * CHUNK_DOCS
        here = min(CHUNK_DOCS, size - first)
        rarest = longest = 0
        for i in range(len(rows)):
            postings = bounds[i, chunk + 1] - bounds[i, chunk]
            rarest += postings if i < groups[1] else 0
            longest = max(longest, postings)
        if rarest == 0:
            continue
        passed = stages[:here]
        # The documents that are left, and whether they are in `places`.
        left, listed = 0, rarest <= _SORTED
        untidy = not listed
        bit = full = 1
        for group in range(last):
            if bit == 256:
                _fold(passed, np.uint8(full))
                bit, full = 2, 1
            full |= bit
            for i in range(groups[group], groups[group + 1]):
                begin, end = bounds[i, chunk], bounds[i, chunk + 1]
                if not listed:
                    _mark(docs, begin, end, passed, np.uint8(bit))
                elif group == 0:
                    left = _begin(docs, begin, end, passed, places, left)
                else:
                    _mark_candidates(docs, begin, end, passed, np.uint8(bit), places[:left])
            if not listed:
                left = _count(passed, np.uint8(full))
                if left * SEARCH_FACTOR < longest or left <= _SORTED:
                    left = _gather(passed, np.uint8(full), places)
                    listed = True
            elif group == 0:
                places[:left].sort()
            else:
                left = _keep(passed, np.uint8(full), places[:left])
            if left == 0:
                break
            bit <<= 1
        if left:
            for i in range(len(rows)):
                begin, end = bounds[i, chunk], bounds[i, chunk + 1]
                codes, table = lengths[rows[i], first : first + here], norms[rows[i]]
                weight = weights[i]
                if listed and end - begin > SEARCH_FACTOR * left:
                    found = places[:left]
                    _score_found(docs, tfs, codes, table, begin, end, weight, scores, found)
                elif left * _BRANCH_FACTOR < here:
                    _score_few(
                        docs, tfs, codes, table, begin, end, weight, scores, passed, np.uint8(full)
                    )
                else:
                    # What does not match is cheaper taken back than kept out.
                    add_list(docs, tfs, codes, table, begin, end, weight, scores)
            if left * _BRANCH_FACTOR >= here:
                _forget_others(scores, passed, np.uint8(full))
            if listed:
                visit(
                    scores, places[:left], failed, first, base + first, bits, top_docs, top_scores,
                    state,
                )  # fmt: skip
            else:
                sweep(scores, failed, first, here, base + first, bits, top_docs, top_scores, state)
        if untidy:
            for begin in range(0, here, 64):
                clear(stages, begin)
        else:
            for i in range(left):
                passed[np.intp(places[i])] = 0
