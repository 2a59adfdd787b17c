"""Whoosh's view of terms and postings over `SegmentArrays`.

Whoosh sees a document for each row. Its fields of text are those of the row, a field `kind`
tells leads from related rows, and all else stands on the lead's.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from whoosh.codec import base
from whoosh.matching.mcore import LeafMatcher, ReadTooFar
from whoosh.reading import TermInfo, TermNotFound

from ..errors import IndexCorrupt
from ..schema import KIND, LEAD, POSITION_GAP, RELATED, ROW_FIELDS, UNCOUNTED
from .format import I64, TEXT, AnyArray
from .positions import positions_of
from .read import SegmentArrays, TermEntry

_BITS = {name: 1 << number for number, name in enumerate(ROW_FIELDS)}
_KINDS = (LEAD.encode(), RELATED.encode())


class _Found(NamedTuple):
    """The postings of a term for Whoosh: rows, and the positions in each."""

    rows: list[int]
    positions: list[list[int]] | None

    def frequency(self, place: int) -> int:
        """How often the row at this place has the term."""
        return 1 if self.positions is None else len(self.positions[place])


class TermsReader(base.TermsReader):  # type: ignore[misc]
    """Whoosh's view of the terms: fields in the order of their names."""

    def __init__(self, arrays: SegmentArrays) -> None:
        self._arrays = arrays
        names = [name for name, info in arrays.fields.items() if info.terms and name != TEXT]
        texts = [name for name in ROW_FIELDS if self._of_row_field(name).size]
        self._names = sorted([*names, *texts, *([KIND] if arrays.row_count else [])])
        self._terms: dict[str, list[bytes]] = {}

    @cached_property
    def _term_bits(self) -> AnyArray:
        """uint8[T]: the fields in which any row has a term of the text."""
        arrays = self._arrays
        starts = arrays.starts[: arrays.text_terms]
        if not len(starts):
            return np.empty(0, np.uint8)
        if (starts[1:] <= starts[:-1]).any() or starts[-1] >= len(arrays.bits):
            raise arrays.terms_file.corrupt("the postings of terms are out of order")
        bits: AnyArray = np.bitwise_or.reduceat(arrays.bits, starts)
        return bits

    def _of_row_field(self, name: str) -> I64:
        return np.flatnonzero(self._term_bits & _BITS[name])

    def terms_of(self, name: str) -> list[bytes]:
        """All terms of a field, in order."""
        if name not in self._terms:
            self._terms[name] = self._list_terms(name)
        return self._terms[name]

    def _list_terms(self, name: str) -> list[bytes]:
        if name == KIND:
            related = self._arrays.row_count > self._arrays.doc_count
            return list(_KINDS[: 1 + related]) if self._arrays.row_count else []
        if name in _BITS:
            terms = self._arrays.field_terms(TEXT)
            return [terms[ordinal] for ordinal in self._of_row_field(name).tolist()]
        return self._arrays.field_terms(name)

    def __contains__(self, term: tuple[str, bytes]) -> bool:
        return self._find(*term) is not None

    def indexed_field_names(self) -> list[str]:
        """Names of the fields that have terms."""
        return self._names

    def cursor(self, fieldname: str, fieldobj: Any) -> FieldCursor:
        """A cursor over the field's terms."""
        return FieldCursor(self, fieldname, fieldobj)

    def terms(self) -> Iterator[tuple[str, bytes]]:
        """All terms in the order field name, bytes."""
        return self.terms_from("", b"")

    def terms_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[str, bytes]]:
        """The terms from this one on, following fields included."""
        for name in self._names[bisect_left(self._names, fieldname) :]:
            terms = self.terms_of(name)
            first = bisect_left(terms, prefix) if name == fieldname else 0
            for term in terms[first:]:
                yield name, term

    def items(self) -> Iterator[tuple[tuple[str, bytes], TermInfo]]:
        """All terms with their statistics."""
        return self.items_from("", b"")

    def items_from(
        self, fieldname: str, prefix: bytes
    ) -> Iterator[tuple[tuple[str, bytes], TermInfo]]:
        """The terms from this one on with their statistics."""
        try:
            for term in self.terms_from(fieldname, prefix):
                yield term, self.term_info(*term)
        except TermNotFound as error:
            raise self.corrupt(str(error)) from error

    def _find(self, name: str, text: bytes) -> _Found | None:
        arrays = self._arrays
        if name == KIND:
            return self._of_kind(text)
        entry = arrays.find_term(TEXT if name in _BITS else name, text)
        if entry is None:
            return None
        if name not in _BITS:
            return _Found(arrays.first_rows[arrays.doc_ids(name, entry)].tolist(), None)
        found = self._in_field(entry, name)
        return found if found.rows else None

    def _of_kind(self, text: bytes) -> _Found | None:
        if text not in _KINDS:
            return None
        leads = np.zeros(self._arrays.row_count, bool)
        leads[self._arrays.first_rows[:-1]] = True
        rows = np.flatnonzero(leads if text == _KINDS[0] else ~leads).tolist()
        return _Found(rows, None) if rows else None

    def _in_field(self, entry: TermEntry, name: str) -> _Found:
        """The rows that have a term in a field, with its positions from the field's first on."""
        arrays = self._arrays
        inside = (arrays.bits[entry.start : entry.end] & _BITS[name]) != 0
        rows = arrays.row_ids(entry)[inside].tolist()
        tfs, steps = arrays.steps_of(entry.start, entry.end, inside)
        positions = iter(positions_of(steps, tfs).tolist())
        found: dict[int, list[int]] = {}
        for row, tf in zip(rows, tfs.tolist(), strict=True):
            begin, end = self._span(row, name)
            of_row = islice(positions, tf)
            some = [position - begin for position in of_row if begin <= position < end]
            found[row] = sorted([*found.get(row, ()), *some])
        return _Found(list(found), list(found.values()))

    def _span(self, row: int, name: str) -> tuple[int, float]:
        """Where the positions of a field of a row begin and end."""
        begin = 0
        for field in ROW_FIELDS:
            if field == UNCOUNTED:
                return begin, float("inf")
            size = int(self._arrays.words(field)[row])
            if field == name:
                return begin, begin + size
            begin += size + POSITION_GAP
        raise KeyError(name)

    def corrupt(self, reason: str) -> IndexCorrupt:
        """The error that says what is wrong with the terms."""
        return self._arrays.terms_file.corrupt(reason)

    def _entry(self, fieldname: str, text: bytes) -> _Found:
        found = self._find(fieldname, text)
        if found is None:
            raise TermNotFound(f"No term {fieldname}:{text!r}")
        return found

    def term_info(self, fieldname: str, text: bytes) -> TermInfo:
        """Statistics of a term; raises `TermNotFound`."""
        found = self._entry(fieldname, text)
        frequencies = [found.frequency(place) for place in range(len(found.rows))]
        lengths = [0]
        if fieldname in _BITS and fieldname != UNCOUNTED:
            lengths = self._arrays.words(fieldname)[found.rows].tolist()
        return TermInfo(
            weight=float(sum(frequencies)), df=len(found.rows), minlength=min(lengths),
            maxlength=max(lengths), maxweight=float(max(frequencies)), minid=found.rows[0],
            maxid=found.rows[-1],
        )  # fmt: skip

    def frequency(self, fieldname: str, text: bytes) -> float:
        """Occurrences of a term in all rows; 0 for a term that is not there."""
        return float(self.term_info(fieldname, text).weight()) if self._find(fieldname, text) else 0

    def doc_frequency(self, fieldname: str, text: bytes) -> int:
        """Rows that have a term; 0 for a term that is not there."""
        found = self._find(fieldname, text)
        return len(found.rows) if found else 0

    def matcher(self, fieldname: str, text: bytes, format_: Any, scorer: Any = None) -> Matcher:
        """A matcher over a term's postings; raises `TermNotFound`."""
        return Matcher(self._entry(fieldname, text), (fieldname, text), format_, scorer)


