"""The full check of a segment.

Checksums find damage. The checks after them find files that are intact but wrong: they
prove every bound that a compiled loop relies on without a check of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..errors import IndexCorrupt
from .files import SectionFile
from .format import KINDS, POSITION_BLOCK, SATURATED, AnyArray, FileKind
from .read import SegmentArrays


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


def _damage(folder: Path, segment: str, kind: FileKind) -> IndexCorrupt | None:
    try:
        SectionFile(folder, segment, kind).check()
    except IndexCorrupt as error:
        return error
    return None


def _check_arrays(arrays: SegmentArrays) -> None:
    _check_terms(arrays)
    _check_documents_of_terms(arrays)
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


def _check_documents_of_terms(arrays: SegmentArrays) -> None:
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


def _check_positions(arrays: SegmentArrays) -> None:
    file = arrays.positions_file
    tfs, blocks = arrays.tfs, arrays.position_blocks
    widths = arrays.position_widths.astype(np.int64)
    if not tfs.all():
        raise arrays.postings_file.corrupt("a frequency is 0")
    saturated = np.flatnonzero(tfs == SATURATED)
    if not np.array_equal(arrays.long_postings, saturated):
        raise file.corrupt("long postings are not those of the highest frequency")
    if arrays.long_counts.min(initial=SATURATED) < SATURATED:
        raise file.corrupt("a long posting is short")
    if not len(tfs):
        return
    true_tfs = arrays.true_tfs(0, len(tfs))
    cf = arrays.terms_file.section("cf", "u4")
    starts = arrays.terms_file.section("starts", "u4")[: len(cf)]
    if (np.add.reduceat(true_tfs, starts) != cf).any():
        raise arrays.postings_file.corrupt("frequencies do not add up to those of the terms")
    begins = np.arange(0, len(tfs), POSITION_BLOCK)
    firsts = np.diff(begins, append=len(tfs))
    numbers = np.add.reduceat(true_tfs, begins, dtype=np.int64)
    if ((numbers > firsts) & (widths[:, 1] == 0)).any():
        raise file.corrupt("differences have no bits")
    bits: AnyArray = firsts * widths[:, 0] + (numbers - firsts) * widths[:, 1]
    wrong = np.flatnonzero(np.diff(blocks.astype(np.int64)) != (bits + 7) >> 3)
    if blocks[0] or len(wrong):
        raise file.corrupt(f"position block {wrong[0] if len(wrong) else 0} is out of step")


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
