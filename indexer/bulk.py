"""Stories → one segment, without a Python step per posting; layer 3.

Each distinct word is folded and stemmed once; the words of a text become numbers by one
dictionary look-up each, and postings are inverted by sorting arrays. What comes out is
the segment that Whoosh's writer would make of the same documents, field by field.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh import fields, formats

from .analysis import PART_SEPARATOR, POSITION_GAP, WORD_PATTERN
from .codec.format import offsets_of
from .codec.invert import Postings
from .codec.stored import compress_records, encode_record
from .codec.write import Column, write_segment
from .model import FACETS, Story
from .schema import create_schema, document_of

_SEPARATOR = -1
_NOTHING = -2
_I64 = npt.NDArray[np.int64]


class _TextField:
    """Gathers the tokens of one analysed field."""

    def __init__(self, name: str, term_of: Callable[[str], str], positions: bool) -> None:
        self.name = name
        self._term_of = term_of
        self._positions = positions
        self._numbers: dict[str, int] = {PART_SEPARATOR: _SEPARATOR}
        self._terms: dict[str, int] = {}
        self._tokens = array("i")
        self._ends = array("I")
        self._docs = array("I")

    def add(self, doc: int, text: str) -> None:
        """Take the text of a document."""
        numbers = self._numbers
        words = WORD_PATTERN.findall(text)
        try:
            self._tokens.extend([numbers[word] for word in words])
        except KeyError:
            self._tokens.extend([self._number(word) for word in words])
        self._docs.append(doc)
        self._ends.append(len(self._tokens))

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            term = self._term_of(word)
            number = self._terms.setdefault(term, len(self._terms)) if term else _NOTHING
            self._numbers[word] = number
        return number

    def invert(self, docs: int) -> tuple[Postings, _I64]:
        """The postings of the field, and its length in every document."""
        tokens = np.frombuffer(self._tokens, np.int32) if self._tokens else np.empty(0, np.int32)
        sizes = np.diff(np.concatenate([[0], np.array(self._ends, np.int64)]))
        doc_of = np.repeat(np.array(self._docs, np.uint32), sizes)
        positions = self._places(tokens, sizes)
        kept = tokens >= 0
        tokens, doc_of, positions = tokens[kept], doc_of[kept], positions[kept]
        terms, ranks = _ranked(self._terms)
        ranked = ranks[tokens]
        order = np.argsort(ranked, kind="stable")
        ranked, doc_of, positions = ranked[order], doc_of[order], positions[order]
        lengths = np.bincount(doc_of, minlength=docs)
        return self._postings(terms, ranked, doc_of, positions), lengths

    @staticmethod
    def _places(tokens: npt.NDArray[np.int32], sizes: _I64) -> npt.NDArray[np.uint32]:
        """The position of every token: words count one, a separator counts its hole."""
        steps = np.where(tokens == _SEPARATOR, POSITION_GAP, 1)
        places = np.cumsum(steps) - steps
        begins = offsets_of(sizes)[:-1]
        filled = sizes > 0
        places -= np.repeat(places[begins[filled]], sizes[filled])
        return places.astype(np.uint32)

    def _postings(
        self,
        terms: list[bytes],
        ranked: npt.NDArray[np.int64],
        docs: npt.NDArray[np.uint32],
        positions: npt.NDArray[np.uint32],
    ) -> Postings:
        begins = _run_starts(ranked, docs)
        starts = np.searchsorted(ranked[begins], np.arange(len(terms) + 1))
        if not self._positions:
            return Postings(name=self.name, terms=terms, starts=starts, docs=docs[begins])
        tfs = np.diff(np.append(begins, len(docs))).astype(np.uint32)
        return Postings(
            name=self.name, terms=terms, starts=starts, docs=docs[begins], tfs=tfs,
            positions=positions,
        )  # fmt: skip


def _run_starts(ranked: npt.NDArray[Any], docs: npt.NDArray[Any]) -> _I64:
    """Where the term or the document differs from that of the token before."""
    if not len(ranked):
        return np.empty(0, np.int64)
    changes = (ranked[1:] != ranked[:-1]) | (docs[1:] != docs[:-1])
    return np.concatenate([[0], np.flatnonzero(changes) + 1])


def _ranked(terms: dict[Any, int]) -> tuple[list[bytes], _I64]:
    """Terms in order of their bytes, and the rank of each number."""
    encoded = [term if isinstance(term, bytes) else term.encode() for term in terms]
    order = sorted(range(len(encoded)), key=encoded.__getitem__)
    ranks = np.empty(len(encoded), np.int64)
    ranks[order] = np.arange(len(encoded))
    return [encoded[number] for number in order], ranks


class _KeywordField:
    """Gathers the whole values of one field that is not analysed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._terms: dict[bytes, int] = {}
        self._tokens = array("I")
        self._docs = array("I")

    def add(self, doc: int, values: Iterable[bytes]) -> None:
        """Take the values of a document."""
        terms = self._terms
        for value in values:
            self._tokens.append(terms.setdefault(value, len(terms)))
            self._docs.append(doc)

    def invert(self) -> Postings:
        """The postings of the field, documents only."""
        terms, ranks = _ranked(self._terms)
        docs = np.array(self._docs, np.uint32)
        ranked = ranks[np.array(self._tokens, np.int64)]
        order = np.lexsort((docs, ranked))
        ranked, docs = ranked[order], docs[order]
        begins = _run_starts(ranked, docs)
        starts = np.searchsorted(ranked[begins], np.arange(len(terms) + 1))
        return Postings(name=self.name, terms=terms, starts=starts, docs=docs[begins])


