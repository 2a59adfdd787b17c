"""Which words follow a word in the texts, by a sample of the places where it stands.

The index tells where a word stands and not what comes next: that is read in the stored texts
themselves, at so many places spread over all, until it is clear. So it takes as long in a
large archive as in a small one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import pairwise
from random import Random
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from ..analysis import WORD_PATTERN, fold, iter_words
from ..model import Article, Story
from ..schema import read_article
from .relatives import as_written

if TYPE_CHECKING:
    from .snapshot import Snapshot

#: At most so many rows are read for a word, some at a time, until the word that comes next
#: most often was seen so many times, and so many times as often as the second.
_MOST_ROWS, _ROWS = 96, 8
_SEEN, _CLEAR = 4, 2
#: Of a body so many characters are looked at.
_BODY = 2_000
#: Words of which is remembered what follows them.
_REMEMBERED = 512


class Followers:
    """Finds what follows words in a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._sample = lru_cache(maxsize=_REMEMBERED)(partial(_Sample, snapshot))
        self._lock = Lock()

    def after(self, word: str, fits: Callable[[str], bool]) -> Counter[str]:
        """The folded words after a folded word that fit, and how often each was seen.

        Takes a tenth of a millisecond for each row that is read, and nothing for those
        that were read before. Raises `IndexCorrupt`.
        """
        with self._lock:
            return self._sample(word).after(fits)


class _Sample:
    """What was read so far of the places of one word."""

    def __init__(self, snapshot: Snapshot, word: str) -> None:
        self._snapshot = snapshot
        self._word = word
        self._bounds: dict[int, list[int]] = {}
        self._places = self._spread()
        self._seen: Counter[str] = Counter()

    def after(self, fits: Callable[[str], bool]) -> Counter[str]:
        while True:
            found = Counter({text: n for text, n in self._seen.items() if fits(text)})
            first, second = ([n for _, n in found.most_common(2)] + [0, 0])[:2]
            if first >= _SEEN and first >= _CLEAR * second:
                return found
            texts = [text for _, text in zip(range(_ROWS), self._places, strict=False)]
            if not texts:
                return found
            self._seen.update(words_after(self._word, texts))

    def _spread(self) -> Iterator[Story | Article]:
        """Rows that have the word as it is written, evenly spread."""
        rows: list[tuple[int, int]] = []
        for number, segment in enumerate(self._snapshot.segments):
            found = as_written(segment, self._snapshot.language, self._word)
            if found is not None:
                entry, written = found
                self._bounds[number] = segment.row_bounds(entry)
                places = np.flatnonzero(written) + entry.start
                some = places[:: max(1, len(places) // _MOST_ROWS)]
                rows += [(number, posting) for posting in some.tolist()]
        # The same each time, so that suggestions do not change while someone types.
        Random(0).shuffle(rows)
        for number, posting in rows[:_MOST_ROWS]:
            text = self._row(number, posting)
            if text is not None:
                yield text

    def _row(self, number: int, posting: int) -> Story | Article | None:
        segment = self._snapshot.segments[number]
        chunk = bisect_right(self._bounds[number], posting) - 1
        row = int(segment.chunk_rows[chunk]) + int(segment.docs[posting])
        doc = int(np.searchsorted(segment.first_rows, row, side="right")) - 1
        if doc in segment.deleted:
            return None
        doc_id = self._snapshot.bases[number] + doc
        article = row - int(segment.first_rows[doc])
        if not article:
            return self._snapshot.lead(doc_id)
        try:
            return read_article(self._snapshot.related(doc_id)[article - 1])
        except (ValueError, IndexError) as error:
            raise self._snapshot.damaged(doc_id, error) from error


def words_after(word: str, texts: Iterable[Story | Article]) -> Counter[str]:
    """The folded words that come after a folded word in some texts, and how often each does."""
    seen: Counter[str] = Counter()
    for text in texts:
        body = text.body[:_BODY] if isinstance(text, Story) else ""
        for part in (text.title, text.excerpt, body):
            seen.update(following(part, word))
    return seen


def following(text: str, word: str) -> Iterator[str]:
    """The words of a text, folded, that come after a folded word."""
    if not text.isascii():
        for found, after in pairwise(iter_words(text)):
            if fold(found.text) == word and _is_joined(text[found.end : after.start]):
                yield fold(after.text)
        return
    # Most words of a text are not the one that is sought: none is folded in vain.
    lowered, at = text.lower(), -1
    while (at := lowered.find(word, at + 1)) >= 0:
        if at and (text[at - 1].isalnum() or text[at - 1] in "'."):
            continue
        one = WORD_PATTERN.match(text, at)
        other = one and WORD_PATTERN.search(text, one.end())
        if one and other and fold(one[0]) == word and _is_joined(text[one.end() : other.start()]):
            yield fold(other[0])


def _is_joined(between: str) -> bool:
    """Whether two words belong together by what stands between them."""
    return not between.strip(" \t\n\xa0-‐‑'\"“”‘’")
