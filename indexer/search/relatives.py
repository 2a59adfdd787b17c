"""Which words of an index are forms of a word in its other languages.

Stemmers take words of all languages for their own: to a French one *new* is a form of *news*. So
only words count that stand in texts of that language, which its function words tell.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from ..codec.format import I64, TEXT, Mask
from ..codec.read import SegmentArrays, TermEntry
from ..languages import Language

#: So many words that begin alike are looked through for forms of one.
MOST_BEGUN = 5_000
#: The forms of a word begin with all of its stem but one letter, or as its language says, and with
#: so many letters at least.
_SHORTEST_BEGINNING = 3
# Words whose forms are remembered.
_REMEMBERED = 1 << 12


class Relatives:
    """Finds forms of words in the other languages of segments; safe to share between threads."""

    def __init__(self, segments: Sequence[SegmentArrays], language: Language) -> None:
        self._segments = segments
        self._language = language
        self._sides: dict[tuple[int, int], npt.NDArray[np.int8]] = {}
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, text: str) -> tuple[str, ...]:
        """The forms of a folded word that are none in the first language."""
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            found = self._known[text] = tuple(sorted(self._look_up(text)))
        return found

    def _look_up(self, text: str) -> set[str]:
        language, found = self._language, set[str]()
        if not text.isalpha() or text in language.function_words:
            return found
        own = language.stem_of(text)
        for number, other in enumerate(language.others):
            stem = other.stem_of(text)
            prefix = next(prefix for prefix in other.prefixes if text.startswith(prefix))
            bare = text.removeprefix(prefix)
            shared = max((_shared(some, stem) for some in (text, bare)), key=len)
            alike: set[str] = set()
            short = shared[: max(_SHORTEST_BEGINNING, len(shared) - 1)]
            for prefix in other.prefixes if len(shared) >= _SHORTEST_BEGINNING else ():
                alike |= self.begun(prefix + short) or self.begun(prefix + shared)
            for begin in other.beginnings(stem):
                if len(begin) >= _SHORTEST_BEGINNING and not (alike and begin.startswith(short)):
                    alike |= self.begun(begin)
            words = [
                word
                for word in alike
                if other.stem_of(word) == stem
                and language.stem_of(word) != own
                and word not in language.function_words
            ]
            if words:
                found.update(self.spoken(words, number))
        return found

    def warm_up(self) -> None:
        """Tell the languages of all rows, for which the first word would wait."""
        for other in range(len(self._language.others)):
            for number in range(len(self._segments)):
                self._sides_of(number, other)

    def begun(self, prefix: str) -> set[str]:
        """The written words that begin so; none where they are too many."""
        found = [segment.forms_with_prefix(prefix.encode()) for segment in self._segments]
        if sum(map(len, found)) > MOST_BEGUN:
            return set()
        return {
            segment.form_text(form)
            for segment, some in zip(self._segments, found, strict=True)
            for form in segment.form_order[some.start : some.stop].tolist()
        }

    def spoken(self, words: Collection[str], other: int) -> list[str]:
        """The words that do not stand mainly in texts of the first language, but of another."""
        return [word for word in words if self._balance(word, other) >= 0]

    def _balance(self, word: str, other: int) -> int:
        """In how many more rows of another language than of the first a word stands."""
        return sum(
            int(self._sides_of(number, other)[self._rows(segment, word)].sum())
            for number, segment in enumerate(self._segments)
        )

    def _sides_of(self, number: int, other: int) -> npt.NDArray[np.int8]:
        """int8[rows]: 1 for those of a segment in another language, -1 in the first, else 0."""
        sides = self._sides.get((number, other))
        if sides is None:
            segment = self._segments[number]
            sides = np.zeros(segment.row_count, np.int8)
            for side, words in zip((-1, 1), self._language.telling(other), strict=True):
                has = np.zeros(segment.row_count, np.bool_)
                for word in words:
                    has[self._rows(segment, word)] = True
                sides[has] += side
            self._sides[number, other] = sides
        return sides

    def _rows(self, segment: SegmentArrays, word: str) -> I64:
        """The rows in which a word is written."""
        found = as_written(segment, self._language, word)
        return np.empty(0, np.int64) if found is None else segment.row_ids(found[0])[found[1]]


def as_written(
    segment: SegmentArrays, language: Language, word: str
) -> tuple[TermEntry, Mask] | None:
    """The term of a folded word, and which of its postings have it as written; None for none."""
    entry = segment.find_term(TEXT, language.stem_of(word).encode())
    number = None if entry is None else segment.form_number(entry.ordinal, word)
    if entry is None or number is None:
        return None
    return entry, segment.codes_of(entry) == number


def _shared(one: str, other: str) -> str:
    """What two words begin with alike."""
    pairs = zip(one, other, strict=False)
    return "".join(letter for letter, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
