"""The files of a segment: the documented layout, damage, and the cost of opening."""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.codec.files import SectionFile, SectionWriter
from indexer.codec.format import (
    FORMAT_VERSION,
    KINDS,
    TEXT,
    file_name,
)
from indexer.codec.read import SegmentArrays
from indexer.codec.verify import verify_segment
from indexer.errors import BuildError, IndexCorrupt
from tests.codec.example import write_example
from tests.codec.rows import positions_in
from tests.corpora.documents import build, documents

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "index-format.md"


def _fence(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def _decode(data: bytes) -> dict[str, Any]:
    """Decode a file from the description alone."""
    assert data[:8] == b"storydex"
    assert struct.unpack_from("<HH", data, 8) == (3, 0)
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
    assert [positions_in(arrays, posting) for posting in range(5)] == [[0, 1], [34], [0], [33], [0]]
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
