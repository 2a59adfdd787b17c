"""Leaves that are found out before a plan runs: phrases, patterns, fields, values, ranges."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from fnmatch import translate
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from whoosh.util.times import datetime_to_long

from ..analysis import fold, iter_words
from ..codec.format import I64
from ..codec.read import SegmentArrays
from ..model import Facet
from ..query.nodes import DateRange, Fuzzy, Keyword, NumberRange, Pattern, Phrase, Word
from ..schema import POSITION_GAP, facet_key, is_domain, naive_utc
from .expand import Budget, Expander
from .words import (
    FIELD_BITS,
    NO_ROWS,
    Dictionary,
    Rows,
    Term,
    TermList,
    in_field,
    is_lead,
    term_rows,
)

if TYPE_CHECKING:
    from .snapshot import Snapshot

#: Stands for "no date" in the date column.
NO_DATE = np.iinfo(np.int64).max
#: The largest `~N` of a phrase: more would reach into the next field.
MAX_SLOP = POSITION_GAP - 2

_Mask = npt.NDArray[np.bool_]
_TRUTH = {"yes": "true", "1": "true", "no": "false", "0": "false"}
# Facets of which a word of a name is enough.
_NAMED = ("provider", "lead_provider", "topic")
# A row and a position in one number.
_ROW = 32


class Selector:
    """Finds what leaves select in a snapshot; safe to share between threads."""

    def __init__(self, snapshot: Snapshot, fast: Callable[[int], Any]) -> None:
        """`fast` gives what runs compiled over a segment, by number; None without a compiler."""
        self._snapshot = snapshot
        self._fast = fast
        self._segments = snapshot.segments
        self.dictionary = Dictionary(snapshot.segments)
        self._expander = Expander(snapshot)

    def term(self, texts: list[str], weight: float) -> Term:
        """The term of folded words with the same stem."""
        return self.dictionary.term(texts, weight)

    def expansion(self, node: Pattern | Fuzzy) -> frozenset[str]:
        """The written forms that a leaf stands for."""
        return self._expander.texts(node)

    @property
    def segments(self) -> list[SegmentArrays]:
        """What is searched."""
        return self._segments

    def near(self, node: Pattern | Fuzzy, budget: Budget) -> dict[str, int]:
        """The words that a leaf stands for and how frequent they are; see `Expander.counts`."""
        return self._expander.counts(node, budget)

    def rows(self, node: Word | Phrase | Pattern | Fuzzy, budget: Budget) -> list[Rows]:
        """For each segment the rows that a leaf selects, with scores."""
        if isinstance(node, Pattern | Fuzzy):
            return self._expanded(node, budget)
        words = [node.text] if isinstance(node, Word) else list(node.words)
        terms = [self.dictionary.term([text], node.weight) for text in words]
        return [
            self._in_segment(number, node, words, terms) for number in range(len(self._segments))
        ]

    def _in_segment(
        self, number: int, node: Word | Phrase, words: list[str], terms: list[Term]
    ) -> Rows:
        segment = self._segments[number]
        lists = [term.lists[number] for term in terms]
        known = [found for found in lists if found is not None]
        if len(known) < len(lists):
            return NO_ROWS
        if isinstance(node, Phrase) and node.field is None:
            fast = self._fast(number)
            if fast is not None:
                allowed = [
                    _allowed(segment, found, text if node.exact else None)
                    for found, text in zip(known, words, strict=True)
                ]
                stems = [term.stem for term in terms]
                gap = min(node.slop, MAX_SLOP) + 1
                selected: Rows = fast.phrase_rows(known, stems, np.array(allowed), gap)
                return selected
        kept = [
            _kept(segment, found, text, node.field, node.exact)
            for found, text in zip(known, words, strict=True)
        ]
        parts = [
            term_rows(segment, found, term.stem, some)
            for found, term, some in zip(known, terms, kept, strict=True)
        ]
        if isinstance(node, Word):
            return parts[0]
        rows = parts[0].rows
        for part in parts[1:]:
            rows = np.intersect1d(rows, part.rows, assume_unique=True)
        rows = _phrase_rows(segment, node, known, kept, rows)
        scores = np.zeros(len(rows), np.float32)
        for part in parts:
            scores += part.scores[np.searchsorted(part.rows, rows)]
        return Rows(rows, scores)

    def _expanded(self, node: Pattern | Fuzzy, budget: Budget) -> list[Rows]:
        parts = []
        found = self._expander.forms(node, budget)
        for segment, forms in zip(self._segments, found, strict=True):
            rows = _rows_of_forms(segment, forms, node.field)
            parts.append(Rows(rows, np.full(len(rows), node.weight, np.float32)))
        return parts

    def documents(self, node: Keyword | DateRange | NumberRange) -> list[_Mask]:
        """For each segment bool[N], the documents that a leaf selects."""
        if isinstance(node, Keyword):
            keys = self.keys(node)
            return [mask_of(segment, node.facet, keys) for segment in self._segments]
        mask = self._dated(node) if isinstance(node, DateRange) else self._numbered(node)
        bounds = [*self._snapshot.bases, self._snapshot.size]
        return [mask[begin:end] for begin, end in pairwise(bounds)]

    def keys(self, node: Keyword) -> set[str]:
        """The values of a facet that a typed value stands for.

        A domain means that provider alone; else a name or a word of one does, too.
        """
        facet = cast("Facet", node.facet)
        values = self._snapshot.facet(facet)
        key = facet_key(node.facet, node.value)
        if "*" in key or "?" in key:
            fits = re.compile(translate(re.sub(r"\*+", "*", key).replace("[", "[[]"))).match
            return {value for value in values.keys if fits(value)}
        if node.facet == "published":
            key = _TRUTH.get(key, key)
        found = {key} if values.place(key) is not None else set()
        if node.facet not in _NAMED or (node.facet != "topic" and is_domain(key)):
            return found
        words = [fold(word.text) for word in iter_words(node.value)]
        return found | self._snapshot.named(facet, words) if words else found

    def _dated(self, node: DateRange) -> _Mask:
        return between(self._snapshot, node.first, node.last)

    def _numbered(self, node: NumberRange) -> _Mask:
        numbers = self._snapshot.numbers(node.field)
        mask: _Mask = ~np.isnan(numbers)
        if node.low is not None:
            mask &= numbers > node.low if node.low_open else numbers >= node.low
        if node.high is not None:
            mask &= numbers < node.high if node.high_open else numbers <= node.high
        return mask


def between(snapshot: Snapshot, first: datetime | None, last: datetime | None) -> _Mask:
    """bool[size]: the stories published in a span, both ends included."""
    dates = snapshot.dates
    mask: _Mask = dates != NO_DATE
    if first is not None:
        mask &= dates >= datetime_to_long(naive_utc(first))
    if last is not None:
        mask &= dates <= datetime_to_long(naive_utc(last))
    return mask


def mask_of(segment: SegmentArrays, facet: str, keys: set[str] | frozenset[str]) -> _Mask:
    """bool[N]: the documents of a segment that have any of these values of a facet."""
    mask = np.zeros(segment.doc_count, np.bool_)
    for key in keys:
        entry = segment.find_term(facet, key.encode())
        if entry is not None:
            mask[segment.doc_ids(facet, entry)] = True
    return mask


def _kept(
    segment: SegmentArrays, found: TermList, text: str, field: str | None, exact: bool
) -> _Mask | None:
    """Which postings of a term count: those in a field, and of one written form."""
    kept = None if field is None else in_field(segment, found.entry, field)
    if exact:
        forms = segment.forms_of(found.entry.ordinal)
        numbers = [form.number for form in forms if form.text == text]
        alike = np.isin(segment.codes_of(found.entry), numbers)
        kept = alike if kept is None else kept & alike
    return kept


def _allowed(segment: SegmentArrays, found: TermList, text: str | None) -> npt.NDArray[np.uint8]:
    """uint8[256]: 1 for each form of a term that counts: all, or one as written."""
    allowed = np.ones(256, np.uint8)
    if text is not None:
        allowed[:] = 0
        for form in segment.forms_of(found.entry.ordinal):
            allowed[form.number] = form.text == text
    return allowed


def _rows_of_forms(segment: SegmentArrays, forms: I64, field: str | None) -> I64:
    """The rows that have any of some written forms, rising."""
    seen = np.zeros(segment.row_count, np.bool_)
    wanted = np.zeros(segment.form_count, np.bool_)
    wanted[forms] = True
    terms = np.unique(segment.form_terms(forms))
    for run in np.split(terms, np.flatnonzero(np.diff(terms) > 1) + 1):
        if not len(run):
            continue
        ordinals = range(int(run[0]), int(run[-1]) + 1)
        rows, kept = segment.rows_of(ordinals), wanted[segment.forms_of_postings(ordinals)]
        if field is not None:
            bits, lead = FIELD_BITS[field]
            starts = segment.starts
            begin, end = int(starts[ordinals.start]), int(starts[ordinals.stop])
            kept &= (segment.bits[begin:end] & bits) != 0
            kept &= is_lead(segment, rows) == lead
        seen[rows[kept]] = True
    return np.flatnonzero(seen)


def _phrase_rows(
    segment: SegmentArrays,
    phrase: Phrase,
    lists: list[TermList],
    kept: list[_Mask | None],
    rows: I64,
) -> I64:
    """Those of some rows, which have all words, that have the phrase."""
    ends: Any = None
    gaps = range(1, min(phrase.slop, MAX_SLOP) + 2)
    for found, some in zip(lists, kept, strict=True):
        places = _places(segment, found, some, rows)
        if phrase.field is not None:
            places = _inside(segment, places, phrase.field)
        if ends is not None:
            near = np.zeros(len(places), np.bool_)
            for gap in gaps:
                near |= np.isin(places - gap, ends, assume_unique=True)
            places = places[near]
        ends = places
    found_in: I64 = np.unique(ends >> _ROW)
    return found_in


def _places(segment: SegmentArrays, found: TermList, some: _Mask | None, rows: I64) -> I64:
    """Where a word stands in some rows: row · 2^32 + position."""
    entry = found.entry
    in_rows = segment.row_ids(entry)
    kept = np.isin(in_rows, rows)
    if some is not None:
        kept &= some
    tfs, steps = segment.steps_of(entry.start, entry.end, kept)
    if not len(tfs):
        return np.empty(0, np.int64)
    sums = np.cumsum(steps.astype(np.int64))
    begins = np.cumsum(tfs.astype(np.int64)) - tfs
    before = np.repeat(sums[begins] - steps[begins], tfs)
    places: I64 = (np.repeat(in_rows[kept], tfs) << _ROW) + sums - before
    return places


def _inside(segment: SegmentArrays, places: I64, field: str) -> I64:
    """Those of some places that are in a field that a query may name."""
    rows, positions = places >> _ROW, places & ((1 << _ROW) - 1)
    title = segment.words("title")[rows].astype(np.int64)
    excerpt = title + POSITION_GAP + segment.words("excerpt")[rows]
    body = excerpt + POSITION_GAP + segment.words("body")[rows]
    begin, end = {
        "title": (0 * title, title), "excerpt": (title + 1, excerpt), "body": (excerpt + 1, body),
        "related": (0 * title, excerpt),
    }[field]  # fmt: skip
    inside: I64 = places[(positions >= begin) & (positions < end)]
    return inside
