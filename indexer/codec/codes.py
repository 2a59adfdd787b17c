"""Which of its term's forms each posting has, packed in as few bits as the term needs.

A term with one form keeps nothing; one with 2 forms a bit a posting, up to 4 two bits, up to
16 four bits, above that eight. A term's codes begin at a byte, the first in its lowest bits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np

from .format import I64, U8, Ints, Mask, offsets_of
from .invert import gather_ranges

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
    sizes = code_sizes(postings, forms)
    packed = np.empty(int(sizes.sum()), np.uint8)
    for shift, some in _alike(forms):
        places, count = _places(postings[some], sizes[some], shift)
        whole = np.zeros((count, 8 >> shift), np.uint8)
        whole.ravel()[places] = codes[np.repeat(some, postings)]
        first = whole[:, 0]
        for column in range(1, 8 >> shift):
            first |= whole[:, column] << np.uint8(column << shift)
        packed[np.repeat(some, sizes)] = first
    return packed


def unpack_codes(packed: U8, begins: Ints, postings: Ints, forms: Ints) -> U8:
    """The codes of terms that begin at these bytes; the inverse of `pack_codes`."""
    sizes = code_sizes(postings, forms)
    codes = np.zeros(int(postings.sum()), np.uint8)
    for shift, some in _alike(forms):
        places, _ = _places(postings[some], sizes[some], shift)
        whole = packed[gather_ranges(begins[some], sizes[some])]
        codes[np.repeat(some, postings)] = _spread(whole, shift)[places]
    return codes


def unpack_term(packed: U8, postings: int, forms: int) -> U8:
    """The codes of one term, from its bytes."""
    return _spread(packed, code_shift(forms))[:postings]


def _alike(forms: Ints) -> Iterator[tuple[int, Mask]]:
    """The terms that have several forms, by the shift of their codes."""
    shifts = np.where(forms > 1, _shifts(forms), -1)
    for shift in range(len(_MOST) + 1):
        if (some := shifts == shift).any():
            yield shift, some


def _spread(packed: U8, shift: int) -> U8:
    """All codes of 1 << shift bits in some bytes."""
    codes = np.empty((len(packed), 8 >> shift), np.uint8)
    for column in range(8 >> shift):
        codes[:, column] = packed >> np.uint8(column << shift) & np.uint8((1 << (1 << shift)) - 1)
    return codes.ravel()


def _places(postings: Ints, sizes: I64, shift: int) -> tuple[I64, int]:
    """The place of each code, counted from byte to byte, and how many bytes there are."""
    spare = offsets_of(sizes * (8 >> shift) - postings)[:-1]
    return np.arange(int(postings.sum())) + np.repeat(spare, postings), int(sizes.sum())
