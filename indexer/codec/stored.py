"""Stored records: the texts of a document and its other fields, compressed.

Records are compressed one by one, so that any one can be read alone, with a dictionary
that the writer trains on the first of them. The field `texts` has a frame of its own, since
marking words needs nothing else and it is less than half of a story.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from threading import local
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from .format import U8, U64

#: The stored field that can be read without the others.
TEXTS = "texts"

# On invented stories of 13.2 kB: level 3 gives 2,180 bytes, level 6 1,984 in a third of a
# millisecond, level 9 little less; without a dictionary level 6 gives half as much again.
_LEVEL = 6
_SAMPLES = 512
# Size of a dictionary: this share of the records it is trained on, up to so many bytes.
_DICTIONARY_PART = 32
_MAX_DICTIONARY = 1 << 18
# The lengths of what a dictionary is pieced together from, and of what it looks for. Found
# on real stories of 22 kB: to have zstd look for them takes four times as long, and gives
# one percent more bytes.
_SEGMENT, _MATCH = 256, 8
# Training refuses smaller ones.
_MIN_DICTIONARY = 1 << 10
#: A record that claims to be larger than this is taken for damaged.
MAX_RECORD = 1 << 28

#: Before the frames of a document stands the size of the first.
_SIZE_BYTES = 4

Ints = npt.NDArray[np.integer[Any]]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[str, object])


class StoredRecord(NamedTuple):
    """What is stored of a document; either part may be empty.

    texts: the field `texts`, as it is; fields: the others, as a MessagePack map
    """

    texts: bytes
    fields: bytes


NO_RECORD = StoredRecord(b"", b"")
_NOTHING = memoryview(b"")


def encode_record(fields: dict[str, object]) -> StoredRecord:
    """Stored fields → a record.

    Values are what MessagePack holds: text, bytes, numbers, truth values, lists, maps.
    """
    texts = fields.get(TEXTS)
    if not isinstance(texts, bytes) or not texts:
        return StoredRecord(b"", _encoder.encode(fields) if fields else b"")
    rest = {name: value for name, value in fields.items() if name != TEXTS}
    return StoredRecord(texts, _encoder.encode(rest) if rest else b"")


def decode_record(record: StoredRecord) -> dict[str, object]:
    """A record → stored fields; raises `ValueError` if it is damaged."""
    fields = decode_fields(record.fields)
    return {TEXTS: record.texts, **fields} if record.texts else fields


def decode_fields(data: bytes) -> dict[str, object]:
    """The stored fields besides `texts`; raises `ValueError` if they are damaged."""
    return _decoder.decode(data) if data else {}


def train_dictionary(samples: list[bytes]) -> bytes:
    """A compression dictionary for records like these; empty if they are too few."""
    size = min(_MAX_DICTIONARY, sum(map(len, samples)) // _DICTIONARY_PART)
    if size < _MIN_DICTIONARY:
        return b""
    try:
        return zstandard.train_dictionary(size, list(samples), k=_SEGMENT, d=_MATCH).as_bytes()
    except zstandard.ZstdError:
        # The samples have too little in common, or are too small.
        return b""


class RecordCompressor:
    """Compresses records with a dictionary (may be empty). For one thread."""

    def __init__(self, dictionary: bytes) -> None:
        trained = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        if trained is not None:
            trained.precompute_compress(level=_LEVEL)
        self._compressor = zstandard.ZstdCompressor(
            level=_LEVEL, dict_data=trained, write_dict_id=False
        )

    def compress_all(self, records: Iterable[StoredRecord]) -> Iterator[Frames]:
        """Compress records one by one, as the caller asks for them."""
        for frame in map(self.compress, records):
            yield Frames(frame, np.array([len(frame)]))

    def compress(self, record: StoredRecord) -> bytes:
        """One record → its two frames; an empty record takes no bytes."""
        if record == NO_RECORD:
            return b""
        texts, fields = map(self._frame, record)
        return len(texts).to_bytes(_SIZE_BYTES, "little") + texts + fields

    def _frame(self, part: bytes) -> bytes:
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


def compress_records(records: Iterable[StoredRecord], dictionary: bytes | None = None) -> Stored:
    """Compress records as they are asked for; None trains a dictionary on the first ones."""
    iterator = iter(records)
    samples = list(islice(iterator, _SAMPLES))
    if dictionary is None:
        dictionary = train_dictionary([part for record in samples for part in record if part])
    compressor = RecordCompressor(dictionary)
    return Stored(dictionary, compressor.compress_all(chain(samples, iterator)))


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
        if sizes.min(initial=0) < 0 or len(data) != sizes.sum():
            raise ValueError("records are out of order")
        return Frames(data, sizes)

    def read(self, doc: int) -> StoredRecord:
        """A document's record; raises `ValueError` if its bytes are damaged."""
        texts, fields = self._halves(doc)
        return StoredRecord(self._decompress(texts), self._decompress(fields))

    def texts(self, doc: int) -> bytes:
        """Only the texts of a document's record; raises as `read` does."""
        return self._decompress(self._halves(doc)[0])

    def fields(self, doc: int) -> bytes:
        """Only the other fields of a document's record; raises as `read` does."""
        return self._decompress(self._halves(doc)[1])

    def _halves(self, doc: int) -> tuple[memoryview, memoryview]:
        frames, begin, end = self._frames, self._offsets[doc], self._offsets[doc + 1]
        if begin >= end:
            return _NOTHING, _NOTHING
        first = begin + _SIZE_BYTES
        middle = first + int.from_bytes(frames[begin:first], "little")
        if middle > end:
            raise ValueError("record is too short")
        return frames[first:middle], frames[middle:end]

    def _decompress(self, frame: memoryview) -> bytes:
        if not frame:
            return b""
        try:
            decompressor = self._local.decompressor
        except AttributeError:
            decompressor = zstandard.ZstdDecompressor(dict_data=self._dictionary)
            self._local.decompressor = decompressor
        try:
            if zstandard.frame_content_size(frame) > MAX_RECORD:
                raise ValueError("record is too large")
            data: bytes = decompressor.decompress(frame)
        except zstandard.ZstdError as error:
            raise ValueError(f"record cannot be decompressed: {error}") from error
        return data
