"""Story files → segments, in worker processes where it pays.

Files are dealt out in shards: runs of files in the order of their ids, of bounded size.
Whoever gets a shard reads its files, indexes their stories and writes them as one
segment, which no generation names yet. Only what became of each file comes back, so no
story ever passes between processes, and the segments in the order of their shards hold
the stories in the order of their ids, however many processes were at work.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, ForkProcess
from pathlib import Path
from typing import Literal, NamedTuple

from ..codec import Segment
from ..codec.format import INDEX_NAME
from ..copies import without_copies
from ..errors import BuildError
from ..generation.manifest import digest_of
from ..model import FieldWarning, Rejection, Story
from ..ranking import Averages
from ..seeds import NO_SETTINGS, SeedFile, Settings, load_file, parse_story
from .basis import Basis
from .segment import SegmentBuilder
from .tuning import Tuning

#: indexed; the index has it as it is; left out, as its file asks; not to be read; removed
#: since its folder was listed
Fate = Literal["added", "same", "left out", "rejected", "gone"]


class Wanted(NamedTuple):
    """A file to read, and the digest of what the index holds of it."""

    file: SeedFile
    held: bytes | None


class Read(NamedTuple):
    """What reading a story file gave: the digest of its bytes, its number of articles."""

    fate: Fate
    digest: bytes
    articles: int
    rejection: Rejection | None
    warnings: tuple[FieldWarning, ...]
    unused: tuple[str, ...] = ()


class ShardRead(NamedTuple):
    """What reading a shard gave, file by file.

    The segment is written, weighted by the averages, unless there was nothing to write.
    """

    number: int
    reads: list[Read]
    segment: Segment | None
    averages: Averages | None


class Task(NamedTuple):
    """How files are read: where segments go (None: nowhere), and what is left out.

    `averages` and `dictionary` are those of the index; None has them made of what is read.
    """

    folder: str | None
    published_only: bool
    averages: Averages | None
    dictionary: bytes | None
    tuning: Tuning
    settings: Settings = NO_SETTINGS

    @property
    def basis(self) -> Basis | None:
        """What segments have in common, None where it is to be made of what is read."""
        if self.averages is None or self.dictionary is None:
            return None
        return Basis(self.averages, self.dictionary)


#: Shards → the number of files read since the last time, or a whole shard.
ReadShards = Callable[[list[list[Wanted]]], Iterator["int | ShardRead"]]


def shards_of(files: list[Wanted], workers: int, most_bytes: int) -> list[list[Wanted]]:
    """Split files into shards of about the same size, the same number for each worker."""
    total = sum(wanted.file.size for wanted in files)
    rounds = -(-total // (most_bytes * workers)) or 1
    size = max(1, total / (rounds * workers))
    shards: list[list[Wanted]] = [[] for _ in range(rounds * workers)]
    before = 0
    for wanted in files:
        shards[min(int(before / size), len(shards) - 1)].append(wanted)
        before += wanted.file.size
    return [shard for shard in shards if shard]


@contextmanager
def shard_reader(workers: int, task: Task) -> Iterator[ReadShards]:
    """What reads shards: this process, or `workers` others where that is safe.

    Processes are forked, so that a program need not guard its main module; a program
    with other threads reads in its own process instead. Reading raises `OSError` and
    `BuildError`; no worker outlives the block.
    """
    if workers <= 1 or not may_fork():
        yield lambda shards: _read_here(shards, task)
        return
    context = multiprocessing.get_context("fork")
    with ExitStack() as stack:
        started = [stack.enter_context(_worker(context, task)) for _ in range(workers)]
        yield lambda shards: _deal(shards, started, task)


def may_fork() -> bool:
    """Whether a copy of this process can work.

    It could not in a program with other threads: a lock that one of them holds would
    stay locked in the copy.
    """
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1


def _read_here(shards: list[list[Wanted]], task: Task) -> Iterator[int | ShardRead]:
    builder = SegmentBuilder(task.settings.language)
    basis = task.basis
    few = len(shards) == 1 and len(shards[0]) < 2 * task.tuning.sampled_stories
    if basis is None and task.folder is not None and not few:
        basis = _basis_of(sample(shards, task), task)
    for number, shard in enumerate(shards):
        reads: list[Read] = []
        yield from _read_files(shard, task, builder, reads)
        if basis is None and task.folder is not None and builder.docs:
            # Of so few the sample would be all, and they are read already.
            basis = _basis_of(builder, task)
        yield _written(number, reads, builder, task, basis)


def _read_files(
    shard: list[Wanted], task: Task, builder: SegmentBuilder, reads: list[Read]
) -> Iterator[int]:
    """Read files into a builder; yields 1 after each."""
    for wanted in shard:
        reads.append(read_file(wanted, task, builder.add))
        yield 1


def read_file(wanted: Wanted, task: Task, take: Callable[[Story], None]) -> Read:
    """Read a story file; its story is taken if it is to be indexed anew."""
    file = wanted.file
    data = load_file(file.path, file.id)
    if isinstance(data, Rejection):
        if not os.path.lexists(file.path):
            return Read("gone", b"", 0, None, ())
        return Read("rejected", b"", 0, data, ())
    digest = digest_of(data)
    story, rejection, warnings, unused = parse_story(data, file.id, settings=task.settings)
    if story is None:
        return Read("rejected", digest, 0, rejection, warnings)
    story = without_copies(story)
    fate: Fate = "added"
    if task.published_only and not story.published:
        fate = "left out"
    elif digest == wanted.held:
        fate = "same"
    elif task.folder is not None:
        take(story)
    return Read(fate, digest, len(story.related), None, warnings, unused)


def _written(
    number: int, reads: list[Read], builder: SegmentBuilder, task: Task, basis: Basis | None
) -> ShardRead:
    """What a shard gave, once its segment is written."""
    if task.folder is None or basis is None or not builder.docs:
        return ShardRead(number, reads, None, None)
    segment = Segment(INDEX_NAME, docs=builder.docs, rows=builder.rows)
    builder.write(Path(task.folder), segment.segment_id(), basis)
    return ShardRead(number, reads, segment, basis.averages)


class _Worker(NamedTuple):
    process: ForkProcess
    pipe: Connection


@contextmanager
def _worker(context: ForkContext, task: Task) -> Iterator[_Worker]:
    """A worker process that has ended when the block ends: asked to, or killed on an error."""
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, task), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _Worker(process, ours)
        _send(ours, None)
    except BaseException:
        process.kill()
        raise
    finally:
        ours.close()
        process.join()


def _deal(
    shards: list[list[Wanted]], workers: list[_Worker], task: Task
) -> Iterator[int | ShardRead]:
    """Give every worker a shard, and another whenever it is done."""
    pending = list(enumerate(shards))[::-1]
    busy = {worker.pipe: worker for worker in workers[: len(pending)]}
    for pipe in busy:
        _send(pipe, pending.pop())
    if task.folder is not None and task.basis is None:
        # The workers are at their first shards and need it when those are read.
        basis = _basis_of(sample(shards, task), task)
        for pipe in busy:
            _send(pipe, basis)
    while busy:
        ready = wait(busy)
        for pipe in [pipe for pipe in busy if pipe in ready]:
            message = _receive(busy[pipe])
            yield message
            if isinstance(message, ShardRead):
                if pending:
                    _send(pipe, pending.pop())
                else:
                    del busy[pipe]


def _send(pipe: Connection, message: object) -> None:
    # What became of a worker that has gone is in what it sent, or did not send.
    with suppress(BrokenPipeError, ConnectionResetError):
        pipe.send(message)


def _receive(worker: _Worker) -> int | ShardRead:
    try:
        message: int | ShardRead | Exception = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        raise BuildError(
            f"a process that read story files was ended (status {worker.process.exitcode}):"
            " free some memory, or use fewer --workers"
        ) from None
    if isinstance(message, Exception):
        raise message
    return message


def _basis_of(builder: SegmentBuilder, task: Task) -> Basis:
    """What segments have in common: what the index has, and what some stories give."""
    found = builder.basis()
    return found if task.averages is None else found._replace(averages=task.averages)


def sample(shards: list[list[Wanted]], task: Task) -> SegmentBuilder:
    """A builder that has taken some of the stories: the same however files are dealt out."""
    files = [wanted.file for shard in shards for wanted in shard]
    builder = SegmentBuilder(task.settings.language)
    for file in files[:: max(1, len(files) // task.tuning.sampled_stories)]:
        data = load_file(file.path, file.id)
        if isinstance(data, Rejection):
            continue
        story = parse_story(data, file.id, settings=task.settings).story
        if story is not None and (story.published or not task.published_only):
            builder.add(without_copies(story))
    return builder


def _work(pipe: Connection, task: Task) -> None:
    """The life of a worker: shards come in through the pipe, results go out."""
    prepare_worker()
    builder = SegmentBuilder(task.settings.language)
    basis = task.basis
    waits = task.folder is not None and basis is None
    try:
        while (message := pipe.recv()) is not None:
            number, shard = message
            reads: list[Read] = []
            untold = 0
            for count in _read_files(shard, task, builder, reads):
                untold += count
                if waits and pipe.poll():
                    basis, waits = pipe.recv(), False
                # The writer does not listen before it has sent the basis, and a pipe
                # that is full both ways would keep both waiting.
                if not waits:
                    pipe.send(untold)
                    untold = 0
            if waits:
                basis, waits = pipe.recv(), False
            if untold:
                pipe.send(untold)
            pipe.send(_written(number, reads, builder, task, basis))
            gc.collect()  # Whoosh's schema has cycles, which hold the arrays of a segment
    except Exception as error:
        pipe.send(error)


def prepare_worker() -> None:
    """Make a worker end when the writer does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the writer stops its workers itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Stories are trees: looking for cycles between shards is lost time.
    gc.freeze()
    gc.disable()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
