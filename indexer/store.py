"""Stories → immutable segments of an index folder, merged and published; layer 4.

A generation exists once its manifest does: the rename of that file publishes it. The
table of contents beside it is for Whoosh's own tools and is never read here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from whoosh.filedb.filestore import RamStorage
from whoosh.index import TOC

from . import manifest as mf
from .bulk import SegmentBuilder
from .codec import Segment, read_segments
from .codec.format import KINDS, file_name
from .codec.merge import merge_segments
from .codec.verify import check_files
from .disk import publish_file, sync_folder, write_file
from .errors import BuildError
from .generation import remove_leftovers
from .model import Story
from .schema import create_schema

INDEX_NAME = "MAIN"

#: Words gathered before a segment is written; what bounds the memory of a writer.
WORDS_PER_SEGMENT = 6_000_000
#: A segment is left alone while it has this many times the documents of all smaller ones.
_MERGE_FACTOR = 2

#: Given a generation and its segments, returns its manifest, without files, and sources.
Describe = Callable[[int, list[dict[str, object]]], tuple[mf.Manifest, mf.Sources]]


class Writer:
    """Adds stories to an index folder and deletes them; `publish` makes it all count."""

    def __init__(
        self, folder: str, files: dict[str, mf.FileEntry], segments: list[Segment], generation: int
    ) -> None:
        self._folder = folder
        self._generation = generation
        self._old_files = files
        self._segments = list(segments)
        self._arrays = {
            segment.segment_id(): segment.arrays(Path(folder)) for segment in self._segments
        }
        self._builder = SegmentBuilder()

    def add(self, story: Story) -> None:
        """Add a story; one with the same id must have been deleted before."""
        self._builder.add(story)
        if self._builder.words >= WORDS_PER_SEGMENT:
            self._flush()

    def delete(self, story_id: str) -> None:
        """Delete the story with this id from the segments written so far."""
        for segment in self._segments:
            arrays = self._arrays[segment.segment_id()]
            entry = arrays.find_term("id", story_id.encode())
            if entry is not None:
                for doc in arrays.doc_ids(entry).tolist():
                    segment.delete_document(doc)

    def _flush(self) -> None:
        if not self._builder.docs:
            return
        segment = Segment(INDEX_NAME, docs=self._builder.docs)
        self._builder.write(Path(self._folder), segment.segment_id())
        self._keep(segment)
        self._builder = SegmentBuilder()

    def _keep(self, segment: Segment) -> None:
        self._segments.append(segment)
        self._arrays[segment.segment_id()] = segment.arrays(Path(self._folder))

    def _merge(self) -> None:
        """Join small segments, so that there are never more than a handful."""
        live = [segment for segment in self._segments if segment.doc_count()]
        live.sort(key=lambda segment: -segment.doc_count())
        kept, left = 0, sum(segment.doc_count() for segment in live)
        for segment in live:
            left -= segment.doc_count()
            if segment.doc_count() < _MERGE_FACTOR * left or _half_deleted(segment):
                break
            kept += 1
        self._segments, merged = live[:kept], live[kept:]
        if len(merged) == 1 and not merged[0].has_deletions():
            self._segments += merged
        elif merged:
            segment = Segment(INDEX_NAME, docs=sum(old.doc_count() for old in merged))
            for old in filter(self._is_old, merged):
                # Damage would get a new checksum, and nobody would ever notice.
                check_files(Path(self._folder), old.segment_id())
            parts = [old.arrays(Path(self._folder)) for old in merged]
            merge_segments(Path(self._folder), segment.segment_id(), parts)
            self._keep(segment)

    def _is_old(self, segment: Segment) -> bool:
        return file_name(segment.segment_id(), "terms") in self._old_files

    def publish(self, describe: Describe) -> int:
        """Make everything added and deleted visible at once; returns the generation."""
        self._flush()
        self._merge()
        files = {}
        for segment in self._segments:
            if not self._is_old(segment):
                check_files(Path(self._folder), segment.segment_id())
            for _, extension in KINDS.values():
                name = segment.segment_id() + extension
                known = self._old_files.get(name)
                files[name] = known or mf.entry_of(os.path.join(self._folder, name))
        entries = [segment.to_manifest() for segment in self._segments]
        manifest, sources = describe(self._generation, entries)
        toc = self._toc()
        for name, data in (
            (mf.sources_name(self._generation), mf.encode_sources(sources)),
            (mf.toc_name(self._generation), toc),
        ):
            write_file(os.path.join(self._folder, name), data)
            files[name] = mf.FileEntry(len(data), mf.digest_of(data).hex())
            # All names have to be on the disk before the one that makes them count, and
            # before a table of contents one that tells that it is ours.
            sync_folder(self._folder)
        manifest = msgspec.structs.replace(manifest, files=files)
        name = mf.manifest_name(self._generation)
        publish_file(self._folder, name, mf.encode_manifest(manifest))
        return self._generation

    def _toc(self) -> bytes:
        memory = RamStorage()
        TOC(create_schema(), self._segments, self._generation).write(memory, INDEX_NAME)
        return bytes(memory.files[mf.toc_name(self._generation)])


def _half_deleted(segment: Segment) -> bool:
    return bool(segment.deleted_count() * 2 > segment.doc_count_all())


@contextmanager
def open_writer(folder: str, *, fresh: bool) -> Iterator[Writer]:
    """A writer that replaces everything (`fresh`) or adds to what is there.

    Nothing is kept unless the block calls `publish`; files that belong to no
    generation any more are removed afterwards. The writer's lock must be held.
    """
    found = os.listdir(folder)
    _refuse_foreign_index(found, folder)
    files: dict[str, mf.FileEntry] = {}
    segments: list[Segment] = []
    if not fresh:
        old = mf.read_manifest(folder)
        files = old.files
        segments = read_segments(folder, mf.manifest_name(old.generation), old.segments)
    try:
        yield Writer(folder, files, segments, mf.next_generation(folder))
    finally:
        remove_leftovers(folder, found, thorough=fresh)


def _refuse_foreign_index(names: list[str], folder: str) -> None:
    # A first rebuild that was cut off leaves its sources behind, too.
    ours = any(name.startswith("storydex-") for name in names)
    if not ours and any(TOC._pattern(INDEX_NAME).match(name) for name in names):
        raise BuildError(f"{folder} holds a Whoosh index not made by storydex: use another")


def write_stories(folder: str, stories: Iterable[Story], describe: Describe) -> int:
    """Write a fresh generation of these stories; returns its number."""
    with open_writer(folder, fresh=True) as writer:
        for story in stories:
            writer.add(story)
        return writer.publish(describe)
