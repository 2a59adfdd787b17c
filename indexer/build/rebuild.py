"""Story files → a new generation of the index, published.

Only files that changed since the last generation are read, unless asked otherwise.
Story files are read in worker processes; one process writes.
"""

from __future__ import annotations

import os
import stat
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..analysis import well_formed
from ..codec import Segment, open_segments
from ..disk import local_folder
from ..errors import BuildError, DamageWarning, IndexCorrupt, IndexMissing
from ..generation import manifest as mf
from ..generation.lock import writer_lock
from ..generation.publish import Writer, open_writer
from ..generation.sources import NO_SOURCES, Sources, read_sources
from ..model import BuildProgress, BuildReport, FieldWarning, Rejection
from ..schema import SCHEMA_VERSION
from ..seeds import SeedFile, SeedFiles, list_seed_files, listing
from .workers import (
    WORTH_WORKERS,
    Read,
    ShardRead,
    Task,
    Wanted,
    load_tools,
    shard_reader,
    shards_of,
)

Progress = Callable[[BuildProgress], None]

#: A file changed this shortly before it was read may have changed again within the
#: granularity of its time stamp; such a file is compared by content.
_CLOCK_GRAIN_NS = 2_000_000_000
#: The fewest files that are worth a new generation so that they need not be looked at again.
_WORTH_NOTING = 64
#: How often to list a folder once more while it seems to miss files that are there.
_MORE_LISTINGS = 3
_Numbers = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]


class _Plan(NamedTuple):
    """What has to be done: some files are as they were, others must be looked at.

    old: the sources of the last generation
    rows: for each file that the folder lists where it is in `old`, or -1
    kept: which of these are as they were; hidden, gone: rows of `old` that are not listed,
        and stay all the same or do not
    read: the files to look at; places: by their ids where the folder lists them
    renews: whether files that turn out to be the same are worth noting anew: it was another
        folder, or many that need not be looked at again
    """

    started_ns: int
    fresh: bool
    old: Sources
    rows: _Numbers
    kept: _Mask
    hidden: _Numbers
    gone: _Numbers
    read: list[Wanted]
    places: dict[str, int]
    rejected: list[Rejection]
    renews: bool

    @property
    def kept_count(self) -> int:
        """How many files stay as they were."""
        return int(self.kept.sum()) + len(self.hidden)


