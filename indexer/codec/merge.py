"""Several segments → one, without the deleted documents, by arrays alone.

Terms are joined by name, documents are renumbered in the order of the segments, and
positions are unpacked and packed again, a batch of postings at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np

from .format import I32, I64, TEXT, U8, U32, Mask, offsets_of
from .forms import Arranged, arrange_forms
from .invert import Forms, Postings, RowPostings
from .parts import Part, Source, join_fields, join_text
from .read import SegmentArrays
from .stored import Frames, RecordCompressor, Stored
from .write import Column, Documents, write_segment

# How many postings are joined at a time: this bounds the memory of a merge.
_BATCH = 1 << 18
# After so many batches the pages read are given back to the system.
_RELEASED = 16
# Records that are copied at a time.
_RECORDS = 512

_Text = TypeVar("_Text", str, bytes)


def _sources(segments: Sequence[SegmentArrays]) -> list[Source]:
    sources, docs, rows = [], 0, 0
    for arrays in segments:
        kept = np.ones(arrays.doc_count, bool)
        kept[arrays.deleted] = False
        kept_rows = kept[arrays.docs_of_rows]
        targets = np.where(kept, np.cumsum(kept) - 1 + docs, -1)
        row_targets = np.where(kept_rows, np.cumsum(kept_rows) - 1 + rows, -1)
        sources.append(Source(arrays, kept, targets, kept_rows, row_targets))
        docs += int(kept.sum())
        rows += int(kept_rows.sum())
    return sources


def merge_segments(
    folder: Path,
    segment: str,
    segments: Sequence[SegmentArrays],
    spent: Callable[[SegmentArrays], None] = lambda arrays: None,
) -> tuple[int, int]:
    """Write the documents of `segments` that are not deleted as one new segment.

    Document ids follow the order of `segments`. `spent` is given each of these once only its
    stored records are still to be copied. Returns how many documents and rows there
    are. Raises as `write_segment` does, and `IndexCorrupt`. Costs about 0.3 µs per posting,
    and memory for the terms, for a few bytes per posting, and for one facet's postings.
    """
    sources = _sources(segments)
    names = {name for arrays in segments for name in arrays.fields}
    facets = {name for arrays in segments for name in names if arrays.has_facet(name)}
    documents = Documents(
        first_rows=_first_rows(sources), lengths=_lengths(sources), columns=_columns(sources),
        facets=facets, language=segments[0].language.names,
    )  # fmt: skip
    write_segment(
        folder, segment, documents, text=_text(sources), fields=_fields(sources, names, facets),
        stored=_stored(sources, spent),
    )  # fmt: skip
    return documents.docs, documents.rows


def _first_rows(sources: list[Source]) -> U32:
    sizes = [np.diff(source.arrays.first_rows)[source.kept] for source in sources]
    return offsets_of(np.concatenate(sizes)).astype(np.uint32)


def _lengths(sources: list[Source]) -> dict[str, I64]:
    names = sources[0].arrays.counted_fields
    return {
        name: np.concatenate(
            [source.arrays.words(name)[source.kept_rows].astype(np.int64) for source in sources]
        )
        for name in names
    }


def _columns(sources: list[Source]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name in sorted({name for source in sources for name in source.arrays.columns}):
        having = [source.arrays for source in sources if name in source.arrays.columns]
        default = having[0].column_default(name)
        parts = [
            source.arrays.column(name)[source.kept]
            if name in source.arrays.columns
            else np.full(int(source.kept.sum()), default, np.uint64)
            for source in sources
        ]
        values = np.concatenate(parts)
        if (values != default).any():
            columns[name] = Column(values, default)
    return columns


def _stored(sources: list[Source], spent: Callable[[SegmentArrays], None]) -> Stored:
    # The dictionary of the largest segment saves compressing its records again.
    largest = max(sources, key=lambda source: source.arrays.doc_count).arrays
    dictionary = largest.usable_dictionary()
    compressor = RecordCompressor(dictionary)

    def frames() -> Iterator[Frames]:  # asked for once all other files are written
        for source in sources:
            spent(source.arrays)
        for source in sources:
            arrays = source.arrays
            same = arrays.dictionary == dictionary
            for first, last in _runs(source.kept):
                if same:
                    yield arrays.frames(first, last)
                else:
                    yield from compressor.compress_all(map(arrays.record, range(first, last)))
                arrays.release()

    return Stored(dictionary, frames())


def _runs(kept: Mask) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of documents that are kept; runs are cut to a bounded length."""
    changes = np.flatnonzero(np.diff(kept, prepend=False, append=False))
    for begin, end in changes.reshape(-1, 2).tolist():
        for first in range(begin, end, _RECORDS):
            yield first, min(end, first + _RECORDS)


class _Numbers(dict[_Text, int]):
    """Texts and their numbers, in the order in which they were asked for."""

    def __missing__(self, text: _Text) -> int:
        number = self[text] = len(self)
        return number


def _fields(sources: list[Source], names: set[str], facets: set[str]) -> Iterator[Postings]:
    for name in sorted(names - {TEXT}):
        terms, maps = _join_terms(sources, name)
        whole = [(0, len(terms))] if terms else []
        batches = whole if name in facets else _batches(sources, maps, name, len(terms))
        for begin, end in batches:
            parts = list(_parts(sources, maps, name, begin, end))
            sizes, docs = join_fields(parts, end - begin)
            left = np.flatnonzero(sizes)
            if len(left):
                yield Postings(
                    name=name, terms=[terms[number] for number in (left + begin).tolist()],
                    starts=offsets_of(sizes[left]), docs=docs,
                )  # fmt: skip


