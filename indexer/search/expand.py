"""A pattern → the written words of the index that it stands for.

Words that cannot fit are ruled out by arrays: of every word its length and a bit for each
of its letters. Of the few that are left the edits are counted, or each is compared with a
regular expression that never goes back over what it has read.

Work is counted in steps, of some 10 ns each, and not in seconds: so a query that costs too
much is refused on every machine alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..analysis import MAX_TERM_LENGTH, wildcards
from ..codec.format import I64, U16, U32, Mask
from ..codec.read import SegmentArrays
from ..errors import QueryError, QueryTooCostly
from ..query.nodes import Fuzzy, Pattern, TextNode

if TYPE_CHECKING:
    from .snapshot import Snapshot

#: The most words that the patterns of one query may stand for.
MAX_EXPANDED_TERMS = 10_000
#: The most steps that the patterns of one query may take: a tenth to a fifth of a second.
MAX_STEPS = 10_000_000
#: What it costs to compare one word with a pattern, or to count the edits between it and a
#: near spelling; to rule one out costs a step.
_COMPARED, _MEASURED = 100, 40
#: The most steps that may go into reading what patterns, near words and phrases stand in: a quarter
#: of a second. To read a posting, and where in the row its word stands, costs so many.
MAX_READ_STEPS = 25_000_000
_POSTING, _PLACES = 2, 90
#: What else a posting costs, in such that are read: to score it in plain arithmetic or to keep
#: its row, and, of the rarest of some words that compiled loops compare, for each of them.
SCORED, COMPARED = 2, 3
_FREQUENT = "patterns, phrases and near words as frequent as these"
# Words that are compared before it is asked again whether there are too many.
_BATCH = 1 << 12
# Words that are remembered, of all patterns together.
_MOST_REMEMBERED = 1_000_000


@dataclass
class Budget:
    """What the patterns of one query may take and have taken.

    known: those expanded, and their forms in each segment
    """

    most_steps: int = field(default_factory=lambda: MAX_STEPS)
    words: int = 0
    steps: int = 0
    known: dict[Pattern | Fuzzy, list[I64]] = field(default_factory=dict)
    most_read: float = field(default_factory=lambda: MAX_READ_STEPS)
    read_steps: int = 0
    followed: TextNode | None = None

    def read(self, postings: int, places: int = 0) -> None:
        """Add postings that are about to be read, and those whose places are.

        Raises `QueryTooCostly` past a limit.
        """
        self.read_steps += _POSTING * postings + _PLACES * places
        if self.read_steps > self.most_read:
            raise QueryTooCostly(_FREQUENT)

    def follow(self, node: TextNode, postings: int) -> None:
        """Add what the words of a node take, in postings that are read.

        The first may take what it likes: a single one can be asked for in any archive.
        """
        self.read_steps += _POSTING * postings
        self.followed = self.followed or node
        if node != self.followed and self.read_steps > self.most_read:
            raise QueryTooCostly(_FREQUENT)

    def take(self, text: str, words: int, steps: int) -> None:
        """Add what one pattern takes; raises `QueryError` or `QueryTooCostly` past a limit."""
        self.words += words
        self.steps += steps
        if self.words > MAX_EXPANDED_TERMS:
            raise QueryError(
                "q",
                f"the pattern {text!r} stands for more than {MAX_EXPANDED_TERMS:,} words: "
                "give more letters",
            )
        if self.steps > self.most_steps:
            raise QueryTooCostly("its patterns and near spellings")


class _Expansion(NamedTuple):
    """The forms of a segment that a pattern stands for, and what it took."""

    forms: I64
    steps: int


class Expander:
    """Expands the patterns of queries over a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._segments = snapshot.segments
        self._shapes: dict[int, _Shapes] = {}
        self._known: dict[tuple[int, Pattern | Fuzzy], _Expansion] = {}
        self._remembered = 0

    def warm_up(self) -> None:
        """Make the shapes of all words, for which the first slip would wait."""
        for number in range(len(self._segments)):
            self._shapes_of(number)

    def _shapes_of(self, number: int) -> _Shapes:
        if number not in self._shapes:
            self._shapes[number] = _Shapes(self._segments[number])
        return self._shapes[number]

    def forms(self, node: Pattern | Fuzzy, budget: Budget) -> list[I64]:
        """For each segment the forms, by number, that a leaf stands for.

        Asked for again, within one query, they take nothing. Raises `QueryError` for too wide a
        pattern, `QueryTooCostly` for too much work.
        """
        same = _unweighted(node)
        if same not in budget.known:
            result = []
            for number, segment in enumerate(self._segments):
                found = self._expand(number, same)
                # To add up scores takes a look at every row.
                rows = segment.row_count if len(found.forms) else 0
                budget.take(node.text, len(found.forms), found.steps + rows)
                result.append(found.forms)
            budget.known[same] = result
        return budget.known[same]

    def texts(self, node: Pattern | Fuzzy) -> frozenset[str]:
        """The words of all segments that a leaf stands for; raises as `forms` does."""
        return frozenset(self.counts(node, Budget()))

    def counts(self, node: Pattern | Fuzzy, budget: Budget) -> dict[str, int]:
        """The words that a leaf stands for, and in how many stories each or its like stands.

        Words that differ in inflection alone are counted as one. Raises as `forms` does.
        """
        counts: dict[str, int] = {}
        for segment, forms in zip(self._segments, self.forms(node, budget), strict=True):
            for form in forms.tolist():
                text = segment.form_text(form)
                counts[text] = counts.get(text, 0) + segment.light_df(form)
        return counts

    def beginning(self, prefix: str, most: int, *, slip: bool = False) -> dict[str, int]:
        """About the `most` most frequent words that begin so, counted as above.

        slip: those whose beginning is one slip away instead; its first letter, or the second
            in place of it, is right
        """
        counts: dict[str, int] = {}
        for number, segment in enumerate(self._segments):
            some = segment.forms_with_prefix(prefix.encode())
            places = self._nearly(number, prefix) if slip else np.arange(some.start, some.stop)
            forms = segment.form_order[places].astype(np.int64)
            dfs = segment.terms_file.section("light_df", "u4", (segment.form_count,))[forms]
            if len(forms) > most:
                forms = forms[np.argpartition(dfs, len(dfs) - most)[-most:]]
            for form in forms.tolist():
                text = segment.form_text(form)
                counts[text] = counts.get(text, 0) + segment.light_df(form)
        return counts

    def _nearly(self, number: int, prefix: str) -> I64:
        """Places of words whose beginning is one slip away from a prefix."""
        segment = self._segments[number]
        shapes = self._shapes_of(number)
        found = [
            shapes.beginning(prefix, segment.forms_with_prefix(letter.encode()))
            for letter in sorted(set(prefix[:2]))
        ]
        return np.concatenate(found)

    def _expand(self, number: int, node: Pattern | Fuzzy) -> _Expansion:
        key = (number, node)
        known = self._known.get(key)
        if known is not None:
            return known
        found = self._find(number, node)
        self._remembered += 1 + len(found.forms)
        if self._remembered > _MOST_REMEMBERED:
            self._known, self._remembered = {}, 0
        self._known[key] = found
        return found

    def _find(self, number: int, node: Pattern | Fuzzy) -> _Expansion:
        segment = self._segments[number]
        prefix = node.prefix if isinstance(node, Pattern) else None
        if prefix is not None:
            some = segment.forms_with_prefix(prefix.encode())
            forms = segment.form_order[some.start : some.stop].astype(np.int64)
            return _Expansion(forms, len(some))
        begin = re.split(r"[*?]", node.text, maxsplit=1)[0] if isinstance(node, Pattern) else ""
        some = segment.forms_with_prefix(begin.encode())
        if not some:
            return _Expansion(np.empty(0, np.int64), 0)
        shapes = self._shapes_of(number)
        if isinstance(node, Fuzzy):
            places = shapes.near(node.text, node.distance, some)
        else:
            places = shapes.fitting(node.text, some)
        return _compared(segment, shapes, node, places, len(some))


