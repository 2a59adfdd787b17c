"""The example of the format's document: a segment of two documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexer.codec.invert import Forms, Postings, RowPostings
from indexer.codec.stored import StoredRecord, compress_records
from indexer.codec.write import Column, Documents, write_segment


def write_example(folder: Path) -> None:
    """Write the two documents of the example."""
    text = RowPostings(
        terms=[b"azur", b"cloud"],
        starts=np.array([0, 1, 5]),
        rows=np.array([0, 0, 1, 1, 2], np.uint32),
        forms=np.array([0, 0, 0, 1, 1], np.uint8),
        bits=np.array([1, 2, 1, 2, 1], np.uint8),
        weights=np.array([180, 140, 160, 140, 160], np.uint8),
        tfs=np.array([2, 1, 1, 1, 1], np.uint32),
        steps=np.array([0, 1, 34, 0, 33, 0], np.uint32),
        written=Forms(
            starts=np.array([0, 1, 3]),
            texts=[b"azure", b"cloud", b"clouds"],
            groups=np.array([0, 0, 0], np.uint8),
        ),
    )
    provider = Postings(
        name="provider",
        terms=[b"bbc.com", b"zdnet.com"],
        starts=np.array([0, 1, 3]),
        docs=np.array([1, 0, 1], np.uint32),
    )
    documents = Documents(
        first_rows=np.array([0, 2, 3], np.uint32),
        lengths={
            "title": np.array([2, 1, 1]),
            "excerpt": np.array([1, 1, 0]),
            "body": np.array([0, 0, 0]),
        },
        columns={"quality": Column(np.array([7, 0], np.uint64))},
        facets={"provider"},
    )
    records = [StoredRecord(b"lead", b"related"), StoredRecord(b"lead", b"")]
    write_segment(
        folder,
        "MAIN_example",
        documents,
        text=[text],
        fields=[provider],
        stored=compress_records(records, b""),
    )
