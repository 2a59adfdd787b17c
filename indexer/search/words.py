"""A word of a query → its postings in each segment, and what it weighs there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from math import log
from typing import NamedTuple, Protocol

import numpy as np

from ..codec.format import F32, I64, TEXT, Mask
from ..codec.invert import changed
from ..codec.read import SegmentArrays, TermEntry
from ..languages import ENGLISH, Language
from ..ranking import AS_WRITTEN, LIGHT_SHARE, SATURATION, STEM_SHARE, WEIGHTS, word_weight
from ..schema import BODY, EXCERPT, TITLE
from .relatives import Relatives

#: Stems of which is remembered where their postings are, and words of which their weights are:
#: a kilobyte for each segment.
_REMEMBERED, _WEIGHED = 1 << 12, 1 << 10


#: The fields that a query may name → their bits, and whether they are the lead's.
FIELD_BITS = {
    "title": (TITLE, True), "excerpt": (EXCERPT, True), "body": (BODY, True),
    "related": (TITLE | EXCERPT, False),
}  # fmt: skip


class TermList(NamedTuple):
    """The postings of a term in one segment.

    bounds: int64[chunks + 1], where they begin in each chunk of rows, and their end
    codes: where their forms are in the segment's codes, see `SegmentArrays.code_place`
    light: float32[256], what each of its forms adds to the weight as a light form
    forms: each written form, in order of number, and its light form
    """

    entry: TermEntry
    bounds: I64
    codes: int
    light: F32
    forms: list[tuple[str, str]]


class _Stem(NamedTuple):
    """What the segments of a snapshot know of a stem; see `TermList`.

    weight: W of the stem; lights: W of each light form
    places: for each segment entry, bounds, codes, and of each written form itself and its
        light form
    """

    weight: float
    lights: dict[str, float]
    places: list[tuple[TermEntry, I64, int, list[tuple[str, str]]] | None]


class Term(NamedTuple):
    """A word in all its forms; W as docs/ranking.md has it.

    weight: W of the word itself, for comparing it with others
    stem: its weight for its stem; lists: for each segment its postings, None if it has none
    word: see `RowsLeaf`
    """

    weight: float
    stem: float
    lists: tuple[TermList | None, ...]
    word: bool = True


class Rows(NamedTuple):
    """Rows of a segment, rising, each once, and what each scores."""

    rows: I64
    scores: F32


NO_ROWS = Rows(np.empty(0, np.int64), np.empty(0, np.float32))


#: Of a word without light forms.
NO_LIGHT: F32 = np.zeros(256, np.float32)


class RowsLeaf(NamedTuple):
    """For each segment the rows that a leaf selects, and their scores.

    weight: W of what is sought, for comparing it with others; word: whether that is one word,
        which others are compared with
    """

    parts: list[Rows]
    weight: float
    word: bool = False


class SetLeaf(NamedTuple):
    """For each segment, bool[N], the documents that a leaf selects; they score nothing."""

    parts: list[Mask]
    weight: float = 0.0
    word: bool = False


class Lexicon(Protocol):
    """What is known of the words of an index, be it a folder's or a cluster's.

    language: by which they are stemmed; rows: of the whole index
    relatives: their forms in the other languages of the index
    """

    language: Language
    rows: int
    relatives: Relatives

    def fetch(self, forms: Iterable[str]) -> None:
        """Get ready to be asked for some folded words."""

    def frequency(self, text: str) -> int:
        """In how many stories a folded word, or one that differs in inflection alone, stands."""

    def stem_weight(self, text: str) -> float:
        """W of a folded word."""


class Dictionary(Lexicon):
    """Looks up words in the segments of a snapshot.

    Statistics are those of all segments together, so that segments do not matter.
    """

    def __init__(self, segments: Sequence[SegmentArrays], language: Language = ENGLISH) -> None:
        self.language = language
        self.rows = sum(segment.row_count for segment in segments)
        # Few words make up most of what people ask for.
        look_up = lru_cache(maxsize=_REMEMBERED)(partial(_look_up, segments, language, self.rows))
        self._frequency = lru_cache(maxsize=_REMEMBERED)(partial(_frequency, segments, language))
        self._known = lru_cache(maxsize=_WEIGHED)(partial(_weigh, look_up, language))
        self.relatives = Relatives(segments, language)

    def term(self, texts: Sequence[str], weight: float = 1.0) -> Term:
        """The term of folded words that have the same stem, each as often as it is given.

        Raises `IndexCorrupt`.
        """
        return self._known(tuple(texts), weight)

    def fetch(self, forms: Iterable[str]) -> None:
        """Nothing to do: all words are at hand."""

    def frequency(self, text: str) -> int:
        """In how many stories a folded word, or one that differs in inflection alone, stands."""
        return self._frequency(text)

    def stem_weight(self, text: str) -> float:
        """W of a folded word."""
        return self.term([text]).weight


def _weigh(
    look_up: Callable[[str], _Stem], language: Language, texts: tuple[str, ...], weight: float
) -> Term:
    """The term of words with the same stem; see `Dictionary.term`."""
    stem = look_up(language.stem_of(texts[0]))
    factor = weight * (1 + log(len(texts)))
    lights: dict[str, float] = {}
    for light in map(language.light_form, texts):
        share = LIGHT_SHARE * factor / len(texts)
        lights[light] = lights.get(light, 0.0) + share * stem.lights.get(light, 0.0)
    lists: list[TermList | None] = []
    for place in stem.places:
        if place is None:
            lists.append(None)
            continue
        entry, bounds, codes, forms = place
        weights = np.zeros(256, np.float32)
        weights[: len(forms)] = [
            lights.get(light, 0.0) * (AS_WRITTEN if form in texts else 1.0) for form, light in forms
        ]
        lists.append(TermList(entry, bounds, codes, weights, forms))
    return Term(stem.weight, STEM_SHARE * stem.weight * factor, tuple(lists))


def _frequency(segments: Sequence[SegmentArrays], language: Language, text: str) -> int:
    count = 0
    for segment in segments:
        entry = segment.find_term(TEXT, language.stem_of(text).encode())
        forms = [] if entry is None else segment.forms_of(entry.ordinal)
        count += next((form.light_df for form in forms if form.text == text), 0)
    return count


def _look_up(segments: Sequence[SegmentArrays], language: Language, total: int, stem: str) -> _Stem:
    """What segments, which have so many rows together, know of a stem."""
    encoded = stem.encode()
    places: list[tuple[TermEntry, I64, int, list[tuple[str, str]]] | None] = []
    counts: dict[str, tuple[int, int]] = {}
    df = cf = 0
    for segment in segments:
        entry = segment.find_term(TEXT, encoded)
        if entry is None:
            places.append(None)
            continue
        stories, occurrences = segment.text_counts(entry.ordinal)
        df, cf = df + stories, cf + occurrences
        found = segment.forms_of(entry.ordinal)
        forms = [(form.text, language.light_form(form.text)) for form in found]
        for light, form in {
            light: form for (_, light), form in zip(forms, found, strict=True)
        }.items():
            before = counts.get(light, (0, 0))
            counts[light] = before[0] + form.light_df, before[1] + form.light_cf
        codes = segment.code_place(entry)
        bounds = np.array(segment.row_bounds(entry), np.int64)
        places.append((entry, bounds, codes, forms))
    lights = {light: word_weight(total, *count) for light, count in counts.items()}
    return _Stem(word_weight(total, df, cf), lights, places)


def saturated(t: F32) -> F32:
    """sat(t) of the formula."""
    part: F32 = (t / (t + np.float32(SATURATION))).astype(np.float32)
    return part


def term_rows(
    segment: SegmentArrays, term: TermList, stem: float, kept: Mask | None = None
) -> Rows:
    """The rows that have a term, and their scores; `kept`: only some of its postings."""
    entry = term.entry
    rows, codes = segment.row_ids(entry), segment.codes_of(entry)
    t = WEIGHTS[segment.weights[entry.start : entry.end]]
    if kept is not None:
        rows, codes, t = rows[kept], codes[kept], t[kept]
    if not len(rows):
        return NO_ROWS
    begins = np.flatnonzero(changed(rows))
    light = term.light[codes]
    # A row's forms are nearly always one; added up in their order, as compiled loops do.
    whole = np.add.reduceat(t, begins)
    alike = np.add.reduceat(np.where(light > 0, t, np.float32(0)), begins)
    weight = np.maximum.reduceat(light, begins)
    scores = np.float32(stem) * saturated(whole) + weight * saturated(alike)
    return Rows(rows[begins], scores.astype(np.float32))


def in_field(segment: SegmentArrays, entry: TermEntry, field: str) -> Mask:
    """bool[n]: which postings of a term are in a field that a query may name."""
    bits, lead = FIELD_BITS[field]
    inside: Mask = (segment.bits[entry.start : entry.end] & bits) != 0
    inside &= is_lead(segment, segment.row_ids(entry)) == lead
    return inside


def is_lead(segment: SegmentArrays, rows: I64) -> Mask:
    """bool[n]: which rows are leads."""
    leads: Mask = segment.first_rows[segment.docs_of_rows[rows]] == rows
    return leads


def common(some: I64, others: I64) -> int:
    """How many rows are in both lists, which rise."""
    few, many = sorted((some, others), key=len)
    places = np.searchsorted(many, few)
    inside = places < len(many)
    return int(np.count_nonzero(many[places[inside]] == few[inside]))
