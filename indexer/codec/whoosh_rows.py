"""Whoosh's view of rows over `SegmentArrays`: lengths, columns and what is shown of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from whoosh.codec import base
from whoosh.columns import ColumnReader, NumericColumn

from ..schema import KIND, LEAD, RELATED, ROW_FIELDS, UNCOUNTED
from .format import AnyArray
from .read import SegmentArrays

_LEAD = msgspec.msgpack.Decoder(dict[str, Any])
_RELATED = msgspec.msgpack.Decoder(list[dict[str, Any]])


class NumberColumnReader(ColumnReader):  # type: ignore[misc]
    """Whoosh's reader of a numeric column, over an array."""

    def __init__(self, values: Any) -> None:
        self._values = values
        self._doccount = len(values)
        self._reverse = False

    def __getitem__(self, docnum: int) -> int | float:
        value: int | float = self._values[docnum].item()
        return value

    def sort_key(self, docnum: int) -> int | float:
        """What to sort a document by."""
        return 0 - self[docnum] if self._reverse else self[docnum]

    def set_reverse(self) -> None:
        """Sort from now on in descending order."""
        self._reverse = True


class PerDocumentReader(base.PerDocumentReader):  # type: ignore[misc]
    """Whoosh's view of the rows."""

    def __init__(self, arrays: SegmentArrays) -> None:
        self._arrays = arrays
        self._deleted = set(np.flatnonzero(np.isin(arrays.docs_of_rows, arrays.deleted)).tolist())

    def doc_count(self) -> int:
        """Rows that are not deleted."""
        return self._arrays.row_count - len(self._deleted)

    def doc_count_all(self) -> int:
        """Rows, deleted ones included."""
        return self._arrays.row_count

    def has_deletions(self) -> bool:
        """Whether any row is deleted."""
        return bool(self._deleted)

    def is_deleted(self, docnum: int) -> bool:
        """Whether this row is deleted."""
        return docnum in self._deleted

    def deleted_docs(self) -> Iterable[int]:
        """The deleted rows."""
        return sorted(self._deleted)

    def supports_columns(self) -> bool:
        """True: there are columns."""
        return True

    def has_column(self, fieldname: str) -> bool:
        """Whether any document of the segment has a column value of this field."""
        return fieldname in self._arrays.columns

    def list_columns(self) -> Iterable[str]:
        """Fields with a column."""
        return self._arrays.columns

    def column_reader(self, fieldname: str, column: NumericColumn) -> NumberColumnReader:
        """A reader of the field's column."""
        values = self._arrays.column(fieldname)
        default = self._arrays.column_default(fieldname)
        rows = np.full(self._arrays.row_count, default, values.dtype)
        rows[self._arrays.first_rows[:-1]] = values
        return NumberColumnReader(rows)

    def doc_field_length(self, docnum: int, fieldname: str, default: int = 0) -> int | None:
        """How many words a field of a row has; None where one with lengths is absent."""
        lengths = self._lengths(fieldname)
        return (int(lengths[docnum]) or None) if len(lengths) else default

    def _lengths(self, fieldname: str) -> AnyArray:
        counted = fieldname in ROW_FIELDS and fieldname != UNCOUNTED
        return self._arrays.words(fieldname) if counted else np.empty(0, np.uint8)

    def field_length(self, fieldname: str) -> int:
        """Words of the field in all rows."""
        return int(self._lengths(fieldname).sum(dtype=np.int64))

    def min_field_length(self, fieldname: str) -> int:
        """The field's smallest length; 0 if a row lacks it."""
        lengths = self._lengths(fieldname)
        return int(lengths.min()) if len(lengths) else 0

    def max_field_length(self, fieldname: str) -> int:
        """The field's largest length."""
        return int(self._lengths(fieldname).max(initial=0))

    def stored_fields(self, docnum: int) -> dict[str, object]:
        """What is shown of a row, with the names of `model.Story` and `model.Article`."""
        arrays = self._arrays
        doc = int(arrays.docs_of_rows[docnum])
        place = docnum - int(arrays.first_rows[doc])
        try:
            lead = _LEAD.decode(arrays.lead(doc))
            if not place:
                return {KIND: LEAD, **lead}
            related = _RELATED.decode(arrays.related(doc))
            return {KIND: RELATED, "id": lead["id"], **related[place - 1]}
        except (ValueError, LookupError, RecursionError) as error:
            raise arrays.stored_file.corrupt(f"document {doc}: {error}") from error
