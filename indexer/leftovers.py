"""Which files of an index folder are still needed; layer 3.

The newest generation is, and the one that is opened if that is damaged. All other files
that storydex gave a name are of older generations, or of writers that did not finish.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

from . import manifest as mf
from .codec import open_segments
from .disk import UNFINISHED
from .errors import IndexCorrupt


def remove_leftovers(folder: str, found: Collection[str]) -> None:
    """Remove all files that no generation needs; the writer's lock must be held.

    `found` are the names that the writer found when it began. If the newest manifest
    cannot be read these stay: they may be of use. What cannot be removed now is left to
    the next writer.
    """
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if mf.is_ours(name)]
        needed = _needed(folder, names, found)
        # Manifests first: a generation is gone before its files are.
        for name in sorted(names, key=lambda name: (not name.endswith(".json"), name)):
            if name not in needed or name.endswith(UNFINISHED):
                os.unlink(os.path.join(folder, name))


def _needed(folder: str, names: list[str], found: Collection[str]) -> Collection[str]:
    generations = mf.generations(folder)
    if not generations:
        return ()
    try:
        needed = _files(folder, mf.read_generation(folder, generations[0]))
    except IndexCorrupt:
        # If the writer itself made that generation, its files are not among those found.
        return found if mf.manifest_name(generations[0]) in found else names
    for older in generations[1:]:
        with suppress(IndexCorrupt):
            manifest = mf.read_generation(folder, older)
            open_segments(folder, mf.manifest_name(older), manifest.segments)
            return needed | _files(folder, manifest)
    return needed


def _files(folder: str, manifest: mf.Manifest) -> set[str]:
    return {*manifest.files, mf.manifest_name(manifest.generation)}
