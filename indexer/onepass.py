"""Compiled loops that answer a query of words at once: match, score, rank; layer 5.

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

from .jit import compiled, count_ones, lowest_one, readonly

CHUNK = 1 << 16
_WORDS = CHUNK // 64
#: A list this many times longer than the candidates is searched for each of them
#: instead of being read.
_SEARCH_FACTOR = 16
#: With more candidates than one in this many documents, whether a posting is of one is
#: too uncertain to branch on.
_BRANCH_FACTOR = 12
#: Chunks with fewer postings than one for this many documents are not swept but visited.
_SWEEP_FACTOR = 6
#: Of `state`: best stories held so far, matches, matches that pass the filters.
HELD, MATCHED, PASSED = 0, 1, 2

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
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


@compiled(nb.float32(_F32, _I64))
def _least(top_scores, state):
    """The score that a document must exceed to be among the best; -1 if any will do."""
    if len(top_scores) == 0:
        return np.float32(np.inf)
    return top_scores[-1] if state[HELD] == len(top_scores) else np.float32(-1)


@compiled(nb.float32(nb.int64, nb.float32, nb.uint32[::1], _F32, _I64))
def _hold(doc, score, top_docs, top_scores, state):
    """Take a document, which comes after all others, among the best if it is one.

    Returns the score that the next one must exceed to be one.
    """
    k = len(top_docs)
    at = min(state[HELD], k - 1)
    if state[HELD] < k:
        state[HELD] += 1
    elif k == 0 or score <= top_scores[k - 1]:
        return _least(top_scores, state)
    while at > 0 and top_scores[at - 1] < score:
        top_scores[at] = top_scores[at - 1]
        top_docs[at] = top_docs[at - 1]
        at -= 1
    top_scores[at] = score
    top_docs[at] = doc
    return _least(top_scores, state)


@compiled(nb.int64(_U64, nb.uint16[::1]))
def _unpack(bits, places):
    """The places of the bits that are set, rising; returns how many."""
    count = 0
    for word in range(len(bits)):
        left = bits[word]
        while left:
            places[count] = np.uint16((word << 6) + np.int64(lowest_one(left)))
            count += 1
            left &= left - np.uint64(1)
    return count


@compiled(
    nb.void(_F32, nb.uint8[::1], nb.int64, nb.int64, nb.int64, _U64, nb.uint32[::1], _F32, _I64)
)
def _sweep(scores, failed, first, size, base, bits, top_docs, top_scores, state):
    """Turn the sums of a chunk into marks and the best k, and clear them.

    scores: float32[CHUNK], above 0 for matches; `size` of them are in use
    failed: uint8[N] or uint8[0]; first: the chunk's first document in the segment
    base: what is added to it in top_docs
    """
    # Floats from 0 on are ordered as their bits are (IEEE 754), and loops over integers
    # become vector instructions.
    patterns = scores.view(np.int32)
    bound = np.empty(1, np.int32)
    threshold = bound.view(np.float32)
    threshold[0] = _least(top_scores, state)
    matched = passed = 0
    for word in range((size + 63) >> 6):
        begin = np.uint64(word) << np.uint64(6)
        marks = np.uint64(0)
        for i in range(np.uint64(64)):
            marks |= np.uint64(patterns[begin + i] > 0) << i
        if marks == 0:
            continue
        highest = np.int32(0)
        for i in range(np.uint64(64)):
            highest = max(highest, patterns[begin + i])
        bits[(first >> 6) + word] = marks
        matched += count_ones(marks)
        if len(failed):
            for i in range(64):
                doc = first + (word << 6) + i
                if doc < len(failed) and failed[doc]:
                    marks &= ~(np.uint64(1) << np.uint64(i))
        passed += count_ones(marks)
        if highest > bound[0]:
            while marks:
                place = begin + lowest_one(marks)
                if scores[place] > threshold[0]:
                    threshold[0] = _hold(
                        base + np.int64(place), scores[place], top_docs, top_scores, state
                    )
                marks &= marks - np.uint64(1)
        for i in range(np.uint64(64)):
            scores[begin + i] = 0
    state[MATCHED] += matched
    state[PASSED] += passed


@compiled(
    nb.void(
        _F32,
        nb.uint16[::1],
        nb.int64,
        nb.uint8[::1],
        nb.int64,
        nb.int64,
        _U64,
        nb.uint32[::1],
        _F32,
        _I64,
    )
)
def _visit(scores, places, count, failed, first, base, bits, top_docs, top_scores, state):
    """As `_sweep`, for the few documents places[:count], rising."""
    least = _least(top_scores, state)
    for i in range(count):
        place = np.int64(places[i])
        doc = first + place
        bits[doc >> 6] |= np.uint64(1) << np.uint64(doc & 63)
        if len(failed) == 0 or failed[doc] == 0:
            state[PASSED] += 1
            if scores[place] > least:
                least = _hold(base + place, scores[place], top_docs, top_scores, state)
    state[MATCHED] += count


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
    _U64,  # bits: uint64[N / 64], all 0; document d is bit d & 63 of word d >> 6, filled in
    nb.uint32[::1],  # top_docs: the best k so far, best first; ties rise
    _F32,  # top_scores
    _I64,  # state: see HELD
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
    bits,
    top_docs,
    top_scores,
    state,
):
    """Match the documents that are in any list; for the arguments see above."""
    size = lengths.shape[1]
    marks = np.zeros(_WORDS, np.uint64)
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
            _sweep(scratch, failed, first, here, base + first, bits, top_docs, top_scores, state)
        elif total:
            for i in range(len(rows)):
                _mark(docs, bounds[i, chunk], bounds[i, chunk + 1], here, marks, 0)
            count = _unpack(marks[: (here + 63) >> 6], room)
            _visit(
                scratch, room, count, failed, first, base + first, bits, top_docs, top_scores, state
            )
            for i in range(count):
                scratch[np.intp(room[i])] = 0
                marks[np.intp(room[i]) >> 6] = 0


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
    wanted = np.zeros(_WORDS, np.uint64)
    met = np.zeros(_WORDS, np.uint64)
    touched = np.zeros(_WORDS, np.uint64)
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
            count = _unpack(wanted[:words], room)
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
        count = _unpack(wanted[:words], room)
        _visit(scratch, room, count, failed, first, base + first, bits, top_docs, top_scores, state)
        count = _unpack(touched[:words], room)
        for i in range(count):
            scratch[np.intp(room[i])] = 0
        wanted[:words] = 0
