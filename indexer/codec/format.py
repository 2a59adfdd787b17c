"""The layout of a segment's files: names, numbers and types.

`docs/index-format.md` describes the same for readers without the source and carries a
worked example. Whoever changes anything here raises `FORMAT_VERSION`.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from ..analysis import LANGUAGES

#: Version of the file format. A reader refuses every other one.
FORMAT_VERSION = 3

#: What names of segments begin with.
INDEX_NAME = "MAIN"

MAGIC = b"storydex"
END_MAGIC = b"xeds"

#: magic, version, reserved (0), kind.
HEAD = struct.Struct("<8sHH4s")
#: bytes in the file, bytes of the table, CRC-32 of the table, CRC-32 of all bytes before
#: this number, end magic. CRC-32 is that of RFC 1952.
TRAILER = struct.Struct("<QIII4s")

#: Sections begin at multiples of this, so that arrays are aligned for any vector unit.
ALIGNMENT = 64

FileKind = Literal["terms", "postings", "positions", "documents", "stored"]

#: kind → (tag in the head, file name extension)
KINDS: dict[FileKind, tuple[bytes, str]] = {
    "terms": (b"term", ".trm"),
    "postings": (b"post", ".pst"),
    "positions": (b"posi", ".pos"),
    "documents": (b"docs", ".doc"),
    "stored": (b"stor", ".sto"),
}

#: Types that a section may have, little-endian.
DTYPES = frozenset({"|u1", "<u2", "<u4", "<u8", "|i1", "<i2", "<i4", "<i8", "<f4", "<f8"})

#: Rows or documents of a chunk, at most; a posting keeps 16 bits, its place in the chunk.
CHUNK_BITS = 16
CHUNK_SIZE = 1 << CHUNK_BITS

#: The field whose postings are rows.
TEXT = "text"
#: Written forms of a term that are told apart; all later ones count as the last.
MAX_FORMS = 256

#: Postings whose positions are packed with the same numbers of bits.
POSITION_BLOCK = 32
#: Bits of the largest position.
MAX_POSITION_BITS = 32
#: The frequency of a posting of the text is kept above this many bits, those of its fields.
TF_SHIFT = 5
ROW_BITS = (1 << TF_SHIFT) - 1
#: A stored frequency of this value means "this or more".
SATURATED = 7
#: Postings, bytes of terms and bytes of positions of one segment stay below this.
MAX_OFFSET = (1 << 32) - 1
#: Rows of one segment, at most.
MAX_ROWS = (1 << 32) - 1

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: Whole numbers of any width.
Ints = npt.NDArray[np.integer[Any]]
AnyArray = npt.NDArray[Any]


class FieldInfo(msgspec.Struct, frozen=True):
    """A field of a segment, as the terms file lists it.

    Its terms are those from number `first` on, `terms` many, in the order of their bytes.
    """

    name: str
    first: int
    terms: int


class Section(msgspec.Struct, frozen=True):
    """Where an array lies in its file: `offset` in bytes, `shape` in C order."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


class FileTable(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a file says of itself, kept as JSON (RFC 8259) before the trailer.

    `segment` ties the files of a segment together; `docs` and `rows` are its documents and
    their rows. `fields` belongs to the terms file; `defaults` (column → number of documents
    without one) to the documents file; `language`, in which words are stemmed, to the terms file.
    """

    segment: str
    docs: int
    rows: int
    sections: tuple[Section, ...]
    fields: tuple[FieldInfo, ...] = ()
    defaults: dict[str, int] = {}
    language: str = LANGUAGES[0]


def term_hash(first: int, term: bytes) -> int:
    """CRC-32 of a term, begun with the number of its field's first term."""
    return zlib.crc32(term, first)


def bucket_count(terms: int) -> int:
    """The largest power of two not above `terms`: one to two terms a bucket on average."""
    return 1 << max(0, terms.bit_length() - 1)


def file_name(segment: str, kind: FileKind) -> str:
    """The name of a segment's file of this kind."""
    return segment + KINDS[kind][1]


def offsets_of(counts: Ints) -> I64:
    """Sizes of n groups → int64[n + 1]: where each group begins, and where the last ends."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def doc_chunks(docs: int) -> I64:
    """int64[C + 1]: the document at which each chunk begins, and how many there are."""
    return np.append(np.arange(0, max(1, docs), CHUNK_SIZE), docs)


def row_chunks(first_rows: U32) -> I64:
    """int64[C + 1]: the document with which each chunk of rows begins, and how many there are.

    first_rows: uint32[docs + 1], the first row of each document, rising, and the number of
        rows. The rows of a document are never divided: a chunk ends where the next
        document would not fit. Raises `ValueError` for one that fits into no chunk.
    """
    bounds = [0]
    docs = len(first_rows) - 1
    while bounds[-1] < docs or len(bounds) == 1:
        # A number of another type would have the whole array converted to its own.
        limit = np.uint32(min(MAX_ROWS, int(first_rows[bounds[-1]]) + CHUNK_SIZE))
        following = int(np.searchsorted(first_rows, limit, side="right")) - 1
        if following == bounds[-1] and docs:
            raise ValueError(f"document {following} has more than {CHUNK_SIZE} rows")
        bounds.append(min(following, docs))
    return np.array(bounds, np.int64)
