"""Numbers for what stands between the blanks of texts, and the words that it is cut into.

No word has a blank in it, so texts are split there, many at once, by operations on arrays of
their bytes. What is in between comes again and again: it is looked up once for all of them,
and cut into words once.
"""

from __future__ import annotations

import re
from array import array
from typing import NamedTuple

import numpy as np

from ..analysis import MAX_TERM_LENGTH, WORD_PATTERN, cut, fold, is_acronym
from ..codec.format import I32, I64, U8, U64, offsets_of
from ..codec.invert import gather_ranges
from ..schema import CAPITAL

# One word of letters or digits alone, perhaps with a possessive, and signs that part words.
_USUAL = re.compile(
    rb"""(?:["'([{*-]|\xe2\x80[\x93\x94\x98\x99\x9c\x9d\xa6]|\xc2[\xab\xbb])*
    ([A-Za-z]+(?:(?:'|\xe2\x80\x99)s)?|[0-9]+)
    (?:["'([{*)\]}.,:;!?-]|\xe2\x80[\x93\x94\x98\x99\x9c\x9d\xa6]|\xc2[\xab\xbb])*""",
    re.VERBOSE,
)
# Pieces that are kept for the next stories, at most: 40 MB.
_MOST_KEPT = 1 << 18
# Two numbers of 8 bytes are all of a piece up to this length, and become one by factors that
# are odd and look random: the fractions of the golden ratio and of the square root of 3.
_SHORT = 16
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B], np.uint64)
# Pieces that are numbered at once: 16 MB for what is known of each.
_AT_ONCE = 1 << 17
# What of 8 bytes belongs to a piece that has so many of them.
_KEPT = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


class CutPieces(NamedTuple):
    """The words of each piece of a vocabulary, V in all.

    starts: int64[V + 1], where its words begin in what follows, parallel to each other
    forms: int32[W], the form of each word, -1 if it has no letters; offsets: its position
    capital: uint8[W], `CAPITAL` for one that is written as an acronym, else 0
    widths: int64[V], how many positions each piece takes
    """

    starts: I64
    forms: I32
    offsets: I32
    capital: U8
    widths: I64


class _Matches(dict[str, int]):
    """The numbers of what `WORD_PATTERN` matches, and the words that each is cut into."""

    def __init__(self) -> None:
        super().__init__()
        #: The numbers of folded words.
        self.forms: dict[str, int] = {}
        self._starts = array("I", [0])
        self._forms = array("i")
        self._offsets = array("I")
        self._capital = array("B")
        self._widths = array("I")

    def __missing__(self, match: str) -> int:
        number = self[match] = len(self)
        if match.isalpha() and match.isascii():  # nine in ten are
            self._add(match.lower()[:MAX_TERM_LENGTH], 0, match.isupper() and is_acronym(match))
            self._widths.append(1)
        else:
            words, width, *_ = cut(match)
            for start, end, offset in words:
                word = match[start:end]
                self._add(fold(word), offset, is_acronym(word))
            self._widths.append(width)
        self._starts.append(len(self._forms))
        return number

    def _add(self, form: str, offset: int, acronym: bool) -> None:
        forms = self.forms
        self._forms.append(forms.setdefault(form, len(forms)) if form else -1)
        self._offsets.append(offset)
        self._capital.append(CAPITAL if acronym else 0)

    def widths(self) -> I64:
        """How many positions each takes."""
        return np.array(self._widths, np.int64)

    def cut(self) -> CutPieces:
        """The words of each."""
        return CutPieces(
            np.array(self._starts, np.int64), np.array(self._forms, np.int32),
            np.array(self._offsets, np.int32), np.array(self._capital, np.uint8), self.widths(),
        )  # fmt: skip


