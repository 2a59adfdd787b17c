"""The rows that have any of some written forms, compiled; see `patterns`.

No address is taken from a file unchecked: what is out of order is left to plain arithmetic,
which names it.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numba as nb
import numpy as np

from ..codec.codes_fast import code_of
from ..kernels.galloping import first_from
from ..kernels.jit import compiled, inner, lowest_one
from ..kernels.tables import Table
from .tables import I64, U8, U16, U32, SegmentTable

_BITS = nb.uint64[::1]


class FormsTable(
    Table, starts=U32, code_starts=U32, form_starts=U32, first_chunks=U16, run_starts=U32,
    run_chunks=U16, bits=U8,
):  # fmt: skip
    """Where the postings and the forms of terms are; see `codec.read.SegmentArrays`."""


@inner(nb.bool_(SegmentTable.type, FormsTable.type, nb.int64, nb.uint8[::1], I64, _BITS))
def mark_rows(segment, lists, term, allowed, field, seen):
    """Set the bits of the rows in which a term has a form that is allowed; false on damage.

    field: as in `rows_of_forms`
    """
    begin, end = np.int64(lists.starts[term]), np.int64(lists.starts[term + 1])
    coded, code_end = np.int64(lists.code_starts[term]), np.int64(lists.code_starts[term + 1])
    if not begin <= end <= min(len(segment.docs), len(lists.bits)):
        return False
    forms = np.int64(lists.form_starts[term + 1]) - np.int64(lists.form_starts[term])
    shift = (forms > 2) + (forms > 4) + (forms > 16)
    size = (((end - begin) << shift) + 7) >> 3
    if forms > 1 and (code_end - coded != size or code_end > len(segment.codes)):
        return False
    place = (8 * coded - (begin << shift)) << 2 | shift
    run = first_from(lists.run_starts, begin + 1)
    chunk, chunks = np.int64(lists.first_chunks[term]), len(segment.chunk_rows) - 1
    for i in range(begin, end):
        while run < len(lists.run_starts) and lists.run_starts[run] <= i:
            chunk = np.int64(lists.run_chunks[run])
            run += 1
        if chunk >= chunks:
            return False
        if not allowed[code_of(segment.codes, place, i) if forms > 1 else 0]:
            continue
        row = segment.chunk_rows[chunk] + np.int64(segment.docs[i])
        if row >= segment.chunk_rows[chunk + 1]:
            return False
        if field[0]:
            doc = segment.chunk_docs[chunk] + np.int64(segment.row_docs[row])
            lead = np.int64(segment.first_rows[doc]) == row
            if not lists.bits[i] & field[0] or lead != (field[1] != 0):
                continue
        seen[row >> 6] |= np.uint64(1) << np.uint64(row & 63)
    return True


@compiled(nb.int64(SegmentTable.type, FormsTable.type, I64, I64, I64, I64))
def rows_of_forms(segment, lists, terms, forms, field, rows):
    """Fill in the rows that have any of some forms, rising; returns how many, -1 on damage.

    terms, forms: those that have the forms, and these, both rising
    field: the bits of the fields in which they must stand, 0 for any; whether in leads
    rows: int64[n], room for as many rows as the terms have postings, or the segment has
    Costs some 3 ns a posting, and a scan of a bit for each row of the segment.
    """
    seen = np.zeros((segment.chunk_rows[-1] + 63) >> 6, np.uint64)
    allowed = np.zeros(256, np.uint8)
    at = count = 0
    for term in terms:
        first, last = np.int64(lists.form_starts[term]), np.int64(lists.form_starts[term + 1])
        allowed[:] = 0
        while at < len(forms) and forms[at] < last:
            allowed[(forms[at] - first) & 255] = 1
            at += 1
        if not mark_rows(segment, lists, term, allowed, field, seen):
            return -1
    for word in range(len(seen)):
        left = seen[word]
        while left:
            rows[count] = (word << 6) + np.int64(lowest_one(left))
            count += 1
            left &= left - np.uint64(1)
    return count
