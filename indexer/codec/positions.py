"""Positions ↔ packed bits, by arrays alone.

The postings of a segment are packed in blocks of `POSITION_BLOCK`: within a block every
first position takes so many bits and every step to the next so many, so that where a posting
begins follows from the frequencies before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .format import I64, POSITION_BLOCK, SATURATED, U8, U32, U64, offsets_of

_POWERS = 1 << np.arange(33, dtype=np.int64)
#: Postings that are packed or unpacked at a time, so that it happens in the cache.
_BATCH = 1 << 14
#: Zeros after the last number: whoever reads one reads the two words from where it begins,
#: even if it has no bits.
SPARE = 16


class Packed(NamedTuple):
    """Packed blocks: uint8[B, 2] their two widths, int64[B + 1] where each begins in `data`."""

    data: bytes
    widths: U8
    offsets: I64


class PositionPacker:
    """Packs the positions of a segment's postings, given in order.

    Afterwards `blocks`, `widths`, `long` and `counts` are the sections of these names.
    """

    def __init__(self) -> None:
        self.size = 0
        self._blocks: list[I64] = []
        self._widths: list[U8] = []
        self._long: list[I64] = [np.empty(0, np.int64)]
        self._counts: list[U32] = [np.empty(0, np.uint32)]
        self._postings = 0
        self._steps = np.empty(0, np.uint32)
        self._tfs = np.empty(0, np.uint32)

    def add(self, steps: U32, tfs: U32) -> Iterator[bytes]:
        """Take postings, tfs[p] ≥ 1 numbers each, one after the other; yield packed blocks.

        steps: the first position of each posting, then each step to the next
        """
        many = np.flatnonzero(tfs >= SATURATED)
        self._long.append(many + self._postings)
        self._counts.append(tfs[many])
        self._postings += len(tfs)
        tfs = np.concatenate([self._tfs, tfs])
        steps = np.concatenate([self._steps, steps])
        offsets = offsets_of(tfs)
        if offsets[-1] != len(steps):
            raise ValueError("frequencies do not add up to the number of positions")
        whole = len(tfs) // POSITION_BLOCK * POSITION_BLOCK
        for begin in range(0, whole, _BATCH):
            end = min(whole, begin + _BATCH)
            yield self._pack(steps[offsets[begin] : offsets[end]], tfs[begin:end])
        self._tfs, self._steps = tfs[whole:].copy(), steps[offsets[whole] :].copy()

    def finish(self) -> bytes:
        """What is left of the packed bytes."""
        last = self._pack(self._steps, self._tfs) if len(self._tfs) else b""
        return last + bytes(SPARE + -self.size % 8)

    @property
    def blocks(self) -> I64:
        """int64[B + 1]: the byte at which each block begins, and the end of the last."""
        return np.concatenate([*self._blocks, np.array([self.size])])

    @property
    def widths(self) -> U8:
        """uint8[B, 2]: bits of a first position and of a step in each block."""
        return np.concatenate([np.empty((0, 2), np.uint8), *self._widths])

    @property
    def long(self) -> I64:
        """int64[L]: postings of `SATURATED` and more positions."""
        return np.concatenate(self._long)

    @property
    def counts(self) -> U32:
        """uint32[L]: how many these have."""
        return np.concatenate(self._counts)

    def _pack(self, steps: U32, tfs: U32) -> bytes:
        packed = pack_steps(steps, tfs)
        self._blocks.append(self.size + packed.offsets[:-1])
        self._widths.append(packed.widths)
        self.size += int(packed.offsets[-1])
        return packed.data


def pack_steps(steps: U32, tfs: U32) -> Packed:
    """Pack the steps of one or more postings, the last block of which may be short."""
    firsts = offsets_of(tfs)[:-1]
    numbers = steps.astype(np.int64)
    heads = np.arange(0, len(tfs), POSITION_BLOCK)
    begins = firsts[heads]
    widths = np.empty((len(heads), 2), np.uint8)
    widths[:, 0] = _bits_of(np.maximum.reduceat(numbers[firsts], heads))
    rest = numbers.copy()
    rest[firsts] = 0
    # One bit at least where there are steps: bits bound how many there can be.
    several = np.maximum.reduceat(tfs, heads) > 1
    widths[:, 1] = np.maximum(_bits_of(np.maximum.reduceat(rest, begins)), several)
    each = np.repeat(widths[:, 1].astype(np.int64), np.diff(begins, append=len(numbers)))
    each[firsts] = np.repeat(widths[:, 0], np.diff(heads, append=len(tfs)))
    ends = np.cumsum(each)
    before = (ends - each)[begins]
    offsets = offsets_of((np.diff(before, append=ends[-1]) + 7) >> 3)
    places = (
        ends - each + np.repeat(8 * offsets[:-1] - before, np.diff(begins, append=len(numbers)))
    )
    return Packed(_packed(numbers, places, int(offsets[-1])), widths, offsets)


def _bits_of(highest: I64) -> I64:
    return np.searchsorted(_POWERS, highest, side="right")


def _packed(numbers: I64, places: I64, size: int) -> bytes:
    """Numbers, each from its own bit on; places rise and nothing overlaps."""
    values, shifts = numbers.astype(np.uint64), (places & 63).astype(np.uint64)
    words = places >> 6
    packed = np.zeros(size // 8 + 2, np.uint64)
    # Of the numbers that begin in a word, only the last can reach into the next.
    last = np.append(np.flatnonzero(words[1:] != words[:-1]), len(words) - 1)
    first = np.append(0, last[:-1] + 1)
    packed[words[last]] = np.bitwise_or.reduceat(values << shifts, first)
    over = (values[last] >> np.uint64(1)) >> (np.uint64(63) - shifts[last])
    packed[words[last] + 1] |= over
    return packed.astype("<u8").view(np.uint8)[:size].tobytes()


def unpack_steps(words: U64, places: I64, widths: U8, tfs: U32) -> U32:
    """The first position of each of P postings and the steps to its others, all in turn.

    words: the packed bits; places: int64[P], the bit at which each posting begins
    widths: uint8[P, 2] and tfs: uint32[P] ≥ 1, of each posting
    """
    cuts = [slice(begin, begin + _BATCH) for begin in range(0, len(tfs), _BATCH)]
    parts = [_unpacked(words, places[cut], widths[cut], tfs[cut]) for cut in cuts]
    return np.concatenate([np.empty(0, np.uint32), *parts])


def _unpacked(words: U64, places: I64, widths: U8, tfs: U32) -> U32:
    firsts = offsets_of(tfs)[:-1]
    each = np.repeat(widths[:, 1].astype(np.int64), tfs)
    each[firsts] = widths[:, 0]
    ends = np.cumsum(each)
    bits = ends - each + np.repeat(places - (ends - each)[firsts], tfs)
    at, shifts = bits >> 6, (bits & 63).astype(np.uint64)
    values = (words[at] >> shifts) | ((words[at + 1] << np.uint64(1)) << (np.uint64(63) - shifts))
    values &= (np.uint64(1) << each.astype(np.uint64)) - np.uint64(1)
    steps: U32 = values.astype(np.uint32)
    return steps


def positions_of(steps: U32, tfs: U32) -> I64:
    """The positions of some postings, given the first of each and the steps to the others."""
    sums: I64 = np.cumsum(steps, dtype=np.int64)
    firsts = offsets_of(tfs)[:-1]
    return sums - np.repeat(sums[firsts] - steps[firsts], tfs)
