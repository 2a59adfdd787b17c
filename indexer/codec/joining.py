"""`parts.join_parts` and the packing of positions in compiled loops.

Importing this module imports the compiler, which takes about half a second; only large
merges do so. No address is taken from a file unchecked: damaged files raise
`IndexCorrupt` or give wrong answers here, never accesses out of bounds.
"""

# Argument types of loops stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN202

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from ..kernels.jit import compiled, readonly
from .format import CHUNK_BITS, POSITION_BLOCK, SATURATED, U8, U32, offsets_of
from .parts import Joined, Part
from .positions import Packed

_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]

#: What `_arguments` gives.
_PART = (
    readonly(nb.uint16),  # docs
    _U32,  # starts of the segment's terms
    readonly(nb.uint16),  # first_chunks
    _U32,  # run_starts
    readonly(nb.uint16),  # run_chunks
    readonly(nb.int64),  # targets
    readonly(nb.uint8),  # tfs
    readonly(nb.uint64),  # words: the packed bits
    _U32,  # blocks
    readonly(nb.uint8, 2),  # widths
    _U32,  # long_postings
    _U32,  # long_counts
    nb.int64,  # first: the number of the part's first term in the segment
    nb.int64,  # run: the first of `run_starts` that is not before its postings
    nb.boolean,  # scored
    readonly(nb.int32),  # numbers
)
#: What loops return.
_DONE, _BAD_TERMS, _BAD_POSTINGS, _BAD_POSITIONS = range(4)


@compiled(nb.int64(_U32, _U32, nb.int64))
def _long_count(long_postings, long_counts, posting):
    """How many positions a posting of the highest frequency has."""
    low, high = 0, len(long_postings)
    while low < high:
        middle = (low + high) >> 1
        if long_postings[middle] < posting:
            low = middle + 1
        else:
            high = middle
    if low < len(long_postings) and long_postings[low] == posting:
        return np.int64(long_counts[low])
    return np.int64(SATURATED)


@compiled(nb.int64(*_PART, _I64, _I64))
def _measure(
    docs, starts, first_chunks, run_starts, run_chunks, targets, tfs, words, blocks, widths,
    long_postings, long_counts, first, run, scored, numbers, sizes, totals,
):  # fmt: skip
    """Add to the postings and the positions of each term those that a part has of it."""
    for i in range(len(numbers)):
        begin, end = np.int64(starts[first + i]), np.int64(starts[first + i + 1])
        number = np.int64(numbers[i])
        if begin > end or not 0 <= number < len(sizes):
            return _BAD_TERMS
        if end > len(docs) or (scored and end > len(tfs)):
            return _BAD_POSTINGS
        base = np.int64(first_chunks[first + i]) << CHUNK_BITS
        size = 0
        total = 0
        for posting in range(begin, end):
            if run < len(run_starts) and run_starts[run] == posting:
                base = np.int64(run_chunks[run]) << CHUNK_BITS
                run += 1
            doc = base + docs[posting]
            if doc >= len(targets):
                return _BAD_POSTINGS
            if targets[doc] < 0:
                continue
            size += 1
            if scored:
                count = np.int64(tfs[posting])
                if count == SATURATED:
                    count = _long_count(long_postings, long_counts, posting)
                if count > 64 * len(words):
                    return _BAD_POSITIONS  # each needs a bit
                total += count
        sizes[number] += size
        totals[number] += total
    return _DONE


@compiled(nb.int64(*_PART, _I64, _I64, nb.uint32[::1], nb.uint32[::1], nb.uint32[::1]))
def _copy(
    docs, starts, first_chunks, run_starts, run_chunks, targets, tfs, words, blocks, widths,
    long_postings, long_counts, first, run, scored, numbers, places, step_places,
    joined_docs, joined_tfs, joined_steps,
):  # fmt: skip
    """Copy what `_measure` counted to the places of each term, and move these on."""
    following = np.int64(starts[first])
    # Where postings begin follows from those before them in their block.
    posting = following // POSITION_BLOCK * POSITION_BLOCK if scored else following
    bit = np.int64(0)
    limit = np.int64(0)
    head = np.int64(0)
    step = np.int64(0)
    i = -1
    kept = False
    number = np.int64(0)
    base = np.int64(0)
    target = np.int64(0)
    last = np.int64(starts[first + len(numbers)])
    while posting < last:
        while posting == following:
            i += 1
            if i == len(numbers):
                return _BAD_TERMS
            number = np.int64(numbers[i])
            base = np.int64(first_chunks[first + i]) << CHUNK_BITS
            following = np.int64(starts[first + i + 1])
        if i >= 0:
            if run < len(run_starts) and run_starts[run] == posting:
                base = np.int64(run_chunks[run]) << CHUNK_BITS
                run += 1
            target = targets[base + docs[posting]]
            kept = target >= 0
            if kept:
                place = places[number]
                if place >= len(joined_docs):
                    return _BAD_POSTINGS
                joined_docs[place] = target
                places[number] = place + 1
        if scored:
            if posting % POSITION_BLOCK == 0:
                block = posting // POSITION_BLOCK
                bit = 8 * np.int64(blocks[block])
                limit = min(8 * np.int64(blocks[block + 1]), 64 * (len(words) - 2))
                head = np.int64(widths[block, 0])
                step = np.int64(widths[block, 1])
            count = np.int64(tfs[posting])
            if count == SATURATED:
                count = _long_count(long_postings, long_counts, posting)
            end = bit + head + (count - 1) * step
            if count == 0 or end > limit or (count > 1 and step == 0):
                return _BAD_POSITIONS
            if kept:
                joined_tfs[place] = count
                at = step_places[number]
                if at + count > len(joined_steps):
                    return _BAD_POSITIONS
                step_places[number] = at + count
                width = head
                for _ in range(count):
                    shift = np.uint64(bit & 63)
                    word = bit >> 6
                    value = (words[word] >> shift) | (
                        (words[word + 1] << np.uint64(1)) << (np.uint64(63) - shift)
                    )
                    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
                    joined_steps[at] = np.uint32(value & mask)
                    at += 1
                    bit += width
                    width = step
            bit = end
        posting += 1
    return _DONE


