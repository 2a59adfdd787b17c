"""Story files → documents, in worker processes where it pays."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Semaphore
from typing import NamedTuple

from ..build.workers import Read, Task, Wanted, may_fork, prepare_worker, read_file
from ..model import Story
from ..ranking import Averages
from .documents import Document, document_of

#: Files that a worker reads at a time, and how many times so many may wait to be sent.
_FILES, _AHEAD = 32, 4


class Batch(NamedTuple):
    """What reading some files gave: what became of each, and the documents to write."""

    wanted: list[Wanted]
    reads: list[Read]
    documents: list[tuple[str, bytes]]
    counts: Counts


class Counts:
    """In how many rows words are, and how often they occur."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.occurrences: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, other: Counts | Document) -> None:
        """Add what was counted elsewhere."""
        self.rows.update(other.rows)
        self.occurrences.update(other.occurrences)

    def take(self, other: Counts | Document) -> None:
        """Take away what was counted elsewhere."""
        self.rows.subtract(other.rows)
        self.occurrences.subtract(other.occurrences)

    def items(self) -> Iterator[tuple[str, int, int]]:
        """Words, their rows and occurrences, but for those that stay as they were."""
        for key, rows in self.rows.items():
            if rows or self.occurrences[key]:
                yield key, rows, self.occurrences[key]


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
        gate = Semaphore(_AHEAD * workers)
        try:
            yield _opening(gate, pool.imap(_read, _behind(gate, parts)))
        finally:
            # Whoever waits there would wait for ever.
            gate.release(len(parts))


def _behind(gate: Semaphore, parts: list[list[Wanted]]) -> Iterator[list[Wanted]]:
    """Parts, none before there is room for what comes of it."""
    for part in parts:
        gate.acquire()
        yield part


def _opening(gate: Semaphore, found: Iterator[Batch]) -> Iterator[Batch]:
    for batch in found:
        yield batch
        gate.release()


_task: Task
_averages: Averages


def _prepare(task: Task, averages: Averages) -> None:
    global _task, _averages
    _task, _averages = task, averages


def _start(task: Task, averages: Averages) -> None:
    prepare_worker()
    _prepare(task, averages)


def _read(part: list[Wanted]) -> Batch:
    documents: list[tuple[str, bytes]] = []
    counts = Counts()

    def take(story: Story) -> None:
        document = document_of(story, _averages)
        documents.append((document.id, document.data))
        counts.add(document)

    reads = [read_file(wanted, _task, take) for wanted in part]
    return Batch(part, reads, documents, counts)
