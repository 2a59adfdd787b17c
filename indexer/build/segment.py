"""Stories → one segment, without a Python step per posting.

A text is cut at blanks into pieces, each of which becomes a number by one dictionary
look-up; what words a piece has, and the term of each word, is found out once. All else
is done on arrays of whole fields: postings are inverted by sorting. The
postings are those of the schema's analyzers, token by token.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh import fields, formats

from ..analysis import POSITION_GAP, count_words
from ..codec.format import offsets_of
from ..codec.invert import Postings
from ..codec.stored import StoredRecord, compress_records, encode_record
from ..codec.write import Column, write_segment
from ..model import FACETS, Story
from ..schema import TEXT_FIELDS, Texts, create_schema, encode_texts, fields_of, texts_of
from .vocabulary import SEPARATOR, Vocabulary

_I64 = npt.NDArray[np.int64]


class _TextField:
    """Gathers the words of one analysed field."""

    def __init__(
        self, name: str, vocabulary: Vocabulary, term_of: Callable[[str], str], positions: bool
    ) -> None:
        self.name = name
        self._vocabulary = vocabulary
        self._term_of = term_of
        self._positions = positions
        self._words = array("I")
        self._ends = array("I")
        self._docs = array("I")

    def add(self, doc: int, text: str) -> int:
        """Take the text of a document; returns its number of words."""
        numbers = self._vocabulary.numbers_of(text)
        self._words.extend(numbers)
        self._docs.append(doc)
        self._ends.append(len(self._words))
        return len(numbers)

    def count_words(self, docs: int) -> list[list[int]]:
        """How many words each part of each document has; nothing where there is no text."""
        if not self._docs:
            return [[]] * docs
        words = np.array(self._words, np.uint32)
        ends = np.array(self._ends, np.int64)
        between = np.flatnonzero(words == SEPARATOR)
        before = offsets_of(words != SEPARATOR)
        begins = np.sort(np.concatenate([[0], ends[:-1], between + 1]))
        counts = before[np.sort(np.concatenate([ends, between]))] - before[begins]
        parts = np.zeros(docs, np.int64)
        parts[np.array(self._docs)] = 1 + np.diff(np.searchsorted(between, ends), prepend=0)
        flat = counts.tolist()
        return [flat[begin:end] for begin, end in pairwise(offsets_of(parts).tolist())]

    def invert(self, docs: int) -> tuple[Postings, _I64]:
        """The postings of the field, and its length in every document."""
        words = np.array(self._words, np.int64)
        ends = np.array([0, *self._ends], np.int64)
        sizes = ends[1:] - ends[:-1]
        doc_of = np.repeat(np.array(self._docs, np.uint32), sizes)
        terms, ranks = self._rank(words)
        ranked = ranks[words]
        kept = ranked >= 0
        lengths = np.bincount(doc_of[kept], minlength=docs)
        if not self._positions:
            return _documents_only(self.name, terms, ranked[kept], doc_of[kept]), lengths
        places = _places(words, sizes)[kept]
        ranked, order = _sort(ranked[kept])
        return self._postings(terms, ranked, doc_of[kept][order], places[order]), lengths

    def _rank(self, words: _I64) -> tuple[list[bytes], _I64]:
        """The terms of these words in order of their bytes, and each word's rank there, or -1."""
        known = list(self._vocabulary)
        used = np.flatnonzero(np.bincount(words, minlength=len(known)))
        found = {number: self._term_of(known[number]) for number in used.tolist() if number}
        terms = sorted({term for term in found.values() if term})
        places = {term: rank for rank, term in enumerate(terms)}
        ranks = np.full(len(known), -1, np.int64)
        ranks[list(found)] = [places.get(term, -1) for term in found.values()]
        return [term.encode() for term in terms], ranks

    def _postings(
        self,
        terms: list[bytes],
        ranked: _I64,
        docs: npt.NDArray[np.uint32],
        positions: npt.NDArray[np.uint32],
    ) -> Postings:
        begins = _run_starts(ranked, docs)
        tfs = np.diff(begins, append=len(docs)).astype(np.uint32)
        return Postings(
            name=self.name, terms=terms, starts=_term_starts(ranked[begins], len(terms)),
            docs=docs[begins], tfs=tfs, positions=positions,
        )  # fmt: skip


