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
from itertools import accumulate, chain
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, ForkProcess
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..codec import Segment
from ..codec.format import INDEX_NAME
from ..copies import without_copies
from ..errors import BuildError
from ..generation.manifest import digest_of
from ..model import FieldWarning, Rejection, Story
from ..ranking import Averages
from ..seeds import NO_SETTINGS, SeedFile, Settings, load_file, parse_story
from .basis import Basis, Sample, basis_of
from .segment import SegmentBuilder
from .tuning import Tuning

# What a larger file has is not kept, but read again with its shard.
_MOST_AHEAD = 1 << 16

# Files of which a worker tells at once: to tell and to hear of each takes 0.1 ms.
_TOLD_AT_ONCE = 16

#: indexed; the index has it as it is; left out, as its file asks; not to be read; removed
#: since its folder was listed
Fate = Literal["added", "same", "left out", "rejected", "gone"]


class Wanted(NamedTuple):
    """A file to read, and the digest that it had when it was indexed, if it was."""

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
    """How files are read.

    folder: where segments are written; None: nowhere
    averages, dictionary: those of the index; None: make them from the stories read
    """

    folder: str | None
    published_only: bool
    averages: Averages | None
    dictionary: bytes | None
    tuning: Tuning
    settings: Settings = NO_SETTINGS

    @property
    def basis(self) -> Basis | None:
        """What segments have in common; None: make it from the stories read."""
        if self.averages is None or self.dictionary is None:
            return None
        return Basis(self.averages, self.dictionary)

    @property
    def lacks_basis(self) -> bool:
        """Whether segments are to be written and the basis is yet to be made."""
        return self.folder is not None and self.basis is None


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
    stay locked in the copy. A process of a pool may have none of its own.
    """
    able = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    return able and not multiprocessing.current_process().daemon


class _Reader:
    """Reads the files of shards, and writes their stories as segments."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._builder = SegmentBuilder(task.settings.language)
        # What was read for a sample, and its story if it has one, for the shard it is in.
        self._ahead: dict[str, tuple[Read, list[Story]]] = {}

    def sample(self, files: list[Wanted]) -> Sample:
        """Read some files before their shards, and say what their stories are like."""
        for wanted in files:
            stories: list[Story] = []
            read = read_file(wanted, self._task, stories.append)
            for story in stories:
                self._builder.add(story)
            if wanted.file.size <= _MOST_AHEAD:
                self._ahead[wanted.file.id] = read, stories
        sample = self._builder.sample()
        self._builder.clear()
        return sample

    def read(self, shard: list[Wanted], reads: list[Read]) -> Iterator[int]:
        """Read the files of a shard; yields 1 after each."""
        for wanted in shard:
            ahead = self._ahead.pop(wanted.file.id, None)
            if ahead is None:
                reads.append(read_file(wanted, self._task, self._builder.add))
            else:
                read, stories = ahead
                reads.append(read)
                for story in stories:
                    self._builder.add(story)
            yield 1

    def written(self, number: int, reads: list[Read], basis: Basis | None) -> ShardRead:
        """What a shard gave, once its segment is written."""
        task, builder = self._task, self._builder
        if task.folder is None or basis is None or not builder.docs:
            return ShardRead(number, reads, None, None)
        segment = Segment(INDEX_NAME, docs=builder.docs, rows=builder.rows)
        builder.write(Path(task.folder), segment.segment_id(), basis)
        return ShardRead(number, reads, segment, basis.averages)


def _read_here(shards: list[list[Wanted]], task: Task) -> Iterator[int | ShardRead]:
    reader = _Reader(task)
    basis = task.basis
    if task.lacks_basis:
        basis = _basis_of([reader.sample(list(chain.from_iterable(_sampled(shards, task))))], task)
    for number, shard in enumerate(shards):
        reads: list[Read] = []
        yield from reader.read(shard, reads)
        yield reader.written(number, reads, basis)


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
    samples = []
    if task.lacks_basis:
        sampled = _sampled(shards, task)
        for number, pipe in enumerate(busy):
            _send(pipe, list(chain.from_iterable(sampled[number :: len(busy)])))
    for worker in list(busy.values()):
        if task.lacks_basis:
            samples.append(_receive(worker))
        _send(worker.pipe, pending.pop())
    if task.lacks_basis:
        # The workers are at their first shards and need it when those are read.
        basis = _basis_of(samples, task)
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


def _receive(worker: _Worker) -> Any:
    try:
        message = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        raise BuildError(
            f"a process that read story files was ended (status {worker.process.exitcode}):"
            " free some memory, or use fewer --workers"
        ) from None
    if isinstance(message, Exception):
        raise message
    return message


def _basis_of(samples: list[Sample], task: Task) -> Basis:
    """What segments have in common: the averages of the index, else those of some stories."""
    found = basis_of(samples)
    return found if task.averages is None else found._replace(averages=task.averages)


def _sampled(shards: list[list[Wanted]], task: Task) -> list[list[Wanted]]:
    """The files of each shard that are sampled: together the same however files are dealt out."""
    step = max(1, sum(map(len, shards)) // task.tuning.sampled_stories)
    begins = accumulate(map(len, shards), initial=0)
    return [shard[-begin % step :: step] for shard, begin in zip(shards, begins, strict=False)]


def sample(files: list[Wanted], task: Task) -> Sample:
    """What some of the stories in files are like."""
    return _Reader(task).sample(*_sampled([files], task))


def _work(pipe: Connection, task: Task) -> None:
    """The life of a worker: shards come in through the pipe, results go out."""
    prepare_worker()
    reader = _Reader(task)
    basis, waits = task.basis, False
    try:
        while (message := pipe.recv()) is not None:
            if isinstance(message, list):
                pipe.send(reader.sample(message))
                waits = True
                continue
            number, shard = message
            reads: list[Read] = []
            untold = 0
            for count in reader.read(shard, reads):
                untold += count
                if waits and pipe.poll():
                    basis, waits = pipe.recv(), False
                # The writer does not listen before it has sent the basis, and a pipe
                # that is full both ways would keep both waiting.
                if not waits and untold >= _TOLD_AT_ONCE:
                    pipe.send(untold)
                    untold = 0
            if waits:
                basis, waits = pipe.recv(), False
            if untold:
                pipe.send(untold)
            pipe.send(reader.written(number, reads, basis))
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
