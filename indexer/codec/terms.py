"""The terms file of a segment: look-ups over mapped bytes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .files import SectionFile
from .format import (
    I64,
    MAX_FORMS,
    TEXT,
    U8,
    U32,
    FieldInfo,
    Ints,
    bucket_count,
    offsets_of,
    term_hash,
)


class TermEntry(NamedTuple):
    """A term of a field: its postings are `docs[start:end]`.

    ordinal: place among the field's terms, from 0
    """

    ordinal: int
    start: int
    end: int


class Form(NamedTuple):
    """A written form of a term of the text.

    number: its place among the forms of the term; group: forms of the term that differ in
        inflection alone have the same
    light_df, light_cf: documents that have a form of this group, and how often they have it
    """

    text: str
    number: int
    group: int
    light_df: int
    light_cf: int


_NO_FIELD = FieldInfo("", 0, 0)


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
            if info.first != end or info.terms < 0:
                raise self.terms_file.corrupt(f"field {info.name!r} is out of place")
            end += info.terms
        self._term_count = end
        file = self.terms_file
        self._blob: U8 = file.section("bytes", "u1")
        self._offsets: U32 = file.section("offsets", "u4", (end + 1,))
        #: uint32[T + 1]: term t of the segment has postings `docs[starts[t]:starts[t + 1]]`.
        self.starts: U32 = file.section("starts", "u4", (end + 1,))
        # Items of a memoryview are Python numbers: faster than arrays where they are read singly.
        self._buckets = file.section("buckets", "u4", (bucket_count(end) + 1,)).data
        self._bucket_terms = file.section("bucket_terms", "u4", (end,)).data
        self._blob_view = self._blob.data
        self._offsets_view = self._offsets.data
        self._starts_view = self.starts.data
        self._posting_count = self._starts_view[end]
        self._open_forms()

    def _open_forms(self) -> None:
        file = self.terms_file
        text = self.fields.get(TEXT, _NO_FIELD)
        #: How many terms and postings the text has; it comes first.
        self.text_terms, self.text_postings = text.terms, self._starts_view[text.terms]
        if text.first or self.text_postings > self._posting_count:
            raise file.corrupt("the text is not the first field")
        #: uint32[T + 1]: the codes of term t begin at codes[code_starts[t]].
        self.code_starts: U32 = file.section("code_starts", "u4", (text.terms + 1,))
        self.groups: U8 = file.section("groups", "u1")
        self.form_count = count = len(self.groups)
        self._form_blob: U8 = file.section("form_bytes", "u1")
        self._form_offsets: U32 = file.section("form_offsets", "u4", (count + 1,))
        self.df = file.section("df", "u4", (text.terms,))
        self.cf = file.section("cf", "u4", (text.terms,))
        self._light_df = file.section("light_df", "u4", (count,)).data
        self._light_cf = file.section("light_cf", "u4", (count,)).data
        self._groups = self.groups.data
        self._form_starts_view = file.section("form_starts", "u4", (text.terms + 1,)).data
        self._form_offsets_view = self._form_offsets.data
        self._form_view = self._form_blob.data

    @cached_property
    def form_starts(self) -> U32:
        """uint32[T + 1], rising: term t has the forms form_starts[t] … form_starts[t + 1] - 1."""
        starts: U32 = self.terms_file.section("form_starts", "u4", (self.text_terms + 1,))
        sizes = np.diff(starts.astype(np.int64))
        if starts[0] or starts[-1] != self.form_count or sizes.min(initial=1) < 1:
            raise self.terms_file.corrupt("the forms of terms are out of order")
        if sizes.max(initial=0) > MAX_FORMS:
            raise self.terms_file.corrupt(f"a term has {sizes.max()} forms")
        return starts

    @cached_property
    def form_order(self) -> U32:
        """uint32[F]: the forms in the order of their bytes."""
        order: U32 = self.terms_file.section("form_order", "u4", (self.form_count,))
        if len(order) and order.max() >= len(order):
            raise self.terms_file.corrupt(f"form {order.max()} is not there")
        return order

    def form_text(self, form: int) -> str:
        """A written form, by its number among all of the segment."""
        return self._decoded(self._form(form))

    def _form(self, form: int) -> bytes:
        begin, end = self._form_offsets_view[form], self._form_offsets_view[form + 1]
        return bytes(self._form_view[begin:end])

    def _decoded(self, form: bytes) -> str:
        try:
            return form.decode()
        except UnicodeDecodeError as error:
            raise self.terms_file.corrupt(f"a form is not UTF-8: {error.reason}") from error

    def text_counts(self, ordinal: int) -> tuple[int, int]:
        """The documents that have a term of the text, and its occurrences.

        Raises `IndexCorrupt`.
        """
        df, cf = int(self.df[ordinal]), int(self.cf[ordinal])
        if not 1 <= df <= min(cf, self.terms_file.table.docs):
            raise self.terms_file.corrupt(f"term {ordinal} is {cf} times in {df} documents")
        return df, cf

    def light_df(self, form: int) -> int:
        """The documents that have a form, by number, or another of its light form."""
        return self._light_df[form]

    def forms_of(self, ordinal: int) -> list[Form]:
        """The written forms of a term of the text; raises `IndexCorrupt`."""
        span = self.form_span(ordinal)
        forms = [
            Form(self.form_text(form), number, self._groups[form],
                 self._light_df[form], self._light_cf[form])
            for number, form in enumerate(span)
        ]  # fmt: skip
        docs = self.terms_file.table.docs
        if any(not 1 <= form.light_df <= min(form.light_cf, docs) for form in forms):
            raise self.terms_file.corrupt(f"the forms of term {ordinal} are in too many documents")
        return forms

    def form_span(self, ordinal: int) -> range:
        """The numbers in the segment of a term's written forms; raises `IndexCorrupt`."""
        begin, end = self._form_starts_view[ordinal], self._form_starts_view[ordinal + 1]
        if not begin < end <= min(self.form_count, begin + MAX_FORMS):
            raise self.terms_file.corrupt(f"term {ordinal} has forms {begin} to {end}")
        return range(begin, end)

    def form_number(self, ordinal: int, text: str) -> int | None:
        """Which of the written forms of a term of the text is this one; None if none is."""
        begin, end = self._form_starts_view[ordinal], self._form_starts_view[ordinal + 1]
        encoded = text.encode()
        for form in range(begin, min(end, self.form_count)):
            if self._form(form) == encoded:
                return form - begin
        return None

    def form_terms(self, forms: Ints) -> I64:
        """int64[n]: the ordinals of the terms that have these forms."""
        return np.searchsorted(self.form_starts, forms, side="right").astype(np.int64) - 1

    def form_texts(self) -> list[str]:
        """All written forms of the segment, in the order of their numbers."""
        return list(map(self._decoded, _split(self._form_blob, self._form_offsets)))

    def joined_forms(self) -> tuple[str, I64]:
        """The forms in the order of their bytes, one after the other; where each begins."""
        texts = self.form_texts()
        ordered = [texts[form] for form in self.form_order.tolist()]
        return "".join(ordered), offsets_of(np.array(list(map(len, ordered)), np.int64))

    def forms_with_prefix(self, prefix: bytes) -> range:
        """Places in `form_order` of the forms that begin with `prefix`."""
        order = self.form_order
        return _begun(self.form_count, lambda place: self._form(int(order[place])), prefix)

    def _term(self, number: int) -> bytes:
        offsets = self._offsets_view
        return bytes(self._blob_view[offsets[number] : offsets[number + 1]])

    def find_term(self, field: str, term: bytes) -> TermEntry | None:
        """The term's entry, or None; a hash look-up of one or two microseconds."""
        info = self.fields.get(field, _NO_FIELD)
        buckets = self._buckets
        bucket = term_hash(info.first, term) & (len(buckets) - 2)
        for number in self._bucket_terms[buckets[bucket] : buckets[bucket + 1]]:
            if 0 <= number - info.first < info.terms and self._term(number) == term:
                return self.term_entry(info, number - info.first)
        return None

    def term_entry(self, info: FieldInfo, ordinal: int) -> TermEntry:
        """The entry of a field's term by ordinal; raises `IndexCorrupt`."""
        number = info.first + ordinal
        start, end = self._starts_view[number], self._starts_view[number + 1]
        last = self.text_postings if number < self.text_terms else self._posting_count
        if not start < end <= last:
            raise self.terms_file.corrupt(f"term {number} has postings {start} to {end}")
        return TermEntry(ordinal, start, end)

    def term_bytes(self, field: str, ordinal: int) -> bytes:
        """A field's term by ordinal; raises `IndexError` outside its range."""
        info = self.fields[field]
        if not 0 <= ordinal < info.terms:
            raise IndexError(f"field {field!r} has no term {ordinal}")
        return self._term(info.first + ordinal)

    def field_terms(self, field: str) -> list[bytes]:
        """All terms of a field, in order."""
        info = self.fields.get(field, _NO_FIELD)
        return _split(self._blob, self._offsets[info.first : info.first + info.terms + 1])

    def terms_with_prefix(self, field: str, prefix: bytes) -> range:
        """Ordinals of the field's terms that begin with `prefix` (empty: of all)."""
        info = self.fields.get(field, _NO_FIELD)
        return _begun(info.terms, lambda ordinal: self._term(info.first + ordinal), prefix)

    def term_starts(self, field: str) -> U32:
        """uint32[terms + 1]: term i of the field has postings `docs[starts[i]:starts[i + 1]]`."""
        info = self.fields.get(field, _NO_FIELD)
        return self.starts[info.first : info.first + info.terms + 1]


def _begun(count: int, text: Callable[[int], bytes], prefix: bytes) -> range:
    """Which of so many texts, in order, begin with a prefix (empty: all)."""
    places = range(count)
    # What is beyond all that begin so.
    stem = prefix.rstrip(b"\xff")
    end = bisect_left(places, stem[:-1] + bytes([stem[-1] + 1]), key=text) if stem else count
    return range(bisect_left(places, prefix, key=text), end)


def _split(blob: U8, offsets: U32) -> list[bytes]:
    data = blob[int(offsets[0]) : int(offsets[-1])].tobytes()
    bounds = (offsets.astype(np.int64) - int(offsets[0])).tolist()
    return [data[begin:end] for begin, end in pairwise(bounds)]