def _compared(
    segment: SegmentArrays, shapes: _Shapes, node: Pattern | Fuzzy, places: I64, steps: int
) -> _Expansion:
    """Those words, at some places of the order, that a leaf fits, until they are too many."""
    kept: list[I64] = [np.empty(0, np.int64)]
    count = 0
    for at in range(0, len(places), _BATCH):
        some = places[at : at + _BATCH]
        forms: I64 = segment.form_order[some].astype(np.int64)
        if isinstance(node, Fuzzy):
            steps += _MEASURED * len(some)
            fits = _within(node.text, *shapes.written(some), node.distance)
        else:
            steps += _COMPARED * len(some)
            fitting = wildcards(node.text).match
            words = map(segment.form_text, forms.tolist())
            fits = np.array([fitting(word) is not None for word in words], np.bool_)
        kept.append(forms[fits])
        count += len(kept[-1])
        if count > MAX_EXPANDED_TERMS or steps > MAX_STEPS:
            break
    return _Expansion(np.concatenate(kept), steps)


def _unweighted(node: Pattern | Fuzzy) -> Pattern | Fuzzy:
    return Pattern(node.text) if isinstance(node, Pattern) else Fuzzy(node.text, node.distance)


class _Shapes:
    """What is quickly seen of every word of a segment, in the order of their letters.

    lengths: uint16[F], in characters; letters: uint64[F], a bit for each letter it has
    codes: uint32, the characters of all; starts: int64[F + 1], where each word's begin there
    """

    def __init__(self, segment: SegmentArrays) -> None:
        text, starts = segment.joined_forms()
        codes = np.frombuffer((text + "\0").encode("utf-32-le"), np.uint32)
        self.codes, self.starts = codes, starts
        self.lengths = np.diff(starts).astype(np.uint16)
        bits = np.uint64(1) << (codes & np.uint32(63)).astype(np.uint64)
        bits[-1] = 0
        self.letters = np.bitwise_or.reduceat(bits, starts[:-1])

    def near(self, text: str, distance: int, some: range) -> I64:
        """Words that may be so many edits from a text.

        An edit adds a letter, takes one, or both; a swap does neither.
        """
        lengths, letters = self._of(some)
        wanted = _letters_of(text)
        fits = np.abs(lengths.astype(np.int32) - len(text)) <= distance
        fits &= np.bitwise_count(letters & ~wanted) <= distance
        fits &= np.bitwise_count(wanted & ~letters) <= distance
        return np.flatnonzero(fits) + some.start

    def beginning(self, prefix: str, some: range) -> I64:
        """Words that begin with what is at most one edit from a prefix."""
        lengths, letters = self._of(some)
        wanted = _letters_of(prefix)
        fits = lengths >= len(prefix) - 1
        fits &= np.bitwise_count(wanted & ~letters) <= 1
        places = np.flatnonzero(fits) + some.start
        return places[_within(prefix, *self.written(places, len(prefix) + 1), 1, begins=True)]

    def fitting(self, text: str, some: range) -> I64:
        """Words that have the letters of a pattern with wildcards, and are long enough."""
        lengths, letters = self._of(some)
        least = len(text) - text.count("*")
        wanted = _letters_of(re.sub(r"[*?]", "", text))
        fits = lengths >= least if "*" in text else lengths == least
        fits &= letters & wanted == wanted
        return np.flatnonzero(fits) + some.start

    def written(self, places: I64, most: int = MAX_TERM_LENGTH) -> tuple[U32, U16]:
        """The first characters of some words, uint32[width, n], and how many each has in all.

        What stands past a word's end is left to chance.
        """
        lengths = self.lengths[places]
        columns = np.arange(min(most, int(lengths.max(initial=0))))[:, None] + self.starts[places]
        return self.codes[np.minimum(columns, len(self.codes) - 1)], lengths

    def _of(self, some: range) -> tuple[Any, Any]:
        return self.lengths[some.start : some.stop], self.letters[some.start : some.stop]


