"""Whoosh's reader contract over `SegmentArrays`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Any

from whoosh.codec import base
from whoosh.columns import ColumnReader, NumericColumn
from whoosh.matching.mcore import LeafMatcher, ReadTooFar
from whoosh.reading import TermInfo, TermNotFound

from .format import LENGTH_VALUES
from .read import SegmentArrays, TermEntry


def _length(code: int) -> int:
    return int(LENGTH_VALUES[code])


class TermsReader(base.TermsReader):  # type: ignore[misc]
    """Whoosh's view of the terms: fields in the order of their names."""

    def __init__(self, arrays: SegmentArrays) -> None:
        self._arrays = arrays
        self._names = sorted(name for name, info in arrays.fields.items() if info.terms)

    def __contains__(self, term: tuple[str, bytes]) -> bool:
        return self._arrays.find_term(*term) is not None

    def indexed_field_names(self) -> list[str]:
        """Names of the fields that have terms."""
        return self._names

    def cursor(self, fieldname: str, fieldobj: Any) -> FieldCursor:
        """A cursor over the field's terms."""
        return FieldCursor(self._arrays, fieldname, fieldobj)

    def _ordinals(self, name: str, begin: int = 0) -> Iterator[tuple[str, int]]:
        return ((name, ordinal) for ordinal in range(begin, self._arrays.fields[name].terms))

    def _all(self) -> Iterator[tuple[str, int]]:
        return (pair for name in self._names for pair in self._ordinals(name))

    def _all_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[str, int]]:
        first = self._arrays.terms_between(fieldname, prefix, None).start
        for name in self._names[bisect_left(self._names, fieldname) :]:
            yield from self._ordinals(name, first if name == fieldname else 0)

    def terms(self) -> Iterator[tuple[str, bytes]]:
        """All terms in the order field name, bytes."""
        return ((name, self._arrays.term_bytes(name, ordinal)) for name, ordinal in self._all())

    def terms_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[str, bytes]]:
        """The terms from this one on, following fields included."""
        pairs = self._all_from(fieldname, prefix)
        return ((name, self._arrays.term_bytes(name, ordinal)) for name, ordinal in pairs)

    def _item(self, name: str, ordinal: int) -> tuple[tuple[str, bytes], TermInfo]:
        entry = self._arrays.term_entry(name, ordinal)
        return (name, self._arrays.term_bytes(name, ordinal)), self._info(entry)

    def items(self) -> Iterator[tuple[tuple[str, bytes], TermInfo]]:
        """All terms with their statistics."""
        return (self._item(name, ordinal) for name, ordinal in self._all())

    def items_from(
        self, fieldname: str, prefix: bytes
    ) -> Iterator[tuple[tuple[str, bytes], TermInfo]]:
        """The terms from this one on with their statistics."""
        return (self._item(name, ordinal) for name, ordinal in self._all_from(fieldname, prefix))

    def _entry(self, fieldname: str, text: bytes) -> TermEntry:
        entry = self._arrays.find_term(fieldname, text)
        if entry is None:
            raise TermNotFound(f"No term {fieldname}:{text!r}")
        return entry

    def _info(self, entry: TermEntry) -> TermInfo:
        ids = self._arrays.doc_ids(entry)
        return TermInfo(
            weight=float(entry.cf),
            df=entry.df,
            minlength=_length(entry.min_length),
            maxlength=_length(entry.max_length),
            maxweight=float(entry.max_tf),
            minid=int(ids[0]),
            maxid=int(ids[-1]),
        )

    def term_info(self, fieldname: str, text: bytes) -> TermInfo:
        """Statistics of a term; raises `TermNotFound`."""
        return self._info(self._entry(fieldname, text))

    def frequency(self, fieldname: str, text: bytes) -> float:
        """Occurrences of a term in all documents; 0 for a term that is not there."""
        entry = self._arrays.find_term(fieldname, text)
        return float(entry.cf) if entry else 0.0

    def doc_frequency(self, fieldname: str, text: bytes) -> int:
        """Documents that have a term; 0 for a term that is not there."""
        entry = self._arrays.find_term(fieldname, text)
        return entry.df if entry else 0

    def matcher(self, fieldname: str, text: bytes, format_: Any, scorer: Any = None) -> Matcher:
        """A matcher over a term's postings; raises `TermNotFound`."""
        entry = self._entry(fieldname, text)
        return Matcher(self._arrays, entry, (fieldname, text), format_, scorer)


