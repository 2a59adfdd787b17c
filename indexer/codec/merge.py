"""Several segments → one, without the deleted documents, by arrays alone.

Terms are joined by name, documents are renumbered in the order of the segments, and
positions are unpacked and packed again, a batch of postings at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .format import LENGTH_VALUES, offsets_of
from .invert import Postings
from .parts import Part, Source, join_parts
from .read import SegmentArrays
from .stored import Frames, RecordCompressor, Stored
from .write import Column, write_segment

# How many postings are joined at a time: this bounds the memory of a merge.
_BATCH = 1 << 18
# After so many batches the pages read are given back to the system.
_RELEASED = 16
# Records that are copied at a time.
_RECORDS = 512

_I32 = npt.NDArray[np.int32]


def _sources(segments: Sequence[SegmentArrays]) -> tuple[list[Source], int]:
    sources, docs = [], 0
    for arrays in segments:
        kept = np.ones(arrays.doc_count, bool)
        kept[arrays.deleted] = False
        targets = np.where(kept, np.cumsum(kept) - 1 + docs, -1)
        sources.append(Source(arrays, kept, targets))
        docs += int(kept.sum())
    return sources, docs


def merge_segments(folder: Path, segment: str, segments: Sequence[SegmentArrays]) -> None:
    """Write the documents of `segments` that are not deleted as one new segment.

    Document ids follow the order of `segments`. Raises as `write_segment` does, and
    `IndexCorrupt`. Costs about 0.3 µs per posting, and memory for
    the terms, for a byte per posting, and for one facet's postings.
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


def _lengths(sources: list[Source], name: str) -> npt.NDArray[np.int32] | None:
    found = [_decoded_lengths(source.arrays, name) for source in sources]
    if all(lengths is None for lengths in found):
        return None
    return np.concatenate(
        [
            np.zeros(int(source.kept.sum()), np.int32) if lengths is None else lengths[source.kept]
            for source, lengths in zip(sources, found, strict=True)
        ]
    )


def _columns(sources: list[Source]) -> dict[str, Column]:
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


def _stored(sources: list[Source]) -> Stored:
    # The dictionary of the largest segment saves compressing its records again.
    largest = max(sources, key=lambda source: source.arrays.doc_count)
    dictionary = largest.arrays.dictionary
    compressor = RecordCompressor(dictionary)

    def frames() -> Iterator[Frames]:
        for source in sources:
            records = source.arrays.records
            same = source.arrays.dictionary == dictionary
            for first, last in _runs(source.kept):
                if same:
                    yield records.frames(first, last)
                else:
                    yield from compressor.compress_all(map(records.read, range(first, last)))
                source.arrays.release()

    return Stored(dictionary, frames())


def _runs(kept: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of documents that are kept; runs are cut to a bounded length."""
    changes = np.flatnonzero(np.diff(kept, prepend=False, append=False))
    for begin, end in changes.reshape(-1, 2).tolist():
        for first in range(begin, end, _RECORDS):
            yield first, min(end, first + _RECORDS)


def _fields(sources: list[Source], facets: Collection[str]) -> Iterator[Postings]:
    scored: dict[str, bool] = {}
    for source in sources:
        for info in source.arrays.fields.values():
            if info.terms and scored.setdefault(info.name, info.scored) != info.scored:
                raise ValueError(f"field {info.name!r} has frequencies in some segments only")
    for name in sorted(scored, key=lambda name: (not scored[name], name)):
        yield from _merge_field(sources, name, scored[name], whole=name in facets)


def _merge_field(
    sources: list[Source], name: str, scored: bool, *, whole: bool
) -> Iterator[Postings]:
    """The merged postings of a field, in several parts unless asked for as a whole."""
    terms, maps = _join_terms(sources, name)
    bounds = [0, len(terms)] if whole else _batch_bounds(sources, maps, name, len(terms))
    for batch, (begin, end) in enumerate(pairwise(bounds)):
        parts = list(_parts(sources, maps, name, begin, end))
        joined = join_parts(parts, scored, end - begin)
        left = np.flatnonzero(joined.sizes)
        if batch % _RELEASED == 0:
            for source in sources:
                source.arrays.release()
        yield Postings(
            name=name,
            terms=[terms[number] for number in (left + begin).tolist()],
            starts=offsets_of(joined.sizes[left]),
            docs=joined.docs,
            tfs=joined.tfs if scored else None,
            steps=joined.steps if scored else None,
        )


class _Numbers(dict[bytes, int]):
    """Terms and their numbers, in the order in which they were asked for."""

    def __missing__(self, term: bytes) -> int:
        number = self[term] = len(self)
        return number


def _join_terms(sources: list[Source], name: str) -> tuple[list[bytes], list[_I32]]:
    """The terms of a field in order, and for each segment which of them it has."""
    found = _Numbers()
    # Each term becomes one short-lived Python object, however many segments have it.
    maps = [
        np.fromiter(map(found.__getitem__, source.arrays.field_terms(name)), np.int32)
        for source in sources
    ]
    terms = sorted(found)
    ranks = np.empty(len(terms), np.int32)
    ranks[np.fromiter(map(found.__getitem__, terms), np.int32)] = np.arange(len(terms))
    return terms, [ranks[numbers] for numbers in maps]


def _batch_bounds(sources: list[Source], maps: list[_I32], name: str, terms: int) -> list[int]:
    sizes = np.zeros(terms, np.int64)
    for source, numbers in zip(sources, maps, strict=True):
        if len(numbers):
            sizes[numbers] += np.diff(source.arrays.term_starts(name))
    filled = np.cumsum(sizes) // _BATCH
    return [0, *(np.flatnonzero(np.diff(filled)) + 1).tolist(), terms]


def _parts(
    sources: list[Source], maps: list[_I32], name: str, begin: int, end: int
) -> Iterator[Part]:
    for source, numbers in zip(sources, maps, strict=True):
        first, last = np.searchsorted(numbers, (begin, end)).tolist()
        if first < last:
            yield Part(source, name, range(first, last), numbers[first:last] - np.int32(begin))
