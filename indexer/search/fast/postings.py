"""Compiled loops over postings: score, intersect, rank, count.

Postings of a term lie in `docs[start:end]`, cut into chunks of 65,536 documents (see
docs/index-format.md). Every function works chunk by chunk, so that what it adds up stays
in the processor's cache, and gives the global interpreter lock back while it runs.

Importing this module imports the compiler; only `engine` does so, for engines that stay.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...codec.format import CHUNK_BITS, CHUNK_DOCS
from ...kernels.bm25 import bm25
from ...kernels.galloping import SEARCH_FACTOR, first_from, gallop
from ...kernels.jit import compiled, count_ones, lowest_one, readonly
from .phrase_scores import score_phrases

__all__ = [
    "add_matches", "best", "count_facet", "documents_of_terms", "mark", "marked", "score_all",
    "score_any", "score_phrases",
]  # fmt: skip

_DOCS = readonly(nb.uint16)
_BYTES = readonly(nb.uint8)
_CODES = readonly(nb.uint8, 2)
_U32 = readonly(nb.uint32)
_LISTS = (
    _DOCS,  # docs
    _BYTES,  # tfs
    _CODES,  # lengths uint8[L, N]
    nb.float32[:, ::1],  # norms[L, 256]
    nb.int64[:, ::1],  # bounds[n, C + 1] of the lists
    nb.int64[::1],  # rows[n] into lengths and norms
    nb.float32[::1],  # weights[n]
)
_RESULT = nb.types.Tuple((nb.int64, nb.uint32[::1], nb.float32[::1]))


@compiled(
    nb.int64(
        _DOCS, _BYTES, _CODES, nb.float32[:, ::1], nb.int64, nb.int64, nb.int64, nb.float32,
        nb.int64, nb.float32[::1], nb.uint8[::1],
    )
)  # fmt: skip
def _add_list(docs, tfs, lengths, norms, begin, end, row, weight, base, scores, seen):
    """Add the scores of a list to those of its chunk and mark its documents."""
    table = norms[row]
    codes = lengths[row]
    for posting in range(begin, end):
        place = docs[posting]
        if base + place < len(codes):
            scores[place] += bm25(weight, tfs[posting], table[codes[base + place]])
            seen[place] = 1
    return 0


@compiled(_RESULT(*_LISTS))
def score_any(docs, tfs, lengths, norms, bounds, rows, weights):
    """Documents in any of the lists, with the sums of their scores.

    Returns the number n, documents uint32[≥ n] increasing, scores float32[≥ n].
    """
    size = lengths.shape[1]
    found = np.empty(size, np.uint32)
    sums = np.empty(size, np.float32)
    scores = np.zeros(CHUNK_DOCS, np.float32)
    seen = np.zeros(CHUNK_DOCS, np.uint8)
    count = 0
    for chunk in range(bounds.shape[1] - 1):
        base = chunk << CHUNK_BITS
        total = 0
        for i in range(bounds.shape[0]):
            total += bounds[i, chunk + 1] - bounds[i, chunk]
            _add_list(
                docs, tfs, lengths, norms, bounds[i, chunk], bounds[i, chunk + 1], rows[i],
                weights[i], base, scores, seen,
            )  # fmt: skip
        if total == 0:
            continue
        for place in range(min(CHUNK_DOCS, size - base)):
            if seen[place]:
                found[count] = base + place
                sums[count] = scores[place]
                count += 1
                scores[place] = 0
                seen[place] = 0
    return count, found, sums


@compiled(_RESULT(*_LISTS, nb.int64[::1]))
def score_all(docs, tfs, lengths, norms, bounds, rows, weights, groups):
    """Documents in at least one list of every group, with the sums of their scores.

    groups: int64[G + 1], group g has the lists groups[g] … groups[g + 1] - 1; the
    rarest first. Returns as `score_any` does.
    """
    size = lengths.shape[1]
    found = np.empty(size, np.uint32)
    sums = np.empty(size, np.float32)
    scores = np.zeros(CHUNK_DOCS, np.float32)
    passed = np.zeros(CHUNK_DOCS, np.uint16)
    places = np.empty(CHUNK_DOCS, np.uint16)
    last = len(groups) - 1
    count = 0
    for chunk in range(bounds.shape[1] - 1):
        base = chunk << CHUNK_BITS
        candidates = 0
        for i in range(groups[0], groups[1]):
            for posting in range(bounds[i, chunk], bounds[i, chunk + 1]):
                place = docs[posting]
                if base + place >= size:
                    continue
                if passed[place] == 0:
                    passed[place] = 1
                    places[candidates] = place
                    candidates += 1
                scores[place] += bm25(
                    weights[i], tfs[posting], norms[rows[i], lengths[rows[i], base + place]]
                )
        if candidates == 0:
            continue
        if groups[1] - groups[0] > 1:
            places[:candidates].sort()
        for group in range(1, last):
            for i in range(groups[group], groups[group + 1]):
                begin, end = bounds[i, chunk], bounds[i, chunk + 1]
                if end - begin > SEARCH_FACTOR * candidates:
                    for candidate in range(candidates):
                        place = places[candidate]
                        if passed[place] < group:
                            continue
                        begin = gallop(docs, begin, end, place)
                        if begin == end:
                            break
                        if docs[begin] == place:
                            passed[place] = group + 1
                            scores[place] += bm25(
                                weights[i],
                                tfs[begin],
                                norms[rows[i], lengths[rows[i], base + place]],
                            )
                else:
                    for posting in range(begin, end):
                        place = docs[posting]
                        if passed[place] >= group:
                            passed[place] = group + 1
                            scores[place] += bm25(
                                weights[i],
                                tfs[posting],
                                norms[rows[i], lengths[rows[i], base + place]],
                            )
        for candidate in range(candidates):
            place = places[candidate]
            if passed[place] == last:
                found[count] = base + place
                sums[count] = scores[place]
                count += 1
            passed[place] = 0
            scores[place] = 0
    return count, found, sums


@compiled(nb.void(_DOCS, nb.int64[:, ::1], nb.boolean[::1]))
def mark(docs, bounds, mask):
    """Set mask[d] for the documents d of all lists."""
    for i in range(bounds.shape[0]):
        for chunk in range(bounds.shape[1] - 1):
            base = chunk << CHUNK_BITS
            for posting in range(bounds[i, chunk], bounds[i, chunk + 1]):
                doc = base + docs[posting]
                if doc < len(mask):
                    mask[doc] = True


@compiled(nb.uint32[::1](nb.uint64[::1]))
def marked(bits):
    """The numbers of the bits that are set, rising: bit i & 63 of word i >> 6."""
    count = 0
    for word in bits:
        count += np.int64(count_ones(word))
    found = np.empty(count, np.uint32)
    count = 0
    for word in range(len(bits)):
        left = bits[word]
        while left:
            found[count] = (word << 6) + np.int64(lowest_one(left))
            count += 1
            left &= left - np.uint64(1)
    return found


@compiled(nb.void(_U32, readonly(nb.float32), nb.float32[::1], nb.uint64[::1]))
def add_matches(doc_ids, scores, sums, seen):
    """Add the scores of documents to sums[d] and set their bits in `seen`."""
    for i in range(len(doc_ids)):
        doc = np.int64(doc_ids[i])
        sums[doc] += scores[i]
        seen[doc >> 6] |= np.uint64(1) << np.uint64(doc & 63)


@compiled(nb.uint32[::1](_DOCS, _U32, _DOCS, _U32, _DOCS, nb.int64, nb.int64, nb.int64))
def documents_of_terms(docs, starts, first_chunks, run_starts, run_chunks, first, last, size):
    """uint32[n], rising: the documents that have any of the terms first … last - 1.

    starts uint32[T + 1], first_chunks, run_starts, run_chunks: see docs/index-format.md
    size: documents of the segment
    """
    bits = np.zeros((size + 63) >> 6, np.uint64)
    run = first_from(run_starts, np.int64(starts[first]))
    for number in range(first, last):
        begin, end = np.int64(starts[number]), min(np.int64(starts[number + 1]), len(docs))
        base = np.int64(first_chunks[number]) << CHUNK_BITS
        while begin < end:
            stop = end
            if run < len(run_starts) and begin <= run_starts[run] < end:
                stop = np.int64(run_starts[run])
            for posting in range(begin, stop):
                doc = base + docs[posting]
                if doc < size:
                    bits[doc >> 6] |= np.uint64(1) << np.uint64(doc & 63)
            begin = stop
            if stop < end:
                base = np.int64(run_chunks[run]) << CHUNK_BITS
                run += 1
    return marked(bits)


@compiled(nb.int64(nb.uint32[::1], nb.float32[::1], nb.uint8[::1], nb.uint32[::1], nb.float32[::1]))
def best(found, sums, failed, top_docs, top_scores):
    """Fill in the best of the matches; returns how many pass every filter.

    found: uint32[n], increasing; sums: float32[n], their scores
    failed: uint8[N], 0 for documents that pass (or uint8[0]: all do)
    top_docs, top_scores: room for the k best, best first; ties keep the order of documents
    """
    k = len(top_docs)
    total = 0
    held = 0
    for i in range(len(found)):
        if len(failed) and failed[found[i]]:
            continue
        total += 1
        score = sums[i]
        if held == k:
            if k == 0 or score <= top_scores[k - 1]:
                continue
        else:
            held += 1
        at = held - 1
        while at > 0 and top_scores[at - 1] < score:
            top_scores[at] = top_scores[at - 1]
            top_docs[at] = top_docs[at - 1]
            at -= 1
        top_scores[at] = score
        top_docs[at] = found[i]
    return total


def _count(found, failed, own, offsets, ordinals, counts):
    """Add to counts[v] the matches that have value v of a facet.

    Those count that pass all filters, or fail none but the facet's own: `failed` is 0
    or `own` for them. offsets: uint32[N + 1]; ordinals: the values of document d are
    ordinals[offsets[d]:offsets[d + 1]].
    """
    for doc in found:
        if len(failed) and failed[doc] != 0 and failed[doc] != own:
            continue
        for place in range(offsets[doc], offsets[doc + 1]):
            counts[ordinals[place]] += 1
    return 0


_COUNT = (nb.uint32[::1], nb.uint8[::1], nb.int64, _U32)
_count_short = compiled(nb.int64(*_COUNT, readonly(nb.uint16), nb.int64[::1]))(_count)
_count_long = compiled(nb.int64(*_COUNT, readonly(nb.uint32), nb.int64[::1]))(_count)


def count_facet(found, failed, own, offsets, ordinals, counts):
    """`_count` for ordinals of either width."""
    count = _count_short if ordinals.dtype == np.uint16 else _count_long
    count(found, failed, own, offsets, ordinals, counts)
