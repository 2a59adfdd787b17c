"""Numbers for the pieces of texts, and the words of each piece.

A piece is text without a blank, or a separator of parts. No word reaches over a blank, so
the words of a text are those of its pieces, and each piece is cut into words only once.
"""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from ..analysis import PART_SEPARATOR, WORD_PATTERN

__all__ = ["SEPARATOR", "Vocabulary"]

#: The number of `PART_SEPARATOR` among the pieces, and among the words.
SEPARATOR = 0
_SPACED_SEPARATOR = f" {PART_SEPARATOR} "
_I64 = npt.NDArray[np.int64]


class Vocabulary:
    """Gives numbers to pieces and to words, from 0 on, as they come."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {PART_SEPARATOR: SEPARATOR}
        self._flat = array("I", [SEPARATOR])
        self._sizes = array("I", [1])
        self._numbers = _Numbers(self)
        self._numbers[PART_SEPARATOR] = SEPARATOR

    def numbers_of(self, text: str) -> array[int]:
        """The numbers of a text's pieces, uint32[pieces]."""
        pieces = text.replace(PART_SEPARATOR, _SPACED_SEPARATOR).split(" ")
        return array("I", map(self._numbers.__getitem__, pieces))

    def learn(self, piece: str) -> int:
        """Give a new piece its number."""
        words = self.words
        found = WORD_PATTERN.findall(piece)
        self._flat.extend([words.setdefault(word, len(words)) for word in found])
        self._sizes.append(len(found))
        return len(self._sizes) - 1

    def words_of_pieces(self) -> tuple[_I64, _I64]:
        """The numbers of the words of every piece, one after the other; how many each has."""
        return np.array(self._flat, np.int64), np.array(self._sizes, np.int64)


class _Numbers(dict[str, int]):
    """The numbers of pieces by their text; a piece that is new is learnt."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def __missing__(self, piece: str) -> int:
        number = self[piece] = self._vocabulary.learn(piece)
        return number
