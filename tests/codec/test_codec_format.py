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
from hypothesis import given
from hypothesis import strategies as st
from whoosh.util.numeric import byte_to_length, length_to_byte

from indexer.codec.files import SectionFile, SectionWriter
from indexer.codec.format import FORMAT_VERSION, KINDS, POSITION_BLOCK, file_name
from indexer.codec.invert import Postings, chunk_runs, length_codes
from indexer.codec.merge import merge_segments
from indexer.codec.read import SegmentArrays
from indexer.codec.stored import NO_RECORD, compress_records, encode_record
from indexer.codec.verify import verify_segment
from indexer.codec.write import Column, write_segment
from indexer.errors import BuildError, IndexCorrupt
from tests.codec.codec_corpus import build, documents

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "index-format.md"


def _fence(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def write_example(folder: Path) -> None:
    """Write the three documents of the example."""
    tfs = np.array([2, 1, 1], np.uint32)
    title = Postings(
        name="title",
        terms=[b"azure", b"cloud"],
        starts=np.array([0, 1, 3]),
        docs=np.array([0, 0, 1], np.uint32),
        tfs=tfs,
        positions=np.array([0, 2, 1, 0], np.uint32),
    )
    provider = Postings(
        name="provider",
        terms=[b"bbc.com", b"zdnet.com"],
        starts=np.array([0, 1, 3]),
        docs=np.array([1, 0, 1], np.uint32),
    )
    write_segment(
        folder,
        "MAIN_example",
        docs=3,
        fields=[title, provider],
        lengths={"title": np.array([3, 1, 0])},
        columns={"quality": Column(np.array([7, 0, 9], np.uint64))},
        facets={"provider"},
        stored=compress_records(encode_record({"story": bytes([n])}) for n in range(3)),
    )


def _decode(data: bytes) -> dict[str, Any]:
    """Decode a file from the description alone."""
    assert data[:8] == b"storydex"
    assert struct.unpack_from("<HH", data, 8) == (1, 0)
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
    azure = arrays.find_term("title", b"azure")
    assert azure == (0, 0, 1, 1, 2, 2, 3, 3)
    assert arrays.positions(0) == [0, 2]
    assert arrays.doc_ids(arrays.find_term("provider", b"zdnet.com")).tolist() == [0, 1]
    assert [array.tolist() for array in arrays.facet("provider")] == [[0, 1, 3, 3], [1, 0, 1]]
    assert arrays.column("quality").tolist() == [7, 0, 9]
    assert arrays.stored_fields(2) == {"story": b"\2"}
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


def _rewrite(folder: Path, kind: Any, changed: dict[str, Any]) -> None:
    """Replace arrays of a file of the example; its checksums fit again."""
    old = SectionFile(folder, "MAIN_example", kind)
    arrays = {section.name: old.section(section.name, None, section.shape).copy()
              for section in old.table.sections}  # fmt: skip
    (folder / old.name).unlink()
    with SectionWriter(folder, "MAIN_example", kind, old.table.docs) as out:
        for name, array in {**arrays, **changed}.items():
            out.add(name, array)
        out.finish(old.table.fields, old.table.defaults)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("terms", "offsets", np.array([0, 9, 4, 17, 26], np.uint32)),
        ("terms", "starts", np.array([0, 3, 1, 4, 6], np.uint32)),
        ("terms", "starts", np.array([0, 1, 3, 4, 9], np.uint32)),
        ("terms", "bytes", np.frombuffer(b"cloudazurebbc.comzdnet.com", np.uint8)),
        ("terms", "cf", np.zeros(9, np.uint32)),
        ("terms", "buckets", np.array([0, 0, 0, 0, 4], np.uint32)),
        ("terms", "bucket_terms", np.array([9, 9, 9, 9], np.uint32)),
        ("postings", "docs", np.array([0, 0, 3, 1, 0, 1], np.uint16)),
        ("postings", "docs", np.array([0, 1, 0, 1, 0, 1], np.uint16)),
        ("postings", "docs", np.zeros(6, np.uint32)),
        ("postings", "tfs", np.array([2, 0, 1], np.uint8)),
        ("postings", "tfs", np.array([2, 1, 2], np.uint8)),
        ("postings", "tfs", np.array([255, 1, 1], np.uint8)),
        ("postings", "run_starts", np.array([5, 2], np.uint32)),
        ("positions", "blocks", np.array([1, 1], np.uint32)),
        ("positions", "blocks", np.array([0, 9], np.uint32)),
        ("positions", "bits", np.zeros(20, np.uint8)),
        ("positions", "bits", np.zeros(16, np.uint8)),
        ("positions", "widths", np.array([[33, 2]], np.uint8)),
        ("positions", "widths", np.array([[9, 2]], np.uint8)),
        ("positions", "widths", np.array([[1, 0]], np.uint8)),
        ("positions", "long", np.array([0], np.uint32)),
        ("positions", "counts", np.array([300], np.uint32)),
        ("documents", "facet.provider.offsets", np.array([0, 9, 3, 3], np.uint32)),
        ("documents", "facet.provider.ordinals", np.array([1, 0, 2], np.uint16)),
        ("documents", "lengths", np.zeros((1, 2), np.uint8)),
        ("stored", "offsets", np.array([0, 99, 2, 3], np.uint64)),
        ("stored", "frames", None),
    ],
)
def test_intact_but_wrong_files_are_found(tmp_path: Path, kind: Any, name: str, value: Any) -> None:
    """Arrays that contradict each other are found though every checksum fits."""
    write_example(tmp_path)
    if value is None:
        value = np.zeros(len(SectionFile(tmp_path, "MAIN_example", kind).section(name)), np.uint8)
    _rewrite(tmp_path, kind, {name: value})
    (error,) = verify_segment(tmp_path, "MAIN_example")
    assert error.file.startswith("MAIN_example.")


