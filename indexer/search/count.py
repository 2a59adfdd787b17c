"""Compiled loops that count facet values over a bitmap of matches.

A few matches are counted value by value. For more, every document has its frequent
values as a row of bits, and rows are added up eight at a time, however many values each
has; see `kernels.bits`. Of a rare value it is looked up which of its documents match.

No address is taken from a file unchecked: damaged files give wrong counts here, never
accesses out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from ..kernels.bits import BATCH, SLICES, adder, prefetch
from ..kernels.jit import compiled, count_ones, inner, lowest_one, readonly
from ..kernels.tables import Table

#: Values that fit into a row, and words of 64 bits in a row of up to 64 and of more values.
ROW_VALUES = 512
_NARROW, _WIDE = 1, 8
#: Matches that are gathered before their rows are added.
_GATHERED = 1024

_U32 = readonly(nb.uint32)
_U64 = nb.uint64[::1]
_ROWS = nb.uint64[:, ::1]
_FIXED_ROWS = readonly(nb.uint64, 2)
_I64 = nb.int64[::1]


class FacetTable(
    Table, offsets=_U32, ordinals=_U32, rows=_FIXED_ROWS, values=_I64, totals=_I64,
    rare_values=_U32, rare_ends=_I64, rare_docs=_U32,
):  # fmt: skip
    """The values of every document of a segment in a facet.

    offsets, ordinals: document d has the values ordinals[offsets[d]:offsets[d + 1]]
    rows: uint64[N, 1 or 8] or uint64[0, 1], what `make_rows` makes of them; values, totals:
        int64[F], the value of each bit and how many rows have it
    rare_values, rare_ends, rare_docs: the values that are not in rows, and their documents, one
        value after the other, and where those of each end
    """


@inner(nb.int64(_U64, nb.uint8[::1], nb.int64, _U64))
def keep_passing(bits, failed, own, kept):
    """Fill in kept: the matches that fail no filter, or none but number `own`.

    bits, kept: uint64[W], document d is bit d & 63 of word d >> 6; failed: uint8[N], 0 for
    documents that pass, i for those that only facet filter i rejects; see `executor.Failed`.
    Returns how many are kept.
    """
    count = 0
    for word in range(len(bits)):
        left = bits[word]
        marks = np.uint64(0)
        while left:
            place = lowest_one(left)
            doc = (word << 6) + np.int64(place)
            left &= left - np.uint64(1)
            if doc < len(failed) and (failed[doc] == 0 or failed[doc] == own):
                marks |= np.uint64(1) << place
        kept[word] = marks
        count += count_ones(marks)
    return count


@inner(nb.void(_U64, _U32, _U32, _I64), allocates=True)
def _count_listed(bits, offsets, ordinals, counts):
    """Add to counts[v] the documents of `bits` that list the value v.

    offsets: uint32[N + 1]; document d lists ordinals[offsets[d]:offsets[d + 1]]
    """
    docs = np.empty(_GATHERED + 64, np.int64)
    held = np.int64(0)
    for word in range(len(bits)):
        left = bits[word]
        while left:
            doc = (word << 6) + np.int64(lowest_one(left))
            left &= left - np.uint64(1)
            docs[held] = doc
            held += doc + 1 < len(offsets)
            prefetch(offsets, doc)
        if held >= _GATHERED or word == len(bits) - 1:
            # Lists lie far apart, and none should wait for the one before.
            for i in range(held):
                prefetch(ordinals, np.int64(offsets[docs[i]]))
            for i in range(held):
                for place in range(np.int64(offsets[docs[i]]), np.int64(offsets[docs[i] + 1])):
                    if place < len(ordinals) and ordinals[place] < len(counts):
                        counts[np.int64(ordinals[place])] += 1
            held = np.int64(0)


@inner(nb.void(_FIXED_ROWS, nb.int64, _ROWS))
def _add_row(rows, doc, slices):
    """Add one row to the slices of the counts; see `kernels.bits`."""
    for word in range(rows.shape[1]):
        carry = rows[doc, word]
        number = 0
        while carry:
            value = slices[number, word]
            slices[number, word] = value ^ carry
            carry &= value
            number += 1


@inner(nb.void(_ROWS, _I64, nb.int64, _I64), allocates=True)
def _add_slices(slices, values, sign, counts):
    """Add sign · the count of bit i of the rows to counts[values[i]]."""
    sums = np.zeros(slices.shape[1] << 6, np.int64)
    for number in range(slices.shape[0]):
        for word in range(slices.shape[1]):
            marks = slices[number, word]
            if marks:
                part = sums[word << 6 : (word + 1) << 6]
                for i in range(np.uint64(64)):
                    part[i] += np.int64((marks >> i) & np.uint64(1)) << number
    for i in range(len(values)):
        counts[values[i]] += sign * sums[i]


def _counter_of(width):
    add_batch = adder(width)

    def count_rows(bits, matched, rows, values, totals, counts):
        # Add to counts[values[i]] the documents of `bits` that have bit i in their row.
        slices = np.zeros((SLICES, width), np.uint64)
        gathered = np.empty(_GATHERED + 64, np.int64)
        size = rows.shape[0]
        # Of many, those that do not match are counted, and taken from the totals.
        inverse = np.uint64(0)
        if 2 * matched > size:
            inverse = ~inverse
            for i in range(len(values)):
                counts[values[i]] += totals[i]
        held = np.int64(0)
        for word in range(len(bits)):
            left = bits[word] ^ inverse
            while left:
                doc = (word << 6) + np.int64(lowest_one(left))
                gathered[held] = doc
                held += doc < size
                prefetch(rows, doc * width)
                left &= left - np.uint64(1)
            if held >= _GATHERED or word == len(bits) - 1:
                whole = held // BATCH * BATCH
                for i in range(0, whole, BATCH):
                    add_batch(rows, gathered, i, slices)
                for i in range(whole, held):
                    gathered[i - whole] = gathered[i]
                held -= whole
        for i in range(held):
            _add_row(rows, gathered[i], slices)
        _add_slices(slices, values, -1 if inverse else 1, counts)

    count_rows.__qualname__ = f"count_rows_{width}"
    signature = nb.void(_U64, nb.int64, _FIXED_ROWS, _I64, _I64, _I64)
    return inner(signature, allocates=True)(count_rows)


_count_narrow, _count_wide = _counter_of(_NARROW), _counter_of(_WIDE)


@inner(nb.void(_U64, nb.int64, _U32, _I64, _U32, _I64))
def _count_rare(bits, docs, values, ends, members, counts):
    """Add to counts[values[i]] which of the documents in its run of `members` are in `bits`."""
    begin = 0
    for i in range(len(values)):
        count = np.uint64(0)
        for at in range(begin, ends[i]):
            doc = np.uint64(members[at])
            if doc < docs:
                count += (bits[doc >> np.uint64(6)] >> (doc & np.uint64(63))) & np.uint64(1)
        counts[np.int64(values[i])] += np.int64(count)
        begin = ends[i]


#: One match in so many documents, or fewer, are faster counted value by value.
_FEW = 16


@compiled(nb.int64(FacetTable.type, _U64, _U64, nb.uint8[::1], nb.int64, nb.int64, _I64))
def count(facet, bits, kept, failed, own, matched, counts):
    """Add to counts[v] the matches of a segment that have the value v; returns how many count.

    bits, kept: uint64[≥ W], the matches, `matched` of them, and room for those that count
    failed: uint8[N], 0 for documents that pass the filters, `own` for those that only the
        facet's own keeps out; or uint8[0]
    Costs by rows some 5 ns a match, or document that does not match where those are fewer, and
    1 ns a document of a rare value; by list 1 ns for each value of each match.
    """
    words = (len(facet.offsets) + 62) >> 6
    bits = bits[:words]
    if len(failed):
        kept = kept[:words]
        matched = keep_passing(bits, failed, own, kept)
        bits = kept
    rows = facet.rows
    docs = len(facet.offsets) - 1
    if len(rows) == 0 or matched * _FEW < docs:
        _count_listed(bits, facet.offsets, facet.ordinals, counts)
        return matched
    if rows.shape[1] == _NARROW:
        _count_narrow(bits, matched, rows, facet.values, facet.totals, counts)
    else:
        _count_wide(bits, matched, rows, facet.values, facet.totals, counts)
    _count_rare(bits, docs, facet.rare_values, facet.rare_ends, facet.rare_docs, counts)
    return matched


@compiled(nb.void(_U32, _U32, _I64, _ROWS, _I64, nb.uint32[::1]))
def _split(offsets, ordinals, places, rows, rare_ends, rare_docs):
    """Divide lists by document into rows of frequent values and lists of documents by value.

    places: int64[V], a frequent value's bit in `rows` (uint64[N, width], all 0), or -1 less the
        number of a rare one
    rare_ends: where the documents of each rare value begin in `rare_docs`; where they end, once
        these are filled in
    """
    for doc in range(len(offsets) - 1):
        for i in range(np.int64(offsets[doc]), np.int64(offsets[doc + 1])):
            if i >= len(ordinals) or ordinals[i] >= len(places):
                break
            place = places[np.int64(ordinals[i])]
            if place >= 0:
                rows[doc, place >> 6] |= np.uint64(1) << np.uint64(place & 63)
            else:
                at = rare_ends[-1 - place]
                rare_ends[-1 - place] += at < len(rare_docs)
                if at < len(rare_docs):
                    rare_docs[at] = doc


def _aligned_zeros(rows: int, width: int) -> Any:
    """uint64[rows, width], no wide row of which lies across two cache lines."""
    room = np.zeros(rows * width + 7, np.uint64)
    begin = -room.ctypes.data % 64 // 8
    return room[begin : begin + rows * width].reshape(rows, width)


def make_rows(offsets: Any, ordinals: Any, frequent: Any, counts: Any) -> tuple[Any, Any, Any, Any]:
    """Lists by document → rows of the frequent values, and the others as `FacetTable` has them.

    frequent: int64[F], F ≤ ROW_VALUES, the value of each bit; counts: int64[V], how many
        documents have each value
    A few ns for each value of each document.
    """
    rare = np.setdiff1d(np.arange(len(counts)), frequent, assume_unique=True)
    places = np.empty(len(counts), np.int64)
    places[frequent] = np.arange(len(frequent))
    places[rare] = -1 - np.arange(len(rare))
    rows = _aligned_zeros(len(offsets) - 1, _NARROW if len(frequent) <= 64 else _WIDE)
    ends = np.cumsum(counts[rare], dtype=np.int64)
    docs = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint32)
    ends -= counts[rare]
    _split(offsets, ordinals, places, rows, ends, docs)
    return rows, rare.astype(np.uint32), ends, docs