def _places(words: _I64, sizes: _I64) -> npt.NDArray[np.uint32]:
    """The position of every word: a word takes one position, a separator leaves a gap."""
    steps = np.where(words == SEPARATOR, POSITION_GAP, 1)
    places = np.cumsum(steps) - steps
    begins = offsets_of(sizes)[:-1]
    filled = sizes > 0
    places -= np.repeat(places[begins[filled]], sizes[filled])
    return places.astype(np.uint32)


def _sort(ranked: _I64) -> tuple[_I64, _I64]:
    """Numbers below 2³¹ sorted, and the order that sorts them; equal ones stay in order.

    Sorting numbers is several times faster than finding the order that would sort them.
    """
    keys = (ranked << 32) | np.arange(len(ranked))
    keys.sort()
    return keys >> 32, keys & 0xFFFFFFFF


def _documents_only(
    name: str, terms: list[bytes], ranked: _I64, docs: npt.NDArray[np.uint32]
) -> Postings:
    """Pairs of a term's rank and a document, in any order → postings without frequencies."""
    keys = (ranked << 32) | docs
    keys.sort()
    keys = keys[np.diff(keys, prepend=-1) > 0]
    starts = _term_starts(keys >> 32, len(terms))
    return Postings(name=name, terms=terms, starts=starts, docs=keys.astype(np.uint32))


def _term_starts(ranked: _I64, terms: int) -> _I64:
    """Where the postings of each term begin, and where the last end."""
    return offsets_of(np.bincount(ranked, minlength=terms))


def _run_starts(ranked: npt.NDArray[Any], docs: npt.NDArray[Any]) -> _I64:
    """Where the term or the document differs from that of the token before."""
    if not len(ranked):
        return np.empty(0, np.int64)
    changes = (ranked[1:] != ranked[:-1]) | (docs[1:] != docs[:-1])
    return np.concatenate([[0], np.flatnonzero(changes) + 1])