@compiled(
    nb.types.Tuple((nb.uint64[::1], nb.uint8[:, ::1], nb.int64[::1]))(_U32, _U32)
)  # fmt: skip
def _pack(steps, tfs):
    """Packed words, with two spare ones; widths of each block, and where it begins."""
    count = (len(tfs) + POSITION_BLOCK - 1) // POSITION_BLOCK
    widths = np.zeros((count, 2), np.uint8)
    offsets = np.zeros(count + 1, np.int64)
    at = 0
    for block in range(count):
        first = block * POSITION_BLOCK
        last = min(first + POSITION_BLOCK, len(tfs))
        heads = np.uint32(0)
        rest = np.uint32(0)
        begin = at
        for posting in range(first, last):
            heads |= steps[at]
            end = at + np.int64(tfs[posting])
            for place in range(at + 1, end):
                rest |= steps[place]
            at = end
        head = 0
        while np.int64(heads) >> head:
            head += 1
        # One bit at least where there are steps: bits bound how many there can be.
        step = 1 if at - begin > last - first else 0
        while np.int64(rest) >> step:
            step += 1
        widths[block, 0] = head
        widths[block, 1] = step
        bits = (last - first) * head + (at - begin - last + first) * step
        offsets[block + 1] = offsets[block] + ((bits + 7) >> 3)
    words = np.zeros((offsets[count] >> 3) + 2, np.uint64)
    at = 0
    for block in range(count):
        bit = 8 * offsets[block]
        head = np.int64(widths[block, 0])
        step = np.int64(widths[block, 1])
        for posting in range(block * POSITION_BLOCK, min((block + 1) * POSITION_BLOCK, len(tfs))):
            width = head
            for _ in range(tfs[posting]):
                value = np.uint64(steps[at])
                shift = np.uint64(bit & 63)
                word = bit >> 6
                words[word] |= value << shift
                words[word + 1] |= (value >> np.uint64(1)) >> (np.uint64(63) - shift)
                at += 1
                bit += width
                width = step
    return words, widths, offsets


def pack_steps(steps: U32, tfs: U32) -> Packed:
    """As `positions.pack_steps`."""
    words, widths, offsets = _pack(steps, tfs)
    packed: U8 = words.astype("<u8", copy=False).view(np.uint8)
    return Packed(packed[: offsets[-1]].tobytes(), widths, offsets)


def join_parts(parts: Sequence[Part], scored: bool, terms: int) -> Joined:
    """As `parts.join_parts`, in about 10 ns per posting and 5 ns per position."""
    sizes, totals = np.zeros(terms, np.int64), np.zeros(terms, np.int64)
    arguments = [_arguments(part, scored) for part in parts]
    for part, given in zip(parts, arguments, strict=True):
        _check(part, _measure(*given, sizes, totals))
    starts, ends = offsets_of(sizes), offsets_of(totals)
    docs = np.empty(starts[-1], np.uint32)
    tfs = np.empty(len(docs) if scored else 0, np.uint32)
    joined = Joined(sizes, docs, tfs, np.empty(ends[-1], np.uint32))
    for part, given in zip(parts, arguments, strict=True):
        _check(part, _copy(*given, starts, ends, joined.docs, joined.tfs, joined.steps))
    return joined


def _arguments(part: Part, scored: bool) -> tuple[Any, ...]:
    arrays = part.source.arrays
    first = arrays.fields[part.field].first + part.ordinals.start
    begin = arrays.term_starts(part.field)[part.ordinals.start]
    return (
        arrays.docs, arrays.starts, arrays.first_chunks, arrays.run_starts, arrays.run_chunks,
        part.source.targets, *arrays.position_arrays, first,
        int(np.searchsorted(arrays.run_starts, begin)), scored, part.numbers,
    )  # fmt: skip


def _check(part: Part, result: int) -> None:
    arrays = part.source.arrays
    if result == _BAD_TERMS:
        raise arrays.terms_file.corrupt(f"terms of field {part.field!r} are out of order")
    if result == _BAD_POSTINGS:
        raise arrays.postings_file.corrupt(f"postings of {part.field!r} are out of bounds")
    if result == _BAD_POSITIONS:
        raise arrays.positions_file.corrupt("a block of positions is too short")
