"""Story files → a new generation of the index, published.

Only files that changed since the last generation are read, unless asked otherwise.
Story files are read in worker processes; one process writes.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from ..analysis import well_formed
from ..codec import Segment
from ..disk import local_folder
from ..errors import BuildError, IndexCorrupt, IndexUnreadable
from ..generation import manifest as mf
from ..generation.problems import bounded
from ..generation.publish import Writer, locked_folder, open_writer
from ..generation.sources import Sources
from ..model import BuildProgress, BuildReport, FieldWarning, Phase, Problems, UnusedKey
from ..ranking import NO_AVERAGES, Averages
from ..schema import SCHEMA_VERSION
from ..seeds import (
    FIELDS,
    NO_SETTINGS,
    SeedFile,
    Settings,
    likely_field,
    read_settings,
    refuse_missing,
)
from .changes import Plan, plan_changes, read_held, warn_of
from .tuning import TUNING, Tuning
from .workers import Read, ShardRead, Task, shard_reader, shards_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

Progress = Callable[[BuildProgress], None]


#: The options that are true or false.
_FLAGS = ("full", "published_only", "strict", "prune", "dry_run")


class RebuildOptions(TypedDict, total=False):
    """What a rebuild may be told; see `rebuild`."""

    full: bool
    published_only: bool
    strict: bool
    prune: bool
    workers: int | None
    dry_run: bool
    progress: Progress | None
    tuning: Tuning


def check_options(given: Mapping[str, object]) -> None:
    """Raise `BuildError` for an option of a rebuild that has no value of its kind."""
    for name in _FLAGS:
        if type(value := given.get(name, False)) is not bool:
            raise BuildError(f"{name}: {value!r:.40} is neither True nor False")
    workers = given.get("workers")
    if workers is not None and not (type(workers) is int and workers >= 1):
        raise BuildError(f"workers: {workers!r:.40} is no whole number of at least 1")


def rebuild(
    seeds: str | os.PathLike[str],
    index: str | os.PathLike[str],
    **options: Unpack[RebuildOptions],
) -> BuildReport:
    """Make the index match the folder of story files.

    New and changed files are read, removed ones forgotten; with `full` all are read.
    `published_only` leaves out stories that say `published: false`. With `strict`
    nothing is published if a file that is read is rejected or has a field dropped. Nor is
    it without `prune` if more than half of the stories, of 20 or more, would be removed: a
    folder may be empty because a disk is not mounted. `workers` is the number of processes
    that read, at least one, by default one a core. `dry_run` writes nothing, and raises what
    a rebuild would. `tuning` is for tests.

    Raises `SeedError` if the folder cannot be read, `IndexLocked` if another writer
    is at work, `BuildError` if nothing could be published; what was there before then
    still serves. If that turns out to be damaged, a `DamageWarning` names the file and
    all story files are read.
    """
    folder = local_folder(seeds, "an archive")
    job = Job(
        seeds=folder, index=local_folder(index), settings=read_settings(folder, FIELDS), **options,
    )  # fmt: skip
    if job.dry_run:
        return job.say()
    refuse_missing(folder)  # before a folder is made for the index
    with failures_named(job.index), locked_folder(job.index) as generation:
        try:
            return job.run(generation)
        except IndexCorrupt as damage:
            warn_of(damage)
            return replace(job, full=True).run(generation)


@contextmanager
def failures_named(folder: str) -> Iterator[None]:
    """Turn a failure of the system into a `BuildError`; one of its files is named."""
    try:
        yield
    except OSError as error:
        remedy = ": check its permissions" if isinstance(error, PermissionError) else ""
        where = error.filename or folder
        raise BuildError(f"{where}: {error.strerror or error}{remedy}") from error
    except IndexUnreadable as error:
        raise BuildError(str(error)) from error
    except MemoryError as error:
        raise BuildError("out of memory: free some, or use fewer --workers") from error


def make_manifest(
    generation: int,
    segments: list[dict[str, object]],
    seeds: str,
    published_only: bool,
    stories: int,
    articles: int,
    averages: Averages,
    settings: Settings = NO_SETTINGS,
) -> mf.Manifest:
    """The manifest of a generation that is built now; its files are yet to be filled in.

    `seeds` is the path of the story files from the root, without links; empty for none.
    """
    return mf.Manifest(
        format=mf.GENERATION_VERSION,
        schema=SCHEMA_VERSION,
        generation=generation,
        built_at=datetime.now(timezone.utc),
        seeds=well_formed(seeds),
        published_only=published_only,
        stories=stories,
        articles=articles,
        averages=averages,
        segments=segments,
        files={},
        settings=settings.digest,
    )


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call of `rebuild`, which says what the options do."""

    seeds: str
    index: str
    settings: Settings
    started: float = field(default_factory=time.monotonic)
    full: bool = False
    published_only: bool = False
    strict: bool = False
    prune: bool = False
    workers: int | None = None
    dry_run: bool = False
    progress: Progress | None = None
    tuning: Tuning = TUNING

    def __post_init__(self) -> None:
        check_options({name: getattr(self, name) for name in (*_FLAGS, "workers")})

    def run(self, generation: int) -> BuildReport:
        """Read what has to be read, and publish a generation if anything changed."""
        plan = self._plan()
        outcome = Outcome(plan)
        with open_writer(self.index, generation, fresh=plan.fresh) as writer:
            if plan.fresh:
                writer.make_room()
            segments, averages = self._read_all(outcome, writer)
            self._refuse(outcome)
            self._report("writing", 0, 0)
            if outcome.changed:
                if self.tuning.room_share * len(plan.read) > len(plan.old.ids):
                    writer.make_room()
                writer.delete(outcome.replaced)
                for segment in segments:
                    writer.keep(segment)
                made = writer.publish(lambda *given: self._describe(outcome, averages, *given))
                return self._finish(outcome, made)
        return self._finish(outcome, mf.newest_generation(self.index) or 0)

    def say(self) -> BuildReport:
        """Report what `run` would do; writes nothing."""
        outcome = Outcome(self._plan())
        self._read_all(outcome, None)
        self._refuse(outcome)
        return self._finish(outcome, mf.newest_generation(self.index) or 0, dry_run=True)

    def _plan(self) -> Plan:
        self._report("scanning", 0, 0)
        return plan_changes(
            self.seeds,
            lambda: read_held(self.index, self.seeds, self.published_only, self.settings),
            self.full, self.tuning, self.settings,
        )  # fmt: skip

    def _read_all(self, outcome: Outcome, writer: Writer | None) -> tuple[list[Segment], Averages]:
        """Read all files that must be read; returns the segments written and their averages."""
        files = outcome.plan.read
        total = len(files)
        workers = self.workers_for(total)
        folder = None if writer is None else self.index
        averages = dictionary = None
        if writer is not None:
            averages, dictionary = writer.averages, writer.dictionary(total)
        task = Task(folder, self.published_only, averages, dictionary, self.tuning, self.settings)
        shards = shards_of(files, workers, self.tuning.shard_bytes)
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
                averages = read_shard.averages
        return segments, averages or NO_AVERAGES

    def workers_for(self, files: int) -> int:
        """How many processes read so many files."""
        most = self.workers or os.cpu_count() or 1
        return min(most, files // self.tuning.files_per_worker + 1)

    def _refuse(self, outcome: Outcome) -> None:
        """Raise `BuildError` if what was found must not be published."""
        problems = [*map(str, outcome.rejected), *map(str, outcome.warnings)]
        if self.strict and problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise BuildError(f"nothing published, as --strict asks: {problems[0]}{more}")
        before, lost = int(outcome.plan.old.indexed.sum()), outcome.lost_count
        if not self.prune and before >= self.tuning.guarded_stories and 2 * lost > before:
            rejected = min(map(str, outcome.rejected), default="")
            first = f" (first to be rejected: {rejected})" if rejected else ""
            raise BuildError(
                f"nothing published: {lost:,} of {before:,} stories would be removed{first}. "
                f"See that {self.seeds} is whole; if it is, add --prune (prune=True)"
            )

    def _describe(
        self,
        outcome: Outcome,
        averages: Averages,
        generation: int,
        segments: list[dict[str, object]],
    ) -> tuple[mf.Manifest, Sources, Problems]:
        sources = outcome.sources
        articles = int(sources.articles[sources.indexed].sum())
        manifest = make_manifest(
            generation, segments, os.path.realpath(self.seeds), self.published_only,
            int(sources.indexed.sum()), articles, averages, self.settings,
        )  # fmt: skip
        return manifest, sources, outcome.problems

    def _finish(self, outcome: Outcome, generation: int, *, dry_run: bool = False) -> BuildReport:
        return BuildReport(
            indexed=outcome.indexed,
            unchanged=outcome.plan.kept_count + outcome.touched,
            removed=len(outcome.removed),
            rejected=tuple(sorted(outcome.rejected, key=lambda rejection: rejection.path)),
            warnings=tuple(outcome.warnings),
            seconds=time.monotonic() - self.started,
            generation=generation,
            dry_run=dry_run,
            unused=outcome.unused_keys,
            passed_over=outcome.plan.passed_over,
        )

    def _report(self, phase: Phase, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(BuildProgress(phase, done, total))


class Outcome:
    """What the files of a plan turned out to be so far."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rejected = list(plan.rejected)
        self.warnings: list[FieldWarning] = []
        #: Rows of the last sources whose stories are gone, not merely left out now.
        self._lost = [row for row in plan.gone.tolist() if plan.old.indexed[row]]
        self.removed = [plan.old.ids[row] for row in self._lost]
        self._read: list[tuple[SeedFile, Read]] = []
        self._changed: list[str] = []
        self._unused: Counter[str] = Counter()
        self.indexed = 0
        self.touched = 0

    @property
    def unused_keys(self) -> tuple[UnusedKey, ...]:
        """The keys that were not used, the most frequent first."""
        counts = sorted(self._unused.items(), key=lambda item: (-item[1], item[0]))
        return tuple(UnusedKey(name, files, likely_field(name)) for name, files in counts)

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
            [file.ctime_ns for file in files],
        )
        rows = np.where(plan.kept, plan.rows, -1)
        places = [plan.places[file.id] for file in files]
        rows[places] = len(plan.old.ids) + np.arange(len(places))
        rows = np.append(rows[rows >= 0], plan.hidden)
        return plan.old.joined(read).take(rows)._replace(started_ns=plan.started_ns)

    @property
    def changed(self) -> bool:
        """Whether the index, or what was wrong, differs from the last generation."""
        plan = self.plan
        if plan.fresh or self.problems != plan.problems:
            return True
        if not plan.read and not len(plan.gone):
            return False
        return plan.renews or not plan.old.same_files(self.sources)

    @cached_property
    def problems(self) -> Problems:
        """What was wrong with the files read, and with those that stay as they were."""
        plan = self.plan
        before = plan.problems.warnings
        kept = []
        if before:
            stay = np.append(plan.rows[plan.kept], plan.hidden)
            stayed = np.isin(plan.old.rows_of([warning.path for warning in before]), stay)
            kept = [warning for warning, stays in zip(before, stayed, strict=True) if stays]
        return bounded(self.rejected, [*kept, *self.warnings])

    @property
    def lost_count(self) -> int:
        """How many stories are gone: no file has their text, under whatever name."""
        found = {read.digest for _, read in self._read}
        return sum(self.plan.old.digest(row) not in found for row in self._lost)

    @property
    def replaced(self) -> list[str]:
        """The ids of stories to delete from the segments of the last generation."""
        return [] if self.plan.fresh else self.removed + self._changed

    def take(self, file: SeedFile, read: Read) -> None:
        """Note what became of a file."""
        row = int(self.plan.rows[self.plan.places[file.id]])
        held = row >= 0 and bool(self.plan.old.indexed[row])
        self.warnings += read.warnings
        self._unused.update(read.unused)
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
            if read.fate != "left out":
                self._lost.append(row)
        elif read.fate == "left out" and read.digest == self.plan.old.digest(row):
            self.touched += 1
