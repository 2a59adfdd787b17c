"""The Whoosh index in a folder: how it is written, published and opened; layer 3.

This is the one module that knows which codec the postings are stored with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from whoosh import fields
from whoosh.codec import default_codec
from whoosh.filedb.filestore import FileStorage, RamStorage
from whoosh.index import TOC, FileIndex, LockError, clean_files
from whoosh.reading import IndexReader
from whoosh.writing import CLEAR, SegmentWriter

from . import manifest as mf
from .errors import BuildError, IndexLocked
from .schema import create_schema

INDEX_NAME = "MAIN"

#: Given the generation and its files, returns the manifest and sources to publish with them.
Describe = Callable[[int, dict[str, mf.FileEntry]], tuple[mf.Manifest, mf.Sources]]


class StoryWriter(SegmentWriter):  # type: ignore[misc]
    """Whoosh's writer, publishing a generation whole: synced, described, then renamed."""

    def __init__(self, index: FileIndex, folder: str, describe: Describe, fresh: bool) -> None:
        super().__init__(index, codec=default_codec(), limitmb=256)
        self._folder = folder
        self._describe = describe
        self._fresh = fresh
        if fresh:
            self.schema = create_schema()

    def publish(self) -> int:
        """Commit everything added and deleted; returns the new generation's number."""
        self.commit(mergetype=CLEAR if self._fresh else None)
        return int(self.generation)

    def _commit_toc(self, segments: list[Any]) -> None:
        toc = _toc_bytes(TOC(self.schema, segments, self.generation))
        files = {mf.toc_name(self.generation): mf.FileEntry(len(toc), mf.digest_of(toc).hex())}
        for segment in segments:
            for name in segment.list_files(self.storage):
                path = os.path.join(self._folder, name)
                mf.sync_file(path)
                files[name] = mf.entry_of(path)
        manifest, sources = self._describe(self.generation, files)
        encoded = mf.encode_sources(sources)
        name = mf.sources_name(self.generation)
        files[name] = mf.FileEntry(len(encoded), mf.digest_of(encoded).hex())
        mf.publish_file(self._folder, name, encoded)
        mf.publish_file(
            self._folder, mf.manifest_name(self.generation), mf.encode_manifest(manifest)
        )
        mf.publish_file(self._folder, mf.toc_name(self.generation), toc)
        clean_files(self.storage, INDEX_NAME, self.generation, segments)
        mf.remove_old_generations(self._folder, self.generation)


def _toc_bytes(toc: TOC) -> bytes:
    memory = RamStorage()
    toc.write(memory, INDEX_NAME)
    return bytes(memory.files[mf.toc_name(toc.generation)])


@contextmanager
def open_writer(folder: str, describe: Describe, *, fresh: bool) -> Iterator[StoryWriter]:
    """A writer that replaces everything (`fresh`) or adds to what is there.

    Nothing is kept unless the block calls `publish`. Raises `IndexLocked` if one of
    Whoosh's own tools is writing.
    """
    storage = FileStorage(folder)
    generation = mf.newest_generation(folder)
    if fresh and generation is None:
        # Whoosh needs a table of contents to write to; generation 0 has no manifest
        # and so is never served.
        _refuse_foreign_index(folder)
        mf.publish_file(folder, mf.toc_name(0), _toc_bytes(TOC(create_schema(), [], 0)))
    try:
        writer = StoryWriter(FileIndex(storage, schema=None), folder, describe, fresh)
    except LockError:
        raise IndexLocked(folder, None) from None
    try:
        yield writer
    finally:
        if not writer.is_closed:
            writer.cancel()


def _refuse_foreign_index(folder: str) -> None:
    for name in os.listdir(folder):
        if TOC._pattern(INDEX_NAME).match(name) and name != mf.toc_name(0):
            raise BuildError(f"{folder} holds a Whoosh index not made by storydex: use another")


def open_reader(folder: str, manifest: mf.Manifest) -> tuple[IndexReader, fields.Schema]:
    """The reader over one published generation, and its schema."""
    storage = FileStorage(folder, readonly=True)
    toc = TOC.read(storage, INDEX_NAME, gen=manifest.generation)
    return FileIndex._reader(storage, toc.schema, toc.segments, toc.generation), toc.schema
