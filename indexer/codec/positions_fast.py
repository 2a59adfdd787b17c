"""Compiled loops that read positions.

Positions are packed (see docs/index-format.md): where those of a posting begin follows
from the frequencies before it in its block, so any posting is reached without reading
others.
No address is taken from a file unchecked: damaged files give wrong answers here, never
accesses out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numba as nb
import numpy as np

from ..kernels.bits import sum_top_bits
from ..kernels.galloping import first_from
from ..kernels.jit import inner, readonly
from ..kernels.tables import Table
from .format import MAX_POSITION_BITS, POSITION_BLOCK, SATURATED, TF_SHIFT

_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]


class PositionsTable(
    Table,
    bits=readonly(nb.uint8),
    words=readonly(nb.uint64),
    blocks=_U32,
    widths=readonly(nb.uint8, 2),
    long_postings=_U32,
    long_counts=_U32,
):
    """What positions of a segment are read from, as `codec.read.SegmentArrays` has it."""


@inner(nb.uint64(nb.uint64, nb.uint64, nb.int64))
def joined(word, following, bit):
    """The 64 bits that begin at a bit of a word, which go on in the following one."""
    shift = np.uint64(bit & 63)
    return (word >> shift) | ((following << np.uint64(1)) << (np.uint64(63) - shift))


@inner(nb.uint64(nb.int64))
def low_mask(width):
    """The lowest bits, so many of them."""
    return (np.uint64(1) << np.uint64(width)) - np.uint64(1)


@inner(nb.int64(PositionsTable.type))
def most_positions(positions):
    """More positions than any posting can have: one needs a bit."""
    most = np.int64(SATURATED)
    for count in positions.long_counts:
        most = max(most, np.int64(count))
    return min(most, 64 * len(positions.words))


@inner(nb.int64(PositionsTable.type, nb.int64, _I64))
def read_positions(table, posting, positions):
    """Fill in the positions of a posting; returns how many.

    None if there is no room or a damaged file says what cannot be.
    """
    bits, words, blocks, widths = table.bits, table.words, table.blocks, table.widths
    long_postings, long_counts = table.long_postings, table.long_counts
    block = posting // POSITION_BLOCK
    first = block * POSITION_BLOCK
    numbers, saturated = np.int64(0), np.int64(0)
    if first + POSITION_BLOCK <= len(bits):
        sums = sum_top_bits(bits, first, posting - first)
        numbers, saturated = sums & 255, sums >> 8
    else:
        for before in range(first, posting):
            numbers += np.int64(bits[before] >> TF_SHIFT)
            saturated += bits[before] >> TF_SHIFT == SATURATED
    count = np.int64(bits[posting] >> TF_SHIFT)
    if saturated or count == SATURATED:
        slot = first_from(long_postings, first)
        while slot < len(long_postings) and long_postings[slot] < posting:
            numbers += np.int64(long_counts[slot]) - SATURATED
            slot += 1
        if slot < len(long_postings) and long_postings[slot] == posting:
            count = np.int64(long_counts[slot])
    head, step = np.int64(widths[block, 0]), np.int64(widths[block, 1])
    skipped = posting - first
    at = 8 * np.int64(blocks[block]) + skipped * head + (numbers - skipped) * step
    end = at + head + (count - 1) * step
    # The two words from where a number begins are read, even if it has no bits.
    if at < 0 or end < at or end > 64 * (len(words) - 2) or max(head, step) > MAX_POSITION_BITS:
        return 0
    if count > len(positions):
        return 0
    position = np.int64(joined(words[at >> 6], words[(at >> 6) + 1], at) & low_mask(head))
    positions[0] = position
    at += head
    left = np.int64(0)
    word = np.uint64(0)
    for i in range(1, count):
        if left < step:
            word = joined(words[at >> 6], words[(at >> 6) + 1], at)
            left = np.int64(64)
        position += np.int64(word & low_mask(step))
        positions[i] = position
        word >>= np.uint64(step)
        left -= step
        at += step
    return max(count, 0)
