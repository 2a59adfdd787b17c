"""The full check of a segment; layer 2.

Checksums find damage. What follows them finds files that are intact but wrong: every
bound that a compiled loop relies on without looking is proved here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..errors import IndexCorrupt
from .files import SectionFile
from .format import KINDS, POSITION_BLOCK, SATURATED, AnyArray, Kind
from .invert import block_bounds
from .read import SegmentArrays, iter_varints


def check_files(folder: Path, segment: str) -> None:
    """Read every byte of a segment's files; raise `IndexCorrupt` for a checksum that is wrong.

    Costs about a second per GB.
    """
    for kind in KINDS:
        SectionFile(folder, segment, kind).check()


def verify_segment(folder: Path, segment: str) -> Iterator[IndexCorrupt]:
    """Read every byte of a segment's files; yield an error for each damaged file.

    If all checksums fit, the arrays are checked against each other and the first
    contradiction is yielded. Costs about a second per GB, and memory for a few bytes per
    posting.
    """
    damaged = [error for kind in KINDS if (error := _damage(folder, segment, kind))]
    yield from damaged
    if not damaged:
        try:
            _check_arrays(SegmentArrays(folder, segment))
        except IndexCorrupt as error:
            yield error


def _damage(folder: Path, segment: str, kind: Kind) -> IndexCorrupt | None:
    try:
        SectionFile(folder, segment, kind).check()
    except IndexCorrupt as error:
        return error
    return None


def _check_arrays(arrays: SegmentArrays) -> None:
    _check_terms(arrays)
    ids = _check_documents_of_terms(arrays)
    _check_bounds(arrays, ids)
    _check_positions(arrays)
    _check_documents(arrays)
    _check_stored(arrays)


def _rises(offsets: AnyArray, end: int) -> bool:
    """Whether offsets begin at 0, never decrease, and end at `end`."""
    return bool(offsets[0] == 0 and offsets[-1] == end and (offsets[1:] >= offsets[:-1]).all())


def _check_terms(arrays: SegmentArrays) -> None:
    file = arrays.terms_file
    offsets = file.section("offsets", "u4")
    starts = file.section("starts", "u4")
    if not _rises(offsets, len(file.section("bytes", "u1"))):
        raise file.corrupt("offsets of terms do not rise")
    if not (_rises(starts, len(arrays.docs)) and (starts[1:] > starts[:-1]).all()):
        raise file.corrupt("starts of postings do not rise")
    for name, info in arrays.fields.items():
        terms = [arrays.term_bytes(name, ordinal) for ordinal in range(info.terms)]
        if any(first >= second for first, second in pairwise(terms)):
            raise file.corrupt(f"terms of field {name!r} are out of order")
        if any(arrays.find_term(name, term) is None for term in terms):
            raise file.corrupt(f"a term of field {name!r} is not in its bucket")


def _check_documents_of_terms(arrays: SegmentArrays) -> AnyArray:
    """Check the document ids of all postings and return them, int64[P]."""
    file = arrays.postings_file
    runs = arrays.run_starts
    if len(runs) and not ((runs[1:] > runs[:-1]).all() and runs[-1] < len(arrays.docs)):
        raise file.corrupt("chunk runs do not rise")
    parts = [
        arrays.doc_ids_of(name, range(info.terms))
        for name, info in arrays.fields.items()
        if info.terms
    ]
    ids = np.concatenate([np.empty(0, np.int64), *parts])
    rises = np.diff(ids, prepend=-1) > 0
    rises[arrays.terms_file.section("starts", "u4")[:-1]] = True
    if not rises.all() or ids.max(initial=-1) >= arrays.doc_count:
        raise file.corrupt("documents of a term do not rise, or are too many")
    return ids


def _check_bounds(arrays: SegmentArrays, ids: AnyArray) -> None:
    file = arrays.postings_file
    if not arrays.tfs.all():
        raise file.corrupt("a frequency is 0")
    codes = np.zeros(len(arrays.tfs), np.uint8)
    for name, info in arrays.fields.items():
        if info.scored and info.length_row >= 0:
            begin, end = arrays.term_starts(name)[[0, -1]]
            codes[begin:end] = arrays.lengths[info.length_row, ids[begin:end]]
    max_tf, min_length = block_bounds(arrays.tfs, codes)
    if (max_tf > arrays.block_max_tf).any() or (min_length < arrays.block_min_length).any():
        raise file.corrupt("a block bound is too tight")


def _check_positions(arrays: SegmentArrays) -> None:
    file = arrays.positions_file
    blocks = arrays.position_blocks
    data = arrays.position_bytes
    if not _rises(blocks, len(data)) or (len(data) and (blocks[1:] <= blocks[:-1]).any()):
        raise file.corrupt("position blocks do not rise")
    if not len(data):
        return
    ends = data < 0x80
    if not ends[blocks[1:] - 1].all():
        raise file.corrupt("a position block ends within a number")
    found = np.add.reduceat(ends, blocks[:-1], dtype=np.int64)
    begins = np.arange(0, len(arrays.tfs), POSITION_BLOCK)
    wanted = np.add.reduceat(arrays.tfs, begins, dtype=np.int64)
    saturated = np.flatnonzero(np.maximum.reduceat(arrays.tfs, begins) == SATURATED)
    for block in saturated.tolist():
        wanted[block] = _numbers_in_block(arrays, block)
    if (found != wanted).any():
        raise file.corrupt(f"position block {int(np.argmax(found != wanted))} is out of step")


def _numbers_in_block(arrays: SegmentArrays, block: int) -> int:
    begin, end = arrays.position_blocks[block], arrays.position_blocks[block + 1]
    numbers = list(iter_varints(arrays.position_bytes[begin:end].tobytes()))
    place = 0
    first = block * POSITION_BLOCK
    for tf in arrays.tfs[first : first + POSITION_BLOCK].tolist():
        if tf == SATURATED and place < len(numbers):
            place += 1 + numbers[place]
        else:
            place += tf
    return place


def _check_documents(arrays: SegmentArrays) -> None:
    file = arrays.documents_file
    shape = arrays.lengths.shape
    if shape[1] != arrays.doc_count:
        raise file.corrupt(f"lengths have shape {shape}")
    for name in arrays.columns:
        arrays.column(name)
    for name, info in arrays.fields.items():
        if not arrays.has_facet(name):
            continue
        offsets, ordinals = arrays.facet(name)
        if not _rises(offsets, len(ordinals)):
            raise file.corrupt(f"offsets of facet {name!r} do not rise")
        if len(ordinals) and ordinals.max() >= info.terms:
            raise file.corrupt(f"facet {name!r} names a term that is not there")


def _check_stored(arrays: SegmentArrays) -> None:
    file = arrays.stored_file
    if not _rises(file.section("offsets", "u8"), len(file.section("frames", "u1"))):
        raise file.corrupt("offsets of records do not rise")
    for doc in range(arrays.doc_count):
        arrays.stored_fields(doc)
