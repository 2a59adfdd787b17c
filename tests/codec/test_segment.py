"""A segment's entry in the manifest, its name, and the texts stored in it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from indexer.codec import Segment
from indexer.codec.stored import RecordReader, StoredRecord, compress_records
from indexer.errors import BuildError


def test_manifest_round_trip() -> None:
    """A segment survives its manifest entry, which is made of text and numbers."""
    segment = Segment("MAIN", docs=9, rows=30)
    segment.delete(7, 4)
    segment.delete(2, 1)
    segment.delete(7, 4)
    entry = segment.to_manifest()
    assert entry == {
        "name": segment.segment_id(), "docs": 9, "rows": 30, "deleted": [2, 7], "deleted_rows": 5,
    }  # fmt: skip
    assert Segment.from_manifest(entry).to_manifest() == entry
    assert pickle.loads(pickle.dumps(segment)).to_manifest() == entry
    assert (segment.live, segment.doc_count_all(), segment.doc_count()) == (7, 30, 25)


_ENTRY = {"name": "MAIN_1", "docs": 1, "rows": 3, "deleted": [], "deleted_rows": 0}


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "../x_1"}, {"name": 3}, {"docs": -1}, {"docs": 4}, {"rows": "3"},
        {"rows": 1 << 32}, {"rows": 0}, {"deleted": [1]}, {"deleted": "0"}, {"deleted_rows": 4},
        {"deleted_rows": None}, {"docs": 1.0},
    ],
)  # fmt: skip
def test_manifest_that_cannot_be_right_is_refused(changed: dict[str, Any]) -> None:
    """Names that lead elsewhere, counts and deletions that cannot be, raise ValueError."""
    Segment.from_manifest(_ENTRY)
    for entry in (_ENTRY | changed, {}):
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


_RECORDS = [
    StoredRecord(b"lead" * 9, b"related"), StoredRecord(b"", b"x"), StoredRecord(b"x", b""),
    StoredRecord(b"", b""), StoredRecord(b"last", b"one"),
]  # fmt: skip


def _compressed(records: list[StoredRecord], dictionary: bytes = b"") -> tuple[Any, bytes]:
    """Where each record begins, and the compressed bytes."""
    frames = list(compress_records(records, dictionary).frames)
    offsets = np.cumsum([0, *np.concatenate([run.sizes for run in frames])], dtype=np.uint64)
    return offsets, b"".join(run.data for run in frames)


def _read(offsets: Any, data: bytes, dictionary: bytes = b"") -> RecordReader:
    return RecordReader(dictionary, offsets, np.frombuffer(data, np.uint8))


def test_the_lead_is_stored_apart() -> None:
    """Records come back as they were, and either half can be read alone."""
    reader = _read(*_compressed(_RECORDS))
    for doc, record in enumerate(_RECORDS):
        assert reader.read(doc) == record
        assert (reader.lead(doc), reader.related(doc)) == record


def _differs(reader: RecordReader, doc: int) -> bool:
    """Whether a record is read as another than it was."""
    try:
        return reader.read(doc) != _RECORDS[doc]
    except ValueError as error:
        return "record" not in str(error)


def test_no_damaged_record_is_taken_for_another() -> None:
    """Whatever bit of the records or their dictionary is another: an error, or the same text."""
    dictionary = b"lead and related, one and all " * 9
    offsets, data = _compressed(_RECORDS, dictionary)
    hurt = bytearray(data)
    for at in range(8 * len(data)):
        hurt[at >> 3] ^= 1 << (at & 7)
        reader = _read(offsets, bytes(hurt), dictionary)
        assert not any(_differs(reader, doc) for doc in range(len(_RECORDS))), at
        hurt[at >> 3] ^= 1 << (at & 7)
    for wrong in (b"", dictionary[:-9], b"\x37\xa4\x30\xec" + dictionary):
        reader = _read(offsets, data, wrong)
        assert not any(_differs(reader, doc) for doc in range(len(_RECORDS)))


def test_records_that_are_cut_or_out_of_order_are_refused() -> None:
    """So are offsets that lead past the end, or back."""
    _, data = _compressed(_RECORDS[:1])
    for end in (1, 3, 6, len(data) - 1):
        with pytest.raises(ValueError, match="record"):
            _read(np.array([0, end], np.uint64), data).read(0)
    for bounds in ([9, 0], [len(data), 1 << 63], [1 << 63, (1 << 63) + 9]):
        with pytest.raises(ValueError, match="record"):
            _read(np.array(bounds, np.uint64), data).read(0)
        with pytest.raises(ValueError, match="order"):
            _read(np.array(bounds, np.uint64), data).frames(0, 1)


def test_a_record_that_claims_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any memory is taken; nor is one written that could not be read."""
    claims = b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + b"\1\0\0"
    data = len(claims).to_bytes(4, "little") + claims
    with pytest.raises(ValueError, match="too large"):
        _read(np.array([0, len(data)], np.uint64), data).lead(0)
    monkeypatch.setattr("indexer.codec.stored.MAX_RECORD", 8)
    with pytest.raises(BuildError, match="too large"):
        _compressed(_RECORDS)
