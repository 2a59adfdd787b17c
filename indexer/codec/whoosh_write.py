"""Whoosh's writer contract over `write_segment`.

Whoosh hands over one posting at a time. They are gathered per field and become arrays
when a field ends; nothing is written before the last call.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from whoosh import columns, fields, formats
from whoosh.codec import base

from .format import SATURATED, U32
from .invert import Postings
from .stored import Record, compress_records, encode_record
from .write import Column, write_segment


def _unsupported(field: str, what: str) -> ValueError:
    return ValueError(f"field {field!r}: this index format cannot hold {what}")


def _can_hold(format_: Any) -> bool:
    # Characters and boosts are subclasses of Positions with more in their values.
    more = isinstance(format_, formats.Characters | formats.PositionBoosts)
    return type(format_) is formats.Existence or (
        isinstance(format_, formats.Positions) and not more
    )


class SegmentDocuments:
    """What the per-document writer leaves for the field writer of the same segment."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.lengths: dict[str, array[int]] = {}
        self.columns: dict[str, tuple[columns.NumericColumn, dict[int, int | float]]] = {}

    def lengths_arrays(self) -> dict[str, U32]:
        """Field lengths in tokens, one per document."""
        arrays = {}
        for name, lengths in sorted(self.lengths.items()):
            arrays[name] = np.zeros(len(self.records), np.uint32)
            arrays[name][: len(lengths)] = lengths
        return arrays

    def column_arrays(self) -> dict[str, Column]:
        """Column values, one per document."""
        arrays = {}
        for name, (column, values) in sorted(self.columns.items()):
            dtype = np.dtype(column._typecode)
            filled = np.full(len(self.records), column._default, dtype)
            filled[list(values)] = np.array(list(values.values()), dtype)
            arrays[name] = Column(filled, column._default)
        return arrays


class PerDocumentWriter(base.PerDocumentWriter):  # type: ignore[misc]
    """Gathers lengths, column values and stored fields of documents 0, 1, 2, …"""

    def __init__(self, documents: SegmentDocuments) -> None:
        self._documents = documents
        self._stored: dict[str, object] = {}
        self.is_closed = False

    def start_doc(self, docnum: int) -> None:
        """Begin the next document."""
        if docnum != len(self._documents.records):
            raise ValueError(f"document {docnum} out of order")
        self._stored = {}

    def add_field(self, fieldname: str, fieldobj: Any, value: Any, length: int | None) -> None:
        """Take the stored value (None: not stored) and the length in tokens."""
        if value is not None:
            self._stored[fieldname] = value
        if length:
            lengths = self._documents.lengths.setdefault(fieldname, array("I"))
            lengths.extend([0] * (len(self._documents.records) - len(lengths)))
            lengths.append(length)

    def add_column_value(self, fieldname: str, columnobj: Any, value: Any) -> None:
        """Take a column value; only numeric columns can be kept."""
        if type(columnobj) is not columns.NumericColumn:
            raise _unsupported(fieldname, f"a {type(columnobj).__name__}")
        _, values = self._documents.columns.setdefault(fieldname, (columnobj, {}))
        values[len(self._documents.records)] = value

    def add_vector_items(self, fieldname: str, fieldobj: Any, items: Any) -> None:
        """Refuse: term vectors are not kept."""
        raise _unsupported(fieldname, "term vectors")

    def finish_doc(self) -> None:
        """End the document."""
        self._documents.records.append(encode_record(self._stored))

    def cancel_doc(self) -> None:
        """Forget the document that was begun."""
        doc = len(self._documents.records)
        for lengths in self._documents.lengths.values():
            del lengths[doc:]
        for _, values in self._documents.columns.values():
            values.pop(doc, None)

    def close(self) -> None:
        """Nothing more comes."""
        self.is_closed = True


class FieldWriter(base.FieldWriter):  # type: ignore[misc]
    """Gathers postings field by field; `close` writes the segment if there were any calls."""

    def __init__(
        self, folder: Any, segment: str, documents: SegmentDocuments, facets: Collection[str]
    ) -> None:
        self._folder = folder
        self._segment = segment
        self._documents = documents
        self._facets = facets
        self._fields: list[Postings] = []
        self._complete = False
        self.is_closed = False

    def add_postings(self, schema: Any, lengths: Any, items: Iterable[Any]) -> None:
        """Take all postings of the segment in the order field, term, document."""
        super().add_postings(schema, lengths, items)
        self._complete = True

    def start_field(self, fieldname: str, fieldobj: fields.FieldType) -> None:
        """Begin a field; its format must be Existence or Positions."""
        format_ = fieldobj.format
        if not _can_hold(format_):
            raise _unsupported(fieldname, f"postings of format {type(format_).__name__}")
        self._name = fieldname
        self._decode = format_.decode_positions if isinstance(format_, formats.Positions) else None
        self._terms: list[bytes] = []
        self._starts = array("Q")
        self._docs = array("I")
        self._tfs = array("I")
        self._positions = array("I")

    def start_term(self, text: bytes) -> None:
        """Begin the field's next term."""
        self._terms.append(text)
        self._starts.append(len(self._docs))

    def add(self, docnum: int, weight: float, vbytes: bytes, length: int | None) -> None:
        """Take a posting. Its weight must be its frequency: boosts belong into queries."""
        frequency = 1
        if self._decode is not None:
            positions = self._decode(vbytes)
            frequency = len(positions)
            self._positions.extend(positions)
            self._tfs.append(frequency)
        # A merge reads the weight back saturated.
        if weight not in (frequency, min(frequency, SATURATED)):
            raise _unsupported(self._name, f"a posting of weight {weight}")
        self._docs.append(docnum)

    def finish_term(self) -> None:
        """End the term."""

    def finish_field(self) -> None:
        """End the field: its postings become arrays."""
        self._starts.append(len(self._docs))
        starts = np.array(self._starts, np.int64)
        docs = np.array(self._docs, np.uint32)
        if self._decode is None:
            self._fields.append(
                Postings(name=self._name, terms=self._terms, starts=starts, docs=docs)
            )
            return
        self._fields.append(
            Postings(
                name=self._name,
                terms=self._terms,
                starts=starts,
                docs=docs,
                tfs=np.array(self._tfs, np.uint32),
                positions=np.array(self._positions, np.uint32),
            )
        )

    def close(self) -> None:
        """Write the segment, unless it was cancelled before its postings came."""
        self.is_closed = True
        if not self._complete:
            return
        write_segment(
            self._folder,
            self._segment,
            docs=len(self._documents.records),
            fields=sorted(self._fields, key=lambda field: field.tfs is None),
            lengths=self._documents.lengths_arrays(),
            columns=self._documents.column_arrays(),
            facets=self._facets,
            stored=compress_records(self._documents.records),
        )
