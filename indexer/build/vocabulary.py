"""Numbers for the words of texts."""

from __future__ import annotations

from array import array

from ..analysis import WORD_PATTERN


class Vocabulary(dict[str, int]):
    """The numbers of words as written, from 0 on, in the order in which they first come."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number

    def numbers_of(self, text: str) -> array[int]:
        """The numbers of a text's words, uint32[n]."""
        return array("I", map(self.__getitem__, WORD_PATTERN.findall(text)))
