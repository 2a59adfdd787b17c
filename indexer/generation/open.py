"""Open a generation; remove the files that no generation needs any more.

Two generations are needed: the newest, and the one that is opened if the newest is damaged.
All other files with names of storydex come from older generations or unfinished writers.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress

from ..codec import Segment, open_segments
from ..disk import UNFINISHED, sync_folder
from ..errors import IndexCorrupt, IndexOutdated, IndexUnreadable
from ..schema import SCHEMA_VERSION
from . import manifest as mf


def open_generation(folder: str, generation: int) -> tuple[mf.Manifest, list[Segment]]:
    """The manifest of a generation and its segments, every file mapped.

    Only the ends of the files are checked. Raises `IndexCorrupt` naming a damaged file, or
    the manifest if it was made for another schema.
    """
    manifest = mf.read_generation(folder, generation)
    name = mf.manifest_name(generation)
    if manifest.schema != SCHEMA_VERSION:
        raise IndexOutdated(folder, name, manifest.schema, SCHEMA_VERSION)
    return manifest, open_segments(folder, name, manifest.segments)


def remove_leftovers(folder: str, found: Collection[str], *, thorough: bool) -> None:
    """Remove all files that no generation needs; the writer's lock must be held.

    `found` are the names in the folder when the writer began: they stay if the newest
    manifest cannot be read, since they may be of use. A file that cannot be removed is left
    to the next writer. The older generation is kept only if it is sound: its files' ends
    are checked, with `thorough` every byte.
    """
    with suppress(OSError, IndexUnreadable):
        names = [name for name in os.listdir(folder) if mf.is_ours(name)]
        needed = _needed(folder, names, found, thorough)
        # Manifests first: no manifest may name files that are gone.
        for some in _split(names):
            _remove_others(folder, some, needed)


def make_room(folder: str, found: Iterable[str]) -> None:
    """Of the files `found`, remove all but the newest generation, if its every byte is sound.

    The lock must be held.
    """
    newest = mf.newest_generation(folder)
    if newest is None:
        return
    try:
        needed = _files(_sound(folder, newest, thorough=True))
        manifests, others = _split(name for name in found if mf.is_ours(name))
        _remove_others(folder, manifests, needed)
    except (IndexCorrupt, IndexUnreadable, OSError):
        return
    # A power cut must not bring a manifest back without its files.
    sync_folder(folder)
    with suppress(OSError):
        _remove_others(folder, others, needed)


def _split(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Manifests, and what is none."""
    listed = sorted(names)
    manifests = [name for name in listed if name.endswith(".json")]
    return manifests, [name for name in listed if name not in manifests]


def _remove_others(folder: str, names: Iterable[str], needed: Collection[str]) -> None:
    for name in names:
        if name not in needed or name.endswith(UNFINISHED):
            os.unlink(os.path.join(folder, name))


def _needed(
    folder: str, names: list[str], found: Collection[str], thorough: bool
) -> Collection[str]:
    generations = mf.generations(folder)
    if not generations:
        return ()
    published = mf.manifest_name(generations[0]) not in found
    try:
        needed = _files(mf.read_generation(folder, generations[0]))
    except IndexCorrupt:
        return names if published else found
    for older in generations[1:]:
        with suppress(IndexCorrupt):
            return needed | _files(_sound(folder, older, thorough and published))
    return needed


def _sound(folder: str, generation: int, thorough: bool) -> mf.Manifest:
    """The manifest of a generation that can be opened; raises `IndexCorrupt`."""
    manifest, _ = open_generation(folder, generation)
    if thorough:
        for name, expected in manifest.files.items():
            if reason := mf.damage_of(folder, name, expected):
                raise IndexCorrupt(folder, name, reason)
    return manifest


def _files(manifest: mf.Manifest) -> set[str]:
    return {*manifest.files, mf.manifest_name(manifest.generation)}
