"""A segment's entry in the manifest, its name, and the texts stored in it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from indexer.codec import Segment
from indexer.codec.stored import RecordReader, compress_records, decode_record, encode_record


def test_manifest_round_trip() -> None:
    """A segment survives its manifest entry, which is made of text and numbers."""
    segment = Segment("MAIN", docs=9)
    segment.delete_document(7)
    segment.delete_document(2)
    segment.delete_document(7, delete=False)
    entry = segment.to_manifest()
    assert entry == {"name": segment.segment_id(), "docs": 9, "deleted": [2]}
    assert Segment.from_manifest(entry).to_manifest() == entry
    assert pickle.loads(pickle.dumps(segment)).to_manifest() == entry


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "../x_1", "docs": 1, "deleted": []},
        {"name": 3, "docs": 1, "deleted": []},
        {"name": "MAIN_1", "docs": -1, "deleted": []},
        {"name": "MAIN_1", "docs": 1, "deleted": [1]},
        {"name": "MAIN_1", "docs": 1, "deleted": "0"},
        {},
    ],
)
def test_manifest_that_cannot_be_right_is_refused(entry: dict[str, Any]) -> None:
    """Names that lead elsewhere, counts and deletions that cannot be, raise ValueError."""
    with pytest.raises(ValueError, match="segment"):
        Segment.from_manifest(entry)


def test_segment_names_do_not_follow_the_random_seed() -> None:
    """Two segments differ even if a program seeds Python's random numbers."""
    import random

    names = []
    for _ in range(2):
        random.seed(1)
        names.append(Segment("MAIN").segment_id())
    assert names[0] != names[1]


@pytest.mark.parametrize(
    "fields",
    [{}, {"texts": b"abc"}, {"story": b"x", "n": 1}, {"texts": b"abc", "story": b"x"},
     {"texts": "no bytes"}, {"texts": b""}],
)  # fmt: skip
def test_texts_are_stored_apart(fields: dict[str, object]) -> None:
    """Stored fields come back as they were, and the texts alone can be read."""
    other = encode_record({"texts": b"other"})
    stored = compress_records([encode_record(fields), other], b"")
    frames = list(stored.frames)
    sizes = np.concatenate([run.sizes for run in frames])
    offsets = np.cumsum([0, *sizes], dtype=np.uint64)
    data = np.frombuffer(b"".join(run.data for run in frames), np.uint8)
    reader = RecordReader(b"", offsets, data)
    assert decode_record(reader.read(0)) == fields
    texts = fields.get("texts")
    assert reader.texts(0) == (texts if isinstance(texts, bytes) else b"")
    assert reader.texts(1) == b"other"
    cut = RecordReader(b"", np.array([0, min(6, len(data))], np.uint64), data)
    if fields.get("texts") == b"abc":
        with pytest.raises(ValueError, match="record"):
            cut.texts(0)
