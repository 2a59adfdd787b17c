"""The text of many rows → one inverted index, without a Python step per word.

What stands between blanks becomes a number by one dictionary look-up; the words in it, their
forms and terms are found out once for each that is distinct. All else is done on arrays of all
words: they are inverted by sorting.
"""

from __future__ import annotations

from array import array
from itertools import compress
from typing import NamedTuple

import numpy as np

from ..codec.format import I32, I64, U8, U32, AnyArray, offsets_of
from ..codec.forms import Arranged, arrange_forms
from ..codec.invert import RowPostings, changed, gather_ranges, sort_runs
from ..languages import ENGLISH, Language
from ..ranking import Averages, factors, weight_codes
from ..schema import POSITION_GAP, ROW_FIELDS, UNCOUNTED, Row
from .vocabulary import CutPieces, Vocabulary

_FIELDS = len(ROW_FIELDS)
# Texts with more blanks than this, all in capitals, tell nothing by them.
_MOST_SHORT = 2
# Characters of text that are numbered at once: 30 MB for the arrays of their pieces.
_AT_ONCE = 1 << 20
# Characters of a word and what stands before the next.
_WORD = 6
_NO_BITS = np.empty(0, np.uint8)


class InvertedText(NamedTuple):
    """The inverted text of some rows, and the words of each field in each row."""

    postings: RowPostings
    lengths: dict[str, I64]


class _Tokens(NamedTuple):
    """Words sorted by term, then by place: their terms, forms, rows, bits and positions.

    fields: the field of each; bits: what it adds to those of its posting
    """

    terms: I32
    forms: U8
    rows: I32
    fields: U8
    positions: I32
    bits: U8


class _Numbered(NamedTuple):
    """Numbered texts of some rows.

    pieces: the numbers of all pieces, text by text
    sizes: how many pieces each field of each row has
    names: the places of pieces before which a name begins; no phrase spans two names
    """

    pieces: U32
    sizes: U32
    names: I64


