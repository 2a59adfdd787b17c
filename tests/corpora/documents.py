"""Invented documents for the codec's tests, indexed in Whoosh's own format and in storydex's."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from whoosh import index
from whoosh.filedb.filestore import FileStorage, RamStorage
from whoosh.formats import Positions

from indexer import schema
from indexer.codec import Segment
from indexer.codec.invert import Postings
from indexer.codec.stored import compress_records, encode_record
from indexer.codec.write import Column, write_segment
from indexer.model import FACETS

WORDS = tuple(f"{first}{second}" for first in ("al", "be", "co", "du") for second in "abcdefghij")


def _text(random_: random.Random, low: int, high: int) -> str:
    # Squaring makes some words frequent and most of them rare.
    picks = (int(random_.random() ** 2 * len(WORDS)) for _ in range(random_.randint(low, high)))
    return " ".join(WORDS[pick] for pick in picks)


def documents(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Keyword arguments of a Whoosh writer; fields are left out now and then."""
    random_ = random.Random(seed)
    made = []
    for number in range(count):
        document: dict[str, Any] = {
            "id": [f"story-{number}"],
            "title": _text(random_, 1, 8),
            "excerpt": _text(random_, 5, 30) if random_.random() < 0.8 else None,
            "related": schema.PART_SEPARATOR.join(_text(random_, 3, 60) for _ in range(6)),
            "provider": sorted({f"p{random_.randint(0, 20)}.com" for _ in range(4)}),
            "provider_name": _text(random_, 1, 5),
            "year": [str(random_.randint(2019, 2022))] if random_.random() < 0.9 else None,
            "published": [random_.choice(("true", "false"))],
            "published_at": datetime(2020, 1, 1) + timedelta(minutes=random_.randint(0, 10**6)),
            "quality": round(random_.uniform(-5, 100), 1) if random_.random() < 0.7 else None,
            "story": bytes(random_.choices(range(256), k=random_.randint(0, 200))),
        }
        made.append({name: value for name, value in document.items() if value is not None})
    return made


def build_whoosh(
    documents: list[dict[str, Any]], segments: int, deleted: Collection[tuple[str, str]] = ()
) -> index.FileIndex:
    """Index the documents in this many segments of Whoosh's own format, in memory.

    deleted: fields and terms, whose documents are deleted afterwards
    """
    made = RamStorage().create_index(schema.create_schema())
    size = -(-len(documents) // segments)
    for begin in range(0, len(documents), size):
        writer = made.writer()
        for document in documents[begin : begin + size]:
            writer.add_document(**document)
        writer.commit(merge=False)
    if deleted:
        writer = made.writer()
        for field, term in deleted:
            writer.delete_by_term(field, term)
        writer.commit(merge=False)
    return made


def build(
    folder: Path,
    documents: list[dict[str, Any]],
    segments: int,
    deleted: Collection[tuple[str, str]] = (),
) -> index.FileIndex:
    """The same index as of `build_whoosh`, in storydex's format, as Whoosh opens it."""
    return convert(build_whoosh(documents, segments, deleted), folder)


def convert(theirs: index.FileIndex, folder: Path) -> index.FileIndex:
    """Write each segment of Whoosh's own format as one of storydex's."""
    folder.mkdir()
    made = []
    with theirs.reader() as whole:
        for reader, _ in whole.leaf_readers():
            docs = range(reader.doc_count_all())
            segment = Segment("MAIN", docs=len(docs), deleted=filter(reader.is_deleted, docs))
            _convert_segment(reader, folder, segment.segment_id())
            made.append(segment)
    return publish(folder, made)


def publish(folder: Path, segments: list[Segment]) -> index.FileIndex:
    """Let Whoosh find segments that are in a folder."""
    index.TOC(schema.create_schema(), segments, 1).write(FileStorage(str(folder)), "MAIN")
    return index.open_dir(str(folder))


def _convert_segment(reader: Any, folder: Path, name: str) -> None:
    size = reader.doc_count_all()
    postings = [_postings(reader, field) for field in sorted(reader.indexed_field_names())]
    columns = {}
    for field, kind in reader.schema.items():
        column = kind.column_type
        if column is not None and reader.has_column(field):
            values = list(reader.column_reader(field, translate=False))
            filled = np.array(values, np.dtype(column._typecode))
            columns[field] = Column(filled, column._default)
    records = [encode_record(reader.stored_fields(doc)) for doc in range(size)]
    write_segment(
        folder, name, docs=size, fields=sorted(postings, key=lambda field: field.tfs is None),
        lengths={
            field.name: np.bincount(field.docs, field.tfs, size).astype(np.uint32)
            for field in postings
            if field.tfs is not None and reader.schema[field.name].scorable
        },
        columns=columns, facets=FACETS, stored=compress_records(records),
    )  # fmt: skip


def _postings(reader: Any, field: str) -> Postings:
    format_ = reader.schema[field].format
    with_positions = isinstance(format_, Positions)
    terms, starts, docs, tfs, positions = list(reader.lexicon(field)), [0], [], [], []
    for term in terms:
        # Those of deleted documents too, which `reader.postings` leaves out.
        matcher = reader._terms.matcher(field, term, format_)
        while matcher.is_active():
            docs.append(matcher.id())
            if with_positions:
                found = matcher.value_as("positions")
                tfs.append(len(found))
                positions += found
            matcher.next()
        starts.append(len(docs))
    arrays = [
        np.array(numbers, np.uint32) if with_positions else None for numbers in (tfs, positions)
    ]
    return Postings(
        name=field, terms=terms, starts=np.array(starts), docs=np.array(docs, np.uint32),
        tfs=arrays[0], positions=arrays[1],
    )  # fmt: skip