def _text(sources: list[Source]) -> Iterator[RowPostings]:
    """The merged text, in several parts."""
    found = _Numbers[str]()
    numbers = [
        np.fromiter(map(found.__getitem__, source.arrays.form_texts()), np.int64)
        for source in sources
    ]
    arranged = arrange_forms(list(found), sources[0].arrays.language)
    new_forms = [
        arranged.written.starts[arranged.term_of[part]] + arranged.number_of[part]
        for part in numbers
    ]
    maps = [
        _terms_of_forms(source.arrays, arranged.term_of[part])
        for source, part in zip(sources, numbers, strict=True)
    ]
    batches = _batches(sources, maps, TEXT, len(arranged.terms))
    for batch, (begin, end) in enumerate(batches):
        parts = list(_parts(sources, maps, TEXT, begin, end))
        forms = [new_forms[_place(sources, part.source)] for part in parts]
        if batch % _RELEASED == 0:
            for source in sources:
                source.arrays.release()
        yield _joined(parts, forms, arranged, begin, end)


def _terms_of_forms(arrays: SegmentArrays, terms: I64) -> I32:
    """Given the joined term of each form of a segment: the joined term of each of its terms."""
    starts = arrays.form_starts
    firsts = terms[starts[:-1]]
    if (np.repeat(firsts, np.diff(starts)) != terms).any() or (np.diff(firsts) <= 0).any():
        raise arrays.terms_file.corrupt("the forms of terms are not theirs")
    return firsts.astype(np.int32)


def _place(sources: list[Source], wanted: Source) -> int:
    return next(place for place, source in enumerate(sources) if source is wanted)


def _joined(
    parts: list[Part], forms: list[I64], arranged: Arranged, begin: int, end: int
) -> RowPostings:
    """The terms `begin` … `end` - 1 with the forms that are left of them."""
    text = join_text(parts, forms, end - begin)
    left = np.flatnonzero(text.sizes)
    used, places = np.unique(text.forms, return_inverse=True)
    terms = np.searchsorted(arranged.written.starts, used, side="right") - 1
    counts = np.bincount(terms - begin, minlength=end - begin)[left]
    starts = offsets_of(counts)
    firsts = np.repeat(starts[:-1], text.sizes[left])
    return RowPostings(
        terms=[arranged.terms[number] for number in (left + begin).tolist()],
        starts=offsets_of(text.sizes[left]),
        rows=text.rows, forms=(places - firsts).astype(np.uint8), bits=text.bits,
        weights=text.weights, tfs=text.tfs, steps=text.steps,
        written=Forms(
            starts=starts, texts=[arranged.written.texts[form] for form in used.tolist()],
            groups=_counted_anew(arranged.written.groups[used], starts),
        ),
    )  # fmt: skip


def _counted_anew(groups: U8, starts: I64) -> U8:
    """Numbers of groups, counted from 0 for each term, where some groups have no form left."""
    changed = np.diff(groups, prepend=groups[:1]) != 0
    changed[starts[:-1]] = False
    numbers = np.cumsum(changed)
    anew: U8 = (numbers - np.repeat(numbers[starts[:-1]], np.diff(starts))).astype(np.uint8)
    return anew


def _join_terms(sources: list[Source], name: str) -> tuple[list[bytes], list[I32]]:
    """The terms of a field in order, and for each segment which of them it has."""
    found = _Numbers[bytes]()
    # Each term becomes one short-lived Python object, however many segments have it.
    maps = [
        np.fromiter(map(found.__getitem__, source.arrays.field_terms(name)), np.int32)
        for source in sources
    ]
    terms = sorted(found)
    ranks = np.empty(len(terms), np.int32)
    ranks[np.fromiter(map(found.__getitem__, terms), np.int32)] = np.arange(len(terms))
    joined = [ranks[numbers] for numbers in maps]
    for source, numbers in zip(sources, joined, strict=True):
        if (np.diff(numbers) <= 0).any():
            raise source.arrays.terms_file.corrupt(f"terms of field {name!r} are out of order")
    return terms, joined


def _batches(
    sources: list[Source], maps: list[I32], name: str, terms: int
) -> Iterable[tuple[int, int]]:
    """Terms 0 … `terms` - 1, cut into ranges of about `_BATCH` postings."""
    if not terms:
        return ()
    sizes = np.zeros(terms, np.int64)
    for source, numbers in zip(sources, maps, strict=True):
        if len(numbers):
            sizes[numbers] += np.diff(source.arrays.term_starts(name))
    filled = np.cumsum(sizes) // _BATCH
    return pairwise([0, *(np.flatnonzero(np.diff(filled)) + 1).tolist(), terms])


def _parts(
    sources: list[Source], maps: list[I32], name: str, begin: int, end: int
) -> Iterator[Part]:
    for source, numbers in zip(sources, maps, strict=True):
        first, last = np.searchsorted(numbers, (begin, end)).tolist()
        if first < last:
            yield Part(source, name, range(first, last), numbers[first:last] - np.int32(begin))