def rebuild(
    seeds: str | os.PathLike[str],
    index: str | os.PathLike[str],
    *,
    full: bool = False,
    published_only: bool = False,
    strict: bool = False,
    workers: int | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Make the index match the folder of story files.

    New and changed files are read, removed ones forgotten; with `full` all are read.
    `published_only` leaves out stories that say `published: false`. With `strict`
    nothing is published if a file that is read is rejected or loses a field. `workers` is the
    number of processes that read, at least one, by default one a core. `dry_run` writes nothing.

    Raises `SeedError` if the folder cannot be read, `IndexLocked` if another writer
    is at work, `BuildError` if nothing could be published; what was there before then
    still serves. If that turns out to be damaged, a `DamageWarning` names the file and
    all story files are read.
    """
    started = time.monotonic()
    seeds, index = os.fspath(seeds), local_folder(index)
    workers = max(1, workers or os.cpu_count() or 1)
    job = _Job(seeds, index, published_only, strict, workers, progress)
    if dry_run:
        return job.run(job.plan(full), started, None)
    with failures_named(index):
        os.makedirs(index, exist_ok=True)
        with writer_lock(index):
            try:
                return job.run(job.plan(full), started, index)
            except IndexCorrupt as damage:
                _warn(damage)
                return job.run(job.plan(full=True), started, index)


def _warn(damage: IndexCorrupt) -> None:
    instead = "what was there is not built upon; all story files are read again"
    warnings.warn(DamageWarning(damage, instead), stacklevel=3)


@contextmanager
def failures_named(folder: str) -> Iterator[None]:
    """Failures of the file system say which file it was, as `BuildError`."""
    try:
        yield
    except OSError as error:
        raise BuildError(f"{error.filename or folder}: {error.strerror or error}") from error


def make_manifest(
    generation: int,
    segments: list[dict[str, object]],
    seeds: str,
    published_only: bool,
    stories: int,
    articles: int,
) -> mf.Manifest:
    """The manifest of a generation, files left out, built now."""
    return mf.Manifest(
        format=mf.FORMAT_VERSION,
        schema=SCHEMA_VERSION,
        generation=generation,
        built_at=datetime.now(timezone.utc),
        seeds=well_formed(seeds),
        published_only=published_only,
        stories=stories,
        articles=articles,
        segments=segments,
        files={},
    )


def _same_folder(before: str, now: str) -> bool:
    return before == well_formed(now) or os.path.realpath(before) == os.path.realpath(now)


def _hidden(old: Sources, gone: _Mask, rejected: list[Rejection]) -> _Numbers:
    """Those that are gone because their folder cannot be listed now: they stay as they were."""
    hidden = tuple(fault.path for fault in rejected if fault.path.endswith("/"))
    rows = np.flatnonzero(gone).tolist() if hidden else []
    return np.array([row for row in rows if old.ids[row].startswith(hidden)], np.int64)


def _unchanged(found: SeedFiles, rows: _Numbers, old: Sources) -> _Mask:
    """Which of the files found are as they were noted in rows of `old`."""
    if not old.ids:
        return np.zeros(len(rows), bool)
    # The second time stamp cannot be set: it tells of files that were renamed or given the
    # time stamp of another.
    same = (rows >= 0) & (found.ctimes_ns < old.started_ns - _CLOCK_GRAIN_NS)
    same &= (found.mtimes_ns == old.mtimes_ns[rows]) & (found.sizes == old.sizes[rows])
    return same


class _Job:
    def __init__(
        self,
        seeds: str,
        index: str,
        published_only: bool,
        strict: bool,
        workers: int,
        progress: Progress | None,
    ) -> None:
        self.seeds = seeds
        self.index = index
        self.published_only = published_only
        self.strict = strict
        self.workers = workers
        self.progress = progress
        # Another folder may have other files under the same names.
        self._moved = False

    def plan(self, full: bool) -> _Plan:
        """Compare the folder with the last generation; reads no story file."""
        self._report("scanning", 0, 0)
        rejected: list[Rejection] = []
        started_ns = time.time_ns()
        with listing(self.seeds, rejected.append) as listed:
            noted = self._old_sources()
            found = listed()
        old = NO_SOURCES if noted is None else noted
        fresh = full or noted is None
        rows = old.rows_of(found.ids)
        for _ in range(_MORE_LISTINGS):
            if not self._misses(old, rows):
                break
            rejected.clear()
            found = list_seed_files(self.seeds, rejected.append)
            rows = old.rows_of(found.ids)
        known = not fresh and not self._moved
        kept = _unchanged(found, rows, old) if known else np.zeros(len(rows), bool)
        settled = ~kept & (rows >= 0) & (found.ctimes_ns < started_ns - _CLOCK_GRAIN_NS)
        places = sorted(np.flatnonzero(~kept).tolist(), key=found.ids.__getitem__)
        read = [
            Wanted(found.file(place), None if fresh else old.digest(rows[place]))
            for place in places
        ]
        gone = np.ones(len(old.ids), bool)
        gone[rows[rows >= 0]] = False
        hidden = _hidden(old, gone, [] if fresh else rejected)
        gone[hidden] = False
        return _Plan(
            started_ns, fresh, old, rows, kept, hidden, np.flatnonzero(gone), read,
            {found.ids[place]: place for place in places}, rejected,
            self._moved or int(settled.sum()) >= _WORTH_NOTING,
        )  # fmt: skip

    def _misses(self, old: Sources, rows: _Numbers) -> bool:
        """Whether a file that was listed before is there and not listed now.

        A file system may pass over names while files are replaced.
        """
        missing = np.ones(len(old.ids), bool)
        missing[rows[rows >= 0]] = False
        return any(self._is_file(old.ids[row]) for row in np.flatnonzero(missing).tolist())

    def _is_file(self, story_id: str) -> bool:
        try:
            return stat.S_ISREG(os.lstat(os.path.join(self.seeds, story_id)).st_mode)
        except OSError:
            return False

    def _old_sources(self) -> Sources | None:
        """The sources of the last generation, None where it cannot be added to."""
        try:
            manifest = mf.read_manifest(self.index)
            if manifest.schema != SCHEMA_VERSION or manifest.published_only != self.published_only:
                return None
            # What could not be opened must not stay the newest.
            open_segments(self.index, mf.manifest_name(manifest.generation), manifest.segments)
            self._moved = not _same_folder(manifest.seeds, self.seeds)
            return read_sources(self.index, manifest.generation)
        except IndexMissing:
            return None
        except IndexCorrupt as damage:
            _warn(damage)
            return None

    def run(self, plan: _Plan, started: float, index: str | None) -> BuildReport:
        """Carry out a plan and publish it, or with no index only say what it would do."""
        outcome = _Outcome(plan)
        if index is None:
            self._read_all(plan, outcome, None)
            return self._finish(outcome, started, mf.newest_generation(self.index) or 0, True)
        with open_writer(index, fresh=plan.fresh) as writer:
            segments = self._read_all(plan, outcome, writer)
            self._refuse_if_strict(outcome)
            self._report("writing", 0, 0)
            if outcome.changed:
                for story_id in outcome.replaced:
                    writer.delete(story_id)
                for segment in segments:
                    writer.keep(segment)
                made = writer.publish(lambda *given: self._describe(outcome, *given))
                return self._finish(outcome, started, made)
        return self._finish(outcome, started, mf.newest_generation(index) or 0)

    def _read_all(self, plan: _Plan, outcome: _Outcome, writer: Writer | None) -> list[Segment]:
        """Read all files that must be read; returns the segments written."""
        files, total = plan.read, len(plan.read)
        workers = min(self.workers, total // WORTH_WORKERS + 1)
        dictionary = None if writer is None else writer.dictionary(total)
        folder = None if writer is None else self.index
        task = Task(folder, self.published_only, dictionary, load_tools(total))
        shards = shards_of(files, workers)
        found: dict[int, ShardRead] = {}
        done = 0
        self._report("reading", done, total)
        with shard_reader(workers, task) as read_shards:
            for event in read_shards(shards):
                if isinstance(event, ShardRead):
                    found[event.number] = event
                else:
                    done += event
                    self._report("reading", done, total)
        segments = []
        for number, shard in enumerate(shards):
            read_shard = found.pop(number)
            for wanted, read in zip(shard, read_shard.reads, strict=True):
                outcome.take(wanted.file, read)
            if read_shard.segment is not None:
                segments.append(read_shard.segment)
        return segments

    def _refuse_if_strict(self, outcome: _Outcome) -> None:
        problems = [*map(str, outcome.rejected), *map(str, outcome.warnings)]
        if self.strict and problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise BuildError(f"nothing published, as --strict asks: {problems[0]}{more}")

    def _describe(
        self, outcome: _Outcome, generation: int, segments: list[dict[str, object]]
    ) -> tuple[mf.Manifest, Sources]:
        sources = outcome.sources
        articles = int(sources.articles[sources.indexed].sum())
        manifest = make_manifest(
            generation, segments, self.seeds, self.published_only,
            int(sources.indexed.sum()), articles,
        )  # fmt: skip
        return manifest, sources

    def _finish(
        self, outcome: _Outcome, started: float, generation: int, dry_run: bool = False
    ) -> BuildReport:
        return BuildReport(
            indexed=outcome.indexed,
            unchanged=outcome.plan.kept_count + outcome.touched,
            removed=len(outcome.removed),
            rejected=tuple(sorted(outcome.rejected, key=lambda rejection: rejection.path)),
            warnings=tuple(outcome.warnings),
            seconds=time.monotonic() - started,
            generation=generation,
            dry_run=dry_run,
        )

    def _report(self, phase: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(BuildProgress(phase, done, total))  # type: ignore[arg-type]


class _Outcome:
    """What has become of the files of a plan so far."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.rejected = list(plan.rejected)
        self.warnings: list[FieldWarning] = []
        self.removed = [plan.old.ids[row] for row in plan.gone.tolist() if plan.old.indexed[row]]
        self._read: list[tuple[SeedFile, Read]] = []
        self._changed: list[str] = []
        self.indexed = 0
        self.touched = 0

    @cached_property
    def sources(self) -> Sources:
        """The files of the next generation, once all were taken."""
        plan = self.plan
        files, reads = zip(*self._read, strict=True) if self._read else ((), ())
        read = Sources.of(
            plan.started_ns,
            [file.id for file in files],
            [file.size for file in files],
            [file.mtime_ns for file in files],
            [read.digest for read in reads],
            [read.articles for read in reads],
            [read.fate != "left out" for read in reads],
        )
        rows = np.where(plan.kept, plan.rows, -1)
        places = [plan.places[file.id] for file in files]
        rows[places] = len(plan.old.ids) + np.arange(len(places))
        rows = np.append(rows[rows >= 0], plan.hidden)
        return plan.old.joined(read).take(rows)._replace(started_ns=plan.started_ns)

    @property
    def changed(self) -> bool:
        """Whether the index differs from the last generation."""
        plan = self.plan
        if not plan.read and not len(plan.gone):
            return plan.fresh
        return plan.fresh or plan.renews or not plan.old.same_files(self.sources)

    @property
    def replaced(self) -> list[str]:
        """The stories that must leave the segments of the last generation."""
        return [] if self.plan.fresh else self.removed + self._changed

    def take(self, file: SeedFile, read: Read) -> None:
        """Note what became of a file."""
        row = self.plan.rows[self.plan.places[file.id]]
        held = row >= 0 and bool(self.plan.old.indexed[row])
        self.warnings += read.warnings
        if read.rejection is not None:
            self.rejected.append(read.rejection)
        elif read.fate != "gone":
            self._read.append((file, read))
        if read.fate == "added":
            self.indexed += 1
            if held:
                self._changed.append(file.id)
        elif read.fate == "same":
            self.touched += 1
        elif held:
            self.removed.append(file.id)
        elif read.fate == "left out" and read.digest == self.plan.old.digest(row):
            self.touched += 1
