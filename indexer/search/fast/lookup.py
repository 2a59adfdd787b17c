"""Compiled loops that find the postings of words in a segment.

A query of words is a table of lists, each a word in a field. `find_lists` looks them up
in a segment, `weigh` turns their index-wide frequencies into weights, `chunk_lists` cuts
them into chunks of documents; `seek` does all of it in less time than Python takes for
one look-up.

No address is taken from a file unchecked: damaged files give wrong answers here, never
accesses out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np
import numpy.typing as npt

from ...codec.format import CHUNK_DOCS
from ...codec.read import SegmentArrays
from ...kernels.bits import prefetch
from ...kernels.jit import compiled, readonly
from ...kernels.tables import Table
from .request import lists_of

#: Of an entry of `lists`: its postings in the segment, and its number as a term.
BEGIN, END, NUMBER = 0, 1, 2

_U8 = readonly(nb.uint8)
_U16 = readonly(nb.uint16)
_U32 = readonly(nb.uint32)
_I64 = nb.int64[::1]
_F64 = nb.float64[::1]
_SPANS = nb.int64[:, ::1]


class SegmentTable(
    Table, buckets=_U32, bucket_terms=_U32, offsets=_U32, bytes=_U8, starts=_U32, spans=_SPANS,
    first_chunks=_U16, run_starts=_U32, run_chunks=_U16, docs=_U16, tfs=_U8,
    lengths=readonly(nb.uint8, 2), norms=nb.float32[:, ::1], field_rows=_I64, searched=_I64,
    searched_boosts=_F64,
):  # fmt: skip
    """The sections of a segment's terms and postings files, by name, and:

    lengths: uint8[L, N], N documents; norms: float32[L, 256]
    spans: int64[F, 2], the first term of each field and how many it has; field_rows: int64[F],
        its row in lengths and norms
    searched, searched_boosts: see `request.lists_of`
    """


def segment_table(
    segment: SegmentArrays,
    fields: Sequence[str],
    searched: Sequence[int],
    boosts: Sequence[float],
    norms: npt.NDArray[np.float32],
) -> Table:
    """What the loops are given of a segment.

    fields: those that requests know by number; searched: the numbers of those that text is
        searched in, and their boosts; norms: float32[L, 256]
    """
    infos = [segment.fields.get(name) for name in fields]
    spans = [(info.first, info.terms) if info else (0, 0) for info in infos]
    rows = [info.length_row if info else 0 for info in infos]
    section = segment.terms_file.section
    return SegmentTable.fill(
        buckets=section("buckets", "u4"), bucket_terms=section("bucket_terms", "u4"),
        offsets=section("offsets", "u4"), bytes=section("bytes", "u1"),
        starts=section("starts", "u4"), spans=np.array(spans, np.int64).reshape(-1, 2),
        first_chunks=segment.first_chunks, run_starts=segment.run_starts,
        run_chunks=segment.run_chunks, docs=segment.docs, tfs=segment.tfs,
        lengths=segment.lengths, norms=norms, field_rows=np.array(rows, np.int64),
        searched=np.array(searched, np.int64), searched_boosts=np.array(boosts, np.float64),
    )  # fmt: skip


def _crc_table():
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0xEDB88320), table >> 1)
    return table.astype(np.uint32)


_CRC = _crc_table()


@compiled(nb.uint32(nb.uint32, _U8, nb.int64, nb.int64))
def _crc32(start, data, begin, end):
    """CRC-32 (RFC 1952) of data[begin:end], continued from `start`."""
    crc = np.uint32(start ^ np.uint32(0xFFFFFFFF))
    for at in range(begin, end):
        crc = _CRC[(crc ^ data[at]) & 0xFF] ^ (crc >> np.uint32(8))
    return np.uint32(crc ^ np.uint32(0xFFFFFFFF))


@compiled(
    nb.void(
        _U32, _U32, _U32, _U8, _U32, nb.int64,
        _U8, _I64, _I64, _I64, _SPANS, nb.int64[:, ::1], _I64,
    )
)  # fmt: skip
def find_lists(
    buckets,
    bucket_terms,
    offsets,
    blob,
    starts,
    postings,
    text,
    ends,
    words,
    fields,
    spans,
    lists,
    df,
):
    """Look up words in fields of a segment; about 0.1 µs each.

    buckets uint32[2^b + 1], bucket_terms, offsets uint32[T + 1], blob uint8, starts
        uint32[T + 1]: sections of the terms file; postings: how many have frequencies
    text: uint8, the distinct words joined; ends: int64[W], where each ends
    words, fields: int64[n], for every list its word and its row of spans
    spans: int64[F, 2], the first term of each field in the segment, and how many it has
    lists: int64[n, 3], filled in: postings from, to, number of the term; or 0, 0, -1
    df: int64[n], to which the documents in each list are added
    """
    mask = np.uint32(len(buckets) - 2)
    known = len(offsets) - 1
    entries = np.empty(len(words), np.int64)
    for i in range(len(words)):
        begin = np.int64(0) if words[i] == 0 else ends[words[i] - 1]
        first = np.uint32(spans[fields[i], 0])
        entries[i] = np.int64(_crc32(first, text, begin, ends[words[i]]) & mask)
        prefetch(buckets, entries[i])
    for i in range(len(words)):
        prefetch(bucket_terms, np.int64(buckets[entries[i]]))
    for i in range(len(words)):
        entry = np.int64(buckets[entries[i]])
        if entry < len(bucket_terms):
            number = np.int64(bucket_terms[entry])
            prefetch(offsets, number)
            prefetch(starts, number)
    for i in range(len(words)):
        entry = np.int64(buckets[entries[i]])
        if entry < len(bucket_terms):
            number = np.int64(bucket_terms[entry])
            if number < known:
                prefetch(blob, np.int64(offsets[number]))
    for i in range(len(words)):
        lists[i, BEGIN] = 0
        lists[i, END] = 0
        lists[i, NUMBER] = -1
        begin = np.int64(0) if words[i] == 0 else ends[words[i] - 1]
        size = ends[words[i]] - begin
        first = spans[fields[i], 0]
        terms = spans[fields[i], 1]
        if terms == 0:
            continue
        bucket = entries[i]
        for entry in range(np.int64(buckets[bucket]), np.int64(buckets[bucket + 1])):
            if entry >= len(bucket_terms):
                break
            number = np.int64(bucket_terms[entry])
            if number < first or number >= first + terms or number >= known:
                continue
            start = np.int64(offsets[number])
            if np.int64(offsets[number + 1]) - start != size or start + size > len(blob):
                continue
            same = True
            for at in range(size):
                same = same and blob[start + at] == text[begin + at]
            if same:
                low, high = np.int64(starts[number]), np.int64(starts[number + 1])
                if low < high <= postings:
                    lists[i, BEGIN] = low
                    lists[i, END] = high
                    lists[i, NUMBER] = number
                    df[i] += high - low
                break


@compiled(nb.void(_I64, nb.float64[::1], _I64, nb.int64, nb.float64, nb.float32[::1], _I64, _I64))
def weigh(df, boosts, groups, size, saturation, weights, order, ranges):
    """Put the rarest group of lists first, and weigh every list: boost · idf · saturation.

    df: int64[n], documents of the whole index that have the term; size: all its documents
    boosts: float64[n]; groups: int64[G + 1], group g has the lists from groups[g] on
    saturation: K1 + 1; idf as Whoosh's: log(N / (df + 1)) + 1
    weights float32[n], order int64[n], ranges int64[G + 1]: filled in; the new list i is
        the old list order[i] and has weights[i]; ranges are the new groups
    """
    count = len(groups) - 1
    sizes = np.empty(count, np.int64)
    for group in range(count):
        sizes[group] = df[groups[group] : groups[group + 1]].sum()
    ranges[0] = 0
    for rank in range(count):
        rarest = np.int64(sizes.argmin())
        sizes[rarest] = np.iinfo(np.int64).max
        at = ranges[rank]
        for i in range(groups[rarest], groups[rarest + 1]):
            idf = np.log(size / (df[i] + 1.0)) + 1.0
            weights[at] = boosts[i] * idf * saturation
            order[at] = i
            at += 1
        ranges[rank + 1] = at


@compiled(nb.void(_U32, _I64, _I64))
def _first_after(values, bounds, places):
    """Fill in the first place in rising `values` of one above each of `bounds`.

    All searches advance in lockstep, so memory reads overlap.
    """
    places[:] = 0
    left = len(values)
    while left > 1:
        half = left >> 1
        for i in range(len(bounds)):
            places[i] += half if values[places[i] + half - 1] <= bounds[i] else 0
        left -= half
    for i in range(len(bounds)):
        if left and values[places[i]] <= bounds[i]:
            places[i] += 1


@compiled(nb.int64[:, ::1](nb.int64[:, ::1], _I64, nb.int64, _U16, _U32, _U16))
def chunk_lists(lists, order, chunks, first_chunks, run_starts, run_chunks):
    """int64[n, chunks + 1]: list order[i] has in chunk c the postings [b[i, c], b[i, c + 1]).

    first_chunks: uint16[T], the chunk of each term's first posting; run_starts uint32[R]
    rising and run_chunks uint16[R]: postings at which a term passes into another chunk.
    """
    bounds = np.empty((len(lists), chunks + 1), np.int64)
    if chunks == 1:
        for i in range(len(lists)):
            bounds[i, 0], bounds[i, 1] = lists[order[i], BEGIN], lists[order[i], END]
        return bounds
    begins = np.empty(len(lists), np.int64)
    for i in range(len(lists)):
        begins[i] = lists[order[i], BEGIN]
        prefetch(first_chunks, lists[order[i], NUMBER])
    runs = np.empty(len(lists), np.int64)
    _first_after(run_starts, begins, runs)
    for i in range(len(lists)):
        end, number = lists[order[i], END], lists[order[i], NUMBER]
        bounds[i, :] = end
        if number < 0:
            bounds[i, 0] = end
            continue
        chunk = min(np.int64(first_chunks[number]), chunks - 1)
        last = begins[i]
        bounds[i, : chunk + 1] = last
        for run in range(runs[i], len(run_starts)):
            start, following = np.int64(run_starts[run]), np.int64(run_chunks[run])
            if not last < start < end or not chunk < following < chunks:
                break
            bounds[i, chunk + 1 : following + 1] = start
            chunk, last = following, start
    return bounds


@compiled(nb.void(SegmentTable.type, _U8, nb.int64[:, ::1], _I64))
def find_all(segment, request, lists, df):
    """`find_lists` for the lists of a request."""
    text, ends, word_of, fields, _, _ = lists_of(request, segment.searched, segment.searched_boosts)
    find_lists(
        segment.buckets, segment.bucket_terms, segment.offsets, segment.bytes, segment.starts,
        min(len(segment.docs), len(segment.tfs)),
        text, ends, word_of, fields, segment.spans, lists, df,
    )  # fmt: skip


@compiled(
    nb.types.Tuple((nb.int64[:, ::1], _I64, nb.float32[::1], _I64))(
        SegmentTable.type, _U8, _I64, nb.float64, nb.int64
    )
)
def seek(segment, request, df, saturation, size):
    """The lists of a request in a segment, the rarest group first, ready to be scored.

    df: int64[n], documents of the whole index in each list; empty if the segment is all
    saturation: K1 + 1; size: documents of the whole index
    Returns bounds int64[n, C + 1], rows int64[n], weights float32[n] of the lists, and
    int64[G + 1], the bounds of the groups.
    """
    searched, searched_boosts = segment.searched, segment.searched_boosts
    _, _, _, fields, boosts, groups = lists_of(request, searched, searched_boosts)
    n = len(fields)
    lists = np.empty((n, 3), np.int64)
    found = np.zeros(n, np.int64)
    find_all(segment, request, lists, found)
    docs, tfs = segment.docs, segment.tfs
    for i in range(n):
        prefetch(docs, lists[i, BEGIN])
        prefetch(tfs, lists[i, BEGIN])
    weights = np.empty(n, np.float32)
    order = np.empty(n, np.int64)
    ranges = np.empty(len(groups), np.int64)
    weigh(df if len(df) else found, boosts, groups, size, saturation, weights, order, ranges)
    documents = segment.lengths.shape[1]
    bounds = chunk_lists(
        lists, order, (documents + CHUNK_DOCS - 1) // CHUNK_DOCS, segment.first_chunks,
        segment.run_starts, segment.run_chunks,
    )  # fmt: skip
    field_rows = segment.field_rows
    rows = np.empty(n, np.int64)
    for i in range(n):
        rows[i] = field_rows[fields[order[i]]]
    return bounds, rows, weights, ranges
