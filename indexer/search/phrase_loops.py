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

from ..codec.codes import ONE_FORM
from ..codec.codes_fast import code_of
from ..codec.positions_fast import PositionsTable, most_positions, read_positions
from ..kernels.galloping import gallop
from ..kernels.jit import compiled, inner
from ..ranking import WEIGHTS
from .tables import F32, I64, U16, K, PhraseTable, SegmentTable

_WEIGHTS = WEIGHTS
_SATURATED = (WEIGHTS / (WEIGHTS + K)).astype(np.float32)
#: Of a word in a row, the most postings whose positions are compared with others'.
_MOST_POSTINGS = 4


@inner(nb.int64(SegmentTable.type, PhraseTable.type, nb.int64, nb.int64))
def form_of(segment, phrase, word, posting):
    """Which form of a word a posting is of."""
    codes_at = phrase.codes_at[word]
    return code_of(segment.codes, codes_at, posting) if codes_at != ONE_FORM else 0


@inner(nb.float32(SegmentTable.type, PhraseTable.type, I64, I64))
def score_of_row(segment, phrase, begins, ends):
    """What the words of a phrase score in a row with their postings from `begins` to `ends`.

    As `score_of_forms` for each, of the forms that count.
    """
    score = np.float32(0)
    for n in range(len(begins)):
        light = phrase.lights[n]
        if ends[n] - begins[n] == 1:
            sat = _SATURATED[segment.weights[begins[n]]]
            score += phrase.stems[n] * sat + light[form_of(segment, phrase, n, begins[n])] * sat
            continue
        whole = np.float32(0)
        alike = np.float32(0)
        most = np.float32(0)
        for i in range(begins[n], ends[n]):
            form = form_of(segment, phrase, n, i)
            if phrase.allowed[n, form]:
                t = _WEIGHTS[segment.weights[i]]
                whole += t
                if light[form] > 0:
                    alike += t
                most = max(most, light[form])
        score += phrase.stems[n] * (whole / (whole + K)) + most * (alike / (alike + K))
    return score


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
    count = 0
    for i in range(begin, end):
        if not phrase.allowed[word, form_of(segment, phrase, word, i)]:
            continue
        if count == 0:
            count = read_positions(positions, i, places)
        else:
            count = merge(places, count, spare, read_positions(positions, i, spare))
    return count


@inner(
    nb.bool_(
        SegmentTable.type, PositionsTable.type, PhraseTable.type, I64, I64, nb.int64[:, ::1], I64,
    )
)  # fmt: skip
def in_sequence(segment, positions, phrase, begins, after, room, reach):
    """Whether the words of a phrase follow each other in the row of some of their postings.

    room: int64[3, n], for all places of a word; reach: as in `phrase_rows`
    """
    gap, back = reach[0], reach[1]
    ends, places, spare = room[0], room[1], room[2]
    held, last = 0, len(begins) - 1
    for n in range(last + 1):
        if after[n] - begins[n] == 1:
            counts = phrase.allowed[n, form_of(segment, phrase, n, begins[n])]
            some = read_positions(positions, begins[n], places) if counts else 0
        else:
            some = places_in_row(segment, positions, phrase, n, begins[n], after[n], places, spare)
        # Kept are places that are near enough to a place of the word before, not the same.
        at = kept = 0
        for i in range(some if n else 0):
            place = places[i]
            while at < held and ends[at] < place - gap:
                at += 1
            if at == held:
                break
            other = at + (ends[at] == place)
            if other < held and ends[other] <= place + back:
                if n == last:
                    return True
                places[kept] = place
                kept += 1
        held = kept if n else some
        if held == 0:
            return False
        ends, places = places, ends
    return True


@inner(nb.int64(nb.int64[:, ::1], nb.int64))
def shortest(bounds, chunk):
    """The list with the fewest postings in a chunk."""
    least = 0
    for n in range(1, len(bounds)):
        length = bounds[n, chunk + 1] - bounds[n, chunk]
        if length < bounds[least, chunk + 1] - bounds[least, chunk]:
            least = n
    return least


@inner(nb.int64(U16, nb.int64[:, ::1], nb.int64, nb.int64, I64, I64))
def find_row(docs, bounds, chunk, row, begins, after):
    """Move lists on to a row of a chunk: their postings there are from `begins` to `after`.

    Returns the most postings that any has, 0 if one has none.
    """
    most = 0
    for n in range(len(begins)):
        high = bounds[n, chunk + 1]
        at = gallop(docs, begins[n], high, row)
        begins[n] = at
        while at < high and docs[at] == row:
            at += 1
        after[n] = at
        if at == begins[n]:
            return 0
        most = max(most, at - begins[n])
    return most


@inner(
    nb.int64(
        SegmentTable.type, PositionsTable.type, PhraseTable.type, nb.int64, I64, I64, F32, nb.int64
    ),
    allocates=True,
)
def phrase_in_chunk(segment, positions, phrase, chunk, reach, rows, scores, found):
    """Find the rows of a chunk, as `phrase_rows` does, after those `found`; returns how many."""
    docs, bounds = segment.docs, phrase.bounds
    first = segment.chunk_rows[chunk]
    size = segment.chunk_rows[chunk + 1] - first
    driver = shortest(bounds, chunk)
    begins, after = bounds[:, chunk].copy(), bounds[:, chunk].copy()
    longest = most_positions(positions)
    room = np.empty((3, longest), np.int64)
    while begins[driver] < bounds[driver, chunk + 1]:
        at = begins[driver]
        row = np.int64(docs[at])
        most = find_row(docs, bounds, chunk, row, begins, after) if row < size else 0
        if longest * most > room.shape[1]:  # several forms of a word
            room = np.empty((3, longest * most), np.int64)
        if most and in_sequence(segment, positions, phrase, begins, after, room, reach):
            rows[found] = first + row
            scores[found] = score_of_row(segment, phrase, begins, after)
            found += 1
        # Past the row, and past what does not rise in a damaged list.
        begins[driver] = max(at + 1, after[driver])
    return found


