"""The text of many rows → one inverted index, without a Python step per word.

Each word becomes a number by one dictionary look-up; what form and term it has is found out
once for each distinct word. All else is done on arrays of all words: they are inverted by
sorting.
"""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..analysis import fold
from ..codec.format import I64, U8, U32, offsets_of
from ..codec.forms import Arranged, arrange_forms
from ..codec.invert import RowPostings
from ..ranking import Averages, factors, weight_codes
from ..schema import POSITION_GAP, ROW_FIELDS, UNCOUNTED, Row
from .vocabulary import Vocabulary

_FIELDS = len(ROW_FIELDS)
_NO_WORDS = array("I")


class InvertedText(NamedTuple):
    """The inverted text of some rows, and the words of each field in each row."""

    postings: RowPostings
    lengths: dict[str, I64]


class _Tokens(NamedTuple):
    """Words sorted by term, then by place: their terms, forms, rows, fields and positions."""

    terms: I64
    forms: I64
    rows: I64
    fields: I64
    positions: I64


class TextBuilder:
    """Gathers the text of rows."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._words = array("I")
        # How many words each field of each row has.
        self._sizes = array("I")
        # Words before which names are parted, so that no phrase spans two.
        self._parted = array("Q")

    def add(self, row: Row) -> int:
        """Take the next row; returns its number of words."""
        numbers = self._vocabulary.numbers_of
        before = len(self._words)
        for text in row[:-1]:
            found = numbers(text) if text else _NO_WORDS
            self._words.extend(found)
            self._sizes.append(len(found))
        begin = len(self._words)
        for name in row.about:
            if found := numbers(name):
                self._parted.append(len(self._words))
                self._words.extend(found)
        self._sizes.append(len(self._words) - begin)
        return len(self._words) - before

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        return len(self._sizes) // _FIELDS

    def averages(self) -> Averages:
        """The average lengths of the fields: of a body over the rows that have one."""
        sizes = self._lengths()
        rows = np.array([len(sizes), len(sizes), (sizes[:, 2] > 0).sum()])
        return Averages(*(sizes[:, :3].sum(0) / np.maximum(1, rows)).clip(1).tolist())

    def _lengths(self) -> I64:
        return np.array(self._sizes, np.int64).reshape(-1, _FIELDS)

    def invert(self, averages: Averages) -> InvertedText:
        """The postings of what was taken."""
        sizes = self._lengths()
        arranged, forms_of_words = self._arrange()
        tokens = self._sort(arranged, forms_of_words, sizes)
        begins = _changes(tokens.terms, tokens.rows, tokens.forms)
        tfs = np.diff(begins, append=len(tokens.rows)).astype(np.uint32)
        terms, rows = tokens.terms[begins], tokens.rows[begins]
        postings = RowPostings(
            terms=arranged.terms,
            starts=offsets_of(np.bincount(terms, minlength=len(arranged.terms))),
            rows=rows.astype(np.uint32),
            forms=tokens.forms[begins].astype(np.uint8),
            bits=_fields_of(tokens.fields, begins),
            weights=_weights_of(tokens, begins, factors(sizes, averages)),
            tfs=tfs,
            steps=_steps_of(tokens.positions, begins),
            written=arranged.written,
        )
        counted = [name for name in ROW_FIELDS if name != UNCOUNTED]
        return InvertedText(postings, {name: sizes[:, i] for i, name in enumerate(counted)})

    def _arrange(self) -> tuple[Arranged, I64]:
        """The forms of the words taken, and the form of each word of the vocabulary, or -1."""
        known: dict[str, int] = {}
        folded = [fold(word) for word in self._vocabulary]
        numbers = [known.setdefault(form, len(known)) if form else -1 for form in folded]
        return arrange_forms(list(known)), np.array(numbers, np.int64)

    def _sort(self, arranged: Arranged, forms_of_words: I64, sizes: I64) -> _Tokens:
        words = np.array(self._words, np.int64)
        parts = np.repeat(np.arange(sizes.size, dtype=np.int64), sizes.ravel())
        positions = self._positions(sizes, parts)
        forms = forms_of_words[words]
        kept = np.flatnonzero(forms >= 0)
        forms, parts, positions = forms[kept], parts[kept], positions[kept]
        # Sorting numbers is several times faster than finding the order that would sort them.
        keys = (arranged.term_of[forms] << 32) | np.arange(len(forms))
        keys.sort()
        terms, order = keys >> 32, keys & 0xFFFFFFFF
        numbers, parts = arranged.number_of[forms[order]], parts[order]
        tokens = _Tokens(terms, numbers, parts // _FIELDS, parts % _FIELDS, positions[order])
        return _in_order_of_forms(tokens)

    def _positions(self, sizes: I64, parts: I64) -> I64:
        """The position of each word in its row: fields and names are parted by gaps."""
        begins = offsets_of(sizes.sum(1))[:-1]
        positions = np.arange(len(parts)) - begins[parts // _FIELDS]
        positions += POSITION_GAP * (parts % _FIELDS)
        names = np.array(self._parted, np.int64)
        if len(names):
            parted = np.zeros(len(parts) + 1, np.int64)
            np.add.at(parted, names, 1)
            before = np.cumsum(parted[:-1])
            uncounted = parts % _FIELDS == _FIELDS - 1
            rows = parts // _FIELDS
            firsts = np.append(0, before)[begins]
            positions += np.where(uncounted, POSITION_GAP * (before - firsts[rows] - 1), 0)
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
    return _Tokens(*(column[order] for column in tokens))


def _changes(*columns: I64) -> I64:
    """Where any of some numbers differs from the one before it."""
    if not len(columns[0]):
        return np.empty(0, np.int64)
    changed = np.zeros(len(columns[0]) - 1, bool)
    for column in columns:
        changed |= column[1:] != column[:-1]
    return np.append(0, np.flatnonzero(changed) + 1)


def _fields_of(fields: I64, begins: I64) -> U8:
    if not len(begins):
        return np.empty(0, np.uint8)
    return np.bitwise_or.reduceat(np.left_shift(np.uint8(1), fields.astype(np.uint8)), begins)


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
