"""Files whose checksums fit and whose arrays or tables are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.codec.files import SectionFile, SectionWriter
from indexer.codec.format import (
    TEXT,
    FieldInfo,
    FileKind,
)
from indexer.codec.merge import merge_segments
from indexer.codec.read import SegmentArrays
from indexer.codec.verify import verify_segment
from indexer.codec.whoosh_rows import PerDocumentReader
from indexer.codec.whoosh_terms import TermsReader
from indexer.errors import IndexCorrupt
from tests.codec.example import write_example
from tests.codec.rows import positions_in


def _rewrite(folder: Path, kind: Any, changed: dict[str, Any], **table: Any) -> None:
    """Replace arrays of a file of the example, or what its table says; its checksums fit again."""
    old = SectionFile(folder, "MAIN_example", kind)
    arrays = {
        section.name: old.section(section.name, None, section.shape).copy()
        for section in old.table.sections
    }
    (folder / old.name).unlink()
    docs, rows = (table.get(name, getattr(old.table, name)) for name in ("docs", "rows"))
    with SectionWriter(folder, "MAIN_example", kind, docs, rows) as out:
        for name, array in {**arrays, **changed}.items():
            if array is not None:
                out.add(name, array)
        out.finish(table.get("fields", old.table.fields), table.get("defaults", old.table.defaults))


_WRONG: list[tuple[FileKind, str, Any]] = [
    ("terms", "offsets", np.array([0, 9, 4, 16, 25], np.uint32)),
    ("terms", "bytes", np.frombuffer(b"cloudazurbbc.comzdnet.com", np.uint8)),
    ("terms", "starts", np.array([0, 3, 1, 6, 8], np.uint32)),
    ("terms", "starts", np.array([0, 1, 5, 6, 9], np.uint32)),
    ("terms", "starts", np.array([0, 1, 4, 6, 8], np.uint32)),
    ("terms", "starts", np.array([0, 1, 9, 6, 8], np.uint32)),
    ("terms", "buckets", np.array([0, 0, 0, 0, 4], np.uint32)),
    ("terms", "bucket_terms", np.array([9, 9, 9, 9], np.uint32)),
    ("terms", "chunks", np.array([1, 0, 0, 0], np.uint16)),
    ("terms", "df", np.array([1, 1], np.uint32)),
    ("terms", "cf", np.array([2, 5], np.uint32)),
    ("terms", "cf", np.zeros(9, np.uint32)),
    ("terms", "form_starts", np.array([0, 2, 3], np.uint32)),
    ("terms", "form_starts", np.array([1, 1, 3], np.uint32)),
    ("terms", "form_starts", np.array([0, 1, 1 << 31], np.uint32)),
    ("terms", "form_bytes", np.frombuffer(b"azureclouclouds", np.uint8)),
    ("terms", "form_bytes", np.frombuffer(b"azureclou\xffclouds", np.uint8)),
    ("terms", "form_bytes", np.frombuffer(b"azurestormclouds", np.uint8)),
    ("terms", "form_offsets", np.array([0, 10, 5, 16], np.uint32)),
    ("terms", "form_order", np.array([0, 2, 1], np.uint32)),
    ("terms", "form_order", np.array([0, 1, 3], np.uint32)),
    ("terms", "form_order", np.array([0, 1, 1], np.uint32)),
    ("terms", "groups", np.array([0, 0, 1], np.uint8)),
    ("terms", "groups", np.array([0, 0], np.uint8)),
    ("terms", "light_df", np.array([1, 2, 1], np.uint32)),
    ("terms", "light_cf", np.array([2, 4, 5], np.uint32)),
    ("terms", "code_starts", np.array([0, 1, 1], np.uint32)),
    ("terms", "code_starts", np.array([0, 0, 2], np.uint32)),
    ("postings", "docs", np.array([0, 0, 1, 1, 3, 1, 0, 1], np.uint16)),
    ("postings", "docs", np.array([0, 1, 0, 1, 2, 1, 0, 1], np.uint16)),
    ("postings", "docs", np.array([0, 0, 1, 1, 2, 1, 1, 0], np.uint16)),
    ("postings", "docs", np.array([0, 0, 1, 1, 2, 2, 0, 1], np.uint16)),
    ("postings", "docs", np.zeros(8, np.uint32)),
    ("postings", "weights", np.array([180, 0, 160, 140, 160], np.uint8)),
    ("postings", "bits", np.array([65, 33, 33, 34, 33], np.uint8)),
    ("postings", "bits", np.array([67, 34, 33, 34, 33], np.uint8)),
    ("postings", "bits", np.array([65, 34, 33, 34], np.uint8)),
    ("postings", "bits", np.array([65, 2, 33, 34, 33], np.uint8)),
    ("postings", "bits", np.array([65, 34, 65, 34, 33], np.uint8)),
    ("postings", "bits", np.array([225, 34, 33, 34, 33], np.uint8)),
    ("postings", "codes", np.array([0b1010], np.uint8)),
    ("postings", "codes", np.array([0b11100], np.uint8)),
    ("postings", "codes", np.array([0], np.uint8)),
    ("postings", "run_starts", np.array([5, 2], np.uint32)),
    ("postings", "run_starts", np.array([2], np.uint32)),
    ("positions", "blocks", np.array([1, 5], np.uint32)),
    ("positions", "blocks", np.array([0, 9], np.uint32)),
    ("positions", "bits", np.zeros(20, np.uint8)),
    ("positions", "bits", np.zeros(16, np.uint8)),
    ("positions", "bits", np.full(24, 255, np.uint8)),
    ("positions", "widths", np.array([[33, 2]], np.uint8)),
    ("positions", "widths", np.array([[9, 2]], np.uint8)),
    ("positions", "widths", np.array([[6, 0]], np.uint8)),
    ("positions", "long", np.array([0], np.uint32)),
    ("positions", "counts", np.array([300], np.uint32)),
    ("documents", "first_rows", np.array([0, 1, 2], np.uint32)),
    ("documents", "first_rows", np.array([0, 0, 3], np.uint32)),
    ("documents", "first_rows", np.array([1, 2, 3], np.uint32)),
    ("documents", "words.title", np.array([1, 1, 1], np.uint8)),
    ("documents", "words.title", np.array([2, 1], np.uint8)),
    ("documents", "words.title", np.array([2, 1, 1], np.float64)),
    ("documents", "words.title", None),
    ("documents", "facet.provider.offsets", np.array([0, 9, 3], np.uint32)),
    ("documents", "facet.provider.offsets", np.array([0, 2, 3], np.uint32)),
    ("documents", "facet.provider.ordinals", np.array([1, 0, 2], np.uint16)),
    ("documents", "facet.provider.ordinals", np.array([0, 0, 1], np.uint16)),
    ("documents", "facet.provider.ordinals", np.array([1, 1, 0], np.uint16)),
    ("documents", "facet.other.offsets", np.array([0, 0, 0], np.uint32)),
    ("documents", "column.quality", np.array([7, 0], np.int64)),
    ("documents", "column.quality", np.array([7], np.uint64)),
    ("stored", "offsets", np.array([0, 99, 3], np.uint64)),
    ("stored", "offsets", np.array([0, 1, 1 << 40], np.uint64)),
    ("stored", "frames", 0),
]


@pytest.mark.parametrize(("kind", "name", "value"), _WRONG)
def test_intact_but_wrong_files_are_found(tmp_path: Path, kind: Any, name: str, value: Any) -> None:
    """Arrays that contradict each other are found though every checksum fits."""
    write_example(tmp_path)
    if isinstance(value, int):
        value = np.full(len(SectionFile(tmp_path, "MAIN_example", kind).section(name)), value, "u1")
    _rewrite(tmp_path, kind, {name: value})
    (error,) = verify_segment(tmp_path, "MAIN_example")
    assert error.file.startswith("MAIN_example.")


_TEXT = FieldInfo(TEXT, 0, 2)


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("terms", {"fields": (_TEXT, FieldInfo("provider", 1, 2))}),
        ("terms", {"fields": (_TEXT, FieldInfo("empty", 1 << 70, 0), FieldInfo("provider", 2, 2))}),
        ("terms", {"fields": (_TEXT, FieldInfo("provider", 2, -2))}),
        ("terms", {"fields": (FieldInfo("provider", 0, 2), FieldInfo(TEXT, 2, 2))}),
        ("terms", {"fields": (FieldInfo("provider", 0, 4),)}),
        ("terms", {"fields": ()}),
        ("terms", {"docs": 3}),
        ("terms", {"rows": 2}),
        ("terms", {"docs": -1}),
        ("terms", {"docs": 1 << 62, "rows": 1 << 62}),
        ("documents", {"docs": 1}),
        ("stored", {"rows": 4}),
        ("documents", {"defaults": {"quality": 1 << 64}}),
        ("documents", {"defaults": {"quality": -1}}),
        ("documents", {"defaults": {"quality": 0.5}}),
        ("documents", {"defaults": {"other": 0}}),
    ],
)
def test_tables_that_cannot_be_right_are_found(tmp_path: Path, kind: Any, table: Any) -> None:
    """What a file says of itself is compared before it is believed."""
    write_example(tmp_path)
    _rewrite(tmp_path, kind, {}, **table)
    found = list(verify_segment(tmp_path, "MAIN_example"))
    assert found
    assert {error.file[:13] for error in found} == {"MAIN_example."}


@pytest.mark.parametrize(("kind", "name", "value"), _WRONG)
def test_wrong_files_are_read_or_refused(tmp_path: Path, kind: Any, name: str, value: Any) -> None:
    """Whatever is asked of them without verifying: an answer or `IndexCorrupt`."""
    write_example(tmp_path)
    if isinstance(value, int):
        value = np.full(len(SectionFile(tmp_path, "MAIN_example", kind).section(name)), value, "u1")
    _rewrite(tmp_path, kind, {name: value})
    with suppress(IndexCorrupt):
        for use in _uses(SegmentArrays(tmp_path, "MAIN_example")):
            with suppress(IndexCorrupt):
                use()
    with suppress(IndexCorrupt):
        merge_segments(tmp_path, "MAIN_m", [SegmentArrays(tmp_path, "MAIN_example")])


def _uses(arrays: SegmentArrays) -> Iterator[Callable[[], object]]:
    """All that can be asked of the example."""
    for ordinal in range(2):
        for use in (
            arrays.row_ids, arrays.row_bounds, arrays.codes_of,
            lambda entry: arrays.steps_of(*entry[1:], np.ones(entry.end - entry.start, bool)),
        ):  # fmt: skip
            yield partial(
                lambda use, n: use(arrays.term_entry(arrays.fields[TEXT], n)), use, ordinal
            )
        yield partial(arrays.forms_of, ordinal)
        yield partial(arrays.lead, ordinal)
        yield partial(arrays.related, ordinal)
        yield partial(
            lambda n: arrays.doc_ids("provider", arrays.term_entry(arrays.fields["provider"], n)),
            ordinal,
        )
    yield from (partial(positions_in, arrays, posting) for posting in range(5))
    yield lambda: arrays.forms_of_postings(range(2))
    yield lambda: [arrays.form_text(form) for form in arrays.form_order.tolist()]
    yield lambda: arrays.form_terms(arrays.form_order)
    yield lambda: arrays.forms_with_prefix(b"cloud")
    yield arrays.joined_forms
    yield lambda: arrays.facet("provider")
    yield lambda: arrays.column("quality")
    yield lambda: arrays.docs_of_rows
    yield lambda: [arrays.words(name) for name in arrays.counted_fields]
    yield lambda: arrays.find_term("provider", b"zdnet.com")
    yield lambda: list(TermsReader(arrays).items())
    yield lambda: [PerDocumentReader(arrays).stored_fields(row) for row in range(3)]