class TextBuilder:
    """Gathers the text of rows."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self.clear()

    def clear(self) -> None:
        """Forget the rows taken, but not the words known."""
        self._vocabulary.shorten()
        #: How many rows were taken.
        self.rows = 0
        self._numbered: list[_Numbered] = []
        # The texts of the rows that wait, their characters, how many names each row has.
        self._texts: list[str] = []
        self._waiting = 0
        self._named = array("I")

    def add(self, row: Row) -> int:
        """Take the next row; returns about how many words it has."""
        texts = [*row[:-1], *row.about]
        self._texts += texts
        self._named.append(len(row.about))
        self.rows += 1
        size = sum(map(len, texts))
        self._waiting += size
        if self._waiting > _AT_ONCE:
            self._number()
        return size // _WORD

    def sizes(self) -> tuple[I64, I64]:
        """The rows and the words of title, excerpt and body; see `Sample`."""
        sizes = _lengths(self._all(), self._vocabulary.widths())[:, :3]
        return np.array([len(sizes), len(sizes), np.count_nonzero(sizes[:, 2])]), sizes.sum(0)

    def _all(self) -> _Numbered:
        """The numbered texts of all rows."""
        self._number()
        if len(self._numbered) > 1:
            places = np.cumsum([0] + [len(some.pieces) for some in self._numbered])
            names = [some.names + at for some, at in zip(self._numbered, places, strict=False)]
            whole = _Numbered(
                np.concatenate([some.pieces for some in self._numbered]),
                np.concatenate([some.sizes for some in self._numbered]),
                np.concatenate(names),
            )
            self._numbered = [whole]
        return self._numbered[0]

    def _number(self) -> None:
        """Number the pieces of the rows that wait."""
        texts_of = np.ones((len(self._named), _FIELDS), np.int64)
        texts_of[:, -1] = self._named
        fields = np.repeat(np.arange(texts_of.size), texts_of.ravel())
        data = _joined(self._texts)
        numbers, begins = self._vocabulary.numbers_of(data)
        ends = np.append(np.flatnonzero(np.frombuffer(data, np.uint8) == 0), len(data))
        counts = np.diff(np.searchsorted(begins, ends[: len(fields)]), prepend=0)
        # A name without a word parts nothing.
        names = fields % _FIELDS == _FIELDS - 1
        widths = offsets_of(self._vocabulary.widths()[numbers])
        bare = names & (np.diff(widths[np.cumsum(counts)], prepend=0) == 0)
        numbers = numbers[~np.repeat(bare, counts)]
        counts[bare] = 0
        self._numbered.append(
            _Numbered(
                numbers.astype(np.uint32),
                np.bincount(fields, counts, texts_of.size).astype(np.uint32),
                (np.cumsum(counts) - counts)[names & ~bare],
            )
        )
        self._texts, self._waiting, self._named = [], 0, array("I")

    def invert(self, averages: Averages, language: Language = ENGLISH) -> InvertedText:
        """The postings of what was taken."""
        numbered = self._all()
        words = self._vocabulary.cut_pieces()
        arranged = self._arrange(numbered.pieces, words, language)
        lengths = _lengths(numbered, words.widths)
        tokens = _sort(numbered, arranged, words)
        begins = np.flatnonzero(changed(tokens.terms, tokens.rows, tokens.forms))
        tfs = np.diff(begins, append=len(tokens.rows)).astype(np.uint32)
        terms, rows = tokens.terms[begins], tokens.rows[begins]
        postings = RowPostings(
            terms=arranged.terms,
            starts=offsets_of(np.bincount(terms, minlength=len(arranged.terms))),
            rows=rows.astype(np.uint32),
            forms=tokens.forms[begins],
            bits=np.bitwise_or.reduceat(tokens.bits, begins) if len(begins) else _NO_BITS,
            weights=_weights_of(tokens, begins, factors(lengths, averages)),
            tfs=tfs,
            steps=_steps_of(tokens.positions, begins),
            written=arranged.written,
        )
        counted = [name for name in ROW_FIELDS if name != UNCOUNTED]
        return InvertedText(postings, {name: lengths[:, i] for i, name in enumerate(counted)})

    def _arrange(self, taken: U32, words: CutPieces, language: Language) -> Arranged:
        """The terms of the words in what was taken; forms that are not in it have none."""
        pieces = np.zeros(len(words.widths), bool)
        pieces[taken] = True
        used = np.zeros(len(self._vocabulary.forms) + 1, bool)
        used[words.forms[np.repeat(pieces, np.diff(words.starts))]] = True
        used[-1] = False  # words without letters
        texts = list(compress(self._vocabulary.forms, used[:-1].tolist()))
        arranged = arrange_forms(texts, language)
        term_of = np.zeros(len(used) - 1, np.int64)
        number_of = np.zeros(len(used) - 1, np.uint8)
        term_of[used[:-1]], number_of[used[:-1]] = arranged.term_of, arranged.number_of
        return arranged._replace(term_of=term_of, number_of=number_of)


def _joined(texts: list[str]) -> bytes:
    """Texts as UTF-8 with a byte 0 between; in those all in capitals these tell nothing."""
    texts = [
        text.lower() if text.isupper() and text.count(" ") > _MOST_SHORT else text for text in texts
    ]
    joined = "\0".join(texts)
    if joined.count("\0") >= len(texts) > 0:
        joined = "\0".join(text.replace("\0", " ") for text in texts)
    return joined.encode("utf8", "surrogatepass")


def _lengths(numbered: _Numbered, widths: I64) -> I64:
    """int64[rows, fields]: how many positions each field takes."""
    before = offsets_of(widths[numbered.pieces])
    return np.diff(before[np.cumsum(numbered.sizes)], prepend=0).reshape(-1, _FIELDS)


def _sort(numbered: _Numbered, arranged: Arranged, words: CutPieces) -> _Tokens:
    """The words of all pieces."""
    pieces = numbered.pieces
    # Numbers of four bytes where they suffice: a batch has millions of words.
    parts = np.repeat(np.arange(len(numbered.sizes), dtype=np.int32), numbered.sizes)
    positions = _positions(numbered, words.widths[pieces]).astype(np.int32)
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
    keys = arranged.term_of[forms] << 32
    keys |= np.arange(len(forms))
    keys.sort()
    terms = (keys >> 32).astype(np.int32)
    order = np.bitwise_and(keys, 0xFFFFFFFF, out=keys)
    numbers, parts = arranged.number_of[forms[order]], parts[order]
    fields = (parts % _FIELDS).astype(np.uint8)
    bits = np.left_shift(np.uint8(1), fields) | capital[order]
    tokens = _Tokens(terms, numbers, parts // _FIELDS, fields, positions[order], bits)
    return _in_order_of_forms(tokens)


def _positions(numbered: _Numbered, widths: I64) -> I64:
    """Where each piece begins in its row: fields and names are parted by gaps."""
    sizes = numbered.sizes.astype(np.int64)
    field = np.tile(np.arange(_FIELDS), len(sizes) // _FIELDS)
    begins = np.cumsum(sizes) - sizes
    rows = np.repeat(begins[::_FIELDS], _FIELDS)
    before = offsets_of(widths)
    begun = np.zeros(len(widths), np.int64)
    begun[numbered.names] = POSITION_GAP
    begun = offsets_of(begun)
    # The gap of a field parts its first name from what is before, so one of `begun` is too many.
    gaps = POSITION_GAP * (field - (field == _FIELDS - 1)) - begun[begins]
    positions: I64 = before[:-1] + begun[1:] + np.repeat(gaps - before[rows], sizes)
    return positions


def _in_order_of_forms(tokens: _Tokens) -> _Tokens:
    """Where a term has several forms in a row, those of each one after the other."""
    same = (tokens.terms[1:] == tokens.terms[:-1]) & (tokens.rows[1:] == tokens.rows[:-1])
    mixed = same & (tokens.forms[1:] != tokens.forms[:-1])
    if not mixed.any():
        return tokens
    order = np.arange(len(tokens.terms))
    sort_runs(order, same, mixed, tokens.forms)
    return _Tokens._make(column[order] for column in tokens)


def _weights_of(tokens: _Tokens, begins: I64, adds: AnyArray) -> U8:
    """The codes of the weights of postings that begin at these words."""
    if not len(begins):
        return np.empty(0, np.uint8)
    return weight_codes(np.add.reduceat(adds[tokens.rows, tokens.fields], begins))


def _steps_of(positions: I32, begins: I64) -> U32:
    """The first position of each posting, the others as the difference from the one before."""
    steps = np.diff(positions, prepend=0)
    steps[begins] = positions[begins]
    return steps.astype(np.uint32)
