"""What a location names, a folder or an index on a cluster, and who does the work there.

Nothing else in the code knows which engine runs. What a cluster needs is loaded for one alone,
and what a rebuild needs for that, so that a search from the command line starts sooner.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..disk import local_folder
from ..engine import Engine, LocalEngine
from ..generation import verify as folders
from ..generation.manifest import read_manifest
from ..generation.sources import read_sources
from ..generation.verify import DamagedFile, VerifyReport
from ..model import BuildReport, Problems
from .location import is_cluster, read_location

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..build.rebuild import RebuildOptions

Place = str | os.PathLike[str]


def checked(location: Place) -> Place:
    """A location that can be used, be there an index or not; raises `StorydexError`."""
    if is_cluster(location):
        read_location(location)
        return location
    return local_folder(location)


def open_index(location: Place, *, compiled: bool = True) -> Engine:
    """Open the newest generation of an index for searching.

    `location` is a folder, or `opensearch://host:9200/name` for an index on a cluster.
    Searches in a folder run compiled code from when it is loaded, about a second after the
    first search, or after `Engine.warm_up`; a program that searches once says
    `compiled=False` and spares itself the loading. Raises `IndexMissing` or `IndexCorrupt`,
    `IndexUnreadable` where the system is at fault, `ClusterError` where a cluster is.

    If the newest generation in a folder is damaged, a `DamageWarning` names the file and the
    one before it is opened, which every writer keeps.
    """
    if not is_cluster(location):
        return LocalEngine(local_folder(location), compiled=compiled)
    from .engine import ClusterEngine

    return ClusterEngine(read_location(location))


def rebuild(seeds: Place, index: Place, **options: Unpack[RebuildOptions]) -> BuildReport:
    """Make an index match a folder of story files; see `build.rebuild.rebuild`.

    `index` is a folder, or `opensearch://host:9200/name` for an index on a cluster.
    """
    if not is_cluster(index):
        from ..build.rebuild import rebuild as build_folder

        return build_folder(seeds, index, **options)
    from .rebuild import rebuild as build_cluster

    return build_cluster(seeds, read_location(index), **options)


def watch(seeds: Place, index: Place, **options: Any) -> Iterator[BuildReport]:
    """Rebuild now, and again after each change; see `build.watch.watch`."""
    from ..build.watch import watch as watch_folder

    elsewhere = rebuild if is_cluster(index) else None
    return watch_folder(seeds, index, elsewhere=elsewhere, **options)


def verify(location: Place) -> VerifyReport:
    """Check that an index is whole.

    In a folder every byte is compared with its digest (see `generation.verify.verify`). Of an
    index on a cluster, which checks its own files, all shards must answer and hold as many
    stories as were sent.
    """
    if not is_cluster(location):
        return folders.verify(location)
    from .verify import verify as verify_cluster

    return verify_cluster(read_location(location))


def find_damage(
    location: Place, generation: int, sound: set[tuple[str, str]]
) -> DamagedFile | None:
    """The first file of a generation that is damaged; a cluster looks after its files itself."""
    return None if is_cluster(location) else folders.find_damage(location, generation, sound)


def read_problems(location: Place) -> Problems:
    """What was wrong with the files that an index is made of."""
    if not is_cluster(location):
        folder = local_folder(location)
        return read_sources(folder, read_manifest(folder).generation)[1]
    from .verify import read_problems as read_cluster

    return read_cluster(read_location(location))
