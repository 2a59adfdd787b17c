"""Stories → immutable segments of an index folder, merged and published.

A generation exists once its manifest does: the rename of that file publishes it. The
table of contents beside it is for Whoosh's own tools and is never read here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from whoosh.filedb.filestore import RamStorage
from whoosh.index import TOC

from ..codec import Segment, read_segments
from ..codec.format import INDEX_NAME, KINDS, FileKind, file_name
from ..codec.merge import merge_segments
from ..codec.read import SegmentArrays
from ..codec.verify import check_files
from ..disk import make_folder, publish_file, sync_folder, write_file
from ..errors import BuildError
from ..languages import ENGLISH
from ..model import Problems
from ..ranking import Averages
from ..schema import create_schema
from . import manifest as mf
from .lock import writer_lock
from .open import make_room, remove_leftovers
from .sources import Sources, encode_sources

#: A segment is left alone while it has this many times the documents of all smaller ones.
_MERGE_FACTOR = 2
#: Segments merged at a time: each has five files, and a process may open about a thousand.
_MOST_PARTS = 100

#: A generation's number and segments → its manifest, with `files` empty, its sources and
#: what was wrong with them.
Describe = Callable[[int, list[dict[str, object]]], tuple[mf.Manifest, Sources, Problems]]


class Writer:
    """Adds segments to an index folder and deletes stories; nothing counts before `publish`."""

    def __init__(
        self,
        folder: str,
        found: list[str],
        files: dict[str, mf.FileEntry],
        segments: list[Segment],
        averages: Averages | None,
        generation: int,
    ) -> None:
        self._folder = folder
        self._found = found
        self._generation = generation
        self._old_files = files
        #: What the segments of the last generation were weighted by; None if none is kept.
        self.averages = averages
        self._segments = list(segments)
        self._old = [(segment, segment.arrays(Path(folder))) for segment in segments]

    def dictionary(self, stories: int) -> bytes | None:
        """The compression dictionary of the index, or None if a new one should be trained.

        A dictionary trained on fewer than `stories` stories is not used again.
        """
        largest = max(self._segments, key=lambda segment: segment.live, default=None)
        if largest is None or largest.live < stories:
            return None
        return largest.arrays(Path(self._folder)).usable_dictionary()

    def make_room(self) -> None:
        """Remove the generation before the newest: too much of the index is made anew.

        It stays if the newest is damaged.
        """
        make_room(self._folder, self._found)

    def delete(self, story_ids: Iterable[str]) -> None:
        """Delete these stories from the segments of the last generation.

        These are read whole first: a damaged list of ids would have others deleted. Raises
        `IndexCorrupt`.
        """
        for segment, _ in self._old:
            check_files(Path(self._folder), segment.segment_id())
        for story_id in story_ids:
            self._delete(story_id)

    def _delete(self, story_id: str) -> None:
        for segment, arrays in self._old:
            entry = arrays.find_term("id", story_id.encode())
            if entry is not None:
                for doc in arrays.doc_ids("id", entry).tolist():
                    segment.delete(doc, int(arrays.first_rows[doc + 1] - arrays.first_rows[doc]))

    def keep(self, segment: Segment) -> None:
        """Add a segment that was written into the folder."""
        self._segments.append(segment)

    def _merge(self) -> None:
        """Join small segments, so that there are never more than a handful.

        The order of the segments stays, and with it the order of the stories.
        """
        live = [segment for segment in self._segments if segment.live]
        by_size = sorted(live, key=lambda segment: -segment.live)
        kept, left = 0, sum(segment.live for segment in live)
        for segment in by_size:
            left -= segment.live
            half_deleted = 2 * len(segment.deleted) > segment.docs
            if half_deleted or segment.live < _MERGE_FACTOR * left:
                break
            kept += 1
        small = {segment.segment_id() for segment in by_size[kept:]}
        merged = [segment for segment in live if segment.segment_id() in small]
        if len(merged) == 1 and not merged[0].deleted:
            merged = []
        self._segments = [segment for segment in live if segment not in merged]
        while len(merged) > _MOST_PARTS:
            groups = range(0, len(merged), _MOST_PARTS)
            merged = [self._join(merged[at : at + _MOST_PARTS]) for at in groups]
        if merged:
            self._segments.append(self._join(merged))

    def _join(self, segments: list[Segment]) -> Segment:
        folder = Path(self._folder)
        # Open again, to see the deletions.
        parts = [segment.arrays(folder) for segment in segments]
        joined = Segment(INDEX_NAME)
        joined.docs, joined.rows = merge_segments(
            folder, joined.segment_id(), parts, self._drop_text
        )
        for segment in segments:
            self._remove(segment.segment_id(), "stored")
        return joined

    def _drop_text(self, arrays: SegmentArrays) -> None:
        """Remove what was merged of a segment while the rest is; the disk may be nearly full."""
        arrays.keep_stored()
        for kind in KINDS:
            if kind != "stored":
                self._remove(arrays.segment, kind)

    def _remove(self, segment: str, kind: FileKind) -> None:
        name = file_name(segment, kind)
        if name not in self._old_files:
            with suppress(OSError):  # it is left over, then
                os.unlink(os.path.join(self._folder, name))

    def publish(self, describe: Describe) -> int:
        """Make everything added and deleted visible at once; returns the generation."""
        self._merge()
        files = {}
        for segment in self._segments:
            if file_name(segment.segment_id(), "terms") not in self._old_files:
                check_files(Path(self._folder), segment.segment_id())
            for _, extension in KINDS.values():
                name = segment.segment_id() + extension
                known = self._old_files.get(name)
                files[name] = known or mf.entry_of(os.path.join(self._folder, name))
        entries = [segment.to_manifest() for segment in self._segments]
        manifest, sources, problems = describe(self._generation, entries)
        noted, toc = encode_sources(sources, problems), self._toc()
        for name, (data, entry) in (
            (mf.sources_name(self._generation), mf.seal_described(noted)),
            (mf.toc_name(self._generation), (toc, mf.FileEntry(len(toc), mf.digest_of(toc).hex()))),
        ):
            write_file(os.path.join(self._folder, name), data)
            files[name] = entry
            # Sync all names before the manifest, which makes them count; and
            # before a table of contents one that tells that it is ours.
            sync_folder(self._folder)
        manifest = msgspec.structs.replace(manifest, files=files)
        name = mf.manifest_name(self._generation)
        publish_file(self._folder, name, mf.encode_manifest(manifest))
        return self._generation

    def _toc(self) -> bytes:
        memory = RamStorage()
        language = next(
            (one.arrays(Path(self._folder)).language for one in self._segments), ENGLISH
        )
        TOC(create_schema(language.name), self._segments, self._generation).write(
            memory, INDEX_NAME
        )
        return bytes(memory.files[mf.toc_name(self._generation)])


@contextmanager
def locked_folder(folder: str) -> Iterator[int]:
    """Hold the writer's lock of an index folder, which is made if there is none.

    What killed writers left there is removed. Yields a number that no generation had, even
    of what was left. Raises `IndexLocked`, and `BuildError` for a
    folder of another program.
    """
    make_folder(folder)
    with writer_lock(folder):
        found = os.listdir(folder)
        _refuse_foreign_index(found, folder)
        generation = mf.next_generation(folder)
        remove_leftovers(folder, found, thorough=False)
        yield generation


@contextmanager
def open_writer(folder: str, generation: int, *, fresh: bool) -> Iterator[Writer]:
    """A writer that replaces everything (`fresh`) or adds to what is there.

    It makes the generation whose number `locked_folder` gave. Nothing is kept unless the
    block calls `publish`; files that belong to no generation any more are removed afterwards.
    """
    found = os.listdir(folder)
    files: dict[str, mf.FileEntry] = {}
    segments: list[Segment] = []
    averages = None
    if not fresh:
        old = mf.read_manifest(folder)
        files, averages = old.files, old.averages
        segments = read_segments(folder, mf.manifest_name(old.generation), old.segments)
    try:
        yield Writer(folder, found, files, segments, averages, generation)
    finally:
        remove_leftovers(folder, found, thorough=fresh)


def _refuse_foreign_index(names: list[str], folder: str) -> None:
    # A first rebuild that was cut off leaves its sources behind, too.
    ours = any(name.startswith("storydex-") for name in names)
    if not ours and any(TOC._pattern(INDEX_NAME).match(name) for name in names):
        raise BuildError(f"{folder} holds a Whoosh index not made by storydex: use another")
