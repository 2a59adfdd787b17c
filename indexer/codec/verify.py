"""The full check of a segment.

Checksums find damage. The checks after them find files that are intact but wrong: they
prove every bound that a compiled loop relies on without a check of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from ..errors import IndexCorrupt
from ..schema import CAPITAL, POSITION_GAP, ROW_FIELDS, UNCOUNTED
from .codes import pack_codes
from .files import SectionFile
from .format import (
    I64,
    KINDS,
    MAX_FORMS,
    POSITION_BLOCK,
    SATURATED,
    TEXT,
    TF_SHIFT,
    U8,
    U32,
    AnyArray,
    FileKind,
    offsets_of,
)
from .invert import Postings, count_text, facet_of
from .positions import positions_of
from .read import SegmentArrays

# How many postings are compared at a time: this bounds the memory it takes.
_BATCH = 1 << 18


def check_files(folder: Path, segment: str) -> None:
    """Read every byte of a segment's files; raise `IndexCorrupt` for a checksum that is wrong.

    Costs about a second per GB.
    """
    for kind in KINDS:
        SectionFile(folder, segment, kind).check()


def verify_segment(folder: Path, segment: str) -> Iterator[IndexCorrupt]:
    """Read every byte of a segment's files; yield an error for each damaged file.

    If all checksums fit, the arrays are checked against each other and the first
    contradiction is yielded. Costs about 0.1 s per MB, and memory for a few bytes per
    posting. Raises `IndexUnreadable` and `MemoryError`.
    """
    damaged = [error for kind in KINDS if (error := _damage(folder, segment, kind))]
    yield from damaged
    if not damaged:
        try:
            _check_arrays(SegmentArrays(folder, segment))
        except IndexCorrupt as error:
            yield error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # What no check above foresaw would be a crash of whoever searches.
            yield IndexCorrupt(str(folder), segment, f"its files contradict themselves: {error!r}")


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
    _check_runs(arrays)
    _check_positions(arrays)
    for first, last in _batches(arrays):
        _check_text(arrays, first, last)
    for name in arrays.fields:
        if name != TEXT:
            _check_field(arrays, name)
    _check_stored(arrays)


def _rises(offsets: AnyArray, end: int) -> bool:
    """Whether offsets begin at 0, never decrease, and end at `end`."""
    return bool(
        len(offsets)
        and offsets[0] == 0
        and offsets[-1] == end
        and (offsets[1:] >= offsets[:-1]).all()
    )


def _check_terms(arrays: SegmentArrays) -> None:
    file = arrays.terms_file
    offsets = file.section("offsets", "u4")
    if not _rises(offsets, len(file.section("bytes", "u1"))):
        raise file.corrupt("offsets of terms do not rise")
    if not (_rises(arrays.starts, len(arrays.docs)) and (np.diff(arrays.starts) > 0).all()):
        raise file.corrupt("starts of postings do not rise")
    for name, info in arrays.fields.items():
        terms = [arrays.term_bytes(name, ordinal) for ordinal in range(info.terms)]
        if any(first >= second for first, second in pairwise(terms)):
            raise file.corrupt(f"terms of field {name!r} are out of order")
        for ordinal, term in enumerate(terms):
            found = arrays.find_term(name, term)
            if found is None or found.ordinal != ordinal:
                raise file.corrupt(f"a term of field {name!r} is not in its bucket")


def _check_forms(arrays: SegmentArrays) -> None:
    file = arrays.terms_file
    if not _rises(file.section("form_offsets", "u4"), len(file.section("form_bytes", "u1"))):
        raise file.corrupt("offsets of forms do not rise")
    if not _rises(arrays.code_starts, len(arrays.codes)):
        raise file.corrupt("the forms of postings are out of order")
    texts = arrays.form_texts()
    ordered = [texts[form].encode() for form in arrays.form_order.tolist()]
    if any(first >= second for first, second in pairwise(ordered)):
        raise file.corrupt("forms are out of order")
    light_form = arrays.language.light_form
    for ordinal, term in enumerate(arrays.field_terms(TEXT)):
        forms = arrays.forms_of(ordinal)
        if any(arrays.language.stem_of(form.text).encode() != term for form in forms):
            raise file.corrupt(f"a form of term {ordinal} has another stem")
        alike = [list(some) for _, some in groupby(forms, lambda form: light_form(form.text))]
        groups = [group for group, some in enumerate(alike) for _ in some]
        if [form.group for form in forms] != groups:
            raise file.corrupt(f"the forms of term {ordinal} are not those of its groups")


def _check_runs(arrays: SegmentArrays) -> None:
    """Each run begins within a term, in a later chunk than the postings before it."""
    runs, chunks = arrays.run_starts, arrays.run_chunks
    if len(runs) and not ((runs[1:] > runs[:-1]).all() and runs[-1] < len(arrays.docs)):
        raise arrays.postings_file.corrupt("chunk runs do not rise")
    terms = np.searchsorted(arrays.starts, runs, side="right") - 1
    before = np.append(0, chunks[:-1])[: len(runs)]
    first = np.append(True, terms[1:] != terms[:-1])[: len(runs)]
    before = np.where(first, arrays.first_chunks[terms], before)
    if (chunks <= before).any() or np.isin(runs, arrays.starts).any():
        raise arrays.postings_file.corrupt("a chunk run goes back")


def _batches(arrays: SegmentArrays) -> Iterator[tuple[int, int]]:
    """The terms of the text, cut into ranges of about `_BATCH` postings."""
    starts = arrays.starts[: arrays.text_terms + 1].astype(np.int64)
    cuts = np.flatnonzero(np.diff(starts[:-1] // _BATCH)) + 1
    yield from pairwise([0, *cuts.tolist(), arrays.text_terms] if arrays.text_terms else [])


def _check_text(arrays: SegmentArrays, first: int, last: int) -> None:
    """The postings of some terms of the text: rows, forms, fields, and the numbers of each."""
    terms = range(first, last)
    starts = arrays.starts[first : last + 1].astype(np.int64)
    form_starts = arrays.form_starts[first : last + 1].astype(np.int64)
    begin, end = starts[[0, -1]].tolist()
    rows, forms = arrays.rows_of(terms), arrays.forms_of_postings(terms)
    codes = forms - np.repeat(form_starts[:-1], np.diff(starts))
    kept = arrays.codes[slice(*arrays.code_starts[[first, last]].tolist())]
    packed = pack_codes(codes.astype(np.uint8), np.diff(starts), np.diff(form_starts))
    if not np.array_equal(packed, kept):
        raise arrays.postings_file.corrupt(f"forms of terms {first} to {last} set spare bits")
    rises = np.diff(rows * MAX_FORMS + codes) > 0
    rises[starts[1:-1] - begin - 1] = True
    if not rises.all():
        raise arrays.postings_file.corrupt(f"rows of terms {first} to {last} do not rise")
    if len(np.unique(forms)) != form_starts[-1] - form_starts[0]:
        raise arrays.terms_file.corrupt(f"terms {first} to {last} have forms that no row has")
    tfs, steps = arrays.steps_of(begin, end, np.ones(end - begin, bool))
    bits = _fields_at(arrays, rows, tfs, positions_of(steps, tfs))
    if not np.array_equal(bits, arrays.bits[begin:end] & (CAPITAL - 1)):
        raise arrays.postings_file.corrupt(f"fields of terms {first} to {last} are others")
    if not arrays.weights[begin:end].all():
        raise arrays.postings_file.corrupt("a posting has no weight")
    groups = arrays.groups[form_starts[0] : form_starts[-1]]
    docs = arrays.docs_of_rows[rows]
    counted = count_text(starts - begin, docs, codes, tfs, form_starts - form_starts[0], groups)
    for name in ("df", "cf", "light_df", "light_cf"):
        bounds = form_starts[[0, -1]].tolist() if "light" in name else (first, last)
        kept = arrays.terms_file.section(name, "u4")[slice(*bounds)]
        if not np.array_equal(kept, getattr(counted, name)):
            raise arrays.terms_file.corrupt(f"{name} of terms {first} to {last} is another")


def _fields_at(arrays: SegmentArrays, rows: I64, tfs: U32, positions: I64) -> U8:
    """The fields of rows in which postings have their positions."""
    places = np.repeat(rows, tfs)
    bits = np.zeros(len(positions), np.uint8)
    begins = np.zeros(len(positions), np.int64)
    for number, name in enumerate(ROW_FIELDS):
        ends = begins + arrays.words(name)[places] if name != UNCOUNTED else positions + 1
        bits[(positions >= begins) & (positions < ends)] = 1 << number
        begins = ends + POSITION_GAP
    if not bits.all():
        raise arrays.positions_file.corrupt("a position is in no field")
    found: U8 = np.bitwise_or.reduceat(bits, offsets_of(tfs)[:-1])
    return found


def _check_positions(arrays: SegmentArrays) -> None:
    file = arrays.positions_file
    tfs, blocks = arrays.bits >> TF_SHIFT, arrays.position_blocks
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
    begins = np.arange(0, len(tfs), POSITION_BLOCK)
    firsts = np.diff(begins, append=len(tfs))
    numbers = np.add.reduceat(arrays.true_tfs(0, len(tfs)), begins, dtype=np.int64)
    if ((numbers > firsts) & (widths[:, 1] == 0)).any():
        raise file.corrupt("differences have no bits")
    bits: AnyArray = firsts * widths[:, 0] + (numbers - firsts) * widths[:, 1]
    wrong = np.flatnonzero(np.diff(blocks.astype(np.int64)) != (bits + 7) >> 3)
    if blocks[0] or len(wrong):
        raise file.corrupt(f"position block {wrong[0] if len(wrong) else 0} is out of step")


def _check_field(arrays: SegmentArrays, name: str) -> None:
    """The postings of a field that is not text, and its values by document."""
    terms = range(arrays.fields[name].terms)
    starts = arrays.term_starts(name).astype(np.int64)
    starts -= starts[0]
    docs = arrays.doc_ids_of(name, terms)
    rises = docs[1:] > docs[:-1]
    rises[starts[1:-1] - 1] = True
    if not rises.all():
        raise arrays.postings_file.corrupt(f"the documents of {name!r} do not rise")
    if arrays.has_facet(name):
        postings = Postings(name=name, terms=list(map(bytes, terms)), starts=starts, docs=docs)
        pairs = zip(arrays.facet(name), facet_of(postings, arrays.doc_count), strict=True)
        if not all(np.array_equal(kept, made) for kept, made in pairs):
            raise arrays.documents_file.corrupt(f"the lists of {name!r} are not its postings")


def _check_documents(arrays: SegmentArrays) -> None:
    if arrays.chunk_docs[-1] != arrays.doc_count:
        raise arrays.documents_file.corrupt("documents are in no chunk")
    for name in ROW_FIELDS:
        if name != UNCOUNTED:
            arrays.words(name)
    for name in arrays.columns:
        arrays.column(name)
        arrays.column_default(name)
    for section in arrays.documents_file.table.sections:
        if section.name.startswith("facet."):
            name = section.name.split(".")[1]
            if not arrays.has_facet(name):
                raise arrays.documents_file.corrupt(f"the lists of {name!r} have no offsets")
            arrays.facet(name)


def _check_stored(arrays: SegmentArrays) -> None:
    file = arrays.stored_file
    if not _rises(file.section("offsets", "u8"), len(file.section("frames", "u1"))):
        raise file.corrupt("offsets of records do not rise")
    for doc in range(arrays.doc_count):
        arrays.record(doc)
