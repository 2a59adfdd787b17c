"""Numbers for what stands between the blanks of texts, and the words that it is cut into.

No word has a blank in it, so texts are split there, many at once, by operations on arrays of
their bytes. What is in between comes again and again: it is looked up once for all of them,
and cut into words once, by one search for all that are new and a single word.
"""

from __future__ import annotations

import re
from array import array
from itertools import compress
from operator import not_
from typing import NamedTuple

import numpy as np

from ..analysis import MAX_TERM_LENGTH, WORD_PATTERN, cut, fold, is_acronym
from ..codec.format import I32, I64, U8, U64
from ..schema import CAPITAL

# A line that is one word of letters or digits alone, perhaps with a possessive, and signs that
# part words; or any other line.
_USUAL = re.compile(
    r"""(?m)^["'([{*$£€‘’“”…«»–—-]*
    ([A-Za-z]+(?:['’]s)?|[0-9]+)
    ["'([{*)\]}.,:;!?‘’“”…«»–—-]*$|^.*$""",
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


class Vocabulary(dict[bytes, int]):
    """The numbers of pieces of text, as written, in UTF-8."""

    def __init__(self) -> None:
        super().__init__()
        self.clear()

    def clear(self) -> None:
        """Forget all pieces."""
        super().clear()
        #: The numbers of folded words.
        self.forms: dict[str, int] = {}
        self._starts = array("I", [0])
        self._forms = array("i")
        self._offsets = array("I")
        self._capital = array("B")
        self._widths = array("I")

    def _learn(self, pieces: list[bytes]) -> None:
        """Number distinct pieces that are new."""
        found = _USUAL.findall(b"\n".join(pieces).decode("utf8", "surrogatepass"))
        words = list(filter(None, found))  # of nine in ten there is one, alone
        numbers = range(len(self), len(self) + len(words))
        self.update(zip(compress(pieces, found), numbers, strict=True))
        folded = "\n".join([*words, ""]).lower().replace("’", "'").replace("'s\n", "\n")
        forms = self.forms
        before = len(self._forms)
        self._forms.extend(
            [forms.setdefault(form[:MAX_TERM_LENGTH], len(forms)) for form in folded.split()]
        )
        self._offsets.extend(bytes(len(words)))
        self._capital.extend([CAPITAL * is_acronym(word) for word in words])
        self._widths.extend(b"\1" * len(words))
        self._starts.extend(range(before + 1, before + 1 + len(words)))
        for piece in compress(pieces, map(not_, found)):
            self._cut(piece)

    def _cut(self, piece: bytes) -> None:
        """Number a piece that may be of any words."""
        self[piece] = len(self)
        forms, position = self.forms, 0
        for match in WORD_PATTERN.findall(piece.decode("utf8", "surrogatepass")):
            words, width, *_ = cut(match)
            for start, end, offset in words:
                word = match[start:end]
                form = fold(word)
                self._forms.append(forms.setdefault(form, len(forms)) if form else -1)
                self._offsets.append(position + offset)
                self._capital.append(CAPITAL * is_acronym(word))
            position += width
        self._starts.append(len(self._forms))
        self._widths.append(position)

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
        known = self._look_up(data, begins[samples], ends[samples])
        numbers[order] = np.repeat(known, counts)
        others = sizes[order] > _SHORT
        for values in (firsts, lasts, sizes):
            others |= values[order] != np.repeat(values[samples], counts)
        places = order[others]
        numbers[places] = self._look_up(data, begins[places], ends[places])
        return numbers

    def _look_up(self, data: bytes, begins: I64, ends: I64) -> list[int]:
        """The numbers of pieces, which are learned where they are new."""
        cuts = map(slice, begins.tolist(), ends.tolist())
        pieces = [data[cut] for cut in cuts]
        self._learn(list(dict.fromkeys(piece for piece in pieces if piece not in self)))
        return [self[piece] for piece in pieces]

    def shorten(self) -> None:
        """Forget all pieces if they are very many."""
        if len(self) > _MOST_KEPT:
            self.clear()

    def widths(self) -> I64:
        """How many positions each piece takes."""
        return np.array(self._widths, np.int64)

    def cut_pieces(self) -> CutPieces:
        """What all pieces so far are cut into."""
        return CutPieces(
            np.array(self._starts, np.int64), np.array(self._forms, np.int32),
            np.array(self._offsets, np.int32), np.array(self._capital, np.uint8), self.widths(),
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
