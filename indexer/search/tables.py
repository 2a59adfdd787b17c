"""What compiled loops of a search read and fill, as declared tables; their array types."""

from __future__ import annotations

import numba as nb
import numpy as np

from ..kernels.jit import readonly
from ..kernels.tables import Table
from ..ranking import SATURATION

U8 = readonly(nb.uint8)
U16 = readonly(nb.uint16)
U32 = readonly(nb.uint32)
F32 = nb.float32[::1]
F64 = nb.float64[::1]
I64 = nb.int64[::1]

#: Kinds of leaves: a term with one written form, with several, rows, a set of documents.
SINGLE, FORMS, ROWS, SET = range(4)
#: What `AnswerTable.state` counts: documents that match, that pass the filters, that of these
#: have all words, and how many of the best are held.
MATCHED, PASSED, COMPLETE, HELD = range(4)
#: What `WorkTable.counts` has: how many of `touched` and of `scored` are in use; whether scores
#: are of no use, since documents have another order.
TOUCHED, SCORED, UNSCORED = range(3)
#: What a weight t is divided by with itself added, see `ranking`.
K = np.float32(SATURATION)


class SegmentTable(
    Table, docs=U16, weights=U8, codes=U8, row_docs=U16, first_rows=U32,
    chunk_docs=readonly(nb.int64), chunk_rows=readonly(nb.int64), dead=U8,
):  # fmt: skip
    """What a segment is searched by; see `codec.read.SegmentArrays`.

    row_docs: uint16[R], of each row the place of its document in its chunk
    dead: uint8[N], 1 for deleted documents; or uint8[0]
    """


class PlanTable(
    Table, steps=nb.int64[:, ::1], parts=I64, kinds=I64, bounds=nb.int64[:, ::1], codes_at=I64,
    stems=F32, lights=nb.float32[:, ::1], extra_rows=nb.uint16[::1], extra_scores=F32,
    sets=nb.uint8[:, ::1], worth=F32, sizes=I64,
):  # fmt: skip
    """A plan over a segment; see `fast.encode`.

    worth: what each leaf weighs; sizes: how many postings or rows it has in all segments
    """


class WorkTable(
    Table, totals=F32, scored=nb.uint16[::1], selected=nb.uint8[:, ::1], best=F32,
    seen=nb.uint64[::1], places=I64, touched=I64, order=I64, counts=I64,
):  # fmt: skip
    """Room for one chunk.

    totals: float32[rows], the scores of rows; scored: the rows whose totals are not 0
    selected: uint8[steps, documents]; best: float32[documents], the scores of documents
    seen: uint64[documents], of a step that is any of its parts a bit for each, at most 64, that
        a document has; of one that is all of them, how many were found so far
    places: the documents that are being looked at; touched: those that were seen
    order: a number for each step, for whoever needs one
    counts: see `TOUCHED`
    """


class AnswerTable(
    Table, state=I64, bits=nb.uint64[::1], docs=nb.int64[::1], keys=F64, breadths=F64,
    groups=readonly(nb.int32), group_docs=I64, group_keys=F64, group_breadths=F64,
    group_whole=nb.uint8[::1],
):  # fmt: skip
    """What is found: see `loops.run`."""


class PhraseTable(
    Table, bounds=nb.int64[:, ::1], codes_at=I64, allowed=nb.uint8[:, ::1], stems=F32,
    lights=nb.float32[:, ::1],
):  # fmt: skip
    """The words of a phrase in a segment.

    bounds, stems, lights: as in `PlanTable`; codes_at: ONE_FORM for a word with one form
    allowed: uint8[words, 256], 1 for the forms that count
    """
