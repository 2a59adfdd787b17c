"""Inverted data → the files of a segment.

`write_segment` takes flat arrays from a bulk indexer or a merge. When it
returns, all files are synced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from ..analysis import LANGUAGES
from ..disk import sync_folder
from ..errors import BuildError
from .codes import code_sizes, pack_codes
from .files import SectionWriter
from .format import (
    I64,
    MAX_OFFSET,
    SATURATED,
    TEXT,
    TF_SHIFT,
    U32,
    U64,
    AnyArray,
    FieldInfo,
    Ints,
    doc_chunks,
    offsets_of,
    row_chunks,
    term_hash,
)
from .invert import Postings, RowPostings, chunk_runs, count_text, facet_of, term_buckets
from .positions import PositionPacker
from .stored import Stored


@dataclass(frozen=True)
class Column:
    """One number per document: values, uint64[docs]; `default` means none."""

    values: U64
    default: int = 0


@dataclass(frozen=True, kw_only=True)
class Documents:
    """What a segment holds beside postings.

    first_rows: uint32[docs + 1], the first row of each document, and the number of rows
    lengths: field → words of the field in each row, int[rows]
    columns: field → one number a document
    facets: names of the fields that get a list of values by document
    language: in which words are stemmed
    """

    first_rows: U32
    lengths: Mapping[str, Ints]
    columns: Mapping[str, Column]
    facets: Collection[str]
    language: str = LANGUAGES[0]

    @property
    def docs(self) -> int:
        """The number of documents."""
        return len(self.first_rows) - 1

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.first_rows[-1])


def write_segment(
    folder: Path,
    segment: str,
    documents: Documents,
    *,
    text: Iterable[RowPostings],
    fields: Iterable[Postings],
    stored: Stored,
) -> None:
    """Write the files `segment`.* into `folder`, which must not have them yet.

    text: the inverted text, in one or several parts, the terms of each after those of the
        last; read once
    fields: the other fields; read once, one at a time. All but facets may come in parts
    stored: a record for each document, see `stored.compress_records`; read once

    Raises `BuildError` if postings, terms or positions pass 4 GiB or a document has too
    many rows; `OSError` if a file cannot be written. Needs memory for the terms and a few
    bytes per posting besides one part's arrays.
    """
    docs, rows = documents.docs, documents.rows
    with (
        SectionWriter(folder, segment, "terms", docs, rows) as terms,
        SectionWriter(folder, segment, "postings", docs, rows) as postings,
        SectionWriter(folder, segment, "positions", docs, rows) as positions,
        SectionWriter(folder, segment, "documents", docs, rows) as others,
    ):
        inverted = _Inverted(documents, postings, others)
        positions.stream("bits", inverted.take_text(text))
        inverted.take_fields(fields)
        inverted.finish(terms, positions)
        _write_documents(others, documents)
    _write_stored(folder, segment, documents, stored)
    sync_folder(folder)


class _Inverted:
    """Gathers the terms and postings of a segment; what is large passes through."""

    def __init__(
        self, documents: Documents, postings: SectionWriter, others: SectionWriter
    ) -> None:
        self._documents = documents
        self._doc_chunks = doc_chunks(documents.docs)
        try:
            self._row_chunks = documents.first_rows[row_chunks(documents.first_rows)]
        except ValueError as error:
            raise BuildError(f"a story has too many related articles: {error}") from error
        self._posting_file = postings
        self._others = others
        self._infos: list[FieldInfo] = []
        self._arrays: dict[str, list[AnyArray]] = {}
        self._terms: list[bytes] = []
        self._forms: list[bytes] = []
        self._hashes: list[int] = []
        self._postings = 0
        self._codes = 0
        self._packer = PositionPacker()

    def _put(self, name: str, array: AnyArray) -> None:
        self._arrays.setdefault(name, []).append(array)

    def _get(self, name: str, dtype: type) -> AnyArray:
        found = [np.empty(0, dtype), *self._arrays.get(name, ())]
        return np.concatenate(found).astype(dtype, copy=False)

    def take_text(self, parts: Iterable[RowPostings]) -> Iterable[bytes]:
        """Take the text and yield the packed positions."""
        self._infos.append(FieldInfo(TEXT, 0, 0))
        owners = np.repeat(np.arange(self._documents.docs), np.diff(self._documents.first_rows))
        for part in parts:
            self._take_terms(TEXT, part.terms)
            self._take_postings(part.starts, part.rows, self._row_chunks.astype(np.int64))
            self._put("weights", part.weights)
            tfs = np.minimum(part.tfs, SATURATED).astype(np.uint8)
            self._put("bits", part.bits | (tfs << TF_SHIFT))
            self._take_forms(part)
            written = part.written
            statistics = count_text(
                part.starts, owners[part.rows], part.forms, part.tfs, written.starts, written.groups
            )
            for name in ("df", "cf", "light_df", "light_cf"):
                self._put(name, getattr(statistics, name))
            yield from self._packer.add(part.steps, part.tfs)
        yield self._packer.finish()

    def _take_forms(self, part: RowPostings) -> None:
        """The form of each posting is kept where a term has several."""
        counts, postings = np.diff(part.written.starts), np.diff(part.starts)
        sizes = code_sizes(postings, counts)
        self._put("form_starts", np.asarray(part.written.starts)[:-1] + len(self._forms))
        self._put("code_starts", offsets_of(sizes)[:-1] + self._codes)
        self._put("codes", pack_codes(part.forms, postings, counts))
        self._put("groups", part.written.groups)
        self._codes += int(sizes.sum())
        self._forms.extend(part.written.texts)

    def take_fields(self, fields: Iterable[Postings]) -> None:
        """Take every other field in turn."""
        for field in fields:
            self._take_terms(field.name, field.terms)
            self._take_postings(field.starts, field.docs, self._doc_chunks)
            if field.name in self._documents.facets:
                offsets, ordinals = facet_of(field, self._documents.docs)
                self._others.add(f"facet.{field.name}.offsets", offsets)
                self._others.add(f"facet.{field.name}.ordinals", ordinals)

    def _take_terms(self, name: str, terms: Iterable[bytes]) -> None:
        if self._infos[-1].name != name:
            self._infos.append(FieldInfo(name, len(self._terms), 0))
        info = self._infos[-1]
        before = len(self._terms)
        self._terms.extend(terms)
        self._infos[-1] = msgspec.structs.replace(
            info, terms=info.terms + len(self._terms) - before
        )
        self._hashes.extend(term_hash(info.first, term) for term in self._terms[before:])

    def _take_postings(self, starts: Ints, numbers: U32, begins: I64) -> None:
        """Postings of some terms; `begins` are the first numbers of the chunks."""
        self._put("starts", starts[:-1] + np.int64(self._postings))
        chunks = np.searchsorted(begins[1:-1], numbers, side="right").astype(np.uint16)
        self._posting_file.extend("docs", (numbers - begins[chunks]).astype(np.uint16))
        first, runs, run_chunks = chunk_runs(chunks, starts)
        self._put("chunks", first)
        self._put("runs", runs + self._postings)
        self._put("run_chunks", run_chunks)
        self._postings += len(numbers)

    def finish(self, terms: SectionWriter, positions: SectionWriter) -> None:
        """Write what was gathered and close the three files."""
        offsets = offsets_of(np.fromiter(map(len, self._terms), np.int64, len(self._terms)))
        if max(self._postings, self._packer.size, int(offsets[-1])) > MAX_OFFSET:
            raise BuildError("a segment passes 4 GiB of postings: write smaller segments")
        positions.add("blocks", self._packer.blocks.astype(np.uint32))
        positions.add("widths", self._packer.widths)
        positions.add("long", self._packer.long.astype(np.uint32))
        positions.add("counts", self._packer.counts)
        positions.finish()
        self._finish_postings()
        self._finish_terms(terms, offsets)

    def _finish_postings(self) -> None:
        postings = self._posting_file
        if not self._postings:
            postings.add("docs", np.empty(0, np.uint16))
        for name in ("weights", "bits", "codes"):
            postings.add(name, self._get(name, np.uint8))
        postings.add("run_starts", self._get("runs", np.uint32))
        postings.add("run_chunks", self._get("run_chunks", np.uint16))
        postings.finish()

    def _finish_terms(self, terms: SectionWriter, offsets: Ints) -> None:
        self._put("starts", np.array([self._postings]))
        self._put("form_starts", np.array([len(self._forms)]))
        self._put("code_starts", np.array([self._codes]))
        terms.stream("bytes", (b"".join(self._terms),))
        terms.add("offsets", offsets.astype(np.uint32))
        buckets, bucket_terms = term_buckets(self._hashes)
        terms.add("buckets", buckets)
        terms.add("bucket_terms", bucket_terms)
        for name in ("starts", "df", "cf", "form_starts", "code_starts", "light_df", "light_cf"):
            terms.add(name, self._get(name, np.uint32))
        terms.add("chunks", self._get("chunks", np.uint16))
        terms.stream("form_bytes", (b"".join(self._forms),))
        sizes = np.fromiter(map(len, self._forms), np.int64, len(self._forms))
        terms.add("form_offsets", offsets_of(sizes).astype(np.uint32))
        order = sorted(range(len(self._forms)), key=self._forms.__getitem__)
        terms.add("form_order", np.array(order, np.uint32))
        terms.add("groups", self._get("groups", np.uint8))
        terms.finish(tuple(self._infos), language=self._documents.language)


def _write_documents(others: SectionWriter, documents: Documents) -> None:
    others.add("first_rows", documents.first_rows.astype(np.uint32))
    for name, lengths in documents.lengths.items():
        longest = int(lengths.max(initial=0))
        others.add(f"words.{name}", lengths.astype(np.min_scalar_type(longest)))
    for name, column in documents.columns.items():
        others.add(f"column.{name}", column.values)
    others.finish(defaults={name: column.default for name, column in documents.columns.items()})


def _write_stored(folder: Path, segment: str, documents: Documents, stored: Stored) -> None:
    sizes: list[Ints] = [np.empty(0, np.int64)]

    def frames() -> Iterable[bytes | memoryview]:
        for run in stored.frames:
            sizes.append(run.sizes)
            yield run.data

    with SectionWriter(folder, segment, "stored", documents.docs, documents.rows) as out:
        out.stream("frames", frames())
        out.add("offsets", offsets_of(np.concatenate(sizes)).astype(np.uint64))
        out.add("dictionary", np.frombuffer(stored.dictionary, np.uint8))
        out.finish()
