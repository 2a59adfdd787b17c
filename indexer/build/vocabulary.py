"""Numbers for the words of texts."""

from __future__ import annotations

from array import array

from ..analysis import WORD_PATTERN

# Texts with more blanks than this, all in capitals, tell nothing by them.
_MOST_SHORT = 2


class Vocabulary(dict[str, int]):
    """The numbers of what matches `WORD_PATTERN`, as written, in order of first coming."""

    def __missing__(self, found: str) -> int:
        number = self[found] = len(self)
        return number

    def numbers_of(self, text: str) -> array[int]:
        """The numbers of a text's matches, uint32[n]."""
        if text.isupper() and text.count(" ") > _MOST_SHORT:
            text = text.lower()
        return array("I", map(self.__getitem__, WORD_PATTERN.findall(text)))
