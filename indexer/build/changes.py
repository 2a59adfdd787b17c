"""The folder of story files against the last generation → which files to look at."""

from __future__ import annotations

import os
import stat
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..codec import open_segments
from ..codec.format import I64, Mask
from ..errors import DamageWarning, IndexCorrupt, IndexMissing
from ..generation import manifest as mf
from ..generation.sources import NO_SOURCES, Sources, read_sources
from ..model import Problems, Rejection
from ..schema import SCHEMA_VERSION
from ..seeds import NO_SETTINGS, SeedFiles, Settings, list_seed_files
from .tuning import Tuning
from .workers import Wanted


class Plan(NamedTuple):
    """Which files are as they were, and which must be looked at.

    fresh: whether nothing of the last generation is kept
    old, problems: the sources of the last generation, and what was wrong with them
    rows: for each file that the folder lists its row in `old`, -1 for a new file
    kept: which of the files listed are as they were
    hidden: rows of `old` whose folder cannot be read now; their stories stay
    gone: rows of `old` whose files are no longer there; their stories are removed
    read: the files to look at
    places: id of a file to look at → its place in the listing
    passed_over: suffix → files of the folder that have it and are not read
    renews: whether to publish even if all files looked at prove to be the same, so that the
        next rebuild need not look at them: they are many, or the folder is another one
    """

    started_ns: int
    fresh: bool
    old: Sources
    problems: Problems
    rows: I64
    kept: Mask
    hidden: I64
    gone: I64
    read: list[Wanted]
    places: dict[str, int]
    rejected: list[Rejection]
    renews: bool
    passed_over: dict[str, int]

    @property
    def kept_count(self) -> int:
        """How many files stay as they were."""
        return int(self.kept.sum()) + len(self.hidden)


class Held(NamedTuple):
    """The sources of the last generation, and what they are good for.

    usable: whether that generation can be added to
    moved: whether the files were in another folder; a file with the same name, size and time
        stamp may then be a different one
    """

    sources: Sources
    usable: bool
    moved: bool
    problems: Problems = Problems()


_NOTHING = Held(NO_SOURCES, usable=False, moved=False)


def read_held(index: str, seeds: str, published_only: bool, settings: Settings) -> Held:
    """What the last generation was made of."""
    try:
        manifest = mf.read_manifest(index)
        sources, problems = read_sources(index, manifest.generation)
    except IndexMissing:
        return _NOTHING
    except IndexCorrupt as damage:
        warn_of(damage)
        return _NOTHING
    moved = manifest.seeds != os.path.realpath(seeds)
    usable = manifest.schema == SCHEMA_VERSION and manifest.published_only == published_only
    usable = usable and manifest.settings == settings.digest
    if usable:
        try:
            # What could not be opened must not stay the newest.
            open_segments(index, mf.manifest_name(manifest.generation), manifest.segments)
        except IndexCorrupt as damage:
            warn_of(damage)
            usable = False
    return Held(sources, usable, moved, problems)


def warn_of(damage: IndexCorrupt) -> None:
    """Warn of damage, for which all files are read again."""
    instead = "what was there is not built upon; all story files are read again"
    warnings.warn(DamageWarning(damage, instead), stacklevel=3)


def plan_changes(
    seeds: str,
    held: Callable[[], Held],
    full: bool,
    tuning: Tuning,
    settings: Settings = NO_SETTINGS,
) -> Plan:
    """Compare the folder with what the last generation was made of; reads no story file.

    `held` is asked once the folder was listed. With `full` every file is looked at. Raises
    `SeedError` if the folder cannot be listed.
    """
    started_ns = time.time_ns()
    rejected: list[Rejection] = []
    found = list_seed_files(seeds, rejected.append, settings)
    old, usable, moved, problems = held()
    fresh = full or not usable
    rows = old.rows_of(found.ids)
    for _ in range(tuning.more_listings):
        if not _misses(seeds, old, rows):
            break
        rejected.clear()
        found = list_seed_files(seeds, rejected.append, settings)
        rows = old.rows_of(found.ids)
    # A clock that was ahead when files were read says nothing of what changed since.
    known = not fresh and not moved and old.started_ns <= started_ns
    grain = tuning.clock_grain_ns
    kept = _unchanged(found, rows, old, grain) if known else np.zeros(len(rows), bool)
    settled = ~kept & (rows >= 0) & (found.ctimes_ns < started_ns - grain)
    places = sorted(np.flatnonzero(~kept).tolist(), key=found.ids.__getitem__)
    gone = _missing(old, rows)
    hidden = _hidden(old, gone, [] if fresh else rejected)
    gone[hidden] = False
    return Plan(
        started_ns=started_ns,
        fresh=fresh,
        old=old,
        problems=problems,
        rows=rows,
        kept=kept,
        hidden=hidden,
        gone=np.flatnonzero(gone),
        read=[
            Wanted(found.file(place), None if fresh else old.digest(rows[place]))
            for place in places
        ],
        places={found.ids[place]: place for place in places},
        rejected=rejected,
        renews=moved or int(settled.sum()) >= tuning.settled_files,
        passed_over=dict(found.passed_over),
    )


def _missing(old: Sources, rows: I64) -> Mask:
    """Which rows of `old` are not listed."""
    missing = np.ones(len(old.ids), bool)
    missing[rows[rows >= 0]] = False
    return missing


def _misses(seeds: str, old: Sources, rows: I64) -> bool:
    """Whether a file that was listed before still exists but is not listed now.

    A file system may pass over names while files are replaced.
    """
    missing = np.flatnonzero(_missing(old, rows)).tolist()
    return any(_is_file(os.path.join(seeds, old.ids[row])) for row in missing)


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _hidden(old: Sources, gone: Mask, rejected: list[Rejection]) -> I64:
    """The rows that are missing because their folder cannot be listed now."""
    hidden = tuple(fault.path for fault in rejected if fault.path.endswith("/"))
    rows = np.flatnonzero(gone).tolist() if hidden else []
    return np.array([row for row in rows if old.ids[row].startswith(hidden)], np.int64)


def _unchanged(found: SeedFiles, rows: I64, old: Sources, grain_ns: int) -> Mask:
    """Which of the files found are as they were noted in rows of `old`."""
    if not old.ids:
        return np.zeros(len(rows), bool)
    same = (rows >= 0) & (found.ctimes_ns < old.started_ns - grain_ns)
    same &= (found.mtimes_ns == old.mtimes_ns[rows]) & (found.sizes == old.sizes[rows])
    # The second time stamp cannot be set: it tells of files that were renamed or given the
    # time stamp of another, even if a clock was ahead when they were read.
    same &= found.ctimes_ns == old.ctimes_ns[rows]
    return same