class Vocabulary(dict[bytes, int]):
    """The numbers of pieces of text, as written, in UTF-8."""

    def __init__(self) -> None:
        super().__init__()
        self.clear()

    def clear(self) -> None:
        """Forget all pieces."""
        super().clear()
        self._matches = _Matches()
        # What is matched in the pieces, and where those of each begin.
        self._found = array("I")
        self._starts = array("I", [0])

    @property
    def forms(self) -> dict[str, int]:
        """The numbers of folded words."""
        return self._matches.forms

    def __missing__(self, piece: bytes) -> int:
        number = self[piece] = len(self)
        usual = _USUAL.fullmatch(piece)
        if usual is not None:  # nine in ten are
            self._found.append(self._matches[usual[1].decode()])
        else:
            text = piece.decode("utf8", "surrogatepass")
            self._found.extend(map(self._matches.__getitem__, WORD_PATTERN.findall(text)))
        self._starts.append(len(self._found))
        return number

    def numbers_of(self, texts: bytes) -> tuple[I64, I64]:
        """Texts in UTF-8 → the numbers of their pieces, and where each begins: int64[n].

        Whatever is below 33 is a blank. Costs about 80 ns a piece, and 300 ns a distinct one.
        """
        # What is put around gives every piece a blank at both ends and two numbers.
        data = b"\0%b%b" % (texts, bytes(_SHORT))
        inside = np.frombuffer(data, np.uint8) > ord(" ")
        edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        begins, ends = edges[::2], edges[1::2]
        numbers = np.empty(len(begins), np.int64)
        for first in range(0, len(begins), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            numbers[some] = self._numbers_of(data, begins[some], ends[some])
        return numbers, begins - 1

    def _numbers_of(self, data: bytes, begins: I64, ends: I64) -> I64:
        """The numbers of some pieces of what `numbers_of` looks at."""
        sizes = ends - begins
        eights = np.ndarray(len(data) - 7, "<u8", data, strides=(1,))
        firsts = eights[begins] & _KEPT[np.minimum(sizes, 8)]
        lasts = eights[begins + np.minimum(sizes, 8)] & _KEPT[np.clip(sizes - 8, 0, 8)]
        order, groups = _grouped(firsts, lasts)
        counts = np.diff(groups, append=len(order))
        samples = order[groups]
        numbers = np.empty(len(order), np.int64)
        cuts = map(slice, begins[samples].tolist(), ends[samples].tolist())
        known = np.array([self[data[cut]] for cut in cuts], np.int64)
        numbers[order] = np.repeat(known, counts)
        others = sizes[order] > _SHORT
        for values in (firsts, lasts, sizes):
            others |= values[order] != np.repeat(values[samples], counts)
        for place in order[others].tolist():
            numbers[place] = self[data[begins[place] : ends[place]]]
        return numbers

    def shorten(self) -> None:
        """Forget all pieces if they are very many."""
        if len(self) > _MOST_KEPT:
            self.clear()

    def widths(self) -> I64:
        """How many positions each piece takes."""
        before = offsets_of(self._matches.widths()[np.array(self._found, np.int64)])
        return np.diff(before[np.array(self._starts, np.int64)])

    def cut_pieces(self) -> CutPieces:
        """What all pieces so far are cut into."""
        cut, found = self._matches.cut(), np.array(self._found, np.int64)
        begins = np.array(self._starts, np.int64)
        before = offsets_of(cut.widths[found])
        bases = before[:-1] - np.repeat(before[begins[:-1]], np.diff(begins))
        counts = np.diff(cut.starts)[found]
        words = gather_ranges(cut.starts[found], counts)
        return CutPieces(
            offsets_of(counts)[begins], cut.forms[words],
            cut.offsets[words] + np.repeat(bases, counts).astype(np.int32), cut.capital[words],
            np.diff(before[begins]),
        )  # fmt: skip


def _grouped(firsts: U64, lasts: U64) -> tuple[I64, I64]:
    """Pairs of numbers → their places with equal pairs together, and where groups begin.

    Pairs that differ may be in one group: two in 2**(64 - b) are, where there are 2**b pairs.
    """
    mixed = firsts * _FACTORS[0] ^ lasts * _FACTORS[1]
    mixed = (mixed ^ mixed >> 29) * _FACTORS[0]
    # Sorting numbers is several times faster than finding the order that would sort them.
    bits = len(firsts).bit_length()
    keys = mixed >> bits << bits | np.arange(len(firsts), dtype=np.uint64)
    keys.sort()
    begins = np.append(True, (keys[1:] ^ keys[:-1]) >> bits != 0)[: len(keys)]
    return (keys & ((1 << bits) - 1)).astype(np.int64), np.flatnonzero(begins)
