"""Story files → documents, in worker processes where it pays."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import AsyncResult, Pool
from typing import NamedTuple

from ..build.workers import Read, Task, Wanted, may_fork, prepare_worker, read_file
from ..copies import marks_of
from ..model import Story
from ..ranking import Averages
from .documents import Counts, Writer

#: Files that a worker reads at a time, and how many times so many may wait to be sent.
_FILES, _AHEAD = 32, 4


class Made(NamedTuple):
    """The document of a story, and by what its lead is compared with others."""

    id: str
    data: bytes
    marks: tuple[int, int]


class Batch(NamedTuple):
    """What reading some files gave: what became of each, and the documents to write."""

    wanted: list[Wanted]
    reads: list[Read]
    documents: list[Made]
    counts: Counts


@contextmanager
def batches(
    files: list[Wanted], task: Task, averages: Averages, workers: int
) -> Iterator[Iterator[Batch]]:
    """Read files, in their order; no worker outlives the block."""
    parts = [files[at : at + _FILES] for at in range(0, len(files), _FILES)]
    if workers <= 1 or len(parts) < 2 or not may_fork():
        _prepare(task, averages)
        yield map(_read, parts)
        return
    context = multiprocessing.get_context("fork")
    with context.Pool(min(workers, len(parts)), _start, (task, averages)) as pool:
        yield _read_ahead(pool, parts, _AHEAD * workers)


def _read_ahead(pool: Pool, parts: list[list[Wanted]], most: int) -> Iterator[Batch]:
    """What reading each part gives; so many of them, at most, are being read or wait to be sent."""
    begun: deque[AsyncResult[Batch]] = deque()
    for part in parts:
        if len(begun) == most:
            yield begun.popleft().get()
        begun.append(pool.apply_async(_read, (part,)))
    while begun:
        yield begun.popleft().get()


_task: Task
_writer: Writer


def _prepare(task: Task, averages: Averages) -> None:
    global _task, _writer
    _task, _writer = task, Writer(averages, task.settings.language)


def _start(task: Task, averages: Averages) -> None:
    prepare_worker()
    _prepare(task, averages)


def _read(part: list[Wanted]) -> Batch:
    stories: list[Story] = []
    reads = [read_file(wanted, _task, stories.append) for wanted in part]
    counts = Counts()
    documents = _writer.documents(stories, counts)
    made = [
        Made(story.id, data, marks_of(story))
        for story, data in zip(stories, documents, strict=True)
    ]
    return Batch(part, reads, made, counts)
