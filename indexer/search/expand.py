"""A pattern → the terms of the index that it stands for.

Terms that cannot fit are ruled out by arrays: of every term its length and a bit for each
of its letters. The few that are left are compared one by one, by a regular expression that
never goes back over what it has read, or by counting edits.

Work is counted in steps, of some 10 ns each, and not in seconds: so a query that costs too
much is refused on every machine alike.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from fnmatch import translate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from whoosh import query as wq
from whoosh.query.terms import MultiTerm

from ..codec.read import SegmentArrays
from ..errors import QueryError, QueryTooCostly

if TYPE_CHECKING:
    from .snapshot import Snapshot

#: The most terms that the patterns of one query may stand for.
MAX_EXPANDED_TERMS = 10_000
#: The most steps that the patterns of one query may take: a tenth to a fifth of a second.
MAX_STEPS = 10_000_000
#: What it costs to compare one term with a pattern; to rule one out costs a step.
_COMPARED = 100
# Terms that are compared before it is asked again whether there are too many.
_BATCH = 1 << 12
# Terms that are remembered, of all patterns together.
_MOST_REMEMBERED = 1_000_000

Ordinals = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]
_Key = tuple[object, ...]


class _Expansion(NamedTuple):
    """The terms of a field in a segment that a pattern stands for, and what it took."""

    ordinals: Ordinals
    steps: int


class Expander:
    """Expands the patterns of queries over a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._shapes: dict[tuple[int, str], _Shapes] = {}
        self._known: dict[tuple[int, _Key], _Expansion] = {}
        self._remembered = 0

    def check(self, query: wq.Query) -> None:
        """Raises `QueryError` for too wide a pattern, `QueryTooCostly` for too much work."""
        terms = steps = 0
        for key, pattern in {_key(pattern): pattern for pattern in patterns(query)}.items():
            for number, segment in enumerate(self._snapshot.segments):
                found = self._expand(number, key, pattern)
                terms += len(found.ordinals)
                # To add up scores takes a look at every story.
                steps += found.steps + bool(len(found.ordinals)) * segment.doc_count
                if terms > MAX_EXPANDED_TERMS:
                    raise _too_wide(pattern)
                if steps > MAX_STEPS:
                    raise QueryTooCostly("its patterns and near spellings")

    def ordinals(self, number: int, pattern: MultiTerm) -> Ordinals:
        """int64[n], rising: the terms of its field in segment `number` that a pattern fits.

        One more than `MAX_EXPANDED_TERMS` at least if there are more.
        """
        return self._expand(number, _key(pattern), pattern).ordinals

    def terms(self, pattern: MultiTerm) -> set[str]:
        """The terms of all segments that a pattern stands for."""
        return {
            self._snapshot.term(number, pattern.fieldname, ordinal)
            for number in range(len(self._snapshot.segments))
            for ordinal in self.ordinals(number, pattern).tolist()
        }

    def _expand(self, number: int, key: _Key, pattern: MultiTerm) -> _Expansion:
        known = self._known.get((number, key))
        if known is not None:
            return known
        found = self._find(number, pattern)
        self._remembered += 1 + len(found.ordinals)
        if self._remembered > _MOST_REMEMBERED:
            self._known, self._remembered = {}, 0
        self._known[number, key] = found
        return found

    def _find(self, number: int, pattern: MultiTerm) -> _Expansion:
        segment, field = self._snapshot.segments[number], pattern.fieldname
        if isinstance(pattern, wq.TermRange):
            return self._between(number, pattern)
        text = pattern.text
        if isinstance(pattern, wq.Prefix):
            ordinals = np.array(segment.terms_with_prefix(field, text.encode()), np.int64)
            return _Expansion(ordinals, len(ordinals))
        begin = (
            text[: pattern.prefixlength]
            if isinstance(pattern, wq.FuzzyTerm)
            else (re.split(r"[*?]", text, maxsplit=1)[0])
        )
        some = segment.terms_with_prefix(field, begin.encode())
        if not some:
            return _Expansion(np.empty(0, np.int64), 0)
        shapes = self._shapes_of(number, field)
        if isinstance(pattern, wq.FuzzyTerm):
            places = shapes.near(text, pattern.maxdist, some)
        else:
            places = shapes.fitting(text, some)
        return self._compared(number, pattern, places, len(some))

    def _between(self, number: int, pattern: wq.TermRange) -> _Expansion:
        """The terms from one to another, either of which may be left open or out."""

        def text_of(ordinal: int) -> bytes:
            return self._snapshot.term(number, pattern.fieldname, ordinal).encode()

        every = self._snapshot.segments[number].terms_with_prefix(pattern.fieldname, b"")
        first, last = 0, len(every)
        if pattern.start is not None:
            cut = bisect_right if pattern.startexcl else bisect_left
            first = cut(every, pattern.start.encode(), key=text_of)
        if pattern.end is not None:
            cut = bisect_left if pattern.endexcl else bisect_right
            last = cut(every, pattern.end.encode(), key=text_of)
        ordinals = np.array(every[first:last], np.int64)
        return _Expansion(ordinals, len(ordinals))

    def _compared(
        self, number: int, pattern: MultiTerm, places: Ordinals, steps: int
    ) -> _Expansion:
        """Those of some terms that a pattern fits, until they are too many."""
        kept: list[Ordinals] = [np.empty(0, np.int64)]
        count = 0
        for at in range(0, len(places), _BATCH):
            some = places[at : at + _BATCH]
            steps += _COMPARED * len(some)
            terms = [self._snapshot.term(number, pattern.fieldname, i) for i in some.tolist()]
            kept.append(some[_fits(pattern, terms)])
            count += len(kept[-1])
            if count > MAX_EXPANDED_TERMS or steps > MAX_STEPS:
                break
        return _Expansion(np.concatenate(kept), steps)

    def _shapes_of(self, number: int, field: str) -> _Shapes:
        key = (number, field)
        if key not in self._shapes:
            self._shapes[key] = _Shapes(self._snapshot.segments[number], field)
        return self._shapes[key]


