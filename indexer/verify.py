"""Read every byte of an index and say what is damaged; layer 4."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from . import manifest as mf
from .codec import read_segments
from .codec.verify import verify_segment
from .errors import IndexCorrupt


class DamagedFile(msgspec.Struct, frozen=True):
    """A file of the index that is not as it was written."""

    file: str
    reason: str


class VerifyReport(msgspec.Struct, frozen=True):
    """How much was read, and what of it is damaged."""

    files: int
    bytes: int
    damaged: tuple[DamagedFile, ...]


def verify(location: str | os.PathLike[str]) -> VerifyReport:
    """Check every file of the newest generation against its digest.

    Where all are as they were written, what the segments' arrays say of one another is
    checked too, which finds an index that was made wrong. Raises `IndexMissing` where
    there is no index.
    """
    folder = os.fspath(location)
    try:
        manifest = mf.read_manifest(folder)
    except IndexCorrupt as error:
        return VerifyReport(1, 0, (DamagedFile(error.file, error.reason),))
    path = os.path.join(folder, mf.manifest_name(manifest.generation))
    total = os.path.getsize(path) + sum(entry.size for entry in manifest.files.values())
    damaged = tuple(_damaged(folder, manifest)) or tuple(_contradictory(folder, manifest))
    return VerifyReport(len(manifest.files) + 1, total, damaged)


def _damaged(folder: str, manifest: mf.Manifest) -> Iterator[DamagedFile]:
    for name, expected in sorted(manifest.files.items()):
        try:
            found = mf.entry_of(os.path.join(folder, name))
        except (OSError, ValueError) as error:
            yield DamagedFile(name, getattr(error, "strerror", None) or str(error))
            continue
        if found.size != expected.size:
            yield DamagedFile(name, f"{found.size} bytes, not {expected.size}")
        elif found.digest != expected.digest:
            yield DamagedFile(name, "its digest does not match")


def _contradictory(folder: str, manifest: mf.Manifest) -> Iterator[DamagedFile]:
    name = mf.manifest_name(manifest.generation)
    try:
        segments = read_segments(folder, name, manifest.segments)
    except IndexCorrupt as error:
        yield DamagedFile(error.file, error.reason)
        return
    for segment in segments:
        for fault in verify_segment(Path(folder), segment.segment_id()):
            yield DamagedFile(fault.file, fault.reason)
