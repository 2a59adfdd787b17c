"""Leaves of words → the rows that have them, and where in these rows they stand."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..codec.format import I64, U8, Mask
from ..codec.read import SegmentArrays
from ..query.nodes import (
    Alternatives,
    Compound,
    Fuzzy,
    Inflected,
    Near,
    Pattern,
    Phrase,
    TextNode,
    Word,
    alternatives_of,
    words_of,
)
from ..ranking import FUNCTION_WEIGHT, STEM_SHARE, word_weight
from ..schema import CAPITAL, POSITION_GAP
from .expand import COMPARED, SCORED, Budget, Expander
from .patterns import ROW, places_of_forms, places_of_postings, rows_of_forms
from .words import (
    NO_LIGHT,
    NO_ROWS,
    Dictionary,
    Rows,
    RowsLeaf,
    Term,
    TermList,
    in_field,
    term_rows,
)

if TYPE_CHECKING:
    from .fast import FastSegment
    from .snapshot import Snapshot


class Spots(NamedTuple):
    """Where something stands: the places of its first and of its last word, which rise.

    A place is row · 2^32 + position.
    """

    starts: I64
    ends: I64


class Sought(NamedTuple):
    """The rows of a segment that have a leaf, and what gives its spots in some of them."""

    rows: Rows
    spots: Callable[[I64], Spots]


_NOWHERE = Spots(np.empty(0, np.int64), np.empty(0, np.int64))
_NOTHING = Sought(NO_ROWS, lambda rows: _NOWHERE)


class Seeker:
    """Finds leaves of words in a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot, fast: Callable[[int], FastSegment | None]) -> None:
        """`fast` gives what runs compiled over a segment, by number; None without a compiler."""
        self.snapshot = snapshot
        self._segments = snapshot.segments
        self._fast = fast
        self.expander = Expander(snapshot)
        self.dictionary = Dictionary(snapshot.segments, snapshot.language)
        self.term = self.dictionary.term

    def leaf(self, node: TextNode, budget: Budget) -> RowsLeaf:
        """For each segment the rows that a leaf selects, with scores."""
        if isinstance(node, Word) and node.acronym:
            return self._acronym(node)
        parts = [self._rows(number, node, budget) for number in range(len(self._segments))]
        return RowsLeaf(parts, self.weight(node), isinstance(node, Inflected))

    def weight(self, node: TextNode) -> float:
        """W of a word, the sum of those of several."""
        return weight_of(node, lambda word: self.dictionary.term([word.text]).weight)

    def _rows(self, number: int, node: TextNode, budget: Budget) -> Rows:
        if isinstance(node, Compound | Alternatives):
            # Its phrases may run compiled.
            parts = alternatives_of(node)
            return _best_of([self._rows(number, part, budget) for part in parts])
        words = compared_words(node)
        if words:
            fast = self._fast(number)
            if fast is not None:
                return self._compared(number, node, words, fast, budget)
            budget = Budget(most_read=inf)  # compiled, it takes a fifth of that
        return self._sought(number, node, budget).rows

    def _compared(
        self, number: int, node: TextNode, words: list[Word], fast: FastSegment, budget: Budget
    ) -> Rows:
        """The rows in which words stand as a node says, found by compiled loops."""
        terms = [self.dictionary.term([word.text], word.weight) for word in words]
        lists = [term.lists[number] for term in terms]
        known = [found for found in lists if found is not None]
        if len(known) < len(lists):
            return NO_ROWS
        fewest = min(found.entry.end - found.entry.start for found in known)
        budget.follow(node, fewest * (COMPARED * len(words) if len(words) > 1 else SCORED))
        allowed = [
            _allowed(found, word.text if word.exact else None)
            for found, word in zip(known, words, strict=True)
        ]
        reach = (1, 0)
        if isinstance(node, Near):
            reach = (node.distance, node.distance)
        elif isinstance(node, Phrase):
            reach = (node.slop + 1, 0)
        return fast.phrase_rows(known, [term.stem for term in terms], np.array(allowed), reach)

    def _sought(self, number: int, node: TextNode, budget: Budget) -> Sought:
        if isinstance(node, Word):
            return self._word(number, node, budget)
        if isinstance(node, Pattern | Fuzzy):
            return self._forms(number, node, budget)
        if isinstance(node, Compound | Alternatives):
            parts = alternatives_of(node)
            either = [self._sought(number, part, budget) for part in parts]
            return Sought(
                _best_of([part.rows for part in either]),
                lambda rows: reduce(_joined, [part.spots(rows) for part in either]),
            )
        if isinstance(node, Near):
            sides = [self._sought(number, side, budget) for side in (node.left, node.right)]
            return _narrowed(sides, lambda spots: _near(spots[0], spots[1], node.distance))
        found = [self._sought(number, word, budget) for word in words_of(node)]
        return _narrowed(found, lambda spots: _in_order(spots, node.slop + 1))

    def _word(self, number: int, node: Word, budget: Budget) -> Sought:
        segment = self._segments[number]
        term: Term = self.dictionary.term([node.text], node.weight)
        found = term.lists[number]
        if found is None:
            return _NOTHING
        kept = None if node.field is None else in_field(segment, found.entry, node.field)
        if node.exact:
            alike = _allowed(found, node.text)[segment.codes_of(found.entry)] > 0
            kept = alike if kept is None else kept & alike
        postings = found.entry.end - found.entry.start
        scored = postings if kept is None else int(np.count_nonzero(kept))
        budget.follow(node, postings + SCORED * scored)

        def spots(rows: I64) -> Spots:
            places = places_of(segment, found, rows, kept, budget)
            places = places if node.field is None else _inside(segment, places, node.field)
            return Spots(places, places)

        return Sought(term_rows(segment, found, term.stem, kept), spots)

    def _forms(self, number: int, node: Pattern | Fuzzy, budget: Budget) -> Sought:
        segment = self._segments[number]
        forms = self.expander.forms(node, budget)[number]
        rows = rows_of_forms(segment, forms, node.field, budget, self._fast(number))

        def spots(some: I64) -> Spots:
            places = places_of_forms(segment, forms, some, budget)
            places = places if node.field is None else _inside(segment, places, node.field)
            return Spots(places, places)

        return Sought(Rows(rows, np.full(len(rows), node.weight, np.float32)), spots)

    def _acronym(self, node: Word) -> RowsLeaf:
        """A word that counts more where it is written in capitals; see `ranking`."""
        term = self.dictionary.term([node.text], node.weight)
        pairs = list(zip(self._segments, term.lists, strict=True))
        kept = [
            None if found is None
            else (segment.bits[found.entry.start : found.entry.end] & CAPITAL) != 0
            for segment, found in pairs
        ]  # fmt: skip
        df = sum(
            len(np.unique(segment.docs_of_rows[segment.row_ids(found.entry)[some]]))
            for (segment, found), some in zip(pairs, kept, strict=True)
            if found is not None
        )
        capital = word_weight(self.dictionary.rows, df, df) * node.weight
        factor = FUNCTION_WEIGHT if node.text in self.dictionary.language.function_words else 1.0
        share = 1 - STEM_SHARE * factor
        parts = []
        for (segment, found), some in zip(pairs, kept, strict=True):
            if found is None:
                parts.append(NO_ROWS)
                continue
            plain = found._replace(light=NO_LIGHT)
            inside = None
            if node.field is not None:
                inside = in_field(segment, found.entry, node.field)
                some = inside if some is None else some & inside
            rows, scores = term_rows(segment, plain, term.stem * factor, inside)
            written = term_rows(segment, plain, share * capital, some)
            scores[np.searchsorted(rows, written.rows)] += written.scores
            parts.append(Rows(rows, scores))
        return RowsLeaf(parts, term.weight * factor * STEM_SHARE + share * capital)


