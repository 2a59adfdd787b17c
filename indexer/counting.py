"""Compiled loops that count facet values over a bitmap of matches; layer 5.

A few matches are counted document by document. For many, each frequent value has a
bitmap of its documents, and the count is the number of bits in common: 64 documents in
one step, however many values each has. Rare values stay in lists by document.

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

from .jit import compiled, count_ones, lowest_one, readonly

_U32 = readonly(nb.uint32)
_U64 = nb.uint64[::1]


@compiled(nb.int64(_U64, nb.uint8[::1], nb.int64, _U64))
def keep_passing(bits, failed, own, kept):
    """Fill in kept: the matches that fail no filter, or none but number `own`.

    bits, kept: uint64[W], document d is bit d & 63 of word d >> 6; failed: uint8[N], 0 for
    documents that pass, i if the i-th filter alone keeps it out, 255 if more does.
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


def _count_listed(bits, offsets, ordinals, counts):
    """Add to counts[v] the documents of `bits` that list the value v.

    offsets: uint32[N + 1]; document d lists ordinals[offsets[d]:offsets[d + 1]]
    """
    for word in range(len(bits)):
        left = bits[word]
        while left:
            doc = (word << 6) + np.int64(lowest_one(left))
            left &= left - np.uint64(1)
            if doc + 1 >= len(offsets):
                break
            for place in range(np.int64(offsets[doc]), np.int64(offsets[doc + 1])):
                if place < len(ordinals) and ordinals[place] < len(counts):
                    counts[np.int64(ordinals[place])] += 1
    return 0


_LISTED = (_U64, _U32)
_count_short = compiled(nb.int64(*_LISTED, readonly(nb.uint16), nb.int64[::1]))(_count_listed)
_count_long = compiled(nb.int64(*_LISTED, readonly(nb.uint32), nb.int64[::1]))(_count_listed)


def count_listed(bits: Any, offsets: Any, ordinals: Any, counts: Any) -> None:
    """`_count_listed` for ordinals of either width; about 1 ns for each value of each match."""
    count = _count_short if ordinals.dtype == np.uint16 else _count_long
    count(bits, offsets, ordinals, counts)


@compiled(nb.int64(_U64, nb.uint64[:, ::1], nb.int64[::1], nb.int64[::1]))
def count_common(bits, maps, values, counts):
    """Add to counts[values[i]] the bits that maps[i] has in common with `bits`.

    maps: uint64[D, W]; about 0.2 ns a word.
    """
    for i in range(maps.shape[0]):
        common = np.uint64(0)
        row = maps[i]
        for word in range(len(row)):
            common += count_ones(bits[word] & row[word])
        counts[values[i]] += np.int64(common)
    return 0


def _split(offsets, ordinals, rows, maps, rare_offsets, rare_ordinals):
    """Divide lists by document into bitmaps of frequent values and lists of the others.

    rows: int64[V], a value's row of `maps` (uint64[D, W], all 0), or -1 if it is rare
    rare_offsets: uint32[N + 1], rare_ordinals: as `ordinals`, both filled in
    Returns how many of rare_ordinals are in use.
    """
    used = 0
    for doc in range(len(offsets) - 1):
        rare_offsets[doc] = used
        for place in range(np.int64(offsets[doc]), np.int64(offsets[doc + 1])):
            if place >= len(ordinals) or ordinals[place] >= len(rows):
                break
            row = rows[np.int64(ordinals[place])]
            if row >= 0:
                maps[row, doc >> 6] |= np.uint64(1) << np.uint64(doc & 63)
            else:
                rare_ordinals[used] = ordinals[place]
                used += 1
    rare_offsets[len(offsets) - 1] = used
    return used


def _split_of(kind: Any) -> Any:
    return compiled(
        nb.int64(_U32, readonly(kind), nb.int64[::1], nb.uint64[:, ::1], nb.uint32[::1], kind[::1])
    )(_split)


_split_short = _split_of(nb.uint16)
_split_long = _split_of(nb.uint32)


def split(
    offsets: Any, ordinals: Any, rows: Any, maps: Any, rare_offsets: Any, rare_ordinals: Any
) -> int:
    """`_split` for ordinals of either width; a few ns for each value of each document."""
    divide = _split_short if ordinals.dtype == np.uint16 else _split_long
    return int(divide(offsets, ordinals, rows, maps, rare_offsets, rare_ordinals))
