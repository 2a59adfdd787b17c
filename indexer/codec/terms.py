"""The terms file of a segment: look-ups over mapped bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .files import SectionFile
from .format import U8, U32, FieldInfo, bucket_count, term_hash


class TermEntry(NamedTuple):
    """A term of a field: its postings are `docs[start:end]`.

    ordinal: place among the field's terms, from 0
    df: documents that have it, `end - start`
    cf: occurrences in all documents, exact
    max_tf: most occurrences in one document, at most 255
    min_length, max_length: codes of the shortest and longest field that has it; 0 where
        the field has no lengths
    """

    ordinal: int
    start: int
    end: int
    df: int
    cf: int
    max_tf: int
    min_length: int
    max_length: int


_NO_FIELD = FieldInfo("", False, 0, 0)


class SegmentTerms:
    """The terms of a segment by field; ordinals are relative to a field, 0 its first term.

    Raises `IndexCorrupt` if the ends of the terms file are damaged.
    """

    def __init__(self, folder: Path, segment: str) -> None:
        self.terms_file = SectionFile(folder, segment, "terms")
        self.fields: dict[str, FieldInfo] = {
            info.name: info for info in self.terms_file.table.fields
        }
        self._check_fields()

    def _check_fields(self) -> None:
        end = 0
        for info in self.fields.values():
            if info.terms and (info.first != end or info.terms < 0):
                raise self.terms_file.corrupt(f"field {info.name!r} is out of place")
            end += info.terms
        self._term_count = end
        scored = sum(info.terms for info in self.fields.values() if info.scored)
        self._scored_terms = scored
        file = self.terms_file
        self._blob: U8 = file.section("bytes", "u1")
        self._offsets: U32 = file.section("offsets", "u4", (end + 1,))
        #: uint32[T + 1]: term t of the segment has postings `docs[starts[t]:starts[t + 1]]`.
        self.starts: U32 = file.section("starts", "u4", (end + 1,))
        cf = file.section("cf", "u4", (scored,))
        max_tf = file.section("max_tf", "u1", (scored,))
        min_length = file.section("min_length", "u1", (scored,))
        max_length = file.section("max_length", "u1", (scored,))
        # Items of a memoryview are Python numbers: faster than arrays where they are read singly.
        self._buckets = file.section("buckets", "u4", (bucket_count(end) + 1,)).data
        self._bucket_terms = file.section("bucket_terms", "u4", (end,)).data
        self._blob_view = self._blob.data
        self._offsets_view = self._offsets.data
        self._starts_view = self.starts.data
        self._posting_count = self._starts_view[end]
        self._statistics = (cf.data, max_tf.data, min_length.data, max_length.data)

    def _term(self, number: int) -> bytes:
        offsets = self._offsets_view
        return bytes(self._blob_view[offsets[number] : offsets[number + 1]])

    def _place(self, info: FieldInfo, term: bytes) -> int:
        # `bisect_left` with a key, written out to avoid its calls.
        offsets, blob = self._offsets_view, self._blob_view
        low, high = info.first, info.first + info.terms
        while low < high:
            middle = (low + high) >> 1
            if bytes(blob[offsets[middle] : offsets[middle + 1]]) < term:
                low = middle + 1
            else:
                high = middle
        return low - info.first

    def find_term(self, field: str, term: bytes) -> TermEntry | None:
        """The term's entry, or None; a hash look-up of one or two microseconds."""
        info = self.fields.get(field, _NO_FIELD)
        buckets = self._buckets
        bucket = term_hash(info.first, term) & (len(buckets) - 2)
        for number in self._bucket_terms[buckets[bucket] : buckets[bucket + 1]]:
            if 0 <= number - info.first < info.terms and self._term(number) == term:
                return self._entry(info, number - info.first)
        return None

    def term_entry(self, field: str, ordinal: int) -> TermEntry:
        """The entry of a field's term by ordinal; raises `IndexError` outside its range."""
        info = self.fields[field]
        if not 0 <= ordinal < info.terms:
            raise IndexError(f"field {field!r} has no term {ordinal}")
        return self._entry(info, ordinal)

    def _entry(self, info: FieldInfo, ordinal: int) -> TermEntry:
        number = info.first + ordinal
        start, end = self._starts_view[number], self._starts_view[number + 1]
        scored = self._starts_view[self._scored_terms]
        if not start < end <= (scored if info.scored else self._posting_count):
            raise self.terms_file.corrupt(f"term {number} has postings {start} to {end}")
        if not info.scored:
            return TermEntry(ordinal, start, end, end - start, end - start, 1, 0, 0)
        cf, max_tf, shortest, longest = self._statistics
        return TermEntry(
            ordinal, start, end, end - start,
            cf[number], max_tf[number], shortest[number], longest[number],
        )  # fmt: skip

    def term_bytes(self, field: str, ordinal: int) -> bytes:
        """A field's term by ordinal; raises `IndexError` outside its range."""
        info = self.fields[field]
        if not 0 <= ordinal < info.terms:
            raise IndexError(f"field {field!r} has no term {ordinal}")
        return self._term(info.first + ordinal)

    def field_terms(self, field: str) -> list[bytes]:
        """All terms of a field, in order."""
        info = self.fields.get(field, _NO_FIELD)
        offsets = self._offsets[info.first : info.first + info.terms + 1].astype(np.int64)
        blob = self._blob[offsets[0] : offsets[-1]].tobytes()
        return [blob[begin:end] for begin, end in pairwise((offsets - offsets[0]).tolist())]

    def joined_terms(self, field: str) -> tuple[str, npt.NDArray[np.int64]]:
        """All terms of a field, one after the other; int64[T + 1]: where each begins."""
        info = self.fields.get(field, _NO_FIELD)
        offsets = self._offsets[info.first : info.first + info.terms + 1].astype(np.int64)
        blob = self._blob[offsets[0] : offsets[-1]]
        offsets -= offsets[0]
        if (np.diff(offsets) < 0).any() or offsets[-1] != len(blob):
            raise self.terms_file.corrupt(f"the terms of {field!r} are out of order")
        try:
            text = blob.tobytes().decode()
        except UnicodeDecodeError as error:
            raise self.terms_file.corrupt(f"a term is not UTF-8: {error.reason}") from error
        if len(text) == len(blob):
            return text, offsets
        # Of the bytes of a character, all but the first are 0b10xxxxxx.
        begun = np.cumsum((blob & 0xC0) != 0x80)
        return text, np.append(0, begun)[offsets]

    def terms_with_prefix(self, field: str, prefix: bytes) -> range:
        """Ordinals of the field's terms that begin with `prefix` (empty: of all)."""
        info = self.fields.get(field, _NO_FIELD)
        # The first term after all those that begin with the prefix.
        stem = prefix.rstrip(b"\xff")
        end = self._place(info, stem[:-1] + bytes([stem[-1] + 1])) if stem else info.terms
        return range(self._place(info, prefix), end)

    def terms_between(
        self,
        field: str,
        low: bytes | None,
        high: bytes | None,
        *,
        include_low: bool = True,
        include_high: bool = True,
    ) -> range:
        """Ordinals of the field's terms from `low` to `high`; None leaves an end open."""
        info = self.fields.get(field, _NO_FIELD)
        begin, end = 0, info.terms
        if low is not None:
            begin = self._place(info, low if include_low else low + b"\0")
        if high is not None:
            end = self._place(info, high + b"\0" if include_high else high)
        return range(begin, max(begin, end))

    def term_starts(self, field: str) -> U32:
        """uint32[terms + 1]: term i of the field has postings `docs[starts[i]:starts[i + 1]]`."""
        info = self.fields.get(field, _NO_FIELD)
        return self.starts[info.first : info.first + info.terms + 1]