def test_unfinished_file_is_removed(tmp_path: Path) -> None:
    """A file whose writing fails does not stay."""

    def write() -> None:
        with SectionWriter(tmp_path, "MAIN_x", "terms", 0) as out:
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


def _write_positions(folder: Path, segment: str, lists: list[list[list[int]]]) -> None:
    """A segment whose field number f has one term, in documents at the positions lists[f]."""
    fields = [
        Postings(
            name=f"f{number}", terms=[b"a"], starts=np.array([0, len(places)]),
            docs=np.arange(len(places), dtype=np.uint32),
            tfs=np.array([len(part) for part in places], np.uint32),
            positions=np.array([place for part in places for place in part], np.uint32),
        )
        for number, places in enumerate(lists)
    ]  # fmt: skip
    docs = max(map(len, lists))
    write_segment(
        folder, segment, docs=docs, fields=fields, lengths={}, columns={}, facets=(),
        stored=compress_records([NO_RECORD] * docs),
    )  # fmt: skip


_PLACES = st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 40), min_size=1, max_size=300)
_FIELD = st.lists(_PLACES.map(sorted), min_size=1, max_size=2 * POSITION_BLOCK)


@given(lists=st.lists(_FIELD, min_size=1, max_size=3), data=st.data())
def test_positions_round_trip(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[list[int]]], data: st.DataObject
) -> None:
    """Positions of any size and number are read as written, one by one and many at a time."""
    folder = tmp_path_factory.mktemp("positions")
    _write_positions(folder, "MAIN_0", lists)
    arrays = SegmentArrays(folder, "MAIN_0")
    flat = [places for field in lists for places in field]
    assert list(verify_segment(folder, "MAIN_0")) == []
    assert [arrays.positions(posting) for posting in range(len(flat))] == flat
    begin = data.draw(st.integers(0, len(flat) - 1))
    end = data.draw(st.integers(begin + 1, len(flat)))
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=end - begin, max_size=end - begin)))
    wanted = [places for places, keep in zip(flat[begin:end], kept, strict=True) if keep]
    tfs, steps = arrays.steps_of(begin, end, kept)
    assert tfs.tolist() == list(map(len, wanted))
    assert steps.tolist() == [
        step for places in wanted for step in [places[0], *np.diff(places).tolist()]
    ]


