"""Array arithmetic on inverted data, for writing and merging.

Everything here works on whole arrays and never once per posting. A posting is known by
its number in the order (field, term, document), in the text (term, row, written form).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .format import I64, U8, U16, U32, AnyArray, Ints, Mask, bucket_count, offsets_of


@dataclass(frozen=True, kw_only=True)
class Postings:
    """The inverted form of a field that is not text: T terms, P postings.

    terms: T distinct byte strings, increasing
    starts: int[T + 1], increasing from 0 to P: term t has postings starts[t]:starts[t + 1]
    docs: uint32[P], increasing within each term
    """

    name: str
    terms: Sequence[bytes]
    starts: Ints
    docs: U32


@dataclass(frozen=True, kw_only=True)
class Forms:
    """The written forms of T terms, F in all, those of a term one after the other.

    starts: int[T + 1]: term t has the forms starts[t]:starts[t + 1], at most `MAX_FORMS`
    texts: F byte strings
    groups: uint8[F]: forms of a term that differ in inflection alone have the same number,
        which counts from 0 for each term and does not fall from one form to the next
    """

    starts: Ints
    texts: Sequence[bytes]
    groups: U8


@dataclass(frozen=True, kw_only=True)
class RowPostings:
    """The inverted text: T terms, P postings, one for each row and written form.

    terms, starts: as in `Postings`
    rows, forms: uint32[P], uint8[P], increasing together within each term
    bits: uint8[P], the fields of the row in which the form stands
    weights: uint8[P], the weight of the form in the row, see `weights`
    tfs: uint32[P], how often it stands there
    steps: uint32[sum of tfs], of each posting the first position in the row, then the
        differences
    written: the written forms of the terms
    """

    terms: Sequence[bytes]
    starts: Ints
    rows: U32
    forms: U8
    bits: U8
    weights: U8
    tfs: U32
    steps: U32
    written: Forms


def gather_ranges(begins: Ints, sizes: Ints) -> I64:
    """The indices begins[0] … begins[0] + sizes[0] - 1, begins[1] …, as one array."""
    offsets = offsets_of(sizes)
    shifts = np.asarray(begins, dtype=np.int64) - offsets[:-1]
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(shifts, sizes)


def term_buckets(hashes: Sequence[int]) -> tuple[U32, U32]:
    """Hashes of T terms → where each bucket begins, uint32[B + 1], and its terms, uint32[T]."""
    count = bucket_count(len(hashes))
    buckets = np.array(hashes, np.int64) & (count - 1)
    order = np.argsort(buckets, kind="stable").astype(np.uint32)
    return offsets_of(np.bincount(buckets, minlength=count)).astype(np.uint32), order


def chunk_runs(chunks: U16, starts: Ints) -> tuple[U16, I64, U16]:
    """Where postings pass from one chunk into another.

    chunks: uint16[P], the chunk of each posting
    Returns the chunk of each term's first posting (uint16[T]), and the number (int64[R])
    and chunk (uint16[R]) of every posting whose chunk differs from that of the posting
    before it in the same term.
    """
    changes = np.flatnonzero(chunks[1:] != chunks[:-1]) + 1
    changes = changes[~np.isin(changes, starts)]
    return chunks[starts[:-1]], changes, chunks[changes]


def facet_of(postings: Postings, docs: int) -> tuple[U32, AnyArray]:
    """Postings of a field → for every document the ordinals of its terms.

    Returns offsets uint32[docs + 1] and ordinals uint16 or uint32 (if there are more
    than 65,536 terms), rising within each document.
    """
    dtype = np.uint16 if len(postings.terms) <= 1 << 16 else np.uint32
    ordinals = np.repeat(np.arange(len(postings.terms)), np.diff(postings.starts))
    order = np.argsort(postings.docs, kind="stable")
    counts = np.bincount(postings.docs, minlength=docs)
    return offsets_of(counts).astype(np.uint32), ordinals[order].astype(dtype)


@dataclass(frozen=True)
class TextStatistics:
    """What scores need to know of terms and forms; deleted documents count.

    df, cf: uint32[T], the documents that have a term, and its occurrences
    light_df, light_cf: uint32[F], the same of the forms of each form's group together
    """

    df: U32
    cf: U32
    light_df: U32
    light_cf: U32


def count_text(
    starts: Ints, docs: Ints, forms: Ints, tfs: Ints, form_starts: Ints, groups: U8
) -> TextStatistics:
    """The statistics of T terms; see `RowPostings` and `Forms`. docs: that of each posting."""
    starts, form_starts = np.asarray(starts, np.int64), np.asarray(form_starts, np.int64)
    terms, sizes = len(starts) - 1, starts[1:] - starts[:-1]
    begun = changed(groups)
    begun[form_starts[:-1]] = True
    group_of = np.cumsum(begun) - 1
    found = group_of[np.repeat(form_starts[:-1], sizes) + forms]
    new_doc = changed(docs)
    new_doc[starts[:-1]] = True
    numbers, count = np.repeat(np.arange(terms), sizes), int(begun.sum())
    # A document's rows may have several light forms by turns.
    pairs = np.sort(found << 32 | docs)
    light_df = np.bincount(pairs[changed(pairs)] >> 32, minlength=count)
    light_cf = np.bincount(found, weights=tfs, minlength=count)
    return TextStatistics(
        df=np.bincount(numbers[new_doc], minlength=terms).astype(np.uint32),
        cf=np.bincount(numbers, weights=tfs, minlength=terms).astype(np.uint32),
        light_df=light_df[group_of].astype(np.uint32),
        light_cf=light_cf[group_of].astype(np.uint32),
    )


def changed(*columns: Ints) -> Mask:
    """bool[n]: at which places any of some numbers differs from the one before; the first does."""
    found = np.zeros(len(columns[0]), np.bool_)
    found[:1] = True
    for column in columns:
        found[1:] |= column[1:] != column[:-1]
    return found


def sort_runs(order: I64, same: Mask, wrong: Mask, values: Ints) -> None:
    """Sort by their values, in place, those runs of an order in which any place is wrong.

    same, wrong: bool[n - 1], for each place but the first whether it goes on with the run of
        the place before, and whether it belongs before that
    """
    runs = np.cumsum(np.append(True, ~same)) - 1
    affected = np.zeros(runs[-1] + 1, np.bool_)
    affected[runs[1:][wrong]] = True
    places = np.flatnonzero(affected[runs])
    some = order[places]
    order[places] = some[np.lexsort((values[some], runs[places]))]