class _Shapes:
    """What is quickly seen of every term of a field.

    lengths: int64[T], in characters; letters: uint64[T], a bit for each letter it has
    """

    def __init__(self, segment: SegmentArrays, field: str) -> None:
        text, starts = segment.joined_terms(field)
        codes = np.frombuffer((text + "\0").encode("utf-32-le"), np.uint32)
        self.lengths = np.diff(starts).astype(np.uint16)
        bits = np.uint64(1) << (codes & np.uint32(63)).astype(np.uint64)
        bits[-1] = 0
        self.letters = np.bitwise_or.reduceat(bits, starts[:-1])

    def near(self, text: str, distance: int, some: range) -> Ordinals:
        """Terms that may be so many edits from a text: each adds or takes a letter or both."""
        lengths, letters = self._of(some)
        wanted = _letters_of(text)
        fits = np.abs(lengths.astype(np.int32) - len(text)) <= distance
        fits &= np.bitwise_count(letters & ~wanted) <= distance
        fits &= np.bitwise_count(wanted & ~letters) <= distance
        return np.flatnonzero(fits) + some.start

    def fitting(self, text: str, some: range) -> Ordinals:
        """Terms that have the letters of a pattern with wildcards, and are long enough."""
        lengths, letters = self._of(some)
        least = len(text) - text.count("*")
        wanted = _letters_of(re.sub(r"[*?]", "", text))
        fits = lengths >= least if "*" in text else lengths == least
        fits &= letters & wanted == wanted
        return np.flatnonzero(fits) + some.start

    def _of(self, some: range) -> tuple[Any, Any]:
        return self.lengths[some.start : some.stop], self.letters[some.start : some.stop]


def _letters_of(text: str) -> np.uint64:
    bits = {1 << (ord(character) & 63) for character in text}
    letters: np.uint64 = np.uint64(sum(bits))
    return letters


def _fits(pattern: MultiTerm, terms: list[str]) -> _Flags:
    if isinstance(pattern, wq.FuzzyTerm):
        return _within(pattern.text, terms, pattern.maxdist)
    # Python writes this so that what has been matched is never given up again; a bracket
    # means itself.
    expression = re.compile(translate(pattern.text.replace("[", "[[]")))
    return np.array([expression.match(term) is not None for term in terms], np.bool_)


def _within(text: str, terms: list[str], distance: int) -> _Flags:
    """bool[n]: whether each term is at most so many edits from a text (Levenshtein).

    All are compared at once, a column of the table of distances for each: only what lies
    near the diagonal can be low enough.
    """
    lengths = np.array([len(term) for term in terms])
    width = int(lengths.max(initial=0))
    joined = "".join([term.ljust(width, "\0") for term in terms]).encode("utf-32-le")
    letters = np.ascontiguousarray(np.frombuffer(joined, np.uint32).reshape(-1, width).T)
    far = np.full(len(terms), distance + 1, np.int16)
    above = {j: np.full(len(terms), j, np.int16) for j in range(min(distance, width) + 1)}
    for i, character in enumerate(text, 1):
        row: dict[int, npt.NDArray[np.int16]] = {}
        for j in range(max(0, i - distance), min(width, i + distance) + 1):
            best = above.get(j, far) + 1
            if j:
                other = letters[j - 1] != ord(character)
                best = np.minimum(best, above.get(j - 1, far) + other)
                best = np.minimum(best, row.get(j - 1, far) + 1)
            row[j] = best
        above = row
    near = np.zeros(len(terms), np.bool_)
    for j, edits in above.items():
        near |= (lengths == j) & (edits <= distance)
    return near


def patterns(query: wq.Query) -> list[MultiTerm]:
    """The leaves of a query that stand for several terms."""
    if isinstance(query, MultiTerm):
        return [query]
    return [pattern for child in query.children() for pattern in patterns(child)]


def _key(pattern: MultiTerm) -> _Key:
    """What makes two patterns the same."""
    if isinstance(pattern, wq.TermRange):
        bounds = (pattern.start, pattern.end, pattern.startexcl, pattern.endexcl)
        return (type(pattern), pattern.fieldname, *bounds)
    edits = (pattern.maxdist, pattern.prefixlength) if isinstance(pattern, wq.FuzzyTerm) else ()
    return (type(pattern), pattern.fieldname, pattern.text, *edits)


def _too_wide(pattern: MultiTerm) -> QueryError:
    return QueryError(
        "q",
        f"the pattern {pattern.text!r} stands for more than {MAX_EXPANDED_TERMS:,} terms: "
        "give more letters",
    )