def test_positions_take_the_bits_they_need(tmp_path: Path) -> None:
    """Numbers below 2^n take n bits; each block of postings has its own n."""
    small = [[3], [1, 2]] * POSITION_BLOCK
    _write_positions(tmp_path, "MAIN_0", [[*small, [1 << 20]]])
    arrays = SegmentArrays(tmp_path, "MAIN_0")
    assert arrays.position_widths.tolist() == [[2, 1], [2, 1], [21, 0]]
    assert np.diff(arrays.position_blocks).tolist() == [10, 10, 3]


def test_positions_must_rise(tmp_path: Path) -> None:
    """Positions out of order are refused, not written as nonsense."""
    with pytest.raises(ValueError, match="decrease"):
        _write_positions(tmp_path, "MAIN_0", [[[3, 1]]])
    assert list(tmp_path.iterdir()) == []


def test_length_codes_are_whooshs() -> None:
    """Lengths are rounded exactly as in Whoosh's own codec."""
    lengths = np.array([*range(5000), *range(100_000, 107_000), 1 << 20, 1 << 30])
    assert length_codes(lengths).tolist() == [length_to_byte(int(n)) for n in lengths]
    assert [length_to_byte(byte_to_length(code)) for code in range(256)] == list(range(256))


def test_chunk_runs_leave_out_term_starts() -> None:
    """A run is noted where a term passes into another chunk, not where a term begins."""
    docs = np.array([1, 65_536, 65_537, 200_000, 70_000, 5], np.uint32)
    chunks, runs, run_chunks = chunk_runs(docs, np.array([0, 4, 5, 6]))
    assert chunks.tolist() == [0, 1, 0]
    assert runs.tolist() == [1, 3]
    assert run_chunks.tolist() == [1, 3]


def _wide(folder: Path, segment: str, docs: int, seed: int) -> dict[bytes, np.ndarray]:
    """A segment of several chunks; returns the documents of each term."""
    generator = np.random.default_rng(seed)
    found = {
        b"a": np.arange(docs),
        b"b": np.sort(generator.choice(docs, 1000, replace=False)),
        b"c": np.array([docs - 1]),
        b"d": np.array([3, 65_535, 65_536]),
        b"e": np.array([5, 140_000]),
    }
    lists = [found[term] for term in sorted(found)]
    flat = np.concatenate(lists).astype(np.uint32)
    starts = np.cumsum([0, *map(len, lists)])
    tfs = np.ones(len(flat), np.uint32)
    fields = [
        Postings(name="t", terms=sorted(found), starts=starts, docs=flat, tfs=tfs,
                 positions=flat),
        Postings(name="k", terms=sorted(found), starts=starts, docs=flat),
    ]  # fmt: skip
    write_segment(
        folder,
        segment,
        docs=docs,
        fields=fields,
        lengths={"t": np.full(docs, 5)},
        columns={},
        facets={"k"},
        stored=compress_records([NO_RECORD] * docs),
    )
    return found


def _check_wide(arrays: SegmentArrays, found: dict[bytes, np.ndarray]) -> None:
    for field in ("t", "k"):
        for term, docs in found.items():
            entry = arrays.find_term(field, term)
            assert np.array_equal(arrays.doc_ids(entry), docs), term
            (bounds,) = arrays.chunk_bounds((entry,)).tolist()
            assert (bounds[0], bounds[-1]) == (entry.start, entry.end)
            chunks = np.repeat(np.arange(arrays.chunk_count), np.diff(bounds))
            assert np.array_equal(chunks * 65_536 + arrays.docs[entry.start : entry.end], docs)


