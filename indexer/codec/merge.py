"""Several segments → one, without the deleted documents, by arrays alone; layer 2.

Terms are joined by name, documents are renumbered in the order of the segments, and
positions are unpacked and packed again, a batch of postings at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .format import LENGTH_VALUES, U32, offsets_of
from .invert import Postings, gather_ranges
from .read import SegmentArrays
from .stored import RecordCompressor, Stored
from .write import Column, write_segment

# Postings that are sorted at a time; bounds the memory of a merge.
_BATCH = 1 << 18
# Records after which the memory of what was read is given back.
_RELEASED = 4096
_I32 = npt.NDArray[np.int32]
_I64 = npt.NDArray[np.int64]


class _Source(NamedTuple):
    """A segment and where its documents go: `targets` int64[N], -1 for deleted ones."""

    arrays: SegmentArrays
    kept: npt.NDArray[np.bool_]
    targets: _I64


def _sources(segments: Sequence[SegmentArrays]) -> tuple[list[_Source], int]:
    sources, docs = [], 0
    for arrays in segments:
        kept = np.ones(arrays.doc_count, bool)
        kept[arrays.deleted] = False
        targets = np.where(kept, np.cumsum(kept) - 1 + docs, -1)
        sources.append(_Source(arrays, kept, targets))
        docs += int(kept.sum())
    return sources, docs


def merge_segments(folder: Path, segment: str, segments: Sequence[SegmentArrays]) -> None:
    """Write the documents of `segments` that are not deleted as one new segment.

    Document ids follow the order of `segments`. Field lengths were stored as codes, so
    the total length of a field is exact only if nothing was deleted. Raises as
    `write_segment` does, and `IndexCorrupt`. Costs well under a microsecond per posting,
    and memory for the terms, for a byte per posting, and for one facet's postings.
    """
    sources, docs = _sources(segments)
    names = {name for arrays in segments for name in arrays.fields}
    facets = {name for arrays in segments for name in names if arrays.has_facet(name)}
    lengths = {
        name: values for name in sorted(names) if (values := _lengths(sources, name)) is not None
    }
    write_segment(
        folder,
        segment,
        docs=docs,
        fields=_fields(sources, facets),
        lengths=lengths,
        total_lengths={name: _total_length(sources, name) for name in lengths},
        columns=_columns(sources),
        facets=facets,
        stored=_stored(sources),
    )


def _decoded_lengths(arrays: SegmentArrays, name: str) -> npt.NDArray[np.int32] | None:
    info = arrays.fields.get(name)
    if info is None or info.length_row < 0:
        return None
    lengths: npt.NDArray[np.int32] = LENGTH_VALUES[arrays.lengths[info.length_row]]
    return lengths


def _lengths(sources: list[_Source], name: str) -> npt.NDArray[np.int32] | None:
    found = [_decoded_lengths(source.arrays, name) for source in sources]
    if all(lengths is None for lengths in found):
        return None
    return np.concatenate(
        [
            np.zeros(int(source.kept.sum()), np.int32) if lengths is None else lengths[source.kept]
            for source, lengths in zip(sources, found, strict=True)
        ]
    )


def _total_length(sources: list[_Source], name: str) -> int:
    total = 0
    for source in sources:
        lengths = _decoded_lengths(source.arrays, name)
        if lengths is not None:
            lost = lengths[~source.kept].sum(dtype=np.int64)
            total += max(0, source.arrays.fields[name].total_length - int(lost))
    return total


def _columns(sources: list[_Source]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name in sorted({name for source in sources for name in source.arrays.columns}):
        having = [source.arrays for source in sources if name in source.arrays.columns]
        default, dtype = having[0].column_default(name), having[0].column(name).dtype
        parts = [
            source.arrays.column(name)[source.kept]
            if name in source.arrays.columns
            else np.full(int(source.kept.sum()), default, dtype)
            for source in sources
        ]
        columns[name] = Column(np.concatenate(parts), default)
    return columns


def _stored(sources: list[_Source]) -> Stored:
    # The dictionary of the largest segment saves compressing its records again.
    largest = max(sources, key=lambda source: source.arrays.doc_count)
    dictionary = largest.arrays.dictionary
    compressor = RecordCompressor(dictionary)

    def frames() -> Iterator[bytes]:
        for source in sources:
            records = source.arrays.records
            same = source.arrays.dictionary == dictionary
            for number, doc in enumerate(np.flatnonzero(source.kept).tolist()):
                yield bytes(records.frame(doc)) if same else compressor.compress(records.read(doc))
                if number % _RELEASED == 0:
                    source.arrays.release()
            source.arrays.release()

    return Stored(dictionary, frames())


def _fields(sources: list[_Source], facets: Collection[str]) -> Iterator[Postings]:
    scored: dict[str, bool] = {}
    for source in sources:
        for info in source.arrays.fields.values():
            if info.terms and scored.setdefault(info.name, info.scored) != info.scored:
                raise ValueError(f"field {info.name!r} has frequencies in some segments only")
    for name in sorted(scored, key=lambda name: (not scored[name], name)):
        yield from _merge_field(sources, name, scored[name], whole=name in facets)


class _Batch(NamedTuple):
    """Merged postings of a range of terms: `terms` are their numbers, rising."""

    terms: _I32
    docs: U32
    tfs: U32
    positions: U32


def _merge_field(
    sources: list[_Source], name: str, scored: bool, *, whole: bool
) -> Iterator[Postings]:
    """The merged postings of a field, in several parts unless asked for as a whole."""
    every: set[bytes] = set()
    for source in sources:
        every.update(_terms(source, name))
    terms = sorted(every)
    numbers = {term: number for number, term in enumerate(terms)}
    maps = [
        np.fromiter((numbers[term] for term in _terms(source, name)), np.int32)
        for source in sources
    ]
    del every, numbers
    batches = (
        _merge_batch(sources, maps, name, scored, begin, end)
        for begin, end in pairwise(_batch_bounds(sources, maps, name, len(terms)))
    )
    if whole:
        parts = map(np.concatenate, zip(*batches, strict=True))
        batches = (_Batch(*arrays) for arrays in [tuple(parts)])
    for batch in batches:
        counts = np.bincount(batch.terms, minlength=len(terms))
        left = np.flatnonzero(counts)
        for source in sources:
            source.arrays.release()
        yield Postings(
            name=name,
            terms=[terms[number] for number in left.tolist()],
            starts=offsets_of(counts[left]),
            docs=batch.docs,
            tfs=batch.tfs if scored else None,
            positions=batch.positions if scored else None,
        )


def _terms(source: _Source, name: str) -> Iterator[bytes]:
    info = source.arrays.fields.get(name)
    return (source.arrays.term_bytes(name, ordinal) for ordinal in range(info.terms if info else 0))


def _batch_bounds(sources: list[_Source], maps: list[_I32], name: str, terms: int) -> list[int]:
    sizes = np.zeros(terms, np.int64)
    for source, numbers in zip(sources, maps, strict=True):
        if len(numbers):
            sizes[numbers] += np.diff(source.arrays.term_starts(name))
    filled = np.cumsum(sizes) // _BATCH
    return [0, *(np.flatnonzero(np.diff(filled)) + 1).tolist(), terms]


def _merge_batch(
    sources: list[_Source], maps: list[_I32], name: str, scored: bool, begin: int, end: int
) -> _Batch:
    parts = []
    for source, numbers in zip(sources, maps, strict=True):
        first, last = np.searchsorted(numbers, (begin, end)).tolist()
        if first < last:
            parts.append(_take(source, numbers[first:last], name, scored, first))
    terms, docs, tfs, positions = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(terms, kind="stable")
    if not scored:
        return _Batch(terms[order], docs[order], tfs, positions)
    begins = offsets_of(tfs)[:-1]
    moved = positions[gather_ranges(begins[order], tfs[order])]
    return _Batch(terms[order], docs[order], tfs[order], moved)


def _take(source: _Source, numbers: _I32, name: str, scored: bool, first: int) -> _Batch:
    arrays = source.arrays
    ordinals = range(first, first + len(numbers))
    starts = arrays.term_starts(name)[first : ordinals.stop + 1]
    docs = source.targets[arrays.doc_ids_of(name, ordinals)]
    kept = docs >= 0
    terms = np.repeat(numbers, np.diff(starts))[kept]
    empty = np.zeros(0, np.uint32)
    if not scored:
        return _Batch(terms, docs[kept].astype(np.uint32), empty, empty)
    tfs, positions = arrays.positions_of(int(starts[0]), int(starts[-1]), kept)
    return _Batch(terms, docs[kept].astype(np.uint32), tfs, positions)
