"""Array arithmetic on inverted data, for writing and merging.

Everything here works on whole arrays and never once per posting. A posting is known by
its number in the order (field, term, document).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh.util.numeric import length_to_byte

from .format import CHUNK_BITS, U8, U16, U32, AnyArray, bucket_count, offsets_of

Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class Postings:
    """The inverted form of one field: T terms, P postings.

    terms: T distinct byte strings, increasing
    starts: int[T + 1], increasing from 0 to P: term t has postings starts[t]:starts[t + 1]
    docs: uint32[P], increasing within each term
    tfs: uint32[P], how often the term is in the document; None for docs-only fields
    positions: uint32[sum of tfs], where in the document, posting after posting, not
        decreasing within one; None for docs-only fields
    steps: instead of positions; of each posting the first position, then the differences
    """

    name: str
    terms: Sequence[bytes]
    starts: Ints
    docs: U32
    tfs: U32 | None = None
    positions: U32 | None = None
    steps: U32 | None = None


def _highest_length(code: int) -> int:
    low, high = 0, 1 << 20
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length_to_byte(middle) <= code else (low, middle - 1)
    return low


#: Length code → the largest length in tokens that it stands for.
_LENGTH_LIMITS = np.array([_highest_length(code) for code in range(255)], dtype=np.int64)


def length_codes(lengths: Ints) -> U8:
    """Field lengths in tokens → codes, as Whoosh's `length_to_byte` gives them."""
    return np.searchsorted(_LENGTH_LIMITS, lengths, side="left").astype(np.uint8)


def gather_ranges(begins: Ints, sizes: Ints) -> npt.NDArray[np.int64]:
    """The indices begins[0] … begins[0] + sizes[0] - 1, begins[1] …, as one array."""
    offsets = offsets_of(sizes)
    shifts = np.asarray(begins, dtype=np.int64) - offsets[:-1]
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(shifts, sizes)


def term_buckets(hashes: Sequence[int]) -> tuple[U32, U32]:
    """Hashes of T terms → where each bucket begins, uint32[B + 1], and its terms, uint32[T]."""
    count = bucket_count(len(hashes))
    buckets = np.array(hashes, np.int64) & (count - 1)
    order = np.argsort(buckets, kind="stable").astype(np.uint32)
    return offsets_of(np.bincount(buckets, minlength=count)).astype(np.uint32), order


def chunk_runs(docs: U32, starts: Ints) -> tuple[U16, npt.NDArray[np.int64], U16]:
    """Where postings pass from one chunk of documents into another.

    Returns the chunk of each term's first posting (uint16[T]), and the number (int64[R])
    and chunk (uint16[R]) of every posting whose chunk differs from that of the posting
    before it in the same term.
    """
    chunks = (docs >> CHUNK_BITS).astype(np.uint16)
    changes = np.flatnonzero(chunks[1:] != chunks[:-1]) + 1
    changes = changes[~np.isin(changes, starts)]
    return chunks[starts[:-1]], changes, chunks[changes]


def facet_of(postings: Postings, docs: int) -> tuple[U32, AnyArray]:
    """Postings of a field → for every document the ordinals of its terms.

    Returns offsets uint32[docs + 1] and ordinals uint16 or uint32 (if there are more
    than 65,536 terms), rising within each document.
    """
    dtype = np.uint16 if len(postings.terms) <= 1 << 16 else np.uint32
    ordinals = np.repeat(np.arange(len(postings.terms)), np.diff(postings.starts))
    order = np.argsort(postings.docs, kind="stable")
    counts = np.bincount(postings.docs, minlength=docs)
    return offsets_of(counts).astype(np.uint32), ordinals[order].astype(dtype)
