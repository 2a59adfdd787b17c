"""Story files → an index on a cluster, searched once it is whole.

A full rebuild makes a new index and moves the alias to it in one call. Otherwise what changed
is sent to the index that there is, and seen all at once when that is refreshed.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from ..build.basis import averages_of
from ..build.changes import Held, plan_changes
from ..build.rebuild import Job, Outcome, failures_named
from ..build.workers import Task, sample
from ..disk import local_folder
from ..errors import BuildError, ClusterError, IndexMissing, IndexOutdated
from ..generation.sources import NO_SOURCES
from ..model import BuildReport, Story
from ..ranking import NO_AVERAGES, Averages
from ..schema import SCHEMA_VERSION
from ..seeds import FIELDS, read_settings
from .client import WITH_COPIES, Cluster, Gone
from .documents import Counts, Writer
from .groups import Marks, grouped, groups_of
from .load import Action, delete_action, index_action, loading, word_actions
from .location import Location
from .lock import writing
from .mapping import stories_index, words_index
from .names import document_id, story_of
from .reading import Made, batches
from .state import (
    CLUSTER_VERSION,
    STAMP,
    Meta,
    State,
    new_name,
    read_made_of,
    read_marks,
    read_state,
    words_index_of,
    write_made_of,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..build.rebuild import RebuildOptions

#: Words counted before they are sent, which bounds memory: about 300 MB.
_MOST_COUNTED = 1_500_000
#: Stories that are read back at a time.
_READ_BACK = 200


def rebuild(
    seeds: str | os.PathLike[str], location: Location, **options: Unpack[RebuildOptions]
) -> BuildReport:
    """Make an index on a cluster match the folder of story files; see `build.rebuild.rebuild`.

    Raises `ClusterError` where the cluster cannot be reached or refuses; what was there before
    then still serves.
    """
    folder = local_folder(seeds, "an archive")
    job = ClusterJob(
        settings=read_settings(folder, FIELDS), seeds=folder, index=str(location),
        cluster=Cluster(location), **options,
    )  # fmt: skip
    if job.dry_run:
        return job.say()
    with failures_named(job.seeds), writing(job.cluster) as lock:
        return replace(job, alive=lock.renew).run(0)


@dataclass(frozen=True, kw_only=True)
class ClusterJob(Job):
    """One call of `rebuild`; what is decided is decided as for an index folder."""

    cluster: Cluster
    #: To be called now and then while writing.
    alive: Callable[[], None] = lambda: None

    def run(self, generation: int) -> BuildReport:
        """Read what has to be read, and publish it if anything changed."""
        state = self._state()
        outcome = self._outcome(state)
        run = _Run(self, outcome, state)
        return self._finish(outcome, run.fresh() if outcome.plan.fresh else run.change())

    def say(self) -> BuildReport:
        """Report what `run` would do; writes nothing."""
        state = self._state()
        outcome = self._outcome(state)
        task = Task(None, self.published_only, None, None, self.tuning, self.settings)
        for _ in self.read(outcome, task, NO_AVERAGES, Counts()):
            pass
        self._refuse(outcome)
        return self._finish(outcome, state.meta.generation if state else 0, dry_run=True)

    def _state(self) -> State | None:
        try:
            return read_state(self.cluster)
        except (IndexMissing, IndexOutdated):
            return None

    def _outcome(self, state: State | None) -> Outcome:
        self._report("scanning", 0, 0)
        plan = plan_changes(
            self.seeds, lambda: self._held(state), self.full, self.tuning, self.settings
        )
        return Outcome(plan)

    def _held(self, state: State | None) -> Held:
        if state is None:
            return Held(NO_SOURCES, usable=False, moved=False)
        sources, problems = read_made_of(self.cluster, state.words)
        meta = state.meta
        usable = meta.published_only == self.published_only
        usable = usable and meta.settings == self.settings.digest
        # Nothing is built upon of which it is not known what it was made of.
        usable = usable and int(sources.indexed.sum()) == meta.stories
        usable = usable and read_marks(self.cluster, state.words, sources) is not None
        return Held(sources, usable, meta.seeds != os.path.realpath(self.seeds), problems)

    def read(
        self, outcome: Outcome, task: Task, averages: Averages, counts: Counts
    ) -> Iterator[Made]:
        """Read all files that must be read; yields documents, and adds up their words."""
        files = outcome.plan.read
        done = 0
        self._report("reading", done, len(files))
        with batches(files, task, averages, self.workers_for(len(files))) as found:
            for batch in found:
                self.alive()
                for wanted, read in zip(batch.wanted, batch.reads, strict=True):
                    outcome.take(wanted.file, read)
                counts.add(batch.counts)
                yield from batch.documents
                done += len(batch.reads)
                self._report("reading", done, len(files))


class _Run:
    """A rebuild under way: what it makes, and of what."""

    def __init__(self, job: ClusterJob, outcome: Outcome, state: State | None) -> None:
        self._job = job
        self._cluster = job.cluster
        self._indices = job.cluster.client.indices
        self._outcome = outcome
        self._state = state
        #: By what the leads of stories are compared, and which of them are not alone.
        self._marks: Marks = {}
        self._groups: dict[str, str] = {}

    def _task(self, averages: Averages) -> Task:
        job = self._job
        return Task("", job.published_only, averages, b"", job.tuning, job.settings)

    def fresh(self) -> int:
        """Make a new index and have it searched; returns its generation."""
        job, outcome, call = self._job, self._outcome, self._cluster.call
        averages = averages_of([sample(outcome.plan.read, self._task(NO_AVERAGES))])
        name = self._cluster.location.name
        index = new_name(name)
        before = self._before()
        with self._made(index):
            counts, sent = Counts(), False
            # Workers are forked before any thread is started.
            documents = job.read(outcome, self._task(averages), averages, counts)
            first = next(documents, None)
            with loading(self._cluster, index) as loader:
                while first is not None:
                    loader.add(self._action(first.id, first.data))
                    self._marks[first.id] = first.marks
                    if len(counts) > _MOST_COUNTED:
                        self._count(index, counts, fresh=not sent)
                        sent = True
                    first = next(documents, None)
            job._refuse(outcome)
            job._report("writing", 0, 0)
            self._count(index, counts, fresh=not sent)
            self._groups = groups_of(self._marks)
            with loading(self._cluster, index) as loader:
                for action in self._again(index, list(self._groups), averages):
                    loader.add(action)
            self._refresh(index)
            held = call(self._cluster.client.count, index=index)["count"]
            if held != len(self._marks):
                raise BuildError(
                    f"nothing published: the cluster has {held:,} of {len(self._marks):,}"
                )
            self._describe(index, self._meta(averages, before + 1))
            self._move_alias(index)
        self._forget(index)
        return before + 1

    def change(self) -> int:
        """Change the index that is searched; returns its generation."""
        job, outcome, state = self._job, self._outcome, self._state
        assert state is not None
        averages, counts = state.meta.averages, Counts()
        with tempfile.TemporaryFile() as spool:
            # Nothing is sent before it is known that nothing forbids it.
            new: Marks = {}
            for made in job.read(outcome, self._task(averages), averages, counts):
                new[made.id] = made.marks
                spool.write(made.data + b"\n")
            job._refuse(outcome)
            if not outcome.changed:
                return state.meta.generation
            job._report("writing", 0, 0)
            before = read_marks(self._cluster, state.words, outcome.plan.old) or {}
            gone = set(outcome.replaced)
            self._marks = {one: mark for one, mark in before.items() if one not in gone} | new
            self._groups = groups_of(self._marks)
            others = self._regrouped(groups_of(before), new)
            writer = Writer(averages, job.settings.language)
            for stories in self._read_back(state.index, outcome.replaced):
                old = Counts()
                writer.documents(stories, old)
                counts.take(old)
            spool.seek(0)
            with loading(self._cluster, state.index) as loader:
                for story_id in outcome.removed:
                    loader.add(delete_action(story_id, document_id(story_id)))
                for story_id, line in zip(new, spool, strict=True):
                    loader.add(self._action(story_id, line.rstrip(b"\n")))
                for action in self._again(state.index, others, averages):
                    loader.add(action)
        self._count(state.index, counts, fresh=False)
        self._describe(state.index, self._meta(averages, state.meta.generation + 1))
        return state.meta.generation + 1

    def _regrouped(self, before: dict[str, str], new: Marks) -> list[str]:
        """Stories that stay as they are, but in another group."""
        either = before.keys() | self._groups.keys()
        return [
            one
            for one in sorted(either & self._marks.keys() - new.keys())
            if before.get(one) != self._groups.get(one)
        ]

    def _action(self, story_id: str, data: bytes) -> Action:
        whole = grouped(story_id, data, self._groups)
        return index_action(story_id, document_id(story_id), whole)

    def _again(self, index: str, story_ids: list[str], averages: Averages) -> Iterator[Action]:
        """Write stories that the index has once more: their groups have changed."""
        writer = Writer(averages, self._job.settings.language)
        for stories in self._read_back(index, story_ids):
            documents = writer.documents(stories, Counts())
            for story, data in zip(stories, documents, strict=True):
                yield self._action(story.id, data)

    def _meta(self, averages: Averages, generation: int) -> Meta:
        job, sources = self._job, self._outcome.sources
        return Meta(
            version=CLUSTER_VERSION, schema=SCHEMA_VERSION, generation=generation,
            built_at=datetime.now(timezone.utc), seeds=os.path.realpath(job.seeds),
            published_only=job.published_only, stories=int(sources.indexed.sum()),
            articles=int(sources.articles[sources.indexed].sum()), averages=averages,
            settings=job.settings.digest, groups=len(set(self._groups.values())),
            language=job.settings.language.names,
        )  # fmt: skip

    def _before(self) -> int:
        """The generation of what is searched now, be it of another version; 0 without any."""
        name = self._cluster.location.name
        try:
            found = self._cluster.call(self._indices.get_mapping, index=name)
        except Gone:
            return 0
        metas = [one["mappings"].get("_meta", {}).get("storydex") for one in found.values()]
        if name in found or not all(metas):
            raise ClusterError(
                str(self._cluster.location),
                f"{name!r} is an index that storydex has not made: give another name",
            )
        return max(int(meta["generation"]) for meta in metas)

    @contextmanager
    def _made(self, index: str) -> Iterator[None]:
        """Make an index and that of its words; they are removed if the block fails."""
        where = self._cluster.location
        stories = stories_index(where.shards, where.replicas)
        try:
            self._cluster.call(self._indices.create, index=index, body=stories, **WITH_COPIES)
            words = words_index(where.replicas)
            self._cluster.call(
                self._indices.create, index=words_index_of(index), body=words, **WITH_COPIES
            )
            yield
        except BaseException:
            with suppress(ClusterError):
                self._delete([index, words_index_of(index)])
            raise

    def _count(self, index: str, counts: Counts, *, fresh: bool) -> None:
        with loading(self._cluster, words_index_of(index)) as loader:
            for action in word_actions(counts.items(), fresh=fresh):
                loader.add(action)
        counts.clear()

    def _describe(self, index: str, meta: Meta) -> None:
        """Let what was sent be seen, and say what it is."""
        sources, problems = self._outcome.sources, self._outcome.problems
        write_made_of(self._cluster, words_index_of(index), sources, problems, self._marks)
        self._refresh(index)
        body = {"_meta": {"storydex": msgspec.to_builtins(meta)}}
        self._cluster.call(self._indices.put_mapping, index=index, body=body)

    def _refresh(self, index: str) -> None:
        self._cluster.call(self._indices.refresh, index=f"{index},{words_index_of(index)}")

    def _read_back(self, index: str, story_ids: list[str]) -> Iterator[list[Story]]:
        """Stories as an index has them, some at a time."""
        for at in range(0, len(story_ids), _READ_BACK):
            ids = [document_id(story_id) for story_id in story_ids[at : at + _READ_BACK]]
            found = self._cluster.call(self._cluster.client.mget, index=index, body={"ids": ids})
            yield [story_of(one["_source"]) for one in found["docs"] if one.get("found")]

    def _move_alias(self, index: str) -> None:
        name = self._cluster.location.name
        actions: list[dict[str, Any]] = [{"add": {"index": index, "alias": name}}]
        with suppress(Gone):
            before = self._cluster.call(self._indices.get_alias, name=name)
            actions += [{"remove": {"index": one, "alias": name}} for one in before]
        self._cluster.call(self._indices.update_aliases, body={"actions": actions})

    def _forget(self, index: str) -> None:
        """Remove older indexes but the last, which engines may be searching still."""
        name = self._cluster.location.name
        made = re.compile(re.escape(name) + STAMP)
        found = self._cluster.call(self._indices.get, index=f"{name}-*", filter_path="*.aliases")
        older = sorted(one for one in found if made.fullmatch(one) and one != index)
        if older[:-1]:
            self._delete([part for one in older[:-1] for part in (one, words_index_of(one))])

    def _delete(self, indexes: list[str]) -> None:
        self._cluster.call(self._indices.delete, index=",".join(indexes), ignore_unavailable=True)
