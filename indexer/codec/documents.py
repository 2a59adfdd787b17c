"""The files of documents and stored records of a segment → typed arrays and records."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from .files import SectionFile
from .format import I64, U32, U64, AnyArray, FileKind, row_chunks
from .stored import Frames, RecordCompressor, RecordReader, StoredRecord
from .terms import SegmentTerms

T = TypeVar("T")


class SegmentDocuments(SegmentTerms):
    """The documents of a segment: their rows, lengths, columns, facet lists, stored records."""

    def __init__(self, folder: Path, segment: str) -> None:
        super().__init__(folder, segment)
        self.folder = folder
        self.segment = segment
        self.doc_count = self.terms_file.table.docs
        self.row_count = self.terms_file.table.rows
        self._facets: dict[str, tuple[U32, AnyArray]] = {}

    def _file(self, kind: FileKind) -> SectionFile:
        file = SectionFile(self.folder, self.segment, kind)
        if (file.table.docs, file.table.rows) != (self.doc_count, self.row_count):
            raise file.corrupt(f"has {file.table.docs} documents, not {self.doc_count}")
        return file

    @cached_property
    def documents_file(self) -> SectionFile:
        """The file of lengths, columns and facet lists."""
        return self._file("documents")

    @cached_property
    def first_rows(self) -> U32:
        """uint32[N + 1], rising: the first row of each document, and the number of rows."""
        file = self.documents_file
        rows: U32 = file.section("first_rows", "u4", (self.doc_count + 1,))
        if rows[0] != 0 or rows[-1] != self.row_count or (rows[1:] <= rows[:-1]).any():
            raise file.corrupt("the rows of documents are out of order")
        return rows

    @cached_property
    def chunk_docs(self) -> I64:
        """int64[C + 1]: the document with which each chunk of rows begins; at last all."""
        try:
            return row_chunks(self.first_rows)
        except ValueError as error:
            raise self.documents_file.corrupt(str(error)) from error

    @cached_property
    def chunk_rows(self) -> I64:
        """int64[C + 1]: the first row of each chunk, and how many rows there are."""
        return self.first_rows[self.chunk_docs].astype(np.int64)

    @cached_property
    def docs_of_rows(self) -> U32:
        """uint32[R]: the document of each row."""
        return np.repeat(np.arange(self.doc_count, dtype=np.uint32), np.diff(self.first_rows))

    @property
    def counted_fields(self) -> tuple[str, ...]:
        """The fields of rows whose words are counted, in order."""
        names = (section.name for section in self.documents_file.table.sections)
        return tuple(name.removeprefix("words.") for name in names if name.startswith("words."))

    def words(self, field: str) -> AnyArray:
        """The number of words of a field of the text in each row: uint8, uint16 or uint32."""
        words = self.documents_file.section(f"words.{field}", None, (self.row_count,))
        if words.dtype.kind != "u" or words.dtype.itemsize > 4:
            raise self.documents_file.corrupt(f"words of {field!r} are {words.dtype}")
        return words

    def has_facet(self, name: str) -> bool:
        """Whether the segment lists this field's values by document."""
        return f"facet.{name}.offsets" in self.documents_file

    def facet(self, name: str) -> tuple[U32, AnyArray]:
        """Values by document: offsets uint32[N + 1] and ordinals uint16[M] or uint32[M].

        Document d has the terms `ordinals[offsets[d]:offsets[d + 1]]` of the field, rising.
        Raises `KeyError` if the segment has no such list. The first call checks every number,
        since compiled loops use them as indices without a check.
        """
        if name not in self._facets:
            self._facets[name] = self._checked_facet(name)
        return self._facets[name]

    def _checked_facet(self, name: str) -> tuple[U32, AnyArray]:
        if not self.has_facet(name):
            raise KeyError(name)
        file = self.documents_file
        if name not in self.fields:
            raise file.corrupt(f"lists of {name!r}, which has no terms")
        terms = self.fields[name].terms
        offsets: U32 = file.section(f"facet.{name}.offsets", "u4", (self.doc_count + 1,))
        if offsets[0] != 0 or (offsets[1:] < offsets[:-1]).any():
            raise file.corrupt(f"the lists of {name!r} are out of order")
        dtype = np.uint16 if terms <= 1 << 16 else np.uint32
        ordinals = file.section(f"facet.{name}.ordinals", dtype, (int(offsets[-1]),))
        if len(ordinals) and ordinals.max() >= terms:
            raise file.corrupt(f"a list of {name!r} names a value that is not there")
        return offsets, ordinals

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the fields that have a column."""
        return tuple(self.documents_file.table.defaults)

    def column(self, name: str) -> U64:
        """uint64[N]: one number per document, whose order is that of the values.

        Raises `KeyError` if the segment has no such column.
        """
        if name not in self.documents_file.table.defaults:
            raise KeyError(name)
        return self.documents_file.section(f"column.{name}", "u8", (self.doc_count,))

    def column_default(self, name: str) -> int:
        """The number that stands for no value in the column."""
        default = self.documents_file.table.defaults[name]
        if not 0 <= default < 1 << 64:
            raise self.documents_file.corrupt(f"{default} stands for no value of {name!r}")
        return default

    # Stored records

    @cached_property
    def stored_file(self) -> SectionFile:
        """The file of stored records."""
        return self._file("stored")

    @cached_property
    def dictionary(self) -> bytes:
        """The compression dictionary of the stored records; may be empty."""
        return self.stored_file.section("dictionary", "u1").tobytes()

    def usable_dictionary(self) -> bytes:
        """The dictionary, to compress other records with; raises `IndexCorrupt`."""
        try:
            RecordCompressor(self.dictionary)
        except ValueError as error:
            raise self.stored_file.corrupt(str(error)) from error
        return self.dictionary

    @cached_property
    def _records(self) -> RecordReader:
        offsets: U64 = self.stored_file.section("offsets", "u8", (self.doc_count + 1,))
        return RecordReader(self.dictionary, offsets, self.stored_file.section("frames", "u1"))

    def lead(self, doc: int) -> bytes:
        """What is stored of a document's lead; raises `IndexCorrupt`."""
        return self._stored(doc, self._records.lead)

    def related(self, doc: int) -> bytes:
        """What is stored of a document's other rows; raises `IndexCorrupt`."""
        return self._stored(doc, self._records.related)

    def record(self, doc: int) -> StoredRecord:
        """All that is stored of a document; raises `IndexCorrupt`."""
        return self._stored(doc, self._records.read)

    def frames(self, first: int, last: int) -> Frames:
        """The compressed records of documents first … last - 1; raises `IndexCorrupt`."""
        return self._stored(first, lambda first: self._records.frames(first, last))

    def _stored(self, doc: int, read: Callable[[int], T]) -> T:
        self.stored_file.check_size()
        try:
            return read(doc)
        except ValueError as error:
            raise self.stored_file.corrupt(f"document {doc}: {error}") from error
