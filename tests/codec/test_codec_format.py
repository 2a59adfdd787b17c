"""The files of a segment: the documented layout, damage, and the cost of opening."""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.codec.files import SectionFile, SectionWriter
from indexer.codec.format import (
    FORMAT_VERSION,
    KINDS,
    TEXT,
    FieldInfo,
    FileKind,
    file_name,
)
from indexer.codec.invert import Forms, Postings, RowPostings
from indexer.codec.merge import merge_segments
from indexer.codec.read import SegmentArrays
from indexer.codec.stored import StoredRecord, compress_records
from indexer.codec.verify import verify_segment
from indexer.codec.whoosh_rows import PerDocumentReader
from indexer.codec.whoosh_terms import TermsReader
from indexer.codec.write import Column, Documents, write_segment
from indexer.errors import BuildError, IndexCorrupt
from tests.corpora.documents import build, documents

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "index-format.md"


def _fence(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def write_example(folder: Path) -> None:
    """Write the two documents of the example."""
    text = RowPostings(
        terms=[b"azur", b"cloud"],
        starts=np.array([0, 1, 5]),
        rows=np.array([0, 0, 1, 1, 2], np.uint32),
        forms=np.array([0, 0, 0, 1, 1], np.uint8),
        bits=np.array([1, 2, 1, 2, 1], np.uint8),
        weights=np.array([180, 140, 160, 140, 160], np.uint8),
        tfs=np.array([2, 1, 1, 1, 1], np.uint32),
        steps=np.array([0, 1, 34, 0, 33, 0], np.uint32),
        written=Forms(
            starts=np.array([0, 1, 3]),
            texts=[b"azure", b"cloud", b"clouds"],
            groups=np.array([0, 0, 0], np.uint8),
        ),
    )
    provider = Postings(
        name="provider",
        terms=[b"bbc.com", b"zdnet.com"],
        starts=np.array([0, 1, 3]),
        docs=np.array([1, 0, 1], np.uint32),
    )
    documents = Documents(
        first_rows=np.array([0, 2, 3], np.uint32),
        lengths={
            "title": np.array([2, 1, 1]),
            "excerpt": np.array([1, 1, 0]),
            "body": np.array([0, 0, 0]),
        },
        columns={"quality": Column(np.array([7, 0], np.uint64))},
        facets={"provider"},
    )
    records = [StoredRecord(b"lead", b"related"), StoredRecord(b"lead", b"")]
    write_segment(
        folder,
        "MAIN_example",
        documents,
        text=[text],
        fields=[provider],
        stored=compress_records(records),
    )


def _decode(data: bytes) -> dict[str, Any]:
    """Decode a file from the description alone."""
    assert data[:8] == b"storydex"
    assert struct.unpack_from("<HH", data, 8) == (2, 0)
    size, table_size, table_crc, crc, end = struct.unpack("<QIII4s", data[-24:])
    assert (size, end) == (len(data), b"xeds")
    assert zlib.crc32(data[:-8]) == crc
    table = data[-24 - table_size : -24]
    assert zlib.crc32(table) == table_crc
    decoded = json.loads(table)
    arrays = {}
    for section in decoded.pop("sections"):
        assert section["offset"] % 64 == 0
        count = int(np.prod(section["shape"]))
        array = np.frombuffer(data, section["dtype"], count, section["offset"])
        if count:
            arrays[section["name"]] = array.reshape(section["shape"]).tolist()
    return {"tag": data[12:16].decode(), **decoded, "sections": arrays}


def _hexdump(data: bytes) -> str:
    lines, before = [], None
    for begin in range(0, len(data), 16):
        row = data[begin : begin + 16]
        if row == before:
            if lines[-1] != "*":
                lines.append("*")
            continue
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        halves = f"{row[:8].hex(' '):23}  {row[8:].hex(' '):23}"
        lines.append(f"{begin:08x}  {halves}  |{text}|")
        before = row
    return "\n".join([*lines, f"{len(data):08x}"]) + "\n"


def test_example_of_the_document_is_what_is_written(tmp_path: Path) -> None:
    """The arrays and bytes that the document shows are those of the files."""
    write_example(tmp_path)
    files = {
        path.suffix: _decode(path.read_bytes())
        for path in sorted(tmp_path.iterdir())
        if path.suffix != ".sto"
    }
    assert files == json.loads(_fence("json"))
    assert _hexdump((tmp_path / "MAIN_example.pos").read_bytes()) == _fence("hexdump")


def test_example_reads_back(tmp_path: Path) -> None:
    """The reader sees in the example what the document says about it."""
    write_example(tmp_path)
    arrays = SegmentArrays(tmp_path, "MAIN_example")
    azure, cloud = (arrays.find_term(TEXT, term) for term in (b"azur", b"cloud"))
    assert azure == (0, 0, 1)
    assert arrays.row_ids(cloud).tolist() == [0, 1, 1, 2]
    assert arrays.docs_of_rows.tolist() == [0, 0, 1]
    assert [tuple(form) for form in arrays.forms_of(cloud.ordinal)] == [
        ("cloud", 0, 0, 2, 4), ("clouds", 1, 0, 2, 4),
    ]  # fmt: skip
    assert arrays.codes_of(cloud).tolist() == [0, 0, 1, 1]
    assert [arrays.positions(posting) for posting in range(5)] == [[0, 1], [34], [0], [33], [0]]
    zdnet = arrays.find_term("provider", b"zdnet.com")
    assert arrays.doc_ids("provider", zdnet).tolist() == [0, 1]
    assert [array.tolist() for array in arrays.facet("provider")] == [[0, 1, 3], [1, 0, 1]]
    assert arrays.column("quality").tolist() == [7, 0]
    assert (arrays.lead(0), arrays.related(0), arrays.related(1)) == (b"lead", b"related", b"")
    assert list(verify_segment(tmp_path, "MAIN_example")) == []


def test_arrays_cannot_be_written(tmp_path: Path) -> None:
    """What a reader gets is read-only."""
    write_example(tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        SegmentArrays(tmp_path, "MAIN_example").docs[0] = 1


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    """Whatever byte of whatever file changes, verify names that file and no other."""
    write_example(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        intact = path.read_bytes()
        for place in range(len(intact)):
            path.write_bytes(intact[:place] + bytes([intact[place] ^ 0x55]) + intact[place + 1 :])
            found = list(verify_segment(tmp_path, "MAIN_example"))
            assert [error.file for error in found] == [path.name], place
        path.write_bytes(intact)
    assert list(verify_segment(tmp_path, "MAIN_example")) == []


def test_every_truncation_is_found_on_opening(tmp_path: Path) -> None:
    """A file that is cut short anywhere, or absent, raises IndexCorrupt when it is opened."""
    write_example(tmp_path)
    for kind in KINDS:
        path = tmp_path / file_name("MAIN_example", kind)
        intact = path.read_bytes()
        for size in range(len(intact)):
            path.write_bytes(intact[:size])
            with pytest.raises(IndexCorrupt, match=path.name):
                SectionFile(tmp_path, "MAIN_example", kind)
        path.unlink()
        with pytest.raises(IndexCorrupt, match=path.name):
            SectionFile(tmp_path, "MAIN_example", kind)
        path.write_bytes(intact)


def test_files_of_another_segment_are_refused(tmp_path: Path) -> None:
    """A file that was renamed into a segment is not taken for one of its own."""
    write_example(tmp_path)
    (tmp_path / "MAIN_other.trm").write_bytes((tmp_path / "MAIN_example.trm").read_bytes())
    with pytest.raises(IndexCorrupt, match="belongs to"):
        SegmentArrays(tmp_path, "MAIN_other")


def test_another_version_is_refused_by_number(tmp_path: Path) -> None:
    """An index of a later format is not read, and the message says which format it is."""
    write_example(tmp_path)
    path = tmp_path / "MAIN_example.trm"
    data = bytearray(path.read_bytes())
    data[8] = FORMAT_VERSION + 1
    path.write_bytes(data)
    with pytest.raises(IndexCorrupt, match=f"format {FORMAT_VERSION + 1}"):
        SegmentArrays(tmp_path, "MAIN_example")


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
    ("terms", "code_starts", np.array([0, 1, 4], np.uint32)),
    ("terms", "code_starts", np.array([0, 0, 3], np.uint32)),
    ("postings", "docs", np.array([0, 0, 1, 1, 3, 1, 0, 1], np.uint16)),
    ("postings", "docs", np.array([0, 1, 0, 1, 2, 1, 0, 1], np.uint16)),
    ("postings", "docs", np.array([0, 0, 1, 1, 2, 1, 1, 0], np.uint16)),
    ("postings", "docs", np.array([0, 0, 1, 1, 2, 2, 0, 1], np.uint16)),
    ("postings", "docs", np.zeros(8, np.uint32)),
    ("postings", "weights", np.array([180, 0, 160, 140, 160], np.uint8)),
    ("postings", "bits", np.array([1, 1, 1, 2, 1], np.uint8)),
    ("postings", "bits", np.array([3, 2, 1, 2, 1], np.uint8)),
    ("postings", "bits", np.array([1, 2, 1, 2], np.uint8)),
    ("postings", "tfs", np.array([2, 0, 1, 1, 1], np.uint8)),
    ("postings", "tfs", np.array([2, 1, 2, 1, 1], np.uint8)),
    ("postings", "tfs", np.array([255, 1, 1, 1, 1], np.uint8)),
    ("postings", "codes", np.array([0, 1, 0, 1], np.uint8)),
    ("postings", "codes", np.array([0, 0, 2, 1], np.uint8)),
    ("postings", "codes", np.array([0, 0, 0, 0], np.uint8)),
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
            yield partial(lambda use, n: use(arrays.term_entry(TEXT, n)), use, ordinal)
        yield partial(arrays.forms_of, ordinal)
        yield partial(arrays.lead, ordinal)
        yield partial(arrays.related, ordinal)
        yield partial(
            lambda n: arrays.doc_ids("provider", arrays.term_entry("provider", n)), ordinal
        )
    yield from (partial(arrays.positions, posting) for posting in range(5))
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


def test_unfinished_file_is_removed(tmp_path: Path) -> None:
    """A file whose writing fails does not stay."""

    def write() -> None:
        with SectionWriter(tmp_path, "MAIN_x", "terms", 0, 0) as out:
            out.add("bytes", np.zeros(3, np.uint8))
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_opening_does_not_read_the_arrays(tmp_path: Path) -> None:
    """Opening costs the same for every size: the bytes of sections do not matter to it."""
    mine = build(tmp_path / "mine", documents(30), 1)
    (segment,) = mine._segments()
    for kind in KINDS:
        file = SectionFile(tmp_path / "mine", segment.segment_id(), kind)
        path = tmp_path / "mine" / file.name
        data = bytearray(path.read_bytes())
        end = len(data) - 24 - int.from_bytes(data[-16:-12], "little")
        data[16:end] = random.Random(1).randbytes(end - 16)
        path.write_bytes(data)
        SectionFile(tmp_path / "mine", segment.segment_id(), kind)


def test_segment_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit of its offsets a segment is not written, and nothing stays behind."""
    monkeypatch.setattr("indexer.codec.write.MAX_OFFSET", 5)
    with pytest.raises(BuildError, match="smaller segments"):
        write_example(tmp_path)
    assert list(tmp_path.iterdir()) == []
