"""The text of many rows → one inverted index, without a Python step per word.

What stands between blanks becomes a number by one dictionary look-up; the words in it, their
forms and terms are found out once for each that is distinct. All else is done on arrays of all
words: they are inverted by sorting.
"""

from __future__ import annotations

from array import array
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..codec.format import I64, U8, U32, offsets_of
from ..codec.forms import Arranged, arrange_forms
from ..codec.invert import RowPostings, gather_ranges
from ..languages import ENGLISH, Language
from ..ranking import Averages, factors, weight_codes
from ..schema import POSITION_GAP, ROW_FIELDS, UNCOUNTED, Row
from .vocabulary import CutPieces, Vocabulary

_FIELDS = len(ROW_FIELDS)
_NOTHING = array("I")
_NO_BITS = np.empty(0, np.uint8)


class InvertedText(NamedTuple):
    """The inverted text of some rows, and the words of each field in each row."""

    postings: RowPostings
    lengths: dict[str, I64]


class _Tokens(NamedTuple):
    """Words sorted by term, then by place: their terms, forms, rows, bits and positions.

    fields: the field of each; bits: what it adds to those of its posting
    """

    terms: I64
    forms: I64
    rows: I64
    fields: I64
    positions: I64
    bits: U8


class TextBuilder:
    """Gathers the text of rows."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self.clear()

    def clear(self) -> None:
        """Forget the rows taken, but not the words known."""
        self._vocabulary.shorten()
        self._pieces = array("I")
        # How many pieces each field of each row has.
        self._sizes = array("I")
        # Pieces before which names are parted, so that no phrase spans two.
        self._parted = array("Q")

    def add(self, row: Row) -> int:
        """Take the next row; returns its number of pieces."""
        numbers = self._vocabulary.numbers_of
        before = len(self._pieces)
        for text in row[:-1]:
            found = numbers(text) if text else _NOTHING
            self._pieces.extend(found)
            self._sizes.append(len(found))
        begin = len(self._pieces)
        for name in row.about:
            if self._vocabulary.has_words(found := numbers(name)):
                self._parted.append(len(self._pieces))
                self._pieces.extend(found)
        self._sizes.append(len(self._pieces) - begin)
        return len(self._pieces) - before

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        return len(self._sizes) // _FIELDS

    def averages(self) -> Averages:
        """The average lengths of the fields: of a body over the rows that have one."""
        sizes = self._lengths(self._vocabulary.cut_pieces().widths)
        rows = np.array([len(sizes), len(sizes), (sizes[:, 2] > 0).sum()])
        return Averages(*(sizes[:, :3].sum(0) / np.maximum(1, rows)).clip(1).tolist())

    def _lengths(self, widths: I64) -> I64:
        """int64[rows, fields]: how many positions each field takes."""
        ends = np.cumsum(np.array(self._sizes, np.int64))
        before = offsets_of(widths[np.array(self._pieces, np.int64)])
        return np.diff(before[ends], prepend=0).reshape(-1, _FIELDS)

    def invert(self, averages: Averages, language: Language = ENGLISH) -> InvertedText:
        """The postings of what was taken."""
        words = self._vocabulary.cut_pieces()
        arranged = self._arrange(words, language)
        lengths = self._lengths(words.widths)
        tokens = self._sort(arranged, words)
        begins = _changes(tokens.terms, tokens.rows, tokens.forms)
        tfs = np.diff(begins, append=len(tokens.rows)).astype(np.uint32)
        terms, rows = tokens.terms[begins], tokens.rows[begins]
        postings = RowPostings(
            terms=arranged.terms,
            starts=offsets_of(np.bincount(terms, minlength=len(arranged.terms))),
            rows=rows.astype(np.uint32),
            forms=tokens.forms[begins].astype(np.uint8),
            bits=np.bitwise_or.reduceat(tokens.bits, begins) if len(begins) else _NO_BITS,
            weights=_weights_of(tokens, begins, factors(lengths, averages)),
            tfs=tfs,
            steps=_steps_of(tokens.positions, begins),
            written=arranged.written,
        )
        counted = [name for name in ROW_FIELDS if name != UNCOUNTED]
        return InvertedText(postings, {name: lengths[:, i] for i, name in enumerate(counted)})

    def _arrange(self, words: CutPieces, language: Language) -> Arranged:
        """The terms of the words in what was taken; forms that are not in it have none."""
        pieces = np.zeros(len(words.widths), bool)
        pieces[np.array(self._pieces, np.int64)] = True
        used = np.zeros(len(self._vocabulary.forms) + 1, bool)
        used[words.forms[np.repeat(pieces, np.diff(words.starts))]] = True
        used[-1] = False  # words without letters
        texts = list(compress(self._vocabulary.forms, used[:-1].tolist()))
        arranged = arrange_forms(texts, language)
        term_of, number_of = np.zeros((2, len(used) - 1), np.int64)
        term_of[used[:-1]], number_of[used[:-1]] = arranged.term_of, arranged.number_of
        return arranged._replace(term_of=term_of, number_of=number_of)

    def _sort(self, arranged: Arranged, words: CutPieces) -> _Tokens:
        pieces = np.array(self._pieces, np.int64)
        parts = np.repeat(
            np.arange(len(self._sizes), dtype=np.int64), np.array(self._sizes, np.int64)
        )
        positions = self._positions(words.widths[pieces], parts)
        counts = np.diff(words.starts)[pieces]
        found = gather_ranges(words.starts[pieces], counts)
        forms = words.forms[found]
        parts, positions = np.repeat(parts, counts), np.repeat(positions, counts)
        positions += words.offsets[found]
        capital = words.capital[found]
        if (forms < 0).any():
            kept = np.flatnonzero(forms >= 0)
            forms, parts, positions = forms[kept], parts[kept], positions[kept]
            capital = capital[kept]
        # Sorting numbers is several times faster than finding the order that would sort them.
        keys = (arranged.term_of[forms] << 32) | np.arange(len(forms))
        keys.sort()
        terms, order = keys >> 32, keys & 0xFFFFFFFF
        numbers, parts = arranged.number_of[forms[order]], parts[order]
        fields = parts % _FIELDS
        bits = np.left_shift(np.uint8(1), fields.astype(np.uint8)) | capital[order]
        tokens = _Tokens(terms, numbers, parts // _FIELDS, fields, positions[order], bits)
        return _in_order_of_forms(tokens)

    def _positions(self, widths: I64, parts: I64) -> I64:
        """Where each piece begins in its row: fields and names are parted by gaps."""
        rows = parts // _FIELDS
        before = offsets_of(widths)
        firsts = np.searchsorted(rows, np.arange(len(self._sizes) // _FIELDS))
        positions = before[:-1] - before[firsts][rows]
        positions += POSITION_GAP * (parts % _FIELDS)
        names = np.array(self._parted, np.int64)
        if len(names):
            parted = np.zeros(len(parts) + 1, np.int64)
            np.add.at(parted, names, 1)
            names_before = np.cumsum(parted[:-1])
            uncounted = parts % _FIELDS == _FIELDS - 1
            begun = np.append(0, names_before)[firsts]
            gaps = POSITION_GAP * (names_before - begun[rows] - 1)
            positions += np.where(uncounted, gaps, 0)
        return positions


def _in_order_of_forms(tokens: _Tokens) -> _Tokens:
    """Where a term has several forms in a row, those of each one after the other."""
    same = (tokens.terms[1:] == tokens.terms[:-1]) & (tokens.rows[1:] == tokens.rows[:-1])
    mixed = same & (tokens.forms[1:] != tokens.forms[:-1])
    if not mixed.any():
        return tokens
    groups = np.cumsum(np.append(True, ~same)) - 1
    affected = np.zeros(groups[-1] + 1, bool)
    affected[groups[1:][mixed]] = True
    places = np.flatnonzero(affected[groups])
    order = np.arange(len(groups))
    order[places] = places[np.lexsort((tokens.forms[places], groups[places]))]
    terms, numbers, rows, fields, positions = (column[order] for column in tokens[:5])
    return _Tokens(terms, numbers, rows, fields, positions, tokens.bits[order])


def _changes(*columns: I64) -> I64:
    """Where any of some numbers differs from the one before it."""
    if not len(columns[0]):
        return np.empty(0, np.int64)
    changed = np.zeros(len(columns[0]) - 1, bool)
    for column in columns:
        changed |= column[1:] != column[:-1]
    return np.append(0, np.flatnonzero(changed) + 1)


def _weights_of(tokens: _Tokens, begins: I64, adds: npt.NDArray[Any]) -> U8:
    """The codes of the weights of postings that begin at these words."""
    if not len(begins):
        return np.empty(0, np.uint8)
    return weight_codes(np.add.reduceat(adds[tokens.rows, tokens.fields], begins))


def _steps_of(positions: I64, begins: I64) -> U32:
    """The first position of each posting, the others as the difference from the one before."""
    steps = np.diff(positions, prepend=0)
    steps[begins] = positions[begins]
    return steps.astype(np.uint32)