def compared_words(node: TextNode) -> list[Word]:
    """The words of a node that compiled loops find by comparing these; none of any other."""
    words: list[Any] = []
    if isinstance(node, Word):
        words = [node]
    elif isinstance(node, Near):
        words = [node.left, node.right]
    elif isinstance(node, Phrase):
        words = list(words_of(node))
    plain = all(isinstance(word, Word) and word.field is None for word in words)
    return words if plain else []


def weight_of(node: TextNode, of_word: Callable[[Word], float]) -> float:
    """W of a leaf: the sum of those of its words."""
    if isinstance(node, Alternatives):
        weights = [weight_of(part, of_word) for part in node.parts]
        # Forms of a word are as rare as the most frequent of them.
        return min(filter(None, weights)) if isinstance(node, Inflected) else max(weights)
    if isinstance(node, Near):
        return weight_of(node.left, of_word) + weight_of(node.right, of_word)
    if isinstance(node, Pattern | Fuzzy):
        return node.weight
    if isinstance(node, Word):
        return of_word(node)
    if isinstance(node, Phrase) and node.joined:
        return max(of_word(Word(text)) for text in node.words)
    parts = map(Word, node.parts) if isinstance(node, Compound) else words_of(node)
    return sum(weight_of(part, of_word) for part in parts)


