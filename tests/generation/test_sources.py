"""The columns that note story files, against a dictionary of the same."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import IndexCorrupt
from indexer.generation import manifest as mf
from indexer.generation.problems import MOST_CHARACTERS, bounded, pack, unpack
from indexer.generation.sources import NO_SOURCES, Sources, encode_sources, read_sources
from indexer.model import FieldWarning, Problems, Rejection

_IDS = st.text("ab/.é", max_size=4)
_ROW = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(-(2**63), 2**63 - 1),
    st.binary(min_size=16, max_size=16), st.integers(0, 2**32 - 1), st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
)  # fmt: skip
_FILES = st.dictionaries(_IDS, _ROW, max_size=6)
_Row = tuple[int, int, bytes, int, bool, int]
_Files = dict[str, _Row]


def sources_of(files: _Files) -> Sources:
    """Columns of some files."""
    columns = zip(*files.values(), strict=True) if files else ((),) * 6
    return Sources.of(7, list(files), *columns)


def but_ctimes(files: _Files) -> dict[str, tuple[object, ...]]:
    """Files without what a copy of a folder changes."""
    return {story_id: row[:-1] for story_id, row in files.items()}


def files_of(sources: Sources) -> _Files:
    """What `sources_of` was given."""
    rows = zip(
        sources.sizes.tolist(), sources.mtimes_ns.tolist(), map(bytes, sources.digests),
        sources.articles.tolist(), sources.indexed.tolist(), sources.ctimes_ns.tolist(),
        strict=True,
    )  # fmt: skip
    return dict(zip(sources.ids, rows, strict=True))


@given(files=_FILES)
def test_sources_come_back(tmp_path_factory: pytest.TempPathFactory, files: _Files) -> None:
    """What is written is read, any numbers and names."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / mf.sources_name(3)).write_bytes(
        mf.seal(encode_sources(sources_of(files), Problems()))
    )
    read, problems = read_sources(str(folder), 3)
    assert problems == Problems()
    assert read.started_ns == 7
    assert files_of(read) == files


@given(files=_FILES, others=_FILES, changed=_ROW, data=st.data())
def test_sources_are_compared_and_taken(
    files: _Files, others: _Files, changed: _Row, data: st.DataObject
) -> None:
    """Rows are found by id and taken in any order; two are the same in any order, and copied."""
    mine = sources_of(files)
    assert mine.rows_of(list(others)).tolist() == [
        list(files).index(story_id) if story_id in files else -1 for story_id in others
    ]
    order = data.draw(st.permutations(range(len(files))))
    shuffled = mine.take(np.array(order, np.int64))
    assert list(files_of(shuffled)) == [list(files)[row] for row in order]
    assert files_of(shuffled) == files
    assert mine.same_files(shuffled)
    assert mine.same_files(sources_of(others)) == (but_ctimes(files) == but_ctimes(others))
    for story_id in files:
        assert mine.same_files(sources_of({**files, story_id: changed})) == (
            files[story_id][:-1] == changed[:-1]
        )
    joined = mine.joined(shuffled)
    assert joined.ids == mine.ids + shuffled.ids
    assert NO_SOURCES.joined(mine).same_files(mine)


@pytest.mark.parametrize(
    "field", ["sizes", "mtimes_ns", "digests", "articles", "indexed", "ctimes_ns"]
)
@pytest.mark.parametrize("size", [0, 3, 48])
def test_columns_of_other_lengths_are_refused(tmp_path: Path, field: str, size: int) -> None:
    """A file whose columns do not fit together is damaged, though its digest fits."""
    if (field, size) == ("ctimes_ns", 0):
        return  # not damaged but old: the next test
    row = (1, 2, bytes(16), 3, True, 4)
    payload = msgspec.msgpack.decode(encode_sources(sources_of({"a": row, "b": row}), Problems()))
    payload[field] = bytes(size)
    path = tmp_path / mf.sources_name(1)
    path.write_bytes(mf.seal(msgspec.msgpack.encode(payload)))
    with pytest.raises(IndexCorrupt, match=r"storydex-1\.sources"):
        read_sources(str(tmp_path), 1)


def test_sources_noted_without_ctimes_are_read(tmp_path: Path) -> None:
    """An older storydex did not note them: they fit no file, which is then read again."""
    files = {"a": (1, 2, bytes(16), 3, True, 4), "b": (1, 2, bytes(16), 3, True, 5)}
    payload = msgspec.msgpack.decode(encode_sources(sources_of(files), Problems()))
    del payload["ctimes_ns"]
    (tmp_path / mf.sources_name(1)).write_bytes(mf.seal(msgspec.msgpack.encode(payload)))
    read, _ = read_sources(str(tmp_path), 1)
    assert files_of(read) == {story_id: (*row[:-1], -1) for story_id, row in files.items()}


def test_problems_are_kept_up_to_a_bound() -> None:
    """Rejections come first, the rest is counted; what comes back is what was kept."""
    faults = [Rejection(f"{number:04}", 1, "x" * (MOST_CHARACTERS // 100)) for number in range(90)]
    dropped = [FieldWarning(f"{number:04}", "url", "y" * 40_000) for number in range(20)]
    kept = bounded(reversed(faults), dropped)
    assert list(kept.rejected) == faults
    assert (len(kept.warnings), kept.left_out) == (9, 11)
    assert unpack(pack(kept)) == kept
    assert len(pack(kept)) < MOST_CHARACTERS // 100


@pytest.mark.parametrize("data", [b"no", pack(Problems(left_out=1))[:-9], zlib.compress(b"\xc1")])
def test_damaged_problems_are_refused(tmp_path: Path, data: bytes) -> None:
    """They are damage of the file, never another error."""
    payload = msgspec.msgpack.decode(encode_sources(NO_SOURCES, Problems()))
    sealed = mf.seal(msgspec.msgpack.encode({**payload, "problems": data}))
    (tmp_path / mf.sources_name(1)).write_bytes(sealed)
    with pytest.raises(IndexCorrupt, match=r"storydex-1\.sources"):
        read_sources(str(tmp_path), 1)