class FieldCursor(base.FieldCursor):  # type: ignore[misc]
    """Walks and seeks over a field's terms; what fuzzy matching skips through."""

    def __init__(self, arrays: SegmentArrays, name: str, fieldobj: Any) -> None:
        self._arrays = arrays
        self._name = name
        self._fieldobj = fieldobj
        info = arrays.fields.get(name)
        self._terms = info.terms if info else 0
        self._ordinal = 0

    def first(self) -> str | None:
        """Go to the first term and return it."""
        self._ordinal = 0
        return self.text()

    def find(self, term: str | bytes) -> str | None:
        """Go to this term or the next one after it and return that."""
        target = term if isinstance(term, bytes) else self._fieldobj.to_bytes(term)
        self._ordinal = self._arrays.terms_between(self._name, target, None).start
        return self.text()

    def next(self) -> str | None:
        """Go to the next term and return it."""
        self._ordinal += 1
        return self.text()

    def text(self) -> str | None:
        """The term under the cursor, or None past the last."""
        if not self.is_valid():
            return None
        text: str = self._fieldobj.from_bytes(self._arrays.term_bytes(self._name, self._ordinal))
        return text

    def term_info(self) -> TermInfo | None:
        """Statistics of the term under the cursor, or None past the last."""
        if not self.is_valid():
            return None
        return TermsReader(self._arrays)._item(self._name, self._ordinal)[1]

    def is_valid(self) -> bool:
        """Whether there is a term under the cursor."""
        return self._ordinal < self._terms


class Matcher(LeafMatcher):  # type: ignore[misc]
    """The postings of one term, as Whoosh's queries walk them."""

    def __init__(
        self,
        arrays: SegmentArrays,
        entry: TermEntry,
        term: tuple[str, bytes],
        format_: Any,
        scorer: Any,
    ) -> None:
        self._arrays = arrays
        self._entry = entry
        self._term = term
        self.format = format_
        self.scorer = scorer
        self._has_tfs = arrays.fields[term[0]].scored
        self._ids: list[int] = arrays.doc_ids(entry).tolist()
        self._i = 0

    def is_active(self) -> bool:
        """Whether there is a current posting."""
        return self._i < len(self._ids)

    def reset(self) -> None:
        """Go back to the first posting."""
        self._i = 0

    def copy(self) -> Matcher:
        """Another matcher at the same posting."""
        other = self.__class__.__new__(self.__class__)
        other.__dict__.update(self.__dict__)
        return other

    def id(self) -> int:
        """The current document."""
        return self._ids[self._i]

    def all_ids(self) -> Iterator[int]:
        """All documents that have the term."""
        return iter(self._ids)

    def next(self) -> None:
        """Go to the next posting."""
        if not self.is_active():
            raise ReadTooFar
        self._i += 1

    def skip_to(self, id: int) -> None:
        """Go to the first posting from here on whose document is `id` or later."""
        if not self.is_active():
            raise ReadTooFar
        self._i = bisect_left(self._ids, id, self._i)

    def weight(self) -> float:
        """The frequency in the current document, at most 255."""
        return float(self._arrays.tfs[self._entry.start + self._i]) if self._has_tfs else 1.0

    def value(self) -> bytes:
        """The positions in the current document, as the field's format encodes them."""
        if not self._has_tfs:
            return b""
        positions = self._arrays.positions(self._entry.start + self._i)
        value: bytes = self.format.encode(positions)
        return value

    def block_max_weight(self) -> float:
        """No weight is higher; the whole list is one block."""
        return float(self._entry.max_tf)

    def block_min_length(self) -> int:
        """No field that has the term is shorter."""
        return _length(self._entry.min_length)

    def block_max_length(self) -> int:
        """No field that has the term is longer."""
        return _length(self._entry.max_length)

    def skip_to_quality(self, minquality: float) -> int:
        """Skip the rest if none of it can score above `minquality`; returns the blocks skipped."""
        if not self.is_active() or self.scorer.block_quality(self) > minquality:
            return 0
        self._i = len(self._ids)
        return 1


