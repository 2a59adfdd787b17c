"""Stored records: what is shown of a document's lead, and of its other rows, compressed.

Records are compressed one by one, so that any one can be read alone, with a dictionary
that the writer trains on the first of them. The lead has a frame of its own, since a
list of results needs little else and it is a small part of a story. Each frame ends in a
checksum, so that a damaged one is never taken for another text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import local
from typing import Any, NamedTuple

import numpy as np
import zstandard

from ..errors import BuildError
from .format import U8, U64, Ints

# Of real stories of 18.8 kB these make 4,400 bytes in 0.39 ms; half the depth (search_log 4) 4,440
# in 0.36; zstd's level 4, which takes other ways for dictionaries of other sizes, 4,780 to 4,860 in
# 0.27, its level 6 4,460 to 4,620 in 0.38 to 0.53.
_PARAMETERS = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_LAZY, window_log=20, chain_log=18, hash_log=18, search_log=5,
    min_match=5, target_length=8, write_dict_id=False, write_checksum=True,
)  # fmt: skip
#: Records that a dictionary is trained on, at most.
MOST_SAMPLES = 512
# Size of a dictionary: this share of the records it is trained on, up to so many bytes.
_DICTIONARY_PART = 32
_MAX_DICTIONARY = 1 << 18
# The lengths of what a dictionary is pieced together from, and of what it looks for. Found
# on real stories of 22 kB: to have zstd look for them takes four times as long, and gives
# one percent more bytes.
_SEGMENT, _MATCH = 256, 8
# Training refuses smaller ones.
_MIN_DICTIONARY = 1 << 10
#: Bytes of one half of a record, at most; one that claims to be larger is taken for damaged.
MAX_RECORD = 1 << 26

#: Before the frames of a document stands the size of the first.
_SIZE_BYTES = 4


class StoredRecord(NamedTuple):
    """What is stored of a document's lead, and of its other rows; either may be empty."""

    lead: bytes
    related: bytes


NO_RECORD = StoredRecord(b"", b"")
_NOTHING = memoryview(b"")


def train_dictionary(records: list[bytes]) -> bytes:
    """A compression dictionary for records like these; empty if they are too few."""
    samples: list[Any] = list(filter(None, records))
    size = min(_MAX_DICTIONARY, sum(map(len, samples)) // _DICTIONARY_PART)
    if size < _MIN_DICTIONARY:
        return b""
    try:
        return zstandard.train_dictionary(size, samples, k=_SEGMENT, d=_MATCH).as_bytes()
    except zstandard.ZstdError:
        # The samples have too little in common, or are too small.
        return b""


class RecordCompressor:
    """Compresses records with a dictionary (may be empty). For one thread.

    Raises `ValueError` for a dictionary that is damaged.
    """

    def __init__(self, dictionary: bytes) -> None:
        trained = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        if trained is not None:
            try:
                trained.precompute_compress(compression_params=_PARAMETERS)
            except zstandard.ZstdError as error:
                raise ValueError(f"the dictionary cannot be used: {error}") from error
        self._compressor = zstandard.ZstdCompressor(
            dict_data=trained, compression_params=_PARAMETERS
        )

    def compress_all(self, records: Iterable[StoredRecord]) -> Iterator[Frames]:
        """Compress records one by one, as the caller asks for them."""
        for frame in map(self.compress, records):
            yield Frames(frame, np.array([len(frame)]))

    def compress(self, record: StoredRecord) -> bytes:
        """One record → its two frames; an empty record takes no bytes.

        Raises `BuildError` for one that is too large.
        """
        if record == NO_RECORD:
            return b""
        lead, related = map(self._frame, record)
        return len(lead).to_bytes(_SIZE_BYTES, "little") + lead + related

    def _frame(self, part: bytes) -> bytes:
        if len(part) > MAX_RECORD:
            raise BuildError(f"a story of {len(part)} bytes is too large: shorten or split it")
        return self._compressor.compress(part) if part else b""


class Frames(NamedTuple):
    """Compressed records of some documents, concatenated, and the size of each."""

    data: bytes | memoryview
    sizes: Ints


@dataclass(frozen=True)
class Stored:
    """Compressed records in the order of documents, and the dictionary they need."""

    dictionary: bytes
    frames: Iterable[Frames]


def compress_records(records: Iterable[StoredRecord], dictionary: bytes) -> Stored:
    """Compress records as they are asked for."""
    return Stored(dictionary, RecordCompressor(dictionary).compress_all(records))


class RecordReader:
    """Reads records at random, from any thread. Cost: about 8 µs for each half of a story."""

    def __init__(self, dictionary: bytes, offsets: U64, frames: U8) -> None:
        self._dictionary = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        self._ends = offsets
        self._offsets = offsets.data
        self._frames = frames.data
        # A decompressor must not be shared between threads.
        self._local = local()

    def frames(self, first: int, last: int) -> Frames:
        """The compressed records of documents first … last - 1.

        Raises `ValueError` if the offsets are damaged.
        """
        offsets = self._ends[first : last + 1].astype(np.int64)
        sizes = np.diff(offsets)
        data = self._frames[offsets[0] : offsets[-1]]
        if offsets[0] < 0 or sizes.min(initial=0) < 0 or len(data) != sizes.sum():
            raise ValueError("records are out of order")
        return Frames(data, sizes)

    def read(self, doc: int) -> StoredRecord:
        """A document's record; raises `ValueError` if its bytes are damaged."""
        lead, related = self._halves(doc)
        return StoredRecord(self._decompress(lead), self._decompress(related))

    def lead(self, doc: int) -> bytes:
        """Only what is stored of a document's lead; raises as `read` does."""
        return self._decompress(self._halves(doc)[0])

    def related(self, doc: int) -> bytes:
        """Only what is stored of a document's other rows; raises as `read` does."""
        return self._decompress(self._halves(doc)[1])

    def _halves(self, doc: int) -> tuple[memoryview, memoryview]:
        frames, begin, end = self._frames, self._offsets[doc], self._offsets[doc + 1]
        if begin == end:
            return _NOTHING, _NOTHING
        first = begin + _SIZE_BYTES
        middle = first + int.from_bytes(frames[begin:first], "little")
        if not middle <= end <= len(frames):
            raise ValueError("record is too short")
        return frames[first:middle], frames[middle:end]

    def _decompress(self, frame: memoryview) -> bytes:
        if not frame:
            return b""
        try:
            size = zstandard.frame_content_size(frame)
            # A frame that says it is empty would not be read at all.
            if not 0 < size <= MAX_RECORD:
                raise ValueError(f"record is empty or too large: {size}")
            data: bytes = self._decompressor().decompress(frame, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise ValueError(f"record cannot be decompressed: {error}") from error
        return data

    def _decompressor(self) -> zstandard.ZstdDecompressor:
        try:
            found: zstandard.ZstdDecompressor = self._local.decompressor
        except AttributeError:
            found = zstandard.ZstdDecompressor(dict_data=self._dictionary)
            self._local.decompressor = found
        return found
