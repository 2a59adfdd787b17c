"""Stories → one segment."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from whoosh import fields

from ..codec.format import I64, U32, offsets_of
from ..codec.invert import Postings
from ..codec.stored import MOST_SAMPLES, StoredRecord, compress_records
from ..codec.write import Column, Documents, write_segment
from ..copies import MARKS, marks_of
from ..languages import ENGLISH, Language
from ..model import FACETS, Story
from ..schema import (
    KEYWORD_FIELDS,
    NUMBER_FIELDS,
    create_schema,
    encode_lead,
    encode_related,
    fields_of,
    rows_of,
)
from .basis import Basis, Sample, basis_of
from .text import TextBuilder


def _inverted(name: str, terms: list[bytes], ranked: I64, docs: U32) -> Postings:
    """Pairs of a term's rank and a document, in any order → the postings of a field."""
    keys = (ranked << 32) | docs
    keys.sort()
    keys = keys[np.diff(keys, prepend=-1) > 0]
    starts = offsets_of(np.bincount(keys >> 32, minlength=len(terms)))
    return Postings(name=name, terms=terms, starts=starts, docs=keys.astype(np.uint32))


class _KeywordField:
    """Gathers the whole values of one field that is not analysed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._terms: dict[str, int] = {}
        self._tokens = array("I")
        self._counts = array("I")

    def add(self, values: Collection[str]) -> None:
        """Take the values of the next document."""
        terms = self._terms
        self._tokens.extend([terms.setdefault(value, len(terms)) for value in values])
        self._counts.append(len(values))

    def invert(self) -> Postings:
        """The postings of the field."""
        # Text in the order of its characters is in the order of its bytes as UTF-8.
        terms = sorted(self._terms)
        ranks = np.empty(len(terms), np.int64)
        ranks[[self._terms[term] for term in terms]] = np.arange(len(terms))
        ranked = ranks[np.array(self._tokens, np.int64)]
        encoded = [term.encode() for term in terms]
        docs = np.repeat(np.arange(len(self._counts), dtype=np.uint32), self._counts)
        return _inverted(self.name, encoded, ranked, docs)


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
        """The postings of the field.

        A term is a byte 0, for the bits that are shifted out, and the value as 8 bytes, the
        highest first.
        """
        exact = np.frombuffer(b"".join(self._sortable), ">u8").astype(np.uint64)
        values, ranks = np.unique(exact, return_inverse=True)
        blob = values.astype(">u8").tobytes()
        terms = [b"\0" + blob[at : at + 8] for at in range(0, len(blob), 8)]
        return _inverted(self.name, terms, ranks, np.array(self._docs, np.uint32))

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
    vocabulary, and about 60 bytes per word while writing.
    """

    def __init__(self, language: Language = ENGLISH) -> None:
        self._language = language
        self._schema = create_schema()
        self._text = TextBuilder()
        self.clear()

    def clear(self) -> None:
        """Forget the stories taken."""
        self.docs = 0
        self.words = 0
        self._text.clear()
        self._first_rows = array("I", [0])
        self._stored: list[StoredRecord] = []
        self._marks = array("Q")
        self._keywords = {name: _KeywordField(name) for name in KEYWORD_FIELDS}
        self._numbers = {
            name: _NumberField(name, self._schema[name])
            for name in ("published_at", *NUMBER_FIELDS)
        }

    @property
    def rows(self) -> int:
        """The rows of the stories taken."""
        return self._text.rows

    def add(self, story: Story) -> None:
        """Take the next story."""
        for row in rows_of(story):
            self.words += self._text.add(row)
        self._first_rows.append(self._text.rows)
        for name, value in fields_of(story).items():
            if name in self._keywords:
                self._keywords[name].add(value)
            elif value is not None:
                self._numbers[name].add(self.docs, value)
        self._marks.extend(marks_of(story))
        self._stored.append(StoredRecord(encode_lead(story), encode_related(story.related)))
        self.docs += 1

    def sample(self) -> Sample:
        """What the stories taken are like."""
        return Sample(*self._text.sizes(), self._stored[:MOST_SAMPLES])

    def basis(self) -> Basis:
        """What segments of stories like those taken have in common."""
        return basis_of([self.sample()])

    def write(self, folder: Path, segment: str, basis: Basis) -> None:
        """Write what was taken and start anew; raises as `write_segment` does."""
        text = self._text.invert(basis.averages, self._language)
        postings = [field.invert() for field in self._keywords.values()]
        postings += [field.invert() for field in self._numbers.values()]
        postings.sort(key=lambda field: field.name)
        columns = {
            name: column
            for name, field in sorted(self._numbers.items())
            if (column := field.column(self.docs)) is not None
        }
        marks = np.array(self._marks, np.uint64).reshape(-1, len(MARKS)).T
        columns |= {
            name: Column(np.ascontiguousarray(column))
            for name, column in zip(MARKS, marks, strict=True)
            if column.any()
        }
        documents = Documents(
            first_rows=np.array(self._first_rows, np.uint32),
            lengths=text.lengths, columns=columns, facets=FACETS,
            language=self._language.names,
        )  # fmt: skip
        write_segment(
            folder, segment, documents,
            text=[text.postings],
            fields=[field for field in postings if len(field.terms)],
            stored=compress_records(self._stored, basis.dictionary),
        )  # fmt: skip
        self.clear()
