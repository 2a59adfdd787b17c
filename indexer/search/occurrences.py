"""In how many rows words stand, and how many of these they share, for a better spelling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..codec.format import I64
from ..query.nodes import Phrase, Word
from .expand import Budget
from .words import common

if TYPE_CHECKING:
    from .select import Selector

#: How many postings may be read to see how often words occur, and which of them together: 20 ms
#: of one core. To read any at all costs as much as so many.
_MOST_POSTINGS, _READ = 400_000, 1_000


class Occurrences:
    """Counts words in a snapshot; past what may be read, words occur nowhere."""

    def __init__(self, selector: Selector) -> None:
        self._selector = selector
        self._left = _MOST_POSTINGS
        self._found: dict[Word | Phrase, list[I64]] = {}
        #: Of the whole index.
        self.all_stories = selector.snapshot.size

    def foresee(self, questions: Iterable[tuple[Word | Phrase, ...]]) -> None:
        """Get ready to be asked in how many rows the nodes of each of these are together."""

    def postings(self, text: str) -> int:
        """How many postings a word has, in all its forms."""
        lists = self._selector.dictionary.term([text]).lists
        return sum(found.entry.end - found.entry.start for found in lists if found is not None)

    def _rows(self, node: Word | Phrase) -> list[I64]:
        """For each segment the rows of a node; none past what may be read."""
        if node not in self._found:
            words = [node.text] if isinstance(node, Word) else node.words
            cost = _READ + sum(map(self.postings, words))
            found: list[I64] = []
            if cost <= self._left:
                self._left -= cost
                found = [part.rows for part in self._selector.leaf(node, Budget()).parts]
            self._found[node] = found
        return self._found[node]

    def rows(self, node: Word | Phrase) -> int:
        """In how many rows a node is."""
        return sum(map(len, self._rows(node)))

    def stories(self, node: Word | Phrase) -> int:
        """In how many stories a node is."""
        pairs = zip(self._selector.snapshot.segments, self._rows(node), strict=False)
        return sum(len(np.unique(segment.docs_of_rows[found])) for segment, found in pairs)

    def share(self, node: Word | Phrase, other: str) -> float:
        """The share of another word's rows in which a node is."""
        theirs = self._rows(Word(other))
        both = sum(map(common, self._rows(node), theirs))
        return both / max(1, sum(map(len, theirs)))
