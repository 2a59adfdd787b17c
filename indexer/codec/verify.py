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
from .format import KINDS, MAX_FORMS, POSITION_BLOCK, SATURATED, TEXT, AnyArray, FileKind
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
    _check_documents(arrays)
    _check_terms(arrays)
    _check_forms(arrays)
    _check_postings(arrays)
    _check_positions(arrays)
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


def _check_forms(arrays: SegmentArrays) -> None:
    file = arrays.terms_file
    texts = arrays.form_texts()
    if not _rises(file.section("form_offsets", "u4"), len(file.section("form_bytes", "u1"))):
        raise file.corrupt("offsets of forms do not rise")
    if not _rises(arrays.code_starts, len(arrays.codes)):
        raise file.corrupt("the forms of postings are out of order")
    ordered = [texts[form] for form in arrays.form_order.tolist()]
    if any(first >= second for first, second in pairwise(ordered)):
        raise file.corrupt("forms are out of order")
    for ordinal in range(arrays.text_terms):
        forms = arrays.forms_of(ordinal)
        entry = arrays.term_entry(TEXT, ordinal)
        if set(arrays.codes_of(entry).tolist()) != set(range(len(forms))):
            raise file.corrupt(f"the forms of term {ordinal} are not those of its postings")


def _check_postings(arrays: SegmentArrays) -> None:
    file = arrays.postings_file
    runs = arrays.run_starts
    if len(runs) and not ((runs[1:] > runs[:-1]).all() and runs[-1] < len(arrays.docs)):
        raise file.corrupt("chunk runs do not rise")
    for ordinal in range(arrays.text_terms):
        entry = arrays.term_entry(TEXT, ordinal)
        rows = arrays.row_ids(entry)
        if (np.diff(rows * MAX_FORMS + arrays.codes_of(entry)) <= 0).any():
            raise file.corrupt(f"the forms of term {ordinal} do not rise")
        if len(np.unique(rows)) != arrays.df[ordinal]:
            raise arrays.terms_file.corrupt(f"term {ordinal} is not in {arrays.df[ordinal]} rows")
        arrays.row_bounds(entry)
    for name, info in arrays.fields.items():
        for ordinal in range(info.terms if name != TEXT else 0):
            arrays.doc_ids(name, arrays.term_entry(name, ordinal))
    if not (arrays.weights.all() and arrays.bits.all()):
        raise file.corrupt("a posting has no weight or no field")


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
    if (np.add.reduceat(true_tfs, arrays.starts[: arrays.text_terms]) != arrays.cf).any():
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
    for name in arrays.counted_fields:
        arrays.words(name)
    for name in arrays.columns:
        arrays.column(name)
    for name in arrays.fields:
        if arrays.has_facet(name):
            arrays.facet(name)


def _check_stored(arrays: SegmentArrays) -> None:
    file = arrays.stored_file
    if not _rises(file.section("offsets", "u8"), len(file.section("frames", "u1"))):
        raise file.corrupt("offsets of records do not rise")
    for doc in range(arrays.doc_count):
        arrays.lead(doc)
        arrays.related(doc)