class _KeywordField:
    """Gathers the whole values of one field that is not analysed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._terms: dict[str, int] = {}
        self._tokens = array("I")
        self._docs = array("I")

    def add(self, doc: int, values: Iterable[str]) -> None:
        """Take the values of a document."""
        terms = self._terms
        for value in values:
            self._tokens.append(terms.setdefault(value, len(terms)))
            self._docs.append(doc)

    def invert(self) -> Postings:
        """The postings of the field, documents only."""
        # Text in the order of its characters is in the order of its bytes as UTF-8.
        terms = sorted(self._terms)
        ranks = np.empty(len(terms), np.int64)
        ranks[[self._terms[term] for term in terms]] = np.arange(len(terms))
        ranked = ranks[np.array(self._tokens, np.int64)]
        encoded = [term.encode() for term in terms]
        return _documents_only(self.name, encoded, ranked, np.array(self._docs, np.uint32))


class _NumberField:
    """Gathers one number per document: its column, and its terms."""

    def __init__(self, name: str, field: fields.NUMERIC) -> None:
        self.name = name
        self._field = field
        self._docs = array("I")
        self._sortable: list[bytes] = []
        self._values: list[int] = []

    def add(self, doc: int, value: Any) -> None:
        """Take the value of a document."""
        self._docs.append(doc)
        self._sortable.append(self._field.to_bytes(value)[1:])
        self._values.append(self._field.to_column_value(value))

    def invert(self) -> Postings:
        """The postings of the field, documents only.

        A term is a byte 0, for the bits that are shifted out, and the value as 8 bytes, the
        highest first.
        """
        exact = np.frombuffer(b"".join(self._sortable), ">u8").astype(np.uint64)
        values, ranks = np.unique(exact, return_inverse=True)
        blob = values.astype(">u8").tobytes()
        terms = [b"\0" + blob[at : at + 8] for at in range(0, len(blob), 8)]
        return _documents_only(self.name, terms, ranks, np.array(self._docs, np.uint32))

    def column(self, docs: int) -> Column | None:
        """uint64[docs] in the order of the values; None if no document has one."""
        if not self._docs:
            return None
        default = self._field.column_type.default_value()
        values = np.full(docs, default, np.uint64)
        values[np.array(self._docs)] = np.array(self._values, np.uint64)
        return Column(values, default)


class SegmentBuilder:
    """Takes stories one by one and writes them as a segment, then the next ones.

    Needs memory for 4 bytes per word of the stories taken, the stored stories, the
    vocabulary, and about 60 bytes per word of the largest field while writing.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the stories taken."""
        self.docs = 0
        self.words = 0
        self._stored: list[tuple[tuple[str, ...], StoredRecord]] = []
        self._texts: dict[str, _TextField] = {}
        self._keywords: dict[str, _KeywordField] = {}
        self._numbers: dict[str, _NumberField] = {}
        self._lengths: list[str] = []
        self._vocabulary = Vocabulary()
        for name, field in create_schema().items():
            self._prepare(name, field)

    def _prepare(self, name: str, field: fields.FieldType) -> None:
        if isinstance(field, fields.NUMERIC):
            self._numbers[name] = _NumberField(name, field)
        elif field.analyzer is not None and hasattr(field.analyzer, "term_of"):
            positions = isinstance(field.format, formats.Positions)
            term_of = field.analyzer.term_of
            self._texts[name] = _TextField(name, self._vocabulary, term_of, positions)
            if field.scorable:
                self._lengths.append(name)
        elif field.indexed and not isinstance(field, fields.STORED):
            self._keywords[name] = _KeywordField(name)

    def add(self, story: Story) -> None:
        """Take the next story."""
        doc = self.docs
        stored: dict[str, object] = {}
        for name, value in fields_of(story).items():
            if value is None:
                continue
            if name in self._texts:
                self.words += self._texts[name].add(doc, value)
            elif name in self._keywords:
                self._keywords[name].add(doc, value)
            elif name in self._numbers:
                self._numbers[name].add(doc, value)
            else:
                stored[name] = value
        self._stored.append((texts_of(story), encode_record(stored)))
        self.docs += 1

    def _records(self) -> Iterator[StoredRecord]:
        """What is stored of each story taken."""
        counts = zip(
            *(self._texts[name].count_words(self.docs) for name in TEXT_FIELDS), strict=True
        )
        for (texts, record), parts in zip(self._stored, counts, strict=True):
            found = list(chain.from_iterable(parts))
            if len(found) == sum(map(bool, texts)):
                words = iter(found)
                sizes = tuple([next(words) if text else 0 for text in texts])
            else:  # a text that is no part of a field alone, for it has a separator
                sizes = tuple(map(count_words, texts))
            yield record._replace(texts=encode_texts(Texts(sizes, texts)))

    def train(self) -> bytes:
        """A dictionary for compressing stories like those taken."""
        return compress_records(self._records()).dictionary

    def write(self, folder: Path, segment: str, dictionary: bytes | None = None) -> None:
        """Write what was taken and start anew; raises as `write_segment` does.

        `dictionary` is for compressing the stored stories; None makes one.
        """
        texts = {name: field.invert(self.docs) for name, field in sorted(self._texts.items())}
        postings = [postings for postings, _ in texts.values()]
        postings += [field.invert() for field in self._keywords.values()]
        postings += [field.invert() for field in self._numbers.values()]
        postings.sort(key=lambda field: (field.tfs is None, field.name))
        columns = {
            name: column
            for name, field in sorted(self._numbers.items())
            if (column := field.column(self.docs)) is not None
        }
        lengths = {name: texts[name][1] for name in sorted(self._lengths)}
        write_segment(
            folder, segment, docs=self.docs,
            fields=[field for field in postings if len(field.terms)],
            lengths={name: values for name, values in lengths.items() if values.any()},
            columns=columns, facets=FACETS, stored=compress_records(self._records(), dictionary),
        )  # fmt: skip
        self.clear()