@inner(nb.int64(SegmentTable.type, PhraseTable.type, nb.int64, I64, F32, nb.int64), allocates=True)
def word_in_chunk(segment, phrase, chunk, rows, scores, found):
    """As `phrase_in_chunk`, for the only word of a phrase."""
    docs, high, allowed = segment.docs, phrase.bounds[0, chunk + 1], phrase.allowed
    first = segment.chunk_rows[chunk]
    size = segment.chunk_rows[chunk + 1] - first
    begins, ends = np.empty(1, np.int64), np.empty(1, np.int64)
    at = phrase.bounds[0, chunk]
    while at < high:
        row, begins[0] = np.int64(docs[at]), at
        counts = False
        while at < high and docs[at] == row:
            counts |= allowed[0, form_of(segment, phrase, 0, at)] != 0
            at += 1
        if counts and row < size:
            ends[0] = at
            rows[found] = first + row
            scores[found] = score_of_row(segment, phrase, begins, ends)
            found += 1
    return found


@compiled(nb.int64(SegmentTable.type, PositionsTable.type, PhraseTable.type, I64, I64, F32))
def phrase_rows(segment, positions, phrase, reach, rows, scores):
    """Find the rows in which the words of a phrase follow each other.

    reach: int64[2], the most positions from one word forward to the next, and back to it
    rows, scores: filled in; as long as the shortest lists of a word in each chunk together
    Returns how many rows there are. A row scores what its words score.
    """
    found = 0
    for chunk in range(phrase.bounds.shape[1] - 1):
        if len(phrase.bounds) > 1:
            found = phrase_in_chunk(segment, positions, phrase, chunk, reach, rows, scores, found)
        else:
            found = word_in_chunk(segment, phrase, chunk, rows, scores, found)
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


@inner(nb.int64(PositionsTable.type, nb.int64, nb.int64, I64, I64))
def all_places(positions, begin, end, places, spare):
    """Fill in the places of all postings from `begin` to `end`, rising; returns how many."""
    count = read_positions(positions, begin, places)
    for i in range(begin + 1, end):
        count = merge(places, count, spare, read_positions(positions, i, spare))
    return count


@inner(
    nb.int64(
        SegmentTable.type, PositionsTable.type, nb.int64[:, ::1], nb.int64, nb.int64, nb.int64,
        nb.int64[:, ::1], nb.int64[:, ::1],
    )
)  # fmt: skip
def near_in_row(segment, positions, bounds, chunk, row, reach, begins, room):
    """How many neighbours among words stand near each other in a row of a chunk.

    begins: int64[2, words], filled in: where the postings of each word in the row begin, which
        is sought from what is there, and end; room: int64[3, n], for all places of a word
    """
    docs, begin, ends = segment.docs, begins[0], begins[1]
    before, places, spare = room[0], room[1], room[2]
    near, held, read = 0, 0, -1
    for n in range(len(bounds)):
        high = bounds[n, chunk + 1]
        begin[n] = gallop(docs, begin[n], high, row)
        end = begin[n]
        while end < high and docs[end] == row and end - begin[n] < _MOST_POSTINGS:
            end += 1
        ends[n] = end
        if not n or begin[n - 1] == ends[n - 1] or begin[n] == end:
            continue
        if read < n - 1:
            held = all_places(positions, begin[n - 1], ends[n - 1], before, spare)
        some = all_places(positions, begin[n], end, places, spare)
        near += _meet(before, held, places, some, reach)
        held, read = some, n
        places, before = before, places
    return near


@compiled(nb.void(SegmentTable.type, PositionsTable.type, nb.int64[:, ::1], nb.int64, I64, F32))
def most_near(segment, positions, bounds, reach, docs, most):
    """Find in documents the row in which most neighbours among words stand near each other.

    bounds: int64[words, chunks + 1], where the postings of each word begin in each chunk
    reach: the most positions between two
    most: float32[docs], filled in: how many neighbours do in that row
    """
    first_rows, chunk_docs, chunk_rows = segment.first_rows, segment.chunk_docs, segment.chunk_rows
    rows = segment.docs
    room = np.empty((3, _MOST_POSTINGS * most_positions(positions)), np.int64)
    begins = np.empty((2, len(bounds)), np.int64)
    for number in range(len(docs)):
        doc, chunk = docs[number], 0
        while chunk_docs[chunk + 1] <= doc:
            chunk += 1
        for n in range(len(bounds)):
            begins[0, n] = bounds[n, chunk]
        row = np.int64(first_rows[doc]) - chunk_rows[chunk]
        end = np.int64(first_rows[doc + 1]) - chunk_rows[chunk]
        while row < end:
            near = near_in_row(segment, positions, bounds, chunk, row, reach, begins, room)
            most[number] = max(most[number], near)
            following = end
            for n in range(len(bounds)):
                if begins[1, n] < bounds[n, chunk + 1]:
                    following = min(following, np.int64(rows[begins[1, n]]))
            row = max(row + 1, following)
