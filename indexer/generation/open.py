"""Opening a generation, and removing what none needs any more.

The newest generation is needed, and the one that is opened if that is damaged. All other
files that storydex gave a name are of older ones, or of writers that did not finish.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

from ..codec import Segment, open_segments
from ..disk import UNFINISHED
from ..errors import IndexCorrupt
from ..schema import SCHEMA_VERSION
from . import manifest as mf


def open_generation(folder: str, generation: int) -> tuple[mf.Manifest, list[Segment]]:
    """The manifest of a generation and its segments, every file mapped.

    Raises `IndexCorrupt` naming a file that is damaged as far as can be told without
    reading all of it, or the manifest if it was made for another schema.
    """
    manifest = mf.read_generation(folder, generation)
    name = mf.manifest_name(generation)
    if manifest.schema != SCHEMA_VERSION:
        raise IndexCorrupt(folder, name, f"schema {manifest.schema}, not {SCHEMA_VERSION}")
    return manifest, open_segments(folder, name, manifest.segments)


def remove_leftovers(folder: str, found: Collection[str], *, thorough: bool) -> None:
    """Remove all files that no generation needs; the writer's lock must be held.

    `found` are the names that the writer found when it began. If the newest manifest
    cannot be read these stay: they may be of use. What cannot be removed now is left to
    the next writer. With `thorough` every byte of an older generation is read before it
    is kept, in place of the ends of its files.
    """
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if mf.is_ours(name)]
        needed = _needed(folder, names, found, thorough)
        # Manifests first: a generation is gone before its files are.
        for name in sorted(names, key=lambda name: (not name.endswith(".json"), name)):
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
