"""The same terms of several segments → their postings as those of one.

The documents of a later segment come after those of an earlier one, so a term's postings
are those of each segment in turn and nothing is compared. Positions are kept as a first one
and differences, so they are moved as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..ranking import WEIGHTS, weight_codes
from .format import I32, I64, ROW_BITS, TEXT, U8, U32, Ints, Mask, offsets_of
from .invert import changed, gather_ranges, sort_runs
from .positions import positions_of
from .read import SegmentArrays


class Source(NamedTuple):
    """A segment, and where its documents and rows go.

    kept, kept_rows: bool[N], bool[R]: what is not deleted
    targets, row_targets: int64[N], int64[R]: the new numbers, -1 for what is deleted
    """

    arrays: SegmentArrays
    kept: Mask
    targets: I64
    kept_rows: Mask
    row_targets: I64


class Part(NamedTuple):
    """Terms of a field of one segment; `numbers` are theirs among all joined terms, rising."""

    source: Source
    field: str
    ordinals: range
    numbers: I32


class JoinedText(NamedTuple):
    """Postings of the text grouped by term, `sizes` of each; see `invert.RowPostings`.

    forms: int64[P], numbers of forms as `join_text` was given them
    """

    sizes: I64
    rows: U32
    forms: I64
    bits: U8
    weights: U8
    tfs: U32
    steps: U32


def join_fields(parts: Sequence[Part], terms: int) -> tuple[I64, U32]:
    """The sizes and documents of terms 0 … `terms` - 1, without deleted documents."""
    taken: list[tuple[Ints, U32]] = []
    for part in parts:
        arrays, ordinals = part.source.arrays, part.ordinals
        new = part.source.targets[arrays.doc_ids_of(part.field, ordinals)]
        taken.append((_numbers(part)[new >= 0], new[new >= 0].astype(np.uint32)))
    numbers = np.concatenate([numbers for numbers, _ in taken])
    docs: U32 = np.concatenate([docs for _, docs in taken])
    order = np.argsort(numbers, kind="stable")
    sizes: I64 = np.bincount(numbers, minlength=terms)
    return sizes, docs[order]


def join_text(parts: Sequence[Part], forms: Sequence[I64], terms: int) -> JoinedText:
    """The postings of terms 0 … `terms` - 1 of the text, without deleted documents.

    forms: for each part, the new numbers of its segment's forms
    Raises `IndexCorrupt`. Costs about 0.3 µs per posting.
    """
    taken = [_take(part, numbers) for part, numbers in zip(parts, forms, strict=True)]
    numbers, rows, found, bits, weights, tfs, steps = map(np.concatenate, zip(*taken, strict=True))
    order = _in_order(numbers, rows, found)
    moved = steps[gather_ranges(offsets_of(tfs)[:-1][order], tfs[order])]
    text = JoinedText(
        numbers[order], rows[order], found[order], bits[order], weights[order], tfs[order], moved
    )
    text = _without_doubles(text)
    return text._replace(sizes=np.bincount(text.sizes, minlength=terms))


def _in_order(terms: Ints, rows: Ints, forms: Ints) -> npt.NDArray[np.intp]:
    """The order of postings by term, row and form.

    Each part of them is in the order of terms and rows; a term's forms may have got another.
    """
    keys = (terms.astype(np.int64) << 32) | rows
    order = np.argsort(keys, kind="stable")
    again = np.diff(keys[order]) == 0
    wrong = again & (np.diff(forms[order]) < 0)
    if wrong.any():
        sort_runs(order, again, wrong, forms)
    return order


def _without_doubles(text: JoinedText) -> JoinedText:
    """Where a row has a form twice, since its term has too many to tell apart: once.

    sizes: the number of the term of each posting, here
    """
    new = changed(text.sizes, text.rows, text.forms)
    if new.all():
        return text
    firsts = np.flatnonzero(new)
    postings = np.cumsum(new) - 1
    weights = weight_codes(np.add.reduceat(WEIGHTS[text.weights], firsts))
    alone = np.diff(firsts, append=len(new)) == 1
    return JoinedText(
        text.sizes[firsts], text.rows[firsts], text.forms[firsts],
        np.bitwise_or.reduceat(text.bits, firsts),
        np.where(alone, text.weights[firsts], weights),
        np.add.reduceat(text.tfs, firsts, dtype=np.uint32),
        _joined_steps(text.steps, text.tfs, postings),
    )  # fmt: skip


def _joined_steps(steps: U32, tfs: U32, postings: I64) -> U32:
    """The positions of postings, some of which become one; `postings` are their new numbers."""
    positions = positions_of(steps, tfs)
    owners = np.repeat(postings, tfs)
    positions = positions[np.lexsort((positions, owners))]
    first = np.diff(owners, prepend=-1) > 0
    return np.where(first, positions, np.diff(positions, prepend=0)).astype(np.uint32)


def _numbers(part: Part) -> I32:
    """The number of the term of each posting."""
    starts = part.source.arrays.term_starts(part.field)
    bounds: I64 = starts[part.ordinals.start : part.ordinals.stop + 1].astype(np.int64)
    return np.repeat(part.numbers, bounds[1:] - bounds[:-1])


def _take(part: Part, forms: I64) -> tuple[npt.NDArray[np.generic], ...]:
    arrays, ordinals = part.source.arrays, part.ordinals
    rows = part.source.row_targets[arrays.rows_of(ordinals)]
    kept = rows >= 0
    starts = arrays.term_starts(TEXT)
    begin, end = int(starts[ordinals.start]), int(starts[ordinals.stop])
    found = forms[arrays.forms_of_postings(ordinals)]
    return (
        _numbers(part)[kept], rows[kept].astype(np.uint32), found[kept],
        arrays.bits[begin:end][kept] & ROW_BITS, arrays.weights[begin:end][kept],
        *arrays.steps_of(begin, end, kept),
    )  # fmt: skip
