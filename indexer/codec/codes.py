"""Which of its term's forms each posting has, packed in as few bits as the term needs.

A term with one form keeps nothing; one with 2 forms a bit a posting, up to 4 two bits, up to
16 four bits, above that eight. A term's codes begin at a byte, the first in its lowest bits.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from .format import I64, U8, Ints, offsets_of

#: The most forms whose codes take 1, 2 and 4 bits.
_MOST = (2, 4, 16)
#: In place of where the codes of a term are, see `code_place`, if it has only one form.
ONE_FORM = -(1 << 62)


def code_shift(forms: int) -> int:
    """The logarithm (base 2) of the bits of a code, given how many forms its term has."""
    return bisect_left(_MOST, forms)


def _shifts(forms: Ints) -> I64:
    return np.searchsorted(np.array(_MOST), forms).astype(np.int64)


def code_sizes(postings: Ints, forms: Ints) -> I64:
    """int64[n]: the bytes of the codes of terms with so many postings and forms."""
    sizes = ((postings.astype(np.int64) << _shifts(forms)) + 7) >> 3
    return np.where(forms > 1, sizes, 0)


def code_place(begin: int, start: int, shift: int) -> int:
    """Where the codes of a term are, as `codes_fast.code_of` takes it.

    begin: their first byte; start: the number of the term's first posting
    shift: see `code_shift`
    """
    return (8 * begin - (start << shift)) << 2 | shift


def pack_codes(codes: U8, postings: Ints, forms: Ints) -> U8:
    """Pack the codes of terms, one after the other, with so many postings and forms each."""
    places, _ = _places(offsets_of(code_sizes(postings, forms))[:-1], postings, forms)
    if not len(codes):
        return codes
    parts = codes << (places & 7).astype(np.uint8)
    firsts = np.flatnonzero(np.diff(places >> 3, prepend=-1))
    packed: U8 = np.bitwise_or.reduceat(parts, firsts)
    return packed


def unpack_codes(packed: U8, begins: Ints, postings: Ints, forms: Ints) -> U8:
    """The codes of terms that begin at these bytes; the inverse of `pack_codes`."""
    places, shifts = _places(begins, postings, forms)
    masks = (1 << (1 << shifts)) - 1
    found: U8 = (packed[places >> 3] >> (places & 7).astype(np.uint8)) & masks.astype(np.uint8)
    return found


def unpack_term(packed: U8, postings: int, forms: int) -> U8:
    """The codes of one term, from its bytes; a tenth of the time of `unpack_codes`."""
    bits = 1 << code_shift(forms)
    found = np.empty((len(packed), 8 // bits), np.uint8)
    for column in range(8 // bits):
        found[:, column] = packed >> np.uint8(column * bits) & np.uint8((1 << bits) - 1)
    return found.reshape(-1)[:postings]


def _places(begins: Ints, postings: Ints, forms: Ints) -> tuple[I64, I64]:
    """For each posting of terms: the bit at which its code begins, and its term's shift."""
    shifts = _shifts(forms)
    firsts = 8 * begins.astype(np.int64) - (offsets_of(postings)[:-1] << shifts)
    numbers, shifts = np.arange(int(postings.sum())), np.repeat(shifts, postings)
    return np.repeat(firsts, postings) + (numbers << shifts), shifts
