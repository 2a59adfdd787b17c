"""The files of a segment → typed arrays.

`SegmentArrays` is what the executor and the Whoosh readers see of a segment. Files are
mapped when they are first needed; nothing is read ahead, nothing copied.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np

from ..languages import Language, language_of
from .codes import ONE_FORM, code_place, code_shift, code_sizes, unpack_codes, unpack_term
from .documents import SegmentDocuments
from .files import SectionFile
from .format import (
    I64,
    MAX_POSITION_BITS,
    POSITION_BLOCK,
    TF_SHIFT,
    U8,
    U16,
    U32,
    U64,
    Mask,
    doc_chunks,
    offsets_of,
)
from .positions import SPARE, unpack_steps
from .terms import TermEntry

__all__ = ["SegmentArrays", "TermEntry"]

#: The files that are mapped on first use.
_FILES = ("postings_file", "positions_file", "documents_file", "stored_file")


class SegmentArrays(SegmentDocuments):
    """The arrays of one segment, read-only, mapped on first use; safe to share.

    Construction reads the ends of the terms file and raises `IndexCorrupt` if it is
    damaged; every other access may raise the same for the file it needs. Ordinals are
    relative to a field: 0 is its first term. Views keep the mapping alive, so there is
    nothing to close.
    """

    def __init__(self, folder: Path, segment: str, deleted: Iterable[int] = ()) -> None:
        super().__init__(folder, segment)
        self.deleted: U32 = np.unique(np.fromiter(deleted, np.uint32))
        if len(self.deleted) and self.deleted[-1] >= self.doc_count:
            raise self.terms_file.corrupt(f"document {self.deleted[-1]} is deleted but absent")

    @cached_property
    def language(self) -> Language:
        """The language in which words are stemmed."""
        try:
            return language_of(self.terms_file.table.language)
        except ValueError as error:
            raise self.terms_file.corrupt(str(error)) from error

    def map_files(self) -> None:
        """Map every file now; raises `IndexCorrupt` if one is missing or damaged."""
        for name in _FILES:
            getattr(self, name)

    def keep_stored(self) -> None:
        """Let go of all files but that of stored records, which alone can be read from now on."""
        _ = self._records
        kept = {"folder", "segment", "doc_count", "stored_file", "dictionary", "_records"}
        for name in self.__dict__.keys() - kept:
            del self.__dict__[name]

    def check_sizes(self) -> None:
        """Raise `IndexCorrupt` if a file that is mapped has become shorter."""
        for name in ("terms_file", *_FILES):
            if name in self.__dict__:
                self.__dict__[name].check_size()

    def release(self) -> None:
        """Give back the memory of all pages read so far; what is read again is mapped again."""
        for name in ("terms_file", *_FILES):
            if name in self.__dict__:
                self.__dict__[name].release()

    # Postings

    @cached_property
    def postings_file(self) -> SectionFile:
        """The file of postings."""
        return self._file("postings")

    @cached_property
    def docs(self) -> U16:
        """uint16[P]: places of documents, in the text of rows, in their chunk; of all terms.

        They rise within a term and a chunk; a row comes once for each written form.
        """
        array: U16 = self.postings_file.section("docs", "u2")
        if len(array) != self._posting_count:
            raise self.postings_file.corrupt(f"has {len(array)} postings")
        return array

    @cached_property
    def weights(self) -> U8:
        """uint8[text_postings]: the weight of a form in a row; see `ranking.WEIGHTS`."""
        return self.postings_file.section("weights", "u1", (self.text_postings,))

    @cached_property
    def bits(self) -> U8:
        """uint8[text_postings]: a bit for each field of the row that has the form.

        Above these, from bit `TF_SHIFT` on, how often it is there; `SATURATED` or more.
        """
        return self.postings_file.section("bits", "u1", (self.text_postings,))

    @cached_property
    def codes(self) -> U8:
        """uint8[C]: the form of each posting of the terms that have several; see `codes`."""
        return self.postings_file.section("codes", "u1", (int(self.code_starts[-1]),))

    def codes_of(self, entry: TermEntry) -> U8:
        """uint8[end - start]: the form of each posting of a term of the text."""
        count = entry.end - entry.start
        if self.code_place(entry) == ONE_FORM:
            return np.zeros(count, np.uint8)
        begin, end = map(int, self.code_starts[entry.ordinal : entry.ordinal + 2])
        return unpack_term(self.codes[begin:end], count, len(self.form_span(entry.ordinal)))

    def forms_of_postings(self, ordinals: range) -> I64:
        """int64: for every posting of a range of terms, its form by number in the segment.

        It is one of its term's. Raises `IndexCorrupt`.
        """
        terms = slice(ordinals.start, ordinals.stop + 1)
        starts: I64 = self.starts[terms].astype(np.int64)
        bounds: I64 = self.code_starts[terms].astype(np.int64)
        firsts: I64 = self.form_starts[terms].astype(np.int64)
        sizes, counts = starts[1:] - starts[:-1], firsts[1:] - firsts[:-1]
        if sizes.min(initial=0) < 0 or starts[-1] > self.text_postings:
            raise self.terms_file.corrupt("the postings of terms are out of order")
        wrong = (np.diff(bounds) != code_sizes(sizes, counts)).any()
        if wrong or bounds[-1] > len(self.codes):
            raise self.terms_file.corrupt("the forms of postings are out of order")
        found = unpack_codes(self.codes, bounds[:-1], sizes, counts)
        if (found >= np.repeat(counts, sizes)).any():
            raise self.postings_file.corrupt("a posting has a form that is not there")
        return np.repeat(firsts[:-1], sizes) + found

    def code_place(self, entry: TermEntry) -> int:
        """Where the forms of a term's postings are; see `codes_fast.code_of`, or `ONE_FORM`.

        Raises `IndexCorrupt` unless they are all in the file.
        """
        forms = len(self.form_span(entry.ordinal))
        if forms == 1:
            return ONE_FORM
        begin, end = map(int, self.code_starts[entry.ordinal : entry.ordinal + 2])
        shift = code_shift(forms)
        size = (((entry.end - entry.start) << shift) + 7) >> 3
        if end - begin != size or end > len(self.codes):
            raise self.terms_file.corrupt(f"term {entry.ordinal} has its forms at {begin} to {end}")
        return code_place(begin, entry.start, shift)

    @cached_property
    def first_chunks(self) -> U16:
        """uint16[T]: the chunk of the first posting of every term of the segment."""
        return self.terms_file.section("chunks", "u2", (self._term_count,))

    @cached_property
    def run_starts(self) -> U32:
        """uint32[R], rising: the postings at which a term passes into another chunk."""
        return self.postings_file.section("run_starts", "u4")

    @cached_property
    def run_chunks(self) -> U16:
        """uint16[R]: the chunk that begins at each of `run_starts`."""
        return self.postings_file.section("run_chunks", "u2", (len(self.run_starts),))

    def row_bounds(self, entry: TermEntry) -> list[int]:
        """Where the postings of a term of the text begin in each chunk of rows, and their end.

        Raises `IndexCorrupt` unless the bounds rise from the term's first posting to its end.
        """
        chunks = len(self.chunk_docs) - 1
        if chunks == 1:
            return [entry.start, entry.end]
        chunk = int(self.first_chunks[entry.ordinal])
        if chunk >= chunks:
            raise self.terms_file.corrupt(f"term {entry.ordinal} begins in chunk {chunk}")
        bounds = [entry.start] * (chunk + 1)
        # Numbers of another type would have the whole array converted to theirs.
        ends = np.array((entry.start + 1, entry.end), np.uint32)
        low, high = np.searchsorted(self.run_starts, ends)
        for run in range(low, high):
            following, start = int(self.run_chunks[run]), int(self.run_starts[run])
            if not chunk < following < chunks:
                raise self.postings_file.corrupt(f"chunk {following} follows {chunk}")
            if not bounds[-1] < start < entry.end:
                raise self.postings_file.corrupt(f"a chunk begins at posting {start}")
            bounds += [start] * (following - chunk)
            chunk = following
        return bounds + [entry.end] * (chunks + 1 - len(bounds))

    def row_ids(self, entry: TermEntry) -> I64:
        """int64[n]: the row of each posting of a term of the text; allocates.

        They rise; a row comes once for each written form. Raises `IndexCorrupt` if not.
        """
        rows = self._numbers(entry.ordinal, entry.ordinal + 1, self.chunk_rows)
        if (rows[1:] < rows[:-1]).any():
            raise self.postings_file.corrupt(f"the rows of term {entry.ordinal} do not rise")
        return rows

    def rows_of(self, ordinals: range) -> I64:
        """int64: the rows of every posting of a range of terms of the text; allocates."""
        return self._numbers(ordinals.start, ordinals.stop, self.chunk_rows)

    def doc_ids(self, field: str, entry: TermEntry) -> U32:
        """uint32[df], rising: the documents that have a term of another field; allocates."""
        ids = self.doc_ids_of(field, range(entry.ordinal, entry.ordinal + 1))
        if (ids[1:] <= ids[:-1]).any():
            raise self.postings_file.corrupt(f"the documents of {field!r} do not rise")
        return ids

    def doc_ids_of(self, field: str, ordinals: range) -> U32:
        """uint32: the documents of every posting of a range of terms of another field.

        They are grouped by term as `term_starts` tells, and rise within each term.
        """
        first = self.fields[field].first
        bounds = (first + ordinals.start, first + ordinals.stop)
        return self._numbers(*bounds, doc_chunks(self.doc_count)).astype(np.uint32)

    def _numbers(self, first: int, last: int, begins: I64) -> I64:
        """The numbers of the postings of some terms; `begins` are the first of each chunk."""
        starts = self.starts[first : last + 1].astype(np.int64)
        begin, end = int(starts[0]), int(starts[-1])
        if (starts[1:] < starts[:-1]).any() or end > len(self.docs):
            raise self.terms_file.corrupt("the postings of terms are out of order")
        chunks = self.first_chunks[first:last].astype(np.int64)
        marks, low, high = starts[:-1], 0, 0
        if len(begins) > 2:
            low, high = np.searchsorted(self.run_starts, np.array((begin, end), np.uint32))
            marks = np.concatenate([marks, self.run_starts[low:high].astype(np.int64)])
            chunks = np.concatenate([chunks, self.run_chunks[low:high].astype(np.int64)])
            order = np.argsort(marks, kind="stable")
            marks, chunks = marks[order], chunks[order]
        sizes = np.diff(np.append(marks, end))
        # The sizes of marks that lie elsewhere do not add up.
        if (
            sizes.min(initial=0) < 0
            or sizes.sum() != end - begin
            or chunks.max(initial=0) > len(begins) - 2
        ):
            raise self.postings_file.corrupt("the chunks of postings are out of order")
        numbers = np.repeat(begins[chunks], sizes) + self.docs[begin:end]
        # A place past its chunk would be one of the next.
        if (numbers >= np.repeat(begins[chunks + 1], sizes)).any():
            raise self.postings_file.corrupt("a posting is past the last number of its chunk")
        return numbers

    # Positions

    @cached_property
    def positions_file(self) -> SectionFile:
        """The file of positions."""
        return self._file("positions")

    @cached_property
    def position_bits(self) -> U64:
        """uint64[W]: the packed positions of all postings of the text, and two spare words."""
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
        if (array[1:] <= array[:-1]).any() or (array[-1:] >= len(self.bits)).any():
            raise self.positions_file.corrupt("long postings are out of order")
        return array

    @cached_property
    def long_counts(self) -> U32:
        """uint32[L]: how many positions these have."""
        return self.positions_file.section("counts", "u4", (len(self.long_postings),))

    @property
    def _block_count(self) -> int:
        return -(-len(self.bits) // POSITION_BLOCK)

    def true_tfs(self, begin: int, end: int) -> U32:
        """uint32[end - begin]: the frequencies of postings, large ones too."""
        tfs = (self.bits[begin:end] >> TF_SHIFT).astype(np.uint32)
        low, high = np.searchsorted(self.long_postings, np.array((begin, end), np.uint32))
        if low < high:
            tfs[self.long_postings[low:high] - np.uint32(begin)] = self.long_counts[low:high]
        return tfs

    def steps_of(self, begin: int, end: int, kept: Mask) -> tuple[U32, U32]:
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
        rises = (np.diff(bounds) >= 0).all() and bounds[-1] <= 8 * int(self.position_blocks[-1])
        packed = (tfs == 1) | ((tfs > 1) & (widths[:, 1] > 0))
        if not (rises and fits.all() and packed.all()):
            raise self.positions_file.corrupt("a block of positions is too short")
        taken = begin - first * POSITION_BLOCK
        places, widths = places[taken:][kept], widths[taken:][kept]
        tfs = tfs[taken:][kept]
        return tfs, self._unpacked(places, widths, tfs)

    def _unpacked(self, places: I64, widths: U8, tfs: U32) -> U32:
        steps = unpack_steps(self.position_bits, places, widths, tfs)
        if len(tfs):
            last = np.add.reduceat(steps, offsets_of(tfs)[:-1], dtype=np.int64)
            if last.max() >> MAX_POSITION_BITS:
                raise self.positions_file.corrupt(f"position {last.max()} is too large")
        return steps
