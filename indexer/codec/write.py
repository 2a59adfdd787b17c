"""Inverted data → the files of a segment.

`write_segment` takes flat arrays from a bulk indexer or a merge. When it
returns, all files are synced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from ..disk import sync_folder
from ..errors import BuildError
from .files import SectionWriter
from .format import (
    LENGTH_VALUES,
    MAX_OFFSET,
    SATURATED,
    U8,
    AnyArray,
    FieldInfo,
    chunks_of,
    offsets_of,
    term_hash,
)
from .invert import (
    Ints,
    Postings,
    chunk_runs,
    facet_of,
    length_codes,
    term_buckets,
)
from .positions import PositionPacker
from .stored import Stored


@dataclass(frozen=True)
class Column:
    """One number per document: values[docs] of any numeric type; `default` means none."""

    values: AnyArray
    default: int | float = 0


def write_segment(
    folder: Path,
    segment: str,
    *,
    docs: int,
    fields: Iterable[Postings],
    lengths: Mapping[str, Ints],
    columns: Mapping[str, Column],
    facets: Collection[str],
    stored: Stored,
) -> None:
    """Write the files `segment`.* into `folder`, which must not have them yet.

    docs: number of documents, N
    fields: one `Postings` a field, those with frequencies first; read once, one at a time.
        All but facets may come in parts, the terms of each after those of the last
    lengths: field name → int[N], the field's length in tokens, 0 where a document lacks it
    columns: field name → values of N documents
    facets: names of docs-only fields that get a document → values column too
    stored: N records, see `stored.compress_records`; read once

    Raises `BuildError` if postings, terms or positions pass 4 GiB; `OSError` if a file
    cannot be written. Needs memory for the terms and a byte per posting besides one part's
    arrays.
    """
    codes = {name: length_codes(values) for name, values in lengths.items()}
    with (
        SectionWriter(folder, segment, "terms", docs) as terms,
        SectionWriter(folder, segment, "postings", docs) as postings,
        SectionWriter(folder, segment, "positions", docs) as positions,
        SectionWriter(folder, segment, "documents", docs) as documents,
    ):
        inverted = _Inverted(docs, codes, postings, documents, frozenset(facets))
        positions.stream("bits", inverted.take(fields))
        sums = {name: int(values.sum(dtype=np.int64)) for name, values in lengths.items()}
        inverted.finish(terms, positions, sums)
        _write_documents(documents, docs, codes, columns)
    _write_stored(folder, segment, docs, stored)
    sync_folder(folder)


class _Inverted:
    """Gathers the fields of a segment; packed positions and documents pass through."""

    def __init__(
        self,
        docs: int,
        codes: Mapping[str, U8],
        postings: SectionWriter,
        documents: SectionWriter,
        facets: frozenset[str],
    ) -> None:
        self._docs = docs
        self._codes = codes
        self._posting_file = postings
        self._rows = {name: row for row, name in enumerate(codes)}
        self._documents = documents
        self._facets = facets
        self._infos: list[FieldInfo] = []
        self._arrays: dict[str, list[AnyArray]] = {}
        self._terms: list[bytes] = []
        self._hashes: list[int] = []
        self._postings = 0
        self._tokens: Counter[str] = Counter()
        self._packer = PositionPacker()

    def _put(self, name: str, array: AnyArray) -> None:
        self._arrays.setdefault(name, []).append(array)

    def _get(self, name: str, dtype: type) -> AnyArray:
        return np.concatenate([np.empty(0, dtype), *self._arrays.get(name, ())])

    def take(self, fields: Iterable[Postings]) -> Iterable[bytes]:
        """Take every field in turn and yield the packed positions."""
        for field in fields:
            self._take_terms(field)
            if field.tfs is not None:
                self._take_frequencies(field)
                if field.steps is not None:
                    yield from self._packer.add_steps(field.steps, field.tfs)
                else:
                    assert field.positions is not None
                    yield from self._packer.add(field.positions, field.tfs)
            elif field.name in self._facets:
                offsets, ordinals = facet_of(field, self._docs)
                self._documents.add(f"facet.{field.name}.offsets", offsets)
                self._documents.add(f"facet.{field.name}.ordinals", ordinals)
        yield self._packer.finish()

    def _take_terms(self, field: Postings) -> None:
        if field.tfs is not None and any(not info.scored for info in self._infos):
            raise ValueError(f"field {field.name!r} has frequencies and must come earlier")
        if not self._infos or self._infos[-1].name != field.name:
            self._infos.append(
                FieldInfo(
                    name=field.name,
                    scored=field.tfs is not None,
                    first=len(self._terms),
                    terms=0,
                    length_row=self._rows.get(field.name, -1),
                )
            )
        info = self._infos[-1]
        self._infos[-1] = msgspec.structs.replace(info, terms=info.terms + len(field.terms))
        self._hashes.extend(term_hash(info.first, term) for term in field.terms)
        self._terms.extend(field.terms)
        self._put("starts", field.starts[:-1] + np.int64(self._postings))
        self._posting_file.extend("docs", field.docs.astype(np.uint16))
        if chunks_of(self._docs) > 1:
            chunks, runs, run_chunks = chunk_runs(field.docs, field.starts)
            self._put("chunks", chunks)
            self._put("runs", runs + self._postings)
            self._put("run_chunks", run_chunks)
        self._postings += len(field.docs)

    def _take_frequencies(self, field: Postings) -> None:
        assert field.tfs is not None
        tfs = np.minimum(field.tfs, SATURATED).astype(np.uint8)
        row = self._codes.get(field.name)
        codes = np.zeros(len(tfs), np.uint8) if row is None else row[field.docs]
        begins = field.starts[:-1]
        self._tokens[field.name] += int(field.tfs.sum(dtype=np.int64))
        self._put("tfs", tfs)
        if len(begins):
            self._put("cf", np.add.reduceat(field.tfs, begins, dtype=np.uint32))
            self._put("max_tf", np.maximum.reduceat(tfs, begins))
            self._put("min_length", np.minimum.reduceat(codes, begins))
            self._put("max_length", np.maximum.reduceat(codes, begins))

    def finish(
        self,
        terms: SectionWriter,
        positions: SectionWriter,
        totals: Mapping[str, int],
    ) -> None:
        """Write what was gathered and close the three files."""
        offsets = offsets_of(np.fromiter(map(len, self._terms), np.int64, len(self._terms)))
        if max(self._postings, self._packer.size, int(offsets[-1])) > MAX_OFFSET:
            raise BuildError("a segment passes 4 GiB of postings: write smaller segments")
        self._put("starts", np.array([self._postings]))
        positions.add("blocks", self._packer.blocks.astype(np.uint32))
        positions.add("widths", self._packer.widths)
        positions.add("long", self._packer.long.astype(np.uint32))
        positions.add("counts", self._packer.counts)
        positions.finish()
        self._finish_postings()
        self._finish_terms(terms, offsets, totals)

    def _finish_postings(self) -> None:
        postings = self._posting_file
        if not self._postings:
            postings.add("docs", np.empty(0, np.uint16))
        postings.add("tfs", self._get("tfs", np.uint8))
        postings.add("run_starts", self._get("runs", np.int64).astype(np.uint32))
        postings.add("run_chunks", self._get("run_chunks", np.uint16))
        postings.finish()

    def _finish_terms(self, terms: SectionWriter, offsets: Ints, totals: Mapping[str, int]) -> None:
        terms.stream("bytes", (b"".join(self._terms),))
        terms.add("offsets", offsets.astype(np.uint32))
        buckets, bucket_terms = term_buckets(self._hashes)
        terms.add("buckets", buckets)
        terms.add("bucket_terms", bucket_terms)
        terms.add("starts", self._get("starts", np.int64).astype(np.uint32))
        terms.add("cf", self._get("cf", np.uint32))
        terms.add("max_tf", self._get("max_tf", np.uint8))
        terms.add("min_length", self._get("min_length", np.uint8))
        terms.add("max_length", self._get("max_length", np.uint8))
        if chunks_of(self._docs) > 1:
            terms.add("chunks", self._get("chunks", np.uint16))
        infos = {info.name: info for info in self._infos}
        for name, total in totals.items():
            # List a field with lengths even if it has no terms.
            info = infos.get(name) or FieldInfo(name, False, 0, 0, self._rows[name])
            # Stored lengths are rounded, so sum the frequencies, which are exact.
            exact = self._tokens[name] if info.scored else total
            infos[name] = _with_lengths(info, exact, self._codes[name])
        terms.finish(tuple(infos.values()))


def _with_lengths(info: FieldInfo, total: int, codes: U8) -> FieldInfo:
    if not len(codes):
        return info
    return msgspec.structs.replace(
        info,
        total_length=total,
        min_length=int(LENGTH_VALUES[codes.min()]),
        max_length=int(LENGTH_VALUES[codes.max()]),
    )


def _write_documents(
    documents: SectionWriter, docs: int, codes: Mapping[str, U8], columns: Mapping[str, Column]
) -> None:
    rows = np.empty((len(codes), docs), np.uint8)
    for row, values in enumerate(codes.values()):
        rows[row] = values
    documents.add("lengths", rows)
    for name, column in columns.items():
        documents.add(f"column.{name}", column.values)
    documents.finish(defaults={name: column.default for name, column in columns.items()})


def _write_stored(folder: Path, segment: str, docs: int, stored: Stored) -> None:
    sizes: list[Ints] = [np.empty(0, np.int64)]

    def frames() -> Iterable[bytes | memoryview]:
        for run in stored.frames:
            sizes.append(run.sizes)
            yield run.data

    with SectionWriter(folder, segment, "stored", docs) as out:
        out.stream("frames", frames())
        out.add("offsets", offsets_of(np.concatenate(sizes)).astype(np.uint64))
        out.add("dictionary", np.frombuffer(stored.dictionary, np.uint8))
        out.finish()
