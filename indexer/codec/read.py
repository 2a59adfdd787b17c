"""The files of a segment → typed arrays.

`SegmentArrays` is what the executor and the Whoosh readers see of a segment. Files are
mapped when they are first needed; nothing is read ahead, nothing copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from .files import SectionFile
from .format import (
    CHUNK_BITS,
    MAX_POSITION_BITS,
    POSITION_BLOCK,
    U8,
    U16,
    U32,
    U64,
    AnyArray,
    FileKind,
    chunks_of,
)
from .positions import SPARE, unpack_steps
from .stored import RecordReader, decode_record
from .terms import SegmentTerms, TermEntry

__all__ = ["SegmentArrays", "TermEntry"]


class PositionArrays(NamedTuple):
    """What positions are read from; see docs/index-format.md."""

    tfs: U8
    words: U64
    blocks: U32
    widths: U8
    long_postings: U32
    long_counts: U32


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

    def _file(self, kind: FileKind) -> SectionFile:
        file = SectionFile(self.folder, self.segment, kind)
        if file.table.docs != self.doc_count:
            raise file.corrupt(f"has {file.table.docs} documents, not {self.doc_count}")
        return file

    def map_files(self) -> None:
        """Map every file now; raises `IndexCorrupt` if one is missing or damaged."""
        for file in (
            self.postings_file,
            self.positions_file,
            self.documents_file,
            self.stored_file,
        ):
            assert file.table.docs == self.doc_count

    def release(self) -> None:
        """Give back the memory of all pages read so far; what is read again is mapped again."""
        self.terms_file.release()
        for name in ("postings_file", "positions_file", "documents_file", "stored_file"):
            if name in self.__dict__:
                self.__dict__[name].release()

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
        # A chunk without postings gets an empty range at the beginning of the next chunk's.
        number = self._number(entry)
        chunk = int(self.first_chunks[number])
        # Numbers of another type would have the whole array converted to theirs.
        ends = np.array((entry.start + 1, entry.end), np.uint32)
        low, high = np.searchsorted(self.run_starts, ends)
        for run in range(low, high):
            following, start = int(self.run_chunks[run]), int(self.run_starts[run])
            if not chunk < following < self.chunk_count:
                raise self.postings_file.corrupt(f"chunk {following} follows {chunk}")
            if not row[chunk] < start < entry.end:
                raise self.postings_file.corrupt(f"a chunk begins at posting {start}")
            row[chunk + 1 : following + 1] = start
            chunk = following
        row[chunk + 1 :] = entry.end

    def _number(self, entry: TermEntry) -> int:
        number = int(np.searchsorted(self.starts, np.uint32(entry.start)))
        if self.starts[number : number + 2].tolist() != [entry.start, entry.end]:
            raise self.terms_file.corrupt(f"no term has postings {entry.start} to {entry.end}")
        return number

    def doc_ids(self, entry: TermEntry) -> U32:
        """uint32[df], rising: the documents that have a term; allocates."""
        number = self._number(entry)
        ids = self._ids(number, number + 1)
        if (ids[1:] <= ids[:-1]).any():
            raise self.postings_file.corrupt(f"the documents of term {number} do not rise")
        return ids

    def doc_ids_of(self, field: str, ordinals: range) -> U32:
        """uint32: the documents of every posting of a range of terms; allocates.

        They are grouped by term as `term_starts` tells, and rise within each term.
        """
        first = self.fields[field].first
        return self._ids(first + ordinals.start, first + ordinals.stop)

    def doc_ids_of_terms(self, field: str, ordinals: npt.NDArray[np.int64]) -> U32:
        """uint32: the documents of every posting of some terms, in their order; allocates."""
        numbers = self.fields[field].first + ordinals
        begins, ends = (self.starts[at].astype(np.int64) for at in (numbers, numbers + 1))
        if (ends < begins).any() or ends.max(initial=0) > len(self.docs):
            raise self.terms_file.corrupt(f"the postings of {field!r} are out of order")
        sizes = ends - begins
        postings = np.arange(sizes.sum()) + np.repeat(begins - np.cumsum(sizes) + sizes, sizes)
        ids = self.docs[postings].astype(np.uint32)
        if self.chunk_count > 1:
            chunks = np.repeat(self.first_chunks[numbers], sizes)
            runs = np.searchsorted(self.run_starts, postings.astype(np.uint32), side="right")
            passed = np.flatnonzero(runs)
            # Of the runs before a posting, the last is its term's own or that of another.
            passed = passed[self.run_starts[runs[passed] - 1] > np.repeat(begins, sizes)[passed]]
            chunks[passed] = self.run_chunks[runs[passed] - 1]
            ids |= chunks.astype(np.uint32) << np.uint32(CHUNK_BITS)
        return self._checked(ids)

    def _ids(self, first: int, last: int) -> U32:
        starts = self.starts[first : last + 1]
        begin, end = starts[0], starts[-1]
        ids = self.docs[begin:end].astype(np.uint32)
        if self.chunk_count > 1:
            low, high = np.searchsorted(self.run_starts, (begin, end))
            marks = np.concatenate([starts[:-1], self.run_starts[low:high]])
            chunks = np.concatenate([self.first_chunks[first:last], self.run_chunks[low:high]])
            order = np.argsort(marks, kind="stable")
            bases = chunks[order].astype(np.uint32) << np.uint32(CHUNK_BITS)
            ids |= np.repeat(bases, np.diff(np.append(marks[order], end)))
        return self._checked(ids)

    def _checked(self, ids: U32) -> U32:
        if ids.max(initial=0) >= max(1, self.doc_count):
            raise self.postings_file.corrupt(f"document {ids.max()} of {self.doc_count}")
        return ids

    # Positions

    @cached_property
    def positions_file(self) -> SectionFile:
        """The file of positions."""
        return self._file("positions")

    @cached_property
    def position_bits(self) -> U64:
        """uint64[W]: the packed positions of all postings with frequencies, and two spare words."""
        bits: U8 = self.positions_file.section("bits", "u1")
        if len(bits) % 8 or len(bits) < SPARE:
            raise self.positions_file.corrupt(f"has {len(bits)} bytes of positions")
        return bits.view(np.dtype("<u8"))

    @cached_property
    def position_blocks(self) -> U32:
        """uint32[B + 1]: the byte at which every 32nd posting begins; at last the end."""
        array: U32 = self.positions_file.section("blocks", "u4", (self._block_count + 1,))
        if array[-1] > 8 * len(self.position_bits) - SPARE:
            raise self.positions_file.corrupt(f"ends at byte {array[-1]}")
        return array

    @cached_property
    def position_widths(self) -> U8:
        """uint8[B, 2]: bits of a first position and of a difference in each block."""
        widths: U8 = self.positions_file.section("widths", "u1", (self._block_count, 2))
        if widths.max(initial=0) > MAX_POSITION_BITS:
            raise self.positions_file.corrupt("a position is too wide")
        return widths

    @cached_property
    def long_postings(self) -> U32:
        """uint32[L], rising: the postings that have `SATURATED` positions or more."""
        array: U32 = self.positions_file.section("long", "u4")
        if (array[1:] <= array[:-1]).any() or array[-1:].max(initial=0) > len(self.tfs):
            raise self.positions_file.corrupt("long postings are out of order")
        return array

    @cached_property
    def long_counts(self) -> U32:
        """uint32[L]: how many positions these have."""
        return self.positions_file.section("counts", "u4", (len(self.long_postings),))

    @property
    def _block_count(self) -> int:
        return -(-len(self.tfs) // POSITION_BLOCK)

    @cached_property
    def position_arrays(self) -> PositionArrays:
        """What compiled loops read positions from."""
        return PositionArrays(
            tfs=self.tfs,
            words=self.position_bits,
            blocks=self.position_blocks,
            widths=self.position_widths,
            long_postings=self.long_postings,
            long_counts=self.long_counts,
        )

    def true_tfs(self, begin: int, end: int) -> U32:
        """uint32[end - begin]: the frequencies of postings, large ones too."""
        tfs = self.tfs[begin:end].astype(np.uint32)
        low, high = np.searchsorted(self.long_postings, np.array((begin, end), np.uint32))
        if low < high:
            tfs[self.long_postings[low:high] - np.uint32(begin)] = self.long_counts[low:high]
        return tfs

    def positions(self, posting: int) -> list[int]:
        """The positions in posting number `posting`, rising; about 10 µs."""
        block = posting // POSITION_BLOCK
        head, step = self.position_widths[block].tolist()
        *before, count = self.true_tfs(block * POSITION_BLOCK, posting + 1).tolist()
        begin = 8 * int(self.position_blocks[block])
        begin += len(before) * (head - step) + sum(before) * step
        end = begin + head + (count - 1) * step
        if end > 8 * self.position_blocks[block + 1] or (count > 1 and not step):
            raise self.positions_file.corrupt(f"block {block} is too short")
        raw = self.position_bits.data.cast("B")[begin >> 3 : (end + 7) >> 3]
        bits = int.from_bytes(raw, "little") >> (begin & 7)
        mask = (1 << step) - 1
        steps = [bits >> shift & mask for shift in range(head, end - begin, step or 1)]
        return list(accumulate(steps, initial=bits & ((1 << head) - 1)))

    def steps_of(self, begin: int, end: int, kept: npt.NDArray[np.bool_]) -> tuple[U32, U32]:
        """True frequencies and positions of those postings begin … end - 1 that are kept.

        Positions come as the first of each posting followed by the differences.
        """
        first = begin // POSITION_BLOCK
        heads = np.arange(0, end - first * POSITION_BLOCK, POSITION_BLOCK)
        tfs = self.true_tfs(first * POSITION_BLOCK, end)
        bounds = 8 * self.position_blocks[first : first + len(heads) + 1].astype(np.int64)
        in_block = np.diff(heads, append=len(tfs))
        widths = np.repeat(self.position_widths[first : first + len(heads)], in_block, axis=0)
        sizes = widths[:, 0] + (tfs.astype(np.int64) - 1) * widths[:, 1]
        ends = np.cumsum(sizes)
        places = ends - sizes + np.repeat(bounds[:-1] - (ends - sizes)[heads], in_block)
        fits = places + sizes <= np.repeat(bounds[1:], in_block)
        if not fits.all() or ((tfs > 1) & (widths[:, 1] == 0)).any() or (np.diff(bounds) < 0).any():
            raise self.positions_file.corrupt("a block of positions is too short")
        taken = begin - first * POSITION_BLOCK
        places, widths = places[taken:][kept], widths[taken:][kept]
        tfs = tfs[taken:][kept]
        return tfs, unpack_steps(self.position_bits, places, widths, tfs)

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
        Raises `KeyError` if the segment has no such list. The first call checks every number,
        since compiled loops use them as indices without a check.
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
        """The number that stands for no value in the column."""
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