def test_several_chunks(tmp_path: Path) -> None:
    """Documents past 65,536 keep their numbers, in one segment and after merging three."""
    found = _wide(tmp_path, "MAIN_0", 150_000, 1)
    arrays = SegmentArrays(tmp_path, "MAIN_0", deleted=[4, 65_536, 100_000])
    assert arrays.chunk_count == 3
    _check_wide(arrays, found)
    assert list(verify_segment(tmp_path, "MAIN_0")) == []
    other = _wide(tmp_path, "MAIN_1", 140_001, 2)
    merge_segments(tmp_path, "MAIN_2", [arrays, SegmentArrays(tmp_path, "MAIN_1")])
    kept = np.setdiff1d(np.arange(150_000), arrays.deleted)
    expected = {
        term: np.concatenate(
            [np.searchsorted(kept, np.intersect1d(kept, docs)), other[term] + len(kept)]
        )
        for term, docs in found.items()
    }
    merged = SegmentArrays(tmp_path, "MAIN_2")
    _check_wide(merged, expected)
    assert list(verify_segment(tmp_path, "MAIN_2")) == []
    entry = merged.find_term("t", b"e")
    assert [merged.positions(p) for p in range(entry.start, entry.end)] == [
        [5], [140_000], [5], [140_000]
    ]  # fmt: skip


def test_empty_segment(tmp_path: Path) -> None:
    """A segment without documents, or whose documents have nothing, can be read and merged."""
    for docs in (0, 2):
        name = f"MAIN_{docs}"
        write_segment(
            tmp_path,
            name,
            docs=docs,
            fields=[],
            lengths={},
            columns={},
            facets=(),
            stored=compress_records([NO_RECORD] * docs),
        )
        assert list(verify_segment(tmp_path, name)) == []
        arrays = SegmentArrays(tmp_path, name)
        assert arrays.find_term("t", b"a") is None
        merge_segments(tmp_path, f"{name}m", [arrays])
        assert SegmentArrays(tmp_path, f"{name}m").doc_count == docs


def test_term_ranges(tmp_path: Path) -> None:
    """Prefixes and ranges of terms are ranges of ordinals, open and closed at either end."""
    _wide(tmp_path, "MAIN_0", 150_000, 1)
    arrays = SegmentArrays(tmp_path, "MAIN_0")
    assert arrays.terms_with_prefix("t", b"") == range(5)
    assert arrays.terms_with_prefix("t", b"b") == range(1, 2)
    assert arrays.terms_with_prefix("t", b"bb") == range(2, 2)
    assert arrays.terms_with_prefix("absent", b"") == range(0)
    assert arrays.terms_between("k", b"b", b"d") == range(1, 4)
    assert arrays.terms_between("k", b"b", b"d", include_low=False, include_high=False) == range(
        2, 3
    )
    assert arrays.terms_between("k", None, b"bz") == range(2)
    assert list(arrays.terms_between("k", b"d", b"b")) == []
    with pytest.raises(IndexError):
        arrays.term_entry("t", 5)


def test_every_term_is_found_and_no_other(tmp_path: Path) -> None:
    """Looking up a term gives the entry at its ordinal, in its own field only."""
    mine = build(tmp_path / "mine", documents(200), 1)
    arrays = mine._segments()[0].arrays(tmp_path / "mine")
    for name, info in arrays.fields.items():
        for ordinal in range(info.terms):
            term = arrays.term_bytes(name, ordinal)
            assert arrays.find_term(name, term) == arrays.term_entry(name, ordinal)
            assert arrays.find_term(name, term + b"\0") is None
    assert arrays.find_term("year", b"p3.com") is None
    assert arrays.find_term("absent", b"p3.com") is None


def test_segment_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit of its offsets a segment is not written, and nothing stays behind."""
    monkeypatch.setattr("indexer.codec.write.MAX_OFFSET", 5)
    with pytest.raises(BuildError, match="smaller segments"):
        write_example(tmp_path)
    assert list(tmp_path.iterdir()) == []