def _allowed(found: TermList, text: str | None) -> U8:
    """uint8[256]: 1 for each form of a term that counts: all, or one as written."""
    if text is None:
        return np.ones(256, np.uint8)
    allowed = np.zeros(256, np.uint8)
    allowed[[number for number, (form, _) in enumerate(found.forms) if form == text]] = 1
    return allowed


def _best_of(parts: list[Rows]) -> Rows:
    """The rows of all parts, each with the best of its scores."""
    rows = np.concatenate([part.rows for part in parts])
    if not len(rows):
        return NO_ROWS
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    scores = np.concatenate([part.scores for part in parts])[order]
    begins = np.flatnonzero(np.diff(rows, prepend=-1))
    return Rows(rows[begins], np.maximum.reduceat(scores, begins))


def _joined(one: Spots, other: Spots) -> Spots:
    starts, ends = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    order = np.argsort(ends, kind="stable")
    return Spots(starts[order], ends[order])


def _narrowed(parts: list[Sought], combine: Callable[[list[Spots]], Spots]) -> Sought:
    """The rows that have all parts, where their spots combine; they score what parts score."""
    rows = parts[0].rows.rows
    for part in parts[1:]:
        rows = np.intersect1d(rows, part.rows.rows, assume_unique=True)

    def spots(some: I64) -> Spots:
        return combine([part.spots(some) for part in parts])

    rows = np.unique(spots(rows).ends >> ROW)
    scores = np.zeros(len(rows), np.float32)
    for part in parts:
        scores += part.rows.scores[np.searchsorted(part.rows.rows, rows)]
    return Sought(Rows(rows, scores), spots)


def _in_order(parts: list[Spots], gap: int) -> Spots:
    """Where each part follows the one before it, at most `gap` places after its end."""
    spots = parts[0]
    for part in parts[1:]:
        before = np.searchsorted(spots.ends, part.starts) - 1
        reached = before >= 0
        reached[reached] &= part.starts[reached] - spots.ends[before[reached]] <= gap
        spots = Spots(spots.starts[before[reached]], part.ends[reached])
    return spots


def _near(one: Spots, other: Spots, distance: int) -> Spots:
    """Where either comes at most so many places after the end of the other."""
    return _joined(_in_order([one, other], distance), _in_order([other, one], distance))


def places_of(
    segment: SegmentArrays,
    found: TermList,
    rows: I64,
    some: Mask | None = None,
    budget: Budget | None = None,
) -> I64:
    """Where a word stands in some rows, rising; see `Spots`. some: which postings count."""
    entry = found.entry
    in_rows = segment.row_ids(entry)
    kept = np.isin(in_rows, rows)
    if some is not None:
        kept &= some
    if budget is not None:
        budget.read(len(kept), int(np.count_nonzero(kept)))
    places = places_of_postings(segment, entry.start, entry.end, in_rows, kept)
    places.sort()  # several forms of a word in a row
    return places


def _inside(segment: SegmentArrays, places: I64, field: str) -> I64:
    """Those of some places that are in a field that a query may name."""
    rows, positions = places >> ROW, places & ((1 << ROW) - 1)
    title = segment.words("title")[rows].astype(np.int64)
    excerpt = title + POSITION_GAP + segment.words("excerpt")[rows]
    body = excerpt + POSITION_GAP + segment.words("body")[rows]
    begin, end = {
        "title": (0 * title, title), "excerpt": (title + 1, excerpt), "body": (excerpt + 1, body),
        "related": (0 * title, excerpt),
    }[field]  # fmt: skip
    inside: I64 = places[(positions >= begin) & (positions < end)]
    return inside