class _NumberField:
    """Gathers one number per document: its column, and its terms."""

    def __init__(self, name: str, field: fields.NUMERIC) -> None:
        self._field = field
        self._keywords = _KeywordField(name)
        self._docs: list[int] = []
        self._values: list[int] = []

    def add(self, doc: int, value: Any) -> None:
        """Take the value of a document."""
        self._keywords.add(doc, (term for term, *_ in self._field.index(value)))
        self._docs.append(doc)
        self._values.append(self._field.to_column_value(value))

    def invert(self) -> Postings:
        """The postings of the field, documents only."""
        return self._keywords.invert()

    def column(self, docs: int) -> Column | None:
        """uint64[docs] in the order of the values; None if no document has one."""
        if not self._docs:
            return None
        default = self._field.column_type.default_value()
        values = np.full(docs, default, np.uint64)
        values[self._docs] = np.array(self._values, np.uint64)
        return Column(values, default)


class SegmentBuilder:
    """Takes stories one by one and writes them as a segment.

    Needs memory for 12 bytes per word of the stories taken, the stored stories, and
    about four times that while writing.
    """

    def __init__(self) -> None:
        self.docs = 0
        self.words = 0
        self._records: list[bytes] = []
        self._texts: dict[str, _TextField] = {}
        self._keywords: dict[str, _KeywordField] = {}
        self._numbers: dict[str, _NumberField] = {}
        self._lengths: list[str] = []
        for name, field in create_schema().items():
            self._prepare(name, field)

    def _prepare(self, name: str, field: fields.FieldType) -> None:
        if isinstance(field, fields.NUMERIC):
            self._numbers[name] = _NumberField(name, field)
        elif field.analyzer is not None and hasattr(field.analyzer, "term_of"):
            positions = isinstance(field.format, formats.Positions)
            self._texts[name] = _TextField(name, field.analyzer.term_of, positions)
            if field.scorable:
                self._lengths.append(name)
        elif field.indexed and not isinstance(field, fields.STORED):
            self._keywords[name] = _KeywordField(name)

    def add(self, story: Story) -> None:
        """Take the next story."""
        doc = self.docs
        stored: dict[str, object] = {}
        for name, value in document_of(story).items():
            if value is None:
                continue
            if name in self._texts:
                self._texts[name].add(doc, value)
                self.words += len(value) // 6
            elif name in self._keywords:
                self._keywords[name].add(doc, [text.encode() for text in value])
            elif name in self._numbers:
                self._numbers[name].add(doc, value)
            else:
                stored[name] = value
        self._records.append(encode_record(stored))
        self.docs += 1

    def write(self, folder: Path, segment: str) -> None:
        """Write what was taken; raises as `write_segment` does."""
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
            columns=columns, facets=FACETS, stored=compress_records(self._records),
        )  # fmt: skip
