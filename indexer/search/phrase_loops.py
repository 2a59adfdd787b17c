"""Phrases and near words, compiled: the positions of words in a row, compared.

No address is taken from a file unchecked: damaged files give wrong answers here, never
accesses out of bounds. The bounds of postings were checked when the plan was made.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ..codec.positions_fast import PositionsTable, most_positions, read_positions
from ..kernels.galloping import gallop
from ..kernels.jit import compiled, inner
from ..ranking import WEIGHTS
from .tables import F32, I64, ONE_FORM, U8, K, PhraseTable, SegmentTable

_WEIGHTS = WEIGHTS
#: Of a word in a row, the most postings whose positions are compared with others'.
_MOST_POSTINGS = 4


@inner(nb.float32(U8, U8, nb.int64, nb.int64, nb.int64, nb.float32, F32, nb.uint8[::1]))
def _score_of_allowed(weights, codes, codes_at, begin, end, stem, light, allowed):
    """As `score_of_forms`, of some forms alone; codes_at: ONE_FORM for a term that has one."""
    whole = np.float32(0)
    alike = np.float32(0)
    most = np.float32(0)
    for i in range(begin, end):
        form = np.int64(codes[codes_at + i]) if codes_at != ONE_FORM else 0
        if allowed[form]:
            t = _WEIGHTS[weights[i]]
            whole += t
            if light[form] > 0:
                alike += t
            most = max(most, light[form])
    return stem * (whole / (whole + K)) + most * (alike / (alike + K))


@inner(nb.int64(nb.int64[::1], nb.int64, nb.int64[::1], nb.int64, nb.int64))
def follow(ends, held, places, count, gap):
    """Keep in `ends` those of `count` rising places that come at most `gap` after one of them.

    Both rise. Returns how many there are.
    """
    kept = at = 0
    for i in range(count):
        place = places[i]
        while at < held and ends[at] < place - gap:
            at += 1
        if at < held and ends[at] < place:
            places[kept] = place
            kept += 1
    for i in range(kept):
        ends[i] = places[i]
    return kept


@inner(nb.int64(I64, nb.int64, I64, nb.int64))
def merge(places, count, others, added):
    """Merge `added` rising numbers of `others` into `count` of `places`; returns how many."""
    at, end = count - 1, count + added
    for i in range(added - 1, -1, -1):
        while at >= 0 and places[at] > others[i]:
            end -= 1
            places[end] = places[at]
            at -= 1
        end -= 1
        places[end] = others[i]
    return count + added


@inner(
    nb.int64(
        SegmentTable.type, PositionsTable.type, PhraseTable.type, nb.int64, nb.int64, nb.int64,
        I64, I64,
    )
)  # fmt: skip
def places_in_row(segment, positions, phrase, word, begin, end, places, spare):
    """Fill in where a word stands in the row of the postings from `begin` to `end`, rising.

    places, spare: room for all places, and for those of one posting
    Returns how many places there are.
    """
    codes, codes_at = segment.codes, phrase.codes_at[word]
    count = 0
    for i in range(begin, end):
        form = np.int64(codes[codes_at + i]) if codes_at != ONE_FORM else 0
        if phrase.allowed[word, form]:
            count = merge(places, count, spare, read_positions(positions, i, spare))
    return count


@inner(nb.int64(nb.int64[:, ::1], nb.int64))
def shortest(bounds, chunk):
    """The list with the fewest postings in a chunk."""
    least = 0
    for n in range(1, len(bounds)):
        length = bounds[n, chunk + 1] - bounds[n, chunk]
        if length < bounds[least, chunk + 1] - bounds[least, chunk]:
            least = n
    return least


@compiled(
    nb.int64(SegmentTable.type, PositionsTable.type, PhraseTable.type, nb.int64, nb.int64, I64, F32)
)
def phrase_rows(segment, positions, phrase, chunk, gap, rows, scores):
    """Find the rows of a chunk in which the words of a phrase follow each other.

    gap: the most positions from one word to the next
    rows, scores: filled in; as long as the shortest list of a word in the chunk
    Returns how many rows there are. A row scores what its words score.
    """
    docs, weights, codes, bounds = segment.docs, segment.weights, segment.codes, phrase.bounds
    count = len(bounds)
    first = segment.chunk_rows[chunk]
    size = segment.chunk_rows[chunk + 1] - first
    driver = shortest(bounds, chunk)
    begins, after = np.empty(count, np.int64), np.empty(count, np.int64)
    for n in range(count):
        begins[n] = after[n] = bounds[n, chunk]
    longest = most_positions(positions)
    places, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    ends = np.empty(longest, np.int64)
    found = 0
    while begins[driver] < bounds[driver, chunk + 1]:
        row = np.int64(docs[begins[driver]])
        has_all = row < size
        for n in range(count):
            high = bounds[n, chunk + 1]
            if has_all:
                begins[n] = gallop(docs, begins[n], high, row)
                after[n] = begins[n]
                while after[n] < high and docs[after[n]] == row:
                    after[n] += 1
                has_all = after[n] > begins[n]
        held = 0
        score = np.float32(0)
        for n in range(count):
            if not has_all:
                break
            room = longest * (after[n] - begins[n])
            if room > len(places):  # several forms of the word
                places, before = np.empty(room, np.int64), ends
                ends = np.empty(room, np.int64)
                for i in range(held):
                    ends[i] = before[i]
            some = places_in_row(segment, positions, phrase, n, begins[n], after[n], places, spare)
            if n:
                held = follow(ends, held, places, some, gap)
            else:
                held = some
                for i in range(some):
                    ends[i] = places[i]
            has_all = held > 0
            score += _score_of_allowed(
                weights, codes, phrase.codes_at[n], begins[n], after[n], phrase.stems[n],
                phrase.lights[n], phrase.allowed[n],
            )  # fmt: skip
        if has_all:
            rows[found] = first + row
            scores[found] = score
            found += 1
        # Past the row, and past what does not rise in a damaged list.
        begins[driver] = max(begins[driver] + 1, after[driver])
    return found


@inner(nb.int64(I64, nb.int64, I64, nb.int64, nb.int64))
def _meet(some, count, others, added, reach):
    """Whether any of `count` rising places is at most `reach` from one of `added` others."""
    at = 0
    for i in range(count):
        while at < added and others[at] < some[i] - reach:
            at += 1
        if at < added and others[at] <= some[i] + reach:
            return 1
    return 0


@compiled(nb.void(SegmentTable.type, PositionsTable.type, PhraseTable.type, nb.int64, I64, F32))
def most_near(segment, positions, phrase, reach, docs, most):
    """Find in documents the row in which most neighbours among words stand near each other.

    reach: the most positions between two
    most: float32[docs], filled in: how many neighbours do in that row
    """
    bounds, words = phrase.bounds, len(phrase.bounds)
    room = _MOST_POSTINGS * most_positions(positions)
    places, before = np.empty(room, np.int64), np.empty(room, np.int64)
    spare = np.empty(room, np.int64)
    begins, ends = np.empty(words, np.int64), np.empty(words, np.int64)
    for number in range(len(docs)):
        doc, chunk = docs[number], 0
        while segment.chunk_docs[chunk + 1] <= doc:
            chunk += 1
        first = segment.chunk_rows[chunk]
        for n in range(words):
            begins[n] = bounds[n, chunk]
        for row in range(
            np.int64(segment.first_rows[doc]) - first, np.int64(segment.first_rows[doc + 1]) - first
        ):
            near, held, read = 0, 0, -1
            for n in range(words):
                high = bounds[n, chunk + 1]
                begins[n] = gallop(segment.docs, begins[n], high, row)
                end = begins[n]
                while end < high and segment.docs[end] == row and end - begins[n] < _MOST_POSTINGS:
                    end += 1
                ends[n] = end
                if not n or begins[n - 1] == ends[n - 1] or begins[n] == end:
                    continue
                if read < n - 1:
                    held = places_in_row(
                        segment, positions, phrase, n - 1, begins[n - 1], ends[n - 1], before, spare
                    )
                some = places_in_row(segment, positions, phrase, n, begins[n], end, places, spare)
                near += _meet(before, held, places, some, reach)
                held, read = some, n
                places, before = before, places
            most[number] = max(most[number], near)