class FieldCursor(base.FieldCursor):  # type: ignore[misc]
    """Walks and seeks over a field's terms; what fuzzy matching skips through."""

    def __init__(self, reader: TermsReader, name: str, fieldobj: Any) -> None:
        self._reader = reader
        self._name = name
        self._fieldobj = fieldobj
        self._terms = reader.terms_of(name)
        self._place = 0

    def first(self) -> str | None:
        """Go to the first term and return it."""
        self._place = 0
        return self.text()

    def find(self, term: str | bytes) -> str | None:
        """Go to this term or the next one after it and return that."""
        target = term if isinstance(term, bytes) else self._fieldobj.to_bytes(term)
        self._place = bisect_left(self._terms, target)
        return self.text()

    def next(self) -> str | None:
        """Go to the next term and return it."""
        self._place += 1
        return self.text()

    def text(self) -> str | None:
        """The term under the cursor, or None past the last."""
        if not self.is_valid():
            return None
        try:
            text: str = self._fieldobj.from_bytes(self._terms[self._place])
        except (ValueError, IndexError, struct.error) as error:
            raise self._reader.corrupt(f"a term of {self._name!r} is none: {error}") from error
        return text

    def term_info(self) -> TermInfo | None:
        """Statistics of the term under the cursor, or None past the last."""
        if not self.is_valid():
            return None
        return self._reader.term_info(self._name, self._terms[self._place])

    def is_valid(self) -> bool:
        """Whether there is a term under the cursor."""
        return self._place < len(self._terms)


class Matcher(LeafMatcher):  # type: ignore[misc]
    """The postings of one term, as Whoosh's queries walk them."""

    def __init__(self, found: _Found, term: tuple[str, bytes], format_: Any, scorer: Any) -> None:
        self._found = found
        self._term = term
        self.format = format_
        self.scorer = scorer
        self._ids = found.rows
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
        """The current row."""
        return self._ids[self._i]

    def all_ids(self) -> Iterator[int]:
        """All rows that have the term."""
        return iter(self._ids)

    def next(self) -> None:
        """Go to the next posting."""
        if not self.is_active():
            raise ReadTooFar
        self._i += 1

    def skip_to(self, id: int) -> None:
        """Go to the first posting from here on whose row is `id` or later."""
        if not self.is_active():
            raise ReadTooFar
        self._i = bisect_left(self._ids, id, self._i)

    def weight(self) -> float:
        """The frequency in the current row."""
        return float(self._found.frequency(self._i))

    def value(self) -> bytes:
        """The positions in the current row, as the field's format encodes them."""
        if self._found.positions is None:
            return b""
        value: bytes = self.format.encode(self._found.positions[self._i])
        return value

    def supports_block_quality(self) -> bool:
        """False: there are no blocks to skip."""
        return False
