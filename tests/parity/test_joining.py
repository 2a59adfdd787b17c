"""Merging segments: compiled loops against plain arrays, and against damaged files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.codec import joining, merge
from indexer.codec.files import SectionFile
from indexer.codec.format import KINDS, file_name
from indexer.codec.invert import Postings
from indexer.codec.merge import merge_segments
from indexer.codec.positions import pack_steps
from indexer.codec.read import SegmentArrays
from indexer.codec.stored import compress_records, encode_record
from indexer.codec.verify import verify_segment
from indexer.codec.write import Column, write_segment
from indexer.errors import IndexCorrupt

MERGED = "MAIN_merged"
CHUNK = 65_536


def write_random(
    folder: Path, segment: str, chance: np.random.Generator, docs: int, most: int = 6
) -> None:
    """A segment of random terms, two fields with positions and two without."""
    fields = []
    for name in ("text", "title", "facet", "keyword"):
        terms = sorted({f"{number}".encode() for number in chance.integers(0, 40, 15)})
        lists = [
            np.sort(chance.choice(docs, chance.integers(1, min(docs, 90) + 1), replace=False))
            for _ in terms
        ]
        flat = np.concatenate(lists).astype(np.uint32)
        scored = name in ("text", "title")
        tfs = chance.integers(1, most, len(flat)).astype(np.uint32)
        if most > 1:
            tfs[chance.integers(0, len(tfs), 2)] = chance.integers(250, 270, 2)
        places = [np.sort(chance.integers(0, 1 << chance.integers(1, 33), tf)) for tf in tfs]
        fields.append(
            Postings(
                name=name, terms=terms, starts=np.cumsum([0, *map(len, lists)]), docs=flat,
                tfs=tfs if scored else None,
                positions=np.concatenate(places).astype(np.uint32) if scored else None,
            )
        )  # fmt: skip
    records = [encode_record({"story": chance.bytes(9)}) for _ in range(docs)]
    write_segment(
        folder, segment, docs=docs, fields=sorted(fields, key=lambda field: field.tfs is None),
        lengths={"text": chance.integers(1, 300, docs)},
        columns={"number": Column(chance.integers(0, 99, docs).astype(np.uint64))},
        facets={"facet"}, stored=compress_records(records, b""),
    )  # fmt: skip


def merged(folder: Path, name: str, segments: list[SegmentArrays], worth_loops: int) -> list[bytes]:
    """The files of what segments are merged into, in compiled loops if 0 postings are worth it."""
    target = folder / name
    target.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "_WORTH_LOOPS", worth_loops)
        merge_segments(target, MERGED, segments)
    return [(target / file_name(MERGED, kind)).read_bytes() for kind in KINDS]


def delete_some(
    folder: Path, segment: str, chance: np.random.Generator, docs: int
) -> SegmentArrays:
    """Open a segment of which some documents are deleted, or none, or all."""
    gone = chance.random(docs) < chance.choice([0, 0.2, 1], p=[0.5, 0.4, 0.1])
    return SegmentArrays(folder, segment, np.flatnonzero(gone).tolist())


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 150), min_size=1, max_size=4))
def test_loops_merge_as_arrays_do(
    tmp_path_factory: pytest.TempPathFactory, seed: int, sizes: list[int]
) -> None:
    """Byte for byte the same files, whatever is deleted and however wide positions are."""
    folder, chance = tmp_path_factory.mktemp("merge"), np.random.default_rng(seed)
    segments = []
    for number, docs in enumerate(sizes):
        write_random(folder, f"MAIN_{number}", chance, docs)
        segments.append(delete_some(folder, f"MAIN_{number}", chance, docs))
    assert merged(folder, "loops", segments, 0) == merged(folder, "arrays", segments, 1 << 40)
    assert list(verify_segment(folder / "loops", MERGED)) == []


def test_loops_merge_chunks_as_arrays_do(tmp_path: Path) -> None:
    """The same of segments with several chunks of documents."""
    chance = np.random.default_rng(1)
    segments = []
    for number, docs in enumerate((CHUNK + 5, 100, 2 * CHUNK + 1)):
        write_random(tmp_path, f"MAIN_{number}", chance, docs, most=2)
        deleted = chance.choice(docs, 50, replace=False).tolist()
        segments.append(SegmentArrays(tmp_path, f"MAIN_{number}", deleted))
    assert merged(tmp_path, "loops", segments, 0) == merged(tmp_path, "arrays", segments, 1 << 40)
    assert list(verify_segment(tmp_path / "loops", MERGED)) == []


@given(
    postings=st.lists(
        st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 3), min_size=1, max_size=40),
        min_size=1,
        max_size=100,
    )
)
def test_loops_pack_as_arrays_do(postings: list[list[int]]) -> None:
    """The same bits, widths and offsets."""
    steps = np.array([step for posting in postings for step in posting], np.uint32)
    tfs = np.array([len(posting) for posting in postings], np.uint32)
    plain, packed = pack_steps(steps, tfs), joining.pack_steps(steps, tfs)
    assert packed.data == plain.data
    assert packed.widths.tolist() == plain.widths.tolist()
    assert packed.offsets.tolist() == plain.offsets.tolist()


def damaged_files(folder: Path, segment: str) -> Iterator[tuple[Path, bytes]]:
    """Files of which one number is wrong, section by section."""
    chance = random.Random(1)
    for kind in ("terms", "postings", "positions"):
        path = folder / file_name(segment, kind)
        whole = path.read_bytes()
        for section in SectionFile(folder, segment, kind).table.sections:
            width = np.dtype(section.dtype).itemsize
            size = int(np.prod(section.shape))
            for place in chance.sample(range(size), min(size, 12)):
                at = section.offset + width * place
                for value in (b"\xff" * width, bytes(width), chance.randbytes(width)):
                    yield path, whole[:at] + value + whole[at + width :]


def test_loops_survive_damage(tmp_path: Path) -> None:
    """A file that is wrong is named, or makes a wrong segment, but never a crash."""
    chance = np.random.default_rng(2)
    for number in range(2):
        write_random(tmp_path, f"MAIN_{number}", chance, 60)
    named = set()
    for turn, (path, data) in enumerate(damaged_files(tmp_path, "MAIN_0")):
        whole = path.read_bytes()
        path.unlink()  # the file may still be mapped
        path.write_bytes(data)
        segments = [SegmentArrays(tmp_path, f"MAIN_{number}") for number in range(2)]
        try:
            merged(tmp_path, f"{turn}", segments, 0)
        except IndexCorrupt as error:
            named.add(error.file)
        path.unlink()
        path.write_bytes(whole)
    assert named == {file_name("MAIN_0", kind) for kind in ("terms", "postings", "positions")}