class NumberColumnReader(ColumnReader):  # type: ignore[misc]
    """Whoosh's reader of a numeric column, over an array."""

    def __init__(self, values: Any) -> None:
        self._values = values
        self._reverse = False

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, docnum: int) -> int | float:
        value: int | float = self._values[docnum].item()
        return value

    def __iter__(self) -> Iterator[int | float]:
        return iter(self._values.tolist())

    def sort_key(self, docnum: int) -> int | float:
        """What to sort a document by."""
        return 0 - self[docnum] if self._reverse else self[docnum]

    def load(self) -> list[int | float]:
        """All values."""
        values: list[int | float] = self._values.tolist()
        return values

    def set_reverse(self) -> None:
        """Sort from now on in descending order."""
        self._reverse = True


class PerDocumentReader(base.PerDocumentReader):  # type: ignore[misc]
    """Whoosh's view of the documents. `deleted` may change while this is open."""

    def __init__(self, arrays: SegmentArrays, deleted: Set[int]) -> None:
        self._arrays = arrays
        self._deleted = deleted

    def doc_count(self) -> int:
        """Documents that are not deleted."""
        return self._arrays.doc_count - len(self._deleted)

    def doc_count_all(self) -> int:
        """Documents, deleted ones included."""
        return self._arrays.doc_count

    def has_deletions(self) -> bool:
        """Whether any document is deleted."""
        return bool(self._deleted)

    def is_deleted(self, docnum: int) -> bool:
        """Whether this document is deleted."""
        return docnum in self._deleted

    def deleted_docs(self) -> Iterable[int]:
        """The deleted documents."""
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
        return NumberColumnReader(self._arrays.column(fieldname))

    def doc_field_length(self, docnum: int, fieldname: str, default: int = 0) -> int | None:
        """A field's length in a document, as exact as its code."""
        return self.doc_field_length_reader(fieldname, default)(docnum)

    def doc_field_length_reader(
        self, fieldname: str, default: int = 0
    ) -> Callable[[int], int | None]:
        """A function document → length; None where a field with lengths is absent."""
        info = self._arrays.fields.get(fieldname)
        if info is None or info.length_row < 0:
            return lambda docnum: default
        codes = self._arrays.lengths[info.length_row]
        return lambda docnum: _length(codes[docnum]) or None

    def _statistic(self, fieldname: str, name: str) -> int:
        info = self._arrays.fields.get(fieldname)
        return int(getattr(info, name)) if info else 0

    def field_length(self, fieldname: str) -> int:
        """Tokens of the field in all documents, exact."""
        return self._statistic(fieldname, "total_length")

    def min_field_length(self, fieldname: str) -> int:
        """The field's smallest length; 0 if a document lacks it."""
        return self._statistic(fieldname, "min_length")

    def max_field_length(self, fieldname: str) -> int:
        """The field's largest length, as exact as its code."""
        return self._statistic(fieldname, "max_length")

    def has_vector(self, docnum: int, fieldname: str) -> bool:
        """False: there are no term vectors."""
        return False

    def stored_fields(self, docnum: int) -> dict[str, object]:
        """The stored fields of a document."""
        return self._arrays.stored_fields(docnum)
