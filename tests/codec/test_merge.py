"""Merging segments: the postings of each in turn, and what becomes of damaged files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.codec.files import SectionFile
from indexer.codec.format import file_name
from indexer.codec.invert import Postings
from indexer.codec.merge import merge_segments
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


_Found = dict[tuple[str, bytes], dict[int, list[int]]]


def postings_of(arrays: SegmentArrays) -> _Found:
    """The documents of each term, and where in them it is."""
    found: _Found = {}
    for name, info in arrays.fields.items():
        for term in arrays.field_terms(name):
            entry = arrays.find_term(name, term)
            assert entry is not None
            docs = arrays.doc_ids(entry).tolist()
            found[name, term] = {
                doc: arrays.positions(entry.start + number) if info.scored else []
                for number, doc in enumerate(docs)
            }
    return found


def joined(segments: list[SegmentArrays]) -> _Found:
    """The same of several segments, one posting at a time, deleted documents left out."""
    found: _Found = {}
    before = 0
    for arrays in segments:
        deleted = set(arrays.deleted.tolist())
        left = [doc for doc in range(arrays.doc_count) if doc not in deleted]
        numbers = {doc: before + number for number, doc in enumerate(left)}
        for key, postings in postings_of(arrays).items():
            kept = {numbers[doc]: places for doc, places in postings.items() if doc in numbers}
            if kept:
                found.setdefault(key, {}).update(kept)
        before += len(left)
    return found


def check_merge(folder: Path, segments: list[SegmentArrays]) -> None:
    """The merged segment is sound and has the postings of its parts."""
    merge_segments(folder, MERGED, segments)
    assert list(verify_segment(folder, MERGED)) == []
    assert postings_of(SegmentArrays(folder, MERGED)) == joined(segments)


def delete_some(
    folder: Path, segment: str, chance: np.random.Generator, docs: int
) -> SegmentArrays:
    """Open a segment of which some documents are deleted, or none, or all."""
    gone = chance.random(docs) < chance.choice([0, 0.2, 1], p=[0.5, 0.4, 0.1])
    return SegmentArrays(folder, segment, np.flatnonzero(gone).tolist())


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 150), min_size=1, max_size=4))
def test_a_merge_has_the_postings_of_its_parts(
    tmp_path_factory: pytest.TempPathFactory, seed: int, sizes: list[int]
) -> None:
    """Documents follow those of the segments before, whatever is deleted, however far apart."""
    folder, chance = tmp_path_factory.mktemp("merge"), np.random.default_rng(seed)
    segments = []
    for number, docs in enumerate(sizes):
        write_random(folder, f"MAIN_{number}", chance, docs)
        segments.append(delete_some(folder, f"MAIN_{number}", chance, docs))
    check_merge(folder, segments)


def test_a_merge_of_segments_with_several_chunks_of_documents(tmp_path: Path) -> None:
    """The same past 65,536 documents."""
    chance = np.random.default_rng(1)
    segments = []
    for number, docs in enumerate((CHUNK + 5, 100, 2 * CHUNK + 1)):
        write_random(tmp_path, f"MAIN_{number}", chance, docs, most=2)
        deleted = chance.choice(docs, 50, replace=False).tolist()
        segments.append(SegmentArrays(tmp_path, f"MAIN_{number}", deleted))
    check_merge(tmp_path, segments)


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


def test_a_merge_survives_damage(tmp_path: Path) -> None:
    """A file that is wrong is named, or makes a wrong segment, but never a crash."""
    chance = np.random.default_rng(2)
    for number in range(2):
        write_random(tmp_path, f"MAIN_{number}", chance, 60)
    named = set()
    for turn, (path, data) in enumerate(damaged_files(tmp_path, "MAIN_0")):
        target = tmp_path / f"{turn}"
        target.mkdir()
        whole = path.read_bytes()
        path.unlink()  # the file may still be mapped
        path.write_bytes(data)
        segments = [SegmentArrays(tmp_path, f"MAIN_{number}") for number in range(2)]
        try:
            merge_segments(target, MERGED, segments)
        except IndexCorrupt as error:
            named.add(error.file)
        path.unlink()
        path.write_bytes(whole)
    assert named == {file_name("MAIN_0", kind) for kind in ("terms", "postings", "positions")}
