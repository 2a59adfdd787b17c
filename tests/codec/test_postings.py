"""Terms, postings and positions are read as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from whoosh.util.numeric import byte_to_length, length_to_byte

from indexer.codec.format import POSITION_BLOCK
from indexer.codec.invert import Postings, chunk_runs, length_codes
from indexer.codec.merge import merge_segments
from indexer.codec.read import SegmentArrays
from indexer.codec.stored import NO_RECORD, compress_records
from indexer.codec.verify import verify_segment
from indexer.codec.write import write_segment
from tests.corpora.documents import build, documents


def _write_positions(folder: Path, segment: str, lists: list[list[list[int]]]) -> None:
    """A segment whose field number f has one term, in documents at the positions lists[f]."""
    fields = [
        Postings(
            name=f"f{number}",
            terms=[b"a"],
            starts=np.array([0, len(places)]),
            docs=np.arange(len(places), dtype=np.uint32),
            tfs=np.array([len(part) for part in places], np.uint32),
            positions=np.array([place for part in places for place in part], np.uint32),
        )
        for number, places in enumerate(lists)
    ]
    docs = max(map(len, lists))
    write_segment(
        folder,
        segment,
        docs=docs,
        fields=fields,
        lengths={},
        columns={},
        facets=(),
        stored=compress_records([NO_RECORD] * docs),
    )


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
        Postings(name="t", terms=sorted(found), starts=starts, docs=flat, tfs=tfs, positions=flat),
        Postings(name="k", terms=sorted(found), starts=starts, docs=flat),
    ]
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
        [5],
        [140_000],
        [5],
        [140_000],
    ]


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
