"""Stored records: one compressed MessagePack map per document; layer 2.

Records are compressed one by one, so that any one can be read alone, with a dictionary
that the writer trains on the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from threading import local

import msgspec
import zstandard

from .format import U8, U64

# On invented stories of 15.6 kB: level 3 gives 2,270 bytes in 0.08 ms, level 6 1,972 in
# 0.23 ms, level 9 1,934 in 0.4 ms; without a dictionary level 6 gives 3,124.
_LEVEL = 6
_SAMPLES = 512
# A dictionary may take this part of the records that it is trained on, and so much at most.
_DICTIONARY_PART = 32
_MAX_DICTIONARY = 1 << 18
# Training refuses smaller ones.
_MIN_DICTIONARY = 1 << 10
#: A record larger than this is not believed.
MAX_RECORD = 1 << 28

_encoder = msgspec.msgpack.Encoder()


def encode_record(fields: dict[str, object]) -> bytes:
    """Stored fields → MessagePack; empty for none.

    Values are what MessagePack holds: text, bytes, numbers, truth values, lists, maps.
    """
    return _encoder.encode(fields) if fields else b""


def train_dictionary(samples: list[bytes]) -> bytes:
    """A compression dictionary for records like these; empty if they are too few."""
    size = min(_MAX_DICTIONARY, sum(map(len, samples)) // _DICTIONARY_PART)
    if size < _MIN_DICTIONARY:
        return b""
    try:
        return zstandard.train_dictionary(size, list(samples)).as_bytes()
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

    def compress(self, record: bytes) -> bytes:
        """One record → one frame; an empty record takes no bytes."""
        return self._compressor.compress(record) if record else b""


@dataclass(frozen=True)
class Stored:
    """Compressed records in the order of documents, and the dictionary they need."""

    dictionary: bytes
    frames: Iterable[bytes]


def compress_records(records: Iterable[bytes], dictionary: bytes | None = None) -> Stored:
    """Compress records as they are asked for; None trains a dictionary on the first ones."""
    iterator = iter(records)
    samples = list(islice(iterator, _SAMPLES))
    if dictionary is None:
        dictionary = train_dictionary([sample for sample in samples if sample])
    compressor = RecordCompressor(dictionary)
    return Stored(dictionary, map(compressor.compress, chain(samples, iterator)))


class RecordReader:
    """Reads records at random, from any thread. Cost: about 20 µs for 20 kB."""

    def __init__(self, dictionary: bytes, offsets: U64, frames: U8) -> None:
        self._dictionary = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        self._offsets = offsets.data
        self._frames = frames.data
        # A decompressor must not be shared between threads.
        self._local = local()

    def frame(self, doc: int) -> memoryview:
        """The compressed bytes of a document's record."""
        return self._frames[self._offsets[doc] : self._offsets[doc + 1]]

    def read(self, doc: int) -> bytes:
        """A document's record; raises `ValueError` if its bytes are damaged."""
        frame = self.frame(doc)
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
