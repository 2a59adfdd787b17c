"""A word of a query → its postings in each segment, and what it weighs there."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..analysis import stem_of
from ..codec.format import I64, TEXT
from ..codec.read import SegmentArrays, TermEntry
from ..english import light_form
from ..ranking import LIGHT_SHARE, SATURATION, STEM_SHARE, WEIGHTS, word_weight
from ..schema import BODY, EXCERPT, TITLE

F32 = npt.NDArray[np.float32]

#: The fields that a query may name → their bits, and whether they are the lead's.
FIELD_BITS = {
    "title": (TITLE, True), "excerpt": (EXCERPT, True), "body": (BODY, True),
    "related": (TITLE | EXCERPT, False),
}  # fmt: skip


class TermList(NamedTuple):
    """The postings of a term in one segment.

    light: float32[256], what each of its forms adds to the weight as a light form
    """

    entry: TermEntry
    light: F32


class Term(NamedTuple):
    """A word in all its forms; W as docs/ranking.md has it.

    weight: W of the word itself, for comparing it with others
    stem: its weight for its stem; lists: for each segment its postings, None if it has none
    """

    weight: float
    stem: float
    lists: list[TermList | None]


class Rows(NamedTuple):
    """Rows of a segment, rising, each once, and what each scores."""

    rows: I64
    scores: F32


NO_ROWS = Rows(np.empty(0, np.int64), np.empty(0, np.float32))


class Dictionary:
    """Looks up words in the segments of a snapshot.

    Statistics are those of all segments together, so that segments do not matter.
    """

    def __init__(self, segments: Sequence[SegmentArrays]) -> None:
        self._segments = segments
        self.rows = sum(segment.row_count for segment in segments)

    def term(self, texts: Sequence[str], weight: float = 1.0) -> Term:
        """The term of folded words that have the same stem, each as often as it is given.

        Raises `IndexCorrupt`.
        """
        stem = stem_of(texts[0])
        encoded = stem.encode()
        entries = [segment.find_term(TEXT, encoded) for segment in self._segments]
        df = cf = 0
        for segment, entry in zip(self._segments, entries, strict=True):
            if entry is not None:
                df += int(segment.df[entry.ordinal])
                cf += int(segment.cf[entry.ordinal])
        own = word_weight(self.rows, df, cf)
        factor = weight * (1 + log(len(texts)))
        lights = self._light_weights(texts, entries, factor)
        lists = [
            None if entry is None else TermList(entry, lights[number])
            for number, entry in enumerate(entries)
        ]
        return Term(own, STEM_SHARE * own * factor, lists)

    def frequency(self, text: str) -> int:
        """In how many rows a folded word, or one that differs in inflection alone, stands."""
        count = 0
        for segment in self._segments:
            entry = segment.find_term(TEXT, stem_of(text).encode())
            forms = [] if entry is None else segment.forms_of(entry.ordinal)
            count += next((form.light_df for form in forms if form.text == text), 0)
        return count

    def prefixed(self, prefix: str) -> dict[str, int]:
        """The written words that begin so, and in how many rows each stands, as above."""
        counts: dict[str, int] = {}
        for segment in self._segments:
            places = segment.forms_with_prefix(prefix.encode())
            for form in segment.form_order[places.start : places.stop].tolist():
                text = segment.form_text(form)
                counts[text] = counts.get(text, 0) + segment.light_df(form)
        return counts

    def _light_weights(
        self, texts: Sequence[str], entries: list[TermEntry | None], factor: float
    ) -> list[F32]:
        """For each segment what each form of a term adds, as one of the same light form."""
        share = LIGHT_SHARE * factor / len(texts)
        found = [
            [] if entry is None else segment.forms_of(entry.ordinal)
            for segment, entry in zip(self._segments, entries, strict=True)
        ]
        weights: dict[str, float] = {}
        for light in map(light_form, texts):
            alike = [next((f for f in forms if light_form(f.text) == light), None) for forms in found]
            df = sum(form.light_df for form in alike if form is not None)
            cf = sum(form.light_cf for form in alike if form is not None)
            weights[light] = weights.get(light, 0.0) + share * word_weight(self.rows, df, cf)
        result = []
        for forms in found:
            light_weights = np.zeros(256, np.float32)
            for form in forms:
                light_weights[form.number] = weights.get(light_form(form.text), 0.0)
            result.append(light_weights)
        return result


def saturated(t: npt.NDArray[np.float32]) -> F32:
    """sat(t) of the formula."""
    return (t / (t + np.float32(SATURATION))).astype(np.float32)


def term_rows(
    segment: SegmentArrays, term: TermList, stem: float, kept: npt.NDArray[np.bool_] | None = None
) -> Rows:
    """The rows that have a term, and their scores; `kept`: only some of its postings."""
    entry = term.entry
    rows, codes = segment.row_ids(entry), segment.codes_of(entry)
    t = WEIGHTS[segment.weights[entry.start : entry.end]]
    if kept is not None:
        rows, codes, t = rows[kept], codes[kept], t[kept]
    if not len(rows):
        return NO_ROWS
    begins = np.append(0, np.flatnonzero(rows[1:] != rows[:-1]) + 1)
    light = term.light[codes]
    # A row's forms are nearly always one; added up in their order, as compiled loops do.
    whole = np.add.reduceat(t, begins)
    alike = np.add.reduceat(np.where(light > 0, t, np.float32(0)), begins)
    weight = np.maximum.reduceat(light, begins)
    scores = np.float32(stem) * saturated(whole) + weight * saturated(alike)
    return Rows(rows[begins], scores.astype(np.float32))


def in_field(segment: SegmentArrays, entry: TermEntry, field: str) -> npt.NDArray[np.bool_]:
    """bool[n]: which postings of a term are in a field that a query may name."""
    bits, lead = FIELD_BITS[field]
    inside = (segment.bits[entry.start : entry.end] & bits) != 0
    return inside & (is_lead(segment, segment.row_ids(entry)) == lead)


def is_lead(segment: SegmentArrays, rows: I64) -> npt.NDArray[np.bool_]:
    """bool[n]: which rows are leads."""
    return segment.first_rows[segment.docs_of_rows[rows]] == rows
