"""The files of a segment → typed arrays; layer 2.

`SegmentArrays` is what the executor and the Whoosh readers see of a segment. Files are
mapped when they are first needed; nothing is read ahead, nothing copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import msgspec
import numpy as np

from .files import SectionFile
from .format import (
    BLOCK,
    CHUNK_BITS,
    POSITION_BLOCK,
    SATURATED,
    U8,
    U16,
    U32,
    U64,
    AnyArray,
    Kind,
    chunks_of,
)
from .stored import RecordReader, decode_record
from .terms import SegmentTerms, TermEntry

__all__ = ["SegmentArrays", "TermEntry", "iter_varints"]


class SegmentArrays(SegmentTerms):
    """The arrays of one segment, read-only, mapped on first use; safe to share.

    Construction reads the ends of the terms file and raises `IndexCorrupt` if it is
    damaged; every other access may raise the same for the file it needs. Ordinals are
    relative to a field: 0 is its first term. Views keep the mapping alive, so there is
    nothing to close.
    """

    def __init__(self, folder: Path, segment: str, deleted: Iterable[int] = ()) -> None:
        self.folder = folder
        self.segment = segment
        super().__init__(folder, segment)
        self.doc_count = self.terms_file.table.docs
        self.chunk_count = chunks_of(self.doc_count)
        self._facets: dict[str, tuple[U32, AnyArray]] = {}
        self.deleted: U32 = np.unique(np.fromiter(deleted, np.uint32))
        if len(self.deleted) and self.deleted[-1] >= self.doc_count:
            raise self.terms_file.corrupt(f"document {self.deleted[-1]} is deleted but absent")

    def _file(self, kind: Kind) -> SectionFile:
        file = SectionFile(self.folder, self.segment, kind)
        if file.table.docs != self.doc_count:
            raise file.corrupt(f"has {file.table.docs} documents, not {self.doc_count}")
        return file

    def map_files(self) -> None:
        """Map every file now; raises `IndexCorrupt` if one is missing or damaged."""
        for file in (
            self.postings_file, self.positions_file, self.documents_file, self.stored_file
        ):  # fmt: skip
            assert file.table.docs == self.doc_count

    # Postings

    @cached_property
    def postings_file(self) -> SectionFile:
        """The file of postings."""
        return self._file("postings")

    @cached_property
    def docs(self) -> U16:
        """uint16[P]: low bits of document ids, of all terms; rising within term and chunk."""
        array: U16 = self.postings_file.section("docs", "u2")
        if len(array) != self._posting_count:
            raise self.postings_file.corrupt(f"has {len(array)} postings")
        return array

    @cached_property
    def tfs(self) -> U8:
        """uint8[S], S <= P: frequencies of the first S postings; those after it count 1."""
        array: U8 = self.postings_file.section("tfs", "u1")
        if len(array) != self._starts_view[self._scored_terms]:
            raise self.postings_file.corrupt(f"has {len(array)} frequencies")
        return array

    @cached_property
    def block_max_tf(self) -> U8:
        """uint8[B]: the largest of `tfs` in every `BLOCK` postings, across terms."""
        blocks = -(-len(self.tfs) // BLOCK)
        return self.postings_file.section("block_max_tf", "u1", (blocks,))

    @cached_property
    def block_min_length(self) -> U8:
        """uint8[B]: the smallest length code in every `BLOCK` postings, across terms."""
        blocks = -(-len(self.tfs) // BLOCK)
        return self.postings_file.section("block_min_length", "u1", (blocks,))

    @cached_property
    def first_chunks(self) -> U16:
        """uint16[T]: the chunk of the first posting of every term of the segment."""
        if self.chunk_count == 1:
            return np.zeros(self._term_count, np.uint16)
        return self.terms_file.section("chunks", "u2", (self._term_count,))

    @cached_property
    def run_starts(self) -> U32:
        """uint32[R], rising: the postings at which a term passes into another chunk."""
        return self.postings_file.section("run_starts", "u4")

    @cached_property
    def run_chunks(self) -> U16:
        """uint16[R]: the chunk that begins at each of `run_starts`."""
        return self.postings_file.section("run_chunks", "u2", (len(self.run_starts),))

    def chunk_bounds(self, entries: Sequence[TermEntry]) -> AnyArray:
        """int64[n, C + 1]: entry i has in chunk c the postings `docs[b[i, c]:b[i, c + 1]]`."""
        bounds = np.empty((len(entries), self.chunk_count + 1), np.int64)
        for row, entry in zip(bounds, entries, strict=True):
            row[:-1] = entry.start
            row[-1] = entry.end
            if self.chunk_count > 1:
                self._fill_bounds(row, entry)
        return bounds

    def _fill_bounds(self, row: AnyArray, entry: TermEntry) -> None:
        # Chunks without postings are empty ranges at the start of the next one's.
        number = self._number(entry)
        chunk = int(self.first_chunks[number])
        low, high = np.searchsorted(self.run_starts, (entry.start + 1, entry.end))
        for run in range(low, high):
            following = int(self.run_chunks[run])
            if not chunk < following < self.chunk_count:
                raise self.postings_file.corrupt(f"chunk {following} follows {chunk}")
            row[chunk + 1 : following + 1] = self.run_starts[run]
            chunk = following
        row[chunk + 1 :] = entry.end

    def _number(self, entry: TermEntry) -> int:
        number = int(np.searchsorted(self._starts, entry.start))
        if self._starts[number : number + 2].tolist() != [entry.start, entry.end]:
            raise self.terms_file.corrupt(f"no term has postings {entry.start} to {entry.end}")
        return number

    def doc_ids(self, entry: TermEntry) -> U32:
        """uint32[df], rising: the documents that have a term; allocates."""
        number = self._number(entry)
        return self._ids(number, number + 1)

    def doc_ids_of(self, field: str, ordinals: range) -> U32:
        """uint32: the documents of every posting of a range of terms; allocates.

        They are grouped by term as `term_starts` tells, and rise within each term.
        """
        first = self.fields[field].first
        return self._ids(first + ordinals.start, first + ordinals.stop)

    def _ids(self, first: int, last: int) -> U32:
        starts = self._starts[first : last + 1]
        begin, end = starts[0], starts[-1]
        ids = self.docs[begin:end].astype(np.uint32)
        if self.chunk_count > 1:
            low, high = np.searchsorted(self.run_starts, (begin, end))
            marks = np.concatenate([starts[:-1], self.run_starts[low:high]])
            chunks = np.concatenate([self.first_chunks[first:last], self.run_chunks[low:high]])
            order = np.argsort(marks, kind="stable")
            bases = chunks[order].astype(np.uint32) << np.uint32(CHUNK_BITS)
            ids |= np.repeat(bases, np.diff(np.append(marks[order], end)))
        if ids.max(initial=0) >= max(1, self.doc_count):
            raise self.postings_file.corrupt(f"document {ids.max()} of {self.doc_count}")
        return ids

    # Positions

    @cached_property
    def positions_file(self) -> SectionFile:
        """The file of positions."""
        return self._file("positions")

    @cached_property
    def position_bytes(self) -> U8:
        """uint8[...]: positions of all postings with frequencies, as varints of differences."""
        return self.positions_file.section("bytes", "u1")

    @cached_property
    def position_blocks(self) -> U32:
        """uint32[ceil(S / 64) + 1]: where the bytes of every 64th posting begin."""
        blocks = -(-len(self.tfs) // POSITION_BLOCK) + 1
        array: U32 = self.positions_file.section("blocks", "u4", (blocks,))
        if array[-1] != len(self.position_bytes):
            raise self.positions_file.corrupt(f"ends at byte {array[-1]}")
        return array

    def positions(self, posting: int) -> list[int]:
        """The positions in posting number `posting`, rising; about 10 µs."""
        block = posting // POSITION_BLOCK
        raw = self.position_bytes[self.position_blocks[block] : self.position_blocks[block + 1]]
        counts = self.tfs[block * POSITION_BLOCK : posting + 1].tolist()
        if max(counts) == SATURATED:
            return self._positions_one_by_one(block, posting, iter_varints(raw.tobytes()))
        *before, count = counts
        ends = np.flatnonzero(raw < 0x80)
        skipped = sum(before)
        if skipped + count > len(ends):
            raise self.positions_file.corrupt(f"block {block} is too short")
        begin = int(ends[skipped - 1]) + 1 if skipped else 0
        wanted = raw[begin : int(ends[skipped + count - 1]) + 1].tobytes()
        return list(accumulate(iter_varints(wanted)))

    def _positions_one_by_one(self, block: int, posting: int, numbers: Iterator[int]) -> list[int]:
        try:
            for before in range(block * POSITION_BLOCK, posting):
                for _ in range(self._position_count(before, numbers)):
                    next(numbers)
            count = self._position_count(posting, numbers)
            return list(accumulate([next(numbers) for _ in range(count)]))
        except StopIteration:
            raise self.positions_file.corrupt(f"block {block} is too short") from None

    def _position_count(self, posting: int, numbers: Iterator[int]) -> int:
        count = int(self.tfs[posting])
        return next(numbers) if count == SATURATED else count

    # Documents

    @cached_property
    def documents_file(self) -> SectionFile:
        """The file of lengths, columns and facet lists."""
        return self._file("documents")

    @cached_property
    def lengths(self) -> U8:
        """uint8[L, N]: length codes; row `fields[name].length_row`. 0: the field is absent."""
        rows = 1 + max((info.length_row for info in self.fields.values()), default=-1)
        return self.documents_file.section("lengths", "u1", (rows, self.doc_count))

    def has_facet(self, name: str) -> bool:
        """Whether the segment lists this field's values by document."""
        return f"facet.{name}.offsets" in self.documents_file

    def facet(self, name: str) -> tuple[U32, AnyArray]:
        """Values by document: offsets uint32[N + 1] and ordinals uint16[M] or uint32[M].

        Document d has the terms `ordinals[offsets[d]:offsets[d + 1]]` of the field, rising.
        Raises `KeyError` if the segment has no such list. The first call looks at all of
        it, for compiled loops follow these numbers without asking.
        """
        if name not in self._facets:
            self._facets[name] = self._checked_facet(name)
        return self._facets[name]

    def _checked_facet(self, name: str) -> tuple[U32, AnyArray]:
        if not self.has_facet(name):
            raise KeyError(name)
        file = self.documents_file
        terms = self.fields[name].terms
        offsets: U32 = file.section(f"facet.{name}.offsets", "u4", (self.doc_count + 1,))
        if offsets[0] != 0 or (offsets[1:] < offsets[:-1]).any():
            raise file.corrupt(f"the lists of {name!r} are out of order")
        dtype = np.uint16 if terms <= 1 << 16 else np.uint32
        ordinals = file.section(f"facet.{name}.ordinals", dtype, (int(offsets[-1]),))
        if len(ordinals) and ordinals.max() >= terms:
            raise file.corrupt(f"a list of {name!r} names a value that is not there")
        return offsets, ordinals

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the fields that have a column."""
        return tuple(self.documents_file.table.defaults)

    def column(self, name: str) -> AnyArray:
        """One number per document, for storydex's fields Whoosh's sortable uint64.

        Raises `KeyError` if the segment has no such column.
        """
        if name not in self.documents_file.table.defaults:
            raise KeyError(name)
        return self.documents_file.section(f"column.{name}", None, (self.doc_count,))

    def column_default(self, name: str) -> int | float:
        """What the column holds for a document without a value."""
        return self.documents_file.table.defaults[name]

    # Stored records

    @cached_property
    def stored_file(self) -> SectionFile:
        """The file of stored records."""
        return self._file("stored")

    @cached_property
    def dictionary(self) -> bytes:
        """The compression dictionary of the stored records; may be empty."""
        return self.stored_file.section("dictionary", "u1").tobytes()

    @cached_property
    def records(self) -> RecordReader:
        """Random access to the stored records."""
        offsets: U64 = self.stored_file.section("offsets", "u8", (self.doc_count + 1,))
        return RecordReader(self.dictionary, offsets, self.stored_file.section("frames", "u1"))

    def stored_fields(self, doc: int) -> dict[str, object]:
        """The stored fields of a document; raises `IndexError` for one that is not there."""
        if not 0 <= doc < self.doc_count:
            raise IndexError(f"segment {self.segment} has no document {doc}")
        try:
            return decode_record(self.records.read(doc))
        except (ValueError, msgspec.DecodeError) as error:
            raise self.stored_file.corrupt(f"document {doc}: {error}") from error

    def stored_texts(self, doc: int) -> bytes:
        """The stored field `texts` alone; empty if there is none. Raises `IndexCorrupt`."""
        try:
            return self.records.texts(doc)
        except ValueError as error:
            raise self.stored_file.corrupt(f"document {doc}: {error}") from error

    def size(self) -> int:
        """Bytes of all files."""
        kinds = (self.postings_file, self.positions_file, self.documents_file)
        return sum(map(len, (self.terms_file, *kinds, self.stored_file)))


def iter_varints(data: bytes) -> Iterator[int]:
    """Decode LEB128 varints until the bytes end."""
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