def _letters_of(text: str) -> np.uint64:
    bits = {1 << (ord(character) & 63) for character in text}
    letters: np.uint64 = np.uint64(sum(bits))
    return letters


def _within(
    text: str,
    letters: U32,
    lengths: U16,
    distance: int,
    begins: bool = False,
) -> Mask:
    """bool[n]: whether each word, or what it begins with, is so few edits from a text.

    An edit puts a letter in, leaves one out, exchanges one or swaps two neighbours; nothing
    is edited twice (optimal string alignment). `letters` are as `_Shapes.written` has them.

    All are compared at once, a column of the table of distances for each: only what lies
    near the diagonal can be low enough.
    """
    width, count = letters.shape
    far = np.full(count, distance + 1, np.int16)
    above: dict[int, npt.NDArray[np.int16]] = {}
    row = {j: np.full(count, j, np.int16) for j in range(min(distance, width) + 1)}
    same: dict[int, Mask] = {}
    for i, character in enumerate(text, 1):
        before, above, row, was_same, same = above, row, {}, same, {}
        for j in range(max(0, i - distance), min(width, i + distance) + 1):
            best = above.get(j, far) + 1
            if j:
                same[j] = letters[j - 1] == ord(character)
                best = np.minimum(best, above.get(j - 1, far) + ~same[j])
                best = np.minimum(best, row.get(j - 1, far) + 1)
            if j - 2 in before and j in was_same and j - 1 in same:
                swapped = was_same[j] & same[j - 1]
                best = np.where(swapped, np.minimum(best, before[j - 2] + 1), best)
            row[j] = best
    near = np.zeros(count, np.bool_)
    for j, edits in row.items():
        near |= (lengths >= j if begins else lengths == j) & (edits <= distance)
    return near
