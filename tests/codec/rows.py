"""Inverted text made by hand for the codec's tests, and what a segment says of its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexer.codec.format import ROW_BITS, TEXT, offsets_of
from indexer.codec.forms import arrange_forms
from indexer.codec.invert import Postings, RowPostings
from indexer.codec.positions import positions_of
from indexer.codec.read import SegmentArrays
from indexer.codec.stored import StoredRecord, compress_records
from indexer.codec.write import Column, Documents, write_segment

#: Row → written form → positions.
Rows = Sequence[Mapping[str, Sequence[int]]]


class Posting(NamedTuple):
    """A posting of the text, as it is to be read."""

    row: int
    bits: int
    weight: int
    positions: list[int]


def inverted(rows: Rows, *, bits: int = 1, weight: int = 7) -> RowPostings:
    """The text of rows, inverted one posting at a time; all in one field, of one weight."""
    arranged = arrange_forms(sorted({form for row in rows for form in row}))
    numbers = {
        text: (int(term), int(number))
        for text, term, number in zip(
            sorted({form for row in rows for form in row}),
            arranged.term_of, arranged.number_of, strict=True,
        )
    }  # fmt: skip
    found = sorted(
        (*numbers[form][:1], row, numbers[form][1], list(places))
        for row, forms in enumerate(rows)
        for form, places in forms.items()
    )
    steps = [np.diff(places, prepend=0) for *_, places in found]
    return RowPostings(
        terms=arranged.terms,
        starts=offsets_of(np.bincount([term for term, *_ in found], minlength=len(arranged.terms))),
        rows=np.array([row for _, row, *_ in found], np.uint32),
        forms=np.array([form for _, _, form, _ in found], np.uint8),
        bits=np.full(len(found), bits, np.uint8),
        weights=np.full(len(found), weight, np.uint8),
        tfs=np.array([len(places) for *_, places in found], np.uint32),
        steps=np.concatenate([np.empty(0), *steps]).astype(np.uint32),
        written=arranged.written,
    )


def write_rows(
    folder: Path,
    segment: str,
    rows: Rows | RowPostings,
    first_rows: Sequence[int] | np.ndarray,
    *,
    fields: Sequence[Postings] = (),
    facets: Sequence[str] = (),
    columns: Mapping[str, Column] | None = None,
    words: int = 2**32 - 1,
    records: Sequence[StoredRecord] | None = None,
) -> None:
    """A segment of these rows, whose titles have so many words."""
    docs, count = len(first_rows) - 1, int(first_rows[-1])
    lengths = {"title": np.full(count, words, np.int64)}
    lengths |= {name: np.zeros(count, np.int64) for name in ("excerpt", "body")}
    documents = Documents(
        first_rows=np.array(first_rows, np.uint32), lengths=lengths, columns=columns or {},
        facets=facets,
    )  # fmt: skip
    some = records or [StoredRecord(b"lead", b"")] * docs
    text = [rows] if isinstance(rows, RowPostings) else [inverted(rows)] if rows else []
    write_segment(
        folder, segment, documents, text=text, fields=fields, stored=compress_records(some, b""),
    )  # fmt: skip


def positions_in(arrays: SegmentArrays, posting: int) -> list[int]:
    """The positions in a posting."""
    tfs, steps = arrays.steps_of(posting, posting + 1, np.ones(1, np.bool_))
    found: list[int] = positions_of(steps, tfs).tolist()
    return found


def text_of(arrays: SegmentArrays) -> dict[bytes, dict[str, list[Posting]]]:
    """Term → written form → its postings, in order."""
    found: dict[bytes, dict[str, list[Posting]]] = {}
    for term in arrays.field_terms(TEXT):
        entry = arrays.find_term(TEXT, term)
        assert entry is not None
        texts = [form.text for form in arrays.forms_of(entry.ordinal)]
        rows, codes = arrays.row_ids(entry).tolist(), arrays.codes_of(entry).tolist()
        forms = found[term] = {text: [] for text in texts}
        for posting, row, code in zip(range(entry.start, entry.end), rows, codes, strict=True):
            forms[texts[code]].append(
                Posting(
                    row, int(arrays.bits[posting]) & ROW_BITS, int(arrays.weights[posting]),
                    positions_in(arrays, posting),
                )
            )  # fmt: skip
    return found
