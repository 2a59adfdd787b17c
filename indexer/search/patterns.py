"""Written forms that a pattern stands for → the rows that have them, and where they stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..codec.format import I64, Mask
from ..codec.positions import positions_of
from ..codec.read import SegmentArrays
from .expand import Budget
from .words import FIELD_BITS, is_lead

if TYPE_CHECKING:
    from .fast import FastSegment

#: A row and a position in one number.
ROW = 32
# So many postings of other terms are read rather than left out.
_BRIDGED = 4096
#: So many postings are read at a time: more take new memory for each pattern, ten times as long.
_BLOCK = 1 << 17


def _runs(segment: SegmentArrays, ordinals: I64, budget: Budget) -> list[range]:
    """Ranges of terms that have some, by rising ordinals; others between them, if they are short.

    To read a few postings more costs less than to begin another range. The budget pays for all.
    """
    between = segment.starts[ordinals[1:]].astype(np.int64) - segment.starts[ordinals[:-1] + 1]
    blocks = segment.starts[ordinals] // _BLOCK
    cuts = np.flatnonzero((between > _BRIDGED) | (blocks[1:] > blocks[:-1])) + 1
    runs = [range(int(run[0]), int(run[-1]) + 1) for run in np.split(ordinals, cuts) if len(run)]
    starts = segment.starts
    budget.read(sum(int(starts[run.stop]) - int(starts[run.start]) for run in runs))
    return runs


def rows_of_forms(
    segment: SegmentArrays,
    forms: I64,
    field: str | None,
    budget: Budget,
    fast: FastSegment | None,
) -> I64:
    """The rows that have any of some written forms, rising, in a field if one is named.

    fast: what runs compiled over the segment, if there is a compiler
    """
    if fast is not None:
        rows = fast.rows_of_forms(forms, field, budget)
        if rows is not None:
            return rows
    seen = np.zeros(segment.row_count, np.bool_)
    wanted = np.zeros(segment.form_count, np.bool_)
    wanted[forms] = True
    for ordinals in _runs(segment, np.unique(segment.form_terms(forms)), budget):
        rows, kept = segment.rows_of(ordinals), wanted[segment.forms_of_postings(ordinals)]
        if field is not None:
            bits, lead = FIELD_BITS[field]
            starts = segment.starts
            begin, end = int(starts[ordinals.start]), int(starts[ordinals.stop])
            kept &= (segment.bits[begin:end] & bits) != 0
            kept &= is_lead(segment, rows) == lead
        seen[rows[kept]] = True
    return np.flatnonzero(seen)


def places_of_forms(segment: SegmentArrays, forms: I64, rows: I64, budget: Budget) -> I64:
    """Where any of some written forms stands in some rows, rising."""
    wanted = np.zeros(segment.form_count, np.bool_)
    wanted[forms] = True
    some = np.zeros(segment.row_count, np.bool_)
    some[rows] = True
    places = [np.empty(0, np.int64)]
    for ordinals in _runs(segment, np.unique(segment.form_terms(forms)), budget):
        in_rows, starts = segment.rows_of(ordinals), segment.starts
        kept = some[in_rows] & wanted[segment.forms_of_postings(ordinals)]
        begin, end = int(starts[ordinals.start]), int(starts[ordinals.stop])
        budget.read(0, int(np.count_nonzero(kept)))
        places.append(places_of_postings(segment, begin, end, in_rows, kept))
    return np.unique(np.concatenate(places))


def places_of_postings(
    segment: SegmentArrays, begin: int, end: int, in_rows: I64, kept: Mask
) -> I64:
    """The places of those of some postings, which are in these rows, that are kept."""
    tfs, steps = segment.steps_of(begin, end, kept)
    return (np.repeat(in_rows[kept], tfs) << ROW) + positions_of(steps, tfs)
