"""Numbers for what stands between the blanks of texts, and the words that it is cut into.

No word has a blank in it, so a text is split there, which takes a tenth of the time that
looking for words takes. What is in between comes again and again and is cut once.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from ..analysis import MAX_TERM_LENGTH, WORD_PATTERN, cut, fold, is_acronym
from ..codec.format import I64, U8
from ..schema import CAPITAL

# What may stand before and behind one word that has nothing but letters, and is no part of it.
_BEFORE = "\"'([{*-“”‘’«»—–…"
_BEHIND = _BEFORE + ")]}.,:;!?"
# Pieces that are kept for the next stories, at most: 40 MB.
_MOST_KEPT = 1 << 18
# Texts with more blanks than this, all in capitals, tell nothing by them.
_MOST_SHORT = 2


class CutPieces(NamedTuple):
    """The words of each piece of a vocabulary, V in all.

    starts: int64[V + 1], where its words begin in what follows, parallel to each other
    forms: int64[W], the form of each word, -1 if it has no letters; offsets: its position
    capital: uint8[W], `CAPITAL` for one that is written as an acronym, else 0
    widths: int64[V], how many positions each piece takes
    """

    starts: I64
    forms: I64
    offsets: I64
    capital: U8
    widths: I64


class Vocabulary(dict[str, int]):
    """The numbers of pieces of text, as written, in order of first coming."""

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

    def __missing__(self, piece: str) -> int:
        number = self[piece] = len(self)
        word = piece.lstrip(_BEFORE).rstrip(_BEHIND)
        if word.isalpha() and word.isascii():  # four in five are
            width = 1
            self._add(word.lower()[:MAX_TERM_LENGTH], 0, word.isupper() and is_acronym(word))
        else:
            width = self._cut(piece)
        self._widths.append(width)
        self._starts.append(len(self._forms))
        return number

    def numbers_of(self, text: str) -> array[int]:
        """The numbers of a text's pieces, uint32[n]."""
        if text.isupper() and text.count(" ") > _MOST_SHORT:
            text = text.lower()
        return array("I", map(self.__getitem__, text.split()))

    def shorten(self) -> None:
        """Forget all pieces if they are very many."""
        if len(self) > _MOST_KEPT:
            self.clear()

    def has_words(self, pieces: array[int]) -> bool:
        """Whether there is a word in any of these pieces."""
        return any(map(self._widths.__getitem__, pieces))

    def cut_pieces(self) -> CutPieces:
        """What all pieces so far are cut into."""
        return CutPieces(
            np.array(self._starts, np.int64), np.array(self._forms, np.int64),
            np.array(self._offsets, np.int64), np.array(self._capital, np.uint8),
            np.array(self._widths, np.int64),
        )  # fmt: skip

    def _cut(self, piece: str) -> int:
        """Add the words of any piece; returns how many positions they take."""
        base = 0
        for found in WORD_PATTERN.findall(piece):
            words, width, *_ = cut(found)
            for start, end, offset in words:
                word = found[start:end]
                self._add(fold(word), base + offset, is_acronym(word))
            base += width
        return base

    def _add(self, form: str, position: int, acronym: bool) -> None:
        forms = self.forms
        self._forms.append(forms.setdefault(form, len(forms)) if form else -1)
        self._offsets.append(position)
        self._capital.append(CAPITAL if acronym else 0)
