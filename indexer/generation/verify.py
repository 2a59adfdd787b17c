"""Read every byte of an index and say what is damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np

from ..codec import Segment, read_segments
from ..codec.read import SegmentArrays
from ..codec.verify import verify_segment
from ..disk import local_folder
from ..errors import IndexCorrupt, IndexMissing, IndexUnreadable
from . import manifest as mf

#: A writer leaves two generations: the newest, and the one to open if that is damaged.
_KEPT = 2


class DamagedFile(msgspec.Struct, frozen=True):
    """A file of the index that is not as it was written."""

    file: str
    reason: str


class VerifyReport(msgspec.Struct, frozen=True):
    """How much was read, what of it is damaged, and what the system did not let be read."""

    files: int
    bytes: int
    damaged: tuple[DamagedFile, ...]
    unread: tuple[DamagedFile, ...] = ()


def verify(location: str | os.PathLike[str]) -> VerifyReport:
    """Check every file of the newest generation, and of the one before, against its digest.

    If no digest is wrong, the arrays of each segment are compared with one another: this
    finds an index that was written wrong. Raises `IndexMissing` where there is no index, and
    `IndexUnreadable` where its folder may not be listed.
    """
    folder = local_folder(location)
    while generations := mf.generations(folder)[:_KEPT]:
        report = _verify(folder, generations)
        # Perhaps a writer removed the file while it was read.
        if not (report.damaged or report.unread) or mf.generations(folder)[:_KEPT] == generations:
            return report
    raise IndexMissing(folder)


def find_damage(
    location: str | os.PathLike[str], generation: int, sound: set[tuple[str, str]]
) -> DamagedFile | None:
    """The first file of a generation whose bytes are not those written, None if there is none.

    Names and digests of files found sound are added to `sound`, and not read again. Raises
    `IndexCorrupt` and `IndexUnreadable`.
    """
    folder = local_folder(location)
    for name, expected in mf.read_generation(folder, generation).files.items():
        if (name, expected.digest) not in sound:
            reason = mf.damage_of(folder, name, expected)
            if reason:
                # A writer may have removed the generation meanwhile.
                still = generation in mf.generations(folder)
                return DamagedFile(name, reason) if still else None
            sound.add((name, expected.digest))
    return None


def _verify(folder: str, generations: list[int]) -> VerifyReport:
    manifests = []
    damaged = []
    unread = []
    size = 0
    for generation in generations:
        try:
            manifests.append(mf.read_generation(folder, generation))
        except IndexCorrupt as error:
            damaged.append(DamagedFile(error.file, error.reason))
        except IndexUnreadable as error:
            unread.append(DamagedFile(error.file, error.reason))
        with suppress(OSError):
            size += os.path.getsize(os.path.join(folder, mf.manifest_name(generation)))
    # What two generations share is read once.
    files = {entry for manifest in manifests for entry in manifest.files.items()}
    for name, expected in sorted(files, key=lambda file: file[0]):
        try:
            reason = mf.damage_of(folder, name, expected)
        except IndexUnreadable as error:  # noqa: PERF203, a file each
            unread.append(DamagedFile(name, error.reason))
        else:
            damaged += [DamagedFile(name, reason)] * bool(reason)
    if not damaged and not unread:
        try:
            damaged += _contradictory(folder, manifests)
        except IndexUnreadable as error:
            unread.append(DamagedFile(error.file, error.reason))
        except MemoryError:
            unread.append(DamagedFile("the index", "there is too little memory to compare files"))
    return VerifyReport(
        files=len(generations) + len(files),
        bytes=size + sum(entry.size for _, entry in files),
        damaged=tuple(damaged),
        unread=tuple(unread),
    )


def _contradictory(folder: str, manifests: list[mf.Manifest]) -> Iterator[DamagedFile]:
    faults: dict[str, list[IndexCorrupt]] = {}
    for manifest in manifests:
        name = mf.manifest_name(manifest.generation)
        try:
            segments = read_segments(folder, name, manifest.segments)
        except IndexCorrupt as error:
            yield DamagedFile(error.file, error.reason)
            continue
        for segment in segments:
            segment_id = segment.segment_id()
            if segment_id not in faults:
                faults[segment_id] = list(verify_segment(Path(folder), segment_id))
                for fault in faults[segment_id]:
                    yield DamagedFile(fault.file, fault.reason)
            if not faults[segment_id] and not _counts_fit(folder, segment):
                yield DamagedFile(name, f"{segment_id} has other documents or rows")


def _counts_fit(folder: str, segment: Segment) -> bool:
    """Whether a sound segment has as many documents and rows as a manifest says."""
    arrays = SegmentArrays(Path(folder), segment.segment_id())
    if (arrays.doc_count, arrays.row_count) != (segment.docs, segment.rows):
        return False
    rows = np.diff(arrays.first_rows.astype(np.int64))[sorted(segment.deleted)]
    return int(rows.sum()) == segment.deleted_count()
